//! The messages of a matter as a page: read, answered, and kept apart from those of others.

use crate::demo::*;
use crate::pages::{Browser, under};

fn talk() -> String {
    under("/messages", &format!("{MATTER_ONE}/Messages"))
}

#[test]
fn a_client_reads_the_conversation_from_the_oldest_to_the_newest_and_answers() {
    let demo = Demo::start();
    let client = Browser::sign_in(&demo, CLIENT_ONE);
    assert!(client.get("/").body.contains(&format!("href=\"{}\"", talk())), "{}", client.get("/").body);
    let empty = client.get(&talk());
    assert!(empty.status == 200 && empty.body.contains("There are no messages yet."), "{}", empty.body);
    let send = |subject: &str, text: &str| client.send(&talk(), &talk(), &[("subject", subject), ("text", text)]);
    let sent = send("", "When do we <b>complete</b>?\nBest");
    assert_eq!((sent.status, sent.header("location")), (303, format!("{}#newest", talk()).as_str()), "{}", sent.body);
    let file = client.file("answer.txt", b"On Friday & not before.");
    ok(demo.sftp(STAFF, &format!("put \"{}\" \"/{MATTER_ONE}/Messages/Completion.txt\"", file.display())));
    let page = client.get(&talk()).body;
    let (asked, answered) =
        (page.find("When do we &#60;b&#62;complete&#60;/b&#62;?"), page.find("On Friday &#38; not before."));
    assert!(asked.is_some() && asked < answered, "the oldest first, as text: {page}");
    assert!(page.contains("<h2>Completion</h2>") && page.contains("<h2>When do we bcomplete-b</h2>"), "{page}");
    assert!(page.contains("You") && page.contains(STAFF) && page.contains("the firm"), "{page}");
    assert!(!page.contains("<b>complete"), "{page}");

    // What cannot be sent is told, and stays in the form.
    for (text, status) in [(" \n", 400), ("\u{1b}[2J", 415)] {
        assert_eq!(send("x", text).status, status, "{text:?}");
    }
    let long = send("A subject", &"x".repeat(40_000));
    assert_eq!(long.status, 303, "{}", long.body);
    let kept = send("A / subject & more", " \n");
    assert!(kept.body.contains("value=\"A / subject &#38; more\"") && kept.body.contains("nothing in this message"));
    assert_eq!(client.post(&talk(), &[("text", "x")]).status, 400, "no form of a page of ours");

    // Who read what is in the record.
    let record = ok(demo.deedbox(&["audit", "show"]));
    let read = |line: &&str| line.contains(CLIENT_ONE) && line.contains(" read ") && line.contains("Completion.txt");
    assert!(record.lines().any(|line| read(&line)), "{record}");

    // Where it is switched off there is nothing.
    ok(demo.deedbox(&["matter", "area", "2026-0001", "messages", "off", "--yes"]));
    assert_eq!(client.get(&talk()).status, 404);
    assert_eq!(send_blindly(&client), 404);
}

/// A message by a form of another page, as its own is not there.
fn send_blindly(client: &Browser<'_>) -> u16 {
    client.send("/account", &talk(), &[("text", "Hello?")]).status
}

#[test]
fn conversations_are_kept_apart_and_long_ones_come_in_pages() {
    let demo = Demo::start();
    let expert = Browser::sign_in(&demo, EXPERT);
    let own = format!("{}/Expert", talk());
    let moved = expert.get(&talk());
    assert_eq!((moved.status, moved.header("location")), (303, own.as_str()), "where the expert may read and write");
    assert_eq!(expert.send(&own, &own, &[("text", "The roof leaks.")]).status, 303);
    assert!(expert.get(&own).body.contains("The roof leaks."));
    let client = Browser::sign_in(&demo, CLIENT_ONE);
    let hidden = client.get(&own);
    assert_eq!((hidden.status, hidden.header("location")), (303, talk().as_str()), "as if it were not there");
    let nothing = client.get(&format!("{}/Nothing", talk()));
    assert_eq!((nothing.status, nothing.header("location")), (303, talk().as_str()));
    let sent = |to: &str| client.send(&talk(), to, &[("text", "Hello")]);
    let (hidden, absent) = (sent(&own), sent(&format!("{}/Nothing", talk())));
    assert!((400..500).contains(&hidden.status) && hidden.status == absent.status, "{}", hidden.body);
    assert!(!expert.get(&own).body.contains("Hello"));
    for nowhere in [MATTER_TWO.to_owned() + "/Messages", MATTER_ONE.to_owned(), format!("{MATTER_ONE}/Documents")] {
        assert_eq!(client.get(&under("/messages", &nowhere)).status, 404, "{nowhere}");
    }
    // Staff see both, as two.
    let staff = Browser::sign_in(&demo, STAFF).get(&own).body;
    assert!(staff.contains(&format!("<a href=\"{}\">Messages</a>", talk())) && staff.contains("The roof leaks."));

    let mut batch = String::new();
    for n in 1..=25 {
        let file = client.file(&format!("{n}.txt"), format!("This is number {n}.").as_bytes());
        batch.push_str(&format!("put \"{}\" \"/{MATTER_ONE}/Messages/number {n}.txt\"\n", file.display()));
    }
    ok(demo.sftp(CLIENT_ONE, &batch));
    let newest = client.get(&talk()).body;
    assert!(newest.contains("This is number 25.") && !newest.contains("This is number 5."), "{newest}");
    assert!(newest.contains("href=\"?older=1\"") && newest.contains("id=\"newest\""), "{newest}");
    let older = client.get(&format!("{}?older=1", talk())).body;
    assert!(older.contains("This is number 5.") && !older.contains("This is number 6."), "{older}");
    assert!(older.contains("href=\"?older=0\""), "{older}");
}
