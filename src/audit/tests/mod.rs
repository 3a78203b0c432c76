//! The log as a whole: written, read, killed and tampered with. What concerns one file alone is tested there.

mod activity;
mod reading;
mod recovery;
mod searching;
mod tampering;
mod writing;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use zeroize::Zeroizing;

use super::{Action, Actor, AuditKeys, Event, Log, OpenError, Opened, Outcome};
use crate::names::{AuthMethod, Front, MatterId, NodeId, Role, SessionId};

const ORIGIN: &str = "deedbox.example/audit";

/// The same keys every time.
fn keys() -> AuditKeys {
    let key = |byte| Zeroizing::new([byte; 32]);
    AuditKeys { signing_seed: key(1), body_key: key(2), tag_key: key(3) }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn open(dir: &Path) -> (Arc<Log>, Opened) {
    try_open(dir).expect("a sound log")
}

fn try_open(dir: &Path) -> Result<(Arc<Log>, Opened), OpenError> {
    Log::open(dir, keys(), ORIGIN)
}

fn matter(n: u8) -> MatterId {
    MatterId::from_bytes([n; 16])
}

/// Somebody looks at something in a matter.
fn event(action: Action, outcome: Outcome, matter_number: u8) -> Event {
    let actor = Actor {
        session: SessionId::random(),
        account: None,
        login: "client.one@example.com".to_owned(),
        role: Some(Role::Participant),
        front: Front::Sftp,
        peer: Some("192.0.2.1".to_owned()),
        auth: AuthMethod::Password,
    };
    let mut event = Event::new(actor, action, outcome);
    event.matter = Some(matter(matter_number));
    event.object = Some(NodeId::random());
    event.path = Some(format!("/2026-{matter_number:04}/Documents/Deed.pdf"));
    event
}

/// Adds so many lookups over three matters.
fn fill(log: &Log, count: u64) {
    for n in 0..count {
        let event = event(Action::Stat, Outcome::NotFound, (n % 3) as u8);
        loop {
            match log.enqueue(event.clone()) {
                Ok(()) => break,
                Err(super::Unavailable::Busy) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// A closed log with so many lookups.
fn closed(count: u64) -> TempDir {
    let dir = folder();
    let (log, _) = open(dir.path());
    fill(&log, count);
    log.close();
    dir
}

type Files = BTreeMap<String, Vec<u8>>;

/// Every file below a folder.
fn files(dir: &Path) -> Files {
    fn walk(dir: &Path, folder: &str, found: &mut Files) -> std::io::Result<()> {
        for entry in fs::read_dir(dir.join(folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if entry.file_type()?.is_dir() {
                walk(dir, &name, found)?;
            } else {
                found.insert(name.clone(), fs::read(dir.join(&name))?);
            }
        }
        Ok(())
    }
    // While a daemon writes, a file may vanish between listing and reading, or two files belong to different moments:
    // two equal readings show one moment.
    let mut last = None;
    loop {
        let mut found = Files::new();
        let read = walk(dir, "", &mut found).is_ok();
        if read && last.as_ref() == Some(&found) {
            return found;
        }
        last = read.then_some(found);
    }
}

/// Writes files into a new folder: what a crash, a copy or a hostile hand left.
fn image(files: &Files) -> TempDir {
    let dir = folder();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a new folder");
        fs::write(path, bytes).expect("a new file");
    }
    dir
}
