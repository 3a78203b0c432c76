//! Bundles of 256 records: the leaves as C2SP tlog-tiles wants them, and the sealed bodies beside them.

use super::body::{Body, MAX_SEALED_BYTES, Sealer};
use super::error::VerifyError;
use super::leaf::{LEAF_BYTES, Leaf, array};
use super::tree::{Hash, TILE};

/// First bytes of a bundle of sealed bodies.
const MAGIC: &[u8; 8] = b"dbxseal1";

/// One record as it is stored: the leaf, and the sealed body unless that was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) leaf: Leaf,
    /// Empty where the body was erased by law.
    pub(super) sealed: Vec<u8>,
}

impl Record {
    /// Its body; nothing where that was erased by law.
    pub(super) fn open(&self, sealer: &Sealer) -> Result<Option<Body>, VerifyError> {
        if self.sealed.is_empty() {
            return Ok(None);
        }
        let opened = sealer.open(&self.sealed, &self.leaf.body_hash).and_then(|plain| Body::parse(&plain));
        opened.map(Some).map_err(|error| VerifyError::at(self.leaf.seq, error.to_string()))
    }
}

/// Entry bundle: leaves, each behind its length in two bytes, big-endian.
pub(super) fn encode_entries<'r>(records: impl IntoIterator<Item = &'r Record>) -> Vec<u8> {
    let mut out = Vec::with_capacity(TILE * (LEAF_BYTES + 2));
    for record in records {
        out.extend_from_slice(&(LEAF_BYTES as u16).to_be_bytes());
        out.extend_from_slice(&record.leaf.encode());
    }
    out
}

/// The leaves of a bundle, up to the first that is damaged: the second value tells whether all were sound.
pub(super) fn parse_entries(mut bytes: &[u8]) -> (Vec<Leaf>, bool) {
    let mut leaves = Vec::new();
    while let Some((length, rest)) = bytes.split_at_checked(2) {
        let leaf =
            rest.split_at_checked(LEAF_BYTES).filter(|_| u16::from_be_bytes(array(length)) as usize == LEAF_BYTES);
        let Some((leaf, rest)) = leaf.and_then(|(leaf, rest)| Some((Leaf::parse(leaf).ok()?, rest))) else {
            return (leaves, false);
        };
        leaves.push(leaf);
        bytes = rest;
    }
    (leaves, bytes.is_empty())
}

/// Bundle of sealed bodies: each behind its length in four bytes, big-endian; length 0 for an erased one.
pub(super) fn encode_sealed<'r>(records: impl IntoIterator<Item = &'r Record>) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for record in records {
        out.extend_from_slice(&(record.sealed.len() as u32).to_be_bytes());
        out.extend_from_slice(&record.sealed);
    }
    out
}

/// The sealed bodies of a bundle, up to the first that cannot be found.
pub(super) fn parse_sealed(bytes: &[u8]) -> (Vec<&[u8]>, bool) {
    let mut bodies = Vec::new();
    let Some(mut bytes) = bytes.strip_prefix(MAGIC) else { return (bodies, false) };
    while let Some((length, rest)) = bytes.split_at_checked(4) {
        let length = u32::from_be_bytes(array(length)) as usize;
        match rest.split_at_checked(length).filter(|_| length <= MAX_SEALED_BYTES) {
            Some((body, rest)) => {
                bodies.push(body);
                bytes = rest;
            }
            None => return (bodies, false),
        }
    }
    (bodies, bytes.is_empty())
}

/// A tile's bytes.
pub(super) fn encode_tile(hashes: &[Hash]) -> Vec<u8> {
    hashes.concat()
}

/// A tile's hashes; nothing if the width is wrong.
pub(super) fn parse_tile(bytes: &[u8], width: usize) -> Option<Vec<Hash>> {
    (bytes.len() == width * 32).then(|| bytes.chunks_exact(32).map(array).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::leaf::tests::leaves;

    proptest! {
        #[test]
        fn bundles_read_back_and_a_cut_is_noticed(
            records in proptest::collection::vec((leaves(), proptest::collection::vec(any::<u8>(), 0..40)), 1..20),
            cut in 1usize..10
        ) {
            let records: Vec<_> = records.into_iter().map(|(leaf, sealed)| Record { leaf, sealed }).collect();
            let (entries, sealed) = (encode_entries(&records), encode_sealed(&records));
            let leaves: Vec<_> = records.iter().map(|record| record.leaf).collect();
            let bodies: Vec<_> = records.iter().map(|record| record.sealed.as_slice()).collect();
            prop_assert_eq!(parse_entries(&entries), (leaves, true));
            prop_assert_eq!(parse_sealed(&sealed), (bodies, true));
            let cut_entries = parse_entries(&entries[..entries.len() - cut]);
            prop_assert!(!cut_entries.1 && cut_entries.0.len() < records.len());
            let cut_sealed = parse_sealed(&sealed[..sealed.len() - cut]);
            prop_assert!(!cut_sealed.1 || cut_sealed.0.len() < records.len());
        }
    }
}
