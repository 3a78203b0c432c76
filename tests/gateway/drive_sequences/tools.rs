//! Other programs, where they do something of their own: WinSCP over WebDAV, KDE, GNOME, LibreOffice, davfs2, rclone.

use super::{FOLDERS, Room};
use crate::demo::*;

const PATCH: &str = "<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop>\
    <D:getlastmodified>Sun, 09 Sep 2001 01:46:40 GMT</D:getlastmodified></D:prop></D:set></D:propertyupdate>";

#[test]
fn winscp_overwrites_and_sets_the_time() {
    for folder in FOLDERS {
        let mut room = Room::with("scan.pdf", folder, "winscp");
        let mut client =
            room.client(&["User-Agent: WinSCP/6.3.4 neon/0.33.0", "TE: trailers", "Connection: TE, Keep-Alive"]);
        client.expect(200, "OPTIONS", "", &[], "");
        client.find(207, "scan.pdf");
        client.put(204, "scan.pdf", &["Translate: f"], "from WinSCP");
        client.expect(207, "PROPPATCH", "scan.pdf", &["Content-Type: application/xml"], PATCH);
        let head = client.expect(200, "HEAD", "scan.pdf", &["Translate: f"], "");
        assert_eq!(head.header("last-modified").as_deref(), Some("Sun, 09 Sep 2001 01:46:40 GMT"));
        room.was_saved("from WinSCP");
    }
}

#[test]
fn a_program_that_removes_the_original_and_renames_the_new_file_needs_no_right_to_delete() {
    for folder in FOLDERS {
        for (n, temporary) in
            ["scan.pdf.filepart", ".in.scan.pdf", "scan.pdf.1a2b3c4d.partial", "~WRD0001.tmp"].into_iter().enumerate()
        {
            let mut room = Room::with("scan.pdf", folder, &format!("removed-{n}"));
            let mut client = room.client(&[]);
            client.put(201, temporary, &[], "brought anew");
            client.expect(204, "DELETE", "scan.pdf", &[], "");
            client.find(404, "scan.pdf");
            let listing = client.expect(207, "PROPFIND", "", &["Depth: 1"], "").text();
            assert_eq!(listing.matches("<D:response>").count(), 2, "{listing}");
            room.others_still_see(super::FIRST);
            client.place("MOVE", temporary, "scan.pdf", &["Overwrite: F"]);
            room.was_saved("brought anew");
        }
    }
}

#[test]
fn a_removal_that_belongs_to_no_save_is_one() {
    let mut room = Room::with("scan.pdf", super::WITHOUT_DELETE, "no-save");
    let mut client = room.client(&[]);
    client.expect(403, "DELETE", "scan.pdf", &[], "");
    // Beside files that never become a document, an upload of something else, and one that has nothing in it yet.
    for (beside, content) in
        [("~$scan.pdf", "me"), (".DS_Store", "x"), ("other.pdf.filepart", "x"), ("scan.pdf.partial", "")]
    {
        client.put(201, beside, &[], content);
        client.expect(403, "DELETE", "scan.pdf", &[], "");
    }
    assert_eq!(client.content("scan.pdf"), super::FIRST);
    room.others_still_see(super::FIRST);
    // Who may delete, deletes.
    let room = Room::with("scan.pdf", super::EVERYTHING, "no-save");
    let mut client = room.client(&[]);
    client.put(201, "other.pdf.filepart", &[], "x");
    client.expect(204, "DELETE", "scan.pdf", &[], "");
    assert_eq!(room.demo.status(STAFF, &format!("{}/scan.pdf", room.folder), &[]), 404);
}

#[test]
fn what_is_put_under_the_name_that_a_save_has_made_free_is_the_next_version_from_nothing() {
    for folder in FOLDERS {
        let mut room = Room::with("plan.txt", folder, "put-anew");
        let mut client = room.client(&[]);
        client.place("MOVE", "plan.txt", "~WRL0009.tmp", &[]);
        client.expect(405, "MKCOL", "plan.txt", &[], "");
        client.put(204, "plan.txt", &["If-None-Match: *"], "new");
        assert_eq!(client.content("~WRL0009.tmp"), super::FIRST);
        room.was_saved("new");
    }
}

#[test]
fn kde_and_gnome_walk_up_to_the_root_and_save_with_conditions() {
    for folder in FOLDERS {
        let mut room = Room::with("minutes.odt", folder, "walks");
        // KIO asks without credentials first, and names them in the destination.
        let bare = client("curl")
            .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", room.demo.text("ca_file")])
            .args(["-X", "PROPFIND", "-H", "Depth: 0"])
            .arg(room.demo.url(&room.folder))
            .output()
            .expect("curl");
        assert_eq!(stdout(&bare), "401");
        let mut kio = room.client(&["User-Agent: Mozilla/5.0 (X11; Linux x86_64) KIO/5.116"]);
        kio.put(201, "minutes.odt.part", &[], "saved by KDE");
        let destination = kio.url("minutes.odt").replace("https://", "https://somebody:secret@");
        let headers = [format!("Destination: {destination}"), "Overwrite: T".to_owned(), "Depth: infinity".to_owned()];
        kio.expect(204, "MOVE", "minutes.odt.part", &headers.each_ref().map(String::as_str), "");
        room.was_saved("saved by KDE");

        // gvfs asks every folder above what it can, and writes on the condition that nothing has changed.
        let agent = ["User-Agent: gvfs/1.54.0"];
        for above in ["", MATTER_ONE, &format!("{MATTER_ONE}/Documents"), &room.folder] {
            super::wire::Client::at(room.demo, CLIENT_ONE, above, &agent).expect(200, "OPTIONS", "", &[], "");
        }
        let mut gvfs = room.client(&agent);
        let etag = gvfs.expect(200, "HEAD", "minutes.odt", &[], "").header("etag").expect("an entity tag");
        let condition = format!("If-Match: {etag}");
        gvfs.put(204, "minutes.odt", &[&condition], "saved by GNOME");
        gvfs.put(412, "minutes.odt", &[&condition], "too late");
        room.was_saved_as("saved by GNOME", 3);
    }
}

#[test]
fn libreoffice_saves_under_its_lock_with_its_lock_file_beside() {
    for folder in FOLDERS {
        let mut room = Room::with("minutes.odt", folder, "libreoffice");
        let mut client = room.client(&["User-Agent: LibreOffice 24.2.4.2"]);
        let headers = ["Depth: 0", "Timeout: Second-180"];
        let reply = client.expect(200, "LOCK", "minutes.odt", &headers, super::wire::LOCKINFO);
        let token = reply.header("lock-token").expect("a token");
        client.put(201, ".~lock.minutes.odt#", &[], ",somebody,desktop;");
        room.others_still_see(super::FIRST);
        client.put(204, "minutes.odt", &[&format!("If: ({token})")], "saved by LibreOffice");
        client.expect(204, "DELETE", ".~lock.minutes.odt#", &[], "");
        client.unlock("minutes.odt", &token);
        room.was_saved("saved by LibreOffice");
    }
}
