//! Every set of rights against every operation, through both doors with clients that people have: what `policy::decide`
//! says (`tests/golden/rights-table.txt`) must be what comes of it outside. The outcome is the table
//! `tests/golden/rights-at-the-front-door.txt`; `UPDATE_GOLDEN=1` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::demo::{CLIENT_ONE, Demo, STAFF, both, client, ok};
use crate::rights_columns::{COLUMNS, Column};
use crate::sftp_wire::{Sftp, packet, run, string};

const MATTER: &str = "2026-0900";
const ROOT: &str = "2026-0900 Rights/Documents";
const LETTERS: [(char, &str); 5] = [('l', "list"), ('r', "read"), ('c', "create"), ('u', "update"), ('d', "delete")];

/// Where the doors differ and must: rights, column, over SFTP, over WebDAV. Hidden equals absent at each of them.
const KNOWN_DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    // statvfs asks for the space at a name, which may be one that is still to be made.
    ("-----", "space", "done", "hidden"),
    // Upload tools set times as a matter of course; in a drop box SETSTAT is taken for every name and has no effect.
    ("--c--", "set-time", "done", "hidden"),
];

/// A front end and a set of rights.
struct Row {
    front: &'static str,
    rights: String,
}

impl Row {
    fn all() -> Vec<Self> {
        let letters = |bits: u32| {
            LETTERS.iter().enumerate().map(|(n, (c, _))| if bits >> n & 1 == 1 { *c } else { '-' }).collect::<String>()
        };
        (0..32).flat_map(|bits| ["sftp", "dav"].map(|front| Self { front, rights: letters(bits) })).collect()
    }

    fn folder(&self) -> String {
        format!("{ROOT}/{}/{}", self.front, self.rights)
    }

    /// The words of a command with their placeholders filled in, as arguments.
    fn words(&self, command: &str) -> Vec<String> {
        let key = format!("{}{}", self.front, self.rights);
        let fill = |word: &str| match word.split_once('/').unwrap_or((word, "")) {
            ("F", rest) => format!("{}/{rest}", self.folder()),
            ("A", rest) => format!("{ROOT}/all/{}", rest.replace('K', &key)),
            _ => word.to_owned(),
        };
        command.replace('"', "").split_whitespace().map(fill).collect()
    }
}

/// The matter type of this test: below `sftp` and `dav` a folder for each set of rights, and one with all.
fn matter_type() -> String {
    let mut toml = String::from("name = \"Rights\"\nparticipants = [\"client\", \"expert\"]\n");
    let mut folder = |path: &str, rights: &str| {
        let rows = if rights.is_empty() { String::new() } else { format!(", client = \"{rights}\"") };
        let _ = write!(toml, "\n[[folder]]\npath = \"Documents/{path}\"\nrows = {{ expert = \"full\"{rows} }}\n");
    };
    folder("all", "full");
    for row in Row::all() {
        let words: Vec<_> =
            LETTERS.iter().filter(|(letter, _)| row.rights.contains(*letter)).map(|(_, word)| *word).collect();
        folder(&format!("{}/{}", row.front, row.rights), &words.join(" "));
    }
    toml
}

/// A daemon with the matter and what staff have put into it.
fn prepared(here: &Path) -> Demo {
    let demo = Demo::start();
    let file = here.join("rights.toml");
    std::fs::write(&file, matter_type()).expect("written");
    for arguments in [
        &["matter-type", "apply", &file.to_string_lossy()][..],
        &["matter", "add", MATTER, "Rights", "--type", "Rights"],
        &["participant", "add", "--matter", MATTER, "--contact", CLIENT_ONE, "--type", "client"],
        &["access", "grant", "--matter", MATTER, "--contact", CLIENT_ONE],
    ] {
        ok(demo.deedbox(arguments));
    }
    for (name, content) in [("first", "first"), ("new", "new"), ("longer", "first and more")] {
        std::fs::write(here.join(name), content).expect("written");
    }
    let mut batch = format!("put first \"/{ROOT}/all/source\"\n");
    for row in Row::all() {
        let mut seen = BTreeSet::new();
        for word in
            COLUMNS.iter().flat_map(|column| row.words(if row.front == "dav" { column.dav } else { column.sftp }))
        {
            let name = word.rsplit('/').next().unwrap_or_default();
            // What operations find; what they make has other names.
            let found = name.ends_with(".txt")
                && !name.contains("own")
                && !name.starts_with("renamed")
                && !name.starts_with("locked");
            let target =
                ["in.txt", "copied.txt"].contains(&name) || name.starts_with("out-") || name.starts_with("copy-");
            if found && !target && seen.insert(word.clone()) {
                let _ = writeln!(batch, "put first \"/{word}\"");
            }
        }
        let _ = writeln!(batch, "mkdir \"/{0}/empty\"\nmkdir \"/{0}/folder\"", row.folder());
    }
    ok(sftp(&demo, STAFF, here, &batch));
    demo
}

/// Runs a batch of OpenSSH's `sftp`, answers on one stream.
fn sftp(demo: &Demo, login: &str, here: &Path, batch: &str) -> std::process::Output {
    std::fs::write(here.join("batch"), batch).expect("written");
    Command::new("sh")
        .current_dir(here)
        .args(["-c", "exec \"$@\" 2>&1", "sh", "sftp"])
        .args(demo.ssh_options(login))
        .args(["-q", "-b", "batch", "127.0.0.1"])
        .output()
        .expect("sftp is installed")
}

/// What each command of a batch said.
fn said(output: &std::process::Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let command = |part: &str| part.split_once('\n').map_or("", |(_, said)| said).to_owned();
    text.split("sftp> ").skip(1).map(command).collect()
}

fn sftp_word(column: &Column, said: &str) -> String {
    let lower = said.to_lowercase();
    let word = if lower.contains("permission denied") {
        "denied"
    } else if lower.contains("not found") || lower.contains("no such file") {
        "hidden"
    } else if lower.contains("failure") {
        "refused"
    } else if column.name == "list" && said.trim().is_empty() {
        "empty"
    } else {
        "done"
    };
    word.to_owned()
}

/// The rows of the SFTP front.
fn over_sftp(demo: &Demo, here: &Path, rows: &[Row]) -> Vec<Vec<String>> {
    let mut asked = Vec::new();
    run(async {
        let mut wire = Sftp::ready_as(demo, CLIENT_ONE).await;
        for row in rows {
            let time = set_time(&mut wire, &row.words("F/time.txt")[0]).await;
            asked.push((time, hash(&mut wire, &row.words("F/read.txt")[0]).await));
        }
    });
    rows.iter()
        .zip(asked)
        .map(|(row, (time, hash))| {
            let mut batch = String::new();
            for column in COLUMNS.iter().filter(|column| column.sftp.starts_with(|first: char| first.is_lowercase())) {
                let words = row.words(column.sftp);
                let quoted: Vec<_> = words
                    .iter()
                    .map(|word| if word.contains('/') { format!("\"/{word}\"") } else { word.clone() })
                    .collect();
                let _ = writeln!(batch, "-{}", quoted.join(" "));
            }
            let output = sftp(demo, CLIENT_ONE, here, &batch);
            let mut said = said(&output).into_iter();
            let words = COLUMNS.iter().map(|column| match (column.sftp, column.name) {
                ("", _) | (_, "own-time") => "-".to_owned(),
                (_, "set-time") => time.clone(),
                (_, "hash") => hash.clone(),
                _ => sftp_word(column, &said.next().unwrap_or_else(|| panic!("no answer: {}", both(&output)))),
            });
            words.collect()
        })
        .collect()
}

/// SETSTAT with times alone.
async fn set_time(wire: &mut Sftp, path: &str) -> String {
    let path = string(format!("/{path}").as_bytes());
    wire.send(&packet(9, 1, &[&path, &8u32.to_be_bytes(), &[0, 0, 0, 9], &[0, 0, 0, 9]])).await;
    word_of(wire.status().await.1)
}

/// check-file of the SHA-256.
async fn hash(wire: &mut Sftp, path: &str) -> String {
    let path = string(format!("/{path}").as_bytes());
    wire.send(&packet(200, 1, &[&string(b"check-file-name"), &path, &string(b"sha256"), &[0; 20]])).await;
    let answer = wire.answer().await.expect("an answer");
    // EXTENDED_REPLY, or a status with its code behind type and number.
    word_of(if answer[0] == 201 { 0 } else { answer[8].into() })
}

fn word_of(code: u32) -> String {
    match code {
        0 => "done",
        2 => "hidden",
        3 => "denied",
        _ => "refused",
    }
    .to_owned()
}

const TIME: &str = "<D:propertyupdate xmlns:D='DAV:' xmlns:m='urn:schemas-microsoft-com:'><D:set><D:prop>\
    <m:Win32LastModifiedTime>Sun, 09 Sep 2001 01:46:40 GMT</m:Win32LastModifiedTime></D:prop></D:set></D:propertyupdate>";
const PROPERTY: &str =
    "<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop><x xmlns='urn:x'>1</x></D:prop></D:set></D:propertyupdate>";
const LOCK: &str = "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope>\
    <D:locktype><D:write/></D:locktype></D:lockinfo>";
const SPACE: &str = "<D:propfind xmlns:D='DAV:'><D:prop><D:quota-available-bytes/></D:prop></D:propfind>";

/// A part of curl's configuration: one request, whose answer goes into a file of its own.
fn request(demo: &Demo, answer: &Path, words: &[String], token: &str) -> String {
    let [method, path, rest @ ..] = words else { panic!("no path: {words:?}") };
    let (method, headers, body) = match method.as_str() {
        "LIST" => ("PROPFIND", vec!["Depth: 1".to_owned()], ""),
        "STAT" => ("PROPFIND", vec!["Depth: 0".to_owned()], ""),
        "SPACE" => ("PROPFIND", vec!["Depth: 0".to_owned()], SPACE),
        "PUT" => ("PUT", vec![], "new"),
        "TIME" => ("PROPPATCH", vec![], TIME),
        "PROPERTY" => ("PROPPATCH", vec![], PROPERTY),
        "LOCK" => ("LOCK", vec![], LOCK),
        "REFRESH" => ("LOCK", vec![format!("If: ({token})")], ""),
        "UNLOCK" => ("UNLOCK", vec![format!("Lock-Token: {token}")], ""),
        "MOVE-FREE" => ("MOVE", vec!["Overwrite: F".to_owned()], ""),
        other => (other, vec![], ""),
    };
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut config = format!(
        "url = {}\ncacert = {}\nuser = {}\nrequest = {method}\nsilent\nshow-error\noutput = {}\nwrite-out = \"%{{http_code}}\\n\"\n",
        quote(&demo.url(path)),
        quote(demo.text("ca_file")),
        quote(&format!("{CLIENT_ONE}:{}", demo.password(CLIENT_ONE))),
        quote(&answer.to_string_lossy()),
    );
    if let [destination] = rest {
        let _ = writeln!(config, "header = {}", quote(&format!("Destination: {}", demo.url(destination))));
    }
    for header in headers {
        let _ = writeln!(config, "header = {}", quote(&header));
    }
    if !body.is_empty() {
        let _ = writeln!(config, "data-binary = {}", quote(body));
    }
    config
}

/// Sends requests over one connection; gives the status and body of each.
fn curl(here: &Path, requests: &[String]) -> Vec<(u16, String)> {
    let config = here.join("config");
    std::fs::write(&config, requests.join("next\n")).expect("written");
    let output = client("curl").arg("--config").arg(&config).output().expect("curl is installed");
    let text = ok(output);
    assert_eq!(text.lines().count(), requests.len(), "{text}");
    text.lines()
        .enumerate()
        .map(|(n, status)| {
            let answer = here.join(format!("answer-{n}"));
            let body = std::fs::read_to_string(&answer).unwrap_or_default();
            let _ = std::fs::remove_file(answer);
            (status.parse().expect("a status"), body)
        })
        .collect()
}

fn dav_word(column: &Column, status: u16, body: &str) -> String {
    // What happened to members is in the body (RFC 4918 section 13).
    let inner = body.contains("HTTP/1.1 403").then_some(403).or(body.contains("HTTP/1.1 404").then_some(404));
    let changes = !matches!(column.name, "list" | "stat" | "own-stat");
    let status = if status == 207 && changes { inner.unwrap_or(status) } else { status };
    let word = match status {
        207 if column.name == "list" && body.matches("<D:response>").count() == 1 => "empty",
        200..=299 => "done",
        403 => "denied",
        // 409: the folder that should hold a new entry is not there (RFC 4918 section 9.7.1).
        409 if matches!(column.name, "refresh-lock" | "unlock") => "refused",
        404 | 409 => "hidden",
        405 | 412 => "refused",
        other => return other.to_string(),
    };
    word.to_owned()
}

/// The rows of the WebDAV front.
fn over_dav(demo: &Demo, here: &Path, rows: &[Row]) -> Vec<Vec<String>> {
    let done = |row: &Row| {
        let send = |columns: &[&Column], token: &str| {
            let requests: Vec<_> = columns
                .iter()
                .enumerate()
                .map(|(n, column)| request(demo, &here.join(format!("answer-{n}")), &row.words(column.dav), token))
                .collect();
            curl(here, &requests)
        };
        let columns: Vec<_> = COLUMNS.iter().filter(|column| !column.dav.is_empty()).collect();
        let split = columns.iter().position(|column| column.name == "refresh-lock").expect("a column");
        let mut answers = send(&columns[..split], "");
        let token = answers.last().and_then(|(_, body)| {
            let at = body.find("<D:locktoken><D:href>")? + 21;
            Some(format!("<{}>", &body[at..at + body[at..].find('<')?]))
        });
        // One of the right form that nobody has.
        let token = token.unwrap_or_else(|| "<urn:uuid:00000000-0000-4000-8000-000000000000>".to_owned());
        answers.extend(send(&columns[split..], &token));
        let mut answers = answers.into_iter();
        let words = COLUMNS.iter().map(|column| match column.dav {
            "" => "-".to_owned(),
            _ => {
                let (status, body) = answers.next().expect("an answer");
                dav_word(column, status, &body)
            }
        });
        words.collect()
    };
    rows.iter().map(done).collect()
}

/// The names in every folder, as staff see them.
fn contents(demo: &Demo, here: &Path, rows: &[Row]) -> BTreeMap<String, BTreeSet<String>> {
    let mut folders: Vec<_> = rows.iter().map(Row::folder).collect();
    folders.push(format!("{ROOT}/all"));
    let batch: String = folders.iter().map(|folder| format!("ls -1a \"/{folder}\"\n")).collect();
    let output = sftp(demo, STAFF, here, &batch);
    assert!(output.status.success(), "{}", both(&output));
    let names = said(&output).into_iter().map(|said| {
        said.lines().map(|line| line.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()).collect()
    });
    folders.into_iter().zip(names).collect()
}

/// Holds what was answered against what is there now.
fn check(row: &Row, words: &mut [String], contents: &BTreeMap<String, BTreeSet<String>>) {
    let here = &contents[&row.folder()];
    let all = &contents[&format!("{ROOT}/all")];
    for (column, word) in COLUMNS.iter().zip(words) {
        let beside = |name: &str| format!("{name} (2).txt");
        let numbered = match column.name {
            "replace" => here.contains(&beside("replace")),
            "rename-over" | "rename-if-free" => here.contains(&beside("b")),
            "move-in-over" => here.contains(&beside("onto")),
            "copy-in-over" => here.contains(&beside("copy")),
            "lock" => here.contains(&beside("lock")),
            "own-replace" => here.contains(&beside("own")),
            _ => false,
        };
        if numbered && word == "done" {
            *word = "beside".to_owned();
        }
        let done = matches!(word.as_str(), "done" | "beside");
        if column.sftp.is_empty() && row.front == "sftp" {
            continue;
        }
        for effect in column.effect.split_whitespace() {
            let name = row.words(&effect[1..]).remove(0);
            let name = name.rsplit('/').next().unwrap_or_default();
            let there = if effect[1..].starts_with("A/") { all } else { here }.contains(name);
            // What a later column renames or removes is checked there.
            let later = matches!(name, "own.txt" | "copied.txt");
            let expected = if effect.starts_with('+') { done } else { !done };
            assert!(
                there == expected || later,
                "{} {} {}: answered {word}, but {name} is {}: {here:?}",
                row.front,
                row.rights,
                column.name,
                if there { "there" } else { "not there" },
            );
        }
    }
}

const HEADER: &str = "\
# What comes of an operation at the front door: every set of rights against every operation, over SFTP (OpenSSH) and over
# WebDAV (curl). The rows are the rights of the client in the folder: l list, r read, c create, u update, d delete.
# Everything in the folder was made by staff, but for the columns `own`, which are about the client's own upload of this
# minute, and `temporary`, about the temporary file of a save; in the columns `save` a document is moved away and back, and
# removed beside the client's own temporary file, which then takes its name. `out`, `in`: from or into a folder with all rights.
#
#   done     done, and seen to be done
#   beside   taken, and kept beside the document of that name as `name (2).txt`
#   empty    answered, with no entry
#   denied   \"permission denied\" (403)
#   hidden   answered exactly as if there were no such object (404; 409 where something was to be made)
#   refused  there is such an object, and it stands in the way (412, 405)
#   -        this client has no command for it
";

#[test]
fn rights_mean_the_same_at_both_doors() {
    at_both_doors(None);
}

#[test]
fn guards_that_forbid_nothing_change_no_answer() {
    // Asked about every verb, and never true.
    at_both_doors(Some("@id(\"never\") forbid (principal, action, resource) when { context.size < 0 };\n"));
}

fn at_both_doors(guards: Option<&str>) {
    let dir = tempfile::tempdir().expect("a directory");
    let here = dir.path();
    let demo = prepared(here);
    if let Some(guards) = guards {
        crate::guards::guarded(&demo, guards);
    }
    let (sftp_rows, dav_rows): (Vec<_>, Vec<_>) = Row::all().into_iter().partition(|row| row.front == "sftp");
    let mut sftp_words = over_sftp(&demo, here, &sftp_rows);
    let mut dav_words = over_dav(&demo, here, &dav_rows);
    let contents = contents(&demo, here, &Row::all());
    let mut table = HEADER.to_owned();
    let width = |column: &Column| column.name.len().max(7);
    let heads: Vec<_> = COLUMNS.iter().map(|column| format!("{:<1$}", column.name, width(column))).collect();
    let _ = writeln!(table, "\n{:<10} {}", "", heads.join(" ").trim_end());
    let mut differences = Vec::new();
    for (n, row) in sftp_rows.iter().enumerate() {
        check(row, &mut sftp_words[n], &contents);
        check(&dav_rows[n], &mut dav_words[n], &contents);
        for (front, words) in [("sftp", &sftp_words[n]), ("dav", &dav_words[n])] {
            let cells: Vec<_> =
                COLUMNS.iter().zip(words).map(|(column, word)| format!("{word:<0$}", width(column))).collect();
            let _ = writeln!(table, "{} {front:<4} {}", row.rights, cells.join(" ").trim_end());
        }
        for ((column, a), b) in COLUMNS.iter().zip(&sftp_words[n]).zip(&dav_words[n]) {
            let known = KNOWN_DIFFERENCES.contains(&(row.rights.as_str(), column.name, a.as_str(), b.as_str()));
            if a != b && a != "-" && b != "-" && !known {
                differences.push(format!("{} {}: sftp {a}, dav {b}", row.rights, column.name));
            }
        }
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/rights-at-the-front-door.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &table).expect("written");
    }
    assert!(differences.is_empty(), "the doors differ:\n{}", differences.join("\n"));
    let expected = std::fs::read_to_string(&golden).expect("the golden file; UPDATE_GOLDEN=1 writes it");
    for (line, (now, then)) in table.lines().zip(expected.lines()).enumerate() {
        assert_eq!(now, then, "line {}", line + 1);
    }
    assert_eq!(table.lines().count(), expected.lines().count());
}

#[test]
fn every_method_of_a_view_has_its_column() {
    let mut methods = BTreeSet::new();
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/vfs")).expect("the sources") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
        for body in text.split("\nimpl View {\n").skip(1) {
            let body = body.split("\n}\n").next().unwrap_or_default();
            let names = body.split("    pub async fn ").skip(1).filter_map(|rest| rest.split('(').next());
            // What somebody did themselves is theirs to see, whatever rights they have; what waits in quarantine is for the
            // firm's people to decide (`quarantine.rs`).
            let others = ["own_activity", "assign", "discard"];
            methods.extend(names.filter(|name| !others.contains(name)).map(str::to_owned));
        }
    }
    let covered: BTreeSet<String> =
        COLUMNS.iter().flat_map(|column| column.methods).map(|name| (*name).to_owned()).collect();
    assert_eq!(methods, covered, "methods of `vfs::View` and columns of the table");
}
