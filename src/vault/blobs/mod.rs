//! Blobs: one age v1 file per document version, immutable once it has its name.
//!
//! ```text
//! blobs/ab/cdef….age     offset 0      header, exactly 4,096 bytes: the matter's stanza, one ignorable padding stanza
//!                        offset 4096   16 bytes of nonce
//!                        offset 4112   the document in chunks of 64 KiB, each followed by its 16-byte tag
//! blobs/tmp/…            blobs being written; leftovers of a crash are swept at start
//! ```
//!
//! Header and recipients come from the `age` crate; the payload is our own layer on aws-lc-rs, which seals and opens
//! about twice as fast and reads at any offset. Format: <https://age-encryption.org/v1>. Stock `age -d` opens every
//! blob.
//!
//! age does not authenticate who wrote a file: whoever knows the matter's recipient can make one, and whoever can
//! write to the disk can swap two or bring an old one back. A [`BlobRef`], which the catalog keeps sealed, therefore
//! binds the file's length, a commitment to the key inside its header, and the document's SHA-256. Without the right
//! key no chunk opens, so a file that is not the one meant is an error that names it, never other bytes.

mod header;
mod headers;
mod layout;
mod payload;
mod reader;
mod small;
mod store;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
mod writer;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use payload::CHUNK;
pub use reader::BlobReader;
pub use store::BlobStore;
pub use writer::{BlobWriter, Written};

use crate::names::BlobId;

/// Everything that must hold for a blob to be the one meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// The blob's name in the store.
    pub id: BlobId,
    /// Bytes of plaintext.
    pub size: u64,
    /// SHA-256 of the plaintext.
    pub sha256: [u8; 32],
    /// HMAC-SHA256 under the file key of a fixed label: which key the header must hold.
    pub commitment: [u8; 32],
}

impl BlobRef {
    /// The length that the encrypted file must have, in bytes.
    pub fn file_len(&self) -> u64 {
        header::PAYLOAD_AT as u64 + payload::sealed_len(self.size)
    }
}

/// Why a blob could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The disk is full or the quota used up; nothing was kept.
    #[error("no space left for blobs")]
    NoSpace,
    /// Documents can be neither sealed nor opened on this machine.
    #[error("this machine's OpenSSL is configured without ChaCha20-Poly1305, which documents need; see openssl.cnf")]
    NoCipher,
    /// There is no such file.
    #[error("blob {0} is missing")]
    Missing(BlobId),
    /// The file is not what was written under that name.
    #[error("blob {id} is damaged: {what}")]
    Damaged {
        /// The blob.
        id: BlobId,
        /// What does not fit.
        what: &'static str,
    },
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Turns an error of the operating system into ours.
fn io_error(path: &Path) -> impl FnOnce(io::Error) -> BlobError + '_ {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BlobError::NoSpace,
        _ => BlobError::Io { path: path.to_owned(), source },
    }
}
