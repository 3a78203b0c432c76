//! What people did lately: newest first, page by page, from a journal and from bundles.

use super::*;
use crate::audit::{Act, Lookup, Scope};
use crate::names::{AccountId, Timestamp, TransientNames};

/// A log of acts over three matters by two accounts, with lookups between them; a page each.
fn acts(log: &Log, count: u64) {
    for n in 0..count {
        let (action, outcome) = match n % 4 {
            0 => (Action::Read, Outcome::Done),
            1 => (Action::Create, Outcome::Done),
            2 => (Action::Create, Outcome::NotFound),
            _ => (Action::Stat, Outcome::Done),
        };
        let mut event = event(action, outcome, (n % 3) as u8);
        event.actor.account = Some(AccountId::from_bytes([(n % 2) as u8; 16]));
        event.actor.login = format!("client.{}@example.com", n % 2);
        event.path = Some(format!("/{n}.pdf"));
        loop {
            match log.enqueue(event.clone()) {
                Ok(()) => break,
                Err(crate::audit::Unavailable::Busy) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    }
    log.record_blocking(&event(Action::List, Outcome::Done, 0)).expect("durable with all before it");
}

/// All pages of so many acts, joined.
fn pages(log: &Log, scope: Scope, lookup: &Lookup, most: u64) -> Vec<Act> {
    let mut lookup = lookup.clone();
    let mut all = Vec::new();
    for _ in 0..100_000 {
        let page = log.activity_within((scope, &lookup, &TransientNames::default()), most).expect("sound");
        assert!(page.acts.len() <= lookup.limit);
        all.extend(page.acts);
        match page.next {
            Some(next) => {
                assert!(lookup.before.is_none_or(|before| next < before), "each page leads further back");
                lookup.before = Some(next);
            }
            None => return all,
        }
    }
    panic!("pages without end");
}

fn numbers(acts: &[Act]) -> Vec<u64> {
    let number = |act: &Act| act.path.as_deref().and_then(|path| path[1..].strip_suffix(".pdf")?.parse().ok());
    acts.iter().map(|act| number(act).expect("a number")).collect()
}

fn expected(count: u64, wanted: impl Fn(u64) -> bool) -> Vec<u64> {
    (0..count).rev().filter(|n| n % 4 < 2 && wanted(*n)).collect()
}

#[test]
fn a_matters_acts_come_newest_first_whatever_the_pages() {
    const COUNT: u64 = 3_000;
    let dir = folder();
    let (log, _) = open(dir.path());
    acts(&log, COUNT);
    let lookup = |limit| Lookup { limit, ..Lookup::default() };
    for (limit, most) in [(10_000, 1 << 20), (7, 1 << 20), (100, 300), (1, 256)] {
        let found = pages(&log, Scope::Matter(matter(1)), &lookup(limit), most);
        assert_eq!(numbers(&found), expected(COUNT, |n| n % 3 == 1), "{limit} a page, {most} records");
    }
    let found = pages(&log, Scope::Account(AccountId::from_bytes([1; 16])), &lookup(100), 1 << 20);
    assert_eq!(numbers(&found), expected(COUNT, |n| n % 2 == 1));
    let one = Lookup { login: Some("CLIENT.0@example.com".to_owned()), ..lookup(10_000) };
    assert_eq!(numbers(&pages(&log, Scope::Matter(matter(2)), &one, 1 << 20)), expected(COUNT, |n| n % 6 == 2));
    let uploads = Lookup { uploads: true, ..lookup(10_000) };
    let found = pages(&log, Scope::Matter(matter(0)), &uploads, 1 << 20);
    assert_eq!(numbers(&found), expected(COUNT, |n| n % 3 == 0 && n % 4 == 1));
    let never = Lookup { since: Some(Timestamp::now().after(std::time::Duration::from_secs(60))), ..lookup(10) };
    assert!(pages(&log, Scope::Matter(matter(0)), &never, 1 << 20).is_empty());
    assert!(pages(&log, Scope::Matter(matter(9)), &lookup(10), 1 << 20).is_empty());
    log.close();
    drop(log);
    // Everything in bundles, as an old log has it.
    let (log, _) = open(dir.path());
    acts(&log, 1);
    let found = pages(&log, Scope::Matter(matter(1)), &lookup(50), 1 << 20);
    assert_eq!(numbers(&found), expected(COUNT, |n| n % 3 == 1));
}

#[test]
fn a_page_goes_on_where_the_one_before_ended_though_more_was_recorded() {
    let dir = folder();
    let (log, _) = open(dir.path());
    acts(&log, 40);
    let mut lookup = Lookup { limit: 3, ..Lookup::default() };
    let first = log.activity(Scope::Matter(matter(0)), &lookup, &TransientNames::default()).expect("sound");
    acts(&log, 40);
    lookup.before = first.next;
    let second = log.activity(Scope::Matter(matter(0)), &lookup, &TransientNames::default()).expect("sound");
    let both: Vec<_> = numbers(&first.acts).into_iter().chain(numbers(&second.acts)).collect();
    assert_eq!(both, expected(40, |n| n % 3 == 0)[..6]);
}
