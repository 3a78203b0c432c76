//! `deedbox check --deep`: quiet about everything that clients do, and loud about everything that nobody did.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use deedbox::keys::Keyring;
use deedbox::kv::{self, Batch, EngineKind, SealKeys, SealedStore, Write};
use deedbox::vault::Entry;

use crate::demo::*;

/// What a deep check says of a stopped or served directory.
pub(crate) fn deep_check(data: &Path) -> (Option<i32>, serde_json::Value) {
    let output = deedbox(&["check", "--deep", "--json", "--data", &data.to_string_lossy()]);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {}", both(&output)));
    (output.status.code(), report)
}

/// Asserts that nothing was found.
pub(crate) fn is_sound(data: &Path) -> serde_json::Value {
    let (code, report) = deep_check(data);
    assert_eq!(code, Some(0), "{report:#}");
    report
}

/// A firm with one document of each history that a client can make.
pub(crate) fn lived_in() -> (tempfile::TempDir, PathBuf) {
    let demo = Demo::start();
    let room = format!("/{MATTER_ONE}/Documents/Shared room");
    let source = demo.data().join("source");
    std::fs::write(&source, bytes(1, 300_000)).expect("written");
    let batch = format!(
        "cd \"{room}\"\nput /etc/hostname a.txt\nput /etc/passwd a.txt\nmkdir sub\nput {0} sub/b.bin\nput /etc/hostname c.txt\n\
         rename c.txt d.txt\nput {0} e.bin\nrm e.bin\nmkdir sub/deeper\nput /etc/hostname sub/deeper/f.txt\nrename sub/deeper deeper\n",
        source.display()
    );
    ok(demo.sftp(CLIENT_ONE, &batch));
    // Over a document, whose history then goes on with the other's; and the result goes away again.
    for name in ["kept", "gone"] {
        for file in ["/etc/hostname", "/etc/passwd"] {
            assert!(demo.status(CLIENT_ONE, &format!("{room}/{name}.txt"), &["-T", file]) < 300);
        }
        assert_eq!(demo.status(CLIENT_ONE, &format!("{room}/over.txt"), &["-T", "/etc/hostname"]), 201);
        let to = format!("Destination: {}", demo.url(&format!("{room}/{name}.txt")));
        assert_eq!(demo.status(CLIENT_ONE, &format!("{room}/over.txt"), &["-X", "MOVE", "-H", &to]), 204);
    }
    assert_eq!(demo.status(CLIENT_ONE, &format!("{room}/gone.txt"), &["-X", "DELETE"]), 204);
    let to = format!("Destination: {}", demo.url(&format!("{room}/copy of sub")));
    assert_eq!(demo.status(CLIENT_ONE, &format!("{room}/sub"), &["-X", "COPY", "-H", &to]), 201);
    let patch =
        "<propertyupdate xmlns='DAV:'><set><prop><colour xmlns='urn:x'>red</colour></prop></set></propertyupdate>";
    assert_eq!(demo.status(CLIENT_ONE, &format!("{room}/a.txt"), &["-X", "PROPPATCH", "-d", patch]), 207);
    let lock = "<lockinfo xmlns='DAV:'><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>";
    assert_eq!(demo.status(CLIENT_ONE, &format!("{room}/d.txt"), &["-X", "LOCK", "-d", lock]), 200);
    let data = demo.data().to_owned();
    (demo.stop().expect("its home"), data)
}

#[test]
fn a_machine_whose_openssl_lacks_the_cipher_of_documents_is_told_so() {
    let demo = Demo::start();
    let data = demo.data().to_owned();
    let home = demo.stop().expect("its home");
    let configuration = home.path().join("openssl.cnf");
    let text = "openssl_conf = o\n[o]\nproviders = p\n[p]\nbase = b\n[b]\nactivate = 1\n";
    std::fs::write(&configuration, text).expect("written");
    let mut check = client(env!("CARGO_BIN_EXE_deedbox"));
    check.env("OPENSSL_CONF", &configuration).args(["check", "--deep", "--data"]).arg(&data);
    let output = check.output().expect("it runs");
    assert!(!output.status.success());
    assert!(both(&output).contains("OpenSSL is configured without ChaCha20-Poly1305"), "{}", both(&output));
}

#[test]
fn everything_that_clients_do_fits_beside_the_daemon_and_after_it() {
    let (_home, data) = lived_in();
    let stopped = is_sound(&data);
    assert!(stopped["leftovers"].as_array().expect("a list").is_empty(), "{stopped:#}");
    assert!(stopped["skipped"].as_array().expect("a list").is_empty(), "{stopped:#}");
    let demo = Demo::start_in(&data);
    let beside = is_sound(&data);
    for count in ["documents", "versions", "bytes", "folders"] {
        assert_eq!(stopped["checked"][count], beside["checked"][count], "{count}");
    }
    assert!(!beside["skipped"].as_array().expect("a list").is_empty(), "what a daemon cannot look at is told");
    let text = demo.deedbox(&["check", "--deep"]);
    assert!(ok(text).ends_with("everything fits.\n"));
    demo.stop();
}

#[test]
fn what_a_crash_leaves_is_told_and_no_finding_and_gone_after_the_start() {
    let (_home, data) = lived_in();
    let demo = Demo::start_in(&data);
    let big = data.join("big");
    std::fs::write(&big, bytes(2, 20_000_000)).expect("written");
    let path = format!("/{MATTER_ONE}/Documents/Shared room/cut off.bin");
    std::thread::scope(|scope| {
        scope.spawn(|| demo.sftp(CLIENT_ONE, &format!("put {} \"{path}\"", big.display())));
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        let half_made = || std::fs::read_dir(data.join("blobs/tmp")).expect("a directory").count();
        while half_made() == 0 && std::time::Instant::now() < until {}
        signal(demo.pid(), "KILL");
    });
    demo.kill();
    let left = is_sound(&data);
    assert!(left["leftovers"].to_string().contains("files of uploads"), "{left:#}");
    let demo = Demo::start_in(&data);
    let status = demo.deedbox_json(&["status"]);
    assert_eq!(status["recovery"]["ended_cleanly"], false);
    assert!(status["recovery"]["unfinished_files"].as_u64() > Some(0), "{status:#}");
    assert!(ok(demo.deedbox(&["status"])).contains("did not end cleanly: "));
    assert!(ok(demo.deedbox(&["audit", "show"])).contains("half-made files"));
    demo.stop();
    let clean = is_sound(&data);
    assert!(clean["leftovers"].as_array().expect("a list").is_empty(), "{clean:#}");
}

pub(crate) fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    ok(std::process::Command::new("cp").arg("-a").arg(from).arg(to).output().expect("cp"));
}

fn blobs(data: &Path) -> Vec<PathBuf> {
    let found = std::process::Command::new("find").arg(data.join("blobs")).args(["-name", "*.age"]).output();
    let mut files: Vec<_> = stdout(&found.expect("find")).lines().map(PathBuf::from).collect();
    files.sort();
    files
}

/// Asserts that a check finds this, says so in words, and says what to do.
fn is_found(data: &Path, what: &[&str]) {
    let (code, report) = deep_check(data);
    assert_eq!(code, Some(1), "{what:?}: {report:#}");
    let findings = report["findings"].as_array().expect("a list");
    let found = findings.iter().any(|finding| what.iter().all(|part| finding.to_string().contains(part)));
    assert!(found, "{what:?} is not in {report:#}");
    assert!(findings.iter().all(|finding| finding["advice"].as_str().is_some_and(|advice| !advice.is_empty())));
}

#[test]
fn each_file_that_somebody_changed_is_named_with_its_document() {
    let (_home, data) = lived_in();
    let saved = data.with_extension("saved");
    copy(&data, &saved);
    let files = blobs(&data);
    let (one, two) = (&files[0], &files[1]);
    let again = || copy(&saved, &data);

    let mut flipped = std::fs::read(one).expect("a blob");
    let last = flipped.len() - 20;
    flipped[last] ^= 1;
    std::fs::write(one, flipped).expect("written");
    is_found(&data, &["changed or cut off", "/2026-000", &one.to_string_lossy()]);
    again();
    std::fs::remove_file(one).expect("removed");
    is_found(&data, &["is missing", "\"version\"", "\"node\""]);
    again();
    let bytes = (std::fs::read(one).expect("a blob"), std::fs::read(two).expect("a blob"));
    std::fs::write(one, bytes.1).expect("written");
    std::fs::write(two, bytes.0).expect("written");
    is_found(&data, &[&two.to_string_lossy()]);
    again();
    let planted = one.with_file_name(format!("{}.age", "0".repeat(30)));
    std::fs::copy(one, &planted).expect("planted");
    is_found(&data, &["no version names blob", &planted.to_string_lossy()]);
    again();
    std::fs::write(data.join("blobs/notes.txt"), "hello").expect("planted");
    is_found(&data, &["a file lies where only documents should", "notes.txt"]);
    again();
    std::fs::remove_dir_all(data.join("blobs")).expect("removed");
    is_found(&data, &["is missing"]);
    assert!(!data.join("blobs").exists(), "the check makes nothing");
    again();
    std::fs::remove_dir_all(data.join("catalog")).expect("removed");
    is_found(&data, &["the catalog is missing"]);
    assert!(!data.join("catalog").exists(), "the check makes nothing");
    again();
    let matter = std::fs::read_dir(data.join("keys/matters")).expect("keys").next().expect("a key").expect("an entry");
    std::fs::remove_file(matter.path()).expect("removed");
    is_found(&data, &["the key of matter 2026-000"]);
    again();
    is_sound(&data);
}

/// The catalog with the firm's own keys, as somebody has it who took both.
fn catalog(data: &Path) -> SealedStore {
    let keys = Keyring::open(&data.join("keys")).expect("the keys");
    let (seal, names) = keys.catalog_keys();
    let engine = kv::open(EngineKind::Redb, &data.join("catalog"), kv::Settings::default()).expect("the catalog");
    SealedStore::new(engine, &SealKeys::new(*seal, *names)).expect("the keys fit")
}

/// The keys of the entry of this name, and of its versions.
fn records_of(store: &SealedStore, name: &str) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut found = None;
    let note = |key: &[u8], entry: Entry| {
        if entry.name.as_str() == name {
            found = Some((key.to_vec(), entry.node));
        }
        ControlFlow::Continue(())
    };
    store.scan(b"n", None, note).expect("a scan");
    let (key, node) = found.unwrap_or_else(|| panic!("no entry {name}"));
    let mut versions = Vec::new();
    let prefix = [b"v", &node.as_bytes()[..]].concat();
    let note = &mut |key: &[u8], _: &[u8]| {
        versions.push(key.to_vec());
        ControlFlow::Continue(())
    };
    store.engine().scan(&prefix, None, note).expect("a scan");
    (key, versions)
}

fn write(store: &SealedStore, writes: Vec<Write>) {
    store.engine().commit(Batch { preconditions: Vec::new(), writes }).expect("a commit");
}

#[test]
fn a_record_of_the_catalog_that_was_removed_moved_or_set_back_is_found() {
    let (_home, data) = lived_in();
    let saved = data.with_extension("saved");
    copy(&data, &saved);
    let change = |work: &dyn Fn(&SealedStore)| {
        copy(&saved, &data);
        work(&catalog(&data));
    };
    // A whole document, without a trace in the catalog: the audit record knows of it.
    change(&|store| {
        let (entry, versions) = records_of(store, "a.txt");
        write(store, versions.into_iter().chain([entry]).map(Write::Delete).collect());
    });
    is_found(&data, &["recorded as stored", "a.txt", "\"record\""]);
    // Its entry alone, its last version alone, and the entry under another name's key.
    change(&|store| write(store, vec![Write::Delete(records_of(store, "d.txt").0)]));
    is_found(&data, &["1 versions of a document, but no entry"]);
    change(&|store| write(store, vec![Write::Delete(records_of(store, "a.txt").1[1].clone())]));
    is_found(&data, &["no record of this version", "\"version\":2", "a.txt"]);
    change(&|store| {
        let (from, to) = (records_of(store, "a.txt").0, records_of(store, "d.txt").0);
        let value = store.engine().get(&from).expect("a read").expect("a record");
        write(store, vec![Write::Put(to, value)]);
    });
    is_found(&data, &["an entry of this folder cannot be read", "Shared room"]);
    // The folder below which others stand.
    change(&|store| write(store, vec![Write::Delete(records_of(store, "deeper").0)]));
    is_found(&data, &["below no matter"]);
    // One document as it was before its last overwrite, by somebody who kept a copy of the records.
    copy(&saved, &data);
    let old = {
        let store = catalog(&data);
        let (entry, _) = records_of(&store, "a.txt");
        let value = store.engine().get(&entry).expect("a read").expect("a record");
        (entry, value)
    };
    let demo = Demo::start_in(&data);
    let path = format!("/{MATTER_ONE}/Documents/Shared room/a.txt");
    assert_eq!(demo.status(CLIENT_ONE, &path, &["-T", "/etc/hostname"]), 204);
    demo.stop();
    {
        let store = catalog(&data);
        let last = records_of(&store, "a.txt").1.last().expect("versions").clone();
        write(&store, vec![Write::Put(old.0, old.1), Write::Delete(last)]);
    }
    is_found(&data, &["recorded as stored", "a.txt", "\"version\":3"]);
    // A version that no record confirms: the record as it was before it was stored.
    copy(&saved, &data);
    let demo = Demo::start_in(&data);
    assert_eq!(demo.status(CLIENT_ONE, &format!("{path} too"), &["-T", "/etc/hostname"]), 201);
    demo.stop();
    copy(&saved.join("audit"), &data.join("audit"));
    is_found(&data, &["no audit record confirms it", "a.txt too"]);
}
