//! The firm's keys: what opens the catalog, the audit bodies and every document.
//!
//! ```text
//! firm.key                  the firm identity: an age X25519 identity file, mode 0600, nowhere else; a systemd credential
//!                           of this name takes its place
//!  ├─ catalog-seal.age      secrets of 32 bytes, each an age file to the firm identity
//!  ├─ catalog-names.age
//!  ├─ audit-signing.age, audit-body.age, audit-tag.age
//!  ├─ recovery.pub          the offline recovery recipient, if the firm has one
//!  └─ matters/<id>.age      one X25519 identity per matter, an age file to the firm and to the recovery recipient
//! ```
//!
//! Documents are encrypted to their matter alone, so destroying a matter's file shreds its documents, and
//! `age -d -i <(age -d -i firm.key matter.age) blob.age` opens any of them with stock tools.
//!
//! age does not authenticate a file's writer: whoever knows the firm's recipient could put a key of their own in the
//! place of ours and read what is encrypted to it from then on. Each key file therefore ends with a comment line that
//! `age` ignores and that holds an HMAC, keyed by the firm identity, over the file's purpose and secret; it also
//! keeps two of our own files from being swapped.

mod files;
mod firm;
mod keyring;
mod locked;
mod matter;
mod stanza;

use std::io;
use std::path::PathBuf;

/// Whom matter keys are also encrypted to: an age X25519 recipient whose identity the firm keeps offline.
pub use age::x25519::Recipient as RecoveryRecipient;
pub use keyring::{AuditSecrets, Keyring};
pub use matter::{MatterKey, NotAnIdentity};

use crate::names::MatterId;

/// Why a key could not be made or had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is a keyring, or a key of this matter, already; it is never overwritten.
    #[error("{0} exists already; a key is never overwritten")]
    Exists(PathBuf),
    /// The firm identity can be read by other users of the machine.
    #[error("{0} can be read by others: run `chmod 600` on it")]
    Exposed(PathBuf),
    /// No key of this matter is in the keystore: it never was, or it was destroyed.
    #[error("there is no key for matter {0}")]
    NoMatter(MatterId),
    /// The file is not what was written there.
    #[error("{path}: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without any of its content.
        what: &'static str,
    },
    /// The disk is full; nothing was kept.
    #[error("no space left for a key file")]
    NoSpace,
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
