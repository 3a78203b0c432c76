//! WebDAV on the wire: the sequences that real clients send, and what an attacker would send instead.

use std::time::{Duration, Instant};

use crate::demo::{CLIENT_ONE, Demo, EXPERT, MATTER_ONE, STAFF, bytes, client};
use crate::webdav_drive::Drive;

#[test]
fn malformed_headers_are_refused_and_nothing_happens() {
    let drive = Drive::fresh("malformed");
    drive.put(201, "a", "first", &[]);
    for header in [
        "If-Match: \"",
        "If-Match: abc",
        "If-Match: \u{e9}",
        "If: (<abc",
        "If: (<opaquelocktoken:x>) x",
        "If: ",
        "If-Unmodified-Since: yesterday",
        "Content-Range: bytes 1099511627776-1099511627778/*",
        "Depth: 2",
        "Overwrite: f",
        "Timeout: soon",
        "Lock-Token: <",
        "Destination: nowhere",
        "X-OC-Mtime: late",
        "X-Expected-Entity-Length: -1",
    ] {
        // Curl drops a header that ends with its colon; a semicolon in its place sends it empty.
        let header = if header == "If: " { "If;" } else { header };
        drive.put(400, "a", "second", &["-H", header]);
    }
    let to = drive.to("b");
    drive.expect(400, "a", &["-X", "MOVE", "-H", &to, "-H", "Overwrite: f"]);
    drive.expect(400, "a", &["-X", "MOVE"]);
    drive.expect(403, "a", &["-X", "MOVE", "-H", "Destination: https://elsewhere.example/dav/b"]);
    drive.expect(400, "a", &["-H", "Range: bytes=5-1"]);
    assert_eq!(drive.content("a"), "first");
    drive.expect(404, "b", &[]);
}

#[test]
fn names_that_would_climb_or_hide_are_refused() {
    let drive = Drive::fresh("names");
    for segment in ["a%00b", "a%2fb", "a%5cb", "%2e%2e", "%ff", "%zz", "a%0ab"] {
        let line = |method: &str| format!("{method} {}/{segment} HTTP/1.1\r\nContent-Length: 0", drive.target(""));
        for method in ["GET", "PUT", "MKCOL", "PROPFIND"] {
            let answer = drive.raw(&line(method), b"", false);
            assert!(answer.starts_with("HTTP/1.1 400 "), "{method} {segment}: {answer}");
        }
    }
    let long = "x".repeat(300);
    drive.expect(404, &long, &[]);
    drive.put(400, &long, "x", &[]);
    drive.put(201, "A\u{308}.txt", "decomposed", &[]);
    assert_eq!(drive.content("\u{c4}.txt"), "decomposed");
    assert_eq!(drive.content("\u{e4}.TXT"), "decomposed");
    drive.put(409, "\u{e4}.TXT", "a twin", &[]);
}

#[test]
fn bombs_are_refused_at_once() {
    let drive = Drive::fresh("bombs");
    let namespaces: String = (0..2800).map(|n| format!(" xmlns:n{n}='u{n}'")).collect();
    let bombs = [
        "<a>".repeat(2000) + &"</a>".repeat(2000),
        "<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;&b;'>]><a>&c;</a>".to_owned(),
        format!("<a{namespaces}/>"),
    ];
    for method in ["PROPFIND", "PROPPATCH", "LOCK"] {
        for bomb in &bombs {
            let begun = Instant::now();
            drive.expect(400, "", &["-X", method, "-H", "Depth: 0", "--data-binary", bomb]);
            assert!(begun.elapsed() < Duration::from_secs(5), "{method} took {:?}", begun.elapsed());
        }
        let huge = " ".repeat(70_000);
        drive.expect(413, "", &["-X", method, "-H", "Depth: 0", "--data-binary", &huge]);
    }
    let flood = format!("Range: bytes={}", vec!["0-"; 3000].join(","));
    drive.put(201, "a", "0123456789", &[]);
    drive.expect(416, "a", &["-H", &flood]);
    drive.expect(416, "a", &["-H", "Range: bytes=0-,0-"]);
    drive.expect(403, "", &["-X", "PROPFIND", "-H", "Depth: infinity", "-H", "X-Litmus: 1"]);
    drive.expect(403, "", &["-X", "PROPFIND"]);
}

#[test]
fn a_body_that_is_cut_off_commits_nothing() {
    let drive = Drive::fresh("cut");
    drive.put(201, "old", "stands", &[]);
    for name in ["old", "new"] {
        let target = drive.target(name);
        drive.raw(&format!("PUT {target} HTTP/1.1\r\nContent-Length: 1000"), &[b'x'; 500], true);
        drive.raw(&format!("PUT {target} HTTP/1.1\r\nTransfer-Encoding: chunked"), b"5\r\nhello\r\n", true);
        let length = "X-Expected-Entity-Length: 9";
        let answer = drive.raw(
            &format!("PUT {target} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{length}"),
            b"5\r\nhello\r\n0\r\n\r\n",
            false,
        );
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(drive.content("old"), "stands");
    drive.expect(404, "new", &[]);
    drive.put(201, "new", "whole", &["-H", "Transfer-Encoding: chunked", "--http1.1"]);
    assert_eq!(drive.content("new"), "whole");
}

#[test]
fn copy_and_move_lose_nothing_that_stands_at_the_target() {
    let drive = Drive::fresh("places");
    drive.expect(201, "d", &["-X", "MKCOL"]);
    drive.expect(201, "d/sub", &["-X", "MKCOL"]);
    drive.put(201, "d/sub/f", "deep", &[]);
    drive.put(201, "g", "document", &[]);
    for (from, to) in [("d/sub", "d"), ("d", "d/sub/x"), ("d", "d"), ("d", "d/SUB/x")] {
        for method in ["COPY", "MOVE"] {
            drive.expect(403, from, &["-X", method, "-H", &drive.to(to)]);
        }
    }
    assert_eq!(drive.content("d/sub/f"), "deep");
    drive.expect(201, "d", &["-X", "COPY", "-H", &drive.to("e")]);
    drive.expect(412, "d", &["-X", "COPY", "-H", &drive.to("e"), "-H", "Overwrite: F"]);
    drive.expect(204, "d", &["-X", "COPY", "-H", &drive.to("e")]);
    assert_eq!(drive.content("e/sub/f"), "deep");
    // A folder takes a document's place, and a document a folder's.
    drive.expect(204, "e", &["-X", "MOVE", "-H", &drive.to("g")]);
    assert_eq!(drive.content("g/sub/f"), "deep");
    drive.put(201, "h", "document", &[]);
    drive.expect(204, "h", &["-X", "MOVE", "-H", &drive.to("g")]);
    assert_eq!(drive.content("g"), "document");
    drive.expect(409, "g", &["-X", "COPY", "-H", &drive.to("nowhere/x")]);
    // One name with another case is a rename.
    drive.expect(201, "g", &["-X", "MOVE", "-H", &drive.to("G")]);
    let listing = drive.expect(207, "", &["-X", "PROPFIND", "-H", "Depth: 1"]).text();
    assert!(listing.contains(">G<") && !listing.contains(">g<") && !listing.contains(".replaced-"), "{listing}");
}

#[test]
fn a_folder_of_the_structure_keeps_what_is_in_it() {
    let drive = Drive::fresh("kept");
    drive.put(201, "a", "kept", &[]);
    for path in ["", "/Documents", "/Documents/Shared room"] {
        let reply = drive.demo.status(CLIENT_ONE, &format!("{MATTER_ONE}{path}"), &["-X", "DELETE"]);
        assert_eq!(reply, 403, "{path}");
    }
    assert_eq!(drive.demo.status(CLIENT_ONE, "", &["-X", "DELETE"]), 403);
    assert_eq!(drive.content("a"), "kept");
}

#[test]
fn explorer_copies_a_document_in_with_create_alone() {
    let drive = Drive::at(CLIENT_ONE, "From you");
    let agent = "Microsoft-WebDAV-MiniRedir/10.0.19045";
    let patch = "<D:propertyupdate xmlns:D='DAV:' xmlns:Z='urn:schemas-microsoft-com:'><D:set><D:prop>\
                 <Z:Win32LastModifiedTime>Sun, 09 Sep 2001 01:46:40 GMT</Z:Win32LastModifiedTime>\
                 <Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>";
    drive.expect(404, "letter.docx", &["-X", "PROPFIND", "-H", "Depth: 0"]);
    drive.put(201, "letter.docx", "", &[]);
    let token = drive.lock(200, "letter.docx");
    drive.expect(200, "letter.docx", &["-I"]);
    drive.put(204, "letter.docx", "dear client", &["-H", &format!("If: ({token})")]);
    drive.expect(423, "letter.docx", &["-X", "PROPPATCH", "--data-binary", patch]);
    drive.expect(207, "letter.docx", &["-X", "PROPPATCH", "--data-binary", patch, "-A", agent]);
    drive.expect(204, "letter.docx", &["-X", "UNLOCK", "-H", &format!("Lock-Token: {token}")]);
    let reply = drive.expect(200, "letter.docx", &[]);
    assert_eq!(reply.text(), "dear client");
    assert_eq!(reply.header("last-modified").as_deref(), Some("Sun, 09 Sep 2001 01:46:40 GMT"));
}

#[test]
fn davfs2_locks_a_name_that_is_free_and_writes_under_conditions() {
    let drive = Drive::fresh("davfs2");
    let token = drive.lock(201, "a");
    let etag = drive.expect(200, "a", &["-I"]).header("etag").expect("an entity tag");
    let tagged = format!("If: <{}> ({token})", drive.url("a"));
    let matching = format!("If-Match: {etag}");
    drive.put(204, "a", "written", &["-H", &tagged, "-H", &matching]);
    drive.put(412, "a", "late", &["-H", &tagged, "-H", &matching]);
    drive.put(412, "a", "absent", &["-H", &tagged, "-H", "If-None-Match: *"]);
    let refresh = drive.expect(200, "a", &["-X", "LOCK", "-H", &format!("If: ({token})"), "-H", "Timeout: Second-180"]);
    assert!(refresh.text().contains("Second-180"), "{}", refresh.text());
    // Without brackets, as some clients send it.
    let bare = format!("Lock-Token: {}", token.trim_matches(['<', '>']));
    drive.expect(204, "a", &["-X", "UNLOCK", "-H", &bare]);
    drive.expect(409, "a", &["-X", "UNLOCK", "-H", &bare]);
    drive.expect(400, "a", &["-X", "UNLOCK"]);
    assert_eq!(drive.content("a"), "written");
}

#[test]
fn a_lock_binds_everybody_and_its_token_is_shown_to_its_owner_alone() {
    let mine = Drive::fresh("locked");
    mine.put(201, "a", "mine", &[]);
    let token = mine.lock(200, "a");
    let staff = Drive::at(STAFF, "Shared room/locked");
    staff.put(423, "a", "theirs", &[]);
    // Knowing the token is not enough.
    let stolen = staff.send("a", &["-X", "PUT", "--data-binary", "theirs", "-H", &format!("If: ({token})")]);
    assert!(matches!(stolen.status, 412 | 423), "{}", stolen.status);
    staff.expect(423, "a", &["-X", "DELETE"]);
    staff.expect(423, "a", &["-X", "MOVE", "-H", &staff.to("b")]);
    assert_eq!(staff.send("a", &["-X", "UNLOCK", "-H", &format!("Lock-Token: {token}")]).status, 403);
    let token = token.trim_matches(['<', '>']);
    let find = ["-X", "PROPFIND", "-H", "Depth: 1"];
    assert!(mine.expect(207, "", &find).text().contains(token));
    for other in [staff, Drive::at(EXPERT, "Shared room/locked")] {
        let seen = other.expect(207, "", &find).text();
        assert!(seen.contains("<D:activelock>") && !seen.contains(token), "{seen}");
    }
    assert_eq!(mine.content("a"), "mine");
}

#[test]
fn ranges_and_validators_serve_one_version() {
    let drive = Drive::fresh("ranges");
    let content = bytes(7, 400_000);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &content).expect("written");
    let name = file.path().to_string_lossy().into_owned();
    let etag = drive.expect(201, "a.bin", &["-T", &name]).header("etag").expect("an entity tag");
    for version in ["--http1.1", "--http2"] {
        assert!(drive.expect(200, "a.bin", &[version]).body == content);
        let part = drive.expect(206, "a.bin", &[version, "-r", "200000-299999"]);
        assert!(part.body == content[200_000..300_000]);
        assert_eq!(part.header("content-range").as_deref(), Some("bytes 200000-299999/400000"));
        assert!(drive.expect(206, "a.bin", &[version, "-r", "-7"]).body == content[399_993..]);
        let several = drive.expect(206, "a.bin", &[version, "-r", "0-9,390000-"]);
        let length = several.header("content-length").and_then(|text| text.parse().ok());
        assert_eq!(length, Some(several.body.len()));
        assert!(several.body.windows(10_000).any(|window| window == &content[390_000..]));
    }
    let out = drive.expect(416, "a.bin", &["-r", "400000-"]);
    assert_eq!(out.header("content-range").as_deref(), Some("bytes */400000"));
    drive.expect(304, "a.bin", &["-H", &format!("If-None-Match: {etag}")]);
    drive.expect(412, "a.bin", &["-H", "If-Match: \"other\""]);
    drive.expect(206, "a.bin", &["-r", "0-9", "-H", &format!("If-Range: {etag}")]);
    drive.put(204, "a.bin", "next version", &["-H", &format!("If-Match: {etag}")]);
    let all = drive.expect(200, "a.bin", &["-r", "0-3", "-H", &format!("If-Range: {etag}")]);
    assert_eq!(all.text(), "next version");
    let head = drive.expect(200, "a.bin", &["-I"]);
    assert_eq!(head.header("content-length").as_deref(), Some("12"));
    assert_eq!(head.header("x-content-type-options").as_deref(), Some("nosniff"));
}

#[test]
fn only_capabilities_are_told_without_a_login() {
    let demo = Demo::shared();
    let url = demo.text("webdav_url");
    let ask = |arguments: &[&str], url: &str| {
        let mut command = client("curl");
        let output =
            command.args(["-sS", "-i", "--http1.1", "--cacert", demo.text("ca_file")]).args(arguments).arg(url);
        String::from_utf8_lossy(&output.output().expect("curl runs").stdout).to_ascii_lowercase()
    };
    let root = url.trim_end_matches("dav/");
    for place in [url, root, &format!("{url}no/such/place")] {
        let answer = ask(&["-X", "OPTIONS"], place);
        assert!(answer.starts_with("http/1.1 200 ") && answer.contains("\r\ndav: 1, 2\r\n"), "{answer}");
        let answer = ask(&["-X", "PROPFIND", "-H", "Depth: 0"], place);
        assert!(answer.starts_with("http/1.1 401 ") && answer.contains("www-authenticate: basic realm="), "{answer}");
    }
    assert!(ask(&["-u", "nobody:wrong", "-X", "OPTIONS"], url).starts_with("http/1.1 401 "));
    assert!(ask(&[], &format!("{root}elsewhere")).starts_with("http/1.1 404 "));
}

#[test]
fn head_has_the_status_of_get_and_never_a_body() {
    let drive = Drive::fresh("head");
    drive.put(201, "a", "content", &[]);
    let long = "x".repeat(300);
    for version in ["--http1.1", "--http2"] {
        for (name, headers) in [
            ("a", &[][..]),
            ("", &[]),
            ("none", &[]),
            ("none/below", &[]),
            (&long, &[]),
            ("a", &["-H", "If-Match: \"x\""]),
        ] {
            let get = drive.send(name, &[&[version], headers].concat());
            let head = drive.send(name, &[&["-I", version], headers].concat());
            assert_eq!((head.status, head.header("content-type")), (get.status, get.header("content-type")), "{name}");
        }
        assert_eq!(drive.expect(200, "a", &["-I", version]).header("content-length").as_deref(), Some("7"));
    }
}
