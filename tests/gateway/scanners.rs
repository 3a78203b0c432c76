//! The listener for old scanners, with OpenSSH made to speak as they do.

use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::demo::*;
use crate::mail::{firm, settle};
use crate::mail_server::{Server, recipients, text};

/// What the oldest speak, of which the main listener has nothing.
const OLD: [&str; 3] = ["HostKeyAlgorithms=ssh-rsa", "PubkeyAcceptedAlgorithms=ssh-rsa", "MACs=hmac-sha1"];
const OLDER: [[&str; 2]; 2] = [
    ["KexAlgorithms=diffie-hellman-group14-sha1", "Ciphers=aes128-cbc"],
    ["KexAlgorithms=diffie-hellman-group1-sha1", "Ciphers=3des-cbc"],
];

/// A firm with a listener for old scanners that takes 127.0.0.1, and a scanner with an RSA key.
pub(crate) struct Office {
    pub(crate) demo: Demo,
    home: TempDir,
    pub(crate) port: String,
}

impl Office {
    pub(crate) fn open() -> Self {
        let home = tempfile::Builder::new().prefix("deedbox-test-").tempdir().expect("a temporary directory");
        let (data, key) = (home.path().join("data"), home.path().join("rsa"));
        let demo = Demo::start_in(&data);
        let made = client("ssh-keygen").args(["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f"]).arg(&key).output();
        ok(made.expect("ssh-keygen is installed"));
        ok(demo.deedbox(&["account", "key", "add", SCANNER, &key.with_extension("pub").to_string_lossy()]));
        let section = "[scanners]\nlisten = \"127.0.0.1:0\"\nallow = [\"127.0.0.1\"]\nuntil = \"2999-12-31\"\n";
        demo.configure(|text| text.replace("[scanners]\n", section));
        demo.stop();
        let demo = Demo::start_in(&data);
        let status = demo.deedbox_json(&["status"]);
        let at = status["listeners"]["scanners"].as_str().unwrap_or_else(|| panic!("no such listener: {status}"));
        let port = at.rsplit(':').next().expect("a port").to_owned();
        Self { demo, home, port }
    }

    fn sftp(&self, port: &str, login: &str, options: &[&str], batch: &str) -> Output {
        let script = self.home.path().join("batch");
        std::fs::write(&script, batch).expect("written");
        // Of each option OpenSSH takes the first.
        let (port, key) = (format!("Port={port}"), format!("IdentityFile={}", self.path("rsa")));
        let first = [port.as_str(), key.as_str(), "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"];
        let mut sftp = client_for(60, "sftp");
        sftp.args(first.iter().chain(options).flat_map(|option| ["-o", *option]));
        sftp.args(self.demo.ssh_options(login)).arg("-b").arg(&script).arg("127.0.0.1");
        sftp.output().expect("sftp is installed")
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_string_lossy().into_owned()
    }

    /// Whether a scanner comes in, and what its client says.
    fn scan(&self) -> (bool, String) {
        let output = self.sftp(&self.port, SCANNER, &[&OLDER[0][..], &OLD].concat(), "ls");
        (output.status.success(), both(&output))
    }

    fn turned_away(&self, why: &str) -> bool {
        let url = format!("http://{}/metrics", self.demo.text("observe"));
        let metrics = ok(client("curl").args(["-sSf", &url]).output().expect("curl is installed"));
        metrics.contains(&format!("scanner_connections_turned_away_total{{why=\"{why}\"}}"))
    }

    fn last_day(&self, old: &str, new: &str) {
        self.demo.configure(|text| text.replace(&format!("until = \"{old}\""), &format!("until = \"{new}\"")));
        let told = self.demo.deedbox_json(&["reload"]);
        assert_eq!(told["changed"], serde_json::json!(["scanners.until"]));
    }
}

fn write(path: &Path, content: &[u8]) {
    std::fs::write(path, content).expect("written");
}

#[test]
fn an_old_scanner_comes_in_at_its_own_listener_alone_and_nobody_else_does_there() {
    let office = Office::open();
    let scan = office.home.path().join("scan.pdf");
    for (number, older) in OLDER.iter().enumerate() {
        let old = [&older[..], &OLD].concat();
        write(&scan, &bytes(number as u64, 300_000));
        let put = format!("put \"{}\" \"/{MATTER_ONE}/Documents/Drop box/scan {number}.pdf\"", office.path("scan.pdf"));
        ok(office.sftp(&office.port, SCANNER, &old, &put));

        let refused = office.sftp(office.demo.sftp_port(), SCANNER, &old, "ls");
        assert!(!refused.status.success() && both(&refused).contains("no matching"), "{}", both(&refused));
    }
    let documents = office.demo.deedbox_json(&["document", "list", "--matter", "2026-0001"]).to_string();
    assert!(documents.contains("scan 0.pdf") && documents.contains("scan 1.pdf"), "{documents}");

    // A client, with the key that opens the main listener and the best that both speak.
    ok(office.demo.sftp(CLIENT_ONE, "ls"));
    let refused = both(&office.sftp(&office.port, CLIENT_ONE, &[], "ls"));
    assert!(refused.contains("Permission denied"), "{refused}");

    // From elsewhere not a word is said.
    let refused = both(&office.sftp(&office.port, SCANNER, &["BindAddress=127.0.0.2"], "ls"));
    assert!(!refused.contains("Permission denied") && office.turned_away("address"), "{refused}");

    let told = ok(office.demo.deedbox(&["audit", "show"]));
    assert!(told.contains("at the listener for old scanners"), "{told}");
    let status = ok(office.demo.deedbox(&["status"]));
    assert!(status.contains("devices from 127.0.0.1 may use weak algorithms at 127.0.0.1:"), "{status}");
}

#[test]
fn after_its_last_day_the_listener_for_old_scanners_accepts_nothing_until_it_has_another() {
    let office = Office::open();
    let (comes_in, said) = office.scan();
    assert!(comes_in, "{said}");

    office.last_day("2999-12-31", "2020-01-01");
    office.demo.wait_for_log("the listener for old scanners accepts nothing");
    let (comes_in, said) = office.scan();
    assert!(!comes_in && office.turned_away("over"), "{said}");
    let status = ok(office.demo.deedbox(&["status"]));
    assert!(status.contains("has accepted nothing since 2020-01-02T00:00:00.000Z"), "{status}");
    ok(office.demo.sftp(CLIENT_ONE, "ls"));

    office.last_day("2020-01-01", "2999-12-31");
    office.demo.wait_for_log("the listener for old scanners is open again");
    let (comes_in, said) = office.scan();
    assert!(comes_in, "{said}");
}

#[test]
fn administrators_are_warned_by_mail_once_a_week_and_not_at_each_start() {
    let server = Server::start(&[]);
    let (demo, home) = firm(&server, "");
    let data = demo.data().to_owned();
    let section = "[scanners]\nlisten = \"127.0.0.1:0\"\nallow = [\"127.0.0.1\"]\nuntil = \"2999-12-31\"\n";
    demo.configure(|toml| toml.replace("[scanners]\n", section));
    demo.stop();
    let demo = Demo::start_in(&data);
    let mails = server.waits_for(1);
    assert_eq!(recipients(&mails), [ADMIN]);
    assert!(text(&mails[0], "text").contains("is on, until 3000-01-01 00:00"), "{:#}", mails[0]);
    settle(&demo);
    demo.stop();
    let demo = Demo::start_in(&data);
    // Another mail that is sent later would come later.
    ok(demo.deedbox(&["mail", "test", "--to", CLIENT_ONE]));
    assert_eq!(recipients(&server.waits_for(2)), [ADMIN, CLIENT_ONE]);
    demo.stop();
    drop(home);
}
