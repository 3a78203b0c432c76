//! What a crash, a full disk and an older backup do: nothing acknowledged is lost, nothing half is seen.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::demo::*;

/// Uploads from several clients at once over both front ends while the daemon is killed; whatever a client was told to be
/// stored must be there afterwards, whole.
#[test]
fn kill_9_under_load_loses_nothing_acknowledged_and_shows_nothing_half() {
    let seed = std::env::var("DEEDBOX_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1u64);
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let sources: Vec<_> = [100usize, 5_000, 70_000, 900_000]
        .iter()
        .enumerate()
        .map(|(i, length)| {
            let file = home.path().join(format!("source-{i}"));
            std::fs::write(&file, bytes(i as u64 + 7, *length)).expect("written");
            (file, *length)
        })
        .collect();
    let acknowledged: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let folder = format!("/{MATTER_ONE}/Documents/Shared room");
    for round in 0..4u64 {
        let demo = Demo::start_in(&data);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let (demo, over, acknowledged, sources, folder) = (&demo, &over, &acknowledged, &sources, &folder);
                scope.spawn(move || {
                    for i in 0.. {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        let kind = (i + worker) % sources.len();
                        // Some names come again and are overwritten with content of another length.
                        let name =
                            format!("{folder}/w{worker}-{}", if i % 3 == 0 { 0 } else { i + 1000 * round as usize });
                        let source = sources[kind].0.to_string_lossy().into_owned();
                        let done = if worker % 2 == 0 {
                            matches!(demo.curl(CLIENT_ONE, &name, &["-f", "-T", &source]).status.code(), Some(0))
                        } else {
                            demo.sftp(CLIENT_ONE, &format!("put {source} \"{name}\"")).status.success()
                        };
                        let mut acknowledged = acknowledged.lock().expect("not poisoned");
                        if done {
                            acknowledged.insert(name, kind);
                        } else {
                            // An overwrite whose answer never came may or may not have happened.
                            acknowledged.remove(&name);
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(1500 + (seed * 7919 + round * 104_729) % 1500));
            signal(demo.pid(), "KILL");
            over.store(true, Ordering::Relaxed);
        });
        demo.kill();
    }
    let demo = Demo::start_in(&data);
    let documents = demo.deedbox_json(&["document", "list", "--matter", "2026-0001"]);
    let documents = documents.as_array().expect("a list");
    let acknowledged = acknowledged.into_inner().expect("not poisoned");
    assert!(acknowledged.len() >= 8, "only {} uploads were acknowledged", acknowledged.len());
    for (name, kind) in &acknowledged {
        let got = demo.curl(CLIENT_ONE, name, &["-f"]);
        assert!(got.status.success(), "{name} was acknowledged and is lost");
        assert!(got.stdout == bytes(*kind as u64 + 7, sources[*kind].1), "{name} has other content");
    }
    // Whatever else is there is one of the sources, whole.
    let lengths: Vec<u64> = sources.iter().map(|(_, length)| *length as u64).collect();
    for document in documents.iter().filter(|d| d["path"].as_str().is_some_and(|p| p.starts_with(&folder))) {
        assert!(lengths.contains(&document["size"].as_u64().expect("a size")), "half a document: {document}");
        assert!(std::path::Path::new(document["blob"].as_str().expect("a file")).exists(), "{document}");
    }
    // Nothing is left behind either: as many blobs as versions.
    let find = |dir: &str| {
        let files = Command::new("find").arg(data.join(dir)).args(["-type", "f"]).output().expect("find");
        stdout(&files).lines().count()
    };
    let versions: usize = ["2026-0001", "2026-0002"]
        .iter()
        .map(|matter| demo.deedbox_json(&["document", "list", "--matter", matter]).as_array().expect("a list").len())
        .sum();
    assert_eq!(find("blobs"), versions, "blobs that no version names");
    ok(demo.deedbox(&["audit", "verify"]));
    demo.stop();
}

#[test]
fn a_catalog_that_went_back_in_time_is_refused_with_the_way_to_restore() {
    let demo = Demo::start();
    let data = demo.data().to_owned();
    let _home = demo.stop();
    let old = data.with_extension("old-catalog");
    let copied = Command::new("cp").arg("-a").arg(data.join("catalog")).arg(&old).status().expect("cp");
    assert!(copied.success());
    let demo = Demo::start_in(&data);
    ok(demo.sftp(CLIENT_ONE, &format!("put /etc/hostname \"/{MATTER_ONE}/Documents/Drafts/new.txt\"")));
    demo.stop();
    std::fs::remove_dir_all(data.join("catalog")).expect("removed");
    std::fs::rename(&old, data.join("catalog")).expect("renamed");
    let Err(log) = Demo::try_start(&data, &[]) else { panic!("an old catalog was accepted") };
    assert!(log.contains("catalog") && log.contains("restore"), "{log}");
}

#[test]
fn the_same_firm_runs_on_sled_after_a_conversion_and_back() {
    let demo = Demo::start();
    let path = format!("/{MATTER_ONE}/Documents/Drafts/kept.txt");
    ok(demo.sftp(CLIENT_ONE, &format!("put /etc/passwd \"{path}\"")));
    let data = demo.data().to_owned();
    let _home = demo.stop();
    for engine in ["sled", "redb"] {
        ok(deedbox(&["catalog", "convert", "--to", engine, "--data", &data.to_string_lossy()]));
        let demo = Demo::start_in(&data);
        assert!(ok(demo.deedbox(&["status"])).contains(engine));
        let got = demo.curl(CLIENT_ONE, &path, &["-f"]);
        assert!(got.stdout == std::fs::read("/etc/passwd").expect("readable"));
        assert_eq!(demo.status(CLIENT_ONE, &path, &["-T", "/etc/passwd"]), 204);
        demo.stop();
    }
}

fn ready(demo: &Demo) -> (String, String) {
    let url = format!("http://{}/readyz", demo.text("observe"));
    let output = Command::new("curl").args(["-sS", "-w", "\n%{http_code}", &url]).output().expect("curl");
    let text = stdout(&output);
    let (body, code) = text.rsplit_once('\n').unwrap_or_default();
    (code.to_owned(), body.to_owned())
}

#[test]
fn a_full_disk_refuses_uploads_and_leaves_the_rest_readable() {
    let demo = Demo::start_mounted("", "96m");
    let folder = format!("/{MATTER_ONE}/Documents/Shared room");
    let keep = bytes(3, 2_000_000);
    let home = tempfile::tempdir().expect("a directory");
    let (kept, big) = (home.path().join("kept"), home.path().join("big"));
    std::fs::write(&kept, &keep).expect("written");
    std::fs::write(&big, bytes(4, 120_000_000)).expect("written");
    let put = |source: &std::path::Path, name: &str| {
        demo.status(CLIENT_ONE, &format!("{folder}/{name}"), &["-T", &source.to_string_lossy()])
    };
    assert_eq!(put(&kept, "kept"), 201);
    assert_eq!(put(&big, "big"), 507);
    assert_eq!(put(&big, "kept"), 507, "an overwrite that does not fit");
    let sftp = demo.sftp(CLIENT_ONE, &format!("put {} \"{folder}/big\"", big.display()));
    assert!(!sftp.status.success(), "{}", both(&sftp));
    assert!(demo.curl(CLIENT_ONE, &format!("{folder}/kept"), &["-f"]).stdout == keep, "the old version stays whole");
    assert_eq!(demo.status(CLIENT_ONE, &format!("{folder}/big"), &[]), 404, "nothing half is seen");
    // What did not fit took its room with it when it went, so the next one fits without a restart.
    let until = Instant::now() + Duration::from_secs(20);
    while put(&kept, "later") != 201 {
        assert!(Instant::now() < until, "the daemon does not recover");
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn when_the_record_cannot_be_written_documents_stop_and_readyz_says_why() {
    let demo = Demo::start_mounted("audit", "24m");
    let document = format!("/{MATTER_ONE}/Documents/From us/Draft contract.pdf");
    assert_eq!(demo.status(CLIENT_ONE, &document, &[]), 200);
    assert_eq!(ready(&demo).0, "200");
    let filler = demo.data().join("audit/filler");
    let target = format!("of={}", filler.display());
    let filled = Command::new("dd").args(["if=/dev/zero", "bs=64k", &target]).output().expect("dd");
    assert!(!filled.status.success(), "the audit filesystem is not full");
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        // What is buffered may still fit; the record stops when its next block does not.
        let status = demo.status(CLIENT_ONE, &document, &[]);
        if status == 503 {
            break;
        }
        assert_eq!(status, 200);
        assert!(Instant::now() < until, "documents are still served");
    }
    let get = demo.sftp(CLIENT_ONE, &format!("get \"{document}\" /dev/null"));
    assert!(!get.status.success());
    let (code, why) = ready(&demo);
    assert_eq!(code, "503");
    assert!(why.contains("audit"), "{why}");
    std::fs::remove_file(&filler).expect("room again");
    let until = Instant::now() + Duration::from_secs(30);
    while demo.status(CLIENT_ONE, &document, &[]) != 200 {
        assert!(Instant::now() < until, "the daemon does not recover");
        std::thread::sleep(Duration::from_millis(300));
    }
}
