//! What a front end asks for and gets back.

use std::time::Duration;

use super::Stat;
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

/// A matter as somebody sees it.
#[derive(Debug, Clone)]
pub struct MatterListing {
    /// Its folder.
    pub path: DocPath,
    /// Its number.
    pub number: String,
    /// Its name.
    pub name: String,
    /// The folders at its top.
    pub areas: Vec<Stat>,
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
    /// Kept in this matter (at the root: in all matters that the session sees); for whoever is not staff, of their own.
    pub used: u64,
    /// What may still come, by the tightest quota and the disk.
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
