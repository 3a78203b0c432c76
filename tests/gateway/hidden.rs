//! Hidden equals absent: what a session may not know of is answered, byte for byte, like what is not there.
//!
//! Every request is sent twice, about a name that stands for something hidden and about one that stands for nothing, both
//! equally long. The two answers, with the names taken out, must be the same.

use crate::demo::{CLIENT_ONE, Demo, EXPERT, MATTER_ONE, SCANNER, STAFF, ok};
use crate::sftp_wire::{CREATE, READ, Sftp, TRUNCATE, WRITE, packet, run, string};

const EXCLUSIVE: u32 = 32;

/// A place that somebody must not know about, or in which something stands that somebody must not know of.
struct Zone {
    login: &'static str,
    /// Something hidden, and as long a name for nothing. `#` is replaced by a number, so that no request finds what
    /// another has left; for a place with no `#` in it, requests change nothing.
    hidden: String,
    absent: String,
}

fn zone(login: &'static str, hidden: &str, absent: &str) -> Zone {
    let path =
        |name: &str| if name.starts_with('/') { name.to_owned() } else { format!("/{MATTER_ONE}/Documents/{name}") };
    Zone { login, hidden: path(hidden), absent: path(absent) }
}

fn zones() -> Vec<Zone> {
    let messages = |name: &str| format!("/{MATTER_ONE}/Messages/{name}");
    vec![
        // A matter without access, what its structure holds, and what was put there.
        zone(CLIENT_ONE, "/2026-0002 Estate of A Testator", "/2026-0002 Estate of B Testator"),
        zone(CLIENT_ONE, "/2026-0002 Estate of A Testator/Documents", "/2026-0002 Estate of B Testator/Documents"),
        zone(
            CLIENT_ONE,
            "/2026-0002 Estate of A Testator/Documents/Drafts/seen.txt",
            "/2026-0002 Estate of A Testator/Documents/Drafts/none.txt",
        ),
        // A closed folder, and one in which this type of participant has no rights.
        zone(CLIENT_ONE, "Internal", "Imternal"),
        zone(CLIENT_ONE, "Internal/seen.txt", "Internal/none.txt"),
        zone(CLIENT_ONE, "Internal/seen.txt", "Imternal/seen.txt"),
        zone(CLIENT_ONE, "Internal/folder/x", "Internal/follow/x"),
        zone(EXPERT, "Drafts", "Drifts"),
        zone(EXPERT, "Drafts/seen.txt", "Drifts/none.txt"),
        zone(EXPERT, "Drop box/seen 1.txt", "Drop pox/seen 1.txt"),
        // A conversation of others, which is a folder among the messages that the session sees.
        zone(CLIENT_ONE, &messages("Expert"), &messages("Eppert")),
        zone(CLIENT_ONE, &messages("Expert/seen.txt"), &messages("Eppert/seen.txt")),
        // What others have put into a drop box.
        zone(CLIENT_ONE, "Drop box/seen #.txt", "Drop box/none #.txt"),
        zone(CLIENT_ONE, "Drop box/folder #", "Drop box/fodder #"),
        zone(CLIENT_ONE, "Drop box/holder #/inner.txt", "Drop box/bolder #/inner.txt"),
    ]
}

/// How many numbers there are.
const NUMBERS: usize = 64;

fn prepared() -> Demo {
    let demo = Demo::start();
    let documents = format!("/{MATTER_ONE}/Documents");
    let mut batch = format!(
        "put /etc/hostname \"{documents}/Internal/seen.txt\"\nmkdir \"{documents}/Internal/folder\"\n\
         put /etc/hostname \"{documents}/Drafts/seen.txt\"\n\
         put /etc/hostname \"/2026-0002 Estate of A Testator/Documents/Drafts/seen.txt\"\n"
    );
    for n in 0..NUMBERS {
        batch.push_str(&format!("mkdir \"{documents}/Drop box/folder {n}\"\n"));
        batch.push_str(&format!("mkdir \"{documents}/Drop box/holder {n}\"\n"));
        batch.push_str(&format!("put /etc/hostname \"{documents}/Drop box/holder {n}/inner.txt\"\n"));
        batch.push_str(&format!("put /etc/hostname \"{documents}/Shared room/own {n}\"\n"));
    }
    ok(demo.sftp(STAFF, &batch));
    let batch: String =
        (0..NUMBERS).map(|n| format!("put /etc/hostname \"{documents}/Drop box/seen {n}.txt\"\n")).collect();
    ok(demo.sftp(SCANNER, &batch));
    demo
}

/// The answer without what names the place.
fn plain(bytes: &[u8], zone: &Zone) -> String {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    for path in [&zone.hidden, &zone.absent] {
        for (n, part) in path.split('/').enumerate().filter(|(_, part)| !part.is_empty()) {
            for number in (0..NUMBERS).rev() {
                let part = part.replace('#', &number.to_string());
                for spelling in [part.replace(' ', "%20"), part.clone()] {
                    text = text.replace(&spelling, &format!("<{n}>"));
                }
                if !path.contains('#') {
                    break;
                }
            }
        }
    }
    text
}

type Make = fn(&[u8], &[u8]) -> Vec<u8>;

/// Requests of SFTP about a path; the second argument is a document of the session's own elsewhere.
const REQUESTS: &[(&str, Make)] = &[
    ("stat", |path, _| packet(17, 1, &[&string(path)])),
    ("lstat", |path, _| packet(7, 1, &[&string(path)])),
    ("realpath", |path, _| packet(16, 1, &[&string(path)])),
    ("opendir", |path, _| packet(11, 1, &[&string(path)])),
    ("open to read", |path, _| open(path, READ)),
    ("open to edit", |path, _| open(path, READ | WRITE)),
    ("open to create or edit", |path, _| open(path, READ | WRITE | CREATE)),
    ("open to write", |path, _| open(path, WRITE | CREATE | TRUNCATE)),
    ("open a new one", |path, _| open(path, WRITE | CREATE | EXCLUSIVE)),
    ("mkdir", |path, _| packet(14, 1, &[&string(path), &[0; 4]])),
    ("mkdir below", |path, _| packet(14, 1, &[&string(&[path, b"/below"].concat()), &[0; 4]])),
    ("rmdir", |path, _| packet(15, 1, &[&string(path)])),
    ("remove", |path, _| packet(13, 1, &[&string(path)])),
    ("set times", |path, _| packet(9, 1, &[&string(path), &8u32.to_be_bytes(), &[0; 8]])),
    ("truncate", |path, _| packet(9, 1, &[&string(path), &1u32.to_be_bytes(), &[0; 8]])),
    ("set mode", |path, _| packet(9, 1, &[&string(path), &4u32.to_be_bytes(), &[0; 4]])),
    ("rename away", |path, own| packet(18, 1, &[&string(path), &string(&[own, b" 2"].concat())])),
    ("rename to", |path, own| packet(18, 1, &[&string(own), &string(path)])),
    ("replace away", |path, own| posix_rename(path, &[own, b" 3"].concat())),
    ("replace", |path, own| posix_rename(own, path)),
    ("space", |path, _| packet(200, 1, &[&string(b"statvfs@openssh.com"), &string(path)])),
];

fn open(path: &[u8], flags: u32) -> Vec<u8> {
    packet(3, 1, &[&string(path), &flags.to_be_bytes(), &[0; 4]])
}

fn posix_rename(from: &[u8], to: &[u8]) -> Vec<u8> {
    packet(200, 1, &[&string(b"posix-rename@openssh.com"), &string(from), &string(to)])
}

/// An answer, and, if it opened something, the answers to what one then does with a handle.
async fn ask(wire: &mut Sftp, request: &[u8], zone: &Zone) -> Vec<String> {
    wire.send(request).await;
    let answer = wire.answer().await.expect("an answer");
    if answer[0] == 201 {
        // How much is free changes from one moment to the next.
        return vec!["space".to_owned()];
    }
    if answer[0] != 102 {
        return vec![plain(&answer, zone)];
    }
    let handle = &answer[5..];
    let mut answers = vec!["a handle".to_owned()];
    for request in [
        packet(12, 2, &[handle]),
        packet(5, 3, &[handle, &[0; 8], &[0, 0, 1, 0]]),
        packet(6, 4, &[handle, &[0; 8], &string(b"words")]),
        packet(4, 6, &[handle]),
    ] {
        wire.send(&request).await;
        answers.push(plain(&wire.answer().await.expect("an answer"), zone));
    }
    answers
}

#[test]
fn over_sftp_what_is_hidden_is_answered_like_what_is_absent() {
    let demo = prepared();
    let mut differences = Vec::new();
    run(async {
        for zone in zones() {
            let mut wire = Sftp::ready_as(&demo, zone.login).await;
            for (n, (name, make)) in REQUESTS.iter().enumerate() {
                let mut answers = Vec::new();
                for (m, path) in [&zone.hidden, &zone.absent].into_iter().enumerate() {
                    let own = format!("/{MATTER_ONE}/Documents/Shared room/own {}", 2 * n + m);
                    let path = path.replace('#', &n.to_string());
                    answers.push(ask(&mut wire, &make(path.as_bytes(), own.as_bytes()), &zone).await);
                }
                if answers[0] != answers[1] {
                    differences
                        .push(format!("{} {} {name}: {:?} / {:?}", zone.login, zone.hidden, answers[0], answers[1]));
                }
            }
        }
    });
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

const PROPERTIES: &str = "<D:propertyupdate xmlns:D='DAV:' xmlns:m='urn:schemas-microsoft-com:'><D:set><D:prop>\
    <m:Win32LastModifiedTime>Sun, 09 Sep 2001 01:46:40 GMT</m:Win32LastModifiedTime></D:prop></D:set></D:propertyupdate>";
const LOCK: &str = "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope>\
    <D:locktype><D:write/></D:locktype></D:lockinfo>";
const TOKEN: &str = "<urn:uuid:00000000-0000-4000-8000-000000000000>";

/// Requests of WebDAV: curl's arguments; `OWN` is the URL of a document of the session's own, `HERE` that of the place.
const METHODS: &[&[&str]] = &[
    &["-X", "OPTIONS"],
    &[],
    &["-I"],
    &["-r", "0-3"],
    &["-H", "If-None-Match: *"],
    &["-X", "PROPFIND", "-H", "Depth: 0"],
    &["-X", "PROPFIND", "-H", "Depth: 1"],
    &["-X", "PUT", "--data-binary", "words"],
    &["-X", "PUT", "--data-binary", "words", "-H", "If-None-Match: *"],
    &["-X", "PUT", "--data-binary", "words", "-H", "If-Match: *"],
    &["-X", "PUT", "--data-binary", "words", "-H", "If: (Not <DAV:no-lock>)"],
    &["-X", "MKCOL"],
    &["-X", "DELETE"],
    &["-X", "MOVE", "-H", "Destination: OWN-2"],
    &["-X", "COPY", "-H", "Destination: OWN-3"],
    &["FROM OWN", "-X", "MOVE", "-H", "Destination: HERE"],
    &["FROM OWN", "-X", "MOVE", "-H", "Overwrite: F", "-H", "Destination: HERE"],
    &["FROM OWN", "-X", "COPY", "-H", "Destination: HERE"],
    &["FROM OWN", "-X", "COPY", "-H", "Overwrite: F", "-H", "Destination: HERE"],
    &["-X", "PROPPATCH", "--data-binary", PROPERTIES],
    &["-X", "LOCK", "--data-binary", LOCK],
    &["-X", "LOCK", "-H", TOKEN],
    &["-X", "UNLOCK", "-H", TOKEN],
];

/// Status, headers and body without the time, the names and random identifiers.
fn said(demo: &Demo, zone: &Zone, path: &str, own: &str, arguments: &[&str]) -> String {
    exchange(demo, zone, path, own, arguments).0
}

/// As `said`, and the whole answer.
fn exchange(demo: &Demo, zone: &Zone, path: &str, own: &str, arguments: &[&str]) -> (String, String) {
    let mut target = path.to_owned();
    let arguments: Vec<String> = arguments
        .iter()
        .filter_map(|argument| {
            if *argument == "FROM OWN" {
                target = own.to_owned();
                return None;
            }
            let argument = match *argument {
                TOKEN => format!("If: ({TOKEN})"),
                other => other.replace("OWN", &demo.url(own)).replace("HERE", &demo.url(path)),
            };
            Some(argument)
        })
        .collect();
    let arguments: Vec<&str> = ["-i", "--path-as-is"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let output = demo.curl(zone.login, &target, &arguments);
    let text = plain(&output.stdout, zone).replace(&demo.url(own)[..], "<own>");
    let kept = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && !line.starts_with("date: ") && !line.starts_with("last-modified: "));
    let kept = kept.map(without_identifiers).collect::<Vec<_>>().join("\n");
    (kept, String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs of 16 and more hexadecimal digits and dashes are of this answer alone.
fn without_identifiers(line: &str) -> String {
    let mut plain = String::new();
    let mut run = String::new();
    for c in line.chars().chain(['\n']) {
        if c.is_ascii_hexdigit() || c == '-' {
            run.push(c);
            continue;
        }
        plain.push_str(if run.len() >= 16 { "<id>" } else { &run });
        run.clear();
        plain.push(c);
    }
    plain
}

#[test]
fn over_webdav_what_is_hidden_is_answered_like_what_is_absent() {
    let demo = prepared();
    let mut differences = Vec::new();
    for zone in zones() {
        for slash in ["", "/"] {
            for (n, arguments) in METHODS.iter().enumerate() {
                let number = if slash.is_empty() { n } else { n + METHODS.len() };
                let answers: Vec<_> = [&zone.hidden, &zone.absent]
                    .into_iter()
                    .enumerate()
                    .map(|(m, path)| {
                        let own = format!("{MATTER_ONE}/Documents/Shared room/own {}", (2 * n + m) % NUMBERS);
                        let path = format!("{}{slash}", path.replace('#', &number.to_string()));
                        said(&demo, &zone, &path, &own, arguments)
                    })
                    .collect();
                if answers[0] != answers[1] {
                    let only = |a: &str, b: &str| {
                        a.lines().filter(|line| !b.lines().any(|other| other == *line)).collect::<Vec<_>>().join(" | ")
                    };
                    let (hidden, absent) = (only(&answers[0], &answers[1]), only(&answers[1], &answers[0]));
                    let (login, place) = (zone.login, &zone.hidden);
                    differences.push(format!("{login} {place}{slash} {arguments:?}: {hidden} / absent: {absent}"));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n\n"));
}

/// A line without what stands in this element.
fn without(line: impl Into<String>, element: &str) -> String {
    let mut line = line.into();
    if let (Some(start), Some(end)) = (line.find(&format!("<D:{element}>")), line.find(&format!("</D:{element}>"))) {
        line.replace_range(start..end, "");
    }
    line
}

/// What drives do to save one document, after another: each step's answer must not tell that the name was taken.
#[test]
fn an_upload_into_a_drop_box_goes_on_alike_whether_its_name_was_taken_or_not() {
    let demo = prepared();
    let zone = zone(CLIENT_ONE, "Drop box/seen #.txt", "Drop box/none #.txt");
    let own = format!("{MATTER_ONE}/Documents/Shared room/own 0");
    // Finder and Windows put an empty document first, davfs2 locks the name first.
    let finder: &[&[&str]] = &[
        &["-X", "PUT", "--data-binary", ""],
        &["-X", "PROPFIND", "-H", "Depth: 0"],
        &["-X", "LOCK", "--data-binary", LOCK],
        &["-X", "PUT", "--data-binary", "words", "-H", "If: (LAST)"],
        &["-X", "PROPPATCH", "--data-binary", PROPERTIES, "-H", "If: (LAST)"],
        &["-X", "UNLOCK", "-H", "Lock-Token: LAST"],
        &["-I"],
    ];
    let davfs: &[&[&str]] = &[
        &["-X", "LOCK", "--data-binary", LOCK],
        &["-X", "PUT", "--data-binary", "words", "-H", "If: (LAST)"],
        &["-X", "UNLOCK", "-H", "Lock-Token: LAST"],
        &["-X", "PROPFIND", "-H", "Depth: 0"],
        &["-X", "MOVE", "-H", "Destination: HERE.bak"],
    ];
    for (n, steps) in [(60, finder), (61, davfs)] {
        let [hidden, absent] = [&zone.hidden, &zone.absent].map(|path| {
            let path = path.replace('#', &n.to_string());
            let mut token = String::new();
            let answer = |arguments: &&[&str]| {
                let arguments: Vec<_> = arguments.iter().map(|argument| argument.replace("LAST", &token)).collect();
                let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
                let (text, raw) = exchange(&demo, &zone, &path, &own, &arguments);
                if let Some(line) = raw.lines().find_map(|line| line.strip_prefix("lock-token: ")) {
                    token = line.trim().to_owned();
                }
                let kept = text.lines().filter(|line| !line.starts_with("etag"));
                kept.map(|line| without(without(line, "getlastmodified"), "creationdate")).collect::<Vec<_>>()
            };
            steps.iter().map(answer).collect::<Vec<_>>()
        });
        for ((step, hidden), absent) in steps.iter().zip(hidden).zip(absent) {
            assert_eq!(hidden, absent, "{step:?}");
        }
    }
    run(async {
        let mut wire = Sftp::ready_as(&demo, CLIENT_ONE).await;
        let mut answers = Vec::new();
        for path in [&zone.hidden, &zone.absent] {
            let path = path.replace('#', "62").into_bytes();
            let mut said = ask(&mut wire, &open(&path, WRITE | CREATE | TRUNCATE), &zone).await;
            wire.send(&packet(17, 1, &[&string(&path)])).await;
            said.push(format!("stat gives {}", wire.answer().await.expect("an answer")[0]));
            for request in [
                packet(9, 1, &[&string(&path), &8u32.to_be_bytes(), &[0; 8]]),
                posix_rename(&path, &[&path[..], b".done"].concat()),
            ] {
                said.extend(ask(&mut wire, &request, &zone).await);
            }
            answers.push(said);
        }
        assert_eq!(answers[0], answers[1]);
    });
}
