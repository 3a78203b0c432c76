//! The tree as one session sees it. Every method is a permit from the gate, then one call of the vault.

mod error;
mod stat;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use error::Error;
pub use stat::{Kind, Stat};

use crate::gate::Session;
use crate::names::{DocPath, LockToken, Timestamp};

/// What to do with a document that stands under the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Refuse with [`Error::Exists`] (O_EXCL, `If-None-Match: *`).
    Refuse,
    /// Start from nothing; at commit the upload becomes the next version (O_TRUNC, PUT).
    Replace,
    /// Start from the present content and edit it (no O_TRUNC). An unfinished upload of this account is resumed.
    Edit,
}

/// How a document is opened for writing.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// Make the document if it is not there; otherwise [`Error::NotFound`].
    pub create: bool,
    /// What to do if it is there.
    pub existing: Existing,
    /// Commit only if the current version then has this number (0: only if nothing stands there), else [`Error::Changed`].
    pub expect_version: Option<u64>,
}

/// A folder and what is in it.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The folder itself.
    pub folder: Stat,
    /// Its entries in a stable order; empty without List.
    pub entries: Vec<Stat>,
}

/// May a rename or copy take the place of a document that stands there?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// [`Error::Exists`] if the name is taken.
    No,
    /// The document there gets a next version; its id, history and properties stay.
    Yes,
}

/// Space as quota properties and statvfs show it, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Used by the current versions under this matter (at the root: of all matters that the session sees).
    pub used: u64,
    /// Still free.
    pub available: u64,
}

/// A dead property (RFC 4918 section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// XML namespace.
    pub namespace: String,
    /// Local name.
    pub name: String,
    /// The whole element as it was sent, re-serialised with its namespaces declared.
    pub xml: String,
}

/// One instruction of a PROPPATCH; all of one call happen or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropertyChange {
    /// Store or replace.
    Set(Property),
    /// Remove the property of this namespace and name.
    Remove(String, String),
}

/// What a lock covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockDepth {
    /// The resource alone (for a folder: its membership).
    Zero,
    /// Everything below too.
    Infinity,
}

/// What a LOCK asks for.
#[derive(Debug, Clone)]
pub struct LockRequest {
    /// Shared, or exclusive.
    pub shared: bool,
    /// What it covers.
    pub depth: LockDepth,
    /// The `owner` element's content as XML, at most 4 KiB.
    pub owner: String,
    /// Wanted lifetime; the vault caps it.
    pub timeout: Duration,
}

/// A lock as a session sees it.
#[derive(Debug, Clone)]
pub struct Lock {
    /// The token, only if this session's account took the lock.
    pub token: Option<LockToken>,
    /// Shared, or exclusive.
    pub shared: bool,
    /// What it covers.
    pub depth: LockDepth,
    /// The owner text as it was given.
    pub owner: String,
    /// When it ends.
    pub expires: Timestamp,
    /// The path at which it was taken (RFC 4918 lockroot).
    pub root: DocPath,
}

/// The virtual filesystem.
pub struct Vfs {}

impl Vfs {
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

#[allow(unused_variables, clippy::todo)]
impl View {
    /// The same view with the lock tokens that a request submitted.
    #[must_use]
    pub fn with_tokens(self, tokens: Vec<LockToken>) -> Self {
        Self { tokens: tokens.into(), ..self }
    }
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }
    pub async fn stat(&self, path: &DocPath) -> Result<Stat, Error> {
        todo!()
    }
    pub async fn list(&self, path: &DocPath) -> Result<Listing, Error> {
        todo!()
    }
    pub async fn read(&self, path: &DocPath) -> Result<Reading, Error> {
        todo!()
    }
    pub async fn write(&self, path: &DocPath, options: WriteOptions) -> Result<Writing, Error> {
        todo!()
    }
    pub async fn make_folder(&self, path: &DocPath) -> Result<Stat, Error> {
        todo!()
    }
    pub async fn remove_document(&self, path: &DocPath) -> Result<(), Error> {
        todo!()
    }
    /// Removes an empty folder.
    pub async fn remove_folder(&self, path: &DocPath) -> Result<(), Error> {
        todo!()
    }
    /// Renames or moves a document or a folder with all below it. True if a document was replaced.
    pub async fn rename(&self, from: &DocPath, to: &DocPath, replace: Replace) -> Result<bool, Error> {
        todo!()
    }
    /// Copies one document (content and dead properties). True if a document was replaced.
    pub async fn copy_document(&self, from: &DocPath, to: &DocPath, replace: Replace) -> Result<bool, Error> {
        todo!()
    }
    pub async fn set_modified(&self, path: &DocPath, modified: Timestamp) -> Result<(), Error> {
        todo!()
    }
    pub async fn space(&self, path: &DocPath) -> Result<Space, Error> {
        todo!()
    }
    pub async fn properties(&self, path: &DocPath) -> Result<Vec<Property>, Error> {
        todo!()
    }
    pub async fn change_properties(&self, path: &DocPath, changes: Vec<PropertyChange>) -> Result<(), Error> {
        todo!()
    }
    /// Locks a document or folder; on a name that nothing bears, makes an empty document first (RFC 4918 section 7.3).
    /// Returns the lock and whether a document was made.
    pub async fn lock(&self, path: &DocPath, request: LockRequest) -> Result<(Lock, bool), Error> {
        todo!()
    }
    /// Prolongs a lock of this account that covers the path. `Changed` if there is none with that token.
    pub async fn refresh_lock(&self, path: &DocPath, token: LockToken, timeout: Duration) -> Result<Lock, Error> {
        todo!()
    }
    /// Gives a lock back. `Changed` if the token does not lock this path, `Denied` if it is somebody else's.
    pub async fn unlock(&self, path: &DocPath, token: LockToken) -> Result<(), Error> {
        todo!()
    }
    /// The locks that cover a path, its own and those of folders above with infinite depth.
    pub async fn locks(&self, path: &DocPath) -> Result<Vec<Lock>, Error> {
        todo!()
    }
}

/// A document open for reading: one version, whatever happens to the document meanwhile. Dropping it records what was served.
pub struct Reading {}

#[allow(unused_variables, clippy::todo)]
impl Reading {
    pub fn stat(&self) -> &Stat {
        todo!()
    }
    /// Up to `length` bytes from `offset`; fewer at the end, none past it. Entered in large steps (256 KiB to 1 MiB) it
    /// is cheapest. Small reads of data that is at hand are answered inline.
    pub async fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, Error> {
        todo!()
    }
}

/// A document open for writing. Nothing is visible before [`Writing::commit`]; dropping it keeps what came, encrypted, as
/// a part that its uploader can resume.
pub struct Writing {}

#[allow(unused_variables, clippy::todo)]
impl Writing {
    /// The entry as it would stand if committed now.
    pub async fn stat(&self) -> Result<Stat, Error> {
        todo!()
    }
    /// Takes bytes at an offset; returns when they are taken over (bounded memory), not when they are on disk. Errors of
    /// taken bytes come with a later call, at the latest with `commit`.
    pub async fn write_at(&self, offset: u64, data: Bytes) -> Result<(), Error> {
        todo!()
    }
    /// Takes bytes at the present end.
    pub async fn append(&self, data: Bytes) -> Result<(), Error> {
        todo!()
    }
    /// Reads back what was written (or edited).
    pub async fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, Error> {
        todo!()
    }
    pub async fn set_len(&self, length: u64) -> Result<(), Error> {
        todo!()
    }
    /// The modification time that the committed document shall show.
    pub async fn set_modified(&self, modified: Timestamp) -> Result<(), Error> {
        todo!()
    }
    /// Makes what came durable as a part (fsync@openssh.com); the document itself changes at commit.
    pub async fn sync(&self) -> Result<(), Error> {
        todo!()
    }
    /// Judges once more, makes the content durable and visible as one version. Returns the entry and whether it is new.
    pub async fn commit(self) -> Result<(Stat, bool), Error> {
        todo!()
    }
    /// Ends the upload and keeps nothing.
    pub async fn discard(self) {
        todo!()
    }
}
