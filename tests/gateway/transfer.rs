//! Transfers by the clients that people have, slow enough that something happens to the daemon meanwhile.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::demo::*;

/// A folder in which client one may do everything.
const FOLDER: &str = "2026-0001 Purchase of 12 High Street/Documents/Shared room";

/// A transfer under way.
pub(crate) struct Transfer {
    client: Child,
    /// What is to be equal in the end, and where it is told apart.
    expected: Vec<u8>,
    local: Option<PathBuf>,
    name: String,
}

/// So many bytes at so many bytes a second.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) size: usize,
    pub(crate) per_second: usize,
}

impl Transfer {
    /// A slow download over SFTP; it is under way when this returns.
    pub(crate) fn sftp_get(demo: &Demo, home: &Path, pace: Pace) -> Self {
        let (name, expected) = stored(demo, home, "over-sftp.bin", pace.size);
        let local = home.join("got-over-sftp.bin");
        let mut client = Command::new("sftp")
            .args(demo.ssh_options(CLIENT_ONE))
            .args(["-q", "-l", &(pace.per_second * 8 / 1024).to_string(), "-b", "-", "127.0.0.1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sftp is installed");
        let batch = format!("get \"{name}\" {}\n", local.display());
        client.stdin.take().expect("piped").write_all(batch.as_bytes()).expect("the batch is taken");
        grows(&local);
        Self { client, expected, local: Some(local), name }
    }

    /// A slow download over WebDAV; it is under way when this returns.
    pub(crate) fn dav_get(demo: &Demo, home: &Path, pace: Pace) -> Self {
        let (name, expected) = stored(demo, home, "over-dav.bin", pace.size);
        let local = home.join("got-over-dav.bin");
        let client = curl(demo, &name, pace, &["-o", &local.to_string_lossy()]);
        grows(&local);
        Self { client, expected, local: Some(local), name }
    }

    /// A slow upload over WebDAV; it is under way when this returns.
    pub(crate) fn dav_put(demo: &Demo, home: &Path, pace: Pace) -> Self {
        let source = home.join("source.bin");
        let expected = bytes(77, pace.size);
        std::fs::write(&source, &expected).expect("written");
        let name = format!("/{FOLDER}/put-over-dav.bin");
        let client = curl(demo, &name, pace, &["-T", &source.to_string_lossy()]);
        let begun = demo.data().join("blobs/tmp");
        wait("the upload to begin", || std::fs::read_dir(&begun).is_ok_and(|mut blobs| blobs.next().is_some()));
        Self { client, expected, local: None, name }
    }

    /// What the client said in the end.
    fn output(self) -> Output {
        self.client.wait_with_output().expect("the client ends")
    }

    /// It went through whole. An upload is looked for at this daemon, which may be another one than took it.
    pub(crate) fn arrives_whole(self, demo: &Demo) {
        let (local, name, expected) = (self.local.clone(), self.name.clone(), self.expected.clone());
        ok(self.output());
        let there = match local {
            Some(local) => std::fs::read(local).expect("downloaded"),
            None => demo.curl(CLIENT_ONE, &name, &["-f"]).stdout,
        };
        assert!(there == expected, "{name}: {} of {} bytes, or others", there.len(), expected.len());
    }

    /// It did not go through. Whatever is on its way to the client is not waited for: at its pace that takes minutes.
    pub(crate) fn was_cut(mut self) {
        self.client.kill().expect("killed");
        self.client.wait().expect("it ends");
        if let Some(local) = &self.local {
            let length = std::fs::metadata(local).expect("downloaded in part").len();
            assert!(length < self.expected.len() as u64, "{}: all {length} bytes came", self.name);
        }
    }

    /// As [`Transfer::arrives_whole`], for a download whose daemon is gone by now.
    pub(crate) fn was_downloaded_whole(self) {
        let (local, expected) = (self.local.clone().expect("a download"), self.expected.clone());
        ok(self.output());
        assert!(std::fs::read(local).expect("downloaded") == expected);
    }
}

fn curl(demo: &Demo, name: &str, pace: Pace, arguments: &[&str]) -> Child {
    Command::new("curl")
        .args(["-sS", "-f", "--limit-rate", &pace.per_second.to_string()])
        .args(["--cacert", demo.text("ca_file"), "-u", &format!("{CLIENT_ONE}:{}", demo.password(CLIENT_ONE))])
        .args(arguments)
        .arg(demo.url(name))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("curl is installed")
}

/// A document to download.
fn stored(demo: &Demo, home: &Path, name: &str, size: usize) -> (String, Vec<u8>) {
    let (source, content) = (home.join(format!("source-{name}")), bytes(size as u64, size));
    std::fs::write(&source, &content).expect("written");
    let path = format!("/{FOLDER}/{name}");
    assert_eq!(demo.status(CLIENT_ONE, &path, &["-T", &source.to_string_lossy()]), 201);
    (path, content)
}

fn grows(file: &Path) {
    wait("the download to begin", || std::fs::metadata(file).is_ok_and(|file| file.len() > 0));
}

/// Waits until something is so.
pub(crate) fn wait(what: &str, so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
