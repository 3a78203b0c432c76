//! Drives as programs see them: rclone, sshfs and davfs2 mount a folder, and everything else is files. And two clients that
//! people type into: cadaver and psftp.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::demo::{CLIENT_ONE, Demo, MATTER_ONE, both, bytes, client, ok, stdout};

/// A folder of its own in which the client may do everything; gives its path below `/dav/`.
fn room(name: &str) -> String {
    let path = format!("{MATTER_ONE}/Documents/Shared room/{name}");
    assert_eq!(Demo::shared().status(CLIENT_ONE, &path, &["-X", "MKCOL"]), 201);
    path
}

/// A mounted folder.
pub(crate) struct Mount {
    place: PathBuf,
    server: Child,
    log: PathBuf,
    home: TempDir,
}

impl Mount {
    /// Runs a program that mounts at the place which is its last argument and stays in the foreground.
    pub(crate) fn new(home: TempDir, command: &mut Command) -> Self {
        assert!(Path::new("/dev/fuse").exists(), "this test mounts drives and needs /dev/fuse (`modprobe fuse`)");
        let (place, log) = (home.path().join("drive"), home.path().join("log"));
        std::fs::create_dir(&place).expect("made");
        let file = std::fs::File::create(&log).expect("a log file");
        let server = command
            .arg(&place)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log file"))
            .stderr(file)
            .spawn()
            .expect("the mounting program is installed");
        let mut mount = Self { place, server, log, home };
        while !mount.is_mounted() {
            let ended = mount.server.try_wait().expect("a child");
            assert!(ended.is_none_or(|status| status.success()), "not mounted: {}", mount.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        mount
    }

    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn is_mounted(&self) -> bool {
        let mounts = std::fs::read_to_string("/proc/mounts").expect("Linux");
        mounts.lines().any(|line| line.split(' ').nth(1) == self.place.to_str())
    }

    pub(crate) fn unmount(&self) {
        let mut command = match Command::new("id").arg("-u").output() {
            Ok(output) if stdout(&output).trim() == "0" => Command::new("umount"),
            _ => {
                let mut command = Command::new("fusermount3");
                command.arg("-u");
                command
            }
        };
        let output = command.arg(&self.place).output().expect("umount runs");
        assert!(output.status.success(), "{}\n{}", both(&output), self.said());
    }

    /// What anybody does with files, and what the gateway has of it then.
    fn try_as_a_drive(self, path: &str) {
        let demo = Demo::shared();
        let at = |name: &str| self.place.join(name);
        let told = |what: &str, error: std::io::Error| -> ! { panic!("{what}: {error}\n{}", self.said()) };
        let content = bytes(41, 3_000_000);
        std::fs::write(self.home.path().join("local"), &content).expect("written");
        std::fs::create_dir(at("folder")).unwrap_or_else(|error| told("mkdir", error));
        ok(Command::new("cp").arg(self.home.path().join("local")).arg(at("a ä.bin")).output().expect("cp runs"));
        assert!(std::fs::read(at("a ä.bin")).unwrap_or_else(|error| told("read", error)) == content);
        std::fs::write(at("small.txt"), "small").unwrap_or_else(|error| told("write", error));
        wait_for("the uploads", || {
            demo.curl(CLIENT_ONE, &format!("{path}/a ä.bin"), &[]).stdout == content
                && demo.curl(CLIENT_ONE, &format!("{path}/small.txt"), &[]).stdout == b"small"
        });
        // Edited: at its end and in the middle.
        let mut file = std::fs::OpenOptions::new().append(true).open(at("small.txt")).expect("opened");
        file.write_all(b" and more").unwrap_or_else(|error| told("append", error));
        drop(file);
        let mut file = std::fs::OpenOptions::new().write(true).open(at("a ä.bin")).expect("opened");
        file.seek(SeekFrom::Start(1_000_000))
            .and_then(|_| file.write_all(b"in place"))
            .unwrap_or_else(|e| told("edit", e));
        drop(file);
        let edited = [&content[..1_000_000], b"in place", &content[1_000_008..]].concat();
        wait_for("the edits", || {
            demo.curl(CLIENT_ONE, &format!("{path}/a ä.bin"), &[]).stdout == edited
                && demo.curl(CLIENT_ONE, &format!("{path}/small.txt"), &[]).stdout == b"small and more"
        });
        // As programs save: written aside and renamed over.
        std::fs::write(at("small.new"), "newer").unwrap_or_else(|error| told("write", error));
        wait_for("the upload", || demo.status(CLIENT_ONE, &format!("{path}/small.new"), &["-I"]) == 200);
        std::fs::rename(at("small.new"), at("small.txt")).unwrap_or_else(|error| told("rename over", error));
        wait_for("the save", || demo.curl(CLIENT_ONE, &format!("{path}/small.txt"), &[]).stdout == b"newer");
        std::fs::rename(at("a ä.bin"), at("folder/b.bin")).unwrap_or_else(|error| told("rename", error));
        std::fs::rename(at("small.txt"), at("renamed.txt")).unwrap_or_else(|error| told("rename", error));
        let listed = ok(Command::new("ls").arg("-1").arg(&self.place).output().expect("ls runs"));
        let mut names: Vec<_> = listed.lines().filter(|name| *name != "lost+found").collect();
        names.sort();
        assert_eq!(names, ["folder", "renamed.txt"]);
        assert_eq!(std::fs::metadata(at("folder/b.bin")).expect("there").len(), 3_000_000);
        std::fs::remove_file(at("renamed.txt")).unwrap_or_else(|error| told("remove", error));
        for (name, expected) in [("folder/b.bin", 200), ("renamed.txt", 404), ("a ä.bin", 404)] {
            wait_for(name, || demo.status(CLIENT_ONE, &format!("{path}/{name}"), &["-I"]) == expected);
        }
        std::fs::remove_file(at("folder/b.bin")).unwrap_or_else(|error| told("remove", error));
        std::fs::remove_dir(at("folder")).unwrap_or_else(|error| told("rmdir", error));
        self.unmount();
        wait_for("the end", || !self.is_mounted());
        assert_eq!(ok(demo.sftp(CLIENT_ONE, &format!("ls -1 \"/{path}\""))).lines().count(), 1, "nothing is left");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.is_mounted() {
            // A failing test must not leave a dead mount behind.
            let _ = Command::new("umount").arg("-l").arg(&self.place).output();
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Mounts write back in the background; ten seconds are far more than any of them takes.
pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..200 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not come within ten seconds");
}

fn home() -> TempDir {
    tempfile::Builder::new().prefix("deedbox-mount-").tempdir().expect("a directory")
}

#[test]
fn rclone_mounts_a_folder_over_webdav() {
    let path = room("mount-rclone");
    rclone_drive(Demo::shared(), &path).try_as_a_drive(&path);
}

/// A folder as the client mounts it.
pub(crate) fn rclone_drive(demo: &Demo, path: &str) -> Mount {
    let home = home();
    let mut command = rclone(demo, path, &home);
    command
        .args([
            "mount",
            "--vfs-cache-mode",
            "writes",
            "--vfs-write-back",
            "0s",
            "--dir-cache-time",
            "0s",
            "--cache-dir",
        ])
        .arg(home.path().join("cache"))
        .arg("dav:");
    Mount::new(home, &mut command)
}

/// rclone, with a folder as its remote `dav:`.
fn rclone(demo: &Demo, path: &str, home: &TempDir) -> Command {
    let obscured = ok(client("rclone").args(["obscure", demo.password(CLIENT_ONE)]).output().expect("rclone"));
    let mut command = Command::new("rclone");
    command
        .env("RCLONE_CONFIG", home.path().join("none.conf"))
        .env("RCLONE_CONFIG_DAV_TYPE", "webdav")
        .env("RCLONE_CONFIG_DAV_VENDOR", "other")
        .env("RCLONE_CONFIG_DAV_URL", demo.url(path))
        .env("RCLONE_CONFIG_DAV_USER", CLIENT_ONE)
        .env("RCLONE_CONFIG_DAV_PASS", obscured.trim())
        .args(["--ca-cert", demo.text("ca_file")]);
    command
}

#[test]
fn sshfs_mounts_a_folder_over_sftp() {
    let path = room("mount-sshfs");
    sshfs(Demo::shared(), &path).try_as_a_drive(&path);
}

/// A folder as the client mounts it.
pub(crate) fn sshfs(demo: &Demo, path: &str) -> Mount {
    let home = home();
    // It knows few of ssh's options itself.
    let config = home.path().join("config");
    let options = demo.ssh_options(CLIENT_ONE).into_iter().filter(|option| option != "-o");
    std::fs::write(&config, options.map(|option| option.replacen('=', " ", 1) + "\n").collect::<String>())
        .expect("written");
    let mut command = Command::new("sshfs");
    command.args(["-f", "-F"]).arg(&config).arg(format!("127.0.0.1:/{path}"));
    Mount::new(home, &mut command)
}

#[test]
fn davfs2_mounts_a_folder_over_webdav() {
    let path = room("mount-davfs");
    davfs(Demo::shared(), &path).try_as_a_drive(&path);
}

/// A folder as the client mounts it.
pub(crate) fn davfs(demo: &Demo, path: &str) -> Mount {
    let root = ok(Command::new("id").arg("-u").output().expect("id runs"));
    assert_eq!(root.trim(), "0", "mount.davfs works for root alone; run this test as root");
    let home = home();
    // It encodes the path itself.
    let url = format!("{}{}", demo.text("webdav_url"), path.trim_start_matches('/'));
    // It reads the certificate as its own user, who cannot look into the firm's directory.
    let ca = home.path().join("ca.pem");
    std::fs::copy(demo.text("ca_file"), &ca).expect("copied");
    for (path, mode) in [(home.path(), 0o755), (&ca, 0o644)] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("opened");
    }
    let (conf, secrets) = (home.path().join("davfs2.conf"), home.path().join("secrets"));
    // From Linux 6.16 on, folders are read in larger pieces than its buffer has by default.
    let settings = format!(
        "trust_ca_cert {}\nsecrets {}\ncache_dir {}\nask_auth 0\nuse_locks 1\ndelay_upload 0\nbuf_size 64\ndir_refresh 0\nfile_refresh 0\n",
        ca.display(),
        secrets.display(),
        home.path().join("cache").display()
    );
    std::fs::write(&conf, settings).expect("written");
    std::fs::write(&secrets, format!("\"{url}\" \"{CLIENT_ONE}\" \"{}\"\n", demo.password(CLIENT_ONE)))
        .expect("written");
    std::fs::set_permissions(&secrets, PermissionsExt::from_mode(0o600)).expect("made private");
    let cache = home.path().join("cache");
    std::fs::create_dir(&cache).expect("made");
    std::fs::set_permissions(&cache, PermissionsExt::from_mode(0o777)).expect("opened");
    let mut command = Command::new("mount.davfs");
    command.arg("-o").arg(format!("conf={}", conf.display())).arg(&url);
    Mount::new(home, &mut command)
}

#[test]
fn two_drives_on_one_folder_see_each_other_and_mix_nothing() {
    let (demo, path) = (Demo::shared(), room("mount-two"));
    let drives = [davfs(demo, &path), rclone_drive(demo, &path)];
    let content = |drive: usize, n: usize| bytes((100 * drive + n) as u64, 150_000);
    let name = |drive: usize, n: usize| format!("{drive}-{n}.bin");
    // Each writes documents of its own, and both write one that they share.
    std::thread::scope(|scope| {
        for (i, drive) in drives.iter().enumerate() {
            scope.spawn(move || {
                for n in 0..4 {
                    std::fs::write(drive.place().join(name(i, n)), content(i, n)).expect("written");
                }
                // One of them may be told that the other has it locked.
                let _ = std::fs::write(drive.place().join("same.bin"), content(i, 9));
            });
        }
    });
    for (i, n) in (0..8).map(|all| (all / 4, all % 4)) {
        wait_for("the uploads", || {
            demo.curl(CLIENT_ONE, &format!("{path}/{}", name(i, n)), &[]).stdout == content(i, n)
        });
        for drive in &drives {
            wait_for("the other's document", || {
                std::fs::read(drive.place().join(name(i, n))).ok() == Some(content(i, n))
            });
        }
    }
    wait_for("one of the two", || {
        let same = demo.curl(CLIENT_ONE, &format!("{path}/same.bin"), &[]).stdout;
        same == content(0, 9) || same == content(1, 9)
    });
    // What one removes is gone for the other.
    std::fs::remove_file(drives[1].place().join(name(0, 0))).expect("removed");
    wait_for("the removal", || std::fs::metadata(drives[0].place().join(name(0, 0))).is_err());
    drives.iter().for_each(Mount::unmount);
}

/// How many entries each of the programs lists of a folder whose entries are called `entry …`.
pub(crate) fn names_in_every_client(demo: &Demo, path: &str) -> Vec<(&'static str, usize)> {
    let in_mount = |drive: Mount| {
        let entries = std::fs::read_dir(drive.place()).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        let count = names.filter(|name| name.starts_with("entry ")).count();
        drive.unmount();
        count
    };
    let lines = |text: String| text.lines().filter(|line| line.contains("entry ")).count();
    let home = home();
    let listed = rclone(demo, path, &home).args(["lsf", "dav:"]).output().expect("rclone is installed");
    vec![
        ("davfs2", in_mount(davfs(demo, path))),
        ("rclone mount", in_mount(rclone_drive(demo, path))),
        ("rclone", lines(ok(listed))),
        ("cadaver", lines(cadaver(demo, path, home.path(), "ls\n"))),
    ]
}

#[test]
fn cadaver_puts_gets_moves_and_deletes() {
    let (demo, home) = (Demo::shared(), home());
    let path = room("cadaver");
    let here = home.path();
    std::fs::write(here.join("up.bin"), bytes(42, 300_000)).expect("written");
    std::fs::write(here.join("other.bin"), bytes(44, 1000)).expect("written");
    // Put twice is an edit; onto a document that is there, it copies and moves when it is told to.
    let script = "put other.bin up.bin\nput up.bin\nmkcol sub\nmove up.bin sub/moved.bin\ncopy sub/moved.bin copy.bin\n\
                  put other.bin\ncopy other.bin sub/other.bin\nmove sub/moved.bin sub/other.bin\nls\n\
                  get sub/other.bin down.bin\nlock copy.bin\nunlock copy.bin\ndelete copy.bin\ndelete other.bin\nrmcol sub\n";
    let said = cadaver(demo, &path, here, script);
    assert!(!said.contains("failed") && said.contains("copy.bin"), "{said}");
    assert!(std::fs::read(here.join("down.bin")).expect("got") == bytes(42, 300_000), "{said}");
    assert_eq!(ok(demo.sftp(CLIENT_ONE, &format!("ls -1 \"/{path}\""))).lines().count(), 1, "{said}");
}

/// What cadaver says to these commands.
fn cadaver(demo: &Demo, path: &str, here: &Path, commands: &str) -> String {
    let password = demo.password(CLIENT_ONE);
    std::fs::write(here.join(".netrc"), format!("machine 127.0.0.1\nlogin {CLIENT_ONE}\npassword {password}\n"))
        .expect("written");
    // It does not know the demo's authority, and asks.
    std::fs::write(here.join("script"), format!("y\n{commands}quit\n")).expect("written");
    // Only at a terminal, which `script` is for it.
    let output = Command::new("script")
        .env("HOME", here)
        .current_dir(here)
        .args(["-qec", &format!("cadaver '{}/'", demo.url(path)), "/dev/null"])
        .stdin(std::fs::File::open(here.join("script")).expect("a script"))
        .output()
        .expect("script is installed");
    both(&output)
}

#[test]
fn psftp_puts_gets_renames_and_removes() {
    let (demo, home) = (Demo::shared(), home());
    let path = room("psftp");
    let here = home.path();
    std::fs::write(here.join("up.bin"), bytes(43, 300_000)).expect("written");
    let script = format!(
        "cd \"/{path}\"\nput up.bin\nls\nmv up.bin moved.bin\nmkdir sub\nmv moved.bin sub/moved.bin\nget sub/moved.bin down.bin\n\
         rm sub/moved.bin\nrmdir sub\nquit\n"
    );
    std::fs::write(here.join("script"), script).expect("written");
    let prints =
        ok(Command::new("ssh-keygen").args(["-lf", demo.text("known_hosts_file")]).output().expect("ssh-keygen"));
    let mut command = client("psftp");
    for print in prints.lines().filter_map(|line| line.split(' ').nth(1)) {
        command.args(["-hostkey", print]);
    }
    let output = command
        .env("HOME", here)
        .current_dir(here)
        .args(["-batch", "-P", demo.sftp_port(), "-l", CLIENT_ONE, "-pw", demo.password(CLIENT_ONE)])
        .args(["-b", "script", "127.0.0.1"])
        .output()
        .expect("psftp is installed");
    assert!(output.status.success(), "{}", both(&output));
    assert!(std::fs::read(here.join("down.bin")).expect("got") == bytes(43, 300_000));
    assert_eq!(ok(demo.sftp(CLIENT_ONE, &format!("ls -1 \"/{path}\""))).lines().count(), 1, "{}", both(&output));
}
