//! One entry for fuzzing: every parser of the log on arbitrary bytes, with what must hold afterwards.

use super::body::Body;
use super::bundle::{Record, encode_entries, encode_sealed, parse_entries, parse_sealed};
use super::checkpoint::Checkpoint;
use super::journal::{encode_batch, parse_batch};
use super::leaf::Leaf;
use super::note::VerifyKey;
use super::proof::{Proof, check_proof};
use super::state::Chains;

/// Feeds the bytes to every parser. What parses must encode to the same bytes again, since all formats are canonical.
///
/// # Panics
/// If a parser accepts two encodings of one thing: a finding.
pub fn fuzz_parsers(data: &[u8]) {
    if let Ok(leaf) = Leaf::parse(data) {
        assert_eq!(leaf.encode(), data);
    }
    if let Some((records, length)) = parse_batch(data) {
        let parts = records.iter().map(|record| (&record.leaf, record.sealed.as_slice()));
        assert_eq!(encode_batch(parts), data[..length]);
    }
    let (leaves, sound) = parse_entries(data);
    if sound {
        let records: Vec<_> = leaves.into_iter().map(|leaf| Record { leaf, sealed: Vec::new() }).collect();
        assert_eq!(encode_entries(&records), data);
        let (bodies, _) = parse_sealed(data);
        assert!(bodies.is_empty() || encode_sealed(&records) != data);
    }
    if let Some(chains) = Chains::parse(data) {
        assert_eq!(chains.encode(), data);
    }
    if let Some(proof) = Proof::parse(data) {
        assert_eq!(Proof::parse(proof.to_string().as_bytes()), Some(proof));
    }
    // Whatever a body says, nothing but an event comes of it.
    drop(Body::parse(data));
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(key) = text.parse::<VerifyKey>() {
            assert_eq!(key.to_string().parse::<VerifyKey>().as_ref(), Ok(&key));
            let _ = key.open(data);
            drop(check_proof(data, &key));
        }
        drop(Checkpoint::parse(text));
    }
    // The specification's example key: lets notes and proofs be reached without guessing one.
    if let Ok(key) = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".parse::<VerifyKey>() {
        let _ = key.open(data);
        drop(check_proof(data, &key));
    }
}
