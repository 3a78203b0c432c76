//! The log as its users see it: record, begin, settle.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::checkpoint::Checkpoint;
use super::error::Unavailable;
use super::event::{Action, Detail, Event, Outcome};
use super::keeper::Desk;
use super::leaf::Refers;
use super::note::VerifyKey;
use super::queue::{Queue, Slot, Waiter};

/// The open audit log. Dropping it closes it.
pub struct Log {
    pub(super) dir: PathBuf,
    pub(super) queue: Arc<Queue>,
    pub(super) desk: Arc<Desk>,
    pub(super) key: VerifyKey,
    pub(super) writer: Mutex<Option<JoinHandle<()>>>,
    pub(super) keeper: Mutex<Option<JoinHandle<()>>>,
    /// Holds the lock that keeps a second process out.
    pub(super) _lock: std::fs::File,
}

/// Whether an intent must be on the disk before the caller goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Durable on return: for everything that shows a document's bytes or changes anything.
    Durable,
    /// Durable within 100 ms: for lookups.
    Queued,
}

impl Log {
    /// Records an event and waits until it is durable; gives its sequence number. Once called, the record is written
    /// even if the caller stops waiting.
    ///
    /// # Errors
    /// If the log cannot take it or could not write it; what was to be recorded must then not happen.
    pub async fn record(&self, event: Event) -> Result<u64, Unavailable> {
        let (sender, receiver) = oneshot::channel();
        let seq = self.queue.push(&event, Refers::Nothing, Waiter::Task(sender), Slot::New)?;
        receiver.await.unwrap_or(Err(Unavailable::Closed))?;
        Ok(seq)
    }

    /// [`Log::record`] for threads that may block.
    ///
    /// # Errors
    /// As [`Log::record`].
    pub fn record_blocking(&self, event: &Event) -> Result<u64, Unavailable> {
        let (waiter, receiver) = thread_waiter();
        let seq = self.queue.push(event, Refers::Nothing, waiter, Slot::New)?;
        receiver.recv().unwrap_or(Err(Unavailable::Closed))?;
        Ok(seq)
    }

    /// Records an event that will be durable within 100 ms.
    ///
    /// # Errors
    /// If the log cannot take it.
    pub fn enqueue(&self, event: Event) -> Result<(), Unavailable> {
        self.queue.push(&event, Refers::Nothing, Waiter::Nobody, Slot::New).map(drop)
    }

    /// Records an intent, whatever the event's outcome says, and keeps a place for its outcome. A caller that stops
    /// waiting leaves an abandoned intent, not a lost one.
    ///
    /// # Errors
    /// If the log cannot take it or could not write it; the operation must then not happen.
    pub async fn begin(self: &Arc<Self>, event: Event, wait: Wait) -> Result<OpenRecord, Unavailable> {
        match wait {
            Wait::Queued => self.open_record(event, Waiter::Nobody),
            Wait::Durable => {
                let (record, beginning) = self.begin_ahead(event)?;
                beginning.durable().await?;
                Ok(record)
            }
        }
    }

    /// The same for an intent that is still on its way to the disk when this returns, for work that can be done meanwhile
    /// and shows nothing.
    ///
    /// # Errors
    /// If the log cannot take it; [`Beginning::durable`] says whether it could write it.
    pub fn begin_ahead(self: &Arc<Self>, event: Event) -> Result<(OpenRecord, Beginning), Unavailable> {
        let (sender, receiver) = oneshot::channel();
        Ok((self.open_record(event, Waiter::Task(sender))?, Beginning(receiver)))
    }

    /// [`Log::begin`] for threads that may block.
    ///
    /// # Errors
    /// As [`Log::begin`].
    pub fn begin_blocking(self: &Arc<Self>, event: Event, wait: Wait) -> Result<OpenRecord, Unavailable> {
        let (waiter, receiver) = thread_waiter();
        let record = self.open_record(event, if wait == Wait::Durable { waiter } else { Waiter::Nobody })?;
        if wait == Wait::Durable {
            receiver.recv().unwrap_or(Err(Unavailable::Closed))?;
        }
        Ok(record)
    }

    /// An act that will be recorded once, whatever comes of it; nothing is recorded yet.
    ///
    /// # Errors
    /// If the log takes no records now; the act should then not be begun.
    pub fn unrecorded(&self, event: Event) -> Result<Unrecorded, Unavailable> {
        self.queue.check()?;
        Ok(Unrecorded { queue: Arc::clone(&self.queue), event, recorded: false })
    }

    fn open_record(self: &Arc<Self>, mut event: Event, waiter: Waiter) -> Result<OpenRecord, Unavailable> {
        event.outcome = Outcome::Begun;
        let seq = self.queue.push(&event, Refers::Nothing, waiter, Slot::Intent)?;
        Ok(OpenRecord { queue: Arc::clone(&self.queue), event, seq, settled: false, refused: OnceLock::new() })
    }

    /// Notes that the catalog's commit `n` is durable. Every later record and checkpoint carries the highest one noted,
    /// so that a catalog that went back in time is noticed at the next start.
    pub fn note_catalog_commit(&self, n: u64) {
        self.queue.note_catalog(n);
    }

    /// The highest catalog commit noted, those of earlier runs included.
    pub fn last_catalog_commit(&self) -> u64 {
        self.queue.catalog()
    }

    /// Whether records can be taken.
    ///
    /// # Errors
    /// Why not.
    pub fn health(&self) -> Result<(), Unavailable> {
        self.queue.check()
    }

    /// Durable records.
    pub fn size(&self) -> u64 {
        self.queue.durable()
    }

    /// The key that verifies this log's checkpoints and proofs.
    pub fn verify_key(&self) -> &VerifyKey {
        &self.key
    }

    /// The directory, for the readers: [`super::verify`], [`super::show`], [`super::prove`].
    pub fn dir(&self) -> &std::path::Path {
        &self.dir
    }

    /// Makes a checkpoint over everything that is durable now; gives it parsed and as a signed note. Blocks.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn checkpoint(&self) -> Result<(Checkpoint, String), Unavailable> {
        self.desk.checkpoint(&self.queue)
    }

    /// Writes what waits, makes a last checkpoint and ends the threads. Blocks. Records that come later are refused;
    /// intents still open are recorded as abandoned by the next [`Log::open`].
    pub fn close(&self) {
        self.end(true);
    }

    /// The same, but the next start finds the log as a crash would have left it ([`super::Opened::closed`] is false): for
    /// an end after which something is left to be put in order.
    pub fn close_unclean(&self) {
        self.end(false);
    }

    fn end(&self, cleanly: bool) {
        self.queue.close();
        // A thread that panicked has nothing left to do, and the file system is as a crash would leave it.
        let join = |thread: &Mutex<Option<JoinHandle<()>>>| drop(thread.lock().take().map(JoinHandle::join));
        join(&self.writer);
        self.desk.close(cleanly);
        join(&self.keeper);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.close();
    }
}

pub(super) fn thread_waiter() -> (Waiter, Receiver<Result<(), Unavailable>>) {
    let (sender, receiver) = sync_channel(1);
    (Waiter::Thread(sender), receiver)
}

/// An intent that is in the log and whose outcome is not yet. Its outcome has a place in the queue, so that settling it
/// never waits and never fails for want of room; dropping it records that it was abandoned.
#[must_use = "dropping an intent records it as abandoned"]
pub struct OpenRecord {
    queue: Arc<Queue>,
    event: Event,
    seq: u64,
    settled: bool,
    refused: OnceLock<String>,
}

impl OpenRecord {
    /// The intent's sequence number.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// What was attempted.
    pub fn action(&self) -> Action {
        self.event.action
    }

    /// Records that the effect is complete and about to become visible. For an upload's commit: what a reader can see has
    /// then been recorded with its hash, version and size. The effect must not become visible before
    /// [`Confirming::wait`] says that the record is durable; what else has to become durable can meanwhile.
    ///
    /// # Errors
    /// If the log cannot take it.
    pub fn confirm(&self, detail: Detail) -> Result<Confirming, Unavailable> {
        let (waiter, receiver) = thread_waiter();
        self.push(Outcome::Confirmed, detail, waiter, Slot::New)?;
        Ok(Confirming(receiver))
    }

    /// What goes on under this intent is refused from here on: however it ends, its outcome is [`Outcome::Refused`] for this
    /// reason.
    pub fn refuse(&self, reason: String) {
        // The first reason is what ended it.
        drop(self.refused.set(reason));
    }

    /// Records the outcome; durable within 100 ms. An outcome that settles nothing ([`Outcome::Begun`],
    /// [`Outcome::Confirmed`]) counts as [`Outcome::Done`].
    pub fn close(mut self, outcome: Outcome, detail: Detail) {
        self.settle(outcome, detail);
    }

    fn settle(&mut self, outcome: Outcome, detail: Detail) {
        self.settled = true;
        let (outcome, detail) = match self.refused.take() {
            Some(reason) => (Outcome::Refused, Detail { reason: Some(reason), ..detail }),
            None => (outcome, detail),
        };
        let outcome = match outcome {
            Outcome::Begun | Outcome::Confirmed => Outcome::Done,
            settled => settled,
        };
        // If the log failed or was closed meanwhile, the intent stays open in it, and the next start says so.
        drop(self.push(outcome, detail, Waiter::Nobody, Slot::Reserved));
    }

    fn push(&self, outcome: Outcome, detail: Detail, waiter: Waiter, slot: Slot) -> Result<u64, Unavailable> {
        let event = Event { outcome, detail, ..self.event.clone() };
        self.queue.push(&event, Refers::Intent(self.seq), waiter, slot)
    }
}

/// An act that is recorded once, with its outcome, and shows nothing before that record is durable. Dropping it records that
/// it was abandoned.
#[must_use = "dropping an act records it as abandoned"]
pub struct Unrecorded {
    queue: Arc<Queue>,
    event: Event,
    recorded: bool,
}

impl Unrecorded {
    /// Records what came of it.
    ///
    /// # Errors
    /// If the log cannot take it; nothing of the act may then be shown.
    pub fn record(mut self, outcome: Outcome, detail: Detail) -> Result<Beginning, Unavailable> {
        let (sender, receiver) = oneshot::channel();
        self.push(outcome, detail, Waiter::Task(sender))?;
        Ok(Beginning(receiver))
    }

    fn push(&mut self, outcome: Outcome, detail: Detail, waiter: Waiter) -> Result<u64, Unavailable> {
        (self.event.outcome, self.event.detail, self.recorded) = (outcome, detail, true);
        self.queue.push(&self.event, Refers::Nothing, waiter, Slot::New)
    }
}

impl Drop for Unrecorded {
    fn drop(&mut self) {
        if !self.recorded {
            // Nothing was shown: a log that cannot take this loses no access.
            drop(self.push(Outcome::Abandoned, Detail::default(), Waiter::Nobody));
        }
    }
}

/// A record on its way to the disk.
#[must_use = "it is not durable yet"]
pub struct Beginning(oneshot::Receiver<Result<(), Unavailable>>);

impl Beginning {
    /// Waits until the record is durable.
    ///
    /// # Errors
    /// If it could not be written; the effect must then not happen.
    pub async fn durable(self) -> Result<(), Unavailable> {
        self.0.await.unwrap_or(Err(Unavailable::Closed))
    }
}

/// A confirmation on its way to the disk.
#[must_use = "it is not durable yet"]
pub struct Confirming(Receiver<Result<(), Unavailable>>);

impl Confirming {
    /// Blocks until the record is durable.
    ///
    /// # Errors
    /// If it could not be written; the effect must then not become visible.
    pub fn wait(self) -> Result<(), Unavailable> {
        self.0.recv().unwrap_or(Err(Unavailable::Closed))
    }
}

impl Drop for OpenRecord {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(Outcome::Abandoned, Detail::default());
        }
    }
}
