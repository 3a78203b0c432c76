//! What a request makes its effect depend on (RFC 9110 section 13, RFC 4918 sections 10.4 and 10.6), and what may be asked for in
//! parts: judged as the standards say, before anything happens.

use crate::demo::{CLIENT_ONE, Demo, EXPERT, STAFF, ok};
use crate::webdav_drive::Drive;

/// The entity tag of a document.
fn etag(drive: &Drive, name: &str) -> String {
    drive.expect(200, name, &["-I"]).header("etag").expect("an entity tag")
}

/// A time before or after everything that happens here.
const PAST: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
const FUTURE: &str = "Fri, 01 Jan 2100 00:00:00 GMT";

#[test]
fn conditions_of_http_are_judged_in_their_order_by_every_method() {
    let drive = Drive::fresh("conditions");
    drive.put(201, "a", "content", &[]);
    let ours = etag(&drive, "a");
    let (same, weak, list) = (ours.as_str(), format!("W/{ours}"), format!("\"x\" , {ours}"));
    // What GET answers, and what a write does: 0 means that it is carried out.
    for (headers, read, write) in [
        (&[("If-Match", same)][..], 200, 0),
        (&[("If-Match", &list)], 200, 0),
        (&[("If-Match", "*")], 200, 0),
        (&[("If-Match", &weak)], 412, 412),
        (&[("If-Match", "\"\u{e9}\"")], 412, 412),
        (&[("If-None-Match", "*")], 304, 412),
        (&[("If-None-Match", &weak)], 304, 412),
        (&[("If-None-Match", "\"x\"")], 200, 0),
        (&[("If-Modified-Since", FUTURE)], 304, 0),
        (&[("If-Modified-Since", PAST)], 200, 0),
        (&[("If-Modified-Since", "yesterday")], 200, 0),
        (&[("If-Unmodified-Since", PAST)], 412, 412),
        (&[("If-Unmodified-Since", FUTURE)], 200, 0),
        // A tag decides, and the date beside it is not looked at; If-Match comes before If-None-Match.
        (&[("If-Match", same), ("If-Unmodified-Since", PAST)], 200, 0),
        (&[("If-None-Match", "\"x\""), ("If-Modified-Since", FUTURE)], 200, 0),
        (&[("If-Match", "\"x\""), ("If-None-Match", same)], 412, 412),
        (&[("If-Match", same), ("If-None-Match", same)], 304, 412),
        (&[("If-Unmodified-Since", FUTURE), ("If-None-Match", same)], 304, 412),
    ] {
        let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let lines: Vec<&str> = lines.iter().flat_map(|line| ["-H", line.as_str()]).collect();
        drive.expect(read, "a", &lines);
        assert_eq!(drive.expect(read, "a", &[&["-I"], &lines[..]].concat()).header("etag").is_some(), read != 412);
        let to = drive.to("b");
        let copied = drive.send("a", &[&["-X", "COPY", "-H", &to], &lines[..]].concat()).status;
        assert_eq!(copied, if write == 0 { 201 } else { write }, "COPY {headers:?}");
        drive.expect(if write == 0 { 204 } else { 404 }, "b", &["-X", "DELETE"]);
        if write != 0 {
            drive.put(write, "a", "changed", &lines);
            for method in [&["-X", "DELETE"][..], &["-X", "MOVE", "-H", &to], &["-X", "LOCK", "--data-binary", "<x/>"]]
            {
                drive.expect(write, "a", &[method, &lines].concat());
            }
        }
    }
    // Nothing there: no tag matches, and If-None-Match: * makes only what is new.
    drive.put(412, "none", "x", &["-H", "If-Match: *"]);
    drive.expect(404, "none", &[]);
    drive.put(201, "none", "x", &["-H", "If-None-Match: *"]);
    drive.put(412, "none", "y", &["-H", "If-None-Match: *"]);
    assert_eq!((drive.content("a"), etag(&drive, "a")), ("content".to_owned(), ours));
}

#[test]
fn the_if_header_is_true_if_one_of_its_lists_is() {
    let drive = Drive::fresh("if");
    drive.put(201, "a", "content", &[]);
    drive.put(201, "locked", "content", &[]);
    let token = drive.lock(200, "locked");
    let (tag, elsewhere) = (etag(&drive, "a"), "<opaquelocktoken:00000000-0000-0000-0000-000000000000>");
    let (here, there) = (format!("<{}>", drive.url("a")), format!("<{}>", drive.url("locked")));
    for (condition, holds) in [
        (format!("([{tag}])"), true),
        ("([\"x\"])".to_owned(), false),
        (format!("([W/{tag}])"), false),
        ("(Not [\"x\"])".to_owned(), true),
        (format!("(Not [{tag}])"), false),
        (format!("([\"x\"]) ([{tag}])"), true),
        (format!("([{tag}] [\"x\"])"), false),
        (format!("([{tag}] Not [\"x\"])"), true),
        (format!("([{tag}] Not <DAV:no-lock>)"), true),
        ("(<DAV:no-lock>)".to_owned(), false),
        ("(Not <DAV:no-lock>)".to_owned(), true),
        (format!("({token})"), false),
        (format!("(Not {token})"), true),
        (format!("({elsewhere})"), false),
        // A tag before the list says what it is about.
        (format!("{there} ({token})"), true),
        (format!("{there} (Not {token})"), false),
        (format!("{here} ({token}) {there} ({token})"), true),
        (format!("{here} ([{tag}] {token})"), false),
        (format!("{there} ([{tag}])"), false),
        ("</dav/no/such> ([\"x\"])".to_owned(), false),
        ("</dav/no/such> (Not [\"x\"])".to_owned(), true),
        (format!("<https://elsewhere.example/dav/a> ([{tag}])"), false),
    ] {
        let header = format!("If: {condition}");
        let told = drive.send("a", &["-X", "PROPPATCH", "-H", &header, "--data-binary", PATCH]);
        assert_eq!(told.status, if holds { 207 } else { 412 }, "{condition}");
        assert_eq!(drive.send("a", &["-H", &header]).status, if holds { 200 } else { 412 }, "{condition}");
    }
    // A lock needs its token in the header, and the header has to be true: neither alone is enough (section 10.4.2).
    for (condition, status) in [
        (format!("({elsewhere})"), 412),
        (format!("(Not {elsewhere})"), 423),
        (format!("({token} [\"x\"])"), 412),
        (format!("([\"x\"] {token}) (Not <DAV:no-lock>)"), 204),
        (format!("({token})"), 204),
    ] {
        drive.put(status, "locked", "changed", &["-H", &format!("If: {condition}")]);
    }
    // As many conditions as anybody needs, and not one more; a header of 64 KiB is none that anybody sends.
    let many = |count: usize| format!("If: ({})", vec!["Not <DAV:no-lock>"; count].join(" "));
    drive.put(204, "a", "many", &["-H", &many(64)]);
    drive.put(400, "a", "too many", &["-H", &many(65)]);
    drive.put(431, "a", "flood", &["--http1.1", "-H", &many(64 * 1024 / 18)]);
    assert_eq!(drive.content("a"), "many");
}

const PATCH: &str =
    "<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop><p xmlns='urn:x'>1</p></D:prop></D:set></D:propertyupdate>";

#[test]
fn parts_are_served_as_asked_for_and_never_more_than_the_whole() {
    let drive = Drive::fresh("parts");
    drive.put(201, "a.txt", "0123456789", &[]);
    let tag = etag(&drive, "a.txt");
    let part = |header: &str, more: &[&str]| drive.send("a.txt", &[&["-H", header], more].concat());
    // Range beside conditions: these come first (RFC 9110 section 13.2.2).
    assert_eq!(part("Range: bytes=0-1", &["-H", "If-Match: \"x\""]).status, 412);
    assert_eq!(part("Range: bytes=0-1", &["-H", &format!("If-None-Match: {tag}")]).status, 304);
    let modified = drive.expect(200, "a.txt", &["-I"]).header("last-modified").expect("a date");
    for (validator, status) in [(&*tag, 206), ("\"x\"", 200), (&format!("W/{tag}"), 200), (&modified, 206), (PAST, 200)]
    {
        let reply = part("Range: bytes=2-4", &["-H", &format!("If-Range: {validator}")]);
        assert_eq!((reply.status, &*reply.text()), (status, if status == 206 { "234" } else { "0123456789" }));
    }
    // Without a range to be valid for, it says nothing.
    drive.expect(200, "a.txt", &["-H", "If-Range: \"x\""]);
    assert_eq!(part("Range: lines=1-2", &[]).text(), "0123456789");

    let several = part("Range: bytes=0-0, 4-5, -1", &[]);
    let kind = several.header("content-type").expect("a type");
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect("parts");
    let piece = |range: &str, text: &str| {
        format!("\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes {range}/10\r\n\r\n{text}")
    };
    let expected = [&piece("0-0", "0"), &piece("4-5", "45"), &piece("9-9", "9"), "\r\n--", boundary, "--\r\n"];
    assert_eq!((several.status, several.text()), (206, expected.concat()));
    assert_eq!(several.header("content-length"), Some(several.body.len().to_string()));
    assert!(several.header("content-range").is_none());

    let asked = |count: usize| format!("Range: bytes={}", vec!["1-1"; count].join(","));
    assert_eq!(part(&asked(10), &[]).status, 206);
    for flood in [&*asked(17), "Range: bytes=0-5,5-9", "Range: bytes=10-"] {
        let refused = part(flood, &[]);
        assert_eq!((refused.status, refused.header("content-range").as_deref()), (416, Some("bytes */10")), "{flood}");
    }
}

#[test]
fn whoever_cannot_write_cannot_lock_and_a_lock_ends_by_itself() {
    let drive = Drive::fresh("lock-ends");
    drive.put(201, "a", "content", &[]);
    let reader = Drive::at(EXPERT, "Shared room/lock-ends");
    for (name, status) in [("a", 403), ("new", 403), ("no/such", 409)] {
        reader.lock(status, name);
    }
    drive.expect(404, "new", &[]);
    let body = "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>";
    let others = Drive::at(STAFF, "Shared room/lock-ends");
    drive.expect(200, "a", &["-X", "LOCK", "-H", "Timeout: Second-1", "--data-binary", body]);
    others.put(423, "a", "too early", &[]);
    others.lock(423, "a");
    std::thread::sleep(std::time::Duration::from_millis(1_300));
    others.put(204, "a", "in time", &[]);
    others.lock(200, "a");
    // The drive's own root is nobody's to delete or lock, and to try it harms no lock.
    for method in ["DELETE", "MOVE", "LOCK"] {
        let to = drive.to("root");
        let told = drive.demo.status(CLIENT_ONE, "", &["-X", method, "-H", &to, "--data-binary", body]);
        assert!(matches!(told, 400 | 403 | 409), "{method}: {told}");
    }
    drive.put(423, "a", "still locked", &[]);
    drive.put(201, "b", "content", &[]);
    drive.lock(200, "b");
}

#[test]
fn what_happens_to_a_part_of_a_tree_is_told_part_by_part() {
    let demo = Demo::shared();
    let drive = Drive::fresh("partly");
    for folder in ["tree", "tree/listed", "tree/closed", "tree/open"] {
        drive.expect(201, folder, &["-X", "MKCOL"]);
    }
    for name in ["tree/a", "tree/listed/secret.txt", "tree/closed/hidden.txt", "tree/open/b"] {
        drive.put(201, name, name, &[]);
    }
    let rights = |folder: &str, rights: &[&str]| {
        let path = format!("Documents/Shared room/partly/tree/{folder}");
        ok(demo.deedbox(&[&["folder", "rights", "--matter", "2026-0001", &path], rights].concat()));
    };
    rights("listed", &["--row", "client=list"]);
    rights("closed", &["--closed"]);
    // What can be seen and not read is refused by name; what cannot be seen is not there.
    let told = drive.expect(207, "tree", &["-X", "COPY", "-H", &drive.to("copy")]).text();
    assert_eq!(told.matches("<D:response>").count(), 1, "{told}");
    assert!(told.contains("/tree/listed/secret.txt</D:href><D:status>HTTP/1.1 403 Forbidden"), "{told}");
    assert!(!told.contains("closed") && !told.contains("hidden"), "{told}");
    assert_eq!(
        (drive.content("copy/a"), drive.content("copy/open/b")),
        ("tree/a".to_owned(), "tree/open/b".to_owned())
    );
    drive.expect(207, "copy/listed", &["-X", "PROPFIND", "-H", "Depth: 0"]);
    for name in ["copy/listed/secret.txt", "copy/closed", "copy/closed/hidden.txt"] {
        drive.expect(404, name, &[]);
    }
    for folder in ["listed", "closed"] {
        rights(folder, &["--inherit"]);
    }

    // A member that somebody has locked stays, with the folders above it; the rest goes.
    let others = Drive::at(STAFF, "Shared room/partly");
    others.lock(200, "tree/open/b");
    drive.put(201, "tree/open/c", "goes", &[]);
    let told = drive.expect(207, "tree", &["-X", "DELETE"]).text();
    assert_eq!(told.matches("<D:response>").count(), 1, "the folders above are not named: {told}");
    assert!(
        told.contains("/tree/open/b</D:href><D:status>HTTP/1.1 423 Locked</D:status><D:error><D:lock-token"),
        "{told}"
    );
    assert_eq!(drive.content("tree/open/b"), "tree/open/b");
    for name in ["tree/a", "tree/listed", "tree/closed", "tree/open/c"] {
        drive.expect(404, name, &[]);
    }
    // The whole of a firm in one answer is of use to nobody, and the refusal has its name.
    for depth in [&["-H", "Depth: infinity"][..], &[]] {
        let told = drive.expect(403, "", &[&["-X", "PROPFIND"], depth].concat()).text();
        assert!(told.contains("<D:error xmlns:D=\"DAV:\"><D:propfind-finite-depth/></D:error>"), "{told}");
    }
}
