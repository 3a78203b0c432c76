//! OpenSSH's sftp and scp.

use std::process::Output;

use super::{Rights, Room};
use crate::demo::{CLIENT_ONE, client, ok};

#[test]
fn sftp_in_each_kind_of_folder() {
    Room::each("sftp", |room| {
        room.break_an_upload_off();
        let sftp = |commands: &str| sftp(room, commands);
        ok(sftp("put -p whole.bin\nreput resumed.bin\nput -pr tree\nput -pr names\nls -l whole.bin"));
        match room.rights {
            Rights::Full => {
                ok(sftp("put ../first.txt replaced.txt\nput replaced.txt draft\nrename draft replaced.txt"));
            }
            Rights::Add => {
                ok(sftp("put replaced.txt"));
                for refused in ["put ../first.txt replaced.txt", "rename replaced.txt whole.bin", "rm whole.bin"] {
                    room.refused(refused, &sftp(refused));
                }
            }
            Rights::Blind => {
                ok(sftp("put replaced.txt draft\nrename draft replaced.txt"));
            }
        }
        if room.may_read() {
            ok(sftp(&format!("reget whole.bin ../continued.bin\nget -pr \"/{}\" ../back", room.folder)));
        } else {
            room.refused("get", &sftp("get whole.bin ../got"));
            let listed = ok(sftp("ls -1"));
            assert!(!listed.contains("whole.bin"), "{listed}");
        }
        room.kept_time();
    });
}

/// Runs a batch in the folder, with `up` as the working directory.
fn sftp(room: &Room, commands: &str) -> Output {
    room.demo.sftp(CLIENT_ONE, &format!("lcd \"{}\"\ncd \"/{}\"\n{commands}", room.up().display(), room.folder))
}

#[test]
fn scp_in_each_kind_of_folder() {
    Room::each("scp", |room| {
        let remote = |name: &str| format!("127.0.0.1:/{}/{name}", room.folder);
        let scp = |arguments: &[&str]| {
            client("scp")
                .env("LC_ALL", "C.UTF-8")
                .current_dir(room.up())
                .args(room.demo.ssh_options(CLIENT_ONE))
                .args(["-q", "-p"])
                .args(arguments)
                .output()
                .expect("scp is installed")
        };
        if room.may_replace() {
            ok(scp(&["../first.txt", &remote("replaced.txt")]));
        }
        ok(scp(&["-r", "whole.bin", "resumed.bin", "replaced.txt", "tree", "names", &remote("")]));
        if room.may_read() {
            ok(scp(&["-r", &remote(""), "../back"]));
            ok(scp(&[&remote("whole.bin"), "../continued.bin"]));
        } else {
            room.refused("get", &scp(&[&remote("whole.bin"), "../got"]));
        }
        room.kept_time();
    });
}
