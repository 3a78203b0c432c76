//! What an engine brings: reads on a snapshot and one durable transaction at a time. The group committer and the
//! conversion are written against these two traits alone.

use super::{CommitNumber, EngineKind, Error, Visit};

/// Why a transaction did not happen.
#[derive(Debug)]
pub(super) enum Failure {
    /// The disk was full; the store stands as before the transaction and may be used on.
    NoSpace,
    /// Whether the transaction happened is not known; nothing more may be written.
    Fatal(String),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoSpace => Error::NoSpace,
            Failure::Fatal(why) => Error::Engine(why),
        }
    }
}

/// The state inside one transaction: reads see its own writes.
pub(super) trait Transaction {
    /// The value under a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure>;
    /// Whether no key starts with the prefix.
    fn is_empty(&self, prefix: &[u8]) -> Result<bool, Failure>;
    /// Stores a value.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure>;
    /// Removes a key if it is there.
    fn delete(&mut self, key: &[u8]) -> Result<(), Failure>;
}

/// What happens inside a transaction. Answers the commit number to store with it, or `None` to leave everything as it was.
pub(super) type Work<'a> = dyn FnMut(&mut dyn Transaction) -> Result<Option<CommitNumber>, Failure> + 'a;

/// One engine's open store. Only one thread at a time calls [`Store::transact`]; any number read.
pub(super) trait Store: Send + Sync {
    /// Which engine this is.
    fn kind(&self) -> EngineKind;
    /// The value under a key, from the last durable state.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// As [`super::Engine::scan`].
    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<(), Error>;
    /// Runs the work as one transaction, durable on return. `bytes` is the size of the keys and values about to be written.
    fn transact(&self, bytes: usize, work: &mut Work<'_>) -> Result<(), Failure>;
    /// The commit number that the last transaction stored.
    fn stored_commit(&self) -> Result<CommitNumber, Error>;
    /// As [`super::Engine::check_integrity`].
    fn check(&self) -> Result<bool, Error>;
    /// Whether reads may go on after a failed write: only if they cannot show what was never made durable.
    fn readable_after_failure(&self) -> bool;
    /// Whether a caller may run [`Store::transact`] on its own thread. Not where an engine whose threads have died would hold it
    /// for ever.
    fn commits_on_any_thread(&self) -> bool {
        false
    }
    /// Called before a failed store is dropped, so that closing it cannot wait for a thread that died.
    fn abandon(&self) {}
}

/// Where a scan begins: at the prefix, or behind `after` if that lies further on.
pub(super) fn scan_start<'a>(prefix: &'a [u8], after: Option<&'a [u8]>) -> std::ops::Bound<&'a [u8]> {
    match after {
        Some(after) if after >= prefix => std::ops::Bound::Excluded(after),
        _ => std::ops::Bound::Included(prefix),
    }
}
