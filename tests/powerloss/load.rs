//! The clients: OpenSSH's `sftp` in one session, and `curl` once for each deed, both against a running daemon.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::blobs::sha256;
use crate::demo::{CLIENT_ONE, Demo, both, bytes};
use crate::filesystem::Mounted;
use crate::random::Random;
use crate::story::{Content, Deed, Story, Told};

/// Lengths of documents: nothing, less than a sector, less than a chunk, a chunk and its neighbours, several.
const LENGTHS: [usize; 8] = [0, 1, 300, 5_000, 65_535, 65_536, 70_000, 300_000];

/// Which front door a client uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Sftp,
    Dav,
}

/// Does one deed after the other until it is told that it is over, or the daemon is gone.
pub(crate) struct Worker<'d> {
    pub(crate) door: Door,
    pub(crate) demo: &'d Demo,
    pub(crate) disk: &'d Mounted,
    /// Where the document to upload is written first.
    pub(crate) source: PathBuf,
    pub(crate) random: Random,
}

impl Worker<'_> {
    /// Tells the story. `killed` is set before the daemon is killed: only then may a deed fail.
    pub(crate) fn run(mut self, folder: String, over: &AtomicBool, killed: &AtomicBool) -> Story {
        let mut story = Story::new(folder);
        let mut sftp = (self.door == Door::Sftp).then(|| Sftp::connect(self.demo, &self.source));
        while !over.load(Ordering::Relaxed) {
            let source = self.source.clone();
            let deed = story.next(&mut self.random, |random| new_content(&source, random));
            let begun = self.disk.position();
            let done = match &mut sftp {
                Some(sftp) => self.command(sftp, &deed),
                None => self.request(&deed),
            };
            let acknowledged = done.is_ok().then(|| self.disk.position());
            story.deeds.push(Told { deed, begun, acknowledged });
            if let Err(why) = done {
                assert!(killed.load(Ordering::Relaxed), "{:?} failed: {why}", story.deeds.last());
                break;
            }
        }
        story
    }

    fn command(&self, sftp: &mut Sftp, deed: &Deed) -> Result<(), String> {
        let source = self.source.display();
        sftp.perform(&match deed {
            Deed::BreakOff(path) => return self.break_off(path),
            Deed::MakeFolder(path) => format!("mkdir \"{path}\""),
            // As the content's hash ends, so that both are tried: with -f, fsync@openssh.com goes before CLOSE.
            Deed::Put(path, content) if content.sha256.ends_with(['0', '1', '2', '3']) => {
                format!("put -f \"{source}\" \"{path}\"")
            }
            Deed::Put(path, _) => format!("put \"{source}\" \"{path}\""),
            Deed::Copy(from, to) => format!("cp \"{from}\" \"{to}\""),
            Deed::Rename(from, to) => format!("rename \"{from}\" \"{to}\""),
            Deed::Read(path) => format!("get \"{path}\" /dev/null"),
            Deed::Delete(path) => format!("rm \"{path}\""),
            Deed::RemoveFolder(path) => format!("rmdir \"{path}\""),
        })
    }

    /// Sends a part of a document and hangs up.
    fn break_off(&self, path: &str) -> Result<(), String> {
        std::fs::write(&self.source, bytes(7, 1_000_000)).expect("the source is written");
        let source = self.source.to_string_lossy();
        let slowly = ["-f", "-o", "/dev/null", "--limit-rate", "400k", "--max-time", "0.5", "-T", &source];
        let output = self.demo.curl(CLIENT_ONE, path, &slowly);
        // curl(1), "EXIT CODES": 28 is its own time limit.
        if output.status.code() == Some(28) { Ok(()) } else { Err(format!("not broken off: {}", both(&output))) }
    }

    fn request(&self, deed: &Deed) -> Result<(), String> {
        let source = self.source.to_string_lossy();
        let destination = |to: &str| format!("Destination: {}", self.demo.url(to));
        let ask = |path: &str, arguments: &[&str]| {
            let output = self.demo.curl(CLIENT_ONE, path, &[&["-f", "-o", "/dev/null"], arguments].concat());
            if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
        };
        match deed {
            Deed::BreakOff(path) => self.break_off(path),
            Deed::MakeFolder(path) => ask(path, &["-X", "MKCOL"]),
            Deed::Put(path, _) => ask(path, &["-T", &source]),
            Deed::Copy(from, to) => ask(from, &["-X", "COPY", "-H", &destination(to)]),
            Deed::Rename(from, to) => ask(from, &["-X", "MOVE", "-H", &destination(to)]),
            Deed::Read(path) => ask(path, &[]),
            Deed::Delete(path) | Deed::RemoveFolder(path) => ask(path, &["-X", "DELETE"]),
        }
    }
}

/// Writes a document that nobody has sent before.
fn new_content(source: &Path, random: &mut Random) -> Content {
    let content = bytes(random.next(), *random.pick(&LENGTHS));
    std::fs::write(source, &content).expect("the source is written");
    Content { size: content.len() as u64, sha256: sha256(&content) }
}

/// One session of OpenSSH's `sftp` in batch mode. It ends at the first command that fails.
struct Sftp {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    complaints: PathBuf,
}

impl Sftp {
    fn connect(demo: &Demo, source: &Path) -> Self {
        let complaints = source.with_extension("sftp");
        let stderr = File::create(&complaints).expect("a file for what sftp complains of");
        let mut child = Command::new("sftp")
            .args(demo.ssh_options(CLIENT_ONE))
            .args(["-q", "-b", "-", "127.0.0.1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("sftp is installed");
        let commands = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, commands, answers, complaints }
    }

    /// A command has succeeded when the next one is answered.
    fn perform(&mut self, command: &str) -> Result<(), String> {
        let sent = writeln!(self.commands, "{command}\nlpwd");
        let answered = sent.is_ok()
            && self.answers.by_ref().map_while(Result::ok).any(|line| line.starts_with("Local working directory:"));
        if answered { Ok(()) } else { Err(std::fs::read_to_string(&self.complaints).unwrap_or_default()) }
    }
}

impl Drop for Sftp {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
