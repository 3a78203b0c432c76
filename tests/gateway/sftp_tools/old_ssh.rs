//! Clients whose SSH is too old for the main listener: Debian's curl (libssh2 1.10) and JSch 0.1. Devices may use them at the
//! listener for old scanners; there everything goes as with the others.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::SystemTime;

use super::{Rights, Room, names, port_for_old_ssh};
use crate::demo::{SCANNER, both, client, ok};

#[test]
fn jsch_in_each_kind_of_folder() {
    Room::each_of(SCANNER, "jsch", |room| {
        let output = jsch(room, port_for_old_ssh());
        ok(output.expect("java is installed"));
        room.kept_time();
    });
}

#[test]
fn jsch_has_nothing_in_common_with_the_main_listener_and_says_so() {
    let room = Room::new(SCANNER, "jsch", Rights::Full);
    let output = jsch(&room, room.demo.sftp_port()).expect("java is installed");
    room.refused("the main listener", &output);
    assert!(both(&output).contains("com.jcraft.jsch.JSchException: Algorithm negotiation fail"), "{}", both(&output));
}

/// Runs the client in the room's directory.
fn jsch(room: &Room, port: &str) -> std::io::Result<Output> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway/sftp_tools/JschClient.java");
    client("java")
        .env("LC_ALL", "C.UTF-8")
        .current_dir(room.here())
        .args(["-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-cp"])
        .arg("/usr/share/java/jsch.jar:/usr/share/java/jzlib.jar")
        .args([source, port])
        .arg(known_hosts(room, port))
        .args([SCANNER, room.demo.password(SCANNER), &format!("/{}", room.folder), room.rights.name()])
        .output()
}

/// The host's keys under the address of this port.
fn known_hosts(room: &Room, port: &str) -> PathBuf {
    let known = std::fs::read_to_string(room.demo.text("known_hosts_file")).expect("read");
    let known = known.replace(&format!("]:{}", room.demo.sftp_port()), &format!("]:{port}"));
    let file = room.here().join(".ssh/known_hosts");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    std::fs::write(&file, known).expect("written");
    file
}

#[test]
fn curl_in_each_kind_of_folder() {
    Room::each_of(SCANNER, "curl", |room| {
        room.break_an_upload_off();
        let port = port_for_old_ssh();
        let curl = |arguments: &[&str]| curl(room, port, arguments);
        let many = |arguments: Vec<String>| self::curl(room, port, &arguments);
        let at = |name: &str| url(room, port, name);
        let quoted = |name: &str| format!("\"/{}/{name}\"", room.folder);
        let when = format!("-mtime \"Sat, 03 Feb 2001 04:05:06 GMT\" {}", quoted("whole.bin"));
        ok(curl(&["-T", "whole.bin", "-Q", &when, &at("whole.bin")]));
        ok(curl(&["-C", "-", "-T", "resumed.bin", &at("resumed.bin")]));
        let tree = ["tree/empty", "tree/deep/inner.bin"].map(str::to_owned);
        let below: Vec<String> = names().map(|name| format!("names/{name}")).chain(tree).collect();
        let puts = below.iter().flat_map(|name| ["-T".to_owned(), name.clone(), at(name)]);
        ok(many(puts.chain(["--ftp-create-dirs".to_owned()]).collect()));
        match room.rights {
            Rights::Full => {
                ok(curl(&["-T", "../first.txt", &at("replaced.txt")]));
                ok(curl(&["-T", "replaced.txt", &at("draft")]));
                // It asks for plain renames, which replace nothing.
                let rename = format!("rename {} {}", quoted("draft"), quoted("replaced.txt"));
                room.refused("rename over", &curl(&["-I", "-Q", &rename, &at("")]));
                let remove = format!("rm {}", quoted("replaced.txt"));
                ok(curl(&["-I", "-Q", &remove, "-Q", &rename, &at("")]));
            }
            Rights::Add => {
                ok(curl(&["-T", "replaced.txt", &at("replaced.txt")]));
                room.refused("put over", &curl(&["-T", "../first.txt", &at("replaced.txt")]));
                let remove = format!("rm {}", quoted("whole.bin"));
                room.refused("removal", &curl(&["-I", "-Q", &remove, &at("")]));
            }
            Rights::Blind => {
                ok(curl(&["-T", "replaced.txt", &at("draft")]));
                let rename = format!("rename {} {}", quoted("draft"), quoted("replaced.txt"));
                ok(curl(&["-I", "-Q", &rename, &at("")]));
            }
        }
        if room.may_read() {
            let top = ["whole.bin", "resumed.bin", "replaced.txt"].map(str::to_owned);
            let gets = below.iter().chain(&top).flat_map(|name| ["-o".to_owned(), format!("../back/{name}"), at(name)]);
            ok(many(gets.chain(["--create-dirs".to_owned(), "-R".to_owned()]).collect()));
            ok(curl(&["-C", "-", "-o", "../continued.bin", &at("whole.bin")]));
            assert_eq!(modified(&room.here().join("back/whole.bin")), modified(&room.up().join("whole.bin")));
        } else {
            room.refused("get", &curl(&["-o", "../got", &at("whole.bin")]));
        }
        room.kept_time();
    });
}

#[test]
fn debians_curl_has_nothing_in_common_with_the_main_listener_and_says_so() {
    let room = Room::new(SCANNER, "curl", Rights::Full);
    let port = room.demo.sftp_port();
    let output = curl(&room, port, &[&url(&room, port, "")]);
    room.refused("the main listener", &output);
    let said = both(&output);
    assert!(said.contains("Failure establishing ssh session: -5, Unable to exchange encryption keys"), "{said}");
}

/// Runs curl with `up` as the working directory.
fn curl<A: AsRef<OsStr>>(room: &Room, port: &str, arguments: &[A]) -> Output {
    known_hosts(room, port);
    let mut curl = client("curl");
    curl.env("HOME", room.here()).env("LC_ALL", "C.UTF-8").current_dir(room.up());
    curl.args(["-sSg", "-u", &format!("{SCANNER}:{}", room.demo.password(SCANNER))]).args(arguments);
    curl.output().expect("curl is installed")
}

fn url(room: &Room, port: &str, name: &str) -> String {
    let path = format!("{}/{name}", room.folder);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_".contains(&byte);
    let encode = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    format!("sftp://127.0.0.1:{port}/{}", path.bytes().map(encode).collect::<String>())
}

fn modified(path: &Path) -> SystemTime {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).expect("a time")
}
