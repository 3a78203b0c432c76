//! Flipped bits on the disk: noticed, never served as data, never a panic or a hang.

use crate::support::{Random, SETTINGS, for_both_engines, open};
use deedbox::kv::{self, EngineKind, SealKeys, SealedStore};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

const RECORDS: u64 = 3000;
const FLIPS: usize = 60;

for_both_engines!(a_flipped_bit_on_the_disk_never_becomes_wrong_data);

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
