//! Windows Explorer: a drive is mapped, a file is dragged into it.

use super::wire::{Client, WIN32};
use super::{FOLDERS, Room};
use crate::demo::*;

const AGENT: &[&str] = &[
    "Connection: Keep-Alive",
    "User-Agent: Microsoft-WebDAV-MiniRedir/10.0.19045",
    "Cache-Control: no-cache",
    "Pragma: no-cache",
    "translate: f",
];

#[test]
fn explorer_maps_any_folder_as_a_drive() {
    let demo = Demo::shared();
    let options = client("curl")
        .args(["-sSi", "--http1.1", "--cacert", demo.text("ca_file"), "-X", "OPTIONS", "-A", AGENT[1]])
        .arg(demo.text("webdav_url"))
        .output()
        .expect("curl");
    let options = stdout(&options).to_ascii_lowercase();
    assert!(options.contains("dav: 1, 2") && options.contains("ms-author-via: dav"), "{options}");
    // Every folder above the one that is mapped.
    for folder in ["", MATTER_ONE, &format!("{MATTER_ONE}/Documents"), &format!("{MATTER_ONE}/Documents/Drafts")] {
        let mut client = Client::at(demo, CLIENT_ONE, folder, AGENT);
        let found = client.find(207, "").text();
        assert!(found.contains("<D:collection/>"), "{found}");
        client.find(404, "desktop.ini");
    }
    // The user name as Windows has it.
    let domain = format!("WORKGROUP\\{CLIENT_ONE}:{}", demo.password(CLIENT_ONE));
    let named = client("curl")
        .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", demo.text("ca_file"), "-X", "PROPFIND"])
        .args(["-H", "Depth: 0", "-u", &domain])
        .arg(demo.text("webdav_url"))
        .output()
        .expect("curl");
    assert_eq!(stdout(&named), "207");
}

/// A file that is dragged into the folder, as the redirector brings it.
fn dragged_in(client: &mut Client, name: &str, content: &str) {
    client.find(404, name);
    client.put(201, name, &[], "");
    let token = client.lock(200, name);
    client.expect(200, "HEAD", name, &[], "");
    client.put(204, name, &[&format!("If: ({token})")], content);
    client.expect(207, "PROPPATCH", name, &["Content-Type: text/xml; charset=\"utf-8\""], WIN32);
    client.unlock(name, &token);
}

#[test]
fn explorer_copies_in_where_it_may_create_and_nothing_else() {
    // "From you" reveals what is there; the drop box does not.
    for folder in ["From you", "Drop box", "Drafts", "Shared room"] {
        let demo = Demo::shared();
        let folder = format!("{MATTER_ONE}/Documents/{folder}");
        let mut client = Client::at(demo, CLIENT_ONE, &folder, AGENT);
        dragged_in(&mut client, "dragged in.pdf", "the whole file");
        let mut staff = Client::at(demo, STAFF, &folder, &[]);
        let there = staff.expect(200, "GET", "dragged in.pdf", &[], "");
        assert_eq!(there.text(), "the whole file");
        assert_eq!(there.header("last-modified").as_deref(), Some("Sun, 09 Sep 2001 01:46:40 GMT"));
        staff.expect(204, "DELETE", "dragged in.pdf", &[], "");
    }
}

#[test]
fn a_new_file_stays_its_makers_to_write_until_the_lock_is_given_back_and_a_little_longer() {
    let demo = Demo::shared();
    let folder = format!("{MATTER_ONE}/Documents/From you");
    let mut client = Client::at(demo, CLIENT_ONE, &folder, AGENT);
    // LOCK makes the file where there is none.
    let token = client.lock(201, "growing.docx");
    let condition = format!("If: ({token})");
    for content in ["one", "one and two", "one, two and three"] {
        client.put(204, "growing.docx", &[&condition], content);
    }
    client.expect(200, "LOCK", "growing.docx", &[&condition, "Timeout: Second-3600"], "");
    client.put(204, "growing.docx", &[&condition], "after a refresh");
    client.unlock("growing.docx", &token);
    // A late word of the program that is done, within the grace period.
    client.expect(207, "PROPPATCH", "growing.docx", &[], WIN32);
    client.put(204, "growing.docx", &[], "last words");
    // Without a lock it is finished with its content, as ever.
    client.put(201, "short.docx", &[], "");
    client.put(204, "short.docx", &[], "content");
    client.put(403, "short.docx", &[], "changed");
    // Somebody else's is nobody else's to write, locked or not.
    let mut two = Client::at(demo, CLIENT_TWO, &folder, AGENT);
    two.put(403, "growing.docx", &[], "not mine");
}

#[test]
fn explorer_writes_over_a_document() {
    for folder in FOLDERS {
        let mut room = Room::with("plan.pdf", folder, "over");
        let mut client = room.client(AGENT);
        client.find(207, "plan.pdf");
        let token = client.lock(200, "plan.pdf");
        client.expect(200, "HEAD", "plan.pdf", &[], "");
        client.put(204, "plan.pdf", &[&format!("If: ({token})")], "over it");
        client.expect(207, "PROPPATCH", "plan.pdf", &["Content-Type: text/xml; charset=\"utf-8\""], WIN32);
        client.unlock("plan.pdf", &token);
        room.was_saved("over it");
    }
}
