//! Records are found by everything that they say, page by page, from a journal and from bundles.

use super::*;
use crate::audit::{Ended, Search, Shown, check_proof};
use crate::names::Timestamp;

const COUNT: u64 = 1000;

/// A log in which every fourth act is refused, by two logins in three matters.
fn acts(log: &Log) {
    for n in 0..COUNT {
        let outcome = if n % 4 == 0 { Outcome::Refused } else { Outcome::Done };
        let mut event = event(if n % 2 == 0 { Action::Read } else { Action::List }, outcome, (n % 3) as u8);
        event.actor.login = format!("client.{}@example.com", n % 2);
        event.path = Some(format!("/Matter/Deed {n}.pdf"));
        event.detail.reason = (n % 4 == 0).then(|| "Guard `No Deeds`".to_owned());
        log.enqueue(event).expect("there is room");
    }
    log.record_blocking(&event(Action::Stat, Outcome::Done, 0)).expect("durable with all before it");
}

/// All pages, joined.
fn all(log: &Log, search: &Search, most: u64) -> Vec<Shown> {
    let mut search = search.clone();
    let mut all = Vec::new();
    loop {
        let found = log.search_within(&search, most).expect("sound");
        assert!(found.records.len() <= search.limit);
        all.extend(found.records);
        match found.next {
            Some(next) => search.before = Some(next),
            None => return all,
        }
    }
}

#[test]
fn records_are_found_by_what_they_say_and_each_once() {
    let dir = folder();
    let (log, _) = open(dir.path());
    acts(&log);
    let search = Search { limit: 100, ..Search::default() };
    let count = |search: Search, wants: &dyn Fn(u64) -> bool| {
        for most in [1, 300, 1 << 20] {
            let found = all(&log, &search, most);
            assert!(found.windows(2).all(|pair| pair[0].seq > pair[1].seq), "the newest first, each once");
            let told =
                |shown: &Shown| shown.event().and_then(|event| event.path).is_some_and(|path| path.contains("/Deed "));
            let found = found.iter().filter(|shown| told(shown)).count();
            assert_eq!(found, (0..COUNT).filter(|n| wants(*n)).count(), "{search:?}, {most} at a time");
        }
    };
    count(search.clone(), &|_| true);
    count(Search { action: Some(Action::Read), ..search.clone() }, &|n| n % 2 == 0);
    count(Search { ended: Ended::As(Outcome::Refused), ..search.clone() }, &|n| n % 4 == 0);
    count(Search { login: Some("CLIENT.1@example.com".to_owned()), ..search.clone() }, &|n| n % 2 == 1);
    count(Search { text: Some("deed 99".to_owned()), ..search.clone() }, &|n| n.to_string().starts_with("99"));
    count(Search { text: Some("no deeds".to_owned()), ..search.clone() }, &|n| n % 4 == 0);
    count(Search { matter: Some(matter(1)), ..search.clone() }, &|n| n % 3 == 1);
    count(Search { to: Some(Timestamp::from_seconds(0)), ..search.clone() }, &|_| false);
    count(Search { from: Some(Timestamp::now()), ..search }, &|_| false);
}

#[test]
fn one_record_is_shown_and_proven_as_soon_as_it_is_there() {
    let dir = folder();
    let (log, _) = open(dir.path());
    let seq = log.record_blocking(&event(Action::Read, Outcome::Done, 1)).expect("durable");
    let shown = log.shown(seq).expect("sound").expect("there");
    assert_eq!((shown.seq, shown.action), (seq, Action::Read));
    assert!(log.shown(seq + 1000).expect("sound").is_none());
    for with_body in [true, false] {
        let proof = log.prove(seq, with_body).expect("proven").to_string();
        let proven = check_proof(proof.as_bytes(), log.verify_key()).expect("it holds");
        assert_eq!((proven.record.seq, proven.record.event().is_some()), (seq, with_body));
    }
    assert!(log.prove(seq + 1000, true).is_err());
    assert!(log.verify().expect("sound").bodies);
}
