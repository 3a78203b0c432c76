//! A daemon with limits of the test's choosing, and what it counts.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};

use crate::demo::Demo;

/// The sample firm, and its daemon's counters.
pub(crate) struct Firm {
    pub(crate) demo: Demo,
    _home: TempDir,
}

impl Firm {
    /// A daemon with these lines in its `[limits]`.
    pub(crate) fn with(limits: &str) -> Self {
        raise_file_limit();
        Self::prepared(limits, Demo::start_in)
    }

    /// The same where the system gives it only so many file handles.
    pub(crate) fn with_files(limits: &str, files: u32) -> Self {
        raise_file_limit();
        Self::prepared(limits, |data| Demo::start_with_files(data, files))
    }

    fn prepared(limits: &str, start: impl Fn(&Path) -> Demo) -> Self {
        let home = tempfile::Builder::new().prefix("deedbox-test-").tempdir().expect("a temporary directory");
        let data = home.path().join("data");
        Demo::start_in(&data).kill();
        let config = data.join("deedbox.toml");
        let text = std::fs::read_to_string(&config).expect("the configuration");
        let text = text.replace("[limits]\n", &format!("[limits]\n{limits}\n"));
        std::fs::write(&config, text).expect("written");
        Self { demo: start(&data), _home: home }
    }

    /// The daemon's metrics as Prometheus sees them.
    fn metrics(&self) -> String {
        let mut socket = std::net::TcpStream::connect(self.demo.text("observe")).expect("connected");
        socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
        let mut text = String::new();
        socket.read_to_string(&mut text).expect("metrics");
        text
    }

    /// The value of a metric; the name comes with its labels.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let metrics = self.metrics();
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value: f64 = line.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().expect("a number");
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are small and positive")]
        let value = value as u64;
        value
    }

    /// How often something ended at a limit.
    pub(crate) fn hits(&self, front: &str, limit: &str) -> u64 {
        self.metric(&format!("deedbox_limit_hits_total{{limit=\"{limit}\",front=\"{front}\"}}"))
    }

    /// Peak resident memory of the daemon so far, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.demo.pid())).expect("the daemon runs");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
        line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok()).expect("a number") / 1024
    }

    pub(crate) fn sftp(&self) -> SocketAddr {
        self.demo.text("sftp").parse().expect("an address")
    }

    pub(crate) fn https(&self) -> SocketAddr {
        let url = self.demo.text("webdav_url").trim_start_matches("https://");
        url.split('/').next().and_then(|authority| authority.parse().ok()).expect("an address")
    }
}

/// 127.x.y.z, one of the addresses that loopback has many of.
pub(crate) fn address(n: u16) -> [u8; 4] {
    let [high, low] = n.to_be_bytes();
    [127, 1, high, low]
}

/// A connection from an address of one's choosing.
pub(crate) async fn dial(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("127.0.0.0/8 is all ours");
    socket.connect(to).await.expect("connected")
}

fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    assert!(maximum.is_none_or(|most| most >= 16_384), "these tests need 16,384 file handles (ulimit -Hn)");
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("raised");
}

/// Runs an asynchronous test.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(test);
}
