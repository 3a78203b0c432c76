//! Logins that may come by some methods and from some addresses alone, at every door.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::demo::*;
use crate::factors;
use crate::logins::{self, Open};
use crate::transfer::wait;

const HERE: &str = "127.0.0.1";
const THERE: &str = "127.0.0.2";

/// Whether the key of client one opens SFTP from this address.
fn key_opens(demo: &Demo, address: &str) -> bool {
    let options = demo.ssh_options(CLIENT_ONE);
    let bind = format!("BindAddress={address}");
    let output = client("sftp").args(options).args(["-o", &bind, "-q", "-b", "/dev/null", HERE]).output();
    output.expect("sftp is installed").status.success()
}

/// What the drive answers to the password of client one from this address.
fn drive(demo: &Demo, address: &str) -> u16 {
    demo.status(CLIENT_ONE, "/", &["--interface", address, "-X", "PROPFIND", "-H", "Depth: 0"])
}

/// What the API answers to a token from this address.
fn api(demo: &Demo, token: &str, address: &str) -> String {
    let url = format!("{}/api/v1/me", demo.text("webdav_url").trim_end_matches("/dav/"));
    let mut curl = client("curl");
    curl.args([
        "-sS",
        "--cacert",
        demo.text("ca_file"),
        "--interface",
        address,
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
    ]);
    curl.args(["-H", &format!("Authorization: Bearer {token}"), &url]);
    ok(curl.output().expect("curl is installed"))
}

fn restrict(demo: &Demo, arguments: &[&str]) -> String {
    ok(demo.deedbox(&[&["account", "restrict", CLIENT_ONE], arguments].concat()))
}

#[test]
fn a_restricted_login_is_refused_elsewhere_and_otherwise_at_every_door_and_the_record_says_why() {
    let demo = Demo::start();
    let token =
        demo.deedbox_json(&["account", "token", "add", CLIENT_ONE, "Program", "--scope", "read", "--days", "1"]);
    let token = token["secret"].as_str().expect("a token");
    for address in [HERE, THERE] {
        assert!(key_opens(&demo, address));
        assert_eq!((drive(&demo, address), api(&demo, token, address).as_str()), (207, "200"));
    }

    let told = restrict(&demo, &["--from", THERE, "2001:db8::/32"]);
    assert!(told.contains("only: from 127.0.0.2, 2001:db8::/32."), "{told}");
    wait("the drive to close", || drive(&demo, HERE) == 401);
    assert!(!key_opens(&demo, HERE) && key_opens(&demo, THERE));
    assert_eq!(
        (drive(&demo, THERE), api(&demo, token, HERE), api(&demo, token, THERE)),
        (207, "401".to_owned(), "200".to_owned())
    );

    // The addresses stay as they are; a method that is not named opens nothing, with the right password.
    restrict(&demo, &["--methods", "publickey"]);
    wait("the drive to close", || drive(&demo, THERE) == 401);
    assert_eq!(api(&demo, token, THERE), "401");
    assert!(!key_opens(&demo, HERE) && key_opens(&demo, THERE));
    let all = demo.deedbox_json(&["account", "list"]);
    let shown = |login: &str| -> Value {
        all.as_array().and_then(|all| all.iter().find(|one| one["login"] == login)).expect("listed").clone()
    };
    let restricted = shown(CLIENT_ONE);
    assert_eq!(restricted["methods"], json!(["publickey"]), "{restricted}");
    assert_eq!(restricted["from"], json!(["127.0.0.2", "2001:db8::/32"]), "{restricted}");
    assert_eq!((&shown(CLIENT_TWO)["methods"], &shown(CLIENT_TWO)["from"]), (&json!([]), &json!([])));
    assert!(ok(demo.deedbox(&["account", "list"])).contains("publickey from 127.0.0.2, 2001:db8::/32"));
    let record = ok(demo.deedbox(&["audit", "show"]));
    for told in [
        "may not log in from this address",
        "may not log in by this method",
        "client.one@example.com: methods publickey",
        "client.one@example.com: from 127.0.0.2, 2001:db8::/32",
    ] {
        assert!(record.contains(told), "{told} is not in {record}");
    }

    restrict(&demo, &["--methods", "any", "--from", "any"]);
    assert!(key_opens(&demo, HERE));
    assert_eq!((drive(&demo, HERE), api(&demo, token, HERE).as_str()), (207, "200"));
    for wrong in [&["--from", "192.0.2.1/24"][..], &["--methods", "telepathy"], &[]] {
        let refused = demo.deedbox(&[&["account", "restrict", CLIENT_ONE], wrong].concat());
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}: {}", both(&refused));
    }
}

#[test]
fn a_restriction_ends_the_sessions_that_are_not_so_within_a_second_and_no_others() {
    let demo = Demo::start();
    let mut by_key = Open::new(&demo, CLIENT_ONE);
    by_key.reads_the_root(MATTER_ONE);
    assert_eq!(drive(&demo, HERE), 207);
    let drives = || -> Vec<Value> {
        let all = demo.deedbox_json(&["session", "list"]);
        let all = all.as_array().expect("a list").iter();
        all.filter(|one| one["login"] == CLIENT_ONE && one["front"] == "webdav").map(|one| one["id"].clone()).collect()
    };
    let before = drives();
    assert_eq!(before.len(), 1);
    restrict(&demo, &["--methods", "password,device-password"]);
    let began = Instant::now();
    by_key.until_gone(MATTER_ONE);
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
    assert_eq!((drive(&demo, HERE), drives()), (207, before));
}

#[test]
fn the_second_factor_is_asked_of_a_login_that_is_restricted_to_keys() {
    let (demo, dir) = (Demo::start(), tempfile::tempdir().expect("a directory"));
    restrict(&demo, &["--methods", "publickey", "--from", "127.0.0.0/8"]);
    let (secret, _) = factors::enable(&demo);
    factors::early_in_a_step();
    let askpass = logins::askpass(dir.path(), &format!("echo '{}'", factors::code(&secret, 0)));
    let key = format!("IdentityFile={}", demo.key(CLIENT_ONE));
    let options = ["-o", "PreferredAuthentications=publickey,keyboard-interactive", "-o", &key];
    let said = ok(logins::sftp(&demo, CLIENT_ONE, &options, Some(&askpass), "ls /\n"));
    assert!(said.contains(MATTER_ONE), "{said}");
    let options = ["-o", "PreferredAuthentications=password,keyboard-interactive", "-o", "IdentityFile=none"];
    let password = logins::askpass(dir.path(), &format!("echo '{}'", demo.password(CLIENT_ONE)));
    let refused = logins::sftp(&demo, CLIENT_ONE, &options, Some(&password), "ls /\n");
    assert!(both(&refused).contains("Permission denied"), "{}", both(&refused));
}
