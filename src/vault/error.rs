//! Why the vault did not do as permitted.

use super::blobs::BlobError;
use super::staging;
use crate::{keys, kv};

/// What a caller can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the permit names is no longer there.
    #[error("the entry is gone")]
    Gone,
    /// Something stands under the name.
    #[error("the name is taken")]
    Exists,
    /// The folder holds something.
    #[error("the folder is not empty")]
    NotEmpty,
    /// The entry changed since the permit was given; find it again and decide anew.
    #[error("the entry has changed")]
    Changed,
    /// A bound is reached.
    #[error("a limit is reached: {0}")]
    Limit(&'static str),
    /// The document would be longer than documents may be.
    #[error("the document would be too large")]
    TooLarge,
    /// No space is left.
    #[error("no space is left")]
    NoSpace,
    /// What is stored fails its check; the text names it.
    #[error("{0}")]
    Damaged(String),
    /// Storage cannot be used now.
    #[error("{0}")]
    Unavailable(String),
}

impl From<kv::Error> for Error {
    fn from(error: kv::Error) -> Self {
        match error {
            kv::Error::Conflict => Self::Changed,
            kv::Error::NoSpace => Self::NoSpace,
            kv::Error::TooLarge(_) => Self::Limit("bytes of one record"),
            kv::Error::Damaged(_) => Self::Damaged(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NoSpace => Self::NoSpace,
            BlobError::Missing(_) | BlobError::Damaged { .. } => Self::Damaged(error.to_string()),
            BlobError::NoCipher | BlobError::Io { .. } => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<keys::Error> for Error {
    fn from(error: keys::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<staging::Error> for Error {
    fn from(error: staging::Error) -> Self {
        match error {
            staging::Error::NoSpace => Self::NoSpace,
            staging::Error::TooLong { .. } => Self::TooLarge,
            staging::Error::Blob(blob) => blob.into(),
            other => Self::Unavailable(other.to_string()),
        }
    }
}
