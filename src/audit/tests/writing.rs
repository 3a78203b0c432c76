//! Records under load, full queues, dropped intents, failures.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::queue::{MAX_OPEN, MAX_UNATTENDED, MAX_WAITING};
use super::super::{Action, Confirming, Detail, Filter, Outcome, Shown, Unavailable, Wait, show, verify};
use super::{event, fill, folder, keys, matter, open};
use crate::small_disk::SmallDisk;

fn shown(dir: &std::path::Path) -> Vec<Shown> {
    let records = show(dir, &keys().read_keys(), Filter::default()).expect("readable");
    records.map(|record| record.expect("readable")).collect()
}

fn story(dir: &std::path::Path) -> Vec<(Outcome, Option<u64>)> {
    shown(dir).iter().map(|record| (record.outcome, record.refers)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_get_a_number_each_and_all_records_verify() {
    let dir = folder();
    let (log, _) = open(dir.path());
    let tasks = (0..64u8).map(|n| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let mut numbers = Vec::new();
            for _ in 0..40 {
                let seq = log.record(event(Action::Read, Outcome::Done, n % 5)).await.expect("recorded");
                assert!(log.size() > seq, "durable on return");
                numbers.push(seq);
            }
            numbers
        })
    });
    let mut numbers = BTreeSet::new();
    for task in tasks.collect::<Vec<_>>() {
        numbers.extend(task.await.expect("no panic"));
    }
    assert_eq!(numbers, (0..64 * 40).collect());
    log.close();
    let report = verify(dir.path(), None).expect("sound");
    assert_eq!((report.size, report.signed, report.matters, report.open), (2560, 2560, 5, 0));
}

#[tokio::test]
async fn an_intent_is_followed_by_its_confirmation_and_outcome() {
    let dir = folder();
    let (log, _) = open(dir.path());
    let upload = log.begin(event(Action::Create, Outcome::Done, 1), Wait::Durable).await.expect("begun");
    assert_eq!((upload.seq(), log.size()), (0, 1));
    let detail = Detail { sha256: Some([5; 32]), bytes: Some(17), version: Some(1), ..Detail::default() };
    upload.confirm(detail.clone()).and_then(Confirming::wait).expect("confirmed");
    assert_eq!(log.size(), 2);
    upload.close(Outcome::Done, detail);
    log.close();
    assert_eq!(story(dir.path()), [(Outcome::Begun, None), (Outcome::Confirmed, Some(0)), (Outcome::Done, Some(0))]);
    let records = shown(dir.path());
    assert_eq!(records[1].event().map(|event| event.detail.sha256), Some(Some([5; 32])));
    assert!(verify(dir.path(), None).is_ok());
}

#[tokio::test]
async fn an_intent_that_is_dropped_is_abandoned() {
    let dir = folder();
    let (log, _) = open(dir.path());
    drop(log.begin(event(Action::Delete, Outcome::Begun, 1), Wait::Queued).await.expect("begun"));
    // A caller that stops waiting while the intent is on its way leaves no intent without outcome either.
    {
        let begin = log.begin(event(Action::Read, Outcome::Begun, 1), Wait::Durable);
        tokio::pin!(begin);
        assert!(futures_util::poll!(&mut begin).is_pending());
    }
    log.close();
    let abandoned = [(Outcome::Begun, None), (Outcome::Abandoned, Some(0))];
    assert_eq!(story(dir.path())[..2], abandoned);
    assert_eq!(story(dir.path())[2..], [(Outcome::Begun, None), (Outcome::Abandoned, Some(2))]);
    assert_eq!(verify(dir.path(), None).expect("sound").open, 0);
}

#[test]
fn a_full_queue_refuses_lookups_first_then_intents_and_still_takes_outcomes() {
    let dir = folder();
    let (log, _) = open(dir.path());
    let mut intents: Vec<_> = (0..10)
        .map(|_| log.begin_blocking(event(Action::Read, Outcome::Begun, 1), Wait::Queued).expect("begun"))
        .collect();
    {
        // The writer cannot go on while somebody else holds the chains.
        let _stopped = log.desk.chains.lock();
        let mut taken = 0u64;
        let refused = loop {
            match log.enqueue(event(Action::Stat, Outcome::NotFound, 2)) {
                Ok(()) => taken += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(refused, Unavailable::Busy);
        assert!(taken >= MAX_UNATTENDED as u64 - 10);
        // Those for whom somebody waits, or an outcome follows, still have the other half.
        let before = intents.len();
        let refused = loop {
            match log.begin_blocking(event(Action::Read, Outcome::Begun, 1), Wait::Queued) {
                Ok(intent) => intents.push(intent),
                Err(error) => break error,
            }
        };
        assert_eq!(refused, Unavailable::Busy);
        assert!(intents.len() - before >= MAX_WAITING - MAX_UNATTENDED - 10);
        for intent in intents {
            intent.close(Outcome::Done, Detail::default());
        }
    }
    while log.record_blocking(&event(Action::Stat, Outcome::NotFound, 2)) == Err(Unavailable::Busy) {
        std::thread::yield_now();
    }
    log.close();
    let report = verify(dir.path(), None).expect("sound");
    assert_eq!(report.open, 0);
    assert!(report.size > MAX_WAITING as u64);
}

#[test]
fn intents_are_bounded_too() {
    let dir = folder();
    let (log, _) = open(dir.path());
    let mut intents = Vec::new();
    let refused = loop {
        match log.begin_blocking(event(Action::Read, Outcome::Begun, 1), Wait::Queued) {
            Ok(intent) => intents.push(intent),
            Err(Unavailable::Busy) if intents.len() < MAX_OPEN => std::thread::yield_now(),
            Err(error) => break error,
        }
    };
    assert_eq!((refused, intents.len()), (Unavailable::Busy, MAX_OPEN));
    intents.pop().expect("an intent").close(Outcome::Done, Detail::default());
    drop(intents);
    log.close();
    assert_eq!(verify(dir.path(), None).expect("sound").open, 0);
}

#[test]
fn a_poisoned_log_refuses_everything_until_it_is_opened_again() {
    let dir = folder();
    let (log, _) = open(dir.path());
    let intent = log.begin_blocking(event(Action::Read, Outcome::Begun, 1), Wait::Durable).expect("begun");
    log.queue.poison("sync failed");
    let poisoned = Unavailable::Poisoned("sync failed".to_owned());
    assert_eq!(log.health(), Err(poisoned.clone()));
    assert_eq!(log.enqueue(event(Action::Stat, Outcome::Done, 1)), Err(poisoned.clone()));
    assert_eq!(log.record_blocking(&event(Action::Login, Outcome::Done, 1)), Err(poisoned.clone()));
    assert_eq!(intent.confirm(Detail::default()).and_then(Confirming::wait), Err(poisoned));
    drop(intent);
    log.close();
    drop(log);
    let (log, opened) = open(dir.path());
    assert_eq!(opened.abandoned.len(), 1);
    assert!(log.record_blocking(&event(Action::Login, Outcome::Done, 1)).is_ok());
}

#[test]
fn a_closed_log_takes_nothing() {
    let dir = folder();
    let (log, _) = open(dir.path());
    log.close();
    assert_eq!(log.enqueue(event(Action::Stat, Outcome::Done, 1)), Err(Unavailable::Closed));
    assert_eq!(log.checkpoint().err(), Some(Unavailable::Closed));
    log.close();
}

#[test]
fn a_checkpoint_on_demand_covers_what_was_recorded_and_the_catalog() {
    let dir = folder();
    let (log, _) = open(dir.path());
    fill(&log, 300);
    let size = log.record_blocking(&event(Action::Read, Outcome::Done, 1)).expect("recorded") + 1;
    log.note_catalog_commit(42);
    log.note_catalog_commit(7);
    let (checkpoint, note) = log.checkpoint().expect("signed");
    assert_eq!((checkpoint.size, checkpoint.catalog, log.last_catalog_commit()), (size, 42, 42));
    let opened = super::super::Checkpoint::open(note.as_bytes(), log.verify_key());
    assert_eq!(opened, Ok(checkpoint));
}

#[test]
fn a_full_disk_refuses_and_goes_on_once_there_is_room() {
    let test = "audit::tests::writing::a_full_disk_refuses_and_goes_on_once_there_is_room";
    let Some(dir) = SmallDisk::mount(test, 1 << 20) else { return };
    let (log, _) = open(dir.path());
    let ballast = dir.path().join("aside");
    let before = log.record_blocking(&event(Action::Read, Outcome::Done, 1)).expect("recorded");
    let intent = log.begin_blocking(event(Action::Update, Outcome::Begun, 1), Wait::Durable).expect("begun");
    std::fs::create_dir(&ballast).expect("a folder");
    let filled = std::fs::write(ballast.join("ballast"), vec![0; 2 << 20]);
    assert!(filled.is_err(), "the disk is full");
    let refused = loop {
        match log.record_blocking(&event(Action::Login, Outcome::Done, 1)) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Unavailable::Full(_)), "{refused}");
    assert!(log.health().is_err());
    intent.close(Outcome::Failed, Detail::because("no room"));
    std::fs::remove_dir_all(&ballast).expect("room again");
    while log.health().is_err() {
        std::thread::yield_now();
    }
    let after = log.record_blocking(&event(Action::Read, Outcome::Done, 1)).expect("recorded");
    log.close();
    let report = verify(dir.path(), None).expect("sound");
    let records = shown(dir.path());
    drop(log);

    assert_eq!((report.open, report.size, report.torn_bytes), (0, records.len() as u64, 0));
    assert!(after > before);
    let failed = records.iter().filter(|r| r.action == Action::Login && r.outcome == Outcome::Failed).count();
    assert_eq!(failed, 1, "the login that was refused is recorded as failed");
    assert!(records.iter().any(|r| r.action == Action::Alarm), "the full disk is recorded");
    assert!(records.iter().any(|r| r.outcome == Outcome::Failed && r.refers == Some(1)));
}

#[test]
fn the_journal_is_followed_by_new_segments_and_old_ones_go() {
    let dir = folder();
    let (log, _) = open(dir.path());
    fill(&log, 40_000);
    log.close();
    let segments = super::super::files::segments(dir.path()).expect("readable");
    assert!(segments.len() > 1 && segments.len() <= 6 && segments[0] > 0, "{segments:?}");
    let report = verify(dir.path(), None).expect("sound");
    assert_eq!((report.size, report.signed), (40_000, 40_000));
    let filter = Filter { matter: Some(matter(2)), first: Some(100), ..Filter::default() };
    let of_matter = show(dir.path(), &keys().read_keys(), filter).expect("readable");
    assert_eq!(of_matter.filter(Result::is_ok).count(), 13_333 - 33);
}
