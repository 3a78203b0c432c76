//! One entry per fuzz target: whatever the bytes, none may panic, hang or take memory out of proportion, and what is
//! accepted must hold what its type promises. The targets call these, and so does `tests/corpus.rs` with every seed.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::Path;

use deedbox::audit;
use deedbox::config;
use deedbox::front::sftp::codec;
use deedbox::front::webdav;
use deedbox::intake::{Arrival, Routing, Rules, pdf};
use deedbox::names::{DocName, DocPath, MAX_DEPTH, MAX_NAME_BYTES, MAX_PATH_BYTES, Timestamp};
use deedbox::policy::guards::{Guards, MAX_GUARDS};
use deedbox::practice;
use jiff::tz::TimeZone;

/// Paths as they come from a client: up to the first line feed the folder in which it stands, then what it asks for.
pub fn names(input: &[u8]) {
    let line = input.iter().position(|byte| *byte == b'\n');
    let (here, asked) = line.map_or((&b"/"[..], input), |at| (&input[..at], &input[at + 1..]));
    let Ok(here) = DocPath::root().resolve(here) else { return };
    check_path(&here);
    if let Ok(path) = here.resolve(asked) {
        check_path(&path);
        assert!(asked.starts_with(b"/") || path.names().len() + count(asked, b"..") >= here.names().len());
    }
    if let Ok(path) = DocPath::parse(asked) {
        check_path(&path);
        // What has no dots means the same to the strict reading and to the one that resolves them.
        assert_eq!(DocPath::root().resolve(&[b"/", asked].concat()), Ok(path));
    }
}

fn count(path: &[u8], name: &[u8]) -> usize {
    path.split(|byte| *byte == b'/').filter(|part| *part == name).count()
}

fn check_path(path: &DocPath) {
    let text = path.to_string();
    assert!(text.starts_with('/') && text.len() <= MAX_PATH_BYTES && path.names().len() <= MAX_DEPTH);
    assert_eq!(DocPath::parse(text.as_bytes()).as_ref(), Ok(path));
    assert_eq!(DocPath::parse(b"elsewhere").and_then(|there| there.resolve(text.as_bytes())).as_ref(), Ok(path));
    path.names().iter().for_each(check_name);
    if let Some((above, last)) = path.split_last() {
        assert!(path.is_within(&above) && !above.is_within(path));
        assert_eq!(above.join(last.clone()).as_ref(), Ok(path));
    }
}

fn check_name(name: &DocName) {
    let text = name.as_str();
    assert!(!text.is_empty() && text.len() <= MAX_NAME_BYTES && text != "." && text != "..");
    assert!(!text.contains(['/', '\\']) && !text.contains(char::is_control));
    assert_eq!(DocName::parse(text.as_bytes()).as_ref(), Ok(name));
    let numbered = name.numbered(4_294_967_295);
    assert_eq!(DocName::parse(numbered.as_str().as_bytes()), Ok(numbered));
    if let Ok(folded) = DocName::parse(name.folded().as_bytes()) {
        assert_eq!(folded.folded(), name.folded(), "names that are equal must stay so");
    }
}

/// An SFTP client's byte stream, and the same bytes as one packet.
pub fn sftp_packets(input: &[u8]) {
    let understood = codec::decode_stream(input);
    assert!(understood <= input.len() / 5, "a request has a length word and a type at the least");
    let _ = codec::Packet::decode(input.to_vec().into());
}

/// The same on a channel: decoder, handles, tree and answers.
pub fn sftp_channel(input: &[u8]) {
    deedbox::fuzz_sftp_channel(input);
}

/// A WebDAV request's body.
pub fn dav_xml(input: &[u8]) {
    webdav::fuzz_xml(input);
}

/// One value for each of the headers that can steer a WebDAV request.
pub fn dav_headers(input: &[u8]) {
    webdav::fuzz_if_header(input);
    webdav::fuzz_destination(input);
    webdav::fuzz_conditions(input);
    webdav::fuzz_range(input);
}

/// The files of an audit directory, and proofs.
pub fn audit_records(input: &[u8]) {
    audit::fuzz_parsers(input);
}

/// A matter type as an administrator wrote it.
pub fn matter_type(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Err(errors) = practice::parse_matter_type(text, "general.toml") {
        let at: Vec<_> = errors.mistakes.iter().map(|mistake| (mistake.line, mistake.column)).collect();
        check_mistakes(text, &at, &errors.to_string());
    }
}

/// A file of guards, parsed and held against the schema.
pub fn guards(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match Guards::parse(text) {
        Ok(guards) => {
            let ids: BTreeSet<&str> = guards.ids().collect();
            assert!(ids.len() == guards.len() && ids.len() <= MAX_GUARDS, "each has an id of its own: {ids:?}");
            assert_eq!(guards.text(), text);
        }
        Err(mistakes) => {
            let at: Vec<_> = mistakes.list().iter().map(|mistake| (mistake.line, mistake.column)).collect();
            check_mistakes(text, &at, &mistakes.to_string());
        }
    }
}

/// A configuration file.
pub fn config(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Err(mistakes) = config::parse(text, Path::new("/etc/deedbox/deedbox.toml")) {
        let at: Vec<_> = mistakes.list().iter().map(|mistake| (mistake.line, mistake.column)).collect();
        check_mistakes(text, &at, &mistakes.to_string());
    }
}

/// A PDF; or drop boxes and rules, and behind a line with three dashes names that arrive, each with the folders above it.
pub fn intake(input: &[u8]) {
    if input.starts_with(b"%PDF-") {
        return whole_or_broken(input);
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (text, names) = text.split_once("\n---\n").unwrap_or((text, ""));
    let rules = match Rules::parse(text, Path::new("intake.toml"), TimeZone::UTC) {
        Ok(rules) => rules,
        Err(mistakes) => {
            let at: Vec<_> = mistakes.list().iter().map(|mistake| (mistake.line, mistake.column)).collect();
            return check_mistakes(text, &at, &mistakes.to_string());
        }
    };
    for one in rules.drop_boxes() {
        check_path(&one.folder);
        assert_eq!(rules.drop_box(&one.matter, &one.folder), Some((one, DocPath::root())));
    }
    for arriving in names.lines().take(20).filter_map(|line| DocPath::parse(line.as_bytes()).ok()) {
        let Some((subfolder, name)) = arriving.split_last() else { continue };
        let drop_box = rules.drop_boxes().first().map_or("", |one| &one.name);
        let (device, source) = ("scanner.one", "192.0.2.17".parse().ok());
        let arrived = Timestamp::from_seconds(1_769_864_709);
        let arrival = Arrival { drop_box, subfolder: &subfolder, name, device, source, arrived };
        if let Routing::To(to) = rules.route(&arrival) {
            assert!(!to.matter.trim().is_empty());
            check_name(&to.name);
            check_path(&to.folder);
        }
    }
}

fn whole_or_broken(document: &[u8]) {
    let Ok(name) = DocName::parse(b"scan.pdf") else { return };
    let mut asked = 0;
    let read = |at: u64, buffer: &mut [u8]| {
        asked += buffer.len();
        let rest = usize::try_from(at).ok().and_then(|at| document.get(at..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok::<_, Infallible>(count)
    };
    match pdf::complete(&name, document.len() as u64, read) {
        Ok(Ok(())) => assert!(document.windows(9).any(|window| window == b"startxref"), "its end was found"),
        Ok(Err(broken)) => assert!(!broken.to_string().is_empty()),
        Err(never) => match never {},
    }
    assert!(asked <= 256 * 1024, "only some pieces are read: {asked} bytes");
}

fn check_mistakes(text: &str, at: &[(usize, usize)], shown: &str) {
    assert!(!at.is_empty() && !shown.is_empty(), "a refusal says why");
    let lines = text.lines().count().max(1) + 1;
    assert!(at.iter().all(|(line, column)| (1..=lines).contains(line) && *column >= 1), "{at:?} in {lines} lines");
}
