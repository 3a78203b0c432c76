//! What the daemon may do to the system around it, seen from outside. What a confined thread can and cannot is tested from
//! inside as well, beside the sandbox's source.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use crate::demo::*;

fn of_process(pid: u32, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).expect("the process is there")
}

fn status_line(text: &str, field: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{field}:"))).expect("a field");
    line.trim().to_owned()
}

/// Names the certificate of this firm by another path, and asks for it.
fn with_certificate_at(demo: &Demo, path: &Path) -> std::process::Output {
    std::fs::copy(demo.data().join("certs/server.pem"), path).expect("copied");
    demo.configure(|text| {
        let rest = text.lines().filter(|line| !line.contains("certificate = "));
        let line = format!("[https]\ncertificate = \"{}\"", path.display());
        rest.collect::<Vec<_>>().join("\n").replace("[https]", &line)
    });
    demo.deedbox(&["reload"])
}

#[test]
fn the_kernel_keeps_the_running_daemon_from_files_outside_of_what_it_was_started_with() {
    let demo = Demo::start();
    let elsewhere = tempfile::tempdir().expect("a directory");
    let status = demo.deedbox_json(&["status"]);
    assert!(status["sandbox"]["landlock_abi"].as_u64().is_some_and(|abi| abi >= 6), "needs Linux 6.12: {status}");
    assert_eq!(status["sandbox"]["missing"].as_array().map(Vec::len), Some(0), "{status}");
    assert!(ok(demo.deedbox(&["status"])).contains("confined to its own files, without outgoing connections"));

    // A reload that names a file outside makes the daemon itself try to open it.
    let refused = with_certificate_at(&demo, &elsewhere.path().join("server.pem"));
    assert_eq!(refused.status.code(), Some(2), "{}", both(&refused));
    let why = both(&refused);
    assert!(why.contains("Permission denied") && why.contains("outside of what the sandbox allowed"), "{why}");
    assert!(demo.log().contains("outside of what the sandbox allowed"), "{}", demo.log());
    let inside = with_certificate_at(&demo, &demo.data().join("certs/another.pem"));
    assert!(ok(inside).contains("https.certificate"));

    // The same daemon without its sandbox opens the same file: nothing else had kept it.
    let data = demo.data().to_owned();
    demo.configure(|text| text.replace("#: landlock = \"try\"", "landlock = \"off\""));
    let _home = demo.stop();
    let free = Demo::start_in(&data);
    assert!(ok(with_certificate_at(&free, &elsewhere.path().join("server.pem"))).contains("https.certificate"));
    assert!(ok(free.deedbox(&["status"])).contains("not confined"));
}

#[test]
fn a_start_that_requires_the_sandbox_has_it_and_reads_certificates_that_lie_elsewhere() {
    let demo = Demo::start();
    let live = tempfile::tempdir().expect("a directory");
    let data = demo.data().to_owned();
    demo.configure(|text| text.replace("#: landlock = \"try\"", "landlock = \"require\""));
    // As certbot keeps them: a link that each renewal swings to another file, in another directory.
    let (archive, link) = (live.path().join("archive"), live.path().join("server.pem"));
    std::fs::create_dir(&archive).expect("made");
    std::fs::copy(data.join("certs/server.pem"), archive.join("1.pem")).expect("copied");
    std::os::unix::fs::symlink("archive/1.pem", &link).expect("linked");
    demo.configure(|text| text.replace("[https]", &format!("[https]\ncertificate = \"{}\"", link.display())));
    let _home = demo.stop();
    let demo = Demo::start_in(&data);
    std::fs::copy(data.join("certs/server.pem"), archive.join("2.pem")).expect("copied");
    std::os::unix::fs::symlink("archive/2.pem", live.path().join("next")).expect("linked");
    std::fs::rename(live.path().join("next"), &link).expect("renamed");
    ok(demo.deedbox(&["reload"]));
    demo.stop();
}

#[test]
fn every_thread_is_bound_and_memory_is_neither_dumped_nor_swapped() {
    let demo = Demo::shared();
    let tasks = std::fs::read_dir(format!("/proc/{}/task", demo.pid())).expect("threads");
    let mut threads = 0;
    for task in tasks {
        let status = std::fs::read_to_string(task.expect("a thread").path().join("status"));
        let Ok(status) = status else { continue };
        assert_eq!(status_line(&status, "NoNewPrivs"), "1");
        threads += 1;
    }
    assert!(threads > 2, "only {threads} threads");
    let limits = of_process(demo.pid(), "limits");
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(cores.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{cores}");
    // The firm's identity and secrets, and the keys of two matters, each on a page of its own.
    let locked = status_line(&of_process(demo.pid(), "status"), "VmLck");
    let kib: u64 = locked.trim_end_matches(" kB").parse().expect("a number");
    assert!((8..=8192).contains(&kib), "{locked}");
    assert!(ok(demo.deedbox(&["status"])).contains("kept out of swap"));
}

#[test]
fn everything_works_for_a_user_without_any_privilege() {
    assert!(rustix::process::geteuid().is_root(), "this test starts the daemon as another user, which takes root");
    let home = tempfile::tempdir().expect("a directory");
    let binary = home.path().join("deedbox");
    std::fs::copy(env!("CARGO_BIN_EXE_deedbox"), &binary).expect("copied");
    let run = home.path().join("nobody");
    std::fs::create_dir(&run).expect("made");
    std::os::unix::fs::chown(&run, Some(65534), Some(65534)).expect("given away");
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).expect("opened");
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"];
    let data = run.join("data");
    let demo = Demo::start_by("setpriv", &user, &binary, &data).unwrap_or_else(|log| panic!("no start:\n{log}"));
    let status = of_process(demo.pid(), "status");
    assert!(status_line(&status, "Uid").starts_with("65534"));
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status_line(&status, set), "0000000000000000", "{set}");
    }
    // The kernel gives the files of a process that is not dumpable to root, so that its own user cannot look into it.
    let memory = std::fs::metadata(format!("/proc/{}/mem", demo.pid())).expect("there");
    assert_eq!(memory.uid(), 0, "another process of the same user can read this one's memory");
    assert!(ok(demo.deedbox(&["status"])).contains("confined to its own files"));

    let source = home.path().join("source");
    let content = bytes(5, 3_000_000);
    std::fs::write(&source, &content).expect("written");
    let folder = format!("/{MATTER_ONE}/Documents/Shared room");
    ok(demo.sftp(
        CLIENT_ONE,
        &format!("put {} \"{folder}/one\"\nrename \"{folder}/one\" \"{folder}/two\"", source.display()),
    ));
    assert_eq!(demo.status(CLIENT_ONE, &format!("{folder}/three"), &["-T", &source.to_string_lossy()]), 201);
    for name in ["two", "three"] {
        assert!(demo.curl(CLIENT_ONE, &format!("{folder}/{name}"), &["-f"]).stdout == content, "{name}");
    }
    // A new matter makes a key, and its own user may use the control socket.
    let verb = |arguments: &[&str]| {
        let output = Command::new("setpriv").args(user).arg(&binary).args(arguments).arg("--data").arg(&data).output();
        ok(output.expect("setpriv is installed"))
    };
    verb(&["matter", "add", "2026-0009", "Another matter", "--type", "General"]);
    assert_eq!(verb(&["reload"]), "nothing has changed\n");
    let (data, _home) = (demo.data().to_owned(), demo.stop());
    assert!(deedbox(&["audit", "verify", "--data", &data.to_string_lossy()]).status.success());
}
