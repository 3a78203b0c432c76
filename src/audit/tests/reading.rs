//! Showing and proving records.

use std::fs;

use proptest::prelude::*;

use super::super::files::sealed_path;
use super::super::leaf::Refers;
use super::super::queue::{Slot, Waiter};
use super::super::tree::TILE;
use super::super::{
    Action, Actor, AuditKeys, Checks, Event, Filter, Outcome, ProofError, check_proof, fuzz_parsers, prove, show,
    verify, verify_with,
};
use super::{ORIGIN, closed, event, fill, folder, keys, matter, open};

#[test]
fn a_matter_is_shown_alone_and_without_a_gap_even_while_the_log_is_written() {
    let dir = folder();
    let (log, _) = open(dir.path());
    fill(&log, 900);
    let last = log.record_blocking(&event(Action::Read, Outcome::Done, 1)).expect("recorded");
    let filter = Filter { matter: Some(matter(1)), ..Filter::default() };
    let shown: Vec<_> =
        show(dir.path(), &keys().read_keys(), filter).expect("readable").map(|r| r.expect("readable")).collect();
    assert_eq!(shown.len(), 301);
    for (n, record) in shown.iter().enumerate() {
        assert_eq!(record.number, Some(n as u64));
        assert_eq!(record.event().and_then(|event| event.matter), Some(matter(1)));
    }
    assert_eq!(shown.last().map(|record| record.seq), Some(last));
    let limited = Filter { first: Some(500), limit: Some(7), ..Filter::default() };
    let numbers: Vec<_> =
        show(dir.path(), &keys().read_keys(), limited).expect("readable").map(|r| r.expect("readable").seq).collect();
    assert_eq!(numbers, (500..507).collect::<Vec<_>>());
}

#[test]
fn a_record_is_a_flat_json_object_and_one_harmless_line() {
    let dir = folder();
    let (log, _) = open(dir.path());
    let mut login = event(Action::Login, Outcome::Refused, 1);
    login.actor.login = "evil\u{1b}[2J\nlogin\u{202e}".to_owned();
    login.detail.reason = Some("wrong password".to_owned());
    log.record_blocking(&login).expect("recorded");
    log.close();
    let record = show(dir.path(), &keys().read_keys(), Filter::default()).expect("readable").next().expect("one");
    let record = record.expect("readable");
    let line = record.to_string();
    assert!(!line.contains(['\u{1b}', '\n', '\u{202e}']) && line.ends_with(": wrong password"), "{line}");
    let json = serde_json::to_value(&record).expect("serialisable");
    assert_eq!((&json["action"], &json["outcome"], &json["seq"]), (&"login".into(), &"refused".into(), &0.into()));
    assert_eq!(json["reason"], "wrong password");
    assert_eq!(json["front"], "sftp");
    assert_eq!(json["matter"], matter(1).to_string());
    assert!(json.as_object().expect("an object").values().all(|value| !value.is_object()));
}

#[test]
fn every_record_can_be_proven_with_the_public_key_alone() {
    let dir = closed(600);
    let key = keys().verify_key(ORIGIN).expect("a valid origin");
    for seq in (0..600).step_by(7).chain([255, 256, 511, 512, 599]) {
        let proof = prove(dir.path(), seq, Some(&keys().read_keys())).expect("there").to_string();
        let proven = check_proof(proof.as_bytes(), &key).expect("it holds");
        assert_eq!((proven.record.seq, proven.checkpoint.size), (seq, 600));
        assert!(proven.record.event().is_some());
        let bare = prove(dir.path(), seq, None).expect("there").to_string();
        assert!(check_proof(bare.as_bytes(), &key).expect("it holds").record.event().is_none());
    }
    assert!(prove(dir.path(), 600, None).is_err());
    let other = AuditKeys::random().verify_key(ORIGIN).expect("a valid origin");
    let proof = prove(dir.path(), 5, None).expect("there").to_string();
    assert!(matches!(check_proof(proof.as_bytes(), &other), Err(ProofError::Checkpoint(_))));
}

#[test]
fn an_altered_proof_never_holds() {
    let dir = closed(300);
    let key = keys().verify_key(ORIGIN).expect("a valid origin");
    let proof = prove(dir.path(), 77, Some(&keys().read_keys())).expect("there").to_string();
    for at in 0..proof.len() {
        let mut bytes = proof.clone().into_bytes();
        bytes[at] ^= 1;
        assert!(check_proof(&bytes, &key).is_err(), "byte {at}");
        assert!(check_proof(&proof.as_bytes()[..at], &key).is_err(), "cut at {at}");
    }
}

#[test]
fn a_body_erased_by_law_leaves_a_log_that_verifies() {
    let dir = closed(300);
    let path = dir.path().join(sealed_path(0));
    let bytes = fs::read(&path).expect("a bundle");
    let (bodies, _) = super::super::bundle::parse_sealed(&bytes);
    let mut erased = bytes[..8].to_vec();
    for (seq, body) in bodies.iter().enumerate() {
        let body = if seq == 9 { &[][..] } else { body };
        erased.extend_from_slice(&(body.len() as u32).to_be_bytes());
        erased.extend_from_slice(body);
    }
    assert_eq!(bodies.len(), TILE);
    fs::write(&path, erased).expect("writable");
    assert_eq!(verify(dir.path(), None).err().and_then(|error| error.record()), Some(9));

    let (log, _) = open(dir.path());
    let event = Event::new(Actor::service("operator"), Action::Erase, Outcome::Done);
    log.queue.push(&event, Refers::Erased(9), Waiter::Nobody, Slot::New).expect("recorded");
    log.close();
    let checks = Checks { keys: Some(&keys().read_keys()), ..Checks::default() };
    assert_eq!(verify_with(dir.path(), checks).expect("sound").erased, 1);
}

proptest! {
    #[test]
    fn parsers_stand_anything(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzz_parsers(&bytes);
    }

    #[test]
    fn parsers_stand_what_is_almost_right(at in any::<proptest::sample::Index>(), byte in any::<u8>(), which in 0usize..9) {
        let dir = SAMPLE.get_or_init(|| {
            let dir = closed(300);
            let proof = prove(dir.path(), 7, None).expect("there").to_string();
            let mut files: Vec<_> = super::files(dir.path()).into_values().map(|mut file| { file.truncate(4096); file }).collect();
            files.push(proof.into_bytes());
            files
        });
        let mut bytes = dir[which % dir.len()].clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        fuzz_parsers(&bytes);
    }
}

static SAMPLE: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();

/// Beside a writer, tiles and their folders come and go while they are looked at.
#[test]
fn a_log_verifies_at_every_moment_while_it_is_written() {
    let dir = folder();
    let (log, _) = open(dir.path());
    let until = std::time::Instant::now() + std::time::Duration::from_millis(1500);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while std::time::Instant::now() < until {
                fill(&log, 97);
                log.checkpoint().expect("a checkpoint");
            }
        });
        let mut times = 0;
        while std::time::Instant::now() < until {
            if let Err(why) = super::super::verify(dir.path(), None) {
                panic!("after {times} times: {why}");
            }
            times += 1;
        }
    });
}
