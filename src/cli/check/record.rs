//! The catalog against the audit record: what is served was recorded, and what was recorded is there.
//!
//! Every version has its *confirmation*, which was durable before the version could be seen, with the same SHA-256, size and
//! blob. And every version that was recorded as stored is in the catalog, unless a later record removes its document: so
//! an acknowledged document that got lost, and a record of the catalog that went back in time, are found. Where the daemon
//! ended in the middle of an operation, whether it came to pass is the catalog's to say.
//!
//! Memory: versions that were recorded and are gone again wait here for the record that removes them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;

use crate::audit::{self, Action, Event, Filter, Outcome, ReadKeys, Shown, VerifyError};
use crate::names::{BlobId, NodeId};
use crate::vault::check::{Check, Finding, Findings, Stored};

/// Removed documents of which a last record may still come: an outcome is recorded within 100 ms of its effect.
const RECENT: usize = 65_536;

const FIND_OUT: &str = "keep the data directory as it is and find out how this came about; an upload always has its record \
                        first";
const RESTORE: &str = "restore catalog and blobs from a backup that is not older than this record";

/// A version that was recorded as stored and that the catalog does not have.
struct Gone {
    blob: BlobId,
    seq: u64,
    path: Option<String>,
    version: Option<u64>,
}

/// The comparison so far.
struct Comparison<'v> {
    versions: &'v HashMap<BlobId, Stored>,
    /// Records from this number on may be newer than what was read of the catalog.
    before: u64,
    confirmed: HashSet<BlobId>,
    gone: HashMap<NodeId, Vec<Gone>>,
    /// Renames and moves under way: by the intent's number, the document that moves.
    moving: HashMap<u64, NodeId>,
    removed: HashSet<NodeId>,
    removed_lately: VecDeque<NodeId>,
    bodiless: u64,
    findings: Findings,
}

/// Reads the record once. `before` is the number of records that there were before the catalog was read.
pub(super) fn compare(
    dir: &Path,
    keys: &ReadKeys,
    versions: &HashMap<BlobId, Stored>,
    before: u64,
    check: &Check,
) -> Result<Findings, VerifyError> {
    let mut run = Comparison {
        versions,
        before,
        confirmed: HashSet::with_capacity(versions.len()),
        gone: HashMap::new(),
        moving: HashMap::new(),
        removed: HashSet::new(),
        removed_lately: VecDeque::new(),
        bodiless: 0,
        findings: Findings::default(),
    };
    for shown in audit::show(dir, keys, Filter::default())? {
        let shown = shown?;
        match shown.event() {
            Some(event) => run.follow(&shown, event),
            None => run.bodiless += 1,
        }
    }
    Ok(run.end(check))
}

impl Comparison<'_> {
    fn follow(&mut self, shown: &Shown, event: Event) {
        match (event.action, event.outcome) {
            (
                Action::Create | Action::Update | Action::Route | Action::Assign | Action::Receipt,
                Outcome::Confirmed,
            ) => self.confirm(shown.seq, &event),
            // The last step of a save: what the temporary file held is the document's, and the file is gone. So is what went
            // to another matter, where its content is another document's.
            (Action::Update | Action::Route | Action::Assign, Outcome::Begun) => {
                self.moving.extend(event.detail.source.map(|node| (shown.seq, node)));
            }
            (Action::Create | Action::Update | Action::Route | Action::Assign | Action::Receipt, outcome) => {
                match shown.refers.and_then(|intent| self.moving.remove(&intent)) {
                    Some(saved) if outcome == Outcome::Done => self.remove(saved),
                    Some(saved) => drop(self.gone.remove(&saved)),
                    None => {}
                }
                if outcome == Outcome::Done {
                    self.store(shown.seq, event);
                }
            }
            (Action::Delete, Outcome::Begun | Outcome::Done | Outcome::Failed | Outcome::Abandoned) => {
                event.object.into_iter().for_each(|node| self.remove(node));
            }
            (Action::Rename | Action::Move, Outcome::Begun) => {
                self.moving.extend(event.object.map(|node| (shown.seq, node)));
            }
            (Action::Rename | Action::Move, outcome) => {
                let Some(from) = shown.refers.and_then(|intent| self.moving.remove(&intent)) else { return };
                match event.object.filter(|_| outcome == Outcome::Done) {
                    Some(onto) if onto == from => {}
                    // Its versions are the other document's now, and go when that goes.
                    Some(onto) => {
                        let moved = self.gone.remove(&from).unwrap_or_default();
                        if !moved.is_empty() && !self.removed.contains(&onto) {
                            self.gone.entry(onto).or_default().extend(moved);
                        }
                    }
                    None => drop(self.gone.remove(&from)),
                }
            }
            _ => {}
        }
    }

    /// A version was about to be seen.
    fn confirm(&mut self, seq: u64, event: &Event) {
        let detail = &event.detail;
        let Some((blob, stored)) = detail.blob.and_then(|blob| Some((blob, self.versions.get(&blob)?))) else { return };
        self.confirmed.insert(blob);
        if (detail.sha256, detail.bytes) != (Some(stored.sha256), Some(stored.size)) {
            let what = format!("blob {blob} is recorded with another content than the catalog says");
            let finding = Finding::new(what, FIND_OUT).node(Some(stored.node)).version(stored.version);
            self.findings.add(finding.path(event.path.clone()).record(Some(seq)));
        }
    }

    /// A version was stored.
    fn store(&mut self, seq: u64, event: Event) {
        let (Some(blob), Some(node)) = (event.detail.blob, event.object) else { return };
        if seq < self.before && !self.versions.contains_key(&blob) && !self.removed.contains(&node) {
            let version = event.detail.version;
            self.gone.entry(node).or_default().push(Gone { blob, seq, path: event.path, version });
        }
    }

    /// A document was removed, or may have been.
    fn remove(&mut self, node: NodeId) {
        self.gone.remove(&node);
        if self.removed.insert(node) {
            self.removed_lately.push_back(node);
        }
        if self.removed_lately.len() > RECENT
            && let Some(oldest) = self.removed_lately.pop_front()
        {
            self.removed.remove(&oldest);
        }
    }

    fn end(mut self, check: &Check) -> Findings {
        // Moves whose outcome never came may have happened.
        for node in self.moving.values() {
            self.gone.remove(node);
        }
        // A document that moves while the catalog is read may have been passed over.
        let there = if self.gone.is_empty() { HashSet::new() } else { check.blobs() };
        for (node, versions) in self.gone {
            for gone in versions.into_iter().filter(|gone| !there.contains(&gone.blob)) {
                let what = format!(
                    "blob {} was recorded as stored, but the catalog does not have it and no record removes it",
                    gone.blob
                );
                let finding = Finding::new(what, RESTORE).node(Some(node)).path(gone.path).record(Some(gone.seq));
                self.findings.add(Finding { version: gone.version, ..finding });
            }
        }
        let bare: Vec<_> = self.versions.iter().filter(|(blob, _)| !self.confirmed.contains(blob)).collect();
        let paths = check.paths(&bare.iter().map(|(_, stored)| stored.node).collect());
        for (blob, stored) in bare {
            let erased = if self.bodiless > 0 { " (records without body were passed over)" } else { "" };
            let what = format!("blob {blob} is served, but no audit record confirms it{erased}");
            let finding = Finding::new(what, FIND_OUT).node(Some(stored.node)).path(paths.get(&stored.node).cloned());
            self.findings.add(finding.version(stored.version));
        }
        self.findings
    }
}
