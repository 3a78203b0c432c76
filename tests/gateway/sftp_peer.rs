//! Beside OpenSSH's own `sftp-server`: the same packets to both, and both say the same and hold the same afterwards.
//!
//! `DEEDBOX_PEER_OPERATIONS=10000 tests/run --test gateway beside_openssh` is the long run; `DEEDBOX_TEST_SEED` chooses
//! another sequence.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use tempfile::TempDir;

use crate::demo::{CLIENT_ONE, Demo, MATTER_ONE, ok};
use crate::random::{Random, times};
use crate::sftp_channel::*;

/// How many combinations there are.
const FLAGS: u32 = 64;
/// What stands in a document before its OPEN.
const BEFORE: &[u8] = b"0123456789";

/// OpenSSH's server, which speaks on its standard input and output.
struct Peer {
    server: Child,
    home: TempDir,
}

impl Peer {
    fn start() -> Self {
        let home = tempfile::Builder::new().prefix("deedbox-peer-").tempdir().expect("a directory");
        let server = Command::new("/usr/lib/openssh/sftp-server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("openssh-sftp-server is installed");
        let mut peer = Self { server, home };
        peer.ask(&packet(1, 3, &[]));
        peer
    }

    fn ask(&mut self, request: &[u8]) -> Bytes {
        let input = self.server.stdin.as_mut().expect("piped");
        input.write_all(request).and_then(|()| input.flush()).expect("it takes requests");
        let output = self.server.stdout.as_mut().expect("piped");
        let mut length = [0; 4];
        output.read_exact(&mut length).expect("it answers");
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        output.read_exact(&mut answer).expect("it answers");
        answer.into()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends with its input anyway.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// An answer, as far as two servers can say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Status(u32),
    Handle,
    Data(Bytes),
    Folder,
    Document(u64),
}

impl Said {
    fn of(answer: &Bytes) -> Self {
        let word = |at: usize| u32::from_be_bytes(answer[at..at + 4].try_into().expect("four bytes"));
        match answer[0] {
            101 => Self::Status(word(5)),
            102 => Self::Handle,
            103 => Self::Data(answer.slice(9..)),
            // Flags, size, owner, group, mode.
            105 if word(25) & 0o040_000 != 0 => Self::Folder,
            105 => Self::Document((u64::from(word(9)) << 32) | u64::from(word(13))),
            other => panic!("an answer of type {other}"),
        }
    }

    /// Not done, and not for being at the end.
    fn is_refused(&self) -> bool {
        matches!(self, Self::Status(code) if *code > 1)
    }
}

/// Both servers, with a folder of their own each.
struct Twins {
    ours: Sftp,
    peer: Peer,
    roots: [String; 2],
    /// What was asked so far, and what they said.
    steps: Vec<String>,
}

impl Twins {
    async fn meet(folder: &str) -> Self {
        let demo = Demo::shared();
        let root = format!("/{MATTER_ONE}/Documents/Shared room/{folder}");
        ok(demo.sftp(CLIENT_ONE, &format!("mkdir \"{root}\"")));
        let peer = Peer::start();
        let roots = [root, peer.home.path().to_string_lossy().into_owned()];
        Self { ours: Sftp::ready(demo).await, peer, roots, steps: Vec::new() }
    }

    /// Asks both, and gives what they answer: ours first.
    async fn ask(&mut self, make: impl Fn(usize, &str) -> Vec<u8>) -> [Bytes; 2] {
        let requests = [make(0, &self.roots[0]), make(1, &self.roots[1])];
        self.ours.send(&requests[0]).await;
        let ours = self.ours.answer().await.expect("an answer");
        [ours, self.peer.ask(&requests[1])]
    }

    /// Asks both, which must say the same.
    async fn same(&mut self, step: String, make: impl Fn(usize, &str) -> Vec<u8>) -> [Bytes; 2] {
        let answers = self.ask(make).await;
        let said = answers.each_ref().map(Said::of);
        self.steps.push(format!("{step}: {:?}", said[1]));
        // What a handle is not open for has a code of its own with us.
        let agreed = said[0] == said[1] || (step.starts_with("through") && said.iter().all(Said::is_refused));
        assert!(agreed, "{:?} is said, after\n{}", said[0], self.steps.join("\n"));
        answers
    }

    /// Handles of both, or nothing if both refuse.
    async fn open(&mut self, name: &str, flags: u32) -> Option<[Bytes; 2]> {
        let step = format!("open {name} with {flags:#x}");
        let answers = self.same(step, |_, root| open(&format!("{root}/{name}"), flags)).await;
        (answers[0][0] == 102).then(|| answers.map(|answer| answer.slice(9..)))
    }

    async fn about(&mut self, what: &str, kind: u8, name: &str) -> [Bytes; 2] {
        let path = |root: &str| string(format!("{root}/{name}").as_bytes());
        // MKDIR has attributes, which the others ignore.
        self.same(format!("{what} {name}"), |_, root| packet(kind, 1, &[&path(root), &[0; 4]])).await
    }

    async fn close(&mut self, handles: &[Bytes; 2]) {
        self.same("close".to_owned(), |n, _| packet(4, 1, &[&string(&handles[n])])).await;
    }

    async fn through(&mut self, what: &str, handles: &[Bytes; 2], make: impl Fn(&[u8]) -> Vec<u8>) {
        self.same(format!("through the handle: {what}"), |n, _| make(&handles[n])).await;
    }

    async fn rename(&mut self, from: &str, to: &str, posix: bool) {
        let rename = |_: usize, root: &str| {
            let path = |name: &str| string(format!("{root}/{name}").as_bytes());
            let (extension, from, to) = (string(b"posix-rename@openssh.com"), path(from), path(to));
            if posix { packet(200, 1, &[&extension, &from, &to]) } else { packet(18, 1, &[&from, &to]) }
        };
        self.same(format!("rename {from} to {to}, posix: {posix}"), rename).await;
    }

    /// Makes the document as it is to be before the next OPEN, or sees that it is not there.
    async fn prepare(&mut self, name: &str, is_there: bool) {
        if is_there {
            let handles = self.open(name, WRITE | CREATE | TRUNCATE).await.expect("made");
            self.through("write", &handles, |handle| write(1, handle, 0, BEFORE)).await;
            self.close(&handles).await;
        }
    }

    /// What stands there now.
    async fn holds(&mut self, name: &str) {
        // What Linux opens for reading may be a folder.
        let answers = self.about("stat", 17, name).await;
        if !matches!(Said::of(&answers[0]), Said::Document(_)) {
            return;
        }
        if let Some(handles) = self.open(name, READ).await {
            self.through("read all", &handles, |handle| read(1, handle, 0, 1 << 20)).await;
            self.close(&handles).await;
        }
    }
}

fn open(path: &str, flags: u32) -> Vec<u8> {
    packet(3, 1, &[&string(path.as_bytes()), &flags.to_be_bytes(), &[0; 4]])
}

/// FSETSTAT of the size.
fn cut(handle: &[u8], size: u64) -> Vec<u8> {
    packet(10, 1, &[&string(handle), &1u32.to_be_bytes(), &size.to_be_bytes()])
}

#[test]
fn every_combination_of_open_flags_means_what_it_means_beside_openssh() {
    run(async {
        let mut twins = Twins::meet("flags").await;
        for flags in 0..FLAGS {
            for is_there in [false, true] {
                let name = format!("{flags:02x}-{is_there}");
                twins.prepare(&name, is_there).await;
                if flags & WRITE == 0 && flags & (CREATE | TRUNCATE) != 0 {
                    // Linux makes and empties files even for who only reads. With us nothing is changed without WRITE.
                    twins.ours.send(&open(&format!("{}/{name}", twins.roots[0]), flags)).await;
                    let answer = twins.ours.answer().await.expect("an answer");
                    let expected = if is_there { Said::Handle } else { Said::Status(2) };
                    assert_eq!(Said::of(&answer), expected, "{name}");
                    if is_there {
                        twins.ours.send(&packet(4, 1, &[&string(&answer[9..])])).await;
                        assert_eq!(twins.ours.status().await.1, 0);
                    }
                    twins.holds(&name).await;
                    continue;
                }
                let Some(handles) = twins.open(&name, flags).await else { continue };
                twins.through("read", &handles, |handle| read(1, handle, 2, 5)).await;
                twins.through("write", &handles, |handle| write(1, handle, 4, b"xyz")).await;
                if flags & WRITE != 0 {
                    twins.through("write", &handles, |handle| write(1, handle, 1, b"!")).await;
                    twins.through("cut", &handles, |handle| cut(handle, 9)).await;
                    twins.through("write", &handles, |handle| write(1, handle, 20, b"?")).await;
                }
                twins.same("fstat".to_owned(), |n, _| packet(8, 1, &[&string(&handles[n])])).await;
                twins.close(&handles).await;
                twins.holds(&name).await;
            }
        }
    });
}

const NAMES: [&str; 7] = ["a", "b", "c", "one/a", "one/b", "two/a", "a/below"];
const FOLDERS: [&str; 3] = ["one", "two", "a"];

#[test]
fn random_requests_are_answered_as_beside_openssh_and_leave_the_same() {
    run(async {
        let mut random = Random::seeded("beside_openssh");
        let mut twins = Twins::meet("peer").await;
        let mut held: BTreeMap<&str, [Bytes; 2]> = BTreeMap::new();
        for _ in 0..times("DEEDBOX_PEER_OPERATIONS", 400) {
            let name = *random.pick(&NAMES);
            let content = crate::demo::bytes(random.next(), random.below(50));
            let (at, size) = (random.below(80) as u64, random.below(120) as u64);
            if let Some(handles) = held.get(name) {
                match random.below(8) {
                    0..3 => twins.through("write", handles, |handle| write(1, handle, at, &content)).await,
                    3 => twins.through("read", handles, |handle| read(1, handle, at, 40)).await,
                    4 => twins.through("cut", handles, |handle| cut(handle, size)).await,
                    5 => drop(twins.about("stat", 17, name).await),
                    _ => {
                        let handles = handles.clone();
                        twins.close(&handles).await;
                        held.remove(name);
                    }
                }
                continue;
            }
            // What is open stays where it is: POSIX keeps a file for its handles whatever becomes of its name.
            let is_free = |name: &str| !held.keys().any(|held| *held == name || held.starts_with(&format!("{name}/")));
            let (folder, to) = (*random.pick(&FOLDERS), *random.pick(&NAMES));
            match random.below(10) {
                0..4 => {
                    let flags = random.below(FLAGS as usize) as u32 | WRITE;
                    if let Some(handles) = twins.open(name, flags).await {
                        held.insert(name, handles);
                    }
                }
                4 => drop(twins.about("remove", 13, name).await),
                5 if is_free(name) && is_free(to) && !to.starts_with(name) => {
                    // Of a folder onto a document POSIX says that the document is none.
                    let is_folder = Said::of(&twins.about("stat", 17, name).await[0]) == Said::Folder;
                    twins.rename(name, to, !is_folder && random.below(2) == 0).await;
                }
                6 => drop(twins.about("stat", 17, name).await),
                7 if is_free(folder) => drop(twins.about("mkdir", 14, folder).await),
                8 if is_free(folder) => drop(twins.about("rmdir", 15, folder).await),
                _ => twins.holds(name).await,
            }
        }
        for handles in std::mem::take(&mut held).values() {
            twins.close(handles).await;
        }
        for name in NAMES {
            twins.holds(name).await;
        }
    });
}
