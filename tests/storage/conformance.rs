//! One contract, run against every engine.

use crate::support::{Random, SETTINGS, for_both_engines, is_conflict, keys, open, put, records, when};
use deedbox::kv::{
    self, Batch, EngineKind, Error, MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES, Precondition, Write,
};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

for_both_engines!(
    records_come_back_in_key_order_and_only_those_under_the_prefix,
    a_scan_goes_on_after_a_key_and_stops_when_told,
    each_precondition_lets_a_batch_through_or_changes_nothing,
    preconditions_see_what_earlier_batches_left_and_writes_apply_in_order,
    batches_of_many_threads_are_whole_and_numbered_without_gaps,
    a_scan_beside_writers_sees_one_state,
    everything_is_there_after_reopening,
    sizes_are_bounded,
    the_other_engine_is_refused_by_name,
    a_second_opener_is_refused,
    random_batches_leave_what_a_model_says,
    a_commit_from_within_a_scan_is_refused_and_reads_there_work,
    a_panic_of_a_visitor_stays_the_callers_own,
);

fn records_come_back_in_key_order_and_only_those_under_the_prefix(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open(kind, dir.path());
    assert_eq!(engine.name(), kind.name());
    for key in [&b"b/2"[..], b"a", b"b/", b"b/10", b"b0", b"b", b"b/\xff\xff", b"", b"\xff", b"\xff\xff\x01"] {
        engine.commit(put(key, &[key, b"!"].concat())).expect("a commit");
    }
    let all: [&[u8]; 10] = [b"", b"a", b"b", b"b/", b"b/10", b"b/2", b"b/\xff\xff", b"b0", b"\xff", b"\xff\xff\x01"];
    assert_eq!(keys(&*engine, b"", None), all);
    assert_eq!(keys(&*engine, b"b/", None), [&b"b/"[..], b"b/10", b"b/2", b"b/\xff\xff"]);
    assert_eq!(keys(&*engine, b"\xff", None), [&b"\xff"[..], b"\xff\xff\x01"]);
    assert!(keys(&*engine, b"c", None).is_empty());
    assert_eq!(engine.get(b"b/10").expect("a read"), Some(b"b/10!".to_vec()));
    assert_eq!(engine.get(b"").expect("a read"), Some(b"!".to_vec()));
    assert_eq!(engine.get(b"b/1").expect("a read"), None);
}

fn a_scan_goes_on_after_a_key_and_stops_when_told(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open(kind, dir.path());
    for key in [b"p/a", b"p/b", b"p/c", b"q/a"] {
        engine.commit(put(key, b"")).expect("a commit");
    }
    assert_eq!(keys(&*engine, b"p/", Some(b"p/a")), [b"p/b", b"p/c"]);
    assert_eq!(keys(&*engine, b"p/", Some(b"p/aa")), [b"p/b", b"p/c"]);
    assert_eq!(keys(&*engine, b"p/", Some(b"a")).len(), 3, "before the prefix");
    assert!(keys(&*engine, b"p/", Some(b"q")).is_empty(), "behind the prefix");
    let mut seen = 0;
    engine
        .scan(b"", None, &mut |_, _| {
            seen += 1;
            if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .expect("a scan");
    assert_eq!(seen, 2);
}

fn each_precondition_lets_a_batch_through_or_changes_nothing(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open(kind, dir.path());
    engine.commit(put(b"k/1", b"one")).expect("a commit");
    let key = b"k/1".to_vec();
    let refused = [
        Precondition::Absent(key.clone()),
        Precondition::Present(b"k/2".to_vec()),
        Precondition::Equals(key.clone(), b"two".to_vec()),
        Precondition::Equals(b"k/2".to_vec(), Vec::new()),
        Precondition::EmptyPrefix(b"k/".to_vec()),
        Precondition::EmptyPrefix(Vec::new()),
    ];
    for precondition in refused {
        let result = engine.commit(when(precondition.clone(), b"k/1", b"changed"));
        assert!(is_conflict(&result), "{precondition:?}: {result:?}");
        assert_eq!(engine.get(b"k/1").expect("a read"), Some(b"one".to_vec()));
        assert_eq!(engine.last_commit(), 1, "a refused batch has no number");
    }
    let allowed = [
        Precondition::Absent(b"k/2".to_vec()),
        Precondition::Present(key.clone()),
        Precondition::Equals(key, b"one".to_vec()),
        Precondition::EmptyPrefix(b"k/1/".to_vec()),
        Precondition::EmptyPrefix(b"\xff\xff".to_vec()),
    ];
    for (place, precondition) in allowed.into_iter().enumerate() {
        let result = engine.commit(when(precondition.clone(), b"other", b"x"));
        assert_eq!(result.expect("a commit"), place as u64 + 2, "{precondition:?}");
    }
    let half = Batch {
        preconditions: vec![Precondition::Present(b"k/1".to_vec()), Precondition::Present(b"nowhere".to_vec())],
        writes: vec![Write::Delete(b"k/1".to_vec())],
    };
    assert!(is_conflict(&engine.commit(half)), "all must hold");
    assert!(engine.get(b"k/1").expect("a read").is_some());
}

fn preconditions_see_what_earlier_batches_left_and_writes_apply_in_order(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open(kind, dir.path());
    let writes = vec![
        Write::Put(b"a".to_vec(), b"1".to_vec()),
        Write::Delete(b"a".to_vec()),
        Write::Put(b"b".to_vec(), b"1".to_vec()),
        Write::Put(b"b".to_vec(), b"2".to_vec()),
        Write::Delete(b"never there".to_vec()),
    ];
    engine.commit(Batch { preconditions: Vec::new(), writes }).expect("a commit");
    assert_eq!(records(&*engine, b"", None), [(b"b".to_vec(), b"2".to_vec())]);
    // Eight threads want the same name; whatever shares a transaction, one of them gets it.
    let won: usize = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8u8)
            .map(|n| {
                let engine = &engine;
                scope.spawn(move || engine.commit(when(Precondition::Absent(b"name".to_vec()), b"name", &[n])).is_ok())
            })
            .collect();
        tries.into_iter().map(|t| usize::from(t.join().expect("a thread"))).sum()
    });
    assert_eq!(won, 1);
    let empty = |key: &[u8]| when(Precondition::EmptyPrefix(b"dir/".to_vec()), key, b"");
    assert!(engine.commit(empty(b"dir/x")).is_ok());
    assert!(is_conflict(&engine.commit(empty(b"dir/y"))));
    engine
        .commit(Batch { preconditions: Vec::new(), writes: vec![Write::Delete(b"dir/x".to_vec())] })
        .expect("a commit");
    assert!(engine.commit(empty(b"dir/y")).is_ok());
}

fn batches_of_many_threads_are_whole_and_numbered_without_gaps(kind: EngineKind) {
    const THREADS: usize = 16;
    const EACH: usize = 25;
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open(kind, dir.path());
    engine.commit(put(b"counter", &0u64.to_be_bytes())).expect("a commit");
    let mut numbers: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let engine = &engine;
                scope.spawn(move || (0..EACH).map(|round| count_up(&**engine, thread, round)).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|t| t.join().expect("a thread")).collect()
    });
    numbers.sort_unstable();
    let expected: Vec<u64> = (2..2 + (THREADS * EACH) as u64).collect();
    assert_eq!(numbers, expected, "one number each, none twice, none left out");
    assert_eq!(engine.last_commit(), 1 + (THREADS * EACH) as u64);
    let counter = engine.get(b"counter").expect("a read").expect("the counter");
    assert_eq!(counter, ((THREADS * EACH) as u64).to_be_bytes(), "no update was lost");
    assert_eq!(keys(&*engine, b"mark/", None).len(), THREADS * EACH);
}

/// Adds one to the shared counter by reading and committing until nobody was faster, and leaves a mark with it.
fn count_up(engine: &dyn kv::Engine, thread: usize, round: usize) -> u64 {
    loop {
        let old = engine.get(b"counter").expect("a read").expect("the counter");
        let count = u64::from_be_bytes(old.as_slice().try_into().expect("eight bytes")) + 1;
        let batch = Batch {
            preconditions: vec![Precondition::Equals(b"counter".to_vec(), old)],
            writes: vec![
                Write::Put(b"counter".to_vec(), count.to_be_bytes().to_vec()),
                Write::Put(format!("mark/{thread}/{round}").into_bytes(), Vec::new()),
            ],
        };
        match engine.commit(batch) {
            Ok(number) => return number,
            Err(Error::Conflict) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn a_scan_beside_writers_sees_one_state(kind: EngineKind) {
    const KEYS: u8 = 50;
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open(kind, dir.path());
    let all = |value: u8| Batch {
        preconditions: Vec::new(),
        writes: (0..KEYS).map(|key| Write::Put(vec![key], vec![value])).collect(),
    };
    engine.commit(all(0)).expect("a commit");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for value in 1..=40 {
                engine.commit(all(value)).expect("a commit");
            }
        });
        while !writer.is_finished() {
            let seen = records(&*engine, b"", None);
            assert_eq!(seen.len(), usize::from(KEYS));
            assert!(seen.iter().all(|(_, value)| value == &seen[0].1), "a scan mixed two states");
        }
    });
}

fn everything_is_there_after_reopening(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let catalog = dir.path().join("data/catalog");
    for round in 0..5u64 {
        let engine = open(kind, &catalog);
        assert_eq!(engine.last_commit(), round * 10, "the number goes on");
        assert_eq!(records(&*engine, b"", None).len() as u64, round * 10);
        for n in 0..10 {
            let number = engine.commit(put(format!("{round}/{n}").as_bytes(), &[7; 300])).expect("a commit");
            assert_eq!(number, round * 10 + n + 1);
        }
        assert!(engine.check_integrity().expect("a check"), "a whole store is sound");
    }
}

fn sizes_are_bounded(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open(kind, dir.path());
    let largest = vec![9; MAX_VALUE_BYTES];
    let longest = vec![b'k'; MAX_KEY_BYTES];
    engine.commit(put(&longest, &largest)).expect("what is just allowed");
    assert_eq!(engine.get(&longest).expect("a read"), Some(largest));
    let too_much = [
        put(b"k", &vec![0; MAX_VALUE_BYTES + 1]),
        put(&[b'k'; MAX_KEY_BYTES + 1], b""),
        Batch { preconditions: Vec::new(), writes: vec![Write::Delete(vec![0; MAX_KEY_BYTES + 1])] },
        Batch {
            preconditions: Vec::new(),
            writes: (0..MAX_BATCH_BYTES / MAX_VALUE_BYTES + 1)
                .map(|n| Write::Put(n.to_be_bytes().to_vec(), vec![0; MAX_VALUE_BYTES]))
                .collect(),
        },
    ];
    for batch in too_much {
        assert!(matches!(engine.commit(batch), Err(Error::TooLarge(_))));
    }
    assert_eq!(engine.last_commit(), 1);
    // Neighbours of the largest size, which sled puts on one page, stay out of files of their own.
    for n in 0..200u8 {
        let key = [&[b'n'; MAX_KEY_BYTES - 1][..], &[n]].concat();
        engine.commit(put(&key, &vec![n; MAX_VALUE_BYTES])).expect("a commit");
    }
    if kind == EngineKind::Sled {
        let blobs = std::fs::read_dir(dir.path().join("sled/blobs")).expect("sled's blobs").count();
        assert_eq!(blobs, 0, "sled never syncs those files");
    }
}

fn the_other_engine_is_refused_by_name(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let other = if kind == EngineKind::Redb { EngineKind::Sled } else { EngineKind::Redb };
    drop(open(kind, dir.path()));
    let refused = kv::open(other, dir.path(), SETTINGS).err().expect("a refusal");
    assert!(matches!(refused, Error::OtherEngine { found, wanted } if found == kind && wanted == other));
    assert!(refused.to_string().contains(&format!("deedbox catalog convert --to {other}")), "{refused}");
    drop(open(kind, dir.path()));
}

fn a_second_opener_is_refused(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let first = open(kind, dir.path());
    assert!(matches!(kv::open(kind, dir.path(), SETTINGS), Err(Error::InUse(_))));
    first.commit(put(b"k", b"v")).expect("the first is not disturbed");
    drop(first);
    assert_eq!(open(kind, dir.path()).last_commit(), 1);
}

fn random_batches_leave_what_a_model_says(kind: EngineKind) {
    let mut random = Random::seeded("random batches");
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(kind, dir.path());
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let key = |random: &mut Random| vec![b'a' + random.below(3) as u8; random.below(4) as usize];
    for round in 0..300 {
        let mut batch = Batch::default();
        for _ in 0..random.below(3) {
            let subject = key(&mut random);
            batch.preconditions.push(match random.below(4) {
                0 => Precondition::Absent(subject),
                1 => Precondition::Present(subject),
                2 => Precondition::Equals(subject.clone(), model.get(&subject).cloned().unwrap_or_default()),
                _ => Precondition::EmptyPrefix(subject),
            });
        }
        for _ in 0..random.below(5) {
            let subject = key(&mut random);
            batch.writes.push(match random.below(3) {
                0 => Write::Delete(subject),
                _ => Write::Put(subject, random.next().to_be_bytes()[..random.below(8) as usize].to_vec()),
            });
        }
        let holds = batch.preconditions.iter().all(|precondition| match precondition {
            Precondition::Absent(key) => !model.contains_key(key),
            Precondition::Present(key) => model.contains_key(key),
            Precondition::Equals(key, value) => model.get(key) == Some(value),
            Precondition::EmptyPrefix(prefix) => !model.keys().any(|key| key.starts_with(prefix)),
        });
        assert_eq!(engine.commit(batch.clone()).is_ok(), holds, "round {round}: {batch:?}");
        for write in batch.writes.into_iter().filter(|_| holds) {
            match write {
                Write::Put(key, value) => drop(model.insert(key, value)),
                Write::Delete(key) => drop(model.remove(&key)),
            }
        }
        if random.below(50) == 0 {
            drop(engine);
            engine = open(kind, dir.path());
        }
        assert_eq!(records(&*engine, b"", None), model.clone().into_iter().collect::<Vec<_>>(), "round {round}");
    }
}

fn a_commit_from_within_a_scan_is_refused_and_reads_there_work(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open(kind, dir.path());
    engine.commit(put(b"k", b"v")).expect("a commit");
    let mut seen = Vec::new();
    std::thread::scope(|scope| {
        let busy = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let writer = scope.spawn({
            let (engine, busy) = (engine.clone(), busy.clone());
            move || {
                while busy.load(std::sync::atomic::Ordering::Relaxed) {
                    engine.commit(put(b"other", b"")).expect("a commit");
                }
            }
        });
        for _ in 0..20 {
            engine
                .scan(b"k", None, &mut |key, _| {
                    seen.push(engine.get(key).expect("a read within a scan"));
                    assert!(matches!(engine.commit(put(b"x", b"")), Err(Error::Engine(_))));
                    ControlFlow::Continue(())
                })
                .expect("a scan");
        }
        busy.store(false, std::sync::atomic::Ordering::Relaxed);
        writer.join().expect("the writer");
    });
    assert_eq!(seen, vec![Some(b"v".to_vec()); 20]);
    engine.commit(put(b"x", b"")).expect("after the scan all is as before");
}

fn a_panic_of_a_visitor_stays_the_callers_own(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open(kind, dir.path());
    engine.commit(put(b"k", b"v")).expect("a commit");
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        engine.scan(b"", None, &mut |_, _| std::panic::resume_unwind(Box::new("the visitor's")))
    }));
    assert!(caught.is_err());
    engine.commit(put(b"k", b"w")).expect("the store is not blamed");
}
