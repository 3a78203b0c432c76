//! Flipped bits on the disk: noticed, never served as data, never a panic or a hang.

use crate::support::{Random, SETTINGS, for_both_engines, open, put};
use deedbox::kv::{self, EngineKind, SealKeys, SealedStore};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

const RECORDS: u64 = 3000;
const FLIPS: usize = 60;

for_both_engines!(
    a_flipped_bit_on_the_disk_never_becomes_wrong_data,
    a_store_cut_to_nothing_is_refused_and_not_made_anew,
);

fn value(n: u64) -> (u64, String) {
    (n, "x".repeat((n % 200) as usize))
}

fn keys() -> SealKeys {
    SealKeys::new([3; 32], [4; 32])
}

fn data_file(kind: EngineKind, dir: &Path) -> PathBuf {
    dir.join(if kind == EngineKind::Redb { "catalog.redb" } else { "sled/db" })
}

/// What an opener finds.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// All records, each as written, at this commit.
    Whole(u64),
    /// An error, at opening, in a scan or in the integrity check.
    Noticed,
    /// Fewer records than were committed, and nothing said so.
    Lost,
}

fn a_flipped_bit_on_the_disk_never_becomes_wrong_data(kind: EngineKind) {
    let mut random = Random::seeded("flipped bits");
    let dir = tempfile::tempdir().expect("a directory");
    let store = SealedStore::new(open(kind, dir.path()), &keys()).expect("a sealed store");
    for start in (0..RECORDS).step_by(100) {
        let mut change = store.change();
        for n in start..start + 100 {
            change.put(&n.to_be_bytes(), &value(n));
        }
        change.commit().expect("a commit");
    }
    let number = store.engine().last_commit();
    drop(store);
    assert_eq!(find(kind, dir.path()), Found::Whole(number));
    let saved = tempfile::tempdir().expect("a directory");
    copy_all(dir.path(), saved.path());
    let whole = std::fs::read(data_file(kind, dir.path())).expect("the data file");
    // Most of the file's room is unused; a flip there would show nothing.
    let used: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] != 0).collect();
    let mut noticed = 0;
    for flip in 0..FLIPS {
        std::fs::remove_dir_all(dir.path()).expect("the damaged one goes");
        copy_all(saved.path(), dir.path());
        let (at, bit) = (used[random.below(used.len() as u64) as usize], random.below(8));
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << bit;
        std::fs::write(data_file(kind, dir.path()), damaged).expect("the damage");
        match find(kind, dir.path()) {
            Found::Noticed => noticed += 1,
            // An unused byte, or an older state as a whole: that one the audit log's commit number shows.
            Found::Whole(found) if found <= number => {}
            other => panic!("flip {flip} at byte {at} bit {bit}: {other:?}"),
        }
    }
    assert!(noticed > FLIPS / 4, "only {noticed} of {FLIPS} flips hit anything");
}

#[test]
fn a_record_that_sled_lost_or_changed_without_a_word_is_noticed_at_the_next_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open(EngineKind::Sled, dir.path());
    for n in 0..20u8 {
        engine.commit(put(&[n], b"value")).expect("a commit");
    }
    drop(engine);
    let behind_its_back = |key: &[u8], value: Option<&[u8]>| {
        let db = patiently(|| ::sled::open(dir.path().join("sled")));
        match value {
            Some(value) => db.insert(key, value),
            None => db.remove(key),
        }
        .expect("a change");
        db.flush().expect("a flush");
    };
    let refused = || kv::open(EngineKind::Sled, dir.path(), SETTINGS).err().map(|error| error.to_string());
    behind_its_back(b"r\x07", None);
    assert!(refused().is_some_and(|why| why.contains("19 records were found where 20 belong")));
    behind_its_back(b"r\x07", Some(b"older"));
    assert!(refused().is_some_and(|why| why.contains("contents differ")));
    behind_its_back(b"r\x07", Some(b"value"));
    assert_eq!(open(EngineKind::Sled, dir.path()).last_commit(), 20);
    behind_its_back(b"t", None);
    assert!(refused().is_some_and(|why| why.contains("totals")));
}

/// sled's helper threads keep its lock for a moment after it is closed.
fn patiently<T, E: std::fmt::Debug>(open: impl Fn() -> Result<T, E>) -> T {
    for _ in 0..200 {
        if let Ok(opened) = open() {
            return opened;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    open().expect("it opens in the end")
}

#[test]
fn a_half_written_snapshot_does_not_stop_sled_from_opening() {
    let dir = tempfile::tempdir().expect("a directory");
    open(EngineKind::Sled, dir.path()).commit(put(b"k", b"v")).expect("a commit");
    let half = dir.path().join("sled/snap.FFFFFFFFFFFFFFFF.generating");
    std::fs::write(&half, b"half a snapshot").expect("a leftover");
    let engine = open(EngineKind::Sled, dir.path());
    assert_eq!(engine.get(b"k").expect("a read"), Some(b"v".to_vec()));
    assert!(!half.exists());
}

fn a_store_cut_to_nothing_is_refused_and_not_made_anew(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    open(kind, dir.path()).commit(put(b"k", b"v")).expect("a commit");
    std::fs::write(data_file(kind, dir.path()), b"").expect("the damage");
    assert!(kv::open(kind, dir.path(), SETTINGS).is_err(), "emptied");
    std::fs::write(data_file(kind, dir.path()), b"something else").expect("the damage");
    assert!(kv::open(kind, dir.path(), SETTINGS).is_err(), "overwritten");
}

fn find(kind: EngineKind, dir: &Path) -> Found {
    let Ok(engine) = kv::open(kind, dir, SETTINGS) else { return Found::Noticed };
    let number = engine.last_commit();
    let store = SealedStore::new(engine, &keys()).expect("a sealed store");
    let mut next = 0;
    let scanned = store.scan(b"", None, |key, found: (u64, String)| {
        let n = u64::from_be_bytes(key.try_into().expect("a key of ours"));
        assert_eq!(found, value(n), "wrong data under a key");
        next += u64::from(n == next);
        ControlFlow::Continue(())
    });
    if scanned.is_err() || !matches!(store.engine().check_integrity(), Ok(true)) {
        return Found::Noticed;
    }
    if next == number * 100 { Found::Whole(number) } else { Found::Lost }
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
