//! SFTP with the clients that people have: OpenSSH's sftp and scp, rclone, lftp.

use std::path::Path;
use std::process::{Command, Output};

use super::demo::{CLIENT_ONE, Demo, MATTER_ONE, SCANNER, both, bytes, client, ok};

fn room() -> String {
    format!("/{MATTER_ONE}/Documents/Shared room")
}

/// Runs a batch in a new folder of the shared room and with a new local directory as the working directory.
fn batch(demo: &Demo, here: &Path, folder: &str, arguments: &[&str], commands: &str) -> Output {
    let script = here.join("batch");
    std::fs::write(&script, format!("-mkdir \"{0}/{folder}\"\ncd \"{0}/{folder}\"\n{commands}", room()))
        .expect("written");
    client("sftp")
        .current_dir(here)
        .args(demo.ssh_options(CLIENT_ONE))
        .args(arguments)
        .args(["-q", "-b", "batch", "127.0.0.1"])
        .output()
        .expect("sftp is installed")
}

fn scp(demo: &Demo, here: &Path, arguments: &[&str]) -> Output {
    client("scp")
        .current_dir(here)
        .args(demo.ssh_options(CLIENT_ONE))
        .arg("-q")
        .args(arguments)
        .output()
        .expect("scp is installed")
}

fn same(here: &Path, a: &str, b: &str) {
    let read = |name| std::fs::read(here.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(read(a) == read(b), "{a} and {b} differ");
}

#[test]
fn what_is_put_is_got_with_any_number_and_size_of_requests() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let here = dir.path();
    for (name, length) in [("empty", 0), ("one", 1), ("chunk", 65_536), ("six", 6 << 20), ("large", 40_000_001)] {
        std::fs::write(here.join(name), bytes(length as u64, length)).expect("written");
        ok(batch(demo, here, "sizes", &[], &format!("put {name}\nget {name} back")));
        same(here, name, "back");
    }
    // More data under way than the channel's window holds: a server that waits for output while it reads stands still.
    for arguments in [&["-R", "256", "-B", "261120"][..], &["-R", "1024", "-B", "1000"], &["-R", "1"]] {
        ok(batch(demo, here, "sizes", arguments, "get six back\nput six again\nget again back2"));
        same(here, "six", "back");
        same(here, "six", "back2");
    }
}

#[test]
fn broken_transfers_are_resumed() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let here = dir.path();
    let content = bytes(7, 3_000_000);
    std::fs::write(here.join("whole"), &content).expect("written");
    std::fs::write(here.join("part"), &content[..1_234_567]).expect("written");
    std::fs::write(here.join("back"), &content[..1_000_003]).expect("written");
    ok(batch(demo, here, "resume", &[], "put part doc\nreput whole doc\nreget doc back"));
    same(here, "whole", "back");
}

#[test]
fn files_are_renamed_moved_listed_and_removed() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let here = dir.path();
    std::fs::write(here.join("a"), b"first").expect("written");
    std::fs::write(here.join("b"), b"second").expect("written");
    let listed = ok(batch(
        demo,
        here,
        "changes",
        &[],
        "put -p a\nput b\nmkdir sub\nrename a sub/c\nrename b sub/c\nls -l sub\ncp sub/c sub/d\nget sub/d got\ndf\n\
         -mkdir sub\n-rmdir sub\n-ln -s b link\n-ln b link\nrm sub/c\nrm sub/d\nrmdir sub\nls -1",
    ));
    same(here, "b", "got");
    assert!(listed.contains("-rw-------"), "{listed}");
    assert!(listed.trim_end().ends_with("ls -1"), "the folder is empty in the end: {listed}");
    for refused in ["rm nothing", "get nothing", "cd nothing", "mkdir sub/x/y", "mkdir a\\\\\\\\b", "rename x y"] {
        let output = batch(demo, here, "changes", &[], refused);
        assert!(!output.status.success(), "{refused}: {}", both(&output));
    }
}

#[test]
fn times_survive_the_way_there_and_back() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let here = dir.path();
    std::fs::write(here.join("a"), b"old").expect("written");
    let touched = Command::new("touch").args(["-d", "2001-02-03 04:05:06 UTC", "a"]).current_dir(here).status();
    assert!(touched.expect("touch runs").success());
    ok(batch(demo, here, "times", &[], "put -p a\nget -p a b"));
    let modified = |name: &str| std::fs::metadata(here.join(name)).and_then(|meta| meta.modified()).expect("a time");
    assert_eq!(modified("a"), modified("b"));
}

#[test]
fn scp_ends_with_success_and_replaces_longer_documents() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let here = dir.path();
    std::fs::write(here.join("long"), bytes(1, 300_000)).expect("written");
    std::fs::write(here.join("short"), b"short").expect("written");
    std::fs::create_dir_all(here.join("tree/deep")).expect("made");
    std::fs::copy(here.join("long"), here.join("tree/deep/x")).expect("copied");
    ok(batch(demo, here, "scp", &[], ""));
    let remote = |name: &str| format!("127.0.0.1:{}/scp/{name}", room());
    for local in ["long", "short"] {
        ok(scp(demo, here, &["-p", local, &remote("doc")]));
        ok(scp(demo, here, &[&remote("doc"), "back"]));
        same(here, local, "back");
    }
    ok(scp(demo, here, &["-r", "tree", &remote("")]));
    ok(scp(demo, here, &["-r", &remote("tree"), "tree2"]));
    same(here, "tree/deep/x", "tree2/deep/x");
}

#[test]
fn rclone_copies_a_folder_and_finds_no_difference() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let here = dir.path();
    std::fs::create_dir(here.join("many")).expect("made");
    for n in 0..60usize {
        std::fs::write(here.join(format!("many/file {n}")), bytes(n as u64, n * 997)).expect("written");
    }
    let remote = format!(
        ":sftp,host=127.0.0.1,port={},user={CLIENT_ONE},key_file={},shell_type=none,disable_hashcheck=true:{}/rclone",
        demo.sftp_port(),
        demo.key(CLIENT_ONE),
        room()
    );
    let rclone = |arguments: &[&str]| {
        let config = ["--config", "/dev/null", "--retries", "1"];
        ok(client("rclone").current_dir(here).args(arguments).args(config).output().expect("rclone is installed"))
    };
    rclone(&["copy", "many", &remote]);
    rclone(&["check", "--download", "many", &remote]);
    std::fs::remove_file(here.join("many/file 3")).expect("removed");
    std::fs::write(here.join("many/file 4"), b"changed").expect("written");
    rclone(&["sync", "many", &remote]);
    rclone(&["check", "--download", "many", &remote]);
    rclone(&["purge", &remote]);
}

#[test]
fn lftp_mirrors_a_folder_there_and_back() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let here = dir.path();
    std::fs::create_dir_all(here.join("tree/deep")).expect("made");
    std::fs::write(here.join("tree/deep/x"), bytes(5, 500_000)).expect("written");
    let ssh = here.join("ssh.sh");
    let options: Vec<String> = demo.ssh_options(CLIENT_ONE).iter().map(|option| format!("'{option}'")).collect();
    std::fs::write(&ssh, format!("#!/bin/sh\nexec ssh -a -x {} \"$@\"\n", options.join(" "))).expect("written");
    let script = format!(
        "set sftp:connect-program 'sh {}'; set net:max-retries 1; set net:timeout 20; open -u {CLIENT_ONE},x \
         sftp://127.0.0.1; cd '{}'; mirror -R tree lftp; mirror lftp back; rm -r lftp",
        ssh.display(),
        room()
    );
    ok(client("lftp").current_dir(here).args(["--norc", "-c", &script]).output().expect("lftp is installed"));
    same(here, "tree/deep/x", "back/deep/x");
}

#[test]
fn a_drop_box_takes_documents_and_shows_none_but_ones_own() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let here = dir.path();
    std::fs::write(here.join("scan.pdf"), b"%PDF-1.4 one page").expect("written");
    let folder = format!("/{MATTER_ONE}/Documents/Drop box");
    let local = here.join("scan.pdf");
    let said =
        ok(demo.sftp(SCANNER, &format!("cd \"{folder}\"\nput -p \"{}\"\nls -1 scan.pdf\nls -1", local.display())));
    assert_eq!(said.matches("scan.pdf").count(), 3, "the folder stays empty: {said}");
    for refused in ["get scan.pdf /dev/null", "rm scan.pdf", "mkdir \"../From us/x\""] {
        let output = demo.sftp(SCANNER, &format!("cd \"{folder}\"\n{refused}"));
        assert!(!output.status.success(), "{refused}: {}", both(&output));
    }
}

#[test]
fn nothing_but_the_sftp_subsystem_is_served() {
    let demo = Demo::shared();
    let ssh = |arguments: &[&str]| {
        let options = demo.ssh_options(CLIENT_ONE);
        client("ssh").args(options).args(arguments).arg("127.0.0.1").output().expect("ssh is installed")
    };
    for arguments in [&["-T"][..], &["-tt"], &["-o", "RemoteCommand=id"]] {
        let output = ssh(arguments);
        assert!(!output.status.success(), "{arguments:?}: {}", both(&output));
    }
    let forwarded = ssh(&["-N", "-R", "0:127.0.0.1:22", "-o", "ExitOnForwardFailure=yes"]);
    assert!(!forwarded.status.success(), "{}", both(&forwarded));
}

#[test]
fn weak_algorithms_find_nothing_in_common() {
    let demo = Demo::shared();
    for weak in [
        "KexAlgorithms=diffie-hellman-group14-sha1",
        "Ciphers=aes128-cbc",
        "HostKeyAlgorithms=ssh-rsa",
        "KexAlgorithms=diffie-hellman-group14-sha256",
        "KexAlgorithms=ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521",
        "HostKeyAlgorithms=ecdsa-sha2-nistp256",
    ] {
        let options = demo.ssh_options(CLIENT_ONE);
        let output = client("sftp").args(options).args(["-o", weak, "-q", "-b", "/dev/null", "127.0.0.1"]).output();
        let output = output.expect("sftp is installed");
        assert!(!output.status.success(), "{weak}: {}", both(&output));
    }
    // What OpenSSH of 2014 has: ed25519 and ChaCha20; and one of 2016 that knows the host by its RSA key alone.
    for strong in [
        [
            "KexAlgorithms=curve25519-sha256@libssh.org",
            "Ciphers=chacha20-poly1305@openssh.com",
            "HostKeyAlgorithms=ssh-ed25519",
        ],
        ["KexAlgorithms=curve25519-sha256", "Ciphers=aes256-ctr", "HostKeyAlgorithms=rsa-sha2-256"],
    ] {
        let (options, strong) = (demo.ssh_options(CLIENT_ONE), strong.iter().flat_map(|one| ["-o", *one]));
        let output = client("sftp").args(options).args(strong).args(["-q", "-b", "/dev/null", "127.0.0.1"]).output();
        ok(output.expect("sftp is installed"));
    }
}
