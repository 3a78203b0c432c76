//! The search for blobs that no version names, after a run that did not end cleanly.
//!
//! It reads the names of all blobs and every record of a version, which with a million documents takes longer than clients
//! should wait for a start. So it is given a moment, and goes on beside them if that was not enough.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use crate::audit::{Action, Actor, Detail, Event, Log, Outcome};
use crate::cli::{Doing as _, Problem};
use crate::vault::Vault;

/// How long a start waits for the sweep. Firms of usual size are done by then.
const PATIENCE: Duration = Duration::from_secs(1);

/// The sweep of this run, if there is one.
#[derive(Default)]
pub(super) struct Sweep {
    thread: Mutex<Option<JoinHandle<()>>>,
    removed: Arc<OnceLock<usize>>,
}

impl Sweep {
    /// Nothing to be swept.
    pub(super) fn none() -> Self {
        let sweep = Self::default();
        let _ = sweep.removed.set(0);
        sweep
    }

    /// Starts it, before anybody is served, and waits a moment.
    pub(super) fn start(vault: &Arc<Vault>, log: &Arc<Log>) -> Result<Self, Problem> {
        vault.await_sweep();
        let removed = Arc::new(OnceLock::new());
        let (done, waits) = sync_channel::<()>(1);
        let (vault, log, tell) = (vault.clone(), log.clone(), removed.clone());
        let work = move || {
            match vault.sweep_orphans() {
                Ok(count) => {
                    note(&log, count);
                    let _ = tell.set(count);
                }
                // They are still there for the next start, which finds that this run did not sweep.
                Err(why) => tracing::error!(%why, "blobs that no version names could not be removed"),
            }
            drop(done);
        };
        let thread = thread::Builder::new().name("sweep".to_owned()).spawn(work).doing("start the sweep")?;
        if waits.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tracing::info!("looking for blobs that no version names goes on while documents are served");
        }
        Ok(Self { thread: Mutex::new(Some(thread)), removed })
    }

    /// How many blobs went; nothing while it goes on, or if it failed.
    pub(super) fn removed(&self) -> Option<usize> {
        self.removed.get().copied()
    }

    /// Waits for its end. True if everything is in order then.
    pub(super) fn finish(&self) -> bool {
        if let Some(thread) = self.thread.lock().take() {
            // It has told of its errors itself, and a panic leaves `removed` unset.
            let _ = thread.join();
        }
        self.removed().is_some()
    }
}

fn note(log: &Log, count: usize) {
    if count == 0 {
        return;
    }
    tracing::warn!(count, "blobs that no version names were removed");
    let event = Event {
        detail: Detail::because(format!("{count} blobs that no version names removed")),
        ..Event::new(Actor::service("deedbox"), Action::Recover, Outcome::Done)
    };
    if let Err(why) = log.record_blocking(&event) {
        tracing::warn!(%why, "the removal of blobs that no version names could not be recorded");
    }
}
