//! Every change to a stored log is found, and named by its record where it is in one.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::bundle::{Record, encode_entries, parse_entries};
use super::super::files::{CHECKPOINT, STATE, entries_path, sealed_path, segment_path, tile_path};
use super::super::tree::{TILE, leaf_hash};
use super::super::{Action, AuditKeys, Checks, Outcome, ReadKeys, VerifyError, verify, verify_with};
use super::{Files, ORIGIN, closed, event, files, fill, folder, image, keys, open};

/// A log of three runs with full and partial tiles.
fn sample() -> &'static Files {
    static SAMPLE: OnceLock<Files> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let dir = folder();
        for count in [300, 1, 400] {
            let (log, _) = open(dir.path());
            fill(&log, count);
            log.close();
        }
        files(dir.path())
    })
}

/// A folder with the sample, put right after every change.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = image(sample());
        assert!(verify(dir.path(), None).is_ok());
        Self { dir }
    }

    /// Verifies with one file replaced, or removed.
    fn with(&self, name: &str, bytes: Option<&[u8]>) -> Option<VerifyError> {
        let path = self.dir.path().join(name);
        match bytes {
            Some(bytes) => fs::write(&path, bytes).expect("writable"),
            None => fs::remove_file(&path).expect("removable"),
        }
        let error = verify(self.dir.path(), None).err();
        match sample().get(name) {
            Some(bytes) => fs::write(&path, bytes).expect("writable"),
            None => fs::remove_file(&path).expect("removable"),
        }
        error
    }
}

fn names_a_record(name: &str, error: &VerifyError) -> bool {
    let in_a_record = ["journal/", "sealed/", "tile/"].iter().any(|folder| name.starts_with(folder));
    !in_a_record || error.record().is_some_and(|seq| seq < 701)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_flipped_byte_or_a_cut_is_found_in_any_file(at in any::<proptest::sample::Index>(), flip in 1..=255u8) {
        let bench = Bench::new();
        for (name, bytes) in sample() {
            let at = at.index(bytes.len());
            let mut flipped = bytes.clone();
            flipped[at] ^= flip;
            for (what, bytes) in [("flipped", &flipped[..]), ("cut", &bytes[..at])] {
                let error = bench.with(name, Some(bytes));
                prop_assert!(error.as_ref().is_some_and(|error| names_a_record(name, error)), "{name} {what} at {at}: {error:?}");
            }
        }
    }
}

#[test]
fn a_missing_or_foreign_file_is_found() {
    let bench = Bench::new();
    for name in sample().keys().filter(|name| *name != STATE) {
        let error = bench.with(name, None).expect("it is missed");
        assert!(names_a_record(name, &error), "{name}: {error}");
    }
    assert!(bench.with(STATE, None).is_none(), "the state is only a shortcut");
    for name in ["note.txt", "tile/0/007", "tile/0/2", "sealed/002", "tile/0/000.txt"] {
        assert!(matches!(bench.with(name, Some(b"x")), Some(VerifyError::Unexpected(_))), "{name}");
    }
}

#[test]
fn swapped_records_are_found_by_the_first() {
    let bench = Bench::new();
    let entries = &sample()[&entries_path(0, TILE)];
    let (leaves, _) = parse_entries(entries);
    let encode = |mut leaves: Vec<_>, a: usize, b: usize| {
        leaves.swap(a, b);
        let records: Vec<_> = leaves.into_iter().map(|leaf| Record { leaf, sealed: Vec::new() }).collect();
        encode_entries(&records)
    };
    let error = bench.with(&entries_path(0, TILE), Some(&encode(leaves, 20, 30))).expect("found");
    assert_eq!(error.record(), Some(20));

    let sealed = &sample()[&sealed_path(1)];
    let (bodies, _) = super::super::bundle::parse_sealed(sealed);
    let mut bodies: Vec<_> = bodies.into_iter().map(<[u8]>::to_vec).collect();
    bodies.swap(3, 9);
    let mut swapped = sealed[..8].to_vec();
    for body in bodies {
        swapped.extend_from_slice(&(body.len() as u32).to_be_bytes());
        swapped.extend_from_slice(&body);
    }
    let error = bench.with(&sealed_path(1), Some(&swapped)).expect("found");
    assert_eq!(error.record(), Some(256 + 3));

    let other = sample()[&tile_path(0, 1, TILE)].clone();
    let error = bench.with(&tile_path(0, 0, TILE), Some(&other)).expect("found");
    assert_eq!(error.record(), Some(0));
}

#[test]
fn a_record_rewritten_together_with_its_tile_is_found_by_the_hash_above() {
    let bench = Bench::new();
    let (mut leaves, _) = parse_entries(&sample()[&entries_path(1, TILE)]);
    leaves[200].outcome = Outcome::Done;
    let records: Vec<_> = leaves.into_iter().map(|leaf| Record { leaf, sealed: Vec::new() }).collect();
    let mut tile = sample()[&tile_path(0, 1, TILE)].clone();
    tile[200 * 32..201 * 32].copy_from_slice(&leaf_hash(&records[200].leaf.encode()));
    fs::write(bench.dir.path().join(tile_path(0, 1, TILE)), tile).expect("writable");
    // The journal, which still holds the record, would tell at once.
    let error = bench.with(&entries_path(1, TILE), Some(&encode_entries(&records))).expect("found");
    assert!(error.record().is_some_and(|seq| (256..512).contains(&seq)), "{error}");
}

#[test]
fn batches_dropped_or_out_of_order_are_found() {
    let dir = folder();
    let (log, _) = open(dir.path());
    for _ in 0..4 {
        log.record_blocking(&event(Action::Read, Outcome::Done, 1)).expect("recorded");
    }
    log.close();
    let sound = files(dir.path());
    let journal = &sound[&segment_path(0)];
    let batch = (journal.len() - 32) / 4;
    let order = |batches: &[usize]| {
        let mut bytes = journal[..32].to_vec();
        for n in batches {
            bytes.extend_from_slice(&journal[32 + n * batch..32 + (n + 1) * batch]);
        }
        let mut files = sound.clone();
        files.insert(segment_path(0), bytes);
        verify(image(&files).path(), None)
    };
    assert!(order(&[0, 1, 2, 3]).is_ok());
    for (batches, first) in [(&[0, 2, 1, 3][..], 1), (&[0, 1, 3], 2), (&[0, 1, 2], 3), (&[0, 1, 1, 2, 3], 2), (&[], 0)]
    {
        assert_eq!(order(batches).err().and_then(|error| error.record()), Some(first), "{batches:?}");
    }
}

#[test]
fn a_log_rolled_back_is_found_with_a_checkpoint_seen_earlier() {
    let dir = closed(300);
    let old = files(dir.path());
    let (log, _) = open(dir.path());
    fill(&log, 300);
    log.close();
    let new = files(dir.path());
    let check =
        |dir: &Path, known: &Files| verify_with(dir, Checks { known: Some(&known[CHECKPOINT]), ..Checks::default() });
    assert!(check(dir.path(), &old).is_ok());
    let error = check(image(&old).path(), &new).expect_err("rolled back");
    assert_eq!(error.record(), Some(300));

    // Another history under the same key.
    let fork = closed(600);
    assert!(verify(fork.path(), None).is_ok());
    assert!(matches!(check(fork.path(), &new), Err(VerifyError::Checkpoint(_))));
    assert!(matches!(check(fork.path(), &old), Err(VerifyError::Checkpoint(_))));

    // Newer tiles under an older checkpoint give a careless roll-back away.
    let mut careless = new.clone();
    for name in [CHECKPOINT, STATE] {
        careless.insert(name.to_owned(), old[name].clone());
    }
    careless.insert(segment_path(0), old[&segment_path(0)].clone());
    for (name, bytes) in &old {
        careless.entry(name.clone()).or_insert_with(|| bytes.clone());
    }
    assert!(matches!(verify(image(&careless).path(), None), Err(VerifyError::Unexpected(_))));
}

#[test]
fn the_key_of_the_caller_counts_not_that_of_the_log() {
    let dir = closed(10);
    let right = keys().verify_key(ORIGIN).expect("a valid origin");
    let wrong = AuditKeys::random().verify_key(ORIGIN).expect("a valid origin");
    assert!(verify(dir.path(), Some(&right)).is_ok());
    assert!(verify(dir.path(), Some(&wrong)).is_err());
}

#[test]
fn bodies_are_opened_with_their_keys_and_refused_with_others() {
    let dir = closed(300);
    let check = |keys: &ReadKeys| verify_with(dir.path(), Checks { keys: Some(keys), ..Checks::default() });
    assert!(check(&keys().read_keys()).expect("sound").bodies);
    assert_eq!(check(&AuditKeys::random().read_keys()).err().and_then(|error| error.record()), Some(0));
    // The right body key with another tag key: the matters do not fit their tags.
    let mixed = ReadKeys::new(keys().body_key, AuditKeys::random().tag_key);
    assert_eq!(check(&mixed).err().and_then(|error| error.record()), Some(0));
}
