//! What clients keep with a document: its times and their own properties, through everything that happens to it.

use crate::demo::*;
use crate::webdav_drive::Drive;

const PATCH: [&str; 3] = ["-X", "PROPPATCH", "--data-binary"];

fn patch(drive: &Drive, status: u16, name: &str, set: &str) -> String {
    let body = format!(
        "<D:propertyupdate xmlns:D='DAV:' xmlns:Z='urn:schemas-microsoft-com:' xmlns:x='urn:x'><D:set><D:prop>{set}\
         </D:prop></D:set></D:propertyupdate>"
    );
    drive.expect(status, name, &[&PATCH[..], &[&body]].concat()).text()
}

/// The value of a property, without its namespace; nothing if the entry has none of that name.
fn value(drive: &Drive, name: &str, property: &str) -> Option<String> {
    let body = format!(
        "<D:propfind xmlns:D='DAV:' xmlns:Z='urn:schemas-microsoft-com:' xmlns:x='urn:x'><D:prop><{property}/></D:prop>\
         </D:propfind>"
    );
    let text = drive.expect(207, name, &["-X", "PROPFIND", "-H", "Depth: 0", "--data-binary", &body]).text();
    let (found, _) = text.split_once("HTTP/1.1 200 OK").expect("a propstat");
    let local = property.split_once(':').map_or(property, |(_, local)| local);
    let (_, rest) = found.split_once(local)?;
    let (_, rest) = rest.split_once('>')?;
    rest.split('<').next().map(str::to_owned)
}

/// The modification time that SFTP shows, in seconds.
fn sftp_time(drive: &Drive, name: &str) -> String {
    let listed = ok(drive.demo.sftp(drive.login, &format!("ls -l \"/{}\"", drive.path(name))));
    let line = listed.lines().find(|line| line.starts_with('-')).unwrap_or_else(|| panic!("{listed}"));
    // Mode, links, owner, group, size, month, day, year.
    line.split_whitespace().skip(5).take(3).collect::<Vec<_>>().join(" ")
}

#[test]
fn times_that_clients_set_are_shown_at_both_doors_and_in_every_form() {
    let drive = Drive::fresh("times");
    drive.put(201, "a.docx", "a", &[]);
    // As Explorer does after a copy.
    let times = "<Z:Win32CreationTime>Sat, 01 Jan 2000 10:00:00 GMT</Z:Win32CreationTime>\
                 <Z:Win32LastAccessTime>Mon, 03 Jan 2000 10:00:00 GMT</Z:Win32LastAccessTime>\
                 <Z:Win32LastModifiedTime>Sun, 02 Jan 2000 10:00:00 GMT</Z:Win32LastModifiedTime>\
                 <Z:Win32FileAttributes>00000021</Z:Win32FileAttributes>";
    let answer = patch(&drive, 207, "a.docx", times);
    assert!(answer.contains("HTTP/1.1 200 OK") && !answer.contains("HTTP/1.1 4"), "{answer}");
    let is = |name: &str, property: &str, expected: &str| {
        assert_eq!(value(&drive, name, property).as_deref(), Some(expected), "{property}");
    };
    let made_then = |name: &str| {
        is(name, "D:creationdate", "2000-01-01T10:00:00Z");
        is(name, "Z:Win32CreationTime", "Sat, 01 Jan 2000 10:00:00 GMT");
        is(name, "Z:Win32LastAccessTime", "Mon, 03 Jan 2000 10:00:00 GMT");
        is(name, "Z:Win32FileAttributes", "00000021");
    };
    made_then("a.docx");
    is("a.docx", "D:getlastmodified", "Sun, 02 Jan 2000 10:00:00 GMT");
    assert_eq!(sftp_time(&drive, "a.docx"), "Jan 2 2000");
    let head = drive.expect(200, "a.docx", &["-I"]);
    assert_eq!(head.header("last-modified").as_deref(), Some("Sun, 02 Jan 2000 10:00:00 GMT"));
    // As WinSCP does, and as rclone does while it uploads.
    patch(&drive, 207, "a.docx", "<D:getlastmodified>Mon, 03 Jan 2000 10:00:00 GMT</D:getlastmodified>");
    is("a.docx", "Z:Win32LastModifiedTime", "Mon, 03 Jan 2000 10:00:00 GMT");
    drive.put(204, "a.docx", "b", &["-H", "X-OC-Mtime: 1000000000"]);
    is("a.docx", "D:getlastmodified", "Sun, 09 Sep 2001 01:46:40 GMT");
    assert_eq!(sftp_time(&drive, "a.docx"), "Sep 9 2001");
    // And as `put -p` does over SFTP.
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "c").expect("written");
    let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(946_807_200);
    file.as_file().set_modified(then).expect("set");
    ok(drive.demo.sftp(CLIENT_ONE, &format!("put -p \"{}\" \"/{}\"", file.path().display(), drive.path("a.docx"))));
    is("a.docx", "D:getlastmodified", "Sun, 02 Jan 2000 10:00:00 GMT");
    // A new version is changed now, and was made when it was made; a move changes neither.
    drive.put(204, "a.docx", "d", &[]);
    let changed = value(&drive, "a.docx", "D:getlastmodified").expect("a time");
    assert!(!changed.contains("2000") && !changed.contains("2001"), "{changed}");
    made_then("a.docx");
    patch(&drive, 207, "a.docx", "<D:creationdate>1999-12-31T23:00:00Z</D:creationdate>");
    is("a.docx", "Z:Win32CreationTime", "Fri, 31 Dec 1999 23:00:00 GMT");
    drive.expect(201, "a.docx", &["-X", "MOVE", "-H", &drive.to("b.docx")]);
    is("b.docx", "D:creationdate", "1999-12-31T23:00:00Z");
    is("b.docx", "D:getlastmodified", &changed);
    // Nonsense is refused, and with it all of the request.
    let refused = patch(&drive, 207, "b.docx", "<D:creationdate>yesterday</D:creationdate><x:zebra>1</x:zebra>");
    assert!(refused.contains("403 Forbidden") && refused.contains("424 Failed Dependency"), "{refused}");
    assert_eq!(value(&drive, "b.docx", "x:zebra"), None);
}

#[test]
fn a_move_to_another_matter_keeps_times_and_properties() {
    let from = Drive::at(STAFF, "Shared room/properties-across");
    from.expect(201, "", &["-X", "MKCOL"]);
    from.put(201, "a", "a", &["-H", "X-OC-Mtime: 1000000000"]);
    patch(
        &from,
        207,
        "a",
        "<x:colour>red</x:colour><Z:Win32CreationTime>Sat, 01 Jan 2000 10:00:00 GMT</Z:Win32CreationTime>",
    );
    let to = Drive { folder: format!("{MATTER_TWO}/Documents/Shared room"), ..Drive::at(STAFF, "") };
    from.expect(201, "a", &["-X", "MOVE", "-H", &to.to("across")]);
    assert_eq!(value(&to, "across", "x:colour").as_deref(), Some("red"));
    assert_eq!(value(&to, "across", "D:creationdate").as_deref(), Some("2000-01-01T10:00:00Z"));
    assert_eq!(value(&to, "across", "D:getlastmodified").as_deref(), Some("Sun, 09 Sep 2001 01:46:40 GMT"));
    to.expect(204, "across", &["-X", "DELETE"]);
}

#[test]
fn dead_properties_stay_with_a_document_through_versions_moves_and_copies() {
    let drive = Drive::fresh("dead");
    let value_of = |name: &str| value(&drive, name, "x:colour");
    drive.put(201, "a", "1", &[]);
    patch(&drive, 207, "a", "<x:colour>red</x:colour><x:nested><x:deep a='1'>&lt;&amp;</x:deep></x:nested>");
    drive.put(204, "a", "2", &[]);
    ok(drive.demo.sftp(CLIENT_ONE, &format!("put /etc/hostname \"/{}\"", drive.path("a"))));
    assert_eq!(value_of("a").as_deref(), Some("red"));
    drive.expect(201, "a", &["-X", "COPY", "-H", &drive.to("copy")]);
    drive.expect(201, "a", &["-X", "MOVE", "-H", &drive.to("moved")]);
    ok(drive.demo.sftp(CLIENT_ONE, &format!("rename \"/{0}/moved\" \"/{0}/renamed\"", drive.folder)));
    drive.expect(201, "sub", &["-X", "MKCOL"]);
    drive.expect(201, "renamed", &["-X", "MOVE", "-H", &drive.to("sub/renamed")]);
    drive.expect(201, "sub", &["-X", "COPY", "-H", &drive.to("tree")]);
    for name in ["copy", "sub/renamed", "tree/renamed"] {
        assert_eq!(value_of(name).as_deref(), Some("red"), "{name}");
        assert_eq!(value(&drive, name, "x:deep"), None, "it is no property of its own");
    }
    // A save that puts its temporary file over the document: the document's own stay.
    drive.put(201, "34429E5E.tmp", "3", &[]);
    drive.expect(204, "34429E5E.tmp", &["-X", "MOVE", "-H", &drive.to("copy")]);
    assert_eq!((value_of("copy").as_deref(), drive.content("copy")), (Some("red"), "3".to_owned()));
    // A folder has its own, and what is gone has none left to whoever comes after.
    patch(&drive, 207, "sub", "<x:colour>blue</x:colour>");
    drive.expect(201, "sub", &["-X", "MOVE", "-H", &drive.to("sub2")]);
    assert_eq!(value_of("sub2").as_deref(), Some("blue"));
    drive.expect(204, "copy", &["-X", "DELETE"]);
    drive.put(201, "copy", "4", &[]);
    assert_eq!(value_of("copy"), None);
}

#[test]
fn properties_are_bounded_in_number_and_size_and_refused_as_a_whole() {
    let drive = Drive::fresh("bounded");
    drive.put(201, "a", "a", &[]);
    let many = |from: usize, to: usize, length: usize| -> String {
        (from..to).map(|n| format!("<x:p{n}>{}</x:p{n}>", "v".repeat(length))).collect()
    };
    let answer = patch(&drive, 207, "a", &many(0, 101, 1));
    assert!(answer.contains("507 Insufficient Storage") && !answer.contains("200 OK"), "{answer}");
    assert_eq!(value(&drive, "a", "x:p0"), None);
    let large = patch(&drive, 207, "a", &format!("<x:small>1</x:small><x:large>{}</x:large>", "v".repeat(7000)));
    assert!(large.contains("507 Insufficient Storage") && large.contains("424 Failed Dependency"), "{large}");
    assert_eq!(value(&drive, "a", "x:small"), None);
    // Each small enough, and too much together; times that came with them go back, too.
    patch(&drive, 207, "a", &many(0, 10, 5000));
    let before = value(&drive, "a", "D:getlastmodified");
    let time = "<D:getlastmodified>Sun, 02 Jan 2000 10:00:00 GMT</D:getlastmodified>";
    let answer = patch(&drive, 207, "a", &format!("{}{time}", many(10, 14, 5000)));
    assert!(answer.contains("507 Insufficient Storage") && answer.contains("424 Failed Dependency"), "{answer}");
    assert_eq!((value(&drive, "a", "x:p10"), value(&drive, "a", "D:getlastmodified")), (None, before));
    let all: String = "x".repeat(70_000);
    drive.expect(413, "a", &[&PATCH[..], &[&all]].concat());
}

#[test]
fn what_was_set_outlives_a_killed_daemon() {
    let demo = Demo::start();
    let path = format!("{MATTER_ONE}/Documents/Shared room/kept.txt");
    assert_eq!(demo.status(CLIENT_ONE, &path, &["-T", "/etc/hostname", "-H", "X-OC-Mtime: 1000000000"]), 201);
    let set = "<propertyupdate xmlns='DAV:'><set><prop><colour xmlns='urn:x'>red</colour>\
               <creationdate>2000-01-01T10:00:00Z</creationdate></prop></set></propertyupdate>";
    assert_eq!(demo.status(CLIENT_ONE, &path, &["-X", "PROPPATCH", "-d", set]), 207);
    let data = demo.data().to_owned();
    let _home = demo.kill();
    let demo = Demo::start_in(&data);
    let all = stdout(&demo.curl(CLIENT_ONE, &path, &["-X", "PROPFIND", "-H", "Depth: 0"]));
    for part in [">red</", "2000-01-01T10:00:00Z", "Sun, 09 Sep 2001 01:46:40 GMT"] {
        assert!(all.contains(part), "{part} in {all}");
    }
}
