//! What a save and a copy tell by mail: one document, once, when it is done.

use std::time::Duration;

use super::wire::{Client, WIN32};
use crate::demo::*;
use crate::mail::{firm, settle};
use crate::mail_server::*;

/// Longer than it takes a mail to go out that may.
const A_WHILE: Duration = Duration::from_secs(4);

#[test]
fn a_save_is_told_once_and_a_copy_when_its_lock_is_given_back() {
    let server = Server::start(&[]);
    let (demo, _home) = firm(&server, "");
    ok(demo.deedbox(&["matter", "owner", "2026-0001", STAFF]));
    let folder = |name: &str| format!("{MATTER_ONE}/Documents/{name}");

    // Excel's save of a document that is there.
    let mut staff = Client::at(&demo, STAFF, &folder("Drafts"), &[]);
    staff.put(201, "accounts.xlsx", &[], "as it was");
    settle(&demo);
    server.clear();
    let agent = ["User-Agent: Microsoft-WebDAV-MiniRedir/10.0.19045"];
    let mut excel = Client::at(&demo, CLIENT_ONE, &folder("Drafts"), &agent);
    excel.put(201, "~$accounts.xlsx", &[], "somebody");
    excel.put(201, "34429E5E.tmp", &[], "");
    let token = excel.lock(200, "34429E5E.tmp");
    excel.put(204, "34429E5E.tmp", &[&format!("If: ({token})")], "saved");
    excel.place("MOVE", "accounts.xlsx", "A9A97EC7.tmp", &[]);
    std::thread::sleep(A_WHILE);
    settle(&demo);
    assert!(server.mails().is_empty(), "nothing is new yet: {:#?}", server.mails());
    excel.place("MOVE", "34429E5E.tmp", "accounts.xlsx", &[&format!("If: ({token})")]);
    excel.expect(204, "DELETE", "A9A97EC7.tmp", &[], "");
    excel.expect(204, "DELETE", "~$accounts.xlsx", &[], "");
    settle(&demo);
    let mails = server.mails();
    assert_eq!(recipients(&mails), [STAFF]);
    assert!(text(&mails[0], "text").contains("1 new document"), "{:#}", mails[0]);

    // Explorer's copy, by somebody who may create and nothing else.
    server.clear();
    let mut explorer = Client::at(&demo, CLIENT_ONE, &folder("From you"), &agent);
    explorer.put(201, "long.pdf", &[], "");
    let token = explorer.lock(200, "long.pdf");
    std::thread::sleep(A_WHILE);
    let condition = format!("If: ({token})");
    explorer.put(204, "long.pdf", &[&condition], "the first half");
    std::thread::sleep(A_WHILE);
    explorer.put(204, "long.pdf", &[&condition], "the whole of it");
    settle(&demo);
    assert!(server.mails().is_empty(), "it is not done: {:#?}", server.mails());
    explorer.unlock("long.pdf", &token);
    explorer.expect(207, "PROPPATCH", "long.pdf", &[], WIN32);
    settle(&demo);
    let mails = server.mails();
    assert_eq!(recipients(&mails), [STAFF]);
    assert!(text(&mails[0], "text").contains("1 new document"), "{:#}", mails[0]);
    demo.stop();
}
