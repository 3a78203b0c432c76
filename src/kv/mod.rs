//! An ordered key-value store, transactional and durable: the joint at which the catalog's engine is chosen.
//!
//! [`Engine`] is the contract; redb (the default) and sled keep it, and one conformance and crash suite holds both to it.
//! [`open`] finds or creates the store in a directory. Below the contract each engine is a `store::Store`: reads and one
//! transaction at a time; the group committer above it turns what waits into transactions, shields the process from an
//! engine's panics and stops for good after a failure. [`SealedStore`] puts encryption above any engine: values are sealed
//! with an AEAD bound to their key, and names enter keys only as HMACs. [`convert`] moves a stopped store to the other
//! engine.

mod committer;
#[cfg(test)]
mod committer_tests;
mod convert;
mod place;
mod redb_engine;
mod redb_file;
mod sealed;
mod sled_engine;
mod space;
mod store;
mod totals;

pub use convert::{Conversion, convert};
pub use place::{EngineKind, ParseEngineKindError, Settings, is_present, open};
pub use sealed::{Change, SealKeys, Sealed, SealedStore};

use std::ops::ControlFlow;

/// Number of the last committed batch; grows by one with each and never goes back.
pub type CommitNumber = u64;

/// The largest value that an engine takes, in bytes. sled keeps larger ones in files that it never syncs (measured: 187 of
/// 200 power-loss images failed), so the bound holds for every engine.
pub const MAX_VALUE_BYTES: usize = 7 * 1024;

/// The longest key, in bytes. An index page of sled holds 256 keys and must stay under the 128 KiB from which on it would
/// be kept in a file of its own.
pub const MAX_KEY_BYTES: usize = 256;

/// The largest batch, in bytes of its keys and values together.
pub const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

/// What must hold at the moment of commit, or nothing of the batch happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// The key holds nothing.
    Absent(Vec<u8>),
    /// The key holds something.
    Present(Vec<u8>),
    /// The key holds exactly these bytes.
    Equals(Vec<u8>, Vec<u8>),
    /// No key starts with these bytes.
    EmptyPrefix(Vec<u8>),
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Store the value under the key.
    Put(Vec<u8>, Vec<u8>),
    /// Remove the key if it is there.
    Delete(Vec<u8>),
}

/// Preconditions and changes that happen together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Checked in order, against the state that all earlier batches left.
    pub preconditions: Vec<Precondition>,
    /// Applied in order.
    pub writes: Vec<Write>,
}

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A precondition did not hold; nothing was changed. The caller reads again and decides anew.
    #[error("a precondition of the change no longer holds")]
    Conflict,
    /// A record cannot be what was stored: damaged, swapped or sealed under another key.
    #[error("catalog record {0} is damaged")]
    Damaged(String),
    /// A value is larger than [`MAX_VALUE_BYTES`], a key than [`MAX_KEY_BYTES`] or a batch than [`MAX_BATCH_BYTES`].
    #[error("a record of {0} bytes is too large for the catalog")]
    TooLarge(usize),
    /// The store is open already, in another process or in this one.
    #[error("the catalog in {0} is in use; stop the daemon that has it open first")]
    InUse(String),
    /// The directory holds the other engine's store.
    #[error(
        "the catalog is a {found} store, not {wanted}: set kv.engine = \"{found}\", or stop the daemon and run `deedbox catalog convert --to {wanted}`"
    )]
    OtherEngine {
        /// The engine whose store is there.
        found: EngineKind,
        /// The engine that was asked for.
        wanted: EngineKind,
    },
    /// No space is left on the device; reads go on.
    #[error("no space is left for the catalog")]
    NoSpace,
    /// The engine failed; after a failed write nothing more is accepted.
    #[error("the catalog cannot be used: {0}")]
    Engine(String),
}

/// Receives the records of a scan in key order and says whether to go on.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// An ordered key-value store. All calls block; call them from the blocking pool.
pub trait Engine: Send + Sync {
    /// The value under a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Visits the records whose keys start with `prefix`, in key order, those after `after` if given, on one snapshot.
    /// The visitor may read, but a commit from within it is refused: sled has no snapshots, so that commits wait for
    /// scans to end. It should be quick and must not wait for another thread's commit.
    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<(), Error>;

    /// Applies a batch; durable on return. Batches that wait together share one sync.
    fn commit(&self, batch: Batch) -> Result<CommitNumber, Error>;

    /// The number of the last commit.
    fn last_commit(&self) -> CommitNumber;

    /// Reads everything and verifies what the engine can verify; `Ok(false)` if damage was found.
    fn check_integrity(&self) -> Result<bool, Error>;

    /// The engine's name as in the configuration.
    fn name(&self) -> &'static str;
}
