//! psftp, lftp and rclone.

use std::process::{Command, Output};

use super::Room;
use crate::demo::{CLIENT_ONE, client, ok};

#[test]
fn psftp_in_each_kind_of_folder() {
    Room::each("psftp", |room| {
        room.break_an_upload_off();
        ok(psftp(room, "put whole.bin\nreput resumed.bin\nput -r tree\nput -r names\nput replaced.txt"));
        if room.may_replace() {
            ok(psftp(
                room,
                "put ../first.txt replaced.txt\nput replaced.txt draft\nrm replaced.txt\nmv draft replaced.txt",
            ));
        }
        if room.may_read() {
            let folder = &room.folder;
            ok(psftp(room, &format!("reget whole.bin ../continued.bin\nget -r \"/{folder}\" ../back")));
        } else {
            room.refused("get", &psftp(room, "get whole.bin ../got"));
        }
    });
}

/// Runs a batch in the folder, with `up` as the working directory.
fn psftp(room: &Room, commands: &str) -> Output {
    let demo = room.demo;
    std::fs::write(room.here().join("script"), format!("cd \"/{}\"\n{commands}\nquit\n", room.folder))
        .expect("written");
    let prints = Command::new("ssh-keygen").args(["-lf", demo.text("known_hosts_file")]).output();
    let prints = ok(prints.expect("ssh-keygen is installed"));
    let mut command = client("psftp");
    for print in prints.lines().filter_map(|line| line.split(' ').nth(1)) {
        command.args(["-hostkey", print]);
    }
    command
        .env("HOME", room.here())
        .env("LC_ALL", "C.UTF-8")
        .current_dir(room.up())
        .args(["-batch", "-P", demo.sftp_port(), "-l", CLIENT_ONE, "-pw", demo.password(CLIENT_ONE)])
        .args(["-b", "../script", "127.0.0.1"])
        .output()
        .expect("psftp is installed")
}

#[test]
fn lftp_in_each_kind_of_folder() {
    Room::each("lftp", |room| {
        room.break_an_upload_off();
        if room.may_replace() {
            ok(lftp(room, "put ../first.txt -o replaced.txt"));
        }
        // Beside the document, and then in its place.
        let aside = "set xfer:use-temp-file yes; set xfer:temp-file-name .in.*";
        ok(lftp(
            room,
            &format!(
                "put whole.bin; put -c resumed.bin; {aside}; put replaced.txt; mirror -R tree tree; mirror -R names names"
            ),
        ));
        if room.may_read() {
            ok(lftp(room, "get -c whole.bin -o ../continued.bin; mirror . ../back"));
        } else {
            room.refused("get", &lftp(room, "get whole.bin -o ../got"));
        }
        room.kept_time();
    });
}

/// Runs commands in the folder, with `up` as the working directory; the first that fails ends them.
fn lftp(room: &Room, commands: &str) -> Output {
    let ssh = room.here().join("ssh.sh");
    let options: Vec<String> = room.demo.ssh_options(CLIENT_ONE).iter().map(|option| format!("'{option}'")).collect();
    std::fs::write(&ssh, format!("#!/bin/sh\nexec ssh -a -x {} \"$@\"\n", options.join(" "))).expect("written");
    let script = format!(
        "set cmd:fail-exit yes; set sftp:connect-program 'sh {}'; set net:max-retries 1; set net:timeout 20; set sftp:charset \
         UTF-8; set file:charset UTF-8; open -u {CLIENT_ONE},x sftp://127.0.0.1; cd '/{}'; {commands}",
        ssh.display(),
        room.folder
    );
    let mut command = client("lftp");
    command.env("LC_ALL", "C.UTF-8").current_dir(room.up()).args(["--norc", "-c", &script]);
    command.output().expect("lftp is installed")
}

#[test]
fn rclone_in_each_kind_of_folder() {
    Room::each("rclone", |room| {
        let remote = format!("ssh:/{}", room.folder);
        let rclone = |arguments: &[&str]| rclone(room).args(arguments).output().expect("rclone is installed");
        if room.may_replace() {
            ok(rclone(&["copyto", "first.txt", &format!("{remote}/replaced.txt")]));
        }
        ok(rclone(&["copy", "up", &remote]));
        if room.may_read() {
            // Nothing is to be done any more.
            let said = ok(rclone(&["check", "--download", "--combined", "-", "up", &remote]));
            assert!(said.lines().all(|line| line.starts_with("= ")), "{said}");
            ok(rclone(&["sync", "up", &remote]));
            ok(rclone(&["copy", &remote, "back"]));
            ok(rclone(&["copyto", &format!("{remote}/whole.bin"), "continued.bin"]));
        } else {
            room.refused("get", &rclone(&["copyto", &format!("{remote}/whole.bin"), "got"]));
        }
        room.kept_time();
    });
}

/// rclone with the gateway as its remote `ssh:`, in the room's directory.
pub(super) fn rclone(room: &Room) -> Command {
    let demo = room.demo;
    let mut command = client("rclone");
    command
        .current_dir(room.here())
        .env("RCLONE_CONFIG", room.here().join("none.conf"))
        .env("RCLONE_CONFIG_SSH_TYPE", "sftp")
        .env("RCLONE_CONFIG_SSH_HOST", "127.0.0.1")
        .env("RCLONE_CONFIG_SSH_PORT", demo.sftp_port())
        .env("RCLONE_CONFIG_SSH_USER", CLIENT_ONE)
        .env("RCLONE_CONFIG_SSH_KEY_FILE", demo.key(CLIENT_ONE))
        .env("RCLONE_CONFIG_SSH_SHELL_TYPE", "none")
        .env("RCLONE_CONFIG_SSH_DISABLE_HASHCHECK", "true")
        .args(["--retries", "1"]);
    command
}
