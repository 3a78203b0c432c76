//! The daemon under a service manager, as systemd speaks with it.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::demo::*;

const BINARY: &str = env!("CARGO_BIN_EXE_deedbox");

/// The socket on which a manager listens (sd_notify(3)).
struct Manager {
    socket: UnixDatagram,
    home: TempDir,
}

impl Manager {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let socket = UnixDatagram::bind(home.path().join("notify")).expect("bound");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("set");
        Self { socket, home }
    }

    /// A daemon that tells this manager, and is told these variables.
    fn start(&self, variables: &[&str]) -> Demo {
        let notify = format!("NOTIFY_SOCKET={}", self.home.path().join("notify").display());
        let arguments = [&[notify.as_str()], variables].concat();
        let data = self.home.path().join("data");
        Demo::start_by("env", &arguments, Path::new(BINARY), &data).unwrap_or_else(|log| panic!("no start:\n{log}"))
    }

    /// The next message, within this time.
    fn next(&self, patience: Duration) -> Option<String> {
        let until = Instant::now() + patience;
        let mut message = [0; 4096];
        loop {
            match self.socket.recv(&mut message) {
                Ok(length) => return Some(String::from_utf8_lossy(&message[..length]).into_owned()),
                Err(_) if Instant::now() < until => {}
                Err(_) => return None,
            }
        }
    }

    /// Waits for a message that has this line.
    fn hears(&self, line: &str) -> String {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if let Some(message) = self.next(Duration::from_secs(1))
                && message.lines().any(|told| told.starts_with(line))
            {
                return message;
            }
        }
        panic!("the manager was never told {line}");
    }
}

#[test]
fn a_manager_is_told_of_the_start_each_reload_and_the_stop() {
    let manager = Manager::new();
    let mut demo = manager.start(&[]);
    let ready = manager.hears("READY=1");
    assert!(ready.contains(&format!("STATUS=serving documents: sftp {}", demo.text("sftp"))), "{ready}");
    signal(demo.pid(), "HUP");
    let reloading = manager.hears("RELOADING=1");
    let stamp = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).expect("a time stamp");
    let uptime = std::fs::read_to_string("/proc/uptime").expect("readable");
    let uptime: f64 = uptime.split(' ').next().and_then(|seconds| seconds.parse().ok()).expect("a number");
    let stamp = stamp.parse::<f64>().expect("a number") / 1e6;
    assert!(stamp <= uptime + 0.1 && stamp > uptime - 20.0, "{stamp} at {uptime}");
    manager.hears("READY=1");
    // As ExecReload= does it; a reload that is refused ends, too.
    demo.configure(|text| text.replace("[stop]", "[stop]\ndrain = 1"));
    assert!(!demo.deedbox(&["reload"]).status.success());
    manager.hears("RELOADING=1");
    manager.hears("READY=1");
    signal(demo.pid(), "TERM");
    assert!(manager.hears("STOPPING=1").contains("EXTEND_TIMEOUT_USEC="));
    assert!(demo.wait().success());
}

#[test]
fn the_watchdog_is_fed_while_the_daemon_lives_and_not_after_the_record_has_failed() {
    let manager = Manager::new();
    let demo = manager.start(&["WATCHDOG_USEC=900000"]);
    for _ in 0..4 {
        manager.hears("WATCHDOG=1");
    }
    // With a file where the record's directory was, no checkpoint can be written, and what is on the disk is not known.
    let audit = demo.data().join("audit");
    std::fs::rename(&audit, audit.with_extension("gone")).expect("moved");
    std::fs::write(&audit, "").expect("written");
    let document = format!("/{MATTER_ONE}/Documents/From us/Draft contract.pdf");
    demo.curl(CLIENT_ONE, &document, &[]);
    assert!(manager.hears("STATUS=the audit log").contains("needs a restart"));
    while manager.next(Duration::from_secs(2)).is_some_and(|message| !message.contains("WATCHDOG=1")) {}
    assert_eq!(manager.next(Duration::from_secs(2)), None, "it is still fed");
    demo.wait_for_log("the watchdog is not fed");
}

#[test]
fn a_daemon_that_hangs_does_not_feed_the_watchdog() {
    let manager = Manager::new();
    let demo = manager.start(&["WATCHDOG_USEC=900000"]);
    manager.hears("WATCHDOG=1");
    signal(demo.pid(), "STOP");
    while manager.next(Duration::from_millis(500)).is_some() {}
    assert_eq!(manager.next(Duration::from_secs(2)), None);
    signal(demo.pid(), "CONT");
    manager.hears("WATCHDOG=1");
}

/// Ports that were free a moment ago.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("bound"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}

/// Starts the demo as a service manager with socket units would: when somebody connects.
fn activated(names: &str, ports: &[u16], data: &Path) -> Result<Demo, String> {
    let mut arguments = vec![format!("--fdname={names}")];
    arguments.extend(ports.iter().flat_map(|port| ["-l".to_owned(), format!("127.0.0.1:{port}")]));
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let first = ports[0];
    let client = std::thread::spawn(move || {
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", first)).is_err() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let started = Demo::start_by("systemd-socket-activate", &arguments, Path::new(BINARY), data);
    client.join().expect("connected");
    started
}

#[test]
fn sockets_that_the_manager_opened_are_served_under_their_names() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let ports: [u16; 3] = free_ports();
    // In another order than the daemon's own.
    let demo = activated("https:observe:sftp", &ports, &data).unwrap_or_else(|log| panic!("no start:\n{log}"));
    for (door, port) in ["https", "observe", "sftp"].iter().zip(ports) {
        assert_eq!(demo.text(door), format!("127.0.0.1:{port}"));
    }
    let document = format!("/{MATTER_ONE}/Documents/From us/Draft contract.pdf");
    assert_eq!(demo.status(CLIENT_ONE, &document, &[]), 200);
    ok(demo.sftp(CLIENT_ONE, &format!("get \"{document}\" /dev/null")));
    let health = format!("http://{}/readyz", demo.text("observe"));
    ok(client("curl").args(["-sSf", &health]).output().expect("curl is installed"));
    demo.stop();

    for names in ["https:observe:ssh", "https:https:sftp"] {
        let Err(log) = activated(names, &free_ports::<3>(), &data) else { panic!("{names} was accepted") };
        assert!(log.contains("the service manager passed"), "{log}");
    }
}

#[test]
fn the_firm_identity_can_be_a_credential_of_the_manager() {
    let manager = Manager::new();
    let data = manager.start(&[]).data().to_owned();
    let credentials = manager.home.path().join("credentials");
    std::fs::create_dir(&credentials).expect("made");
    std::fs::rename(data.join("keys/firm.key"), credentials.join("firm.key")).expect("moved");
    let Err(log) = Demo::try_start(&data, &[]) else { panic!("a daemon without its identity started") };
    assert!(log.contains("firm.key"), "{log}");
    let demo = manager.start(&[&format!("CREDENTIALS_DIRECTORY={}", credentials.display())]);
    let document = format!("/{MATTER_ONE}/Documents/From us/Draft contract.pdf");
    assert_eq!(demo.status(CLIENT_ONE, &document, &[]), 200);
    demo.stop();
}

fn unit(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

#[test]
fn the_shipped_unit_leaves_little_exposed() {
    let file = unit("deedbox.service");
    let analysed =
        Command::new("systemd-analyze").args(["security", "--offline=true", "--no-pager"]).arg(&file).output();
    let analysed = analysed.expect("systemd-analyze is installed");
    let report = both(&analysed);
    let line =
        report.lines().find(|line| line.contains("Overall exposure level")).unwrap_or_else(|| panic!("{report}"));
    let exposure = line.split_whitespace().find_map(|word| word.parse::<f64>().ok()).expect("a number");
    assert!(exposure <= 1.5, "{report}");
}

#[test]
fn the_shipped_units_are_sound_and_run_this_program() {
    let home = tempfile::tempdir().expect("a directory");
    let text = std::fs::read_to_string(unit("deedbox.service")).expect("readable");
    // The verbs of the command lines exist, with these options.
    for (_, command) in text.lines().filter_map(|line| line.split_once("=/usr/bin/deedbox ")) {
        let verb: Vec<_> = command.split(' ').take_while(|word| !word.starts_with("--")).collect();
        ok(deedbox(&[&verb[..], &["--help"]].concat()));
    }
    // systemd looks whether the program is there, so it is shown this one.
    std::fs::write(home.path().join("deedbox.service"), text.replace("/usr/bin/deedbox", BINARY)).expect("written");
    let mut units = vec![home.path().join("deedbox.service")];
    for name in ["deedbox-sftp.socket", "deedbox-https.socket"] {
        let socket = std::fs::read_to_string(unit(name)).expect("readable");
        let door = name.trim_start_matches("deedbox-").trim_end_matches(".socket");
        assert!(socket.contains(&format!("FileDescriptorName={door}\n")), "{socket}");
        std::fs::write(home.path().join(name), socket).expect("written");
        units.push(home.path().join(name));
    }
    let path = format!("{}:", home.path().display());
    let verified = Command::new("systemd-analyze").arg("verify").args(&units).env("SYSTEMD_UNIT_PATH", path).output();
    let verified = both(&verified.expect("systemd-analyze is installed"));
    let complaints: Vec<_> = verified.lines().filter(|line| line.contains("deedbox")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}
