//! The errors of the log: one for those who record, one for those who open, one for those who read.

use std::io;
use std::path::PathBuf;

use super::note::{BadKey, NoteError};

/// The log cannot take a record now. Whatever was to be recorded must not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// More waits to be written than the queue holds; it passes.
    #[error("the audit log is busy")]
    Busy,
    /// The disk is full, or the system is out of file handles; it passes once there is room.
    #[error("the audit log has no room: {0}")]
    Full(String),
    /// A write or sync failed: what is on the disk is not known, and only a restart finds out.
    #[error("the audit log failed and needs a restart: {0}")]
    Poisoned(String),
    /// The log was closed.
    #[error("the audit log is closed")]
    Closed,
}

/// The log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system refuses.
    #[error("the audit log cannot be opened: {0}")]
    Io(#[from] io::Error),
    /// Another process has it open.
    #[error("the audit log is in use by another process")]
    Locked,
    /// The origin cannot name a key: it is empty or has a space or plus sign in it.
    #[error("`{0}` cannot be the origin of an audit log: it must have neither spaces nor `+`")]
    Origin(String),
    /// The log was made with another signing key or origin.
    #[error("the audit log belongs to another key or origin: its public.key is {0}")]
    Key(String),
    /// Records are damaged or missing. The way on is the last good copy, or an inspection with `audit verify`.
    #[error("the audit log is damaged: {0}")]
    Damaged(#[from] VerifyError),
    /// It broke at once.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A log read offline is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// This is the first record that is damaged, missing or out of place.
    #[error("record {seq}: {what}")]
    Record {
        /// Its number.
        seq: u64,
        /// What is wrong.
        what: String,
    },
    /// The tree or a checkpoint, as a whole, does not fit.
    #[error("checkpoint: {0}")]
    Checkpoint(String),
    /// The checkpoint's signature.
    #[error("checkpoint: {0}")]
    Signature(#[from] NoteError),
    /// The verifier key cannot be read.
    #[error("public.key: {0}")]
    Key(#[from] BadKey),
    /// A file that does not belong to a log.
    #[error("unexpected file {0}")]
    Unexpected(String),
}

impl VerifyError {
    /// The number of the first bad record, where the damage is in one.
    pub fn record(&self) -> Option<u64> {
        match self {
            Self::Record { seq, .. } => Some(*seq),
            _ => None,
        }
    }

    pub(super) fn at(seq: u64, what: impl Into<String>) -> Self {
        Self::Record { seq, what: what.into() }
    }
}
