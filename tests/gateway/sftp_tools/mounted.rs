//! sshfs, and rclone's mount over SFTP.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::process::Command;

use super::programs::rclone;
use super::{BROKEN_OFF, Rights, Room};
use crate::demo::ok;
use crate::mounts::{Mount, sshfs, wait_for};

#[test]
fn sshfs_in_each_kind_of_folder() {
    Room::each("sshfs", |room| {
        room.break_an_upload_off();
        let drive = sshfs(room.demo, &room.folder);
        let at = |name: &str| drive.place().join(name);
        let content = std::fs::read(room.up().join("resumed.bin")).expect("read");
        let mut resumed = File::options().append(true).open(at("resumed.bin")).expect("one's own upload is opened");
        resumed.write_all(&content[BROKEN_OFF..]).expect("appended");
        drop(resumed);
        copy(room, &drive, &["whole.bin", "tree", "names"]);
        let (first, last) = (room.here().join("first.txt"), room.up().join("replaced.txt"));
        match room.rights {
            Rights::Full => {
                std::fs::copy(first, at("replaced.txt")).expect("put");
                std::fs::copy(last, at("draft")).expect("put");
                std::fs::rename(at("draft"), at("replaced.txt")).expect("renamed over");
            }
            Rights::Add => {
                std::fs::copy(last, at("replaced.txt")).expect("put");
                std::fs::rename(at("replaced.txt"), at("whole.bin")).expect_err("nothing is replaced");
                std::fs::remove_file(at("whole.bin")).expect_err("nothing is removed");
            }
            Rights::Blind => {
                std::fs::copy(last, at("draft")).expect("put");
                std::fs::rename(at("draft"), at("replaced.txt")).expect("one's own upload is renamed");
            }
        }
        if room.may_read() {
            fetch(room, &drive);
        } else {
            std::fs::read(at("whole.bin")).expect_err("nothing is read");
            assert_eq!(std::fs::read_dir(drive.place()).expect("listed").count(), 0);
        }
        drive.unmount();
        room.kept_time();
    });
}

#[test]
fn an_rclone_mount_in_each_kind_of_folder() {
    Room::each("rclone-mount", |room| {
        let home = tempfile::Builder::new().prefix("deedbox-mount-").tempdir().expect("a directory");
        let mut command = rclone(room);
        command.args(["mount", "--vfs-cache-mode", "writes", "--vfs-write-back", "0s", "--cache-dir"]);
        command.arg(home.path().join("cache")).arg(format!("ssh:/{}", room.folder));
        let drive = Mount::new(home, &mut command);
        if room.may_replace() {
            std::fs::copy(room.here().join("first.txt"), drive.place().join("replaced.txt")).expect("put");
        }
        copy(room, &drive, &["whole.bin", "resumed.bin", "replaced.txt", "tree", "names"]);
        wait_for("the uploads", || room.has_arrived());
        if room.may_read() {
            fetch(room, &drive);
        }
        drive.unmount();
        room.kept_time();
    });
}

fn copy(room: &Room, drive: &Mount, names: &[&str]) {
    let output = Command::new("cp")
        .args(["-r", "--preserve=timestamps"])
        .args(names)
        .arg(drive.place())
        .current_dir(room.up())
        .output();
    ok(output.expect("cp runs"));
}

/// The folder as a whole, and the rest of a download that broke off.
fn fetch(room: &Room, drive: &Mount) {
    let back = room.here().join("back");
    ok(Command::new("cp")
        .args(["-r", "--preserve=timestamps"])
        .arg(drive.place())
        .arg(back)
        .output()
        .expect("cp runs"));
    let mut here = File::options().append(true).open(room.here().join("continued.bin")).expect("opened");
    let mut there = File::open(drive.place().join("whole.bin")).expect("opened");
    let mut rest = Vec::new();
    there.seek(SeekFrom::Start(BROKEN_OFF as u64)).and_then(|_| there.read_to_end(&mut rest)).expect("read");
    here.write_all(&rest).expect("written");
}
