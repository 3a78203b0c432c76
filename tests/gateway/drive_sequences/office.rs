//! Excel and Word on a network drive of Windows, and documents that Office opens by their address.

use super::wire::{Client, WIN32};
use super::{FOLDERS, Room};

const REDIRECTOR: &[&str] = &[
    "Connection: Keep-Alive",
    "User-Agent: Microsoft-WebDAV-MiniRedir/10.0.19045",
    "Cache-Control: no-cache",
    "Pragma: no-cache",
    "translate: f",
];

/// A file as the redirector makes it: empty, then locked, then with its content, then with its times. Gives the token of the
/// lock, which stays.
fn made(client: &mut Client, name: &str, content: &str) -> String {
    client.find(404, name);
    client.put(201, name, &[], "");
    let token = client.lock(200, name);
    client.expect(200, "HEAD", name, &[], "");
    client.put(204, name, &[&format!("If: ({token})")], content);
    // Without the token, as Windows does.
    client.expect(207, "PROPPATCH", name, &["Content-Type: text/xml; charset=\"utf-8\""], WIN32);
    token
}

/// Opens the document: locked, with the file beside it that tells whose it is.
fn opened(client: &mut Client, document: &str) -> (String, String, String) {
    client.find(207, document);
    let token = client.lock(200, document);
    let owner = format!("~${document}");
    let owner_token = made(client, &owner, "somebody");
    assert_eq!(client.content(document), super::FIRST);
    (token, owner, owner_token)
}

fn closed(client: &mut Client, (owner, owner_token): (&str, &str)) {
    client.unlock(owner, owner_token);
    client.expect(204, "DELETE", owner, &[], "");
}

#[test]
fn excel_saves_on_a_drive() {
    for folder in FOLDERS {
        let mut room = Room::with("accounts.xlsx", folder, "excel");
        let mut client = room.client(REDIRECTOR);
        let (token, owner, owner_token) = opened(&mut client, "accounts.xlsx");
        room.others_still_see(super::FIRST);

        let temporary = made(&mut client, "34429E5E.tmp", "saved by Excel");
        client.unlock("34429E5E.tmp", &temporary);
        client.unlock("accounts.xlsx", &token);
        client.find(404, "A9A97EC7.tmp");
        let temporary = client.lock(200, "34429E5E.tmp");
        client.place("MOVE", "accounts.xlsx", "A9A97EC7.tmp", &["Overwrite: F"]);
        client.find(404, "accounts.xlsx");
        assert_eq!(client.content("A9A97EC7.tmp"), super::FIRST);
        room.others_still_see(super::FIRST);
        // The token of the source alone.
        client.place("MOVE", "34429E5E.tmp", "accounts.xlsx", &["Overwrite: F", &format!("If: ({temporary})")]);
        assert_eq!(client.content("A9A97EC7.tmp"), super::FIRST, "the saver still has the version before");
        client.expect(403, "PUT", "A9A97EC7.tmp", &[], "changed");
        client.expect(204, "DELETE", "A9A97EC7.tmp", &[], "");
        client.find(404, "A9A97EC7.tmp");
        client.find(404, "34429E5E.tmp");

        let token = client.lock(200, "accounts.xlsx");
        assert_eq!(client.content("accounts.xlsx"), "saved by Excel");
        client.unlock("accounts.xlsx", &token);
        closed(&mut client, (&owner, &owner_token));
        room.was_saved("saved by Excel");
    }
}

#[test]
fn word_saves_on_a_drive_and_its_next_save_is_one_more_version() {
    for folder in FOLDERS {
        let mut room = Room::with("will.docx", folder, "word");
        let mut client = room.client(REDIRECTOR);
        let (mut token, owner, owner_token) = opened(&mut client, "will.docx");
        for (n, content) in ["first save", "second save"].into_iter().enumerate() {
            let (new, old) = (format!("~WRD000{n}.tmp"), format!("~WRL000{n}.tmp"));
            let temporary = made(&mut client, &new, content);
            client.unlock("will.docx", &token);
            client.find(404, &old);
            client.place("MOVE", "will.docx", &old, &["Overwrite: F"]);
            client.place("MOVE", &new, "will.docx", &["Overwrite: T", &format!("If: ({temporary})")]);
            client.expect(204, "DELETE", &old, &[], "");
            token = client.lock(200, "will.docx");
            assert_eq!(client.content("will.docx"), content);
        }
        client.unlock("will.docx", &token);
        closed(&mut client, (&owner, &owner_token));
        room.was_saved_as("second save", 3);
    }
}

#[test]
fn word_keeps_a_backup_and_puts_the_document_back_when_a_save_fails() {
    for folder in FOLDERS {
        let mut room = Room::with("will.docx", folder, "backup");
        let mut client = room.client(REDIRECTOR);
        // The second step fails in Word: it moves the document back.
        client.place("MOVE", "will.docx", "~WRL0001.tmp", &["Overwrite: F"]);
        client.place("MOVE", "~WRL0001.tmp", "will.docx", &["Overwrite: F"]);
        assert_eq!(client.content("will.docx"), super::FIRST);
        client.find(404, "~WRL0001.tmp");
        room.others_still_see(super::FIRST);

        let temporary = made(&mut client, "~WRD0002.tmp", "saved with a backup");
        client.place("MOVE", "will.docx", "~WRL0002.tmp", &["Overwrite: F"]);
        client.place("MOVE", "~WRD0002.tmp", "will.docx", &["Overwrite: F", &format!("If: ({temporary})")]);
        room.was_saved("saved with a backup");
        // "Always create backup copy": the version before gets a name of its own.
        client.place("MOVE", "~WRL0002.tmp", "Backup of will.wbk", &["Overwrite: T"]);
        assert_eq!(client.content("Backup of will.wbk"), super::FIRST);
        client.find(404, "~WRL0002.tmp");
    }
}

#[test]
fn word_2016_sends_its_token_in_a_header_of_its_own() {
    for folder in FOLDERS {
        let mut room = Room::with("letter.docx", folder, "word-2016");
        let mut client = room.client(REDIRECTOR);
        let token = client.lock(200, "letter.docx");
        client.put(423, "letter.docx", &[], "without a token");
        client.put(204, "letter.docx", &[&format!("Lock-Token: {token}")], "with the token beside");
        client.expect(204, "UNLOCK", "letter.docx", &[&format!("Lock-Token: {}", token.trim_matches(['<', '>']))], "");
        room.was_saved("with the token beside");
    }
}

#[test]
fn office_opens_by_address_locks_refreshes_and_saves() {
    let agent = ["User-Agent: Microsoft Office Word 2014", "X-Office-Major-Version: 16", "X-MS-CookieUri-Requested: t"];
    for folder in FOLDERS {
        let mut room = Room::with("deed.docx", folder, "direct");
        let mut client = room.client(&agent);
        let options = client.expect(200, "OPTIONS", "", &[], "");
        assert_eq!(options.header("dav").as_deref(), Some("1, 2"));
        assert_eq!(options.header("ms-author-via").as_deref(), Some("DAV"));
        assert!(client.expect(200, "HEAD", "deed.docx", &[], "").header("last-modified").is_some());
        let reply = client.expect(200, "LOCK", "deed.docx", &["Timeout: Second-3600"], super::wire::LOCKINFO);
        let token = reply.header("lock-token").expect("a token");
        let lasts = reply.text().split("Second-").nth(1).and_then(|rest| rest.split('<').next()?.parse::<u64>().ok());
        assert!(lasts.is_some_and(|seconds| seconds >= 180), "or Office opens it read-only: {}", reply.text());
        assert_eq!(client.content("deed.docx"), super::FIRST);
        let condition = format!("If: ({token})");
        client.expect(200, "LOCK", "deed.docx", &[&condition, "Timeout: Second-3600"], "");
        client.put(204, "deed.docx", &[&condition], "edited at its address");
        client.unlock("deed.docx", &token);
        room.was_saved("edited at its address");
    }
}

#[test]
fn two_people_have_owner_files_of_one_name_and_neither_sees_the_other_s() {
    let mut room = Room::with("shared.docx", super::EVERYTHING, "owners");
    let mut one = room.client(REDIRECTOR);
    let mut two = Client::at(room.demo, crate::demo::CLIENT_TWO, &room.folder, REDIRECTOR);
    for (client, whose) in [(&mut one, "one"), (&mut two, "two")] {
        client.find(404, "~$shared.docx");
        client.put(201, "~$shared.docx", &[], whose);
    }
    assert_eq!(one.content("~$shared.docx"), "one");
    assert_eq!(two.content("~$SHARED.docx"), "two", "a name is one in any case");
    room.others_still_see(super::FIRST);
    two.expect(204, "DELETE", "~$shared.docx", &[], "");
    two.find(404, "~$shared.docx");
    assert_eq!(one.content("~$shared.docx"), "one");
    // What one moves away in a save is there for the other.
    one.put(201, "1234ABCD.tmp", &[], "saved by one");
    one.place("MOVE", "shared.docx", "5678ABCD.tmp", &[]);
    assert_eq!(two.content("shared.docx"), super::FIRST);
    two.find(404, "5678ABCD.tmp");
    let listing = one.expect(207, "PROPFIND", "", &["Depth: 1"], "").text();
    assert!(listing.contains("5678ABCD.tmp") && !listing.contains(">shared.docx</D:displayname>"), "{listing}");
    one.place("MOVE", "1234ABCD.tmp", "shared.docx", &[]);
    assert_eq!(two.content("shared.docx"), "saved by one");
    room.was_saved("saved by one");
}
