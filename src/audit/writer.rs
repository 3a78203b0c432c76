//! The writer thread: whatever waits while one `fdatasync` runs is the next batch.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::bundle::Record;
use super::error::Unavailable;
use super::event::{Action, Actor, Detail, Event, Outcome};
use super::files::WriteError;
use super::journal::{Segment, encode_batch};
use super::keeper::{Desk, Written};
use super::leaf::Refers;
use super::queue::{Job, Queue, Slot, Waiter};

/// Time between two attempts on a full disk.
const RETRY: Duration = Duration::from_millis(200);

pub(super) struct Writer {
    dir: PathBuf,
    queue: Arc<Queue>,
    desk: Arc<Desk>,
    segment: Segment,
}

impl Writer {
    pub(super) fn new(dir: &Path, queue: Arc<Queue>, desk: Arc<Desk>, segment: Segment) -> Self {
        Self { dir: dir.to_owned(), queue, desk, segment }
    }

    /// Writes batches until the log is closed or has failed.
    pub(super) fn run(mut self) {
        while let Some(batch) = self.queue.take() {
            let goes_on = match self.desk.wait_for_room(&self.queue) {
                Some(why) => self.set_aside(batch, &why),
                None => self.write(batch),
            };
            if !goes_on {
                return;
            }
        }
        // What is left behind then ends with its last record. Zeros that stay mean nothing.
        drop(self.segment.cut());
    }

    /// Writes one batch; false if that was the end.
    fn write(&mut self, batch: Vec<Job>) -> bool {
        // The chains stay locked until the batch is durable, so that nobody stores heads of records that never came.
        let desk = Arc::clone(&self.desk);
        let mut chains = desk.chains.lock();
        let (mut leaves, mut undo) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        let mut result = Ok(());
        for job in &batch {
            let leaf = job.leaf(&chains);
            let hash = leaf.hash();
            match chains.apply(&leaf, hash) {
                Ok(step) => undo.push(step),
                // Only a mistake in this module leads here; a broken chain must not reach the disk.
                Err(why) => result = result.and(Err(WriteError::Fatal(io::Error::other(why)))),
            }
            leaves.push((leaf, hash));
        }
        let sealed = batch.iter().map(|job| job.body.sealed.as_slice());
        let bytes = encode_batch(leaves.iter().map(|(leaf, _)| leaf).zip(sealed));
        let result = result.and_then(|()| self.rotate()).and_then(|()| self.segment.append(&bytes));
        if result.is_err() {
            undo.into_iter().rev().for_each(|step| chains.undo(step));
        }
        let size = chains.size();
        drop(chains);
        match result {
            Ok(()) => {
                self.queue.set_durable(size);
                let had_none = self.queue.journal_has_room();
                let (bodies, waiters): (Vec<_>, Vec<_>) =
                    batch.into_iter().map(|job| (job.body.sealed, job.waiter)).unzip();
                let written = leaves.into_iter().zip(bodies);
                desk.put(written.map(|((leaf, hash), sealed)| Written { record: Record { leaf, sealed }, hash }));
                waiters.into_iter().for_each(|waiter| waiter.tell(Ok(())));
                if had_none {
                    self.note_full_disk();
                }
                true
            }
            Err(WriteError::Later(error)) => self.set_aside(batch, &error.to_string()),
            Err(WriteError::Fatal(error)) => self.fail(batch, &error.to_string()),
        }
    }

    /// Ends the log: the batch may or may not be on the disk, and nobody is told that it is.
    fn fail(&self, batch: Vec<Job>, why: &str) -> bool {
        self.queue.poison(why);
        for job in batch {
            job.waiter.tell(Err(Unavailable::Poisoned(why.to_owned())));
        }
        false
    }

    /// Puts a batch back and waits a moment; false if the log is closing and this was the last attempt.
    fn set_aside(&self, batch: Vec<Job>, why: &str) -> bool {
        self.queue.put_back(batch, why);
        let closing = self.queue.pause(RETRY);
        if closing {
            self.queue.abandon();
        }
        !closing
    }

    /// Begins the next segment where it is time. If that fails, nothing more may go into the old one: the new one's
    /// name may be on the disk already, and says which record comes first in it.
    fn rotate(&mut self) -> Result<(), WriteError> {
        let next = self.queue.durable();
        if self.segment.is_long() && next != self.segment.first() {
            let full = std::mem::replace(&mut self.segment, Segment::create(&self.dir, next)?);
            self.desk.add_segment(next);
            drop(full.cut());
        }
        Ok(())
    }

    /// Records that the log had no room for a while. If that cannot be recorded, the log is failing again anyway.
    fn note_full_disk(&self) {
        let mut event = Event::new(Actor::service("audit"), Action::Alarm, Outcome::Done);
        event.detail = Detail::because("the disk was full: records were refused until now");
        drop(self.queue.push(&event, Refers::Nothing, Waiter::Nobody, Slot::Own));
    }
}
