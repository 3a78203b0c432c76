//! The portal's business records: accounts and contacts, matter types and matters, participants and their access.
//!
//! All records are in memory as one immutable snapshot, the [`Firm`], which every operation reads without a lock. A
//! change is decided on the snapshot, written to the sealed store, and only then swapped in; the store is read once, at
//! start. Changes come one after another, each with the gate's permit for it.
//!
//! The folders that a matter type makes (`Documents/From us`) are *structure*: they are records here, with nodes of
//! their own, and no entries of the catalog. So there is nothing in the catalog by which a drive could rename or remove
//! one; the vault keeps only what users put below them.
//!
//! Architecture invariant: no public method changes a record without a permit.

mod access;
mod account_records;
mod accounts;
mod api_tokens;
mod changes;
mod draft;
mod edits;
mod error;
mod factors;
mod firm;
mod links;
mod managing;
mod matter;
mod matters;
mod outline;
mod own_account;
mod own_rules;
mod parse;
mod people;
mod push;
mod quotas;
mod receipts;
mod records;
mod restriction;
mod spec;
mod ssh_key;
mod switches;
#[cfg(test)]
mod tests;
mod watch;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::watch as channel;

pub use api_tokens::{ApiToken, MAX_TOKEN_DAYS, NewApiToken};
pub use edits::{AccessEdit, AccountEdit, FirmEdit, MatterEdit, ParticipantEdit};
pub use error::Error;
pub use factors::{DevicePassword, RECOVERY_CODES, SecondFactor, TokenDigest};
pub use firm::Firm;
pub use links::{Delivery, Invited, Link, LinkPurpose, NewLink};
pub use matter::{Matter, MatterType, StructureFolder};
pub use outline::FolderOutline;
pub use own_rules::{MAX_OWN_RULES, OwnRule, Ruling};
pub use parse::{MAX_SPEC_BYTES, Mistake, SpecErrors, parse_matter_type};
pub use people::{Access, Account, AccountKey, Contact, Participant, Party};
pub use push::{RightsChange, TypeChange};
pub use quotas::QuotaOf;
pub use restriction::{LOGIN_METHODS, Restriction, RestrictionChange};
pub use spec::{FolderSpec, MAX_FOLDER_DEPTH, MAX_FOLDERS, MAX_PARTICIPANT_TYPES, MatterTypeSpec};
pub use ssh_key::fingerprint as key_fingerprint;
pub use switches::{Ending, Switch, Switches};
pub use watch::{Watch, WatchChange};
pub use words::{MAX_LOGIN_BYTES, MAX_NUMBER_BYTES, MAX_TITLE_BYTES, MAX_TYPE_WORD_BYTES};

use crate::kv::SealedStore;
use crate::names::MatterId;
use draft::Draft;

/// A matter to open.
#[derive(Debug, Clone)]
pub struct NewMatter {
    /// The id for which the matter's key was made.
    pub id: MatterId,
    /// Unique in the firm.
    pub number: String,
    /// As people write it.
    pub name: String,
    /// Name of an applied matter type.
    pub matter_type: String,
    /// The login of the member of staff whose matter it is.
    pub owner: Option<String>,
}

/// A contact to add.
#[derive(Debug, Clone)]
pub struct NewContact {
    /// As people write it.
    pub name: String,
    /// Needed for access.
    pub email: Option<String>,
}

/// What is to be different about a contact; nothing stays as it is.
#[derive(Debug, Clone, Default)]
pub struct ContactChange {
    /// As people write it.
    pub name: Option<String>,
    /// The login of its account, too.
    pub email: Option<String>,
}

/// A participant to add.
#[derive(Debug, Clone)]
pub struct NewParticipant {
    /// On which matter.
    pub matter: MatterId,
    /// Who.
    pub party: Party,
    /// One of the participant types of the matter's type.
    pub participant_type: String,
}

/// The firm's records: a snapshot to read, and the one way to change them.
pub struct Practice {
    store: Arc<SealedStore>,
    firm: ArcSwap<Firm>,
    epoch: AtomicU64,
    changes: channel::Sender<u64>,
    /// Held from the decision to the swap, so that every decision is made on what the last one left.
    turn: Mutex<()>,
}

impl Practice {
    /// Reads the firm's records from the store. Blocks.
    ///
    /// # Errors
    /// [`Error::Store`] if a record cannot be read, [`Error::Damaged`] if records contradict each other.
    pub fn open(store: Arc<SealedStore>) -> Result<Self, Error> {
        let firm = records::load(&store)?;
        let epoch = firm.epoch;
        Ok(Self {
            store,
            firm: ArcSwap::from_pointee(firm),
            epoch: AtomicU64::new(epoch),
            changes: channel::Sender::new(epoch),
            turn: Mutex::new(()),
        })
    }

    /// The firm as it is now.
    pub fn firm(&self) -> Arc<Firm> {
        self.firm.load_full()
    }

    /// Grows with each change. A snapshot that is taken after an epoch was read is at least of that epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Wakes with the epoch of each change; several in quick succession may come as one.
    pub fn watch(&self) -> channel::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Decides, makes durable, swaps. Private: the way in from outside is a method that spends a permit.
    fn commit<T>(&self, work: impl FnOnce(&mut Draft<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let _turn = self.turn.lock();
        let mut draft = Draft::new(&self.firm.load(), &self.store);
        let result = work(&mut draft)?;
        if let Some(firm) = draft.commit(&self.store)? {
            let epoch = firm.epoch;
            // The snapshot first: whoever sees the new epoch must find at least its snapshot.
            self.firm.store(Arc::new(firm));
            self.epoch.store(epoch, Ordering::Release);
            self.changes.send_replace(epoch);
        }
        Ok(result)
    }
}
