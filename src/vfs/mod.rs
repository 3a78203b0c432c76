//! The tree as one session sees it. Every method is a permit from the gate, then one call of the vault.
//!
//! A front end asks for a [`View`] per session and calls its methods with paths; nothing else leads down. What a session
//! may not know of is answered exactly as what does not exist.

mod buffers;
mod changes;
mod commit;
mod error;
mod fetch;
mod inspect;
mod intake;
mod locks;
mod lookups;
mod messages;
mod own_activity;
mod quarantine;
mod reading;
mod receipts;
mod room;
mod saves;
mod scan;
mod stat;
mod survey;
mod tree;
mod words;
mod writing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use futures_util::FutureExt as _;

pub use error::Error;
pub use fetch::Fetched;
pub use inspect::{DocumentRecord, Explanation, structure_path};
pub use intake::{HeldCounts, Tended, Undeliverable};
pub use locks::HeldLock;
pub use messages::Unfit;
pub use quarantine::{Quarantined, Unassigned};
pub use reading::Reading;
pub use room::{Kept, Usage};
pub use stat::{Kind, Stat};
pub use survey::{MessageRecord, Shared};
pub use words::{
    Existing, Listing, Lock, LockDepth, LockRequest, MatterListing, Property, PropertyChange, Replace, Space,
    WriteOptions,
};
pub use writing::Writing;

use crate::audit::{Detail, Outcome};
use crate::gate::{Gate, Operation, Permit, Session};
use crate::intake::Scanner;
pub use crate::intake::Unclean;
use crate::names::{DocName, DocPath, LockToken, WindowsNames};
pub use crate::vault::Times;
use crate::vault::{self, LockSpan, Vault};
use buffers::Buffers;
use intake::Intake;
use messages::SentNames;
use tree::{Found, Sight};

/// How often a change is tried again when others change the same entry at the same time.
const ATTEMPTS: usize = 16;

/// The virtual filesystem.
pub struct Vfs {
    gate: Arc<Gate>,
    vault: Arc<Vault>,
    buffers: Arc<Buffers>,
    sent: SentNames,
    /// New names that Windows cannot hold are refused.
    for_windows: AtomicBool,
    scanner: ArcSwapOption<Scanner>,
    intake: Intake,
}

impl Vfs {
    /// The tree over a gate and a vault.
    pub fn new(gate: Arc<Gate>, vault: Arc<Vault>) -> Arc<Self> {
        Arc::new(Self {
            gate,
            vault,
            buffers: Arc::default(),
            sent: SentNames::default(),
            for_windows: AtomicBool::default(),
            scanner: ArcSwapOption::empty(),
            intake: Intake::default(),
        })
    }

    /// What becomes of new names that Windows cannot hold, from now on.
    pub fn set_windows_names(&self, names: WindowsNames) {
        self.for_windows.store(names == WindowsNames::Refuse, Ordering::Relaxed);
    }

    /// The tree as this session sees it.
    pub fn view(self: &Arc<Self>, session: &Arc<Session>) -> View {
        View { vfs: self.clone(), session: session.clone(), tokens: Arc::from([]) }
    }
}

/// The tree as one session sees it. Cheap to clone.
#[derive(Clone)]
pub struct View {
    vfs: Arc<Vfs>,
    session: Arc<Session>,
    tokens: Arc<[LockToken]>,
}

impl View {
    /// The same view with the lock tokens that a request submitted.
    #[must_use]
    pub fn with_tokens(self, tokens: Vec<LockToken>) -> Self {
        Self { tokens: tokens.into(), ..self }
    }

    /// Whose view this is.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Looks with this session's eyes. Lookups are answered inline: a step is one read of an index that is in memory.
    fn look<T>(&self, look: impl FnOnce(&Sight<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.vfs.gate.viewpoint(&self.session, |seen| look(&Sight::of(&self.vfs, seen, self.session.account())))?
    }

    fn find(&self, path: &DocPath) -> Result<Found, Error> {
        self.look(|sight| sight.find(path))
    }

    async fn permit<O: Operation>(&self, target: O::Target) -> Result<Permit<O>, Error> {
        Ok(self.vfs.gate.permit::<O>(&self.session, target).await?)
    }

    /// Records an attempt on nothing and gives the answer for it.
    async fn absent<O: Operation, T>(&self, path: &DocPath, answer: Error) -> Result<T, Error> {
        self.vfs.gate.absent::<O>(&self.session, None, path).boxed().await?;
        Err(answer)
    }

    /// Passes the permit on if no lock is in the way; otherwise the refusal is recorded with its reason.
    fn unlocked<O: Operation>(&self, permit: Permit<O>, span: LockSpan<'_>) -> Result<Permit<O>, Error> {
        if self.vfs.vault.may_write(self.session.account(), &self.tokens, span) {
            return Ok(permit);
        }
        permit.settle(Outcome::Refused, Detail { reason: Some("locked".to_owned()), ..Detail::default() });
        Err(Error::Locked)
    }

    /// Passes the permit on if the firm takes such a new name; otherwise the refusal is recorded with its reason.
    fn named<O: Operation>(&self, permit: Permit<O>, name: &DocName) -> Result<Permit<O>, Error> {
        match name.fits_windows() {
            Err(why) if self.vfs.for_windows.load(Ordering::Relaxed) => {
                permit.settle(Outcome::Refused, Detail::because(why.to_string()));
                Err(Error::Unportable(why))
            }
            _ => Ok(permit),
        }
    }

    /// Runs the vault's work off the runtime's own threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Vault) -> Result<T, vault::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let vault = self.vfs.vault.clone();
        blocking(move || Ok(work(&vault)?)).await
    }
}

/// Runs work off the runtime's own threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "work in the vault ended early");
        Err(Error::Unavailable)
    })
}
