//! What a full disk and an older backup do: nothing acknowledged is lost, nothing half is seen.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::demo::*;

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
    let output = client("curl").args(["-sS", "-w", "\n%{http_code}", &url]).output().expect("curl");
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
    // What is read is recorded first, and the record may have to wait for room; what is served is the old version, whole.
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let got = demo.curl(CLIENT_ONE, &format!("{folder}/kept"), &["-w", "%{stderr}%{http_code}"]);
        match String::from_utf8_lossy(&got.stderr).trim() {
            "200" => break assert!(got.stdout == keep, "the old version stays whole"),
            code => assert!(code == "503" && Instant::now() < until, "{code}: {}", both(&got)),
        }
        std::thread::sleep(Duration::from_millis(200));
    }
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
