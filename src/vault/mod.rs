//! The vault: documents as encrypted blobs, and the catalog that says which they are.
//!
//! Every method that touches a document takes a [`Permit`](crate::gate::Permit) and nothing that names an object beside
//! it: the permit is the address. Looking a name up ([`Vault::find`]) needs none, because a decision can only be made
//! about something that was found; what was found goes to the gate and to nobody else.
//!
//! All methods block; the virtual filesystem calls them from the blocking pool.

pub mod blobs;
mod catalog;
mod changes;
pub mod check;
mod delivery;
mod document;
mod error;
mod fetch;
mod held;
mod incoming;
mod intent;
mod lock_table;
mod locks;
mod properties;
mod receipts;
mod recent;
mod recovery;
mod saves;
pub mod staging;
mod transients;
mod usage;

use std::sync::Arc;

pub use catalog::{AsideRecord, Content, Entry, StoredProperty, Version, entry_key, folder_prefix, version_key};
pub use changes::Times;
pub use delivery::Resealed;
pub use document::{Document, OpenedNow};
pub use error::Error;
pub use fetch::{FETCHED_WHOLE, FetchedNow, Whole};
pub use held::{Content as HeldContent, Held, Memory, Same, Waits};
pub use incoming::{Committed, Given, Incoming, Ready, Sealed};
pub use intent::Intent;
pub use locks::{LockRecord, LockSpan, LockWish};
pub use properties::PropertyEdit;
pub use receipts::{Owed, Receipt};
pub use recovery::Recovered;
pub use usage::{Left, Reservation, Room, Tally};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::gate::{List, Manage, Permit};
use crate::keys::{Keyring, MatterKey};
use crate::kv::SealedStore;
use crate::names::{AccountId, DocName, MatterId, NodeId, Timestamp};
use crate::outbox::Noticeboard;
use blobs::BlobStore;
use catalog::Catalog;
use lock_table::LockTable;
use saves::Saves;
use staging::Staging;
use usage::Usage;

/// A document's versions by number, the oldest first.
pub type History = Vec<(u64, Version)>;

/// Keeps documents.
pub struct Vault {
    catalog: Catalog,
    blobs: Arc<BlobStore>,
    staging: Staging,
    keyring: Arc<Keyring>,
    /// All locks, written through to the catalog.
    locks: Mutex<LockTable>,
    saves: Saves,
    usage: Arc<Usage>,
    /// What came into folders, for whoever is to be told.
    board: Arc<Noticeboard>,
    /// Held while a folder moves.
    moves: Mutex<()>,
    /// Something came into a drop box.
    arrivals: Notify,
}

impl Vault {
    /// The vault over opened stores. Reads locks and saves under way; run [`Vault::recover`] before serving.
    pub fn new(
        store: Arc<SealedStore>,
        blobs: Arc<BlobStore>,
        staging: Staging,
        keyring: Arc<Keyring>,
        board: Arc<Noticeboard>,
    ) -> Result<Self, Error> {
        let catalog = Catalog::new(store);
        let (locks, saves) = (locks::load(&catalog)?, Saves::load(&catalog)?);
        let (usage, moves, arrivals) = (Arc::default(), Mutex::default(), Notify::new());
        Ok(Self { catalog, blobs, staging, keyring, locks, saves, usage, board, moves, arrivals })
    }

    /// What stands under a name in a folder in everybody's eyes. Not a document operation: the answer goes to the gate.
    pub fn find(&self, folder: NodeId, name: &DocName) -> Result<Option<Entry>, Error> {
        Ok(self.catalog.entry(folder, name)?.map(|entry| entry.value))
    }

    /// The same in an account's eyes, which has temporary files of its own.
    pub fn find_for(&self, account: AccountId, folder: NodeId, name: &DocName) -> Result<Option<Entry>, Error> {
        Ok(self.catalog.entry_for(account, folder, name)?.map(|entry| entry.value))
    }

    /// The entries of the folder that the permit names; none for the root and for a matter, which are structure alone.
    pub fn list(&self, permit: Permit<List>) -> Result<Vec<Entry>, Error> {
        match permit.target().place.folder() {
            Some(folder) => self.catalog.entries(folder),
            None => Ok(Vec::new()),
        }
    }

    /// The entries of any folder and the history of any document, for the operator's list of documents.
    pub fn inspect(&self, _permit: &Permit<Manage>, folder: NodeId) -> Result<Vec<(Entry, History)>, Error> {
        let entries = self.catalog.entries(folder)?;
        entries.into_iter().map(|entry| Ok((entry.clone(), self.catalog.versions(entry.node)?))).collect()
    }

    /// The entries of any folder, for a survey of the operator's.
    pub fn entries(&self, _permit: &Permit<Manage>, folder: NodeId) -> Result<Vec<Entry>, Error> {
        self.catalog.entries(folder)
    }

    /// Makes the key of a matter that is about to be opened: without one it could be seen but hold nothing. Durable on
    /// return.
    pub fn make_key(&self, _permit: &Permit<Manage>, matter: MatterId) -> Result<(), Error> {
        Ok(self.keyring.create_matter(matter)?)
    }

    /// Where a blob's file lies, for the operator.
    pub fn blob_path(&self, id: &crate::names::BlobId) -> std::path::PathBuf {
        self.blobs.path(id)
    }

    /// This account's unfinished upload under a name, which only it can see: its size, and when the last byte came.
    pub fn part(&self, account: AccountId, folder: NodeId, name: &DocName) -> Result<Option<(u64, Timestamp)>, Error> {
        Ok(self.catalog.part(account, folder, name)?.map(|part| (part.value.part.len(), part.value.at)))
    }

    /// This account's unfinished uploads in a folder: name, size, when the last byte came.
    pub fn parts_in(&self, account: AccountId, folder: NodeId) -> Result<Vec<(DocName, u64, Timestamp)>, Error> {
        let parts = self.catalog.parts_in(account, folder)?;
        Ok(parts.into_iter().map(|part| (part.name, part.part.len(), part.at)).collect())
    }

    fn key(&self, matter: Option<MatterId>) -> Result<Arc<MatterKey>, Error> {
        let matter = matter.ok_or(Error::Gone)?;
        Ok(self.keyring.matter(matter)?)
    }
}
