//! The audit log: every attempt is recorded durably before its effect, and nobody can rewrite the record unnoticed.
//!
//! A record has two parts. The *leaf* is small, canonical and shows little: number, time, action, outcome, a blinded
//! matter tag with the matter's own gapless count, and hashes. The leaves form the Merkle tree of RFC 6962, stored as
//! [C2SP tlog-tiles](https://c2sp.org/tlog-tiles), whose root a [checkpoint](https://c2sp.org/tlog-checkpoint) signs
//! every second. The *body* says who did what to which path; it is sealed beside the leaf that commits to it, so that it
//! can be erased by law while the tree still verifies.
//!
//! The way of a record: [`Log::record`], [`Log::enqueue`] or [`Log::begin`] seal the body in the caller's thread and
//! take a number in a bounded `queue`; the `writer` thread chains and appends whatever waits to the `journal` with one
//! `fdatasync`, and tells those who wait; the `keeper` thread turns it into tiles, bundles and checkpoints.
//! A full queue refuses and never blocks. A full disk refuses until there is room. Any failed sync ends the log until
//! the next start, which reads the last checkpoint, the right edge of the tree and the journal, not the whole log.
//!
//! [`verify`], [`show`], [`prove`] and [`check_proof`] need no daemon: they read a copy, or the live directory. The
//! files are listed in `files.rs`, their formats where they are written.

mod activity;
mod backwards;
mod body;
mod bundle;
mod checkpoint;
mod codes;
mod csv;
mod error;
mod event;
mod files;
mod fuzz;
mod gathering;
mod journal;
mod keeper;
mod leaf;
mod log;
mod note;
mod proof;
mod queue;
mod recover;
mod search;
mod show;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod verify;
mod writer;

use zeroize::Zeroizing;

pub use activity::{Act, Lookup, MAX_PAGE, Page, Scope};
pub use body::ReadKeys;
pub use checkpoint::Checkpoint;
pub use csv::{csv_head, csv_row};
pub use error::{OpenError, Unavailable, VerifyError};
pub use event::{Action, Actor, Detail, Event, MAX_RANGES, Outcome};
pub use fuzz::fuzz_parsers;
pub use log::{Beginning, Confirming, Log, OpenRecord, Unrecorded, Wait};
pub use note::{BadKey, NoteError, VerifyKey};
pub use proof::{Proof, ProofError, Proven, check_proof, prove};
pub use recover::{Left, Opened};
pub use search::{Ended, Found, FoundProven, Search};
pub use show::{Filter, Show, Shown, show};
pub use verify::{Checks, VerifyReport, verify, verify_with};

/// The secrets of the log. They are not printable.
#[derive(Clone)]
pub struct AuditKeys {
    /// Ed25519 seed that signs checkpoints.
    pub signing_seed: Zeroizing<[u8; 32]>,
    /// Seals bodies.
    pub body_key: Zeroizing<[u8; 32]>,
    /// Blinds matters in leaves.
    pub tag_key: Zeroizing<[u8; 32]>,
}

impl AuditKeys {
    /// New random keys.
    ///
    /// # Panics
    /// If the operating system has no randomness to give.
    pub fn random() -> Self {
        let key = || {
            let mut key = Zeroizing::new([0; 32]);
            getrandom::fill(key.as_mut()).expect("the operating system gives random bytes");
            key
        };
        Self { signing_seed: key(), body_key: key(), tag_key: key() }
    }

    /// The part that reads and cannot sign.
    pub fn read_keys(&self) -> ReadKeys {
        ReadKeys::new(self.body_key.clone(), self.tag_key.clone())
    }

    /// The verifier key that belongs to these keys under this origin.
    ///
    /// # Errors
    /// If the origin cannot name a key.
    pub fn verify_key(&self, origin: &str) -> Result<VerifyKey, BadKey> {
        Ok(note::Signer::new(&self.signing_seed, origin)?.public().clone())
    }
}
