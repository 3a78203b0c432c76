//! The group committer: one thread takes everything that waits and makes it durable as one transaction. Who finds nobody
//! at it commits by itself where the engine allows that: handing over to the thread and back costs a twentieth of a small
//! upload (measured).
//!
//! Each batch of a group is judged in order against what the ones before it left; a refused one changes nothing and the
//! others go on. Nobody is answered, refused batches included, before the group is durable: a refusal tells of earlier
//! batches of the same group. Any failure but a full disk found in time poisons the store for good, since after a failed
//! sync the kernel may have dropped what it could not write, and a later sync would report success over the hole.

use super::place::Place;
use super::store::{Failure, Store, Transaction};
use super::{
    Batch, CommitNumber, Engine, Error, MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES, Precondition, Visit, Write,
};
use parking_lot::{Condvar, Mutex};
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The most batches and bytes in one transaction (a single batch may be larger than the latter).
const GROUP_BATCHES: usize = 512;
const GROUP_BYTES: usize = 4 * 1024 * 1024;
/// The most batches and bytes that wait; further callers wait outside.
const QUEUE_BATCHES: usize = 2048;
const QUEUE_BYTES: usize = 32 * 1024 * 1024;

/// How long an engine may take for one transaction before it counts as dead: a panic in one of sled's own threads would
/// otherwise leave every caller waiting for ever.
pub(super) const STALL: Duration = Duration::from_secs(120);

thread_local! {
    /// How many scans this thread is inside of.
    static SCANS: Cell<usize> = const { Cell::new(0) };
}

/// Whether this thread is inside a scan's visitor.
pub(super) fn scanning() -> bool {
    SCANS.with(|scans| scans.get() > 0)
}

struct ScanGuard;

impl ScanGuard {
    fn enter() -> Self {
        SCANS.with(|scans| scans.set(scans.get() + 1));
        Self
    }
}

impl Drop for ScanGuard {
    fn drop(&mut self) {
        SCANS.with(|scans| scans.set(scans.get() - 1));
    }
}

struct Job {
    batch: Batch,
    bytes: usize,
    reply: SyncSender<Result<CommitNumber, Error>>,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    bytes: usize,
    /// Somebody has the turn to commit.
    committing: bool,
    closed: bool,
}

struct Shared {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    drained: Condvar,
    last: AtomicU64,
    poison: OnceLock<String>,
}

impl Shared {
    fn poisoned(&self) -> Result<(), Error> {
        self.poison.get().map_or(Ok(()), |why| Err(Error::Engine(why.clone())))
    }

    fn poison(&self, why: &str) -> Error {
        let why = self.poison.get_or_init(|| format!("{why}; nothing more is written until the daemon is restarted"));
        tracing::error!(reason = %why, "the catalog stopped accepting changes");
        Error::Engine(why.clone())
    }

    /// Waits for work and the turn, and takes what one transaction may hold; `None` when the store is closed.
    fn take(&self) -> Option<Vec<Job>> {
        let mut waiting = self.waiting.lock();
        while waiting.jobs.is_empty() || waiting.committing {
            if waiting.closed {
                return None;
            }
            self.filled.wait(&mut waiting);
        }
        waiting.committing = true;
        let mut group: Vec<Job> = Vec::new();
        let mut bytes = 0;
        while group.len() < GROUP_BATCHES
            && waiting.jobs.front().is_some_and(|next| group.is_empty() || bytes + next.bytes <= GROUP_BYTES)
            && let Some(next) = waiting.jobs.pop_front()
        {
            bytes += next.bytes;
            group.push(next);
        }
        waiting.bytes -= bytes;
        drop(waiting);
        self.drained.notify_all();
        Some(group)
    }

    /// The turn, if nobody has it and nobody waits for it.
    fn take_turn(&self) -> bool {
        let mut waiting = self.waiting.lock();
        let free = !waiting.committing && waiting.jobs.is_empty();
        waiting.committing |= free;
        free
    }

    fn end_turn(&self) {
        let mut waiting = self.waiting.lock();
        waiting.committing = false;
        if !waiting.jobs.is_empty() {
            self.filled.notify_one();
        }
    }

    fn submit(&self, job: Job) -> Result<(), Error> {
        let deadline = Instant::now() + STALL;
        let mut waiting = self.waiting.lock();
        while waiting.jobs.len() >= QUEUE_BATCHES || (waiting.bytes > 0 && waiting.bytes + job.bytes > QUEUE_BYTES) {
            if self.drained.wait_until(&mut waiting, deadline).timed_out() {
                drop(waiting);
                return Err(self.poison("the engine did not answer in time"));
            }
        }
        waiting.bytes += job.bytes;
        waiting.jobs.push_back(job);
        self.filled.notify_one();
        Ok(())
    }
}

/// An engine's store behind the group committer: the [`Engine`] that the rest of the program sees.
pub(super) struct GroupCommitted {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    store: Arc<dyn Store>,
    /// Declared last and so released last: the lock outlives the store.
    _place: Place,
}

impl GroupCommitted {
    /// Starts the committer's thread.
    pub(super) fn start(store: Arc<dyn Store>, place: Place) -> Result<Self, Error> {
        let last = store.stored_commit()?;
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            last: AtomicU64::new(last),
            poison: OnceLock::new(),
        });
        let thread = std::thread::Builder::new()
            .name("kv-commit".into())
            .spawn({
                let (shared, store) = (shared.clone(), store.clone());
                move || {
                    while let Some(group) = shared.take() {
                        commit_group(&*store, &shared, group);
                        shared.end_turn();
                    }
                }
            })
            .map_err(|e| Error::Engine(format!("the committer cannot start: {e}")))?;
        Ok(Self { shared, thread: Some(thread), store, _place: place })
    }

    /// Runs a read; a panic of the engine poisons the store and is an error here, never the caller's end.
    fn shielded<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        if !self.store.readable_after_failure() {
            self.shared.poisoned()?;
        }
        catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|panic| Err(self.shared.poison(&format!("a read failed ({})", panic_text(&*panic)))))
    }
}

impl Engine for GroupCommitted {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.shielded(|| self.store.get(key))
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<(), Error> {
        // The visitor is not the engine: its panic is the caller's own and goes on unwinding.
        let mut visitor_panic = None;
        // Pages of a damaged tree can lead in a circle. Whoever reads on behind the last key must get ahead, or never ends.
        let mut last = after.map(<[u8]>::to_vec);
        let mut disorder = None;
        let result = self.shielded(|| {
            let _inside = ScanGuard::enter();
            self.store.scan(prefix, after, &mut |key, value| {
                if last.as_deref().is_some_and(|last| key <= last) {
                    disorder = Some(Error::Damaged(key.escape_ascii().to_string()));
                    return std::ops::ControlFlow::Break(());
                }
                let last = last.get_or_insert_default();
                last.clear();
                last.extend_from_slice(key);
                catch_unwind(AssertUnwindSafe(|| visit(key, value))).unwrap_or_else(|panic| {
                    visitor_panic = Some(panic);
                    std::ops::ControlFlow::Break(())
                })
            })
        });
        if let Some(panic) = visitor_panic {
            resume_unwind(panic);
        }
        disorder.map_or(result, Err)
    }

    fn commit(&self, batch: Batch) -> Result<CommitNumber, Error> {
        if scanning() {
            return Err(Error::Engine("a commit from within a scan would wait for itself".into()));
        }
        let bytes = batch_bytes(&batch)?;
        self.shared.poisoned()?;
        let (reply, answer) = sync_channel(1);
        let job = Job { batch, bytes, reply };
        if self.store.commits_on_any_thread() && self.shared.take_turn() {
            commit_group(&*self.store, &self.shared, vec![job]);
            self.shared.end_turn();
        } else {
            self.shared.submit(job)?;
        }
        match answer.recv_timeout(STALL) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(self.shared.poison("the engine did not answer in time")),
            Err(RecvTimeoutError::Disconnected) => Err(self.shared.poison("the committer ended")),
        }
    }

    fn last_commit(&self) -> CommitNumber {
        self.shared.last.load(Ordering::Acquire)
    }

    fn check_integrity(&self) -> Result<bool, Error> {
        let sound = self.shielded(|| self.store.check())?;
        if !sound {
            self.shared.poison("the integrity check found damage: restore the catalog from a backup");
        }
        Ok(sound)
    }

    fn name(&self) -> &'static str {
        self.store.kind().name()
    }
}

impl Drop for GroupCommitted {
    fn drop(&mut self) {
        self.shared.waiting.lock().closed = true;
        self.shared.filled.notify_all();
        if self.shared.poison.get().is_some() {
            // The thread may hang in a dead engine; it ends with the process.
            self.store.abandon();
        } else if let Some(thread) = self.thread.take() {
            // It catches every panic of the engine and has nothing to say at its end.
            let _ = thread.join();
        }
    }
}

/// The size of a batch, if every part of it is within bounds.
fn batch_bytes(batch: &Batch) -> Result<usize, Error> {
    let mut total = 0;
    let mut count = |key: &Vec<u8>, value: Option<&Vec<u8>>| {
        let value = value.map_or(0, Vec::len);
        if key.len() > MAX_KEY_BYTES {
            return Err(Error::TooLarge(key.len()));
        }
        if value > MAX_VALUE_BYTES {
            return Err(Error::TooLarge(value));
        }
        total += key.len() + value;
        Ok(())
    };
    for precondition in &batch.preconditions {
        match precondition {
            Precondition::Absent(key) | Precondition::Present(key) | Precondition::EmptyPrefix(key) => {
                count(key, None)?
            }
            Precondition::Equals(key, value) => count(key, Some(value))?,
        }
    }
    for write in &batch.writes {
        match write {
            Write::Put(key, value) => count(key, Some(value))?,
            Write::Delete(key) => count(key, None)?,
        }
    }
    if total > MAX_BATCH_BYTES { Err(Error::TooLarge(total)) } else { Ok(total) }
}

/// Makes one group durable and answers everyone in it.
fn commit_group(store: &dyn Store, shared: &Shared, group: Vec<Job>) {
    if shared.poison.get().is_some() {
        return answer(group, |_| shared.poisoned().map(|()| 0));
    }
    let bytes = group.iter().map(|job| job.bytes).sum();
    let before = shared.last.load(Ordering::Acquire);
    let mut verdicts = Vec::new();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        store.transact(bytes, &mut |txn| {
            verdicts = judge_and_apply(txn, &group, before)?;
            Ok(verdicts.iter().rev().find_map(|verdict| *verdict))
        })
    }));
    match outcome {
        Ok(Ok(())) => {
            let after = verdicts.iter().rev().find_map(|verdict| *verdict).unwrap_or(before);
            shared.last.store(after, Ordering::Release);
            answer(group, |place| verdicts.get(place).copied().flatten().ok_or(Error::Conflict));
        }
        Ok(Err(Failure::NoSpace)) => answer(group, |_| Err(Error::NoSpace)),
        Ok(Err(Failure::Fatal(why))) => {
            shared.poison(&why);
            answer(group, |_| shared.poisoned().map(|()| 0));
        }
        Err(panic) => {
            shared.poison(&format!("the engine failed ({})", panic_text(&*panic)));
            answer(group, |_| shared.poisoned().map(|()| 0));
        }
    }
}

/// A caller that gave up waiting is no reason to stop.
fn answer(group: Vec<Job>, result: impl Fn(usize) -> Result<CommitNumber, Error>) {
    for (place, job) in group.into_iter().enumerate() {
        let _ = job.reply.try_send(result(place));
    }
}

/// The number that each batch got, or `None` for those refused.
fn judge_and_apply(
    txn: &mut dyn Transaction,
    group: &[Job],
    before: CommitNumber,
) -> Result<Vec<Option<CommitNumber>>, Failure> {
    let mut number = before;
    let mut verdicts = Vec::with_capacity(group.len());
    for Job { batch, .. } in group {
        if !holds(txn, &batch.preconditions)? {
            verdicts.push(None);
            continue;
        }
        for write in &batch.writes {
            match write {
                Write::Put(key, value) => txn.put(key, value)?,
                Write::Delete(key) => txn.delete(key)?,
            }
        }
        number += 1;
        verdicts.push(Some(number));
    }
    Ok(verdicts)
}

fn holds(txn: &dyn Transaction, preconditions: &[Precondition]) -> Result<bool, Failure> {
    for precondition in preconditions {
        let held = match precondition {
            Precondition::Absent(key) => txn.get(key)?.is_none(),
            Precondition::Present(key) => txn.get(key)?.is_some(),
            Precondition::Equals(key, value) => txn.get(key)?.as_ref() == Some(value),
            Precondition::EmptyPrefix(prefix) => txn.is_empty(prefix)?,
        };
        if !held {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Runs what opens or converts a store: engines trust their files and may panic on damaged ones.
pub(super) fn shield<T>(dir: &Path, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let why = panic_text(&*panic);
        Err(Error::Engine(format!("{} is damaged ({why}); restore the catalog from a backup", dir.display())))
    })
}

/// What a panic said, if it said it in words.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
}
