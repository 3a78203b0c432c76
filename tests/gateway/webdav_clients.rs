//! The WebDAV clients that people use, against the running daemon.

use std::process::Command;

use crate::demo::{CLIENT_ONE, Demo, MATTER_ONE, both, bytes, client, ok};
use crate::webdav_drive::Drive;

/// A folder of its own in which the client may do everything; gives its path below `/dav/`.
fn room(name: &str) -> String {
    let path = format!("{MATTER_ONE}/Documents/Shared room/{name}");
    assert_eq!(Demo::shared().status(CLIENT_ONE, &path, &["-X", "MKCOL"]), 201);
    path
}

#[test]
fn litmus_passes_entirely() {
    let demo = Demo::shared();
    let url = demo.url(&format!("{}/", room("litmus-run")));
    // It leaves its logs where it stands.
    let place = tempfile::tempdir().expect("a directory");
    let output = client("litmus")
        .args(["-k", &url, CLIENT_ONE, demo.password(CLIENT_ONE)])
        .current_dir(place.path())
        .output()
        .expect("litmus is installed");
    let text = both(&output);
    assert!(output.status.success() && !text.contains("FAIL"), "{text}");
    assert_eq!(text.matches(" 0 failed. 100.0%").count(), 5, "{text}");
    // A `#` has no place in a request (RFC 9112 section 3.2); hyper takes it and what follows away before we see the URL,
    // so that DELETE of `frag/#ment` is one of `frag/`. No client sends one: its own URL parser keeps it for itself.
    let warnings: Vec<_> = text.lines().filter_map(|line| line.split_once("WARNING: ")).map(|(_, told)| told).collect();
    assert_eq!(warnings, ["DELETE removed collection resource with Request-URI including fragment; unsafe"], "{text}");
}

/// Debian has 0.13. Versions 0.14 to 0.18 changed these tests or added them; the whole of 0.17, built from source, passes as well.
#[test]
fn what_newer_versions_of_litmus_try_beside() {
    let drive = Drive::fresh("litmus-newer");
    let set = |inner: &str| format!("<D:propertyupdate xmlns:D='DAV:'>{inner}</D:propertyupdate>");
    let find = ["-X", "PROPFIND", "-H", "Depth: 0", "--data-binary"];
    // copymove: a shallow copy is one of the folder alone, and replaces a whole one.
    for folder in ["from", "from/below", "to", "to/else"] {
        drive.expect(201, folder, &["-X", "MKCOL"]);
    }
    drive.put(201, "from/a", "content", &[]);
    drive.expect(204, "from", &["-X", "COPY", "-H", "Depth: 0", "-H", &drive.to("to")]);
    for name in ["to/a", "to/below", "to/else"] {
        drive.expect(404, name, &[]);
    }
    drive.expect(207, "to", &["-X", "PROPFIND", "-H", "Depth: 0"]);
    // basic: PUT without a parent is a conflict, and a Location, if there is one, is the document's.
    drive.put(409, "no/such/a", "content", &[]);
    assert_eq!(drive.put(201, "b", "content", &[]).header("location"), None);
    // props: what is removed twice has been removed; getlastmodified is a date, and that of the header.
    let remove = set("<D:remove><D:prop><p xmlns='urn:x'/></D:prop></D:remove>");
    for body in [&set("<D:set><D:prop><p xmlns='urn:x'>1</p></D:prop></D:set>"), &remove, &remove] {
        let told = drive.expect(207, "b", &["-X", "PROPPATCH", "--data-binary", body]).text();
        assert!(told.contains("<D:status>HTTP/1.1 200 OK</D:status>"), "{told}");
    }
    let head = drive.expect(200, "b", &["-I"]);
    let (modified, tag) = (head.header("last-modified").expect("a date"), head.header("etag").expect("a tag"));
    let wanted =
        "<D:propfind xmlns:D='DAV:'><D:prop><D:getlastmodified/><D:getetag/><p xmlns='urn:x'/></D:prop></D:propfind>";
    let found = drive.expect(207, "b", &[&find[..], &[wanted]].concat());
    assert!(
        found.text().contains(&format!(
            "<D:prop><D:getlastmodified>{modified}</D:getlastmodified><D:getetag>{tag}</D:getetag></D:prop>\
         <D:status>HTTP/1.1 200 OK</D:status></D:propstat>\
         <D:propstat><D:prop><p xmlns=\"urn:x\"/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status>"
        )),
        "{}",
        found.text()
    );
    // props: the answer's type is that of XML.
    let kind = found.header("content-type").expect("a type");
    assert!(kind.starts_with("application/xml") || kind.starts_with("text/xml"), "{kind}");
}

#[test]
fn rclone_brings_a_tree_up_and_down_again() {
    let demo = Demo::shared();
    let url = demo.url(&room("rclone"));
    let home = tempfile::tempdir().expect("a directory");
    let (up, down) = (home.path().join("up"), home.path().join("down"));
    std::fs::create_dir_all(up.join("a/b")).expect("made");
    for n in 0..40 {
        std::fs::write(up.join(format!("a/document {n}.pdf")), bytes(n, 997 * n as usize)).expect("written");
    }
    std::fs::write(up.join("a/b/\u{fc} & <x> %41 #1.txt"), "a difficult name").expect("written");
    std::fs::write(up.join("large.bin"), bytes(99, 5_000_000)).expect("written");
    let obscured = ok(client("rclone").args(["obscure", demo.password(CLIENT_ONE)]).output().expect("rclone"));
    let rclone = |arguments: &[&str]| {
        let output = client("rclone")
            .env("RCLONE_CONFIG", home.path().join("none.conf"))
            .env("RCLONE_CONFIG_BOX_TYPE", "webdav")
            .env("RCLONE_CONFIG_BOX_VENDOR", "owncloud")
            .env("RCLONE_CONFIG_BOX_URL", &url)
            .env("RCLONE_CONFIG_BOX_USER", CLIENT_ONE)
            .env("RCLONE_CONFIG_BOX_PASS", obscured.trim())
            .args(["--ca-cert", demo.text("ca_file"), "--retries", "1"])
            .args(arguments)
            .output();
        ok(output.expect("rclone is installed"))
    };
    let (up_text, down_text) = (up.to_string_lossy(), down.to_string_lossy());
    rclone(&["sync", &up_text, "box:tree"]);
    rclone(&["check", "--download", &up_text, "box:tree"]);
    rclone(&["moveto", "box:tree/a", "box:tree/z"]);
    rclone(&["sync", "box:tree", &down_text]);
    ok(Command::new("diff").arg("-r").arg(up.join("a")).arg(down.join("z")).output().expect("diff"));
    let modified = |path: &std::path::Path| {
        let time = std::fs::metadata(path).and_then(|meta| meta.modified()).expect("a time");
        time.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
    };
    assert_eq!(modified(&up.join("large.bin")), modified(&down.join("large.bin")), "times come back");
    rclone(&["purge", "box:tree"]);
    assert_eq!(rclone(&["lsf", "box:"]), "");
}

#[test]
fn curl_streams_from_standard_input_and_waits_for_100_continue() {
    let demo = Demo::shared();
    let path = room("curl");
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("content");
    std::fs::write(&file, bytes(3, 3_000_000)).expect("written");
    let script = format!(
        "curl -sS --fail --http1.1 --cacert '{ca}' -u '{CLIENT_ONE}:{password}' -T - '{url}' < '{file}'",
        ca = demo.text("ca_file"),
        password = demo.password(CLIENT_ONE),
        url = demo.url(&format!("{path}/piped")),
        file = file.display(),
    );
    ok(Command::new("sh").args(["-c", &script]).output().expect("sh"));
    let output = demo.curl(CLIENT_ONE, &format!("{path}/piped"), &[]);
    assert!(output.stdout == bytes(3, 3_000_000));
    let name = file.to_string_lossy();
    let output = demo.curl(
        CLIENT_ONE,
        &format!("{path}/awaited"),
        &["-v", "--http1.1", "-H", "Expect: 100-continue", "-T", &name],
    );
    let told = both(&output);
    assert!(told.contains("HTTP/1.1 100 Continue") && told.contains("HTTP/1.1 201 Created"), "{told}");
    // Refused before the body is sent.
    let output = demo.curl(
        CLIENT_ONE,
        &format!("{path}/no/such/folder"),
        &["-v", "--http1.1", "-H", "Expect: 100-continue", "-T", &name],
    );
    let told = both(&output);
    assert!(!told.contains("100 Continue") && told.contains("HTTP/1.1 409 Conflict"), "{told}");
}
