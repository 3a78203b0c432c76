//! The leaf: the small canonical part of a record that the Merkle tree hashes.
//!
//! It shows when something of which kind happened and how it ended, and commits to the body without showing it. All
//! leaves have one length, all integers are big-endian, and absent parts are zero, so that a leaf has one encoding:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | format, 1 |
//! | 1 | action |
//! | 1 | outcome |
//! | 1 | flags: 1 belongs to a matter, 2 refers to an intent, 4 erases the body of another record |
//! | 8 | sequence number, from 0 |
//! | 8 | time, milliseconds since 1970 |
//! | 8 | last catalog commit at that time |
//! | 8 | the record referred to or erased |
//! | 16 | matter tag: HMAC-SHA-256 of the matter's id, truncated |
//! | 8 | number within the matter, from 0 |
//! | 32 | leaf hash of the matter's previous record |
//! | 32 | SHA-256(salt ‖ body) |
//! | 32 | SHA-256(sealed body) |

use super::event::{Action, Outcome};
use super::tree::{self, Hash};
use crate::names::Timestamp;

/// Bytes of every leaf.
pub(super) const LEAF_BYTES: usize = 156;

/// Where in a leaf the matter's tag stands.
pub(super) const TAG_AT: usize = 36;

const FORMAT: u8 = 1;
const HAS_MATTER: u8 = 1;
const REFERS: u8 = 2;
const ERASES: u8 = 4;

/// A matter, blinded: without the tag key nobody can tell which matter it is.
pub(super) type Tag = [u8; 16];

/// A record's place in the sequence of its matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InMatter {
    pub(super) tag: Tag,
    /// Counts the matter's records from 0 without a gap: whoever holds them all can see that none is missing.
    pub(super) number: u64,
    /// Leaf hash of the matter's previous record; zero for the first.
    pub(super) previous: Hash,
}

/// What a leaf points back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refers {
    Nothing,
    /// The intent that this record confirms or settles.
    Intent(u64),
    /// The record whose body was erased by law.
    Erased(u64),
}

/// A parsed leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) seq: u64,
    pub(super) time: Timestamp,
    pub(super) action: Action,
    pub(super) outcome: Outcome,
    pub(super) catalog: u64,
    pub(super) refers: Refers,
    pub(super) matter: Option<InMatter>,
    pub(super) body_hash: Hash,
    pub(super) sealed_hash: Hash,
}

/// The bytes are not a leaf in its one encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical leaf")]
pub(super) struct BadLeaf;

impl Leaf {
    pub(super) fn encode(&self) -> [u8; LEAF_BYTES] {
        let mut out = [0; LEAF_BYTES];
        let mut flags = 0;
        let mut at = 4;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&self.seq.to_be_bytes());
        put(&self.time.as_millis().to_be_bytes());
        put(&self.catalog.to_be_bytes());
        put(&match self.refers {
            Refers::Nothing => 0,
            Refers::Intent(seq) => {
                flags |= REFERS;
                seq
            }
            Refers::Erased(seq) => {
                flags |= ERASES;
                seq
            }
        }
        .to_be_bytes());
        match &self.matter {
            Some(matter) => {
                flags |= HAS_MATTER;
                put(&matter.tag);
                put(&matter.number.to_be_bytes());
                put(&matter.previous);
            }
            None => put(&[0; 56]),
        }
        put(&self.body_hash);
        put(&self.sealed_hash);
        out[..4].copy_from_slice(&[FORMAT, self.action.code(), self.outcome.code(), flags]);
        out
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, BadLeaf> {
        let bytes: &[u8; LEAF_BYTES] = bytes.try_into().map_err(|_| BadLeaf)?;
        let [FORMAT, action, outcome, flags] = bytes[..4] else { return Err(BadLeaf) };
        let number = |at: usize| u64::from_be_bytes(array(&bytes[at..at + 8]));
        let refers = match (flags & (REFERS | ERASES), number(28)) {
            (0, 0) => Refers::Nothing,
            (REFERS, seq) => Refers::Intent(seq),
            (ERASES, seq) => Refers::Erased(seq),
            _ => return Err(BadLeaf),
        };
        let matter = if flags & HAS_MATTER != 0 {
            Some(InMatter {
                tag: array(&bytes[TAG_AT..TAG_AT + 16]),
                number: number(52),
                previous: array(&bytes[60..92]),
            })
        } else {
            None
        };
        let leaf = Self {
            seq: number(4),
            time: Timestamp::from_millis(i64::from_be_bytes(array(&bytes[12..20]))),
            action: Action::from_code(action).ok_or(BadLeaf)?,
            outcome: Outcome::from_code(outcome).ok_or(BadLeaf)?,
            catalog: number(20),
            refers,
            matter,
            body_hash: array(&bytes[92..124]),
            sealed_hash: array(&bytes[124..156]),
        };
        // Unknown flags and non-zero bytes in absent parts would be a second encoding of the same record.
        if leaf.encode() == *bytes { Ok(leaf) } else { Err(BadLeaf) }
    }

    /// The RFC 6962 leaf hash.
    pub(super) fn hash(&self) -> Hash {
        tree::leaf_hash(&self.encode())
    }
}

/// The slice as an array of the same length.
pub(super) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    out
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any leaf at all.
    pub(in super::super) fn leaves() -> impl Strategy<Value = Leaf> {
        let matter = (any::<Tag>(), any::<u64>(), any::<Hash>());
        let parts = (0..Action::ALL.len(), 0..Outcome::ALL.len(), 0..3usize, proptest::option::of(matter));
        (any::<(u64, i64, u64, u64)>(), parts, any::<(Hash, Hash)>()).prop_map(
            |((seq, time, catalog, other), (action, outcome, refers, matter), (body_hash, sealed_hash))| Leaf {
                seq,
                time: Timestamp::from_millis(time),
                action: Action::ALL[action],
                outcome: Outcome::ALL[outcome],
                catalog,
                refers: [Refers::Nothing, Refers::Intent(other), Refers::Erased(other)][refers],
                matter: matter.map(|(tag, number, previous)| InMatter { tag, number, previous }),
                body_hash,
                sealed_hash,
            },
        )
    }

    proptest! {
        #[test]
        fn a_leaf_reads_back_and_has_one_encoding(leaf in leaves(), at in 0..LEAF_BYTES, flip in 1..=255u8) {
            let mut bytes = leaf.encode();
            prop_assert_eq!(Leaf::parse(&bytes), Ok(leaf));
            bytes[at] ^= flip;
            if let Ok(other) = Leaf::parse(&bytes) {
                prop_assert_ne!(other, leaf);
                prop_assert_eq!(other.encode(), bytes);
            }
        }
    }
}
