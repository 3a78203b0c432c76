//! The audit record: everything is in it, it can be proven outside, and nobody rewrites it unnoticed.

use std::path::Path;
use std::process::Command;

use crate::demo::*;

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp").success());
}

#[test]
fn every_access_and_every_refusal_is_recorded_on_both_front_ends() {
    let demo = Demo::start();
    let documents = format!("/{MATTER_ONE}/Documents");
    let batch = format!(
        "get \"{documents}/From us/Draft contract.pdf\" /dev/null\n-put /etc/hostname \"{documents}/From us/refused.txt\"\nput /etc/hostname \"{documents}/From you/sent.txt\"\n-get \"{documents}/Internal/x\" /dev/null"
    );
    demo.sftp(CLIENT_ONE, &batch);
    assert_eq!(demo.status(EXPERT, &format!("{documents}/From us/Report on title.pdf"), &[]), 200);
    assert_eq!(demo.status(EXPERT, &format!("{documents}/From us/no.txt"), &["-T", "/etc/hostname"]), 403);
    let wrong = client("curl")
        .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", demo.text("ca_file"), "-u"])
        .args([&format!("{CLIENT_ONE}:wrong"), demo.text("webdav_url")])
        .output()
        .expect("curl");
    assert_eq!(stdout(&wrong), "401");
    let data = demo.data().to_owned();
    let _home = demo.stop();
    let shown = ok(deedbox(&["audit", "show", "--json", "--data", &data.to_string_lossy()]));
    let records: Vec<serde_json::Value> = match serde_json::from_str(&shown) {
        Ok(serde_json::Value::Array(records)) => records,
        _ => shown.lines().map(|line| serde_json::from_str(line).expect("a record a line")).collect(),
    };
    let has = |what: &[(&str, &str)]| {
        records.iter().any(|record| {
            what.iter().all(|(field, value)| record[*field].as_str().is_some_and(|text| text.contains(value)))
        })
    };
    for expected in [
        &[("action", "login"), ("login", CLIENT_ONE), ("front", "sftp"), ("outcome", "done")][..],
        &[("action", "login"), ("login", CLIENT_ONE), ("front", "webdav"), ("outcome", "refused")],
        &[("action", "read"), ("path", "Draft contract.pdf"), ("outcome", "begun")],
        &[("action", "read"), ("path", "Draft contract.pdf"), ("outcome", "done")],
        &[("action", "create"), ("path", "From us/refused.txt"), ("outcome", "refused"), ("front", "sftp")],
        &[("action", "create"), ("path", "From you/sent.txt"), ("outcome", "done")],
        &[("action", "read"), ("path", "Report on title.pdf"), ("front", "webdav"), ("outcome", "done")],
        &[("action", "create"), ("path", "From us/no.txt"), ("outcome", "refused"), ("front", "webdav")],
    ] {
        assert!(has(expected), "{expected:?} is not in\n{shown}");
    }
    let read = records.iter().find(|r| r["action"] == "read" && r["outcome"] == "done").expect("a read");
    assert!(read["bytes"].as_u64().is_some_and(|bytes| bytes > 0) && read["sha256"].is_string(), "{read}");
}

#[test]
fn a_small_document_that_is_fetched_whole_has_one_record_and_what_is_read_in_parts_has_two() {
    let demo = Demo::start();
    let small = format!("/{MATTER_ONE}/Documents/From us/Draft contract.pdf");
    let large = format!("/{MATTER_ONE}/Documents/From you/large.bin");
    let source = demo.data().with_extension("source");
    let size = |path: &Path| std::fs::metadata(path).expect("a file").len();
    for (file, bytes) in [("limit.bin", 65_536), ("large.bin", 65_537)] {
        std::fs::write(&source, vec![7; bytes]).expect("written");
        ok(demo.sftp(CLIENT_ONE, &format!("put {} \"/{MATTER_ONE}/Documents/From you/{file}\"", source.display())));
    }
    let got = demo.data().with_extension("got");
    let fetch = |path: &str, how: &[&str]| {
        let to = ["-o", &*got.to_string_lossy(), "-w", "%{http_code}"];
        let answered = demo.curl(CLIENT_ONE, path, &[&to[..], how].concat());
        (stdout(&answered), size(&got))
    };
    let limit = large.replace("large", "limit");
    let mut expected = Vec::new();
    for (path, records) in [(&small, 1), (&limit, 1), (&large, 2)] {
        let (status, bytes) = fetch(path, &[]);
        assert_eq!(status, "200");
        expected.push((path, records, bytes));
    }
    assert_eq!(fetch(&small, &["-r", "0-9"]), ("206".to_owned(), 10));
    expected.push((&small, 2, 10));
    let (status, bytes) = fetch(&small, &["-H", "If-None-Match: \"other\""]);
    assert_eq!(status, "200");
    expected.push((&small, 2, bytes));

    let data = demo.data().to_owned();
    let _home = demo.stop();
    let shown = ok(deedbox(&["audit", "show", "--json", "--data", &data.to_string_lossy()]));
    let records = shown.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a record a line"));
    let mut reads = records.filter(|record| record["action"] == "read");
    for (path, count, bytes) in expected {
        let of_one: Vec<_> = reads.by_ref().take(count).collect();
        let (outcome, intents) = of_one.split_last().expect("a record");
        let named = |record: &serde_json::Value| path.ends_with(record["path"].as_str().expect("a path"));
        assert!(of_one.iter().all(named) && intents.iter().all(|intent| intent["outcome"] == "begun"), "{of_one:?}");
        assert!(outcome["outcome"] == "done" && outcome["bytes"] == bytes, "{path}: {outcome}");
        assert!(outcome["refers"] == intents.first().map_or(serde_json::Value::Null, |intent| intent["seq"].clone()));
        assert!(outcome["sha256"].is_string() && outcome["ranges"] == serde_json::json!([[0, bytes]]), "{outcome}");
    }
    assert_eq!(reads.next(), None);
}

#[test]
fn a_copy_of_the_record_verifies_offline_and_one_record_can_be_proven() {
    let demo = Demo::start();
    ok(demo.sftp(CLIENT_ONE, &format!("get \"/{MATTER_ONE}/Documents/From us/Draft contract.pdf\" /dev/null")));
    let data = demo.data().to_owned();
    let _home = demo.stop();
    let outside = tempfile::tempdir().expect("a directory");
    let dir = outside.path().join("audit");
    copy(&data.join("audit"), &dir);
    let key = dir.join("public.key");
    let (dir_text, key_text) = (dir.to_string_lossy(), key.to_string_lossy());
    ok(deedbox(&["audit", "verify", "--dir", &dir_text, "--key", &key_text]));
    let proof = outside.path().join("proof.txt");
    let proof_text = proof.to_string_lossy();
    ok(deedbox(&["audit", "prove", "5", "-o", &proof_text, "--dir", &dir_text]));
    ok(deedbox(&["audit", "check-proof", &proof_text, "--key", &key_text]));
    // Another firm's key does not confirm it, and neither does a changed proof.
    let other = Demo::start();
    let foreign = other.data().join("audit/public.key");
    let refused = deedbox(&["audit", "check-proof", &proof_text, "--key", &foreign.to_string_lossy()]);
    assert_eq!(refused.status.code(), Some(1), "{}", both(&refused));
    other.stop();
    let text = std::fs::read_to_string(&proof).expect("a proof");
    let at = text.len() / 2;
    let changed: String =
        text.char_indices().map(|(i, c)| if i == at { if c == 'A' { 'B' } else { 'A' } } else { c }).collect();
    std::fs::write(&proof, changed).expect("written");
    let refused = deedbox(&["audit", "check-proof", &proof_text, "--key", &key_text]);
    assert!(!refused.status.success(), "{}", both(&refused));
}

#[test]
fn a_changed_record_is_found_and_named() {
    let demo = Demo::start();
    let batch: String =
        (0..20).map(|i| format!("put /etc/hostname \"/{MATTER_ONE}/Documents/Drafts/{i}.txt\"\n")).collect();
    ok(demo.sftp(CLIENT_ONE, &batch));
    let data = demo.data().to_owned();
    let _home = demo.stop();
    let files =
        Command::new("find").arg(data.join("audit")).args(["-type", "f", "-size", "+0"]).output().expect("find");
    let mut checked = 0;
    for file in stdout(&files).lines() {
        if file.ends_with("public.key") || file.ends_with("lock") {
            continue;
        }
        let good = std::fs::read(file).expect("a file");
        for at in [0, good.len() / 3, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            std::fs::write(file, &bad).expect("written");
            let verified = deedbox(&["audit", "verify", "--data", &data.to_string_lossy()]);
            assert_eq!(verified.status.code(), Some(1), "byte {at} of {file}: {}", both(&verified));
            checked += 1;
        }
        std::fs::write(file, &good[..good.len() - 1]).expect("written");
        let cut = deedbox(&["audit", "verify", "--data", &data.to_string_lossy()]);
        assert!(!cut.status.success(), "{file} cut: {}", both(&cut));
        std::fs::write(file, &good).expect("written");
    }
    assert!(checked >= 8, "only {checked} changes were tried");
    ok(deedbox(&["audit", "verify", "--data", &data.to_string_lossy()]));
}

#[test]
fn the_operator_s_own_acts_are_in_the_record() {
    let demo = Demo::start();
    ok(demo.deedbox(&["key", "export", "--matter", "2026-0001"]));
    ok(demo.deedbox(&["access", "disable", "--matter", "2026-0001", "--contact", CLIENT_TWO]));
    let record = ok(demo.deedbox(&["audit", "show"]));
    for part in ["key export", "access disable"] {
        assert!(record.lines().any(|line| line.contains(part) && line.contains("console")), "{part}:\n{record}");
    }
    demo.stop();
}
