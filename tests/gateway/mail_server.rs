//! A mail server, and the mails that it was given.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Debian's, for which Debian's aiosmtpd is made.
const PYTHON: &str = "/usr/bin/python3";
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A mail server (`smtp.py`, aiosmtpd).
pub(crate) struct Server {
    child: Option<Child>,
    folder: TempDir,
    /// What it is started with the next time.
    pub(crate) arguments: Vec<String>,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let arguments = arguments.iter().map(|one| (*one).to_owned()).collect();
        let mut server = Self { child: None, folder, arguments, port: 0 };
        server.again();
        server
    }

    /// At the same port, once it has one.
    pub(crate) fn again(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway/smtp.py");
        let mut command = Command::new(PYTHON);
        command.arg(script).arg(self.folder.path()).args(["--port", &self.port.to_string()]).args(&self.arguments);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("Debian's python3 is installed");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("readable");
        self.port = line.trim().parse().unwrap_or_else(|_| panic!("the mail server did not start: {line}"));
        self.child = Some(child);
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("it ends");
        }
    }

    pub(crate) fn tell(&self, what: &str, words: &str) {
        std::fs::write(self.folder.path().join(what), words).expect("written");
    }

    /// What it was given, the oldest first.
    pub(crate) fn mails(&self) -> Vec<Value> {
        let files =
            std::fs::read_dir(self.folder.path()).expect("readable").map(|entry| entry.expect("readable").path());
        let files: BTreeSet<PathBuf> = files.filter(|file| file.extension().is_some_and(|end| end == "json")).collect();
        let read = |file: &PathBuf| serde_json::from_slice(&std::fs::read(file).expect("readable")).expect("JSON");
        files.iter().map(read).collect()
    }

    /// Waits until it was given so many.
    pub(crate) fn waits_for(&self, count: usize) -> Vec<Value> {
        let until = Instant::now() + PATIENCE;
        while self.mails().len() < count {
            assert!(Instant::now() < until, "{count} mails were expected: {:#?}", self.mails());
            std::thread::sleep(Duration::from_millis(50));
        }
        self.mails()
    }

    /// Forgets what it was given.
    pub(crate) fn clear(&self) {
        for file in std::fs::read_dir(self.folder.path()).expect("readable") {
            let path = file.expect("readable").path();
            if path.extension().is_some_and(|end| end == "json") {
                std::fs::remove_file(path).expect("removed");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn to(mail: &Value) -> &str {
    let to = mail["to"].as_array().expect("a list");
    assert_eq!(to.len(), 1, "one recipient each: nobody sees who else is told");
    to[0].as_str().expect("an address")
}

pub(crate) fn text<'m>(mail: &'m Value, part: &str) -> &'m str {
    mail[part].as_str().expect("text")
}

pub(crate) fn recipients(mails: &[Value]) -> Vec<&str> {
    let mut all: Vec<_> = mails.iter().map(to).collect();
    all.sort_unstable();
    all
}
