//! The demo as other programs rely on it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::demo::*;

#[test]
fn the_demo_prints_one_json_line_that_names_everything() {
    let demo = Demo::shared();
    for field in ["sftp", "https", "webdav_url", "ca_file", "known_hosts_file", "data"] {
        assert!(!demo.text(field).is_empty(), "{field}");
    }
    assert_eq!(demo.text("webdav_url"), format!("https://{}/dav/", demo.text("https")));
    let accounts: Vec<_> = demo.info["accounts"]
        .as_array()
        .expect("accounts")
        .iter()
        .map(|account| (account["login"].as_str().expect("login"), account["role"].as_str().expect("role")))
        .collect();
    assert_eq!(
        accounts,
        [
            (CLIENT_ONE, "client"),
            (CLIENT_TWO, "client"),
            (EXPERT, "expert"),
            (SCANNER, "device"),
            (STAFF, "staff"),
            (ADMIN, "admin")
        ]
    );
    for folder in ["audit", "blobs", "catalog", "keys", "certs", "staging", "run/control.sock"] {
        assert!(demo.data().join(folder).exists(), "{folder}");
    }
}

#[test]
fn each_account_sees_its_matters_and_its_portal_folders_and_nothing_else() {
    let demo = Demo::shared();
    let names = |login: &str, path: &str| demo.names(login, path);
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let documents = format!("/{MATTER_ONE}/Documents");
    let portal = ["Drafts", "Drop box", "From us", "From you", "Shared room"];
    assert_eq!(names(CLIENT_ONE, "/"), set(&[MATTER_ONE]));
    assert_eq!(names(CLIENT_TWO, "/"), set(&[MATTER_ONE, MATTER_TWO]));
    assert_eq!(names(CLIENT_ONE, &documents), set(&portal));
    assert_eq!(names(EXPERT, &documents), set(&["From us", "Shared room"]));
    assert_eq!(names(SCANNER, &documents), set(&["Drop box"]));
    assert_eq!(names(STAFF, "/"), set(&[MATTER_ONE, MATTER_TWO]));
    assert_eq!(names(STAFF, &documents), set(&[&portal[..], &["Internal"]].concat()));
    assert_eq!(names(ADMIN, "/"), set(&[]));
    assert!(names(CLIENT_ONE, &format!("{documents}/From us")).iter().all(|name| name.ends_with(".pdf")));
}

#[test]
fn a_data_directory_is_kept_and_reused() {
    let demo = Demo::start();
    ok(demo.sftp(CLIENT_ONE, &format!("put /etc/hostname \"/{MATTER_ONE}/Documents/From you/kept.txt\"")));
    let accounts = demo.info["accounts"].clone();
    let known = std::fs::read_to_string(demo.data().join("certs/ca.pem")).expect("a certificate");
    let data = demo.data().to_owned();
    let _home = demo.stop();
    let again = Demo::start_in(&data);
    assert_eq!(again.info["accounts"], accounts);
    assert_eq!(std::fs::read_to_string(data.join("certs/ca.pem")).expect("a certificate"), known);
    let listed = ok(again.sftp(CLIENT_ONE, &format!("ls -1 \"/{MATTER_ONE}/Documents/From you\"")));
    assert!(listed.contains("kept.txt"), "{listed}");
    again.stop();
}

#[test]
fn a_second_daemon_on_the_same_data_is_refused_with_a_clear_message() {
    let demo = Demo::start();
    let Err(log) = Demo::try_start(demo.data(), &[]) else { panic!("two daemons on one directory") };
    assert!(log.contains("another") || log.contains("in use") || log.contains("running"), "{log}");
    demo.stop();
}

#[test]
fn for_a_person_the_demo_prints_commands_to_paste() {
    let home = tempfile::tempdir().expect("a directory");
    let mut child = Command::new(env!("CARGO_BIN_EXE_deedbox"))
        .args(["demo", "--sftp", "127.0.0.1:0", "--https", "127.0.0.1:0", "--data"])
        .arg(home.path().join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut text = String::new();
    for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
        let line = line.expect("text");
        text.push_str(&line);
        text.push('\n');
        if line.contains("--path") {
            break;
        }
    }
    signal(child.id(), "TERM");
    assert!(child.wait().expect("it ends").success());
    for part in ["sftp ", "curl ", "net use", "rclone", "macOS", CLIENT_ONE, SCANNER, "audit show"] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
}
