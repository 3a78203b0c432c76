//! Opening the log: make it, or find where it ended and go on from there.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use rustix::fs::{FlockOperation, flock};

use super::AuditKeys;
use super::body::{Body, Sealer};
use super::bundle::Record;
use super::checkpoint::Checkpoint;
use super::error::{OpenError, Unavailable, VerifyError};
use super::event::{Action, Actor, Detail, Event, Outcome};
use super::files::{
    ASIDE, CHECKPOINT, JOURNAL, PUBLIC_KEY, STATE, TILES, WRITER_TEMPORARY, WriteError, Writer, segments,
};
use super::journal::Segment;
use super::keeper::{Desk, Keeper, Written};
use super::leaf::Refers;
use super::log::{Log, thread_waiter};
use super::note::{Signer, VerifyKey};
use super::queue::{Queue, Slot};
use super::state::Chains;
use super::store::Store;
use super::tree::{TILE, Tree, sha256};
use crate::names::Timestamp;

/// What was found when the log was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// True if the directory was empty and a log was made in it. A catalog that is not empty then lost its log.
    pub created: bool,
    /// True if the log was closed and nothing was written since: the last run ended cleanly. A log that was just made
    /// counts as closed.
    pub closed: bool,
    /// Records, those about this start included.
    pub size: u64,
    /// The catalog's last commit that the log knows of: a catalog with fewer went back in time.
    pub catalog_commit: u64,
    /// Bytes of a torn last batch that were set aside; none of its records had been reported as durable.
    pub torn_bytes: u64,
    /// Intents of the last run without outcome, now recorded as abandoned.
    pub abandoned: Vec<Left>,
}

/// An intent that the last run left without outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its sequence number.
    pub seq: u64,
    /// What was attempted.
    pub event: Event,
    /// True if it was confirmed: the catalog tells whether it became visible.
    pub confirmed: bool,
}

impl Log {
    /// Opens the log in `dir`, or makes one there if it is empty. `origin` names the log in its checkpoints, by habit
    /// as a URL without scheme; it cannot change later. Blocks; starts two threads.
    ///
    /// # Errors
    /// If the log is in use, belongs to another key, or is damaged. A torn end is no damage.
    pub fn open(dir: &Path, keys: AuditKeys, origin: &str) -> Result<(Arc<Self>, Opened), OpenError> {
        let signer = Signer::new(&keys.signing_seed, origin).map_err(|_| OpenError::Origin(origin.to_owned()))?;
        fs::create_dir_all(dir)?;
        let lock = File::open(dir)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| OpenError::Locked)?;
        let created = is_new(dir)?;
        if created {
            create(dir, &signer).map_err(failed)?;
        }
        let stored = fs::read_to_string(dir.join(PUBLIC_KEY))?;
        if stored.parse::<VerifyKey>().map_err(VerifyError::from)? != *signer.public() {
            return Err(OpenError::Key(stored.trim_end().to_owned()));
        }
        let store = Store::load(dir, Some(signer.public()))?;
        let (chains, state_size) = chains(dir, &store)?;
        let torn_bytes = set_aside(dir, &store)?;
        let sealer = Sealer::new(&keys.body_key, &keys.tag_key);
        let left = left(&store, &chains, &sealer)?;
        let closed = torn_bytes == 0 && left.is_empty() && state_size == store.size();

        let size = store.size();
        let catalog = store.checkpoint.catalog.max(chains.catalog());
        let torn = store.journal.torn.clone();
        let last = *store.journal.segments.last().unwrap_or(&0);
        let segment = Segment::open(dir, last, store.journal.end)?;
        let (desk, keeper_parts) = hand_over(store, chains);
        let (queue, desk) = (Arc::new(Queue::new(sealer, size, catalog)), Arc::new(desk));
        let key = signer.public().clone();
        let threads = (Arc::clone(&queue), Arc::clone(&desk));
        let keeper = Keeper::new(dir, threads.clone(), signer, keeper_parts, state_size);
        let writer = super::writer::Writer::new(dir, threads.0, threads.1, segment);
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| thread::Builder::new().name(name.to_owned()).spawn(run);
        let log = Arc::new(Self {
            dir: dir.to_owned(),
            queue,
            desk,
            key,
            writer: Mutex::new(Some(spawn("audit-writer", Box::new(|| writer.run()))?)),
            keeper: Mutex::new(Some(spawn("audit-keeper", Box::new(|| keeper.run()))?)),
            _lock: lock,
        });
        record_recovery(&log, &torn, &left)?;
        let opened = Opened { created, closed, size: log.size(), catalog_commit: catalog, torn_bytes, abandoned: left };
        Ok((log, opened))
    }
}

fn failed(error: WriteError) -> OpenError {
    let (WriteError::Later(error) | WriteError::Fatal(error)) = error;
    OpenError::Io(error)
}

/// True if there is no log: nothing was ever signed, written or bundled. A making that was interrupted counts as none.
fn is_new(dir: &Path) -> Result<bool, OpenError> {
    if dir.join(CHECKPOINT).exists() || dir.join(TILES).exists() || dir.join(STATE).exists() {
        return Ok(false);
    }
    if !dir.join(JOURNAL).exists() {
        return Ok(true);
    }
    Ok(match segments(dir)?.as_slice() {
        [] => true,
        [0] => super::journal::scan(dir)?.records.is_empty(),
        _ => false,
    })
}

fn create(dir: &Path, signer: &Signer) -> Result<(), WriteError> {
    let mut files = Writer::new(dir, WRITER_TEMPORARY);
    files.put(PUBLIC_KEY, format!("{}\n", signer.public()).as_bytes())?;
    Segment::create(dir, 0)?;
    let origin = signer.public().name().to_owned();
    let empty = Checkpoint { origin, size: 0, root: Tree::default().root(), catalog: 0 };
    // The checkpoint comes last: with it the log exists.
    files.sync_folders()?;
    files.put(CHECKPOINT, empty.sign(signer).as_bytes())?;
    files.sync_folders()
}

/// Heads and open intents at the end of the log, from the stored state where there is one, and the size of that.
fn chains(dir: &Path, store: &Store) -> Result<(Chains, u64), VerifyError> {
    let stored = store.read(STATE)?.and_then(|bytes| Chains::parse(&bytes));
    let mut chains = match stored.filter(|chains| chains.size() <= store.size()) {
        Some(chains) => chains,
        None => {
            // One that does not fit now must not be taken for fitting later, when the log has grown past it.
            drop(fs::remove_file(dir.join(STATE)));
            Chains::default()
        }
    };
    let stored = chains.size();
    let mut apply = |leaf: &super::leaf::Leaf| {
        if leaf.seq < stored {
            return Ok(());
        }
        chains.apply(leaf, leaf.hash()).map(drop).map_err(|why| VerifyError::at(leaf.seq, why))
    };
    let bundled = store.journal.first.min(store.bundled());
    for block in stored / TILE as u64..bundled.div_ceil(TILE as u64) {
        let leaves = store.leaves(block)?;
        leaves.iter().filter(|leaf| leaf.seq < store.journal.first).try_for_each(&mut apply)?;
    }
    store.journal.records.iter().try_for_each(|record| apply(&record.leaf))?;
    Ok((chains, stored))
}

/// Keeps a torn end for inspection and cuts it off.
fn set_aside(dir: &Path, store: &Store) -> Result<u64, OpenError> {
    let torn = &store.journal.torn;
    if torn.is_empty() {
        return Ok(0);
    }
    let last = *store.journal.segments.last().unwrap_or(&0);
    let mut files = Writer::new(dir, WRITER_TEMPORARY);
    let name = format!("{ASIDE}/{:020}-{}", store.size(), Timestamp::now().as_millis());
    files.put(&name, torn).and_then(|()| files.sync_folders()).map_err(failed)?;
    Segment::open(dir, last, store.journal.end)?.cut()?;
    Ok(torn.len() as u64)
}

/// The intents that the last run left open, with what they were about.
fn left(store: &Store, chains: &Chains, sealer: &Sealer) -> Result<Vec<Left>, VerifyError> {
    let find = |(seq, confirmed)| {
        let Record { leaf, sealed } = store.record(seq)?;
        let plain = sealer.open(&sealed, &leaf.body_hash).and_then(|plain| Body::parse(&plain));
        // Without its body (erased by law, or sealed under a former key) an intent can still be settled.
        let event = match plain {
            Ok(body) => body.into_event(leaf.action, leaf.outcome),
            Err(_) => Event::new(Actor::service("recovery"), leaf.action, leaf.outcome),
        };
        Ok(Left { seq, event, confirmed })
    };
    chains.open().map(find).collect()
}

type KeeperParts = (Tree, Checkpoint, Vec<Record>);

/// Splits what was read among the threads: the keeper goes on from the checkpoint, and the records after it wait for
/// their tiles.
fn hand_over(store: Store, chains: Chains) -> (Desk, KeeperParts) {
    let (bundled, signed, first) = (store.bundled(), store.checkpoint.size, store.journal.first);
    let mut block = store.journal.records;
    let skip = usize::try_from(bundled - first).unwrap_or(usize::MAX);
    let pending = block.split_off(usize::try_from(signed - first).unwrap_or(usize::MAX));
    block.drain(..skip);
    let hashed = |record: Record| Written { hash: record.leaf.hash(), record };
    let desk = Desk::new(chains, store.journal.segments, pending.into_iter().map(hashed).collect());
    (desk, (store.tree, store.checkpoint, block))
}

/// Records the torn end and the abandoned intents before anything else can be.
fn record_recovery(log: &Log, torn: &[u8], left: &[Left]) -> Result<(), Unavailable> {
    let mut last = None;
    let mut push = |event: &Event, refers| {
        let (waiter, receiver) = thread_waiter();
        log.queue.push(event, refers, waiter, Slot::Own)?;
        last = Some(receiver);
        Ok(())
    };
    if !torn.is_empty() {
        let mut event = Event::new(Actor::service("recovery"), Action::Recover, Outcome::Done);
        event.detail = Detail::because("a batch that was being written at the end of the last run was set aside");
        event.detail.bytes = Some(torn.len() as u64);
        event.detail.sha256 = Some(sha256(torn));
        push(&event, Refers::Nothing)?;
    }
    for intent in left {
        let detail = Detail::because("crash");
        push(&Event { outcome: Outcome::Abandoned, detail, ..intent.event.clone() }, Refers::Intent(intent.seq))?;
    }
    // Records become durable in order, so the last one stands for all.
    last.map_or(Ok(()), |receiver| receiver.recv().unwrap_or(Err(Unavailable::Closed)))
}
