//! macOS: a volume is mounted, files are copied and saved. Names come decomposed.

use super::wire::Client;
use super::{FOLDERS, Room};
use crate::demo::*;

const AGENT: &[&str] =
    &["User-Agent: WebDAVFS/3.0.0 (03008000) Darwin/23.5.0 (arm64)", "Accept: */*", "Connection: keep-alive"];

const QUOTA: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><D:propfind xmlns:D=\"DAV:\"><D:prop>\
    <D:quota-available-bytes/><D:quota-used-bytes/><D:quota/><D:quotaused/></D:prop></D:propfind>";

/// An exclusive lock as WebDAVFS takes it.
fn locked(client: &mut Client, name: &str) -> String {
    let headers = ["Depth: 0", "Timeout: Second-600", "Content-Type: text/xml; charset=\"utf-8\""];
    client.expect(200, "LOCK", name, &headers, super::wire::LOCKINFO).header("lock-token").expect("a token")
}

/// A chunked PUT with the length in a header of its own.
fn filled(client: &mut Client, name: &str, token: &str, content: &str) {
    let headers = [format!("X-Expected-Entity-Length: {}", content.len()), format!("If: ({token})")];
    let reply = client.put_chunked(name, &headers.each_ref().map(String::as_str), content);
    assert_eq!(reply.status, 204, "{}", reply.headers);
}

/// A file and what macOS keeps beside it.
fn copied(client: &mut Client, name: &str, content: &str) {
    for (name, content) in [(name.to_owned(), content), (format!("._{name}"), "resource fork")] {
        client.find(404, &name);
        client.put(201, &name, &[], "");
        let token = locked(client, &name);
        filled(client, &name, &token, content);
        client.unlock(&name, &token);
    }
}

#[test]
fn finder_mounts_a_volume() {
    for folder in FOLDERS {
        let demo = Demo::shared();
        let mut client = Client::at(demo, CLIENT_ONE, &format!("{MATTER_ONE}/Documents/{folder}"), AGENT);
        for _ in 0..2 {
            let options = client.expect(200, "OPTIONS", "", &[], "");
            assert_eq!(options.header("dav").as_deref(), Some("1, 2"), "or it is mounted for reading alone");
        }
        client.find(207, "");
        let quota = client.expect(207, "PROPFIND", "", &["Depth: 0"], QUOTA).text();
        assert!(quota.contains("<D:quota-available-bytes>") && quota.contains("<D:quota-used-bytes>"), "{quota}");
        for name in
            ["._.", ".metadata_never_index", "Backups.backupdb", ".DS_Store", ".ql_disablethumbnails", ".hidden"]
        {
            client.find(404, name);
        }
    }
}

#[test]
fn finder_copies_in_with_decomposed_names() {
    for folder in ["From you", "Drafts", "Shared room"] {
        let demo = Demo::shared();
        let folder = format!("{MATTER_ONE}/Documents/{folder}");
        let mut client = Client::at(demo, CLIENT_ONE, &folder, AGENT);
        copied(&mut client, "U\u{308}bergabe.pdf", "from a Mac");
        assert_eq!(client.content("._U\u{308}bergabe.pdf"), "resource fork");
        let mut staff = Client::at(demo, STAFF, &folder, &[]);
        assert_eq!(staff.content("\u{dc}bergabe.pdf"), "from a Mac");
        staff.find(404, "._\u{dc}bergabe.pdf");
        staff.expect(204, "DELETE", "\u{dc}bergabe.pdf", &[], "");
        client.expect(204, "DELETE", "._U\u{308}bergabe.pdf", &[], "");
    }
}

#[test]
fn a_mac_saves_in_place() {
    for folder in FOLDERS {
        let mut room = Room::with("notes.txt", folder, "in-place");
        let mut client = room.client(AGENT);
        client.find(207, "notes.txt");
        let token = locked(&mut client, "notes.txt");
        assert_eq!(client.content("notes.txt"), super::FIRST);
        let refreshed =
            client.expect(200, "LOCK", "notes.txt", &[&format!("If: ({token})"), "Timeout: Second-600"], "");
        assert!(refreshed.text().contains("Second-600"), "{}", refreshed.text());
        filled(&mut client, "notes.txt", &token, "saved in place");
        client.unlock("notes.txt", &token);
        room.was_saved("saved in place");
    }
}

/// A save that is prepared in a folder beside the document; the original is removed or not, and the new one moved out.
fn prepared(room: &mut Room, removes: bool) {
    let mut client = room.client(AGENT);
    let temporary = "notes.txt.sb-3d61e1b1-Qm3vzR";
    client.find(404, temporary);
    client.expect(201, "MKCOL", temporary, &[], "");
    let inside = format!("{temporary}/notes.txt");
    client.put(201, &inside, &[], "");
    let token = locked(&mut client, &inside);
    filled(&mut client, &inside, &token, "saved beside");
    client.unlock(&inside, &token);
    room.others_still_see(super::FIRST);
    if removes {
        client.expect(204, "DELETE", "notes.txt", &[], "");
        client.find(404, "notes.txt");
        room.others_still_see(super::FIRST);
    }
    client.place("MOVE", &inside, "notes.txt", &[]);
    client.expect(204, "DELETE", temporary, &[], "");
    client.find(404, temporary);
    assert_eq!(client.content("notes.txt"), "saved beside");
    room.was_saved("saved beside");
}

#[test]
fn a_mac_saves_beside_the_document_and_moves_it_over() {
    for folder in FOLDERS {
        prepared(&mut Room::with("notes.txt", folder, "moved-over"), false);
    }
}

#[test]
fn a_mac_saves_beside_the_document_and_removes_the_original_first() {
    for folder in FOLDERS {
        prepared(&mut Room::with("notes.txt", folder, "removed-first"), true);
    }
}

#[test]
fn the_folder_of_a_save_is_its_makers_alone_and_takes_no_document_in() {
    let room = Room::with("notes.txt", super::EVERYTHING, "folder-of-a-save");
    let mut client = room.client(AGENT);
    let temporary = "notes.txt.sb-1";
    client.expect(201, "MKCOL", temporary, &[], "");
    client.put(201, &format!("{temporary}/notes.txt"), &[], "mine");
    let mut two = Client::at(room.demo, CLIENT_TWO, &room.folder, AGENT);
    two.find(404, temporary);
    two.find(404, &format!("{temporary}/notes.txt"));
    two.put(409, &format!("{temporary}/other.txt"), &[], "not there");
    // To bring a document where nobody else sees it would be a way to make it disappear.
    let into = format!("Destination: {}", client.url(&format!("{temporary}/gone.txt")));
    client.expect(403, "MOVE", "notes.txt", &[&into], "");
    let named = format!("Destination: {}", client.url("a real folder"));
    client.expect(403, "MOVE", temporary, &[&named], "");
    client.expect(204, "DELETE", temporary, &[], "");
    assert_eq!(two.content("notes.txt"), super::FIRST);
}
