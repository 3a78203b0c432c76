//! The keeper thread: tiles, bundles and checkpoints from what the writer made durable.
//!
//! It never lies on the way of a record: a checkpoint follows within a second. If it falls far behind, the writer waits
//! for it, so that memory stays bounded.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::bundle::{Record, encode_entries, encode_sealed, encode_tile};
use super::checkpoint::Checkpoint;
use super::error::Unavailable;
use super::files::{
    CHECKPOINT, JOURNAL, KEEPER_TEMPORARY, STATE, WriteError, Writer, entries_path, sealed_path, segment_path,
    tile_path,
};
use super::note::Signer;
use super::queue::Queue;
use super::state::Chains;
use super::tree::{Hash, TILE, Tree};

/// The longest time between a record and the checkpoint that covers it, while the disk keeps up.
const INTERVAL: Duration = Duration::from_secs(1);
/// Records that are worth tiles before the interval is over.
const CROWD: usize = 4096;
/// Records that may wait for their tiles.
const MAX_PENDING: usize = 16_384;
/// The state is written again after this many records, or a few times the number of matters.
const STATE_EVERY: u64 = 65_536;
/// Journal segments that are kept although all their records are bundled: a copy of the directory that is made while
/// the daemon writes then has every record in one place or the other.
const SPARE_SEGMENTS: usize = 2;

/// A durable record with its leaf hash.
pub(super) struct Written {
    pub(super) record: Record,
    pub(super) hash: Hash,
}

#[derive(Default)]
struct Tray {
    pending: Vec<Written>,
    segments: Vec<u64>,
    /// Checkpoints asked for and made.
    wanted: u64,
    made: u64,
    newest: Option<(Checkpoint, String)>,
    closing: bool,
    cleanly: bool,
    gone: bool,
}

/// What writer, keeper and callers share.
pub(super) struct Desk {
    tray: Mutex<Tray>,
    work: Condvar,
    done: Condvar,
    pub(super) chains: Mutex<Chains>,
}

impl Desk {
    pub(super) fn new(chains: Chains, segments: Vec<u64>, pending: Vec<Written>) -> Self {
        Self {
            tray: Mutex::new(Tray { pending, segments, ..Tray::default() }),
            work: Condvar::new(),
            done: Condvar::new(),
            chains: Mutex::new(chains),
        }
    }

    /// Hands durable records over.
    pub(super) fn put(&self, records: impl Iterator<Item = Written>) {
        let mut tray = self.tray.lock();
        tray.pending.extend(records);
        if tray.pending.len() >= CROWD {
            self.work.notify_one();
        }
    }

    pub(super) fn add_segment(&self, first: u64) {
        self.tray.lock().segments.push(first);
    }

    /// Waits while too many records wait for their tiles; the reason if tiles cannot be written at present.
    pub(super) fn wait_for_room(&self, queue: &Queue) -> Option<String> {
        let mut tray = self.tray.lock();
        while tray.pending.len() > MAX_PENDING && !tray.gone {
            if let Some(why) = queue.tiles_full() {
                return Some(why);
            }
            self.work.notify_one();
            self.done.wait_for(&mut tray, RETRY);
        }
        None
    }

    /// Asks for a checkpoint over everything durable now and waits for it.
    pub(super) fn checkpoint(&self, queue: &Queue) -> Result<(Checkpoint, String), Unavailable> {
        let mut tray = self.tray.lock();
        tray.wanted += 1;
        let ticket = tray.wanted;
        self.work.notify_one();
        while tray.made < ticket {
            if tray.gone {
                return Err(queue.check().err().unwrap_or(Unavailable::Closed));
            }
            if let Some(why) = queue.tiles_full() {
                return Err(Unavailable::Full(why));
            }
            self.done.wait_for(&mut tray, RETRY);
        }
        tray.newest.clone().ok_or(Unavailable::Closed)
    }

    /// Lets the keeper make a last checkpoint and end; `cleanly` has it store the state, which says that this was the end.
    pub(super) fn close(&self, cleanly: bool) {
        let mut tray = self.tray.lock();
        (tray.closing, tray.cleanly) = (true, cleanly);
        drop(tray);
        self.work.notify_one();
    }
}

/// Time between two attempts on a full disk.
const RETRY: Duration = Duration::from_millis(200);

pub(super) struct Keeper {
    dir: PathBuf,
    queue: Arc<Queue>,
    desk: Arc<Desk>,
    signer: Signer,
    files: Writer,
    tree: Tree,
    /// Records of the block that is being filled.
    block: Vec<Record>,
    /// Full tiles and bundles that are not on the disk yet.
    unwritten: Vec<(String, Vec<u8>)>,
    /// The checkpoint on the disk.
    signed: Checkpoint,
    /// Size and matters of the state on the disk.
    stored: (u64, u64),
    /// True while the disk has no room: nothing more is taken on, and attempts are spaced.
    stalled: bool,
}

impl Keeper {
    /// A keeper that goes on from a checkpoint; `block` has the records of its last, partial bundle.
    pub(super) fn new(
        dir: &Path,
        (queue, desk): (Arc<Queue>, Arc<Desk>),
        signer: Signer,
        (tree, signed, block): (Tree, Checkpoint, Vec<Record>),
        stored: u64,
    ) -> Self {
        let files = Writer::new(dir, KEEPER_TEMPORARY);
        let (dir, unwritten, stored) = (dir.to_owned(), Vec::new(), (stored, 0));
        Self { dir, queue, desk, signer, files, tree, block, unwritten, signed, stored, stalled: false }
    }

    /// Works until the log is closed or has failed.
    pub(super) fn run(mut self) {
        let mut due = Instant::now() + INTERVAL;
        loop {
            let (pending, wanted, closing) = self.next(due);
            let is_end = closing && self.desk.tray.lock().cleanly;
            for written in pending {
                self.absorb(written);
            }
            let result = self.flush().and_then(|()| self.store(is_end));
            self.stalled = result.is_err();
            due = Instant::now() + INTERVAL;
            match &result {
                Ok(()) => self.queue.set_tiles_full(None),
                Err(WriteError::Later(error)) => {
                    self.queue.set_tiles_full(Some(error.to_string()));
                    due = Instant::now() + RETRY;
                }
                Err(WriteError::Fatal(error)) => self.queue.poison(&error.to_string()),
            }
            let mut tray = self.desk.tray.lock();
            if result.is_ok() {
                tray.made = wanted;
            }
            tray.gone = closing || matches!(result, Err(WriteError::Fatal(_)));
            let gone = tray.gone;
            self.desk.done.notify_all();
            if gone {
                return;
            }
        }
    }

    /// Waits for work.
    fn next(&self, due: Instant) -> (Vec<Written>, u64, bool) {
        let mut tray = self.desk.tray.lock();
        while !tray.closing && (self.stalled || (tray.pending.len() < CROWD && tray.wanted == tray.made)) {
            if self.desk.work.wait_until(&mut tray, due).timed_out() {
                break;
            }
        }
        let pending = if self.stalled && !tray.closing { Vec::new() } else { std::mem::take(&mut tray.pending) };
        (pending, tray.wanted, tray.closing)
    }

    fn absorb(&mut self, written: Written) {
        let unwritten = &mut self.unwritten;
        self.tree.append(written.hash, |tile| {
            unwritten.push((tile_path(tile.level, tile.index, TILE), encode_tile(&tile.hashes)));
        });
        self.block.push(written.record);
        if self.block.len() == TILE {
            let index = self.tree.size() / TILE as u64 - 1;
            unwritten.push((entries_path(index, TILE), encode_entries(&self.block)));
            unwritten.push((sealed_path(index), encode_sealed(&self.block)));
            self.block.clear();
        }
    }

    /// Writes tiles and bundles, and then the checkpoint that relies on them.
    fn flush(&mut self) -> Result<(), WriteError> {
        self.files.put_all(&self.unwritten)?;
        self.unwritten.clear();
        let (size, catalog) = (self.tree.size(), self.queue.catalog());
        if (size, catalog) != (self.signed.size, self.signed.catalog) {
            if size != self.signed.size {
                self.write_edge()?;
            }
            let origin = self.signed.origin.clone();
            let checkpoint = Checkpoint { origin, size, root: self.tree.root(), catalog };
            let note = checkpoint.sign(&self.signer);
            self.files.put(CHECKPOINT, note.as_bytes())?;
            self.files.sync_folders()?;
            let before = std::mem::replace(&mut self.signed, checkpoint.clone());
            self.desk.tray.lock().newest = Some((checkpoint, note));
            self.drop_old(before.size)?;
        } else if self.desk.tray.lock().newest.is_none() {
            let note = self.signed.sign(&self.signer);
            self.desk.tray.lock().newest = Some((self.signed.clone(), note));
        }
        Ok(())
    }

    /// The partial tiles and the partial bundle of this size.
    fn write_edge(&mut self) -> Result<(), WriteError> {
        for (level, index, hashes) in self.tree.partial_tiles() {
            let shift = 8 * u32::from(level);
            if self.tree.size() >> shift == self.signed.size >> shift {
                continue; // as the last checkpoint left it
            }
            self.files.put(&tile_path(level, index, hashes.len()), &encode_tile(hashes))?;
        }
        if !self.block.is_empty() {
            let path = entries_path(self.tree.size() / TILE as u64, self.block.len());
            self.files.put(&path, &encode_entries(&self.block))?;
        }
        self.files.sync_folders()
    }

    /// Removes what the new checkpoint no longer needs. Failing at that harms nothing, it only leaves files behind.
    fn drop_old(&mut self, before: u64) -> Result<(), WriteError> {
        let now = self.signed.size;
        for level in 0..8u8 {
            let (old, new) = (before >> (8 * level), now >> (8 * level));
            if old == new {
                break;
            }
            let (index, width) = (old / TILE as u64, (old % TILE as u64) as usize);
            if width == 0 {
                continue;
            }
            let mut paths = vec![tile_path(level, index, width)];
            if level == 0 {
                paths.push(entries_path(index, width));
            }
            for path in paths.iter().map(|path| self.dir.join(path)) {
                drop(fs::remove_file(&path));
                if new / TILE as u64 > index {
                    drop(path.parent().map(fs::remove_dir));
                }
            }
        }
        // One after the other, and never one after another that is still there: the journal has no gaps.
        while let Some(first) = self.surplus_segment() {
            if fs::remove_file(self.dir.join(segment_path(first))).is_err() {
                break;
            }
            self.desk.tray.lock().segments.remove(0);
            self.files.note_change(JOURNAL);
            self.files.sync_folders()?;
        }
        Ok(())
    }

    /// The oldest segment, if all its records are in bundles under the checkpoint and enough others are.
    fn surplus_segment(&self) -> Option<u64> {
        let bundled = self.signed.size / TILE as u64 * TILE as u64;
        let tray = self.desk.tray.lock();
        let done = tray.segments.iter().skip(1).take_while(|first| **first <= bundled).count();
        tray.segments.first().copied().filter(|_| done > SPARE_SEGMENTS)
    }

    /// Stores heads and open intents from time to time, and at the end.
    fn store(&mut self, is_end: bool) -> Result<(), WriteError> {
        let chains = {
            let chains = self.desk.chains.lock();
            let grown = chains.size() - self.stored.0;
            let interval = STATE_EVERY.max(4 * self.stored.1);
            if grown == 0 || !(is_end || grown >= interval) {
                return Ok(());
            }
            chains.clone()
        };
        self.files.put(STATE, &chains.encode())?;
        self.files.sync_folders()?;
        self.stored = (chains.size(), chains.matters() as u64);
        Ok(())
    }
}
