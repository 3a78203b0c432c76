//! The outbox on a real store.

use std::sync::Arc;

use tempfile::TempDir;
use zeroize::Zeroizing;

use super::*;
use crate::kv::{self, EngineKind, SealKeys, SealedStore};
use crate::names::{AccountId, DocName, DocPath, MatterId, NodeId, Place, Timestamp};

fn store() -> (Arc<SealedStore>, TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = kv::Settings { cache_bytes: 1 << 20 };
    let engine = kv::open(EngineKind::Redb, &dir.path().join("catalog"), settings).expect("opened");
    let store = SealedStore::new(engine, &SealKeys::new([1; 32], [2; 32])).expect("sealed");
    (Arc::new(store), dir)
}

const MATTER: MatterId = MatterId::from_bytes([9; 16]);
const MAKER: AccountId = AccountId::from_bytes([1; 16]);

fn node(n: u8) -> NodeId {
    NodeId::from_bytes([n; 16])
}

fn name(text: &str) -> DocName {
    DocName::parse(text.as_bytes()).expect("a name")
}

fn place(folder: u8) -> Place {
    Place {
        matter: Some(MATTER),
        chain: vec![node(100), node(folder)],
        structure: 2,
        own: false,
        transient: false,
        path: DocPath::root(),
    }
}

fn news(folder: u8, document: u8, cause: Cause) -> News {
    News::now(&place(folder), node(document), &name("a.pdf"), MAKER, cause).expect("a folder")
}

impl Noticeboard {
    fn takes(&self, store: &SealedStore, news: &News) {
        let mut change = store.change();
        self.announce(&mut change, Some(news.clone())).expect("announced");
        change.commit().expect("committed");
    }
}

#[test]
fn a_document_is_one_piece_of_news_until_it_is_gone() {
    let (store, _dir) = store();
    let board = Noticeboard::new(store.clone(), true).expect("read");
    let first = News { since: Timestamp::from_seconds(5), ..news(1, 50, Cause::Uploaded) };
    board.takes(&store, &first);
    let moved = news(2, 50, Cause::Moved { from: node(1) });
    board.takes(&store, &moved);
    // Nobody was told where it was, so it is as new as it ever was.
    let waits = board.all().expect("read");
    assert_eq!(waits, [News { cause: Cause::Uploaded, since: first.since, ..moved }]);

    let mut change = store.change();
    board.readdress(&mut change, node(50), &place(3), &name("b.pdf")).expect("readdressed");
    change.commit().expect("committed");
    let waits = board.all().expect("read");
    assert_eq!((waits[0].folder, waits[0].name.clone()), (node(3), Some(name("b.pdf"))));

    let mut change = store.change();
    board.withdraw(&mut change, Some(MATTER), node(50)).expect("withdrawn");
    change.commit().expect("committed");
    assert_eq!((board.all().expect("read"), board.waiting()), (vec![], 0));
}

#[test]
fn news_beyond_the_bound_is_told_by_folder_and_with_mail_off_there_is_none() {
    let (store, _dir) = store();
    let board = Noticeboard::full(store.clone());
    board.takes(&store, &news(1, 50, Cause::Uploaded));
    board.takes(&store, &news(1, 51, Cause::Uploaded));
    board.takes(&store, &news(2, 52, Cause::Uploaded));
    let waits: Vec<_> = board.all().expect("read").into_iter().map(|news| (news.node, news.name)).collect();
    assert_eq!(waits, [(node(1), None), (node(2), None)]);

    let off = Noticeboard::new(store.clone(), false).expect("read");
    off.takes(&store, &news(3, 53, Cause::Uploaded));
    assert_eq!(off.all().expect("read").len(), 2);
}

#[test]
fn news_that_changed_meanwhile_becomes_no_mail() {
    let (store, _dir) = store();
    let (board, mails) = (Noticeboard::new(store.clone(), true).expect("read"), Mails::new(store.clone()));
    board.takes(&store, &news(1, 50, Cause::Uploaded));
    let seen = board.all().expect("read");
    let mail = Mail::news(MAKER, vec![], false);
    board.takes(&store, &News { at: Timestamp::from_seconds(7), ..seen[0].clone() });
    assert!(!mails.compose(&seen, std::slice::from_ref(&mail), &[]).expect("asked"));
    assert!(mails.all().expect("read").is_empty() && board.all().expect("read").len() == 1);
    let seen = board.all().expect("read");
    assert!(mails.compose(&seen, std::slice::from_ref(&mail), &[]).expect("asked"));
    assert!(mails.all().expect("read") == [mail] && board.all().expect("read").is_empty());
}

#[test]
fn a_day_gathers_into_one_record_and_ends_as_mail() {
    let (store, _dir) = store();
    let mails = Mails::new(store);
    let line = |folder, count| Item { folder: node(folder), by: None, count, names: vec![name("a.pdf")] };
    let part = |items, since| Section { matter: MATTER, items, since: Timestamp::from_seconds(since) };
    let to = MAKER;
    let parts = [(to, part(vec![line(1, 2)], 10)), (to, part(vec![line(2, 1)], 8))];
    assert!(mails.compose(&[], &[], &parts).expect("asked"));
    assert!(mails.compose(&[], &[], &[(to, part(vec![line(1, 3)], 20))]).expect("asked"));
    let day = mails.digests().expect("read");
    let first = Item { names: vec![name("a.pdf"), name("a.pdf")], ..line(1, 5) };
    assert_eq!(day, [(to, part(vec![first, line(2, 1)], 8))]);
    mails.close_day(to, &[day[0].1.clone()], &[Mail::news(to, vec![day[0].1.clone()], true)]).expect("closed");
    assert!(mails.digests().expect("read").is_empty());
    assert_eq!(mails.all().expect("read")[0].kind(), "digest");
}

#[test]
fn a_newer_letter_takes_the_place_of_one_that_waits_and_is_not_taken_out_for_it() {
    let (store, _dir) = store();
    let mails = Mails::new(store.clone());
    let letter = |token: &str| Letter::PasswordReset {
        account: MAKER,
        address: "client.one@example.com".to_owned(),
        token: Zeroizing::new(token.to_owned()),
        expires: Timestamp::from_seconds(9),
    };
    let id = mails.post(letter("first")).expect("posted");
    let first = mails.get(id).expect("read").expect("there");
    let mut change = store.change();
    put(&mut change, letter("second"));
    change.commit().expect("committed");
    // The first was on its way meanwhile.
    mails.remove(&first.value).expect("no matter");
    mails.note(&first, Delivery { is_refused: true, ..Delivery::default() }).expect("no matter");
    let second = mails.get(id).expect("read").expect("still there");
    assert!(second.value.topic == Topic::Letter(letter("second")) && !second.value.delivery.is_refused);
    assert_ne!(mails.message_tag(&first.value), mails.message_tag(&second.value), "two mails");
    assert_eq!(mails.message_tag(&second.value), mails.message_tag(&second.value));
    assert!(!format!("{:?}", second.value).contains("second"), "a token is never shown");

    // Asked for again while it was on its way: the relay has it all the same.
    assert_eq!(mails.retry(Some(id)).expect("asked"), 1);
    mails.remove(&second.value).expect("taken out");
    assert!(mails.all().expect("read").is_empty());
}

#[test]
fn administrators_are_warned_once_a_week_whatever_happens_to_the_mail() {
    let (store, _dir) = store();
    let day = |n: i64| Timestamp::from_seconds(n * 24 * 3600);
    let letter = || Letter::OldScanners { account: MAKER, address: "admin.one@example.com".to_owned(), until: None };
    let warns = |letters, now| Mails::new(store.clone()).warn(letters, now).expect("stored");
    assert!(!warns(vec![], day(1)), "nobody to warn");
    assert!(warns(vec![letter()], day(1)));
    let mails = Mails::new(store.clone());
    let sent = mails.all().expect("read");
    assert_eq!(sent.iter().map(Mail::kind).collect::<Vec<_>>(), ["old-scanners"]);
    mails.remove(&sent[0]).expect("sent");
    assert!(!warns(vec![letter()], day(7)), "the week is not over");
    assert!(warns(vec![letter()], day(8)));
    assert!(warns(vec![letter()], day(2)), "a clock that was set back does not silence the warning");
}

#[test]
fn the_largest_mail_fits_a_record() {
    let (store, _dir) = store();
    let long = name(&"n".repeat(255));
    let item = |n: usize| Item {
        folder: NodeId::from_bytes([255; 16]),
        by: Some(AccountId::from_bytes([200 + u8::try_from(n % 50).expect("small"); 16])),
        count: u32::MAX,
        names: if n < MAX_NAMES { vec![long.clone()] } else { vec![] },
    };
    // The most that a mail can hold: as many matters as lines.
    let part = |n| Section { matter: MatterId::from_bytes([255; 16]), items: vec![item(n)], since: Timestamp::now() };
    let sections: Vec<_> = (0..MAX_ITEMS).map(part).collect();
    let all: Vec<_> = Section::in_mails(&sections).collect();
    assert_eq!(all.len(), 1);
    let mut mail = Mail::news(MAKER, all[0].clone(), true);
    mail.delivery.error = Some("e".repeat(300));
    let mut change = store.change();
    change.put(&mail.key(), &mail);
    change.commit().expect("it fits");

    // What is more becomes more mails, or is counted where one record is all there is.
    let more: Vec<_> = (0..MAX_ITEMS * 2 + 1).map(|n| Section { items: vec![item(n)], ..part(n) }).collect();
    assert_eq!(Section::in_mails(&more).map(|mail| mail.len()).sum::<usize>(), more.len());
    let lines = |n: u8| {
        let item = |n| Item { folder: node(n), by: None, count: 1, names: vec![long.clone()] };
        Section { items: (0..n).map(item).collect(), ..part(0) }
    };
    let merged = lines(20).with(Section { items: lines(60).items, ..part(0) });
    assert_eq!(merged.items.len(), MAX_ITEMS);
    assert_eq!(merged.items.iter().map(|item| item.count).sum::<u32>(), 80);
}
