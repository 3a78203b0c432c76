//! Drop boxes: what a device sends is held, looked at, and delivered by the firm's rules; nobody sees it before.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::deep_check::is_sound;
use crate::demo::*;
use crate::scan::{Clamd, SIGNATURE, ask, eicar};

const RULES: &str = r#"
[[drop_box]]
name = "scans"
matter = "2026-0001"
folder = "Documents/Drop box"
quiet_seconds = 1
same_content_hours = 1

[[rule]]
name = "by-number"
file = '(?<matter>[0-9]{4}-[0-9]{4}) (?<what>.+)'
matter = "{matter}"
folder = "Documents/Shared room"
rename = "{what}"

[[rule]]
name = "by-folder"
subfolder = '(?<matter>[0-9]{4}-[0-9]{4})'
matter = "{matter}"
folder = "Documents/Shared room"
"#;

/// A firm with a drop box into which the scanner and clients put documents.
pub(crate) struct Office {
    pub(crate) demo: Demo,
    home: TempDir,
}

impl Office {
    /// `lines` go into the configuration's section on the virus scan.
    pub(crate) fn open(lines: &str) -> Self {
        let home = tempfile::Builder::new().prefix("deedbox-test-").tempdir().expect("a directory");
        let data = home.path().join("data");
        let demo = Demo::start_in(&data);
        std::fs::write(data.join("intake.toml"), RULES).expect("written");
        demo.configure(|text| {
            let text = text.replacen("[scan]\n", &format!("[scan]\n{lines}\n"), 1);
            format!("intake = \"intake.toml\"\n{text}")
        });
        demo.stop();
        Self { demo: Demo::start_in(&data), home }
    }

    /// As after a crash.
    pub(crate) fn killed(self) -> Self {
        let data = self.demo.data().to_owned();
        self.demo.kill();
        Self { demo: Demo::start_in(&data), home: self.home }
    }

    fn file(&self, content: &[u8]) -> PathBuf {
        let file = self.home.path().join("sent");
        std::fs::write(&file, content).expect("written");
        file
    }

    /// The scanner sends this under a name in the drop box.
    pub(crate) fn send(&self, name: &str, content: &[u8]) {
        let file = self.file(content);
        ok(self.demo.sftp(SCANNER, &format!("put \"{}\" \"{}\"", file.display(), dropped(name))));
    }

    pub(crate) fn get(&self, path: &str) -> Option<Vec<u8>> {
        let output = self.demo.curl(STAFF, path, &["--fail"]);
        output.status.success().then_some(output.stdout)
    }

    /// Waits until this is there, with this content.
    pub(crate) fn arrives(&self, path: &str, content: &[u8]) {
        let found = eventually(|| self.get(path));
        assert!(found == content, "{path} has other content, of {} bytes", found.len());
    }

    fn drop_boxes(&self) -> Value {
        self.demo.deedbox_json(&["status"])["drop_boxes"].clone()
    }

    /// Waits until so many are on their way, of them so many for the scan, and in quarantine.
    pub(crate) fn counts(&self, expected: [u64; 3]) {
        eventually(|| {
            let now = self.drop_boxes();
            let now = ["waiting", "unscanned", "quarantined"].map(|what| now[what].as_u64().expect("a number"));
            (now == expected).then_some(())
        });
    }

    /// What the record has of an action, without what was begun.
    fn record(&self, action: &str) -> Vec<Value> {
        let all = ok(self.demo.deedbox(&["audit", "show", "--json"]));
        let all =
            all.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|why| panic!("{why}: {line}")));
        let ended = |one: &Value| one["outcome"] != "begun" && one["outcome"] != "confirmed";
        all.filter(|one| one["action"] == action && ended(one)).collect()
    }
}

/// What this gives within a while.
pub(crate) fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "it does not come");
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub(crate) fn dropped(name: &str) -> String {
    format!("/{MATTER_ONE}/Documents/Drop box/{name}")
}

fn room(name: &str) -> String {
    format!("{MATTER_ONE}/Documents/Shared room/{name}")
}

fn other_room(name: &str) -> String {
    format!("2026-0002 Estate of A Testator/Documents/Shared room/{name}")
}

#[test]
fn what_a_scanner_sends_is_delivered_by_the_first_rule_and_seen_by_nobody_before() {
    let office = Office::open("");
    let demo = &office.demo;
    let (deed, will) = (bytes(1, 300_000), bytes(2, 200_000));
    let sent = office.file(&deed);
    let unseen = |name: &str| {
        for login in [STAFF, CLIENT_ONE] {
            assert_eq!(demo.status(login, dropped(name).trim_start_matches('/'), &[]), 404, "{login} sees {name}");
        }
        let listed = demo.names(STAFF, &dropped(""));
        assert!(!listed.contains(name), "{listed:?}");
    };
    // The scanner sees its own upload until it is delivered, and may still give it its name.
    let put = format!(
        "put \"{}\" \"{}\"\nls -l \"{1}\"\nrename \"{1}\" \"{}\"\nls -l \"{2}\"",
        sent.display(),
        dropped("raw.tif"),
        dropped("2026-0001 deed.tif")
    );
    let shown = ok(demo.sftp(SCANNER, &put));
    assert_eq!(shown.matches("300000").count(), 2, "{shown}");
    unseen("2026-0001 deed.tif");
    office.arrives(&room("deed.tif"), &deed);
    assert!(!ok(demo.sftp(SCANNER, &format!("-ls \"{}\"", dropped("2026-0001 deed.tif")))).contains("-rw"));

    // Another of that name, by way of a temporary name; one for another matter; one in a folder; the client's.
    let partly = dropped("2026-0001 deed.tif.filepart");
    let file = office.file(&will).display().to_string();
    let put = format!(
        "put \"{file}\" \"{partly}\"\nrename \"{partly}\" \"{}\"\nmkdir \"{}\"\nput /etc/hostname \"{}\"\nput /etc/passwd \"{}\"",
        dropped("2026-0001 deed.tif"),
        dropped("2026-0002"),
        dropped("2026-0002/note.txt"),
        dropped("2026-0002 list.txt")
    );
    ok(demo.sftp(SCANNER, &put));
    ok(demo.sftp(CLIENT_ONE, &format!("put /etc/group \"{}\"", dropped("2026-0001 from the client.txt"))));
    office.arrives(&room("deed (2).tif"), &will);
    office.arrives(&other_room("note.txt"), &std::fs::read("/etc/hostname").expect("read"));
    office.arrives(&other_room("list.txt"), &std::fs::read("/etc/passwd").expect("read"));
    office.arrives(&room("from the client.txt"), &std::fs::read("/etc/group").expect("read"));
    assert_eq!(office.get(&room("deed.tif")), Some(deed.clone()), "never over an existing one");

    // The arrival is the document's time, whatever the scanner says.
    ok(demo.sftp(SCANNER, &format!("put -p /etc/shells \"{}\"", dropped("2026-0001 old.txt"))));
    office.arrives(&room("old.txt"), &std::fs::read("/etc/shells").expect("read"));
    let head = stdout(&demo.curl(STAFF, &room("old.txt"), &["-I"]));
    let year = jiff::Timestamp::now().to_string();
    assert!(head.contains(&format!("{} ", &year[..4])), "{head}");

    // A test of the connection, and the same content once more, go nowhere.
    office.send("2026-0001 empty.txt", b"");
    ok(demo.sftp(SCANNER, &format!("put /etc/issue \"{0}\"\nrm \"{0}\"", dropped("2026-0001 gone.txt"))));
    office.send("2026-0001 twice.tif", &deed);
    let same = eventually(|| office.record("delete").into_iter().find(|one| one["login"] == "intake"));
    office.counts([1, 0, 0]);
    for name in ["empty.txt", "gone.txt", "twice.tif"] {
        assert_eq!(demo.status(STAFF, &room(name), &[]), 404, "{name}");
    }
    let reason = same["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("the same content as /") && reason.contains("deed.tif"), "{same}");
    let routed = office.record("route");
    assert_eq!(routed.len(), 6, "{routed:?}");
    assert!(routed.iter().all(|one| one["login"] == "intake" && one["outcome"] == "done"), "{routed:?}");
    assert!(routed[0]["reason"] == "rule `by-number`" && routed[0]["to"] == format!("/{}", room("deed.tif")));
    let metrics = ask(demo, "metrics");
    for count in ["routed\"} 6", "duplicate\"} 1"] {
        assert!(metrics.contains(&format!("deedbox_intake_total{{result=\"{count}")), "{metrics}");
    }
    is_sound(demo.data());
}

#[test]
fn what_cannot_be_delivered_waits_for_a_person_with_the_reason() {
    let office = Office::open("");
    let demo = &office.demo;
    ok(demo.deedbox(&["matter", "add", "2026-0003", "Over", "--type", "General"]));
    ok(demo.deedbox(&["matter", "close", "2026-0003"]));
    assert!(ok(demo.deedbox(&["account", "receipts", SCANNER, "on"])).contains("gets receipts"));
    let whole = office.get(&format!("{MATTER_ONE}/Documents/From us/Report on title.pdf")).expect("the sample");
    for (name, content) in [
        ("nothing says where.txt", &b"a"[..]),
        ("2026-0009 no such matter.txt", b"b"),
        ("2026-0003 closed.txt", b"c"),
        ("2026-0001 a.filepart.txt.partial", b"d"),
        ("2026-0001 cut.pdf", &whole[..whole.len() / 2]),
        ("2026-0001 whole.pdf", &whole),
    ] {
        office.send(name, content);
    }
    office.arrives(&room("whole.pdf"), &whole);
    office.counts([0, 0, 4]);
    let reasons: Vec<_> = office.record("quarantine").iter().map(|one| one["reason"].to_string()).collect();
    for reason in ["no rule matches", "there is no matter 2026-0009", "matter 2026-0003 is closed", "it was cut"] {
        assert!(reasons.iter().any(|said| said.contains(reason)), "{reason}: {reasons:?}");
    }
    assert_eq!(demo.names(STAFF, &dropped("")).len(), 0);
    let documents = demo.deedbox_json(&["document", "list", "--matter", "2026-0001"]).to_string();
    assert!(documents.contains("whole.pdf") && !documents.contains("cut.pdf\""), "{documents}");

    // The scanner reads what became of each, and nobody else does.
    let receipt = |login: &str, name: &str| {
        let (file, path) = (office.home.path().join("receipt"), dropped(&format!("{name}.receipt.json")));
        let got = demo.sftp(login, &format!("get \"{path}\" \"{}\"", file.display()));
        got.status
            .success()
            .then(|| -> Value { serde_json::from_slice(&std::fs::read(&file).expect("read")).expect("JSON") })
    };
    let told = eventually(|| receipt(SCANNER, "2026-0001 whole.pdf"));
    assert!(told["result"] == "delivered" && told["rule"] == "by-number", "{told}");
    assert_eq!(told["destination"], format!("/{}", room("whole.pdf")));
    let cut = eventually(|| receipt(SCANNER, "2026-0001 cut.pdf"));
    assert!(cut["result"] == "quarantined" && cut["reason"].to_string().contains("it was cut"), "{cut}");
    for login in [CLIENT_ONE, STAFF] {
        assert_eq!(receipt(login, "2026-0001 cut.pdf"), None, "{login}");
    }
    assert_eq!(demo.names(STAFF, &dropped("")).len(), 0);

    let office = office.killed();
    office.counts([0, 0, 4]);
    is_sound(office.demo.data());
}

#[test]
fn an_upload_that_broke_off_is_never_delivered_and_kill_9_loses_none_that_came() {
    let mut office = Office::open("");
    // The line breaks in the middle of a document.
    let (long, broken) = (bytes(99, 1 << 20), dropped("2026-0001 long.tif"));
    let (file, batch) = (office.home.path().join("long"), office.home.path().join("batch"));
    std::fs::write(&file, &long).expect("written");
    std::fs::write(&batch, format!("put \"{}\" \"{broken}\"\n", file.display())).expect("written");
    let mut slow = client_for(4, "sftp");
    slow.args(office.demo.ssh_options(SCANNER)).args(["-q", "-l", "800", "-b"]).arg(&batch).arg("127.0.0.1");
    assert_eq!(slow.output().expect("sftp is installed").status.code(), Some(TIMED_OUT));

    let mut sent = Vec::new();
    for round in 0..4u64 {
        let batch: Vec<String> = (0..6u64)
            .map(|n| {
                let (number, content) = (1 + n % 2, bytes(100 * round + n, 100_000));
                let file = office.home.path().join(format!("sent {round} {n}"));
                std::fs::write(&file, &content).expect("written");
                let name = format!("{round} {n}.tif");
                let put = format!("put \"{}\" \"{}\"", file.display(), dropped(&format!("2026-000{number} {name}")));
                sent.push((number, name, content));
                put
            })
            .collect();
        ok(office.demo.sftp(SCANNER, &batch.join("\n")));
        // The quiet time is over at about then, and one after the other is under way.
        std::thread::sleep(Duration::from_millis(850 + 90 * round));
        office = office.killed();
    }
    for (number, name, content) in &sent {
        let path = if *number == 1 { room(name) } else { other_room(name) };
        office.arrives(&path, content);
        assert_eq!(office.get(&path.replace(".tif", " (2).tif")), None, "twice: {path}");
    }
    office.counts([0, 0, 0]);
    assert_eq!(office.get(&room("long.tif")), None);
    ok(office.demo.sftp(SCANNER, &format!("reput \"{}\" \"{broken}\"", file.display())));
    office.arrives(&room("long.tif"), &long);
    is_sound(office.demo.data());
}

#[test]
fn while_the_virus_scan_is_away_scans_wait_unseen_and_what_is_infected_is_never_delivered() {
    let mut clamd = Clamd::start();
    let office = Office::open(&format!("clamd = \"{}\"\ntimeout_seconds = 2", clamd.socket().display()));
    let demo = &office.demo;
    clamd.kill();
    let (clean, infected) = (bytes(7, 400_000), [&bytes(8, 300_000)[..], &eicar()].concat());
    office.send("2026-0001 clean.tif", &clean);
    office.send("2026-0002 infected.tif", &infected);
    office.counts([2, 2, 0]);
    assert!(ask(demo, "readyz").contains("; 2 documents in drop boxes wait for it"), "{}", ask(demo, "readyz"));
    let status = ok(demo.deedbox(&["status"]));
    assert!(
        status.contains("Drop boxes 2 on their way, 2 of them held for the virus scan; 0 in quarantine"),
        "{status}"
    );
    let office = office.killed();
    office.counts([2, 2, 0]);
    for path in [room("clean.tif"), dropped("2026-0001 clean.tif")] {
        assert_eq!(office.demo.status(STAFF, path.trim_start_matches('/'), &[]), 404, "{path}");
    }
    clamd.again();
    office.arrives(&room("clean.tif"), &clean);
    office.counts([0, 0, 1]);
    // A bomb: two hundred times its size. What clamd says of it within its own limits holds.
    let bomb = office.home.path().join("bomb.zip");
    let zip =
        "import sys,zipfile;z=zipfile.ZipFile(sys.argv[1],'w',zipfile.ZIP_DEFLATED);z.writestr('zeros',bytes(200<<20))";
    ok(client("python3").args(["-c", zip]).arg(&bomb).output().expect("python3 is installed"));
    ok(office.demo.sftp(SCANNER, &format!("put \"{}\" \"{}\"", bomb.display(), dropped("2026-0001 bomb.zip"))));
    office.arrives(&room("bomb.zip"), &std::fs::read(&bomb).expect("read"));
    let status = std::fs::read_to_string(format!("/proc/{}/status", office.demo.pid())).expect("running");
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    assert!(peak.is_some_and(|kib| kib < 500 << 10), "{status}");
    assert_eq!(office.get(&other_room("infected.tif")), None);
    let scans = office.record("scan");
    let refused = scans.iter().find(|one| one["outcome"] == "refused").expect("recorded");
    assert!(refused["reason"].to_string().contains(SIGNATURE) && refused["login"] == "intake", "{refused}");
    is_sound(office.demo.data());
}
