//! The demo firm as tests use it: the real daemon on free ports, its accounts, and the clients that people have.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Matter folders of the sample firm.
pub(crate) const MATTER_ONE: &str = "2026-0001 Purchase of 12 High Street";
pub(crate) const MATTER_TWO: &str = "2026-0002 Estate of A Testator";
pub(crate) const CLIENT_ONE: &str = "client.one@example.com";
pub(crate) const CLIENT_TWO: &str = "client.two@example.com";
pub(crate) const EXPERT: &str = "expert.one@example.com";
pub(crate) const SCANNER: &str = "scanner.one";
pub(crate) const STAFF: &str = "staff.one@example.com";
pub(crate) const ADMIN: &str = "admin.one@example.com";

/// The demo on free ports; the data directory comes next.
const DEMO: [&str; 7] = ["demo", "--json", "--sftp", "127.0.0.1:0", "--https", "127.0.0.1:0", "--data"];

/// A running daemon with the sample firm.
pub(crate) struct Demo {
    child: Option<Child>,
    /// What `demo --json` printed.
    pub(crate) info: Value,
    home: Option<TempDir>,
    data: PathBuf,
    log: PathBuf,
}

impl Demo {
    /// A fresh firm on free ports.
    pub(crate) fn start() -> Self {
        let home = tempfile::Builder::new().prefix("deedbox-test-").tempdir().expect("a temporary directory");
        let data = home.path().join("data");
        let mut demo = Self::start_in(&data);
        demo.home = Some(home);
        demo
    }

    /// The firm in a data directory, which is made if it is missing and reused if not.
    pub(crate) fn start_in(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// As `start_in`, with more arguments.
    pub(crate) fn start_with(data: &Path, arguments: &[&str]) -> Self {
        Self::try_start(data, arguments).unwrap_or_else(|log| panic!("the daemon did not start:\n{log}"))
    }

    /// As `start_with`; the log if the daemon ends before it is ready.
    pub(crate) fn try_start(data: &Path, arguments: &[&str]) -> Result<Self, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deedbox"));
        command.args(DEMO).arg(data).args(arguments);
        Self::run(command, data)
    }

    /// A fresh firm of which one directory (or with "" all of it) is a filesystem of its own of this size, in namespaces
    /// that need no root. Its files are reached through [`Demo::inside`].
    pub(crate) fn start_mounted(directory: &str, size: &str) -> Self {
        let home = tempfile::Builder::new().prefix("deedbox-test-").tempdir().expect("a temporary directory");
        let data = home.path().join("data");
        if !directory.is_empty() {
            Self::start_in(&data).stop();
        }
        let script = r#"mkdir -p "$1" && cp -a "${1%/}" "${1%/}.aside" && mount -t tmpfs -o mode=0700,size="$2" tmpfs "$1" &&
            cp -a "${1%/}.aside/." "$1" && shift 2 && exec "$@""#;
        let mut command = Command::new("unshare");
        command.args(["-rmpf", "--kill-child", "sh", "-c", script, "sh"]).arg(data.join(directory)).arg(size);
        command.arg(env!("CARGO_BIN_EXE_deedbox")).args(DEMO).arg(&data);
        let mut demo = Self::run(command, &data).unwrap_or_else(|log| panic!("the daemon did not start:\n{log}"));
        demo.home = Some(home);
        demo.look_inside();
        demo
    }

    /// The firm in a data directory, where the system gives the daemon only so many file handles.
    #[allow(dead_code, reason = "for the tests of the limits")]
    pub(crate) fn start_with_files(data: &Path, files: u32) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n \"$1\"; shift; exec \"$@\"", "sh", &files.to_string()]);
        command.arg(env!("CARGO_BIN_EXE_deedbox")).args(DEMO).arg(data);
        Self::run(command, data).unwrap_or_else(|log| panic!("the daemon did not start:\n{log}"))
    }

    /// As `start_in`, by a program that runs the demo, such as one that changes the user first.
    #[allow(dead_code, reason = "for the tests of the service")]
    pub(crate) fn start_by(program: &str, arguments: &[&str], binary: &Path, data: &Path) -> Result<Self, String> {
        let mut command = Command::new(program);
        command.args(arguments).arg(binary).args(DEMO).arg(data);
        Self::run(command, data)
    }

    /// A fresh firm, started through a wrapper that ends by becoming the daemon.
    pub(crate) fn start_under(wrapper: &[String], data: &Path) -> Self {
        let mut command = Command::new(&wrapper[0]);
        command.args(&wrapper[1..]).arg(env!("CARGO_BIN_EXE_deedbox")).args(DEMO).arg(data);
        Self::run(command, data).unwrap_or_else(|log| panic!("the daemon did not start:\n{log}"))
    }

    /// From here on, the files of the data directory are those that the daemon sees in its namespace.
    pub(crate) fn look_inside(&mut self) {
        let root = format!("/proc/{}/root{}", self.pid(), self.data.display());
        let info = self.info.to_string().replace(&*self.data.to_string_lossy(), &root);
        self.info = serde_json::from_str(&info).expect("still JSON");
        self.data = PathBuf::from(root);
    }

    fn run(mut command: Command, data: &Path) -> Result<Self, String> {
        let log = data.with_extension("log");
        let stderr = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log file");
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn().expect("the daemon starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("stdout can be read");
        if line.is_empty() {
            // The process has closed its output, so it is ending.
            child.wait().expect("the daemon ends");
            return Err(std::fs::read_to_string(&log).unwrap_or_default());
        }
        let info = serde_json::from_str(&line).unwrap_or_else(|error| panic!("not one JSON line: {error}: {line}"));
        Ok(Self { child: Some(child), info, home: None, data: data.to_owned(), log })
    }

    /// One daemon for all tests that do not disturb each other; they work in folders and under names of their own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Demo> = OnceLock::new();
        SHARED.get_or_init(|| {
            let demo = Self::start();
            end_with_tests(demo.pid());
            demo
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("running").id()
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// What the daemon has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.info[field].as_str().unwrap_or_else(|| panic!("no {field} in {}", self.info))
    }

    fn account(&self, login: &str) -> &Value {
        let accounts = self.info["accounts"].as_array().expect("accounts");
        accounts.iter().find(|account| account["login"] == login).unwrap_or_else(|| panic!("no account {login}"))
    }

    pub(crate) fn password(&self, login: &str) -> &str {
        self.account(login)["password"].as_str().expect("a password")
    }

    pub(crate) fn key(&self, login: &str) -> &str {
        self.account(login)["private_key_file"].as_str().expect("a key file")
    }

    pub(crate) fn sftp_port(&self) -> &str {
        self.text("sftp").rsplit(':').next().expect("a port")
    }

    /// Options that make OpenSSH's clients log in as this account with its key, and trust only this daemon.
    pub(crate) fn ssh_options(&self, login: &str) -> Vec<String> {
        let option = |text: String| ["-o".to_owned(), text];
        [
            option(format!("Port={}", self.sftp_port())),
            option(format!("User={login}")),
            option(format!("IdentityFile={}", self.key(login))),
            option("IdentitiesOnly=yes".to_owned()),
            option(format!("UserKnownHostsFile={}", self.text("known_hosts_file"))),
            option("StrictHostKeyChecking=yes".to_owned()),
            option("BatchMode=yes".to_owned()),
        ]
        .concat()
    }

    /// Runs OpenSSH's `sftp` with a batch; it stops at the first command that fails unless that starts with `-`.
    pub(crate) fn sftp(&self, login: &str, batch: &str) -> Output {
        self.sftp_by(client("sftp"), login, batch)
    }

    /// The names that `sftp` lists in a folder.
    #[allow(dead_code, reason = "for the tests of what is seen")]
    pub(crate) fn names(&self, login: &str, path: &str) -> BTreeSet<String> {
        ok(self.sftp(login, &format!("ls -1 \"{path}\"")))
            .lines()
            .filter(|line| !line.starts_with("sftp>"))
            .map(|line| line.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned())
            .collect()
    }

    /// As `sftp`, where the daemon may not take the connection within these seconds.
    #[allow(dead_code, reason = "for the tests of faults")]
    pub(crate) fn sftp_in(&self, seconds: u32, login: &str, batch: &str) -> Output {
        self.sftp_by(client_for(seconds, "sftp"), login, batch)
    }

    fn sftp_by(&self, mut sftp: Command, login: &str, batch: &str) -> Output {
        let mut child = sftp
            // Names in every alphabet are printed as they are.
            .env("LC_ALL", "C.UTF-8")
            .args(self.ssh_options(login))
            .args(["-q", "-b", "-", "127.0.0.1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sftp is installed");
        child.stdin.take().expect("piped").write_all(batch.as_bytes()).expect("the batch is taken");
        child.wait_with_output().expect("sftp ends")
    }

    /// Runs curl as this account on a path below `/dav/`; the arguments come before the URL.
    pub(crate) fn curl(&self, login: &str, path: &str, arguments: &[&str]) -> Output {
        client("curl")
            .args(["-sS", "--cacert", self.text("ca_file"), "-u", &format!("{login}:{}", self.password(login))])
            .args(arguments)
            .arg(self.url(path))
            .output()
            .expect("curl is installed")
    }

    /// The HTTP status that curl gets.
    pub(crate) fn status(&self, login: &str, path: &str, arguments: &[&str]) -> u16 {
        let arguments = [&["-o", "/dev/null", "-w", "%{http_code}"], arguments].concat();
        let output = self.curl(login, path, &arguments);
        stdout(&output).parse().unwrap_or_else(|_| panic!("no status: {}", both(&output)))
    }

    /// The URL of a path below `/dav/`.
    pub(crate) fn url(&self, path: &str) -> String {
        let encode = |b: u8| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(b).to_string(),
            other => format!("%{other:02X}"),
        };
        let path: String = path.trim_start_matches('/').bytes().map(encode).collect();
        format!("{}{path}", self.text("webdav_url"))
    }

    /// Runs a verb of the command line against this data directory.
    pub(crate) fn deedbox(&self, arguments: &[&str]) -> Output {
        deedbox(&[arguments, &["--data", &self.data.to_string_lossy()]].concat())
    }

    /// As `deedbox` with `--json`; must succeed.
    pub(crate) fn deedbox_json(&self, arguments: &[&str]) -> Value {
        let output = self.deedbox(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", both(&output));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", both(&output)))
    }

    /// Changes the configuration; a daemon that runs takes it at the next reload.
    pub(crate) fn configure(&self, change: impl FnOnce(String) -> String) {
        let file = self.data.join("deedbox.toml");
        let text = std::fs::read_to_string(&file).expect("the configuration");
        std::fs::write(&file, change(text)).expect("written");
    }

    /// Waits until the log has this text.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.log().contains(text) {
            assert!(Instant::now() < until, "no {text:?} in the log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How the daemon ends, which it has been told to do or does by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("running");
        let until = Instant::now() + Duration::from_secs(120);
        loop {
            if let Some(status) = child.try_wait().expect("it can be waited for") {
                return status;
            }
            if Instant::now() > until {
                self.child = Some(child);
                panic!("the daemon does not end:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A clean stop, as with Ctrl-C.
    pub(crate) fn stop(mut self) -> Option<TempDir> {
        signal(self.pid(), "INT");
        let status = self.wait();
        assert!(status.success(), "the daemon ended with {status}:\n{}", self.log());
        self.home.take()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) -> Option<TempDir> {
        let mut child = self.child.take().expect("running");
        child.kill().expect("killed");
        child.wait().expect("it ends");
        self.home.take()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A failing test must not leave a daemon behind; if it has ended already, so much the better.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A static daemon is never dropped, so a shell that waits for this process ends it.
pub(crate) fn end_with_tests(pid: u32) {
    static WATCHERS: Mutex<Vec<Child>> = Mutex::new(Vec::new());
    let script = format!("while kill -0 {} 2>/dev/null; do sleep 0.2; done; kill -9 {pid}", std::process::id());
    let watcher = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).spawn().expect("sh runs");
    WATCHERS.lock().expect("not poisoned").push(watcher);
}

/// Runs the daemon's binary as a command.
pub(crate) fn deedbox(arguments: &[&str]) -> Output {
    client(env!("CARGO_BIN_EXE_deedbox")).args(arguments).stdin(Stdio::null()).output().expect("it runs")
}

/// The status of a client that was ended since it had taken too long.
#[allow(dead_code, reason = "for the tests of faults")]
pub(crate) const TIMED_OUT: i32 = 124;

/// A program that talks to the daemon. One that waits without end, as `sftp` does for a daemon that does not take its
/// connection, is ended after ten minutes with the status [`TIMED_OUT`]: its test fails, and the others go on.
pub(crate) fn client(program: &str) -> Command {
    client_for(600, program)
}

/// As [`client`], ended after so many seconds.
pub(crate) fn client_for(seconds: u32, program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.arg("--kill-after=5").arg(seconds.to_string()).arg(program);
    command
}

pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().expect("kill runs");
    assert!(status.success());
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Everything a program said, for the message of a failed test.
pub(crate) fn both(output: &Output) -> String {
    format!("{}\n{}\n{}", output.status, stdout(output), String::from_utf8_lossy(&output.stderr))
}

/// Must have succeeded; gives what it printed.
pub(crate) fn ok(output: Output) -> String {
    assert!(output.status.success(), "{}", both(&output));
    stdout(&output)
}

/// Bytes that repeat nowhere, the same for the same seed.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
