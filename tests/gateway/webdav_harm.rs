//! What must come of an operation that cannot be finished: nothing half, nothing lost, and nothing that looks whole and is not.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::demo::*;
use crate::transfer::wait;
use crate::webdav_drive::Drive;

#[test]
fn an_overwrite_that_fails_leaves_what_was_there() {
    let drive = Drive::fresh("overwrite");
    let staff = Drive::at(STAFF, "Shared room/overwrite");
    for folder in ["tree", "target", "target/sub"] {
        drive.expect(201, folder, &["-X", "MKCOL"]);
    }
    for (name, content) in [("source", "new"), ("old", "old"), ("tree/a", "new"), ("target/sub/b", "old")] {
        drive.put(201, name, content, &[]);
    }
    // The source cannot be taken: document over document, over a folder, folder over document, over a folder.
    staff.lock(200, "source");
    staff.lock(200, "tree/a");
    for (from, to) in [("source", "old"), ("source", "target"), ("tree", "old"), ("tree", "target")] {
        let told = drive.send(from, &["-X", "MOVE", "-H", &drive.to(to)]).status;
        assert_eq!(told, 423, "MOVE {from} {to}");
    }
    // The target cannot be replaced.
    staff.lock(200, "old");
    staff.lock(200, "target/sub/b");
    drive.put(201, "free", "new", &[]);
    for (method, to) in [("MOVE", "old"), ("COPY", "old"), ("MOVE", "target"), ("COPY", "target")] {
        drive.expect(423, "free", &["-X", method, "-H", &drive.to(to)]);
    }
    // Or has no place.
    drive.expect(409, "free", &["-X", "MOVE", "-H", &drive.to("no/such/place")]);
    for (name, content) in
        [("source", "new"), ("old", "old"), ("tree/a", "new"), ("target/sub/b", "old"), ("free", "new")]
    {
        assert_eq!(drive.content(name), content, "{name}");
    }
    let listing = drive.expect(207, "", &["-X", "PROPFIND", "-H", "Depth: 1"]).text();
    assert_eq!(listing.matches("<D:response>").count(), 6, "nothing is left aside: {listing}");
}

#[test]
fn a_replacement_goes_on_when_its_client_hangs_up() {
    const PARTS: usize = 12;
    let drive = Drive::fresh("hung-up");
    for folder in ["tree", "tree/0", "target"] {
        drive.expect(201, folder, &["-X", "MKCOL"]);
    }
    drive.put(201, "target/old", "old", &[]);
    drive.put(201, "tree/0/0", "new", &[]);
    // So much that the client is gone long before it is copied.
    for (from, folder) in [("tree/0/0", "tree/0"), ("tree/0", "tree")] {
        for n in 1..PARTS {
            drive.expect(201, from, &["-X", "COPY", "-H", &drive.to(&format!("{folder}/{n}"))]);
        }
    }
    let list = |folder: &str| drive.expect(207, folder, &["-X", "PROPFIND", "-H", "Depth: 1"]).text();
    let mut curl = Command::new("curl")
        .args(["-s", "--cacert", drive.demo.text("ca_file")])
        .args(["-u", &format!("{CLIENT_ONE}:{}", drive.demo.password(CLIENT_ONE))])
        .args(["-X", "COPY", "-H", &drive.to("target"), &drive.url("tree")])
        .spawn()
        .expect("curl is installed");
    wait("the begin", || list("").contains(".replaced-") || drive.send("target/old", &[]).status == 404);
    curl.kill().expect("killed");
    curl.wait().expect("it ends");
    // Half of the new in place of the whole old is what nobody has asked for.
    let count = |folder: &str| list(folder).matches("<D:response>").count();
    wait("the copy", || count("target") == PARTS + 1 && (0..PARTS).all(|n| count(&format!("target/{n}")) == PARTS + 1));
    drive.expect(404, "target/old", &[]);
    wait("the end", || !list("").contains(".replaced-"));
}

#[test]
fn an_upload_that_breaks_off_at_any_byte_changes_nothing() {
    let drive = Drive::fresh("any-byte");
    drive.put(201, "old", "stands", &[]);
    // Chunks with an extension and a trailer, so that each part of the format is cut in each of its places.
    let small = b"5;x=y\r\nhello\r\n1\r\n \r\na\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n";
    let large: Vec<u8> = bytes(61, 200_000)
        .chunks(7000)
        .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
        .chain(*b"0\r\n\r\n")
        .collect();
    let chunked = |name: &str| format!("PUT {} HTTP/1.1\r\nTransfer-Encoding: chunked", drive.target(name));
    for at in 0..small.len() {
        drive.raw(&chunked(if at % 2 == 0 { "old" } else { "new" }), &small[..at], true);
    }
    for at in
        [1, 6_999, 7_000, 7_006, 65_536, 131_072, large.len() - 6, large.len() - 5, large.len() - 3, large.len() - 1]
    {
        drive.raw(&chunked("old"), &large[..at], true);
        drive.raw(&chunked("new"), &large[..at], true);
    }
    for at in [0, 1, 65_536, 199_999] {
        let head = format!("PUT {} HTTP/1.1\r\nContent-Length: 200000", drive.target("new"));
        drive.raw(&head, &large[..at], true);
    }
    for malformed in
        ["g\r\nx\r\n0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n", "ffffffffffffffffff\r\nx", "-1\r\nx\r\n0\r\n\r\n"]
    {
        let told = drive.raw(&chunked("old"), malformed.as_bytes(), false);
        assert!(!told.starts_with("HTTP/1.1 2"), "{malformed:?}: {told}");
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(drive.content("old"), "stands");
    drive.expect(404, "new", &[]);
    let listing = drive.expect(207, "", &["-X", "PROPFIND", "-H", "Depth: 1"]).text();
    assert_eq!(listing.matches("<D:response>").count(), 2, "{listing}");
    // The same to its end is a document.
    for (name, status) in [("new", "201"), ("old", "204")] {
        let told = drive.raw(&chunked(name), small, false);
        assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{told}");
        assert_eq!(drive.content(name), "hello 0123456789");
    }
}

#[test]
fn what_is_no_document_is_never_put_over_a_folder() {
    let drive = Drive::fresh("no-document");
    drive.expect(201, "folder", &["-X", "MKCOL"]);
    drive.put(201, "folder/inside", "stands", &[]);
    drive.put(201, "document", "stands", &[]);
    drive.put(405, "folder", "x", &[]);
    drive.put(405, "folder/", "x", &[]);
    drive.put(405, "new/", "x", &[]);
    drive.put(409, "document/below", "x", &[]);
    for (name, status) in [("folder", 405), ("document", 405), ("document/below", 409), ("no/such", 409)] {
        drive.expect(status, name, &["-X", "MKCOL"]);
    }
    drive.expect(415, "new", &["-X", "MKCOL", "--data-binary", "<x/>"]);
    drive.expect(404, "document/", &["-X", "DELETE"]);
    for (name, content) in [("folder/inside", "stands"), ("document", "stands")] {
        assert_eq!(drive.content(name), content);
    }
    drive.expect(404, "new", &[]);
}

#[test]
fn wide_bodies_and_a_storm_of_listings_are_refused_or_answered_in_turn() {
    let drive = Drive::fresh("storm");
    for n in 0..20 {
        drive.expect(201, &format!("folder {n}"), &["-X", "MKCOL"]);
    }
    let body = |inside: &str| format!("<D:propfind xmlns:D='DAV:'><D:prop>{inside}</D:prop></D:propfind>");
    let names = |count: usize| (0..count).map(|n| format!("<p{n}/>")).collect::<String>();
    let text = "x".repeat(60_000);
    let attributes: String = (0..300).map(|n| format!(" a{n}='1'")).collect();
    for (wide, status) in [
        (body(&names(256)), 207),
        (body(&names(257)), 400),
        (body(&names(6_000)), 400),
        (body(&format!("<p>{text}</p>")), 207),
        (body(&format!("<p{attributes}/>")), 400),
        (body(&"<p/>".repeat(15_000)), 400),
    ] {
        drive.expect(status, "", &["-X", "PROPFIND", "-H", "Depth: 0", "--data-binary", &wide]);
    }
    let url = drive.url("");
    let storm = std::iter::repeat_n(&*url, 300);
    let answers = client("curl")
        .args(["-sS", "--parallel", "--parallel-max", "30", "--cacert", drive.demo.text("ca_file")])
        .args(["-u", &format!("{CLIENT_ONE}:{}", drive.demo.password(CLIENT_ONE))])
        .args(["-X", "PROPFIND", "-H", "Depth: 1", "-w", "%{http_code} %{size_download}\n"])
        .args(storm.flat_map(|url| ["-o", "/dev/null", url]))
        .output();
    let answers = ok(answers.expect("curl is installed"));
    let whole = drive.expect(207, "", &["-X", "PROPFIND", "-H", "Depth: 1"]).body.len();
    assert_eq!(answers.lines().count(), 300);
    for answer in answers.lines() {
        assert!(answer == format!("207 {whole}") || answer.starts_with("429 "), "{answer}");
    }
}

#[test]
fn a_listing_that_cannot_be_finished_is_broken_off_and_not_shortened() {
    let demo = Demo::start();
    let folder = format!("{MATTER_ONE}/Documents/Shared room/large");
    let first = format!("{folder}/0");
    for folder in [&folder, &first] {
        assert_eq!(demo.status(CLIENT_ONE, folder, &["-X", "MKCOL"]), 201);
    }
    // Properties make the listing larger than all that lies between the daemon and its client: 180 times 60 KB.
    let value = "v".repeat(5_500);
    let properties: String = (0..11).map(|n| format!("<p{n} xmlns='urn:x'>{value}</p{n}>")).collect();
    let patch =
        format!("<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop>{properties}</D:prop></D:set></D:propertyupdate>");
    assert_eq!(demo.status(CLIENT_ONE, &first, &["-X", "PROPPATCH", "--data-binary", &patch]), 207);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (demo, folder, first) = (&demo, &folder, &first);
            scope.spawn(move || {
                for n in (1..180).filter(|n| n % 4 == worker) {
                    let to = format!("Destination: {}", demo.url(&format!("{folder}/{n}")));
                    assert_eq!(demo.status(CLIENT_ONE, first, &["-X", "COPY", "-H", &to]), 201);
                }
            });
        }
    });
    let find = ["-sS", "--http1.1", "-X", "PROPFIND", "-H", "Depth: 1", "--cacert", demo.text("ca_file")];
    let user = format!("{CLIENT_ONE}:{}", demo.password(CLIENT_ONE));
    let list = || {
        let mut curl = client("curl");
        curl.args(find).args(["-u", &user, &demo.url(&folder)]).stdout(Stdio::piped()).stderr(Stdio::piped());
        curl
    };
    let whole = list().output().expect("curl is installed");
    assert!(stdout(&whole).ends_with("</D:multistatus>\n") && whole.stdout.len() > 10_000_000);
    // A pipe that nobody reads yet holds the client up, and the client the daemon.
    let mut held_up = list().spawn().expect("curl is installed");
    let mut pipe = held_up.stdout.take().expect("piped");
    let mut shown = vec![0];
    pipe.read_exact(&mut shown).expect("it has begun");
    std::thread::sleep(Duration::from_millis(300));
    ok(demo.deedbox(&["session", "end", "--login", CLIENT_ONE]));
    pipe.read_to_end(&mut shown).expect("the rest");
    assert!(!held_up.wait().expect("it ends").success(), "curl has noticed nothing");
    assert!(shown.len() < whole.stdout.len() && !String::from_utf8_lossy(&shown).contains("</D:multistatus>"));
    demo.stop();
}
