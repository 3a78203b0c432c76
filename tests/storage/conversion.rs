//! Moving a stopped store from one engine to the other.

use crate::support::{Records, SETTINGS, for_both_engines, open, put, records};
use deedbox::kv::{self, EngineKind, Error};

for_both_engines!(
    every_record_and_the_commit_number_move_and_the_old_store_is_gone,
    a_conversion_to_the_engine_at_hand_or_of_nothing_changes_nothing,
    a_conversion_is_refused_while_the_store_is_open,
    a_conversion_cut_off_between_its_renames_is_finished_by_the_next,
);

fn other(kind: EngineKind) -> EngineKind {
    if kind == EngineKind::Redb { EngineKind::Sled } else { EngineKind::Redb }
}

fn fill(kind: EngineKind, dir: &std::path::Path) -> (Records, u64) {
    let engine = open(kind, dir);
    for n in 0..9u32 {
        let writes = (0..700u32).map(|m| {
            let key = [&n.to_be_bytes()[..], &m.to_be_bytes()].concat();
            kv::Write::Put(key, vec![m as u8; (m % 500) as usize])
        });
        engine.commit(kv::Batch { preconditions: Vec::new(), writes: writes.collect() }).expect("a commit");
    }
    engine.commit(put(b"", b"the empty key")).expect("a commit");
    (records(&*engine, b"", None), engine.last_commit())
}

fn every_record_and_the_commit_number_move_and_the_old_store_is_gone(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let (before, number) = fill(kind, dir.path());
    let mut told = Vec::new();
    let done = kv::convert(dir.path(), other(kind), SETTINGS, &mut |copied, all| told.push((copied, all)))
        .expect("a conversion")
        .expect("something to do");
    assert_eq!((done.from, done.to, done.records, done.commit), (kind, other(kind), before.len() as u64, number));
    assert_eq!(told.last(), Some(&(before.len() as u64, before.len() as u64)));
    assert!(told.len() > 1 && told.is_sorted());
    let mut left: Vec<_> = std::fs::read_dir(dir.path())
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    left.sort();
    let store = if kind == EngineKind::Redb { "sled" } else { "catalog.redb" };
    let mut expected = vec!["lock".to_owned(), store.to_owned()];
    expected.sort();
    assert_eq!(left, expected);
    let engine = open(other(kind), dir.path());
    assert_eq!(records(&*engine, b"", None), before);
    assert_eq!(engine.last_commit(), number);
    assert_eq!(engine.commit(put(b"new", b"")).expect("a commit"), number + 1);
}

fn a_conversion_to_the_engine_at_hand_or_of_nothing_changes_nothing(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    assert!(matches!(kv::convert(&dir.path().join("nowhere"), kind, SETTINGS, &mut |_, _| {}), Err(Error::Engine(_))));
    assert!(matches!(kv::convert(dir.path(), kind, SETTINGS, &mut |_, _| {}), Err(Error::Engine(_))));
    drop(open(kind, dir.path()));
    assert_eq!(kv::convert(dir.path(), kind, SETTINGS, &mut |_, _| {}).expect("an answer"), None);
    drop(open(kind, dir.path()));
}

fn a_conversion_is_refused_while_the_store_is_open(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let _engine = open(kind, dir.path());
    let refused = kv::convert(dir.path(), other(kind), SETTINGS, &mut |_, _| {});
    assert!(matches!(refused, Err(Error::InUse(_))));
}

fn a_conversion_cut_off_between_its_renames_is_finished_by_the_next(kind: EngineKind) {
    let names = [(EngineKind::Redb, "catalog.redb"), (EngineKind::Sled, "sled")];
    let name = |kind| names.iter().find(|(k, _)| *k == kind).expect("a name").1;
    let dir = tempfile::tempdir().expect("a directory");
    let (before, number) = fill(kind, dir.path());
    let kept = tempfile::tempdir().expect("a directory");
    copy(&dir.path().join(name(kind)), &kept.path().join(name(kind)));
    kv::convert(dir.path(), other(kind), SETTINGS, &mut |_, _| {}).expect("a conversion");
    copy(&kept.path().join(name(kind)), &dir.path().join(name(kind)));
    for either in [kind, other(kind)] {
        let refused = kv::open(either, dir.path(), SETTINGS).err().expect("two stores are refused");
        assert!(refused.to_string().contains("deedbox catalog convert"), "{refused}");
    }
    kv::convert(dir.path(), other(kind), SETTINGS, &mut |_, _| {}).expect("the rest of it").expect("a conversion");
    let engine = open(other(kind), dir.path());
    assert_eq!((records(&*engine, b"", None), engine.last_commit()), (before, number));
    // Two stores that differ are nobody's to choose between.
    engine.commit(put(b"later", b"")).expect("a commit");
    drop(engine);
    copy(&kept.path().join(name(kind)), &dir.path().join(name(kind)));
    assert!(matches!(kv::convert(dir.path(), other(kind), SETTINGS, &mut |_, _| {}), Err(Error::Engine(_))));
    assert!(dir.path().join(name(kind)).exists());
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    if from.is_file() {
        std::fs::copy(from, to).expect("a copy");
        return;
    }
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}
