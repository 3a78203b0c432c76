//! A firm from `init` on, by the verbs that its administrator types: without a daemon, and with one.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::program::{command, deedbox, on, with_input};

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");

/// A data directory made by `init`, listening on free ports.
struct Firm {
    _home: TempDir,
    data: PathBuf,
}

impl Firm {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let data = home.path().join("firm");
        let dir = data.to_str().expect("UTF-8");
        let made = deedbox(&["init", dir, "--sftp", "127.0.0.1:0", "--https", "127.0.0.1:0", "--json"]).done();
        assert_eq!(made.json()["admin"], "admin");
        assert!(made.json()["password"].as_str().expect("a password").len() >= 16);
        // The default port may be another test's.
        let config = data.join("deedbox.toml");
        let text = std::fs::read_to_string(&config).expect("the configuration");
        std::fs::write(&config, text.replace("#: listen = \"127.0.0.1:9464\"", "listen = \"127.0.0.1:0\""))
            .expect("written");
        Self { _home: home, data }
    }

    fn run(&self, arguments: &[&str]) -> crate::program::Ran {
        on(&self.data, arguments)
    }

    /// One matter with one client on it.
    fn with_matter() -> Self {
        let firm = Self::new();
        firm.run(&["firm", "area", "documents", "on"]).done();
        firm.run(&["matter-type", "apply", &format!("{POLICIES}/general.toml")]).done();
        firm.run(&["matter", "add", "2026-0001", "Purchase of 12 High Street", "--type", "General"]).done();
        firm.run(&["contact", "add", "Client One", "--email", "client.one@example.com"]).done();
        let who = ["--matter", "2026-0001", "--contact", "client.one@example.com"];
        firm.run(&[&["participant", "add", "--type", "client"][..], &who].concat()).done();
        firm.run(&[&["access", "grant"][..], &who].concat()).done();
        firm
    }

    fn serve(&self) -> Daemon {
        let config = self.data.join("deedbox.toml");
        let mut child = command().args(["serve", "--log", "json", "--config"]).arg(config).spawn().expect("started");
        // Nobody reads the log here; a full pipe must not stop the daemon.
        drop(child.stdout.take());
        let mut log = child.stderr.take().expect("piped");
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let started = Instant::now();
        // The socket comes last. Asked before, a verb would open the directory itself and be in the daemon's way.
        while !self.data.join("run/control.sock").exists() {
            assert!(started.elapsed() < Duration::from_secs(60), "the daemon does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Daemon(child)
    }
}

/// A running `deedbox serve`; killed if a test fails.
struct Daemon(Child);

impl Daemon {
    fn stop(mut self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill is there").success());
        assert!(self.0.wait().expect("it ends").success(), "SIGTERM is a clean end");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_firm_is_set_up_without_a_daemon() {
    let firm = Firm::with_matter();
    let login = "client.one@example.com";
    let data = firm.data.to_str().expect("UTF-8");
    with_input(&["account", "password", login, "--stdin", "--data", data], "short\n")
        .exits(2)
        .tells("10 characters at least");
    with_input(&["account", "password", login, "--stdin", "--data", data], "a kettle near the open window\n").done();
    let made = firm.run(&["account", "password", login, "--json"]).done().json();
    assert!(made["password"].as_str().expect("shown once").len() >= 16);

    firm.run(&["staff", "add", "staff.one@example.com"]).done();
    firm.run(&["device", "add", "scanner.one", "--matter", "2026-0001"]).done();
    let key = firm.data.join("scanner");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.expect("ssh-keygen is installed").success());
    let private = key.to_str().expect("UTF-8");
    firm.run(&["account", "key", "add", "scanner.one", private]).exits(2).tells("holds a private key");
    firm.run(&["account", "key", "add", "scanner.one", &format!("{private}.pub")]).done();
    let keys = firm.run(&["account", "key", "list", "scanner.one", "--json"]).done().json();
    assert!(keys[0]["fingerprint"].as_str().expect("a fingerprint").starts_with("SHA256:"));

    let accounts = firm.run(&["account", "list", "--json"]).done().json();
    let logins: Vec<_> = accounts.as_array().expect("a list").iter().map(|one| one["login"].clone()).collect();
    assert_eq!(logins, ["admin", login, "scanner.one", "staff.one@example.com"]);
    let access = firm.run(&["access", "list", "--matter", "2026-0001", "--json"]).done().json();
    assert_eq!(access.as_array().expect("a list").len(), 2);

    let explain = |verb: &str, folder: &str| {
        let path = format!("/2026-0001 Purchase of 12 High Street/Documents/{folder}");
        firm.run(&["policy", "explain", "--login", login, "--verb", verb, "--path", &path, "--json"])
    };
    assert_eq!(explain("read", "From us").done().json()["rights"], "list read");
    assert_eq!(explain("delete", "From us").exits(1).json()["allowed"], false);
    assert_eq!(explain("list", "Internal").exits(1).json()["rights"], "none");
    firm.run(&["access", "disable", "--matter", "2026-0001", "--contact", login]).done();
    assert_eq!(explain("read", "From us").exits(1).json()["rights"], "none");

    let identity = firm.run(&["key", "export", "--matter", "2026-0001", "--json"]).done().json();
    assert!(identity["identity"].as_str().expect("an identity").starts_with("AGE-SECRET-KEY-1"));
    firm.run(&["matter", "add", "2026-0001", "Again", "--type", "General"])
        .exits(1)
        .tells("there is a matter 2026-0001");
    firm.run(&["matter", "add", "2026-0002", "Other", "--type", "None such"]).exits(1).tells("no matter type");
    firm.run(&["key", "export", "--matter", "9"]).exits(1).tells("there is no matter \"9\"");
    assert_eq!(firm.run(&["check", "--json"]).done().json()["sound"], true);
}

#[test]
fn everything_that_was_asked_is_in_a_sound_audit_record() {
    let firm = Firm::with_matter();
    firm.run(&["account", "disable", "client.one@example.com"]).done();
    let shown = firm.run(&["audit", "show", "--matter", "2026-0001", "--json"]).done().out;
    let records: Vec<serde_json::Value> = shown.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(records.iter().any(|record| record["path"] == "access grant" && record["outcome"] == "begun"));
    assert!(records.iter().all(|record| record["front"] == "console"));

    let report = firm.run(&["audit", "verify", "--json"]).done().json();
    assert_eq!(report["sound"], true);
    let proof = firm.data.join("proof");
    let proof = proof.to_str().expect("UTF-8");
    let seq = records[0]["seq"].to_string();
    firm.run(&["audit", "prove", &seq, "-o", proof]).done();
    let key = firm.data.join("audit/public.key");
    let key = key.to_str().expect("UTF-8");
    let checked = deedbox(&["audit", "check-proof", proof, "--key", key, "--json"]).done().json();
    assert_eq!(checked["record"]["seq"], records[0]["seq"]);

    // A copy, with the public key alone.
    let copy = firm.data.with_file_name("copy");
    let copied = Command::new("cp").arg("-r").arg(firm.data.join("audit")).arg(&copy).status();
    assert!(copied.expect("cp").success());
    let dir = copy.to_str().expect("UTF-8");
    deedbox(&["audit", "verify", "--dir", dir, "--key", key]).done();
    let journal = largest_file(&copy);
    let mut bytes = std::fs::read(&journal).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&journal, bytes).expect("written");
    let damaged = deedbox(&["audit", "verify", "--dir", dir, "--key", key, "--json"]).exits(1).json();
    assert_eq!(damaged["sound"], false);
}

fn largest_file(dir: &Path) -> PathBuf {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.into_iter().max_by_key(|path| path.metadata().map_or(0, |m| m.len())).expect("files")
}

#[test]
fn a_catalog_that_went_back_in_time_is_refused() {
    let firm = Firm::with_matter();
    let (catalog, old) = (firm.data.join("catalog"), firm.data.with_file_name("old"));
    assert!(Command::new("cp").arg("-r").arg(&catalog).arg(&old).status().expect("cp").success());
    firm.run(&["access", "disable", "--matter", "2026-0001", "--contact", "client.one@example.com"]).done();
    std::fs::remove_dir_all(&catalog).expect("removed");
    std::fs::rename(&old, &catalog).expect("put back");
    let refused = firm.run(&["matter", "list"]).exits(1).tells("went back in time");
    assert!(refused.err.contains("restore"), "{}", refused.err);
}

#[test]
fn the_catalog_moves_between_the_engines() {
    let firm = Firm::with_matter();
    let engine = || firm.run(&["status", "--json"]).exits(1).json()["catalog"]["engine"].clone();
    assert_eq!(engine(), "redb");
    firm.run(&["catalog", "convert", "--to", "sled"]).done();
    assert_eq!(engine(), "sled");
    assert_eq!(firm.run(&["matter", "list", "--json"]).done().json()[0]["number"], "2026-0001");
    firm.run(&["catalog", "convert", "--to", "redb"]).done();
    assert_eq!(engine(), "redb");
}

#[test]
fn a_daemon_answers_verbs_probes_and_sigterm() {
    let firm = Firm::with_matter();
    let daemon = firm.serve();
    let status = firm.run(&["status", "--json"]).done().json();
    assert_eq!((&status["running"], &status["ready"]), (&true.into(), &true.into()));
    firm.run(&["matter", "add", "2026-0002", "Estate of A Testator", "--type", "General"]).done();
    let observe = status["listeners"]["observe"].as_str().expect("an address");
    assert!(get(observe, "/readyz").starts_with("HTTP/1.1 200"));
    let metrics = get(observe, "/metrics");
    assert!(metrics.contains("\ndeedbox_ready 1\n"), "{metrics}");

    let mut control = UnixStream::connect(firm.data.join("run/control.sock")).expect("connected");
    control.write_all(b"nonsense\n").expect("sent");
    let mut answer = String::new();
    control.read_to_string(&mut answer).expect("answered");
    assert!(answer.contains("does not understand the request"), "{answer}");

    // A second process on the same directory, and a verb that needs a stopped one.
    firm.run(&["serve"]).exits(1).tells("is in use by another process");
    firm.run(&["catalog", "convert", "--to", "sled"]).exits(1).tells("is in use by another process");
    daemon.stop();
    assert!(!firm.data.join("run/control.sock").exists());
    let shown = firm.run(&["audit", "show", "--json"]).done().out;
    assert!(shown.contains("\"action\":\"start\"") && shown.contains("\"action\":\"stop\""), "{shown}");
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connected");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}
