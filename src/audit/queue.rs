//! The queue before the writer: bounded, never waited for, with a slot kept for every open intent's outcome.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;

use super::body::{SealedBody, Sealer};
use super::error::Unavailable;
use super::event::{Action, Event, Outcome};
use super::gathering::{self, Gathering};
use super::journal::{BATCH_BYTES, MAX_BATCH_RECORDS};
use super::leaf::{LEAF_BYTES, Leaf, Refers, Tag};
use super::state::Chains;
use crate::names::Timestamp;

/// Records that may wait to be written; further ones are refused.
pub(super) const MAX_WAITING: usize = 16_384;
/// Records for which nobody waits are refused from here on: the rest is for those whose makers wait and so slow down.
pub(super) const MAX_UNATTENDED: usize = MAX_WAITING / 2;
/// Intents that may be open; further ones are refused.
pub(super) const MAX_OPEN: usize = 65_536;
/// How long a record for which nobody waits may wait for company.
const LINGER: Duration = Duration::from_millis(40);
/// Records that are written at once even if nobody waits.
const CROWD: usize = 1024;

/// Who is told once a record is durable.
pub(super) enum Waiter {
    Nobody,
    Task(oneshot::Sender<Result<(), Unavailable>>),
    Thread(mpsc::SyncSender<Result<(), Unavailable>>),
}

impl Waiter {
    pub(super) fn tell(self, result: Result<(), Unavailable>) {
        // One who went away in the meantime need not hear it; the record stands all the same.
        match self {
            Self::Nobody => {}
            Self::Task(sender) => drop(sender.send(result)),
            Self::Thread(sender) => drop(sender.send(result)),
        }
    }

    fn is_somebody(&self) -> bool {
        !matches!(self, Self::Nobody)
    }
}

/// A record on its way to the writer.
pub(super) struct Job {
    pub(super) seq: u64,
    pub(super) time: Timestamp,
    pub(super) action: Action,
    pub(super) outcome: Outcome,
    pub(super) refers: Refers,
    pub(super) catalog: u64,
    pub(super) tag: Option<Tag>,
    pub(super) body: SealedBody,
    pub(super) waiter: Waiter,
}

impl Job {
    /// The record's leaf as the next one of its matter.
    pub(super) fn leaf(&self, chains: &Chains) -> Leaf {
        Leaf {
            seq: self.seq,
            time: self.time,
            action: self.action,
            outcome: self.outcome,
            catalog: self.catalog,
            refers: self.refers,
            matter: self.tag.map(|tag| chains.place(tag)),
            body_hash: self.body.body_hash,
            sealed_hash: self.body.sealed_hash,
        }
    }
}

/// What kind of place a record takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// A place in the queue, if there is one.
    New,
    /// The same, and another one for the outcome.
    Intent,
    /// The place that the intent reserved.
    Reserved,
    /// The log's own alarm; at most one per full disk.
    Own,
}

#[derive(Default)]
struct Inner {
    jobs: VecDeque<Job>,
    next: u64,
    /// Jobs for which somebody waits.
    urgent: usize,
    open: usize,
    oldest: Option<Instant>,
    /// The writer sleeps until it is woken; otherwise it looks by itself within [`LINGER`].
    asleep: bool,
    /// The number of waiters that wakes the writer; nothing while it does not wait for any.
    awaited: Option<usize>,
    gathering: Gathering,
    closing: bool,
    journal_full: Option<String>,
    tiles_full: Option<String>,
    poisoned: Option<String>,
}

impl Inner {
    fn check(&self) -> Result<(), Unavailable> {
        if let Some(why) = &self.poisoned {
            Err(Unavailable::Poisoned(why.clone()))
        } else if self.closing {
            Err(Unavailable::Closed)
        } else if let Some(why) = self.journal_full.as_ref().or(self.tiles_full.as_ref()) {
            Err(Unavailable::Full(why.clone()))
        } else {
            Ok(())
        }
    }

    /// True if no kind of record would be refused.
    fn takes_all(&self) -> bool {
        self.jobs.len() < MAX_UNATTENDED && self.open < MAX_OPEN && self.check().is_ok()
    }
}

/// The queue, locked. What is known of it without the lock is brought up to date when it is given back.
struct Locked<'a> {
    inner: MutexGuard<'a, Inner>,
    takes_all: &'a AtomicBool,
}

impl Deref for Locked<'_> {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Inner {
        &mut self.inner
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.takes_all.store(self.inner.takes_all(), Ordering::Release);
    }
}

/// The queue and the state of the log's health.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    /// Asked before the lock, for which those who record and the writer would otherwise wait for each other.
    takes_all: AtomicBool,
    wake: Condvar,
    pub(super) sealer: Sealer,
    catalog: AtomicU64,
    durable: AtomicU64,
}

impl Queue {
    /// A queue whose next record has the number `next`.
    pub(super) fn new(sealer: Sealer, next: u64, catalog: u64) -> Self {
        Self {
            inner: Mutex::new(Inner { next, ..Inner::default() }),
            takes_all: AtomicBool::new(true),
            wake: Condvar::new(),
            sealer,
            catalog: AtomicU64::new(catalog),
            durable: AtomicU64::new(next),
        }
    }

    pub(super) fn note_catalog(&self, commit: u64) {
        self.catalog.fetch_max(commit, Ordering::AcqRel);
    }

    pub(super) fn catalog(&self) -> u64 {
        self.catalog.load(Ordering::Acquire)
    }

    /// Records that are durable.
    pub(super) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    pub(super) fn set_durable(&self, size: u64) {
        self.durable.store(size, Ordering::Release);
    }

    fn lock(&self) -> Locked<'_> {
        Locked { inner: self.inner.lock(), takes_all: &self.takes_all }
    }

    pub(super) fn check(&self) -> Result<(), Unavailable> {
        if self.takes_all.load(Ordering::Acquire) { Ok(()) } else { self.lock().check() }
    }

    /// Puts a record into the queue and gives its number; never waits.
    pub(super) fn push(&self, event: &Event, refers: Refers, waiter: Waiter, slot: Slot) -> Result<u64, Unavailable> {
        // Refuse before the work of sealing, and look again when the place is taken.
        let attended = waiter.is_somebody();
        if !self.takes_all.load(Ordering::Acquire) {
            drop(self.admit(slot, attended)?);
        }
        let body = self.sealer.seal(event);
        let tag = event.matter.as_ref().map(|matter| self.sealer.tag(matter));
        let mut inner = self.admit(slot, attended)?;
        match slot {
            Slot::Intent => inner.open += 1,
            Slot::Reserved => inner.open = inner.open.saturating_sub(1),
            _ => {}
        }
        let seq = inner.next;
        inner.next += 1;
        inner.urgent += usize::from(waiter.is_somebody());
        inner.oldest.get_or_insert_with(Instant::now);
        // Time and commit number are read under the lock, so that the numbers of commits never fall along the log.
        inner.jobs.push_back(Job {
            seq,
            time: Timestamp::now(),
            action: event.action,
            outcome: event.outcome,
            refers,
            catalog: self.catalog(),
            tag,
            body,
            waiter,
        });
        let enough = inner.awaited.is_some_and(|awaited| inner.urgent >= awaited);
        let wakes = enough || inner.jobs.len() >= CROWD || inner.asleep;
        if wakes {
            inner.awaited = None;
        }
        // The lock goes first: it would be handed to the writer, and all others wait for it until that has a processor.
        drop(inner);
        if wakes {
            self.wake.notify_one();
        }
        Ok(seq)
    }

    fn admit(&self, slot: Slot, attended: bool) -> Result<Locked<'_>, Unavailable> {
        let inner = self.lock();
        match (inner.check(), slot) {
            (Ok(()), _) | (Err(Unavailable::Full(_)), Slot::Reserved | Slot::Own) => {}
            (Err(error), _) => return Err(error),
        }
        let room = if attended || slot == Slot::Intent { MAX_WAITING } else { MAX_UNATTENDED };
        let full = inner.jobs.len() >= room || (slot == Slot::Intent && inner.open >= MAX_OPEN);
        if full && matches!(slot, Slot::New | Slot::Intent) {
            return Err(Unavailable::Busy);
        }
        Ok(inner)
    }

    /// The next batch, once there is reason to write one; nothing once the log is closed and empty.
    pub(super) fn take(&self) -> Option<Vec<Job>> {
        // More often follows soon. Waking the writer costs whoever adds a record more than the record does, so for a
        // while it wakes by itself.
        let dozes_until = Instant::now() + LINGER;
        let mut inner = self.lock();
        let queued = inner.urgent;
        let mut held_until = None;
        loop {
            let goal = inner.gathering.goal();
            match inner.oldest {
                Some(_) if inner.closing || inner.urgent >= goal || inner.jobs.len() >= CROWD => break,
                Some(oldest) => {
                    let (due, awaited) = match inner.urgent {
                        0 => (oldest + LINGER, 1),
                        _ => (*held_until.get_or_insert_with(|| Instant::now() + gathering::LONGEST), goal),
                    };
                    if Instant::now() >= due {
                        break;
                    }
                    self.await_waiters(&mut inner, awaited, Some(due));
                }
                None if inner.closing || inner.poisoned.is_some() => return None,
                None if Instant::now() < dozes_until => self.await_waiters(&mut inner, 1, Some(dozes_until)),
                None => {
                    inner.asleep = true;
                    self.await_waiters(&mut inner, 1, None);
                    inner.asleep = false;
                }
            }
        }
        let (mut count, mut bytes, mut waiters) = (0, 0, 0);
        while count < inner.jobs.len().min(MAX_BATCH_RECORDS) && bytes < BATCH_BYTES {
            let job = &inner.jobs[count];
            bytes += job.body.sealed.len() + LEAF_BYTES + 4;
            waiters += usize::from(job.waiter.is_somebody());
            count += 1;
        }
        let batch: Vec<Job> = inner.jobs.drain(..count).collect();
        inner.urgent -= waiters;
        inner.gathering.learn(waiters, queued);
        inner.oldest = if inner.jobs.is_empty() { None } else { Some(Instant::now()) };
        Some(batch)
    }

    /// Sleeps until so many wait, something else wakes the writer, or the time is over.
    fn await_waiters(&self, inner: &mut Locked<'_>, awaited: usize, until: Option<Instant>) {
        inner.awaited = Some(awaited);
        match until {
            Some(until) => drop(self.wake.wait_until(&mut inner.inner, until)),
            None => self.wake.wait(&mut inner.inner),
        }
        inner.awaited = None;
    }

    /// Takes a batch back that found no room. Those who wait are told; the records stay, since the attempts were made,
    /// but what was to be done on their strength was not: `done` becomes `failed`.
    pub(super) fn put_back(&self, batch: Vec<Job>, why: &str) {
        let mut inner = self.lock();
        inner.journal_full = Some(why.to_owned());
        // Those behind the batch wait for the same disk.
        let behind = std::mem::take(&mut inner.jobs);
        inner.urgent = 0;
        inner.oldest = Some(Instant::now());
        let mut refused = Vec::new();
        for mut job in batch.into_iter().chain(behind) {
            let waiter = std::mem::replace(&mut job.waiter, Waiter::Nobody);
            if waiter.is_somebody() {
                if job.outcome == Outcome::Done && job.refers == Refers::Nothing {
                    job.outcome = Outcome::Failed;
                }
                refused.push(waiter);
            }
            inner.jobs.push_back(job);
        }
        // Who is told finds the log as it is from here on.
        drop(inner);
        refused.into_iter().for_each(|waiter| waiter.tell(Err(Unavailable::Full(why.to_owned()))));
    }

    /// The journal has room again; true if it had none before.
    pub(super) fn journal_has_room(&self) -> bool {
        self.lock().journal_full.take().is_some()
    }

    /// Whether tiles and checkpoints can be written.
    pub(super) fn set_tiles_full(&self, why: Option<String>) {
        self.lock().tiles_full = why;
    }

    /// True while tiles and checkpoints cannot be written.
    pub(super) fn tiles_full(&self) -> Option<String> {
        self.lock().tiles_full.clone()
    }

    /// The log has failed for good: all who wait are told, and so is everybody later.
    pub(super) fn poison(&self, why: &str) {
        let mut inner = self.lock();
        let why = inner.poisoned.get_or_insert_with(|| why.to_owned()).clone();
        inner.urgent = 0;
        inner.oldest = None;
        let lost = std::mem::take(&mut inner.jobs);
        drop(inner);
        lost.into_iter().for_each(|job| job.waiter.tell(Err(Unavailable::Poisoned(why.clone()))));
        self.wake.notify_all();
    }

    /// Takes no more records; what waits is still written.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.wake.notify_all();
    }

    /// Drops what could not be written before the end.
    pub(super) fn abandon(&self) {
        let mut inner = self.lock();
        inner.urgent = 0;
        inner.oldest = None;
        let lost = std::mem::take(&mut inner.jobs);
        drop(inner);
        lost.into_iter().for_each(|job| job.waiter.tell(Err(Unavailable::Closed)));
    }

    /// Waits a moment before the next attempt on a full disk; true if the log is closing.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let mut inner = self.lock();
        if !inner.closing {
            self.wake.wait_for(&mut inner.inner, time);
        }
        inner.closing
    }
}
