//! Sealed values over both engines.

use crate::support::{for_both_engines, open};
use deedbox::kv::{EngineKind, Error, SealKeys, SealedStore, Write};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    name: String,
    size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LaterRecord {
    name: String,
    size: u64,
    #[serde(default)]
    note: Option<String>,
}

for_both_engines!(
    records_are_written_changed_and_scanned_and_the_disk_shows_none_of_them,
    a_flipped_bit_or_a_moved_value_is_an_error_naming_the_record,
    an_old_record_is_read_by_a_type_that_has_grown,
    other_keys_open_nothing,
    names_become_tags_that_depend_on_key_context_and_name,
);

fn sealed(kind: EngineKind, dir: &std::path::Path, key: u8) -> SealedStore {
    SealedStore::new(open(kind, dir), &SealKeys::new([key; 32], [key ^ 0xff; 32])).expect("a sealed store")
}

fn record(n: u64) -> Record {
    Record { name: format!("Completion statement {n}"), size: n }
}

fn records_are_written_changed_and_scanned_and_the_disk_shows_none_of_them(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = sealed(kind, dir.path(), 1);
    let mut change = store.change();
    for n in 0..50 {
        change.put(format!("doc/{n:03}").as_bytes(), &record(n));
    }
    assert_eq!(change.if_empty(b"doc/").commit().expect("a commit"), 1);
    assert!(matches!(store.change().if_empty(b"doc/").put(b"doc/x", &record(0)).commit(), Err(Error::Conflict)));

    let read = store.get::<Record>(b"doc/007").expect("a read").expect("a record");
    assert_eq!((&read.value, read.key()), (&record(7), &b"doc/007"[..]));
    store.change().if_unchanged(&read).put(b"doc/007", &record(700)).commit().expect("unchanged so far");
    let late = store.change().if_unchanged(&read).delete(b"doc/007").commit();
    assert!(matches!(late, Err(Error::Conflict)), "changed in between");
    assert!(matches!(store.change().if_absent(b"doc/007").commit(), Err(Error::Conflict)));
    store.change().if_present(b"doc/007").if_absent(b"doc/7").delete(b"doc/007").commit().expect("a commit");
    assert!(store.get::<Record>(b"doc/007").expect("a read").is_none());

    let mut seen = Vec::new();
    let scan = store.scan(b"doc/", Some(b"doc/005"), |key, value: Record| {
        seen.push((key.to_vec(), value));
        if seen.len() == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    scan.expect("a scan");
    let expected = [6, 8, 9].map(|n| (format!("doc/{n:03}").into_bytes(), record(n)));
    assert_eq!(seen, expected);

    drop(store);
    let written = walk(dir.path());
    let shows = |text: &[u8]| written.windows(text.len()).any(|window| window == text);
    assert!(shows(b"doc/00"), "keys are not hidden, so the search finds what is there");
    assert!(!shows(b"Completion"), "a value was written in the clear");
}

fn walk(dir: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        all.extend(if path.is_dir() { walk(&path) } else { std::fs::read(&path).expect("a file") });
    }
    all
}

fn a_flipped_bit_or_a_moved_value_is_an_error_naming_the_record(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = sealed(kind, dir.path(), 1);
    store.change().put(b"doc/\x01", &record(1)).put(b"doc/b", &record(2)).commit().expect("a commit");
    let raw = store.engine().get(b"doc/\x01").expect("a read").expect("a record");
    let tamper = |value: &[u8], key: &[u8]| {
        let writes = vec![Write::Put(key.to_vec(), value.to_vec())];
        store.engine().commit(deedbox::kv::Batch { preconditions: Vec::new(), writes }).expect("a commit");
    };
    let damaged = |name: &str| {
        let named = |error| matches!(error, Error::Damaged(found) if found == name);
        let scanned = store.scan(b"", None, |_, _: Record| ControlFlow::Continue(()));
        named(scanned.expect_err("a scan of damage"))
            && named(store.get::<Record>(name.replace("\\x01", "\x01").as_bytes()).err().expect("a read of damage"))
    };
    for bit in 0..raw.len() * 8 {
        let mut flipped = raw.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        tamper(&flipped, b"doc/\x01");
        assert!(damaged("doc/\\x01"), "bit {bit}");
    }
    for length in [0, 1, 12, 13, 28, raw.len() - 1] {
        tamper(&raw[..length], b"doc/\x01");
        assert!(damaged("doc/\\x01"), "cut to {length}");
    }
    tamper(&raw, b"doc/\x01");
    tamper(&raw, b"doc/b");
    assert!(damaged("doc/b"), "moved to another key");
}

fn an_old_record_is_read_by_a_type_that_has_grown(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = sealed(kind, dir.path(), 1);
    store.change().put(b"doc", &record(5)).commit().expect("a commit");
    let read = store.get::<LaterRecord>(b"doc").expect("a read").expect("a record");
    assert_eq!(read.value, LaterRecord { name: record(5).name, size: 5, note: None });
    assert!(matches!(store.get::<Vec<String>>(b"doc"), Err(Error::Damaged(_))), "another type altogether");
}

fn other_keys_open_nothing(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    sealed(kind, dir.path(), 1).change().put(b"doc", &record(5)).commit().expect("a commit");
    assert!(matches!(sealed(kind, dir.path(), 2).get::<Record>(b"doc"), Err(Error::Damaged(_))));
    assert!(sealed(kind, dir.path(), 1).get::<Record>(b"doc").expect("a read").is_some());
}

fn names_become_tags_that_depend_on_key_context_and_name(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = sealed(kind, dir.path(), 1);
    let tag = store.name_tag(b"folder", "deed.pdf");
    assert_eq!(tag, store.name_tag(b"folder", "deed.pdf"));
    assert_ne!(tag, store.name_tag(b"folder", "deed.pdg"));
    assert_ne!(tag, store.name_tag(b"folde", "rdeed.pdf"), "the border counts");
    drop(store);
    assert_ne!(tag, sealed(kind, dir.path(), 2).name_tag(b"folder", "deed.pdf"));
}
