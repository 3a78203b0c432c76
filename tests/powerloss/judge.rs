//! Opens an image with the real program, lets it recover, and holds what it then has against what was acknowledged.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::process::Output;

use deedbox::audit::{self, Action, Checks, Event, Filter, Outcome, ReadKeys};
use deedbox::keys::Keyring;

use crate::blobs::{Opened, sha256};
use crate::demo::{CLIENT_ONE, Demo, both, deedbox};
use crate::recording::Position;
use crate::run::{Account, Listed};
use crate::story::{Content, Deed, Story, Tree};

/// Judges the images of one run.
pub(crate) struct Judge<'r> {
    account: &'r Account,
    opened: Opened,
}

impl<'r> Judge<'r> {
    pub(crate) fn new(account: &'r Account) -> Self {
        Self { account, opened: Opened::default() }
    }

    /// Everything that is wrong with an image that was cut at `cut`; nothing if all is well. `checkpoint` is one that
    /// somebody outside may have kept.
    pub(crate) fn violations(&self, data: &Path, cut: Position, checkpoint: Option<&[u8]>) -> Vec<String> {
        let listed = match documents(data) {
            Ok(listed) => listed,
            Err(why) => return vec![format!("it does not open: {why}")],
        };
        let recorded = match record(data, checkpoint) {
            Ok(events) => Recorded::from(events),
            Err(why) => return vec![format!("the record: {why}")],
        };
        let mut found = Vec::new();
        judge_documents(self.account, cut, &listed, &mut found);
        judge_record(self.account, cut, &listed, &recorded, &mut found);
        self.opened.judge(data, &listed, &self.account.elsewhere, &mut found);
        found
    }
}

/// Opens the directory, which recovers it, and lists the matter in which all clients worked.
fn documents(data: &Path) -> Result<Vec<Listed>, String> {
    let output = verb(data, &["document", "list", "--matter", "2026-0001", "--json"]);
    if !output.status.success() {
        return Err(both(&output));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {}", both(&output)))
}

/// Whether catalog, blobs and record bear each other out, in the program's own eyes.
pub(crate) fn judge_deep(data: &Path, found: &mut Vec<String>) {
    let output = verb(data, &["check", "--deep", "--json"]);
    if !output.status.success() {
        found.push(format!("check --deep: {}", both(&output)));
    }
}

/// Whether the daemon starts on an image that was recovered, and serves every document as it is listed.
pub(crate) fn judge_serving(data: &Path, found: &mut Vec<String>) {
    let (listed, demo) = match (documents(data), Demo::try_start(data, &[])) {
        (Ok(listed), Ok(demo)) => (listed, demo),
        (Err(why), _) | (_, Err(why)) => return found.push(format!("it does not start: {why}")),
    };
    for one in listed.iter().filter(|one| one.current) {
        let got = demo.curl(CLIENT_ONE, &one.path, &["-f"]);
        if !got.status.success() || sha256(&got.stdout) != one.content.sha256 {
            found.push(format!("{} is not served as it is listed: {}", one.path, got.status));
        }
    }
    demo.stop();
}

fn verb(data: &Path, arguments: &[&str]) -> Output {
    deedbox(&[arguments, &["--data", &data.to_string_lossy()]].concat())
}

/// Verifies the whole record, that it goes on from the checkpoint, and that every body opens; gives its events.
fn record(data: &Path, checkpoint: Option<&[u8]>) -> Result<Vec<Event>, String> {
    let keyring = Keyring::open(&data.join("keys")).map_err(|why| why.to_string())?;
    let secrets = keyring.audit_keys();
    let keys = ReadKeys::new(secrets.body_key, secrets.tag_key);
    let dir = data.join("audit");
    let checks = Checks { key: None, known: checkpoint, keys: Some(&keys) };
    audit::verify_with(&dir, checks).map_err(|why| why.to_string())?;
    let shown = audit::show(&dir, &keys, Filter::default()).map_err(|why| why.to_string())?;
    let mut events = Vec::new();
    for one in shown {
        events.extend(one.map_err(|why| why.to_string())?.event());
    }
    Ok(events)
}

/// The acknowledged and nothing half: each client's folder holds what its story says, before or after the deed in flight.
fn judge_documents(account: &Account, cut: Position, listed: &[Listed], found: &mut Vec<String>) {
    let mut rest: BTreeSet<&Listed> = listed.iter().collect();
    for before in &account.before {
        if !rest.remove(&before) {
            found.push(format!("{} version {} stood there before and is gone or changed", before.path, before.version));
        }
    }
    for story in &account.stories {
        let below = format!("{}/", story.folder);
        let mine: Vec<&Listed> = rest.iter().copied().filter(|one| one.path.starts_with(&below)).collect();
        rest.retain(|one| !one.path.starts_with(&below));
        let tree = tree_of(&mine, found);
        let (must, may) = story.allowed(cut);
        if tree != must && may.as_ref() != Some(&tree) {
            found.push(format!("{}: {}", story.folder, difference(&tree, &must, may.is_some())));
        }
    }
    found.extend(rest.iter().map(|one| format!("{} version {} is nobody's", one.path, one.version)));
}

/// The list as a tree. Versions are numbered without gaps, and the last is the current one.
fn tree_of(listed: &[&Listed], found: &mut Vec<String>) -> Tree {
    let mut versions: BTreeMap<&str, Vec<&Listed>> = BTreeMap::new();
    listed.iter().for_each(|one| versions.entry(&one.path).or_default().push(one));
    let mut tree = Tree::new();
    for (path, mut versions) in versions {
        versions.sort_by_key(|one| one.version);
        let whole = versions.iter().zip(1..).all(|(one, number)| one.version == number)
            && versions.iter().rev().map(|one| one.current).eq((0..versions.len()).map(|from_end| from_end == 0));
        if !whole {
            found.push(format!("{path} has a torn history: {versions:?}"));
        }
        tree.insert(path.to_owned(), versions.iter().map(|one| one.content.clone()).collect());
    }
    tree
}

fn difference(is: &Tree, must: &Tree, in_flight: bool) -> String {
    let short = |versions: Option<&Vec<Content>>| {
        versions.map(|v| v.iter().map(|one| format!("{}:{}", one.size, &one.sha256[..8])).collect::<Vec<_>>().join(" "))
    };
    let paths: BTreeSet<&String> = is.keys().chain(must.keys()).collect();
    let differ = paths.into_iter().filter(|path| is.get(*path) != must.get(*path));
    let lines = differ.map(|path| format!("{path}: is {:?}, was {:?}", short(is.get(path)), short(must.get(path))));
    let flight = if in_flight { " (nor as the deed in flight would leave it)" } else { "" };
    format!("not as acknowledged{flight}: {}", lines.collect::<Vec<_>>().join("; "))
}

/// What the record says, made quick to ask.
struct Recorded {
    /// Action, path, the other path of a move.
    intents: HashSet<(Action, String, Option<String>)>,
    /// SHA-256 of what became visible, by path.
    confirmed: HashSet<(String, String)>,
    /// Blobs that became visible.
    blobs: HashSet<String>,
}

impl From<Vec<Event>> for Recorded {
    fn from(events: Vec<Event>) -> Self {
        let mut recorded = Self { intents: HashSet::new(), confirmed: HashSet::new(), blobs: HashSet::new() };
        for event in events {
            let Some(path) = event.path else { continue };
            if event.outcome == Outcome::Confirmed {
                recorded.confirmed.extend(event.detail.sha256.map(|sha256| (path.clone(), hex::encode(sha256))));
                recorded.blobs.extend(event.detail.blob.map(|blob| blob.to_string()));
            }
            recorded.intents.insert((event.action, path, event.detail.to));
        }
        recorded
    }
}

impl Recorded {
    fn has(&self, action: Action, path: &str, to: Option<&str>) -> bool {
        self.intents.contains(&(action, path.to_owned(), to.map(str::to_owned)))
    }

    fn has_upload(&self, path: &str, content: &Content) -> bool {
        self.confirmed.contains(&(path.to_owned(), content.sha256.clone()))
    }

    /// Whether the record tells of a deed.
    fn tells_of(&self, deed: &Deed, story: &Story) -> bool {
        match deed {
            Deed::BreakOff(_) => true,
            Deed::MakeFolder(path) => self.has(Action::MakeFolder, path, None),
            Deed::Put(path, content) => self.has_upload(path, content),
            // A copy reads there and writes here; what it writes is some version that was uploaded in this story.
            Deed::Copy(from, to) => {
                self.has(Action::Read, from, None)
                    && story.deeds.iter().any(|told| match &told.deed {
                        Deed::Put(_, content) => self.has_upload(to, content),
                        _ => false,
                    })
            }
            Deed::Rename(from, to) => {
                self.has(Action::Rename, from, Some(to)) || self.has(Action::Move, from, Some(to))
            }
            Deed::Read(path) => self.has(Action::Read, path, None),
            Deed::Delete(path) | Deed::RemoveFolder(path) => self.has(Action::Delete, path, None),
        }
    }
}

/// Whatever was acknowledged, a download too, has its record, and so has whatever can be seen.
fn judge_record(account: &Account, cut: Position, listed: &[Listed], recorded: &Recorded, found: &mut Vec<String>) {
    for story in &account.stories {
        let acknowledged = story.deeds.iter().filter(|told| told.is_acknowledged(cut));
        let silent = acknowledged.filter(|told| !recorded.tells_of(&told.deed, story));
        found.extend(silent.map(|told| format!("no record of {:?}", told.deed)));
    }
    for one in listed.iter().filter(|one| !recorded.blobs.contains(&one.blob)) {
        found.push(format!("no record of version {} of {}", one.version, one.path));
    }
}
