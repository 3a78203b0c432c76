//! Libraries with which people write scripts, each driven by a short one of ours.

use std::process::Command;

use super::Room;
use crate::demo::{CLIENT_ONE, client, ok};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway/sftp_tools");

#[test]
fn paramiko_in_each_kind_of_folder() {
    Room::each("paramiko", |room| drive(room, python().arg(format!("{HERE}/paramiko_client.py"))));
}

#[test]
fn asyncssh_in_each_kind_of_folder() {
    Room::each("asyncssh", |room| drive(room, python().arg(format!("{HERE}/asyncssh_client.py"))));
}

#[test]
fn ssh2_sftp_client_in_each_kind_of_folder() {
    Room::each("ssh2", |room| {
        room.break_an_upload_off();
        let modules = concat!(env!("CARGO_MANIFEST_DIR"), "/target/ssh2-sftp-client/node_modules");
        drive(room, client("node").env("NODE_PATH", modules).arg(format!("{HERE}/ssh2_client.js")));
    });
}

/// The libraries are for Debian's own Python.
fn python() -> Command {
    client("/usr/bin/python3")
}

/// Runs a script in the room's directory.
fn drive(room: &Room, script: &mut Command) {
    let demo = room.demo;
    let output = script
        .env("HOME", room.here())
        .current_dir(room.here())
        .args([demo.sftp_port(), demo.text("known_hosts_file"), CLIENT_ONE, demo.password(CLIENT_ONE)])
        .arg(format!("/{}", room.folder))
        .arg(room.rights.name())
        .output();
    ok(output.expect("the script's interpreter is installed"));
    room.kept_time();
}
