//! Sessions as the operator sees and ends them.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::demo::*;
use crate::logins::Open;

fn open_sessions(demo: &Demo, login: &str) -> Vec<Value> {
    let all = demo.deedbox_json(&["session", "list"]);
    all.as_array().expect("a list").iter().filter(|one| one["login"] == login).cloned().collect()
}

#[test]
fn sessions_are_listed_and_ended_within_a_second_over_both_doors() {
    let demo = Demo::start();
    let mut drive = Open::new(&demo, CLIENT_ONE);
    let mut other = Open::new(&demo, CLIENT_TWO);
    drive.reads_the_root(MATTER_ONE);
    other.reads_the_root(MATTER_ONE);
    // An upload over WebDAV that goes on for half a minute.
    let source = demo.data().with_file_name("large");
    std::fs::write(&source, bytes(5, 30 << 20)).expect("written");
    let target = format!("{MATTER_ONE}/Documents/Shared room/large.bin");
    let sending = client("curl")
        .args(["-sS", "--cacert", demo.text("ca_file"), "-u", &format!("{CLIENT_ONE}:{}", demo.password(CLIENT_ONE))])
        .args(["--limit-rate", "1M", "-o", "/dev/null", "-w", "%{http_code}", "-T", &source.to_string_lossy()])
        .arg(demo.url(&target))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("curl is installed");
    let until = Instant::now() + Duration::from_secs(10);
    let open = loop {
        let open = open_sessions(&demo, CLIENT_ONE);
        if open.len() == 2 {
            break open;
        }
        assert!(Instant::now() < until, "{open:?}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let [sftp, webdav] =
        ["sftp", "webdav"].map(|door| open.iter().find(|one| one["front"] == door).expect("there").clone());
    assert_eq!((&sftp["auth"], &webdav["auth"]), (&"publickey".into(), &"password".into()));
    assert!(open.iter().all(|one| one["address"] == "127.0.0.1" && one["role"] == "participant"), "{open:?}");
    assert!(sftp["since"].as_str() <= webdav["since"].as_str(), "{open:?}");
    let record = ok(demo.deedbox(&["audit", "show", "--json"]));
    assert!(record.contains(sftp["id"].as_str().expect("an id")), "the record names it so");

    ok(demo.deedbox(&["session", "end", "--login", "Client.One@example.com"]));
    let began = Instant::now();
    drive.until_gone(MATTER_ONE);
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
    let sent = sending.wait_with_output().expect("curl ends");
    assert!(began.elapsed() < Duration::from_secs(10), "the upload went on");
    assert_ne!(stdout(&sent), "201");
    assert_eq!(open_sessions(&demo, CLIENT_ONE), [] as [Value; 0]);
    assert_eq!(demo.status(STAFF, &target, &[]), 404);
    assert_eq!(demo.deedbox(&["session", "end", "--login", CLIENT_ONE]).status.code(), Some(1), "none is left");
    let record = ok(demo.deedbox(&["audit", "show"]));
    let told = record.lines().find(|line| line.contains("session end") && line.contains("ended: ")).expect("recorded");
    assert!([&sftp, &webdav].iter().all(|one| told.contains(one["id"].as_str().expect("an id"))), "{told}");

    // Nobody else's ended, one is ended by its id, and a login opens another.
    other.reads_the_root(MATTER_ONE);
    let id = open_sessions(&demo, CLIENT_TWO)[0]["id"].as_str().expect("an id").to_owned();
    ok(demo.deedbox(&["session", "end", &id]));
    other.until_gone(MATTER_ONE);
    assert_eq!(demo.names(CLIENT_TWO, "/").len(), 2);
    assert_eq!(demo.deedbox(&["session", "end"]).status.code(), Some(2));
}
