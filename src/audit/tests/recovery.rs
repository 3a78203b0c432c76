//! What a crash, a torn write or a wrong hand leaves, and what a start makes of it.

use std::fs;
use std::os::unix::fs::FileExt;

use proptest::prelude::*;

use super::super::files::{CHECKPOINT, STATE, segment_path};
use super::super::{
    Action, AuditKeys, Checks, Confirming, Detail, Filter, Log, OpenError, Outcome, Wait, show, verify, verify_with,
};
use super::{ORIGIN, closed, event, files, fill, folder, image, keys, open, try_open};

#[test]
fn a_reopened_log_goes_on_with_its_tree_and_its_catalog_number() {
    let dir = folder();
    let (mut expected, mut known) = (0, None::<String>);
    for count in [0, 1, 254, 1, 1, 255, 256, 300, 5] {
        let (log, opened) = open(dir.path());
        assert_eq!((opened.created, opened.size), (known.is_none(), expected));
        assert_eq!((opened.torn_bytes, opened.abandoned.len()), (0, 0));
        assert_eq!(opened.catalog_commit, expected);
        fill(&log, count);
        expected += count;
        log.note_catalog_commit(expected);
        log.close();
        drop(log);
        let checks = Checks { known: known.as_deref().map(str::as_bytes), ..Checks::default() };
        let report = verify_with(dir.path(), checks).expect("sound, and more of the same");
        assert_eq!((report.size, report.signed, report.catalog), (expected, expected, expected));
        known = fs::read_to_string(dir.path().join(CHECKPOINT)).ok();
    }
}

#[test]
fn a_second_process_and_another_key_are_kept_out() {
    let dir = folder();
    let (log, _) = open(dir.path());
    assert!(matches!(try_open(dir.path()), Err(OpenError::Locked)));
    log.close();
    drop(log);
    assert!(matches!(Log::open(dir.path(), AuditKeys::random(), ORIGIN), Err(OpenError::Key(_))));
    assert!(matches!(Log::open(dir.path(), keys(), "another.example"), Err(OpenError::Key(_))));
    assert!(matches!(Log::open(dir.path(), keys(), "a b"), Err(OpenError::Origin(_))));
    assert!(try_open(dir.path()).is_ok());
}

#[test]
fn intents_without_outcome_are_abandoned_by_the_next_start() {
    let dir = folder();
    let (log, _) = open(dir.path());
    fill(&log, 300);
    let read = log.begin_blocking(event(Action::Read, Outcome::Begun, 1), Wait::Durable).expect("begun");
    fill(&log, 600);
    let upload = log.begin_blocking(event(Action::Create, Outcome::Begun, 2), Wait::Durable).expect("begun");
    upload.confirm(Detail { version: Some(1), ..Detail::default() }).and_then(Confirming::wait).expect("confirmed");
    let crashed = image(&files(dir.path()));

    let (again, opened) = open(crashed.path());
    let left: Vec<_> = opened.abandoned.iter().map(|left| (left.seq, left.event.action, left.confirmed)).collect();
    assert_eq!(left, [(read.seq(), Action::Read, false), (upload.seq(), Action::Create, true)]);
    assert_eq!(opened.abandoned[0].event.path.as_deref(), Some("/2026-0001/Documents/Deed.pdf"));
    again.close();
    drop(again);
    assert_eq!(verify(crashed.path(), None).expect("sound").open, 0);
    let filter = Filter { first: Some(opened.size - 2), ..Filter::default() };
    for record in show(crashed.path(), &keys().read_keys(), filter).expect("readable") {
        let record = record.expect("readable");
        assert_eq!(record.outcome, Outcome::Abandoned);
        assert_eq!(record.event().and_then(|event| event.detail.reason).as_deref(), Some("crash"));
    }
    let (_, opened) = open(crashed.path());
    assert_eq!(opened.abandoned, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn an_image_of_any_moment_opens_with_everything_that_was_durable(
        counts in proptest::collection::vec(1u64..700, 1..4), torn in proptest::collection::vec(any::<u8>(), 0..60)
    ) {
        let dir = folder();
        let (log, _) = open(dir.path());
        for count in counts {
            fill(&log, count);
            let durable = log.record_blocking(&event(Action::Read, Outcome::Done, 4)).expect("recorded") + 1;
            let crashed = image(&files(dir.path()));
            let segments = super::super::files::segments(crashed.path()).expect("readable");
            let last = crashed.path().join(segment_path(*segments.last().expect("a segment")));
            let end = super::super::journal::scan(crashed.path()).expect("sound").end;
            let file = fs::OpenOptions::new().write(true).open(last);
            file.and_then(|file| file.write_all_at(&torn, end)).expect("writable");
            let (again, opened) = open(crashed.path());
            let told = torn.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            prop_assert_eq!(opened.torn_bytes, told as u64);
            prop_assert_eq!(opened.size, durable + u64::from(told > 0));
            fill(&again, 3);
            again.close();
            let report = verify(crashed.path(), None).expect("sound");
            prop_assert_eq!((report.size, report.signed), (opened.size + 3, opened.size + 3));
        }
    }
}

#[test]
fn only_a_log_that_was_closed_cleanly_says_so() {
    let dir = closed(10);
    let (log, opened) = open(dir.path());
    assert!(opened.closed);
    fill(&log, 3);
    log.close_unclean();
    drop(log);
    let (log, opened) = open(dir.path());
    assert!(!opened.closed);
    assert_eq!((opened.torn_bytes, opened.abandoned.len()), (0, 0), "there is no other sign of it");
    log.close();
    drop(log);
    assert!(open(dir.path()).1.closed);
    assert!(verify(dir.path(), None).is_ok());
}

#[test]
fn a_torn_end_is_kept_and_recorded() {
    let dir = closed(10);
    let path = dir.path().join(segment_path(0));
    let sound = fs::read(&path).expect("the journal");
    fs::write(&path, [sound.as_slice(), b"BTCH half a batch"].concat()).expect("writable");
    let (log, opened) = open(dir.path());
    assert_eq!((opened.torn_bytes, opened.size), (17, 11));
    log.close();
    let aside = fs::read_dir(dir.path().join("aside")).expect("a folder").next().expect("a file").expect("readable");
    assert_eq!(fs::read(aside.path()).ok().as_deref(), Some(&b"BTCH half a batch"[..]));
    let filter = Filter { first: Some(10), ..Filter::default() };
    let record =
        show(dir.path(), &keys().read_keys(), filter).expect("readable").next().expect("one").expect("readable");
    assert_eq!((record.action, record.event().and_then(|event| event.detail.bytes)), (Action::Recover, Some(17)));
    assert!(verify(dir.path(), None).is_ok());
}

#[test]
fn a_journal_below_the_checkpoint_refuses_to_start() {
    let dir = closed(300);
    let path = dir.path().join(segment_path(0));
    let bytes = fs::read(&path).expect("the journal");
    fs::write(&path, &bytes[..bytes.len() - 1]).expect("writable");
    let Err(OpenError::Damaged(error)) = try_open(dir.path()) else { panic!("it opened") };
    assert!(error.record().is_some_and(|seq| seq < 300), "{error}");
    fs::write(&path, &bytes).expect("writable");
    assert!(try_open(dir.path()).is_ok());
}

#[test]
fn sound_batches_after_a_bad_one_refuse_to_start() {
    let dir = folder();
    let (log, _) = open(dir.path());
    for _ in 0..5 {
        log.record_blocking(&event(Action::Read, Outcome::Done, 1)).expect("recorded");
    }
    let mut crashed = files(dir.path());
    let journal = crashed.get_mut(&segment_path(0)).expect("the journal");
    journal[100] ^= 1;
    assert!(matches!(try_open(image(&crashed).path()), Err(OpenError::Damaged(_))));
}

#[test]
fn a_log_whose_checkpoint_or_key_is_gone_is_not_made_anew() {
    let dir = closed(5);
    for name in [CHECKPOINT, "public.key"] {
        let path = dir.path().join(name);
        let bytes = fs::read(&path).expect("there");
        fs::remove_file(&path).expect("removable");
        assert!(try_open(dir.path()).is_err(), "{name}");
        fs::write(&path, bytes).expect("writable");
    }
    assert!(try_open(dir.path()).is_ok());
}

#[test]
fn a_making_that_was_interrupted_is_done_again() {
    let dir = folder();
    open(dir.path()).0.close();
    fs::remove_file(dir.path().join(CHECKPOINT)).expect("removable");
    assert!(open(dir.path()).1.created);
}

#[test]
fn the_stored_state_is_only_a_shortcut() {
    let dir = closed(1000);
    fs::remove_file(dir.path().join(STATE)).expect("removable");
    let (log, _) = open(dir.path());
    fill(&log, 10);
    log.close();
    drop(log);
    fs::write(dir.path().join(STATE), b"nonsense").expect("writable");
    let (log, opened) = open(dir.path());
    assert_eq!(opened.size, 1010);
    fill(&log, 10);
    log.close();
    assert_eq!(verify(dir.path(), None).expect("sound").size, 1020);
}
