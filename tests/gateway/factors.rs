//! Second factors and device passwords, with OpenSSH's own `sftp` and curl.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use totp_rs::{Builder, Secret};

use crate::demo::*;
use crate::logins;

/// The code that an authenticator shows for this secret, so many steps from now.
pub(crate) fn code(secret: &str, ahead: i64) -> String {
    let secret = Secret::try_from_base32(secret).expect("base32");
    let totp = Builder::new().with_secret(secret).build().expect("a secret");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    totp.generate(now.saturating_add_signed(30 * ahead)).to_string()
}

/// Waits until a code has a few seconds to live.
pub(crate) fn early_in_a_step() {
    while SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() % 30 > 20 {
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// `sftp` that answers what it is asked: for the password, and for the code.
fn sftp(demo: &Demo, first: &[&str], password: &str, code: &str, here: &Path) -> Output {
    let answer = format!("case \"$1\" in *ode*) echo '{code}' ;; *) echo '{password}' ;; esac");
    let askpass = logins::askpass(here, &answer);
    logins::sftp(demo, CLIENT_ONE, first, Some(&askpass), "ls /\n")
}

fn by_password(demo: &Demo, password: &str, code: &str, here: &Path) -> Output {
    let options = ["-o", "PreferredAuthentications=password,keyboard-interactive", "-o", "IdentityFile=none"];
    sftp(demo, &options, password, code, here)
}

pub(crate) fn enable(demo: &Demo) -> (String, Vec<String>) {
    let made = demo.deedbox_json(&["account", "second-factor", "enable", CLIENT_ONE]);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&made["secret"]), made["recovery_codes"].as_array().expect("a list").iter().map(text).collect())
}

/// What curl gets with this password.
fn dav(demo: &Demo, password: &str, path: &str, arguments: &[&str]) -> u16 {
    let output = client("curl")
        .args(["-sS", "--cacert", demo.text("ca_file"), "-u", &format!("{CLIENT_ONE}:{password}")])
        .args(["-o", "/dev/null", "-w", "%{http_code}"])
        .args(arguments)
        .arg(demo.url(path))
        .output()
        .expect("curl is installed");
    stdout(&output).parse().unwrap_or_else(|_| panic!("no status: {}", both(&output)))
}

const LOOK: [&str; 4] = ["-X", "PROPFIND", "-H", "Depth: 0"];

#[test]
fn with_a_second_factor_neither_password_nor_key_is_enough() {
    let (demo, dir) = (Demo::start(), tempfile::tempdir().expect("a directory"));
    let password = demo.password(CLIENT_ONE).to_owned();
    assert_eq!(dav(&demo, &password, "", &LOOK), 207);
    let (secret, _) = enable(&demo);

    let refused = by_password(&demo, &password, "000000", dir.path());
    assert!(!refused.status.success(), "{}", both(&refused));
    early_in_a_step();
    let now = code(&secret, 0);
    assert!(!by_password(&demo, "wrong", &now, dir.path()).status.success(), "a code without the password");
    let said = ok(by_password(&demo, &password, &now, dir.path()));
    assert!(said.contains(MATTER_ONE), "{said}");
    assert!(!by_password(&demo, &password, &now, dir.path()).status.success(), "a code works once");

    let key = format!("IdentityFile={}", demo.key(CLIENT_ONE));
    let alone = ["-o", "PreferredAuthentications=publickey", "-o", &key];
    assert!(!sftp(&demo, &alone, "", "", dir.path()).status.success(), "the key alone");
    let then_code = ["-o", "PreferredAuthentications=publickey,keyboard-interactive", "-o", &key];
    ok(sftp(&demo, &then_code, "", &code(&secret, 1), dir.path()));

    assert_eq!(dav(&demo, &password, "", &LOOK), 401, "a drive has no place for a code");
    let record = ok(demo.deedbox(&["audit", "show"]));
    for part in ["with second factor", "wrong code of the second factor", "only a device password opens it here"] {
        assert!(record.contains(part), "{part} in {record}");
    }
    ok(demo.deedbox(&["account", "second-factor", "disable", CLIENT_ONE]));
    assert_eq!(dav(&demo, &password, "", &LOOK), 207);
}

#[test]
fn a_recovery_code_opens_once_and_is_used_up_for_good() {
    let (demo, dir) = (Demo::start(), tempfile::tempdir().expect("a directory"));
    let password = demo.password(CLIENT_ONE).to_owned();
    let (secret, codes) = enable(&demo);
    assert_eq!(codes.len(), 10);
    ok(by_password(&demo, &password, &codes[0].to_uppercase().replace('-', " "), dir.path()));
    assert!(!by_password(&demo, &password, &codes[0], dir.path()).status.success(), "once");
    early_in_a_step();
    let used = code(&secret, 0);
    ok(by_password(&demo, &password, &used, dir.path()));
    let data = demo.data().to_owned();
    let _home = demo.kill();
    let again = Demo::start_in(&data);
    assert!(!by_password(&again, &password, &used, dir.path()).status.success(), "nor is the authenticator's");
    assert!([0, -1].map(|ahead| code(&secret, ahead)).contains(&used), "it would still be good");
    assert!(!by_password(&again, &password, &codes[0], dir.path()).status.success(), "not after a restart either");
    ok(by_password(&again, &password, &codes[1], dir.path()));
    let record = ok(again.deedbox(&["audit", "show"]));
    assert!(record.contains("recovery code"), "{record}");
    again.stop();
}

#[test]
fn a_device_password_opens_both_doors_until_it_is_revoked() {
    let (demo, dir) = (Demo::start(), tempfile::tempdir().expect("a directory"));
    enable(&demo);
    let add = ["account", "device-password", "add", CLIENT_ONE];
    let made = demo.deedbox_json(&[&add[..], &["Laptop at home", "--days", "30"]].concat());
    let password = made["password"].as_str().expect("shown once").to_owned();
    assert_eq!(password.len(), 26 + 4);
    assert!(made["device"]["expires"].is_string());
    let again = demo.deedbox(&[&add[..], &["laptop AT home"]].concat());
    assert!(!again.status.success() && both(&again).contains("already"), "{}", both(&again));

    let file = format!("{MATTER_ONE}/Documents/Shared room/note.txt");
    assert_eq!(dav(&demo, &password, &file, &["-T", "/etc/hostname"]), 201);
    assert_eq!(dav(&demo, &password.replace('-', "").to_uppercase(), &file, &[]), 200, "as it is typed");
    let said = ok(by_password(&demo, &password, "", dir.path()));
    assert!(said.contains(MATTER_ONE), "{said}");
    let listed = demo.deedbox_json(&["account", "device-password", "list", CLIENT_ONE]);
    assert_eq!((&listed[0]["name"], &listed[0]["expired"]), (&"Laptop at home".into(), &false.into()));
    assert!(!listed.to_string().contains(&password[..6]), "{listed}");

    // A download that goes on while the password is taken away.
    let big = dir.path().join("big");
    std::fs::File::create(&big).expect("a file").set_len(64 << 20).expect("a size");
    let large = format!("{MATTER_ONE}/Documents/Shared room/large.bin");
    assert_eq!(dav(&demo, &password, &large, &["-T", &big.to_string_lossy()]), 201);
    let slow = client("curl")
        .args(["-sS", "--cacert", demo.text("ca_file"), "-u", &format!("{CLIENT_ONE}:{password}")])
        .args(["--limit-rate", "1M", "-o", "/dev/null"])
        .arg(demo.url(&large))
        .spawn();
    let mut slow = slow.expect("curl is installed");
    std::thread::sleep(Duration::from_millis(1500));
    assert!(slow.try_wait().expect("it runs").is_none(), "under way");
    ok(demo.deedbox(&["account", "device-password", "revoke", CLIENT_ONE, "laptop at home"]));
    let revoked = Instant::now();
    assert_eq!(dav(&demo, &password, "", &LOOK), 401);
    // What is on its way to a slow reader already, is: the kernel's buffers hold some megabytes.
    assert!(!slow.wait().expect("it ends").success(), "cut off");
    assert!(revoked.elapsed() < Duration::from_secs(30), "{:?}", revoked.elapsed());
    assert!(!by_password(&demo, &password, "", dir.path()).status.success());
}

#[test]
fn a_read_only_device_lists_and_reads_and_nothing_else() {
    let (demo, dir) = (Demo::start(), tempfile::tempdir().expect("a directory"));
    let add = ["account", "device-password", "add", CLIENT_ONE, "Tablet", "--read-only"];
    let password = demo.deedbox_json(&add)["password"].as_str().expect("shown once").to_owned();
    let room = format!("{MATTER_ONE}/Documents/Shared room");
    let file = format!("{room}/note.txt");
    assert_eq!(demo.status(CLIENT_ONE, &file, &["-T", "/etc/hostname"]), 201, "the login itself may");
    assert_eq!(dav(&demo, &password, &file, &[]), 200);
    assert_eq!(dav(&demo, &password, &room, &["-X", "PROPFIND", "-H", "Depth: 1"]), 207);
    for arguments in [&["-T", "/etc/hostname"][..], &["-X", "DELETE"]] {
        assert_eq!(dav(&demo, &password, &file, arguments), 403, "{arguments:?}");
    }
    assert_eq!(dav(&demo, &password, &format!("{room}/new.txt"), &["-T", "/etc/hostname"]), 403);
    assert_eq!(dav(&demo, &password, &format!("{room}/new"), &["-X", "MKCOL"]), 403);
    let drop_box = format!("{MATTER_ONE}/Documents/Drop box");
    assert_eq!(dav(&demo, &password, &drop_box, &LOOK), 404, "a folder in which it can do nothing");

    let askpass = logins::askpass(dir.path(), &format!("echo '{password}'"));
    let options = ["-o", "PreferredAuthentications=password", "-o", "IdentityFile=none"];
    let batch = format!("get \"/{file}\" /dev/null\nput /etc/hostname \"/{room}/other.txt\"\n");
    let said = logins::sftp(&demo, CLIENT_ONE, &options, Some(&askpass), &batch);
    assert!(!said.status.success() && both(&said).contains("ermission denied"), "{}", both(&said));
}
