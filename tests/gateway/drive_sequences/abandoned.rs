//! Saves that are never finished, and temporary files that nobody comes back for.

use std::path::Path;
use std::time::{Duration, Instant};

use super::wire::Client;
use crate::deep_check::is_sound;
use crate::demo::*;

/// How long a save may wait here, in seconds.
const WAIT: u64 = 3;

fn folder() -> String {
    format!("{MATTER_ONE}/Documents/Drafts")
}

/// A firm in which a save waits for a moment, and where it lives.
fn firm() -> (Demo, tempfile::TempDir) {
    let home = tempfile::Builder::new().prefix("deedbox-test-").tempdir().expect("a directory");
    let data = home.path().join("data");
    let demo = Demo::start_in(&data);
    demo.configure(|text| text.replace("#: save_seconds = 120", &format!("save_seconds = {WAIT}")));
    demo.stop();
    (Demo::start_in(&data), home)
}

fn people(demo: &Demo) -> [Client; 2] {
    [STAFF, CLIENT_ONE].map(|login| Client::at(demo, login, &folder(), &[]))
}

/// The saver sees the document again within this.
fn is_back(saver: &mut Client, document: &str, content: &str) {
    let until = Instant::now() + Duration::from_secs(WAIT + 10);
    while saver.send("GET", document, &[], "").status != 200 {
        assert!(Instant::now() < until, "{document} is not back");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(saver.content(document), content);
}

#[test]
fn a_save_that_is_abandoned_rolls_back_also_when_the_daemon_is_killed_in_the_middle() {
    let (demo, home) = firm();
    let data = home.path().join("data");
    let [mut staff, mut saver] = people(&demo);
    for document in ["moved.xlsx", "removed.pdf", "saved.docx", "abandoned.docx"] {
        staff.put(201, document, &[], "as it was");
    }
    // Without a crash.
    saver.put(201, "~WRD0001.tmp", &[], "never comes");
    saver.place("MOVE", "abandoned.docx", "~WRL0001.tmp", &[]);
    saver.find(404, "abandoned.docx");
    assert_eq!(staff.content("abandoned.docx"), "as it was");
    is_back(&mut saver, "abandoned.docx", "as it was");
    saver.find(404, "~WRL0001.tmp");
    assert_eq!(saver.content("~WRD0001.tmp"), "never comes");
    let shown = || ok(demo.deedbox(&["audit", "show"]));
    let until = Instant::now() + Duration::from_secs(20);
    while !shown().lines().any(|line| line.contains("set-aside") && line.contains("expiry") && line.contains("done")) {
        assert!(Instant::now() < until, "the end of the save is not recorded:\n{}", shown());
        std::thread::sleep(Duration::from_millis(200));
    }

    // Moved away, removed, and replaced: then the process dies.
    saver.put(201, "34429E5E.tmp", &[], "new numbers");
    saver.place("MOVE", "moved.xlsx", "A9A97EC7.tmp", &[]);
    saver.put(201, "removed.pdf.filepart", &[], "new pages");
    saver.expect(204, "DELETE", "removed.pdf", &[], "");
    saver.put(201, "~WRD0002.tmp", &[], "saved");
    saver.place("MOVE", "saved.docx", "~WRL0002.tmp", &[]);
    saver.place("MOVE", "~WRD0002.tmp", "saved.docx", &[]);
    demo.kill();
    is_sound(&data);
    let demo = Demo::start_in(&data);
    let [mut staff, mut saver] = people(&demo);
    for (document, content) in [("moved.xlsx", "as it was"), ("removed.pdf", "as it was"), ("saved.docx", "saved")] {
        assert_eq!(staff.content(document), content, "nobody else ever misses it");
    }
    for document in ["moved.xlsx", "removed.pdf"] {
        is_back(&mut saver, document, "as it was");
    }
    assert_eq!(saver.content("saved.docx"), "saved");
    assert_eq!(saver.content("34429E5E.tmp"), "new numbers", "what was brought is not lost");
    assert_eq!(saver.content("removed.pdf.filepart"), "new pages");
    // The save that goes on after all is a save.
    saver.place("MOVE", "34429E5E.tmp", "moved.xlsx", &[]);
    assert_eq!(staff.content("moved.xlsx"), "new numbers");
    let versions = demo.deedbox_json(&["document", "list", "--matter", "2026-0001"]);
    let of = |name: &str| {
        let all = versions.as_array().expect("a list").iter();
        all.filter(|one| one["path"].as_str().is_some_and(|path| path.ends_with(name))).count()
    };
    assert_eq!((of("/moved.xlsx"), of("/removed.pdf"), of("/saved.docx"), of("/abandoned.docx")), (2, 1, 2, 1));
    demo.stop();
    is_sound(&data);
}

#[test]
fn a_save_goes_on_after_a_restart() {
    let home = tempfile::Builder::new().prefix("deedbox-test-").tempdir().expect("a directory");
    let data = home.path().join("data");
    let demo = Demo::start_in(&data);
    let [mut staff, mut saver] = people(&demo);
    staff.put(201, "will.docx", &[], "as it was");
    saver.put(201, "~WRD0001.tmp", &[], "saved");
    saver.put(201, "~$will.docx", &[], "somebody");
    saver.place("MOVE", "will.docx", "~WRL0001.tmp", &["Overwrite: F"]);
    demo.kill();
    let demo = Demo::start_in(&data);
    let [mut staff, mut saver] = people(&demo);
    saver.find(404, "will.docx");
    saver.place("MOVE", "~WRD0001.tmp", "will.docx", &["Overwrite: F"]);
    assert_eq!(staff.content("will.docx"), "saved");
    assert_eq!(saver.content("~WRL0001.tmp"), "as it was");
    saver.put(201, "34429E5E.tmp", &[], "left behind");
    demo.stop();
    is_sound(&data);

    // Eight days later nobody has come back for the temporary files.
    let demo = later(&data, "+8d");
    let [mut staff, mut saver] = people(&demo);
    let until = Instant::now() + Duration::from_secs(30);
    for name in ["34429E5E.tmp", "~$will.docx", "~WRL0001.tmp"] {
        while saver.send("PROPFIND", name, &["Depth: 0"], "").status != 404 {
            assert!(Instant::now() < until, "{name} is still there");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    assert_eq!(staff.content("will.docx"), "saved");
    let versions = demo.deedbox_json(&["document", "list", "--matter", "2026-0001"]);
    let text = versions.to_string();
    assert!(!text.contains(".tmp") && !text.contains("~$"), "{text}");
    demo.stop();
}

/// The daemon by a clock that goes ahead.
fn later(data: &Path, ahead: &str) -> Demo {
    let find = ["-c", "ls /usr/lib/*/faketime/libfaketimeMT.so.1"];
    let library = ok(std::process::Command::new("sh").args(find).output().expect("sh"));
    let library = format!("LD_PRELOAD={}", library.trim());
    let faked = [library, format!("FAKETIME={ahead}"), "DONT_FAKE_MONOTONIC=1".to_owned()];
    let faked: Vec<&str> = faked.iter().map(String::as_str).collect();
    Demo::start_by("env", &faked, Path::new(env!("CARGO_BIN_EXE_deedbox")), data)
        .unwrap_or_else(|log| panic!("no start:\n{log}"))
}
