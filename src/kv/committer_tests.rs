//! The committer against an engine that fails as the real ones do once in years: on purpose, and at the worst moment.

use super::committer::GroupCommitted;
use super::place::Place;
use super::store::{Failure, Store, Transaction, Work};
use super::{Batch, CommitNumber, Engine, EngineKind, Error, Precondition, Visit, Write};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// What goes wrong in a transaction whose batch writes the key of that name.
const FATAL: &[u8] = b"fatal";
const PANIC: &[u8] = b"panic";
const FULL: &[u8] = b"full";

#[derive(Default)]
struct Faulty {
    records: Mutex<(Records, CommitNumber)>,
    transactions: AtomicUsize,
    slow: bool,
    /// The pages lead in a circle.
    circular: bool,
}

impl Store for Faulty {
    fn kind(&self) -> EngineKind {
        EngineKind::Redb
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        assert!(key != PANIC, "a damaged page");
        Ok(self.records.lock().0.get(key).cloned())
    }

    fn scan(&self, _: &[u8], _: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<(), Error> {
        let records = self.records.lock();
        let rounds = if self.circular { usize::MAX } else { 1 };
        let mut shown = std::iter::repeat_n(&records.0, rounds).flatten();
        let _ = shown.try_for_each(|(key, value)| visit(key, value));
        Ok(())
    }

    fn transact(&self, _: usize, work: &mut Work<'_>) -> Result<(), Failure> {
        if self.slow {
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut records = self.records.lock().clone();
        if let Some(number) = work(&mut records.0)? {
            records.1 = number;
            self.transactions.fetch_add(1, Ordering::Relaxed);
            *self.records.lock() = records;
        }
        Ok(())
    }

    fn stored_commit(&self) -> Result<CommitNumber, Error> {
        Ok(self.records.lock().1)
    }

    fn check(&self) -> Result<bool, Error> {
        Ok(false)
    }

    fn readable_after_failure(&self) -> bool {
        false
    }
}

impl Transaction for Records {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        Ok(BTreeMap::get(self, key).cloned())
    }

    fn is_empty(&self, prefix: &[u8]) -> Result<bool, Failure> {
        Ok(!self.keys().any(|key| key.starts_with(prefix)))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        match key {
            FATAL => return Err(Failure::Fatal("the sync failed".into())),
            FULL => return Err(Failure::NoSpace),
            PANIC => panic!("a damaged page"),
            _ => self.insert(key.to_vec(), value.to_vec()),
        };
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Failure> {
        self.remove(key);
        Ok(())
    }
}

fn start(store: Faulty) -> (Arc<GroupCommitted>, Arc<Faulty>, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place::lock(dir.path()).expect("the lock");
    let store = Arc::new(store);
    (Arc::new(GroupCommitted::start(store.clone(), place).expect("a committer")), store, dir)
}

fn put(key: &[u8]) -> Batch {
    Batch { preconditions: Vec::new(), writes: vec![Write::Put(key.to_vec(), Vec::new())] }
}

#[test]
fn a_full_disk_refuses_the_group_and_the_next_one_goes_on() {
    let (engine, _, _dir) = start(Faulty::default());
    assert!(matches!(engine.commit(put(b"a")), Ok(1)));
    assert!(matches!(engine.commit(put(FULL)), Err(Error::NoSpace)));
    assert!(matches!(engine.commit(put(b"b")), Ok(2)));
    assert_eq!(engine.last_commit(), 2);
}

#[test]
fn a_failure_or_a_panic_is_for_good_and_never_a_hang() {
    for fault in [FATAL, PANIC] {
        let (engine, _, _dir) = start(Faulty::default());
        assert!(matches!(engine.commit(put(b"a")), Ok(1)));
        let why = engine.commit(put(fault)).expect_err("a failure").to_string();
        assert!(why.contains("the sync failed") || why.contains("a damaged page"), "{why}");
        assert!(matches!(engine.commit(put(b"b")), Err(Error::Engine(_))), "nothing more is accepted");
        assert!(matches!(engine.get(b"a"), Err(Error::Engine(_))), "this engine may show what is not durable");
        assert_eq!(engine.last_commit(), 1);
    }
}

#[test]
fn a_panic_in_a_read_is_an_error_and_stops_writes() {
    let (engine, _, _dir) = start(Faulty::default());
    assert!(matches!(engine.get(PANIC), Err(Error::Engine(why)) if why.contains("a damaged page")));
    assert!(matches!(engine.commit(put(b"a")), Err(Error::Engine(_))));
}

#[test]
fn damage_that_a_check_finds_stops_writes() {
    let (engine, _, _dir) = start(Faulty::default());
    assert!(matches!(engine.check_integrity(), Ok(false)));
    assert!(matches!(engine.commit(put(b"a")), Err(Error::Engine(_))));
}

#[test]
fn what_waits_shares_a_transaction_and_a_refused_batch_leaves_the_others_alone() {
    let (engine, store, _dir) = start(Faulty { slow: true, ..Faulty::default() });
    let refused: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..40u8)
            .map(|n| {
                let engine = &engine;
                let precondition = Precondition::Absent(vec![n / 2]);
                let batch = Batch { preconditions: vec![precondition], ..put(&[n / 2]) };
                scope.spawn(move || usize::from(matches!(engine.commit(batch), Err(Error::Conflict))))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).sum()
    });
    assert_eq!(refused, 20, "one of each two");
    assert_eq!(engine.last_commit(), 20);
    assert!(store.transactions.load(Ordering::Relaxed) < 10, "they waited together");
}

#[test]
fn a_scan_of_a_damaged_tree_that_leads_in_a_circle_ends_and_says_so() {
    let records = ["a", "b"].map(|key| (key.as_bytes().to_vec(), Vec::new()));
    let store = Faulty { records: Mutex::new((records.into(), 1)), circular: true, ..Faulty::default() };
    let (engine, _store, _dir) = start(store);
    let mut seen = Vec::new();
    let ended = engine.scan(b"", None, &mut |key, _| {
        seen.push(key.to_vec());
        ControlFlow::Continue(())
    });
    assert!(matches!(ended, Err(Error::Damaged(_))), "{ended:?}");
    assert_eq!(seen, [b"a", b"b"]);
    // One that reads a page at a time goes on behind the last key.
    let ended = engine.scan(b"", Some(b"b"), &mut |_, _| ControlFlow::Continue(()));
    assert!(matches!(ended, Err(Error::Damaged(_))), "{ended:?}");
}
