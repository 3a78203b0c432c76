//! Faults while clients work: a full disk, input and output errors, a disk that became read-only, no file handles left, a
//! clock that jumps. Documents stop or go on as designed, both clients are told clearly, `/readyz` says why, nothing half
//! is seen, nothing acknowledged is lost, and where the fault goes away the daemon goes on without a restart.
//!
//! The disks are ext4 in a file, mounted in a namespace of the daemon's own, which needs root. Errors of single calls come
//! from a preloaded shim (`shim.c`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::deep_check::is_sound;
use crate::demo::*;

const EIO: i32 = 5;
/// The daemon has its say within this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon under a fault, and a client's view of it.
struct Rig {
    demo: Demo,
    home: TempDir,
    kept: Vec<u8>,
    /// A file of a few megabytes, which no buffer swallows.
    source: PathBuf,
}

impl Rig {
    /// A daemon started through a wrapper; `mounted` if its data directory can only be seen from where it is.
    fn start(home: TempDir, wrapper: &[String], mounted: bool) -> Self {
        let data = home.path().join("data");
        let mut demo = Demo::start_under(wrapper, &data);
        if mounted {
            demo.look_inside();
        }
        let source = home.path().join("source");
        let kept = bytes(5, 3_000_000);
        std::fs::write(&source, &kept).expect("written");
        let rig = Self { demo, home, kept, source };
        assert_eq!(rig.put("kept.bin"), 201);
        rig.serves();
        rig
    }

    /// With a library that is loaded before the daemon's own and reads files that the sandbox would keep from it.
    fn preloaded(home: TempDir, wrapper: &[String]) -> Self {
        let made = Demo::start_in(&home.path().join("data"));
        made.configure(|text| text.replace("#: landlock = \"try\"", "landlock = \"off\""));
        made.stop();
        Self::start(home, wrapper, false)
    }

    fn path(&self, name: &str) -> String {
        format!("/{MATTER_ONE}/Documents/Shared room/{name}")
    }

    fn put(&self, name: &str) -> u16 {
        self.demo.status(CLIENT_ONE, &self.path(name), &["-T", &self.source.to_string_lossy()])
    }

    /// An upload by `sftp` that must fail, with what the person is told.
    fn sftp_is_refused(&self, batch: &str, told: &[&str]) {
        let output = self.demo.sftp(CLIENT_ONE, batch);
        let said = both(&output);
        assert!(!output.status.success(), "{said}");
        assert!(told.iter().any(|words| said.contains(words)), "{told:?} is not in {said}");
    }

    fn put_by_sftp(&self, name: &str) -> String {
        format!("put {} \"{}\"", self.source.display(), self.path(name))
    }

    fn get_by_sftp(&self, name: &str) -> String {
        format!("get \"{}\" {}", self.path(name), self.home.path().join("fetched").display())
    }

    /// The document that was there before the fault, whole, at both doors.
    fn serves(&self) {
        let got = self.demo.curl(CLIENT_ONE, &self.path("kept.bin"), &["-f"]);
        assert!(got.status.success() && got.stdout == self.kept, "{}", got.status);
        ok(self.demo.sftp(CLIENT_ONE, &self.get_by_sftp("kept.bin")));
        assert!(std::fs::read(self.home.path().join("fetched")).expect("got") == self.kept);
    }

    /// What a client gets is the document, or a beginning of it and an error, or only an error.
    fn serves_nothing_wrong(&self) -> Option<i32> {
        let got = self.demo.curl(CLIENT_ONE, &self.path("kept.bin"), &["-f"]);
        assert!(self.kept.starts_with(&got.stdout), "wrong bytes");
        assert!(!got.status.success() || got.stdout == self.kept, "half a document, without an error");
        got.status.code()
    }

    /// As `serves_nothing_wrong`, for a daemon that may not answer within these seconds.
    fn serves_nothing_wrong_in(&self, seconds: u32) -> bool {
        let got = self.demo.curl(CLIENT_ONE, &self.path("kept.bin"), &["-f", "-m", &seconds.to_string()]);
        self.kept.starts_with(&got.stdout) && (!got.status.success() || got.stdout == self.kept)
    }

    fn ready(&self) -> (u16, String) {
        let url = format!("http://{}/readyz", self.demo.text("observe"));
        let output = client("curl").args(["-sS", "-w", "\n%{http_code}", &url]).output().expect("curl");
        let text = stdout(&output);
        let (body, code) = text.rsplit_once('\n').unwrap_or_default();
        (code.parse().unwrap_or_else(|_| panic!("{}", both(&output))), body.to_owned())
    }

    /// `/readyz` says so sooner or later.
    fn is_not_ready_because(&self, why: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let (code, said) = self.ready();
            if code == 503 && said.contains(why) {
                return;
            }
            assert!(Instant::now() < until, "{why:?} is not said: {code} {said}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Without a restart everything goes on.
    fn goes_on(&self) {
        let until = Instant::now() + PATIENCE;
        while self.put("afterwards.bin") >= 300 || self.ready().0 != 200 {
            assert!(Instant::now() < until, "the daemon does not recover: {:?}\n{}", self.ready(), self.demo.log());
            std::thread::sleep(Duration::from_millis(200));
        }
        self.serves();
        is_sound(self.demo.data());
        ok(self.demo.deedbox(&["audit", "verify"]));
    }
}

fn home() -> TempDir {
    tempfile::Builder::new().prefix("deedbox-test-").tempdir().expect("a temporary directory")
}

/// The data directory on an ext4 of this many MiB, which is made in a file.
fn on_ext4(mib: usize) -> Rig {
    assert!(is_root(), "this test mounts a file system: run it as root");
    let home = home();
    let wrapper = mounting(home.path(), mib);
    Rig::start(home, &wrapper, true)
}

/// What makes the disk, or mends it if it is there, and mounts it for what comes after.
fn mounting(home: &Path, mib: usize) -> Vec<String> {
    let script = r#"if [ -e "$1/disk.img" ]; then e2fsck -fp "$1/disk.img" >&2 || [ $? -le 1 ]
        else truncate -s "$2M" "$1/disk.img"; mkfs.ext4 -q -m 0 "$1/disk.img"; fi
        mkdir -p "$1/data"; mount -o loop "$1/disk.img" "$1/data"; rm -rf "$1/data/lost+found"; chmod 700 "$1/data"
        shift 2; exec "$@""#;
    let home = home.to_string_lossy().into_owned();
    ["unshare", "-m", "sh", "-ec", script, "sh", &home, &mib.to_string()].map(str::to_owned).to_vec()
}

fn is_root() -> bool {
    stdout(&Command::new("id").arg("-u").output().expect("id")).trim() == "0"
}

/// A daemon whose system calls fail as the plan says, and the plan.
fn with_shim() -> (Rig, PathBuf) {
    let home = home();
    let (shim, plan) = (home.path().join("shim.so"), home.path().join("plan"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway/faults/shim.c");
    ok(Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source).output().expect("cc"));
    let preload = [format!("LD_PRELOAD={}", shim.display()), format!("FAULT_PLAN={}", plan.display())];
    let wrapper = [&["env".to_owned()][..], &preload].concat();
    (Rig::preloaded(home, &wrapper), plan)
}

/// These calls fail with this number on files below these directories of the data directory.
fn fail(rig: &Rig, plan: &Path, faults: &[(&str, i32, &str)]) {
    let line =
        |(call, errno, below): &(&str, i32, &str)| format!("{call} {errno} {}/{below}\n", rig.demo.data().display());
    let (text, aside) = (faults.iter().map(line).collect::<String>(), plan.with_extension("new"));
    std::fs::write(&aside, text).expect("written");
    std::fs::rename(aside, plan).expect("in place at once");
}

impl Rig {
    /// Runs a command where the daemon sees its disk.
    fn inside(&self, command: &[&str]) {
        let pid = self.demo.pid().to_string();
        let ran = Command::new("nsenter").args(["-m", "-t", &pid]).args(command).output().expect("nsenter");
        assert!(ran.status.success(), "{command:?}: {}", both(&ran));
    }

    /// After a restart: everything that was acknowledged is there, whole, and recorded.
    fn restarts(self) {
        let Self { demo, home, kept, source } = self;
        let data = demo.data().to_owned();
        demo.kill();
        is_sound(&data);
        let rig = Self { demo: Demo::start_in(&data), home, kept, source };
        rig.goes_on();
        rig.demo.stop();
        is_sound(&data);
    }
}

/// What `sftp` shows: the daemon's own words for some requests, its own word for the code in others.
const NOT_NOW: &str = "the service is not available now";
const FAILURE: &str = ": Failure";

#[test]
fn a_full_ext4_stops_uploads_with_a_clear_answer_and_goes_on_when_there_is_room() {
    let rig = on_ext4(96);
    let ballast = rig.demo.data().join("ballast");
    let fill = || {
        let target = format!("of={}", ballast.display());
        let full = Command::new("dd").args(["if=/dev/zero", "bs=4k", &target]).output().expect("dd");
        assert!(!full.status.success(), "the disk is not full");
    };
    for _ in 0..2 {
        fill();
        // Until nothing fits any more; every answer until then is a clear one, and no overwrite leaves half a document.
        let until = Instant::now() + PATIENCE;
        let mut refused = 0;
        while refused < 3 {
            match rig.put("kept.bin") {
                507 | 503 => refused += 1,
                204 => {}
                other => panic!("{other} on a full disk"),
            }
            assert!(Instant::now() < until, "the disk is never full");
        }
        rig.sftp_is_refused(&rig.put_by_sftp("new.bin"), &["no space is left", NOT_NOW, FAILURE, "Connection"]);
        rig.serves_nothing_wrong();
        std::fs::remove_file(&ballast).expect("room again");
        rig.goes_on();
        assert_eq!(rig.demo.status(CLIENT_ONE, &rig.path("new.bin"), &[]), 404, "nothing half is seen");
    }
}

#[test]
fn a_disk_that_becomes_read_only_stops_documents_and_loses_nothing() {
    let rig = on_ext4(64);
    let data = rig.home.path().join("data").to_string_lossy().into_owned();
    // As the kernel does after an error of the disk: no write gets through any more, until it was unmounted and mended.
    rig.inside(&["mount", "-o", "remount,abort", &data]);
    assert_eq!(rig.put("kept.bin"), 503);
    rig.sftp_is_refused(&rig.put_by_sftp("new.bin"), &[NOT_NOW, FAILURE, "Connection", "Permission denied"]);
    rig.is_not_ready_because("the audit log");
    assert_eq!(rig.demo.status(CLIENT_ONE, &rig.path("kept.bin"), &[]), 503, "no document without a record");
    let Rig { demo, home, kept, source } = rig;
    demo.kill();
    let mut demo = Demo::start_under(&mounting(home.path(), 64), &home.path().join("data"));
    demo.look_inside();
    let rig = Rig { demo, home, kept, source };
    rig.serves();
    rig.goes_on();
    assert_eq!(rig.demo.status(CLIENT_ONE, &rig.path("new.bin"), &[]), 404, "nothing half is seen");
}

#[test]
fn an_error_of_the_disk_under_the_record_stops_documents_until_a_restart() {
    for (call, file) in [("pwrite64", "audit/journal"), ("fdatasync", "audit/journal"), ("fsync", "audit/keeper.tmp")] {
        let (rig, plan) = with_shim();
        fail(&rig, &plan, &[(call, EIO, file)]);
        let until = Instant::now() + PATIENCE;
        // Tiles come within a second after their records.
        while rig.put("kept.bin") != 503 {
            assert!(Instant::now() < until, "{call} on {file}: documents are still taken");
        }
        rig.is_not_ready_because("needs a restart");
        assert_eq!(rig.demo.status(CLIENT_ONE, &rig.path("kept.bin"), &[]), 503, "no document without a record");
        let lost = [NOT_NOW, FAILURE, "Connection", "Permission denied"];
        rig.sftp_is_refused(&rig.get_by_sftp("kept.bin"), &lost);
        // What the kernel did with the failed pages nobody knows, so that the fault going away changes nothing.
        std::fs::remove_file(&plan).expect("the fault goes away");
        assert_eq!(rig.put("kept.bin"), 503);
        rig.restarts();
    }
}

#[test]
fn an_error_of_the_disk_under_the_catalog_stops_changes_until_a_restart() {
    for call in ["pwrite64", "fdatasync", "fsync"] {
        let (rig, plan) = with_shim();
        // redb writes and syncs, by which call is its own affair.
        let other = if call == "fsync" { "fdatasync" } else { call };
        fail(&rig, &plan, &[(call, EIO, "catalog/"), (other, EIO, "catalog/")]);
        assert_eq!(rig.put("new.bin"), 503, "{call}");
        rig.is_not_ready_because("catalog");
        rig.sftp_is_refused(&rig.put_by_sftp("new.bin"), &[NOT_NOW, FAILURE]);
        // What was committed before can be read all the time.
        rig.serves();
        std::fs::remove_file(&plan).expect("the fault goes away");
        assert_eq!(rig.put("new.bin"), 503, "what is on the disk is not known");
        rig.restarts();
    }
}

#[test]
fn an_error_of_the_disk_under_documents_is_that_document_s_alone_and_passes() {
    let (rig, plan) = with_shim();
    for call in ["write", "pwrite64", "fdatasync", "fsync"] {
        fail(&rig, &plan, &[(call, EIO, "blobs/")]);
        let status = rig.put("new.bin");
        // Not every call is used; those that are must be noticed.
        assert!(matches!(status, 503 | 201 | 204), "{call}: {status}");
        if status == 503 {
            rig.sftp_is_refused(&rig.put_by_sftp("new.bin"), &[NOT_NOW, FAILURE]);
            assert_eq!(rig.put("kept.bin"), 503, "an overwrite that fails");
        }
        rig.serves();
        assert_eq!(rig.ready().0, 200, "other documents can be read and written");
        std::fs::remove_file(&plan).expect("the fault goes away");
        rig.goes_on();
    }
    fail(&rig, &plan, &[("fdatasync", EIO, "blobs/"), ("fsync", EIO, "blobs/")]);
    assert_eq!(rig.put("unseen.bin"), 503);
    fail(&rig, &plan, &[("pread64", EIO, "blobs/"), ("read", EIO, "blobs/")]);
    assert!(rig.serves_nothing_wrong() != Some(0), "it cannot be read");
    rig.sftp_is_refused(&rig.get_by_sftp("kept.bin"), &[NOT_NOW, FAILURE]);
    std::fs::remove_file(&plan).expect("the fault goes away");
    rig.goes_on();
    assert_eq!(rig.demo.status(CLIENT_ONE, &rig.path("unseen.bin"), &[]), 404, "nothing half is seen");
    rig.restarts();
}

#[test]
fn without_file_handles_left_the_daemon_refuses_and_goes_on_when_there_are_some() {
    let rig = Rig::start(home(), &["env".to_owned()], false);
    let pid = rig.demo.pid().to_string();
    let limit = |handles: usize| {
        ok(Command::new("prlimit")
            .args(["--pid", &pid, &format!("--nofile={handles}:4096")])
            .output()
            .expect("prlimit"));
    };
    limit(4096);
    // None at all; then as many as are open, which leaves the gaps between them; then a few more.
    for left in [None, Some(0), Some(1), Some(2), Some(3)] {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its handles").count();
        limit(left.map_or(3, |left| open + left));
        let answer = rig.demo.curl(CLIENT_ONE, &rig.path("new.bin"), &["-m", "3", "-T", &rig.source.to_string_lossy()]);
        assert!(rig.serves_nothing_wrong_in(3), "{left:?} left: {}", both(&answer));
        // Whom the daemon has no handle to take in waits before the door, and `sftp` does so without end.
        let sftp = rig.demo.sftp_in(3, CLIENT_ONE, &format!("ls \"{}\"", rig.path("")));
        let told = sftp.status.success() || sftp.status.code() == Some(TIMED_OUT) || both(&sftp).contains("onnection");
        assert!(told && !rig.demo.log().contains("panicked"), "{left:?} left: {}\n{}", both(&sftp), rig.demo.log());
        if left.is_none() {
            assert!(!answer.status.success() && sftp.status.code() == Some(TIMED_OUT), "{}", both(&sftp));
            rig.demo.wait_for_log("Too many open files");
        }
        limit(4096);
        rig.goes_on();
    }
    rig.restarts();
}

#[test]
fn a_clock_that_jumps_changes_no_document_and_breaks_no_record() {
    let home = home();
    let clock = home.path().join("clock");
    std::fs::write(&clock, "+0\n").expect("written");
    let library =
        ok(Command::new("sh").args(["-c", "ls /usr/lib/*/faketime/libfaketimeMT.so.1"]).output().expect("sh"));
    let wrapper = [
        "env".to_owned(),
        format!("LD_PRELOAD={}", library.trim()),
        format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()),
        "FAKETIME_NO_CACHE=1".to_owned(),
        // The clock that a person sets jumps; the one that measures does not.
        "DONT_FAKE_MONOTONIC=1".to_owned(),
    ];
    let rig = Rig::preloaded(home, &wrapper);
    for (n, jump) in ["+30d", "-400d", "+0", "+3650d", "-1"].into_iter().enumerate() {
        std::fs::write(&clock, format!("{jump}\n")).expect("written");
        assert_eq!(rig.put(&format!("{n}.bin")), 201, "{jump}");
        assert_eq!(rig.put("kept.bin"), 204, "{jump}");
        rig.goes_on();
    }
    let times = ok(rig.demo.deedbox(&["audit", "show"]));
    assert!(times.lines().any(|line| line.split_whitespace().nth(1).is_some_and(|time| time > "2030")), "it jumped");
    rig.restarts();
}
