//! SFTP tools as people have them, each in a folder with every right, in one to which may only be added, and in a blind drop
//! box: puts, gets, both resumes, folders both ways, a document put over another, times, and names in every alphabet.
//!
//! Each client brings the local folder `up` to a remote one and, where it may read, back to the local folder `back`. Then
//! staff fetch the remote one, and all three must be the same.

mod libraries;
mod mounted;
mod old_ssh;
mod openssh;
mod programs;
mod random_writes;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::demo::{CLIENT_ONE, Demo, SCANNER, STAFF, both, bytes, end_with_tests, ok};
use crate::mounts::wait_for;
use crate::names::ALPHABETS;
use crate::sftp_wire::{CREATE, Sftp, TRUNCATE, WRITE, packet, run, string, write};

const ROOT: &str = "2026-0901 Tools/Documents";
const CLIENTS: [&str; 12] =
    ["sftp", "scp", "psftp", "lftp", "rclone", "sshfs", "rclone-mount", "curl", "paramiko", "asyncssh", "ssh2", "jsch"];

/// One name for each alphabet, and what shells find difficult.
fn names() -> impl Iterator<Item = &'static str> {
    ALPHABETS.into_iter().chain(["100% #1 what? {2} & more.txt", "it's so;ok$.txt"])
}

/// How much of `resumed.bin` comes before its upload breaks off, and of `whole.bin` before its download does.
const BROKEN_OFF: usize = 120_000;

/// What the client may do in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rights {
    Full,
    /// List, read and create.
    Add,
    /// Create alone.
    Blind,
}

impl Rights {
    const ALL: [Self; 3] = [Self::Full, Self::Add, Self::Blind];

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Add => "add",
            Self::Blind => "blind",
        }
    }

    fn row(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Add => "list read create",
            Self::Blind => "create",
        }
    }
}

/// A firm with a folder for each client and each set of rights, and with a listener for old scanners.
fn firm() -> &'static Demo {
    static FIRM: OnceLock<(Demo, TempDir)> = OnceLock::new();
    let open = || {
        let home = tempfile::Builder::new().prefix("deedbox-test-").tempdir().expect("a temporary directory");
        let data = home.path().join("data");
        let demo = Demo::start_in(&data);
        let section = "[scanners]\nlisten = \"127.0.0.1:0\"\nallow = [\"127.0.0.1\"]\nuntil = \"2999-12-31\"\n";
        demo.configure(|text| text.replace("[scanners]\n", section));
        demo.stop();
        let demo = Demo::start_in(&data);
        end_with_tests(demo.pid());
        let mut toml = String::from("name = \"Tools\"\nparticipants = [\"client\", \"device\"]\n");
        for rights in Rights::ALL {
            for client in CLIENTS {
                let (name, row) = (rights.name(), rights.row());
                toml += &format!(
                    "\n[[folder]]\npath = \"Documents/{name}/{client}\"\nrows = {{ client = \"{row}\", device = \"{row}\" }}\n"
                );
            }
        }
        let file = demo.data().join("tools.toml");
        std::fs::write(&file, toml).expect("written");
        for arguments in [
            &["matter-type", "apply", &file.to_string_lossy()][..],
            &["matter", "add", "2026-0901", "Tools", "--type", "Tools"],
            &["participant", "add", "--matter", "2026-0901", "--contact", CLIENT_ONE, "--type", "client"],
            &["access", "grant", "--matter", "2026-0901", "--contact", CLIENT_ONE],
            &["device", "add", SCANNER, "--matter", "2026-0901"],
        ] {
            ok(demo.deedbox(arguments));
        }
        (demo, home)
    };
    &FIRM.get_or_init(open).0
}

/// Where clients connect whose SSH is too old for the main listener.
fn port_for_old_ssh() -> &'static str {
    static PORT: OnceLock<String> = OnceLock::new();
    PORT.get_or_init(|| {
        let status = firm().deedbox_json(&["status"]);
        let at = status["listeners"]["scanners"].as_str().unwrap_or_else(|| panic!("no such listener: {status}"));
        at.rsplit(':').next().expect("a port").to_owned()
    })
}

/// One client at one folder, with a local directory.
struct Room {
    demo: &'static Demo,
    login: &'static str,
    rights: Rights,
    /// Without a slash in front.
    folder: String,
    home: TempDir,
}

impl Room {
    /// Has a client do its work in a folder with each set of rights, and looks at what came of it.
    fn each(client: &str, work: impl Fn(&Self)) {
        Self::each_of(CLIENT_ONE, client, work);
    }

    fn each_of(login: &'static str, client: &str, work: impl Fn(&Self)) {
        for rights in Rights::ALL {
            let room = Self::new(login, client, rights);
            work(&room);
            room.came_whole();
        }
    }

    fn new(login: &'static str, client: &str, rights: Rights) -> Self {
        let home = tempfile::Builder::new().prefix("deedbox-tools-").tempdir().expect("a directory");
        let up = home.path().join("up");
        std::fs::create_dir_all(up.join("tree/deep")).expect("made");
        std::fs::create_dir(up.join("names")).expect("made");
        let whole = bytes(51, 300_001);
        for (name, content) in [
            ("up/whole.bin", &whole[..]),
            ("up/resumed.bin", &bytes(52, 200_000)),
            ("up/replaced.txt", b"as it is in the end"),
            ("up/tree/empty", b""),
            ("up/tree/deep/inner.bin", &bytes(53, 70_000)),
            ("first.txt", b"as it was first"),
            ("continued.bin", &whole[..BROKEN_OFF]),
        ] {
            std::fs::write(home.path().join(name), content).expect("written");
        }
        for name in names() {
            std::fs::write(up.join("names").join(name), name).expect("written");
        }
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(981_173_106);
        let file = std::fs::File::options().write(true).open(up.join("whole.bin")).expect("opened");
        file.set_modified(long_ago).expect("set");
        Self { demo: firm(), login, rights, folder: format!("{ROOT}/{}/{client}", rights.name()), home }
    }

    fn here(&self) -> &Path {
        self.home.path()
    }

    fn up(&self) -> PathBuf {
        self.here().join("up")
    }

    fn may_read(&self) -> bool {
        self.rights != Rights::Blind
    }

    fn may_replace(&self) -> bool {
        self.rights == Rights::Full
    }

    /// Uploads the beginning of `resumed.bin` and loses the connection.
    fn break_an_upload_off(&self) {
        let content = std::fs::read(self.up().join("resumed.bin")).expect("read");
        let path = string(format!("/{}/resumed.bin", self.folder).as_bytes());
        run(async {
            let mut sftp = Sftp::ready_as(self.demo, self.login).await;
            sftp.send(&packet(3, 1, &[&path, &(WRITE | CREATE | TRUNCATE).to_be_bytes(), &[0; 4]])).await;
            let answer = sftp.answer().await.expect("an answer");
            assert_eq!(answer[0], 102, "HANDLE is expected, not {answer:?}");
            for (n, part) in content[..BROKEN_OFF].chunks(30_000).enumerate() {
                sftp.send(&write(2, &answer[9..], 30_000 * n as u64, part)).await;
                assert_eq!(sftp.status().await.1, 0);
            }
        });
        let size = format!(" {BROKEN_OFF} ");
        let listed = || self.demo.sftp(self.login, &format!("ls -l \"/{}/resumed.bin\"", self.folder));
        wait_for("what came of a broken upload", || both(&listed()).contains(&size));
    }

    /// The folder is what it was to be, for its client and for staff.
    fn came_whole(&self) {
        ok(self.staff_fetch("down"));
        self.same("up", "down");
        if self.may_read() {
            self.same("up", "back");
            assert!(
                std::fs::read(self.here().join("continued.bin")).ok()
                    == std::fs::read(self.up().join("whole.bin")).ok(),
                "{:?}: the download did not go on where it broke off",
                self.rights
            );
        }
    }

    /// The time of the document is the file's.
    fn kept_time(&self) {
        let listed = ok(self.demo.sftp(STAFF, &format!("ls -l \"/{}/whole.bin\"", self.folder)));
        assert!(listed.contains("Feb  3  2001"), "{:?}: {listed}", self.rights);
    }

    /// The folder is, to staff, already what it is to be.
    fn has_arrived(&self) -> bool {
        let fetched = self.staff_fetch("looked-at");
        let is_whole = fetched.status.success() && self.difference("up", "looked-at").status.success();
        std::fs::remove_dir_all(self.here().join("looked-at")).expect("removed");
        is_whole
    }

    fn staff_fetch(&self, to: &str) -> Output {
        self.demo.sftp(STAFF, &format!("get -pr \"/{}\" \"{}\"", self.folder, self.here().join(to).display()))
    }

    fn same(&self, one: &str, other: &str) {
        let output = self.difference(one, other);
        assert!(output.status.success(), "{:?}: {}", self.rights, both(&output));
    }

    fn difference(&self, one: &str, other: &str) -> Output {
        Command::new("diff").args(["-r", one, other]).current_dir(self.here()).output().expect("diff runs")
    }

    /// Must have failed.
    fn refused(&self, what: &str, output: &Output) {
        assert!(!output.status.success(), "{:?}: {what}: {}", self.rights, both(output));
    }
}
