//! Uploads pass a virus scan before anybody sees them: the real clamd, with one signature of our own.

use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::api::Program;
use crate::deep_check::is_sound;
use crate::demo::*;
use crate::pages::{Browser, under};

/// In a piece of an upload as it goes to clamd, there are so many bytes.
const PIECE: usize = 256 * 1024;
pub(crate) const SIGNATURE: &str = "Deedbox.Test";

/// The EICAR test string, which every scanner takes for a virus; in two halves, so that none takes this file for one.
pub(crate) fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat().into_bytes()
}

/// ClamAV's daemon, with streams of at most 1 MiB.
pub(crate) struct Clamd {
    child: Option<Child>,
    home: TempDir,
    port: u16,
}

impl Clamd {
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let here = home.path().display();
        std::fs::create_dir(home.path().join("db")).expect("made");
        // Signatures by content (NDB): name, any kind of file, anywhere.
        let hex: String = eicar().iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::write(home.path().join("db/ours.ndb"), format!("{SIGNATURE}:0:*:{hex}\n")).expect("written");
        let conf = format!(
            "Foreground yes\nLocalSocket {here}/clamd.ctl\nTCPAddr 127.0.0.1\nTCPSocket {port}\n\
             DatabaseDirectory {here}/db\nTemporaryDirectory {here}\nStreamMaxLength 1M\n"
        );
        std::fs::write(home.path().join("clamd.conf"), conf).expect("written");
        let mut clamd = Self { child: None, home, port };
        clamd.again();
        clamd
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.home.path().join("clamd.ctl")
    }

    pub(crate) fn again(&mut self) {
        let mut command = Command::new("/usr/sbin/clamd");
        command.arg("-c").arg(self.home.path().join("clamd.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("clamd is installed (clamav-daemon)"));
        let until = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect(self.socket()).is_err() {
            assert!(Instant::now() < until, "clamd does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn signal(&self, name: &str) {
        signal(self.child.as_ref().expect("running").id(), name);
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("it ends");
        }
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A firm whose uploads are scanned.
fn firm(lines: &str) -> (Demo, TempDir) {
    let home = tempfile::Builder::new().prefix("deedbox-test-").tempdir().expect("a directory");
    let data = home.path().join("data");
    let demo = Demo::start_in(&data);
    demo.configure(|text| text.replacen("[scan]\n", &format!("[scan]\n{lines}\n"), 1));
    demo.stop();
    (Demo::start_in(&data), home)
}

fn room(name: &str) -> String {
    format!("{MATTER_ONE}/Documents/Shared room/{name}")
}

/// What WebDAV says of an upload: the status, and the answer's head and body.
fn put(demo: &Demo, login: &str, path: &str, content: &[u8]) -> (u16, String) {
    let file = demo.data().with_file_name("to-be-sent");
    std::fs::write(&file, content).expect("written");
    let answer = stdout(&demo.curl(login, path, &["-i", "-T", &file.to_string_lossy()]));
    let last = answer.split("\r\n\r\n").filter(|part| part.starts_with("HTTP/")).last().unwrap_or_default();
    let status = last.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{answer}"));
    (status, answer)
}

fn get(demo: &Demo, path: &str) -> Vec<u8> {
    demo.curl(STAFF, path, &["--fail"]).stdout
}

pub(crate) fn ask(demo: &Demo, what: &str) -> String {
    stdout(&client("curl").args(["-sS", &format!("http://{}/{what}", demo.text("observe"))]).output().expect("curl"))
}

/// Waits until the daemon has found out how the scanner is.
fn settle(demo: &Demo, works: bool) {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let scan = demo.deedbox_json(&["status"])["scan"].clone();
        if scan["problem"].is_null() == works && scan["engine"].is_string() {
            return;
        }
        assert!(Instant::now() < until, "{scan}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_clients_upload_is_scanned_at_every_door_before_anybody_sees_it() {
    let clamd = Clamd::start();
    let (demo, _home) = firm(&format!("clamd = \"{}\"", clamd.socket().display()));
    settle(&demo, true);
    assert!(ok(demo.deedbox(&["status"])).contains("Scan       works: ClamAV 1."));
    let virus = eicar();
    let file = demo.data().with_file_name("sent.txt");
    let file = file.to_string_lossy();

    // The drive: what stood there stays, and the answer says why.
    assert_eq!(put(&demo, CLIENT_ONE, &room("deed.txt"), b"The deed.").0, 201);
    for name in ["deed.txt", "new.txt"] {
        let (status, answer) = put(&demo, CLIENT_ONE, &room(name), &virus);
        assert_eq!(status, 403, "{answer}");
        assert!(answer.contains("<D:error xmlns:D=\"DAV:\">") && answer.contains("virus-found"), "{answer}");
        assert!(answer.contains("a virus was found in this document") && !answer.contains(SIGNATURE), "{answer}");
    }
    assert_eq!(get(&demo, &room("deed.txt")), b"The deed.");

    // SFTP: a save that ends in a rename, too; a device; and a string that two pieces share.
    std::fs::write(&*file, [&bytes(1, PIECE - 20)[..], &virus, &bytes(2, 2 * PIECE)].concat()).expect("written");
    for (login, path) in [
        (CLIENT_ONE, room("new.txt")),
        (CLIENT_ONE, room("new.txt.filepart")),
        (SCANNER, format!("{MATTER_ONE}/Documents/Drop box/scan.pdf")),
    ] {
        let output = demo.sftp(login, &format!("put \"{file}\" \"/{path}\""));
        assert!(!output.status.success() && both(&output).contains("Failure"), "{login}: {}", both(&output));
        assert!(!ok(demo.sftp(login, &format!("-ls \"/{path}\""))).contains("-rw"), "{login}");
    }
    std::fs::write(&*file, [&bytes(1, PIECE - 20)[..], b"harmless", &bytes(2, PIECE)].concat()).expect("written");
    ok(demo.sftp(CLIENT_ONE, &format!("put \"{file}\" \"/{}\"", room("long.bin"))));
    ok(demo.sftp(SCANNER, &format!("put \"{file}\" \"/{MATTER_ONE}/Documents/Drop box/scan.pdf\"")));

    // The pages, and messages over every way.
    let browser = Browser::sign_in(&demo, CLIENT_ONE);
    let refused = browser.upload(room("").trim_end_matches('/'), &[&browser.file("new.txt", &virus)]);
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(refused.body.contains("new.txt: A virus was found in this document"), "{}", refused.body);
    let talk = under("/messages", &format!("{MATTER_ONE}/Messages"));
    let text = String::from_utf8(virus.clone()).expect("ASCII");
    let refused = browser.send(&talk, &talk, &[("subject", "new"), ("text", &text)]);
    assert!(refused.status == 422 && refused.body.contains("A virus was found"), "{}", refused.body);
    let program = Program::of(&demo, CLIENT_ONE, "manage");
    let said = |text: &str| program.post("/matters/2026-0001/messages", &json!({ "subject": "new", "text": text }));
    said(&text).problem(422, "virus-found");
    said("Hello.").body(201);
    assert_eq!(put(&demo, CLIENT_ONE, &format!("{MATTER_ONE}/Messages/new.txt"), &virus).0, 403);
    assert_eq!(demo.deedbox_json(&["message", "list", "--matter", "2026-0001"]).as_array().map(Vec::len), Some(1));
    assert_eq!(demo.status(STAFF, &room("new.txt"), &[]), 404, "nobody ever saw one");

    // Whose uploads are scanned is the firm's choice.
    assert_eq!(put(&demo, STAFF, &room("sample.txt"), &virus).0, 201);
    demo.configure(|text| text.replacen("[scan]\n", "[scan]\nwho = [\"staff\"]\n", 1));
    assert_eq!(ok(demo.deedbox(&["reload"])), "changed: scan\n");
    assert_eq!(put(&demo, STAFF, &room("sample.txt"), &virus).0, 403);

    let record = ok(demo.deedbox(&["audit", "show", "--matter", "2026-0001", "--json"]));
    assert_eq!(record.matches(&format!("the virus scan found {SIGNATURE}.UNOFFICIAL")).count(), 10, "{record}");
    assert!(demo.log().contains("a virus was found in an upload"), "{}", demo.log());
    assert!(!demo.log().contains("new.txt"), "{}", demo.log());
    let metrics = ask(&demo, "metrics");
    assert!(metrics.contains("deedbox_scan_total{result=\"infected\"} 10"), "{metrics}");
    assert!(metrics.contains("deedbox_scan_ready 1"), "{metrics}");
    is_sound(demo.data());
}

#[test]
fn while_the_scanner_is_away_uploads_are_refused_and_nothing_is_lost() {
    let mut clamd = Clamd::start();
    let (demo, _home) = firm(&format!("clamd = \"127.0.0.1:{}\"\nmax_mib = 2\ntimeout_seconds = 1", clamd.port));
    settle(&demo, true);
    assert!(ok(demo.deedbox(&["status"])).contains(&format!("connections to port {} alone", clamd.port)));
    assert_eq!(put(&demo, CLIENT_ONE, &room("deed.txt"), b"The deed.").0, 201);
    let refused = |what: &str| {
        let (status, answer) = put(&demo, CLIENT_ONE, &room("deed.txt"), b"Another one.");
        assert_eq!(status, 503, "{what}: {answer}");
        assert!(answer.to_lowercase().contains("retry-after: ") && answer.contains("cannot be scanned"), "{answer}");
        assert_eq!(get(&demo, &room("deed.txt")), b"The deed.", "{what}");
    };

    clamd.kill();
    refused("killed");
    assert_eq!(put(&demo, CLIENT_ONE, &room("empty.txt"), b"").0, 201, "there is nothing to scan");
    let sent = demo.sftp(CLIENT_ONE, &format!("put /etc/hostname \"/{}\"", room("new.txt")));
    assert!(!sent.status.success() && both(&sent).contains("Failure"), "{}", both(&sent));
    let destination = format!("Destination: {}", demo.url(&room("copy.txt")));
    let copied = demo.status(CLIENT_ONE, &room("deed.txt"), &["-X", "COPY", "-H", &destination]);
    assert_eq!(copied, 201, "a copy was scanned before");
    settle(&demo, false);
    assert!(ask(&demo, "readyz").starts_with("ok, but uploads cannot be scanned for viruses"), "{}", demo.log());
    assert!(ask(&demo, "metrics").contains("deedbox_scan_ready 0"));
    assert!(ok(demo.deedbox(&["status"])).contains("Scan       does not work"));
    let page = Browser::sign_in(&demo, ADMIN).get("/admin/health").body;
    assert!(page.contains("Uploads cannot be scanned for viruses and are refused: clamd at 127.0.0.1:"), "{page}");

    clamd.again();
    assert_eq!(put(&demo, CLIENT_ONE, &room("deed.txt"), b"The second.").0, 204, "it needs no restart");
    assert_eq!(ask(&demo, "readyz"), "ok\n");
    assert_eq!(put(&demo, CLIENT_ONE, &room("deed.txt"), b"The deed.").0, 204);
    clamd.signal("STOP");
    refused("silent");
    clamd.signal("CONT");
    assert_eq!(put(&demo, CLIENT_ONE, &room("deed.txt"), b"The third.").0, 204);

    // Longer than clamd takes, and longer than it is asked to take.
    for kib in [1536, 2560] {
        let (status, answer) = put(&demo, CLIENT_ONE, &room("long.bin"), &bytes(3, kib << 10));
        assert!(status == 413 && answer.contains("longer than what can be scanned"), "{kib}: {answer}");
    }
    demo.configure(|text| text.replacen("[scan]\n", "[scan]\nlonger = \"accept\"\n", 1));
    assert_eq!(ok(demo.deedbox(&["reload"])), "changed: scan\n");
    assert_eq!(put(&demo, CLIENT_ONE, &room("long.bin"), &bytes(3, 5 << 19)).0, 201);
    // The sandbox knows one port.
    demo.configure(|text| text.replacen(&clamd.port.to_string(), "9", 1));
    assert_eq!(ok(demo.deedbox(&["reload"])), "needs a restart: scan.clamd\n");
    is_sound(demo.data());
}
