//! Checking a whole log, or a copy of it, with the public key alone.
//!
//! Every leaf is hashed into a tree of our own, which is compared with the tiles and with the signed root; the leaves'
//! numbers, matter sequences and intents are followed; every sealed body is compared with its leaf, and with the keys
//! also opened. Files that do not belong are reported, so that a log rolled back under its newer tiles is noticed.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;

use super::body::{Body, ReadKeys, Sealer};
use super::bundle::{Record, encode_entries, encode_sealed, parse_tile};
use super::checkpoint::Checkpoint;
use super::error::VerifyError;
use super::files::{
    ASIDE, CHECKPOINT, JOURNAL, PUBLIC_KEY, STATE, entries_path, is_temporary, sealed_path, segments, tile_path,
};
use super::leaf::{Leaf, Refers};
use super::note::VerifyKey;
use super::state::Chains;
use super::store::Store;
use super::tree::{Hash, TILE, Tree, sha256};

/// How long a checkpoint may take to follow the files that it covers.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);

/// What to hold the log against, beside itself.
#[derive(Clone, Copy, Default)]
pub struct Checks<'c> {
    /// The key to trust; without one, that in the log's own directory.
    pub key: Option<&'c VerifyKey>,
    /// A signed checkpoint seen earlier: the log must contain exactly the tree that it signs, and maybe more.
    pub known: Option<&'c [u8]>,
    /// Opens bodies too, and checks that each belongs to its leaf and matter.
    pub keys: Option<&'c ReadKeys>,
}

/// A log that is as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The log's name.
    pub origin: String,
    /// Records.
    pub size: u64,
    /// Records that the checkpoint signs; the rest was written in the last second of a daemon that did not end cleanly,
    /// or still runs.
    pub signed: u64,
    /// The signed root, in hexadecimal.
    pub root: String,
    /// The catalog's last commit that the log knows of.
    pub catalog: u64,
    /// Matters that have records.
    pub matters: usize,
    /// Intents without outcome; not 0 only for a daemon that did not end cleanly, or still runs.
    pub open: usize,
    /// Bodies erased by law, each by a later record that says so.
    pub erased: usize,
    /// True if the log was closed and nothing was written since; false after a crash, and beside a daemon.
    pub closed: bool,
    /// Bytes of a batch that is being written, or was when the daemon ended.
    pub torn_bytes: usize,
    /// True if bodies were opened.
    pub bodies: bool,
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} records in {} matters, {} of them signed",
            self.origin, self.size, self.matters, self.signed
        )?;
        let bodies = if self.bodies { "bodies opened and checked" } else { "bodies checked by their hashes" };
        write!(f, ", root {}; {bodies}, {} erased", self.root, self.erased)?;
        if self.open > 0 || self.torn_bytes > 0 {
            write!(f, "; {} operations open, {} bytes being written", self.open, self.torn_bytes)?;
        }
        Ok(())
    }
}

/// Verifies a log with a key, or with the one in its directory.
///
/// # Errors
/// The first thing that is wrong, by record where it is in one.
pub fn verify(dir: &Path, key: Option<&VerifyKey>) -> Result<VerifyReport, VerifyError> {
    verify_with(dir, Checks { key, ..Checks::default() })
}

/// Verifies a log against everything that the caller has.
///
/// # Errors
/// As [`verify`].
pub fn verify_with(dir: &Path, checks: Checks<'_>) -> Result<VerifyReport, VerifyError> {
    let opener = checks.keys.map(ReadKeys::opener);
    verify_opening(dir, checks.key, checks.known, opener.as_ref())
}

/// [`verify_with`] for who has what opens bodies already.
pub(super) fn verify_opening(
    dir: &Path,
    key: Option<&VerifyKey>,
    known: Option<&[u8]>,
    opener: Option<&Sealer>,
) -> Result<VerifyReport, VerifyError> {
    let store = Store::load(dir, key)?;
    let known = known.map(|note| Checkpoint::open(note, &store.key)).transpose()?;
    if let Some(known) = known.as_ref().filter(|known| known.size > store.size()) {
        let what = format!("missing: the known checkpoint has {} records, the log was rolled back", known.size);
        return Err(VerifyError::at(store.size(), what));
    }
    let state = store.read(STATE)?;
    let closed = state.as_deref().and_then(Chains::stored_size).unwrap_or(0) == store.size();
    let mut run = Run {
        store: &store,
        known,
        state,
        opener,
        tree: Tree::default(),
        chains: Chains::default(),
        missing: BTreeSet::new(),
        erased: BTreeSet::new(),
        beyond: HashMap::new(),
    };
    run.milestone()?;
    run.bundles()?;
    for record in store.journal.records.iter().filter(|record| record.leaf.seq >= store.bundled()) {
        let seq = record.leaf.seq;
        let stored = (seq < store.checkpoint.size).then(|| store.subtree(0, seq)).transpose()?;
        run.record(&record.leaf, &record.sealed, stored)?;
    }
    let edge = store.journal.records.iter().filter(|record| record.leaf.seq >= store.bundled());
    let edge = encode_entries(edge.take_while(|record| record.leaf.seq < store.checkpoint.size));
    if edge != store.edge {
        return Err(VerifyError::at(store.bundled(), "the partial bundle of entries is not what the records give"));
    }
    if let Some(seq) = run.missing.difference(&run.erased).next() {
        return Err(VerifyError::at(*seq, "its body is missing, and no record says that it was erased"));
    }
    if run.state.is_some() {
        return Err(VerifyError::Unexpected(format!("{STATE}: it is not that of any size of this log")));
    }
    match run.walk(dir, "") {
        // A daemon that writes makes files beyond the state that we saw, and removes those that it no longer needs.
        Err(why) if may_be_change(&why) && has_moved_on(dir, &store.note) => {}
        result => result?,
    }
    Ok(VerifyReport {
        origin: store.checkpoint.origin.clone(),
        size: store.size(),
        signed: store.checkpoint.size,
        root: hex::encode(store.checkpoint.root),
        catalog: store.checkpoint.catalog.max(run.chains.catalog()),
        matters: run.chains.matters(),
        open: run.chains.open().len(),
        erased: run.missing.len(),
        closed: closed && store.journal.torn.is_empty() && run.chains.open().len() == 0,
        torn_bytes: store.journal.torn.len(),
        bodies: opener.is_some(),
    })
}

fn may_be_change(error: &VerifyError) -> bool {
    match error {
        VerifyError::Unexpected(_) => true,
        VerifyError::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

/// Whether somebody writes to the log: a new checkpoint follows new files within moments. A log that nobody has open
/// changes no more.
fn has_moved_on(dir: &Path, note: &[u8]) -> bool {
    let until = Instant::now() + PATIENCE;
    loop {
        if fs::read(dir.join(CHECKPOINT)).is_ok_and(|now| now != note) {
            return true;
        }
        let is_open = File::open(dir).is_ok_and(|dir| flock(&dir, FlockOperation::NonBlockingLockShared).is_err());
        if !is_open || Instant::now() > until {
            return false;
        }
        thread::sleep(PAUSE);
    }
}

struct Run<'s> {
    store: &'s Store,
    known: Option<Checkpoint>,
    /// The stored state, until the size that it is of.
    state: Option<Vec<u8>>,
    opener: Option<&'s Sealer>,
    tree: Tree,
    chains: Chains,
    /// Records without body, and those of which a later record says so.
    missing: BTreeSet<u64>,
    erased: BTreeSet<u64>,
    /// Hashes above the leaves of tiles that the checkpoint does not cover, by level and index.
    beyond: HashMap<(u8, u64), Hash>,
}

impl Run<'_> {
    /// The records in full bundles.
    fn bundles(&mut self) -> Result<(), VerifyError> {
        for block in 0..self.store.bundled() / TILE as u64 {
            let first = block * TILE as u64;
            let path = tile_path(0, block, TILE);
            let tile = self.store.read(&path)?.and_then(|bytes| parse_tile(&bytes, TILE));
            let tile = tile.ok_or_else(|| VerifyError::at(first, format!("{path} is missing or cut")))?;
            let (leaves, bad_leaf) = self.store.sound_leaves(block);
            let (bodies, bad_body) = self.store.sound_bodies(block);
            for ((leaf, sealed), hash) in leaves.iter().zip(&bodies).zip(tile) {
                let seq = self.tree.size();
                // A body may have been erased from the bundle; a leaf never changes.
                let differs =
                    |journal: &Record| journal.leaf != *leaf || (journal.sealed != *sealed && !sealed.is_empty());
                if self.store.journal.get(seq).is_some_and(differs) {
                    return Err(VerifyError::at(seq, "journal and bundle differ"));
                }
                self.record(leaf, sealed, Some(hash))?;
            }
            let bad = [bad_leaf, bad_body].into_iter().flatten().min_by_key(VerifyError::record);
            bad.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// One record; `stored` is its hash in the tiles, where the checkpoint covers it.
    fn record(&mut self, leaf: &Leaf, sealed: &[u8], stored: Option<Hash>) -> Result<(), VerifyError> {
        let seq = self.tree.size();
        let bad = |what: &str| VerifyError::at(seq, what);
        let hash = leaf.hash();
        if stored.is_some_and(|stored| stored != hash) {
            return Err(bad("its leaf and its hash in the tree differ"));
        }
        self.chains.apply(leaf, hash).map_err(bad)?;
        if let Refers::Erased(other) = leaf.refers {
            self.erased.insert(other);
        }
        if sealed.is_empty() {
            self.missing.insert(seq);
        } else if sha256(sealed) != leaf.sealed_hash {
            return Err(bad("its sealed body is not the one that its leaf commits to"));
        } else if let Some(opener) = self.opener {
            let plain = opener.open(sealed, &leaf.body_hash).map_err(|error| bad(&error.to_string()))?;
            let body = Body::parse(&plain).map_err(|error| bad(&error.to_string()))?;
            if body.matter.map(|matter| opener.tag(&matter)) != leaf.matter.map(|matter| matter.tag) {
                return Err(bad("its body is of another matter than its leaf"));
            }
        }
        let (store, beyond) = (self.store, &mut self.beyond);
        let mut result = Ok(());
        self.tree.append(hash, |tile| {
            let (level, end) = (tile.level + 1, (tile.index + 1) << (8 * (u32::from(tile.level) + 1)));
            if end > store.checkpoint.size {
                beyond.insert((level, tile.index), tile.root);
            } else if result.is_ok() {
                let first = tile.index << (8 * u32::from(level));
                result = store.subtree(8 * u32::from(level), tile.index).and_then(|above| {
                    let what =
                        format!("this and the following records do not give the hash above them, in tile/{level}");
                    if above == tile.root { Ok(()) } else { Err(VerifyError::at(first, what)) }
                });
            }
        });
        result?;
        self.milestone()
    }

    /// Compares roots and state at the sizes at which we know them.
    fn milestone(&mut self) -> Result<(), VerifyError> {
        let size = self.tree.size();
        let heads = [Some(&self.store.checkpoint), self.known.as_ref()];
        for head in heads.into_iter().flatten().filter(|head| head.size == size) {
            if head.root != self.tree.root() {
                return Err(VerifyError::Checkpoint(format!("the first {size} records are not those that it signs")));
            }
        }
        let is_due = self.state.as_deref().and_then(Chains::stored_size) == Some(self.chains.size());
        if is_due && self.state.take() != Some(self.chains.encode()) {
            return Err(VerifyError::at(size, format!("{STATE} is not what the records before this one give")));
        }
        Ok(())
    }

    /// Looks for files that do not belong, and checks those that belong but are not needed.
    fn walk(&self, dir: &Path, folder: &str) -> Result<(), VerifyError> {
        let path = dir.join(folder);
        let io = |source| VerifyError::Io { path: path.clone(), source };
        for entry in fs::read_dir(&path).map_err(io)? {
            let entry = entry.map_err(io)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            match name.as_str() {
                PUBLIC_KEY | CHECKPOINT | STATE | ASIDE => {}
                temporary if is_temporary(temporary) => {}
                JOURNAL => drop(segments(dir).map_err(io)?),
                _ if entry.file_type().map_err(io)?.is_dir() => self.walk(dir, &name)?,
                _ if self.belongs(&name)? => {}
                _ => return Err(VerifyError::Unexpected(name)),
            }
        }
        Ok(())
    }

    /// True if a tile or bundle is one of this log. Those under the checkpoint were checked already.
    fn belongs(&self, name: &str) -> Result<bool, VerifyError> {
        let Some((kind, index, width)) = parse_path(name) else { return Ok(false) };
        let level = match kind {
            Kind::Tile(level) => level,
            _ => 0,
        };
        let start = index * TILE as u64;
        let Some(end) = (start + width as u64).checked_mul(1 << (8 * u32::from(level))) else { return Ok(false) };
        if end > self.store.size() {
            return Ok(false);
        }
        if width == TILE && end <= self.store.checkpoint.size {
            return Ok(true);
        }
        let records =
            || -> Result<Vec<Record>, VerifyError> { (start..end).map(|seq| self.store.record(seq)).collect() };
        let expected = match kind {
            Kind::Tile(level) => {
                let hashes = (start..start + width as u64).map(|n| self.hash(level, n));
                hashes.collect::<Result<Vec<_>, _>>()?.concat()
            }
            Kind::Entries => encode_entries(&records()?),
            Kind::Sealed => encode_sealed(&records()?),
        };
        if self.store.read(name)?.is_some_and(|bytes| bytes != expected) {
            return Err(VerifyError::at(
                start << (8 * u32::from(level)),
                format!("{name} is not what the records give"),
            ));
        }
        Ok(true)
    }

    fn hash(&self, level: u8, index: u64) -> Result<Hash, VerifyError> {
        let shift = 8 * u32::from(level);
        if (index + 1) << shift <= self.store.checkpoint.size {
            self.store.subtree(shift, index)
        } else if level == 0 {
            Ok(self.store.record(index)?.leaf.hash())
        } else {
            let hash = self.beyond.get(&(level, index)).copied();
            hash.ok_or_else(|| VerifyError::at(index << shift, "not in the tree"))
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tile(u8),
    Entries,
    Sealed,
}

/// Reads the path of a tile or bundle in its one spelling.
fn parse_path(name: &str) -> Option<(Kind, u64, usize)> {
    let (kind, rest) = if let Some(rest) = name.strip_prefix("sealed/") {
        (Kind::Sealed, rest)
    } else if let Some(rest) = name.strip_prefix("tile/entries/") {
        (Kind::Entries, rest)
    } else {
        let (level, rest) = name.strip_prefix("tile/")?.split_once('/')?;
        (Kind::Tile(level.parse().ok().filter(|level| *level < 6)?), rest)
    };
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => (number, width.parse().ok().filter(|width| (1..TILE).contains(width))?),
        None => (rest, TILE),
    };
    let digits: String = number.chars().filter(|c| !matches!(c, 'x' | '/')).collect();
    let index = digits.parse().ok().filter(|index| *index < 1 << 40)?;
    let spelled = match kind {
        Kind::Tile(level) => tile_path(level, index, width),
        Kind::Entries => entries_path(index, width),
        Kind::Sealed => sealed_path(index),
    };
    (spelled == name).then_some((kind, index, width))
}
