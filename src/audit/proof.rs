//! Proofs that one record is in the log, checkable by anybody with the public key ([C2SP tlog-proof]).
//!
//! The `extra` line holds the leaf and, where the record is to be shown, `salt ‖ body` behind it. A proof shows nothing
//! of any other record.
//!
//! [C2SP tlog-proof]: https://c2sp.org/tlog-proof

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::body::{Body, MAX_SEALED_BYTES, ReadKeys, Sealer};
use super::checkpoint::{Checkpoint, decimal};
use super::error::VerifyError;
use super::leaf::{LEAF_BYTES, Leaf, array};
use super::note::{NoteError, VerifyKey};
use super::show::Shown;
use super::store::Store;
use super::tree::{Hash, inclusion_proof, leaf_hash, sha256, verify_inclusion};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// A path is never longer than the bits of an index.
const MAX_PATH: usize = 63;

/// A proof, as text; the customary file extension is `.tlog-proof`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    extra: Vec<u8>,
    index: u64,
    path: Vec<Hash>,
    note: String,
}

/// What a proof proves.
#[derive(Debug, Clone)]
pub struct Proven {
    /// The record, with its body if the proof shows it.
    pub record: Shown,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
}

/// A proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not a proof of a record of ours.
    #[error("not a proof of an audit record")]
    Malformed,
    /// The checkpoint is not that of the log of this key.
    #[error("the checkpoint in the proof does not verify: {0}")]
    Checkpoint(#[from] NoteError),
    /// The record is not in the tree that was signed.
    #[error("the record is not in the signed tree")]
    Inclusion,
    /// The body was altered.
    #[error("the body is not the one that the record commits to")]
    Body,
}

/// Proves a record from the log or a copy of it. With keys the proof shows the body, without them the leaf alone.
///
/// # Errors
/// If there is no such record, if no checkpoint covers it yet (one does within a second), or if the log is damaged.
pub fn prove(dir: &Path, seq: u64, keys: Option<&ReadKeys>) -> Result<Proof, VerifyError> {
    let opener = keys.map(ReadKeys::opener);
    prove_in(&Store::load(dir, None)?, seq, opener.as_ref())
}

/// [`prove`] from a state of the log that was read already.
pub(super) fn prove_in(store: &Store, seq: u64, opener: Option<&Sealer>) -> Result<Proof, VerifyError> {
    let record = store.record(seq)?;
    if seq >= store.checkpoint.size {
        return Err(VerifyError::at(seq, "no checkpoint covers it yet"));
    }
    let mut extra = record.leaf.encode().to_vec();
    if let Some(opener) = opener.filter(|_| !record.sealed.is_empty()) {
        let plain = opener.open(&record.sealed, &record.leaf.body_hash);
        extra.extend(plain.map_err(|error| VerifyError::at(seq, error.to_string()))?);
    }
    let path = inclusion_proof(seq, store.checkpoint.size, &mut |height, index| store.subtree(height, index))?;
    if !verify_inclusion(&record.leaf.hash(), seq, store.checkpoint.size, &path, &store.checkpoint.root) {
        return Err(VerifyError::at(seq, "it does not match the tree: the log is damaged"));
    }
    let note = String::from_utf8_lossy(&store.note).into_owned();
    Ok(Proof { extra, index: seq, path, note })
}

/// Checks a proof with the public key alone.
///
/// # Errors
/// If it does not hold.
pub fn check_proof(proof: &[u8], key: &VerifyKey) -> Result<Proven, ProofError> {
    let proof = Proof::parse(proof).ok_or(ProofError::Malformed)?;
    let checkpoint = Checkpoint::open(proof.note.as_bytes(), key)?;
    let (bytes, plain) = proof.extra.split_at_checked(LEAF_BYTES).ok_or(ProofError::Malformed)?;
    let leaf = Leaf::parse(bytes).map_err(|_| ProofError::Malformed)?;
    let included = verify_inclusion(&leaf_hash(bytes), proof.index, checkpoint.size, &proof.path, &checkpoint.root);
    if !included || leaf.seq != proof.index {
        return Err(ProofError::Inclusion);
    }
    let body = if plain.is_empty() {
        None
    } else if sha256(plain) == leaf.body_hash {
        Some(Body::parse(plain).map_err(|_| ProofError::Body)?)
    } else {
        return Err(ProofError::Body);
    };
    Ok(Proven { record: Shown::new(&leaf, body), checkpoint })
}

impl Proof {
    /// Parses the text; nothing if it is not in the format.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > 4 * MAX_SEALED_BYTES {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, note) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        lines.next().filter(|line| *line == FIRST_LINE)?;
        let extra = BASE64.decode(lines.next()?.strip_prefix("extra ")?).ok()?;
        let index = decimal(lines.next()?.strip_prefix("index ")?)?;
        let hash = |line| BASE64.decode(line).ok().filter(|hash| hash.len() == 32).map(|hash| array(&hash));
        let path: Vec<Hash> = lines.map(hash).collect::<Option<_>>()?;
        (path.len() <= MAX_PATH).then(|| Self { extra, index, path, note: note.to_owned() })
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\nextra {}\nindex {}", BASE64.encode(&self.extra), self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", BASE64.encode(hash)))?;
        write!(f, "\n{}", self.note)
    }
}
