//! Guards at both doors: what the rows grant and the firm forbids all the same.

use std::time::Duration;

use serde_json::Value;

use crate::demo::*;
use crate::transfer::{Pace, Transfer, wait};

/// At this pace a download would go on for eight seconds, and what sockets hold of it is through in half of one.
const SLOW: Pace = Pace { size: 64 << 20, per_second: 8 << 20 };

fn guard(id: &str, verbs: &str, condition: &str) -> String {
    format!(
        "@id(\"{id}\") @advice(\"because of {id}\")\nforbid (principal, {verbs}, resource) when {{ {condition} }};\n"
    )
}

fn write(demo: &Demo, guards: &str) {
    std::fs::create_dir_all(demo.data().join("policies")).expect("made");
    std::fs::write(demo.data().join("policies/guards.cedar"), guards).expect("written");
}

/// Puts guards in force in a daemon that runs.
pub(crate) fn guarded(demo: &Demo, guards: &str) -> String {
    write(demo, guards);
    demo.configure(|text| text.replace("#: guards = ", "guards = "));
    ok(demo.deedbox(&["reload"]))
}

fn room(name: &str) -> String {
    format!("/{MATTER_ONE}/Documents/Shared room/{name}")
}

fn records(demo: &Demo) -> Vec<Value> {
    let shown = ok(demo.deedbox(&["audit", "show", "--json"]));
    match serde_json::from_str(&shown) {
        Ok(Value::Array(records)) => records,
        _ => shown.lines().map(|line| serde_json::from_str(line).expect("a record a line")).collect(),
    }
}

fn has(demo: &Demo, what: &[(&str, &str)]) -> bool {
    records(demo).iter().any(|record| {
        what.iter().all(|(field, value)| record[*field].as_str().is_some_and(|text| text.contains(value)))
    })
}

#[test]
fn a_guard_refuses_at_both_doors_and_the_record_names_it() {
    let demo = Demo::start();
    let told = guarded(
        &demo,
        &(guard("no-programs", "action in [Action::\"create\", Action::\"update\"]", "context.extension == \"exe\"")
            + &guard("not-over-webdav", "action == Action::\"read\"", "context.front == Front::\"webdav\"")
            + &guard("not-listed", "action == Action::\"list\"", "context.folder == \"Documents/Drafts\"")),
    );
    assert!(told.contains("changed: the guards, now 3"), "{told}");
    // An upload, a rename to what could not be sent, a move.
    let refused = |batch: &str| {
        let output = demo.sftp(CLIENT_ONE, batch);
        assert!(!output.status.success() && both(&output).contains("ermission denied"), "{batch}: {}", both(&output));
    };
    refused(&format!("put /etc/hostname \"{}\"\n", room("a.exe")));
    ok(demo.sftp(CLIENT_ONE, &format!("put /etc/hostname \"{}\"\n", room("a.txt"))));
    refused(&format!("rename \"{}\" \"{}\"\n", room("a.txt"), room("b.EXE")));
    assert_eq!(demo.status(CLIENT_ONE, &room("c.exe"), &["-T", "/etc/hostname"]), 403);
    let destination = format!("Destination: {}", demo.url(&room("d.exe")));
    assert_eq!(demo.status(CLIENT_ONE, &room("a.txt"), &["-X", "MOVE", "-H", &destination]), 403);
    assert_eq!(demo.status(CLIENT_ONE, &room("a.txt"), &["-X", "COPY", "-H", &destination]), 403);
    // One door, and not the other; a folder that is not listed, whose documents stay.
    assert_eq!(demo.status(CLIENT_ONE, &room("a.txt"), &[]), 403);
    ok(demo.sftp(CLIENT_ONE, &format!("get \"{}\" /dev/null\n", room("a.txt"))));
    let drafts = format!("/{MATTER_ONE}/Documents/Drafts");
    assert_eq!(demo.status(CLIENT_ONE, &drafts, &["-X", "PROPFIND", "-H", "Depth: 1"]), 403);
    refused(&format!("ls \"{drafts}\"\n"));
    assert_eq!(demo.status(CLIENT_ONE, &drafts, &["-X", "PROPFIND", "-H", "Depth: 0"]), 207);
    let listed = ok(demo.sftp(STAFF, &format!("ls -1 \"{}\"\n", room(""))));
    assert!(listed.contains("a.txt") && !listed.to_lowercase().contains(".exe"), "{listed}");
    for (action, front, guard) in [
        ("create", "sftp", "no-programs"),
        ("create", "webdav", "no-programs"),
        ("move", "sftp", "no-programs"),
        ("read", "webdav", "not-over-webdav"),
        ("list", "webdav", "not-listed"),
    ] {
        let reason = format!("the guard `{guard}` forbids it: because of {guard}");
        let what = [("action", action), ("front", front), ("outcome", "refused"), ("reason", reason.as_str())];
        // Outcomes are durable within 100 ms.
        wait(&format!("{what:?}"), || has(&demo, &what));
    }
    // What nobody may do by the rows is no matter of guards.
    assert_eq!(demo.status(EXPERT, &room("e.exe"), &["-T", "/etc/hostname"]), 403);
    let by_rows = |record: &Value| record["login"] == EXPERT && record["outcome"] == "refused";
    assert!(records(&demo).iter().any(|record| by_rows(record) && record["reason"].is_null()));
}

#[test]
fn hidden_stays_hidden_whatever_guards_forbid() {
    let demo = Demo::start();
    guarded(&demo, "@id(\"all\") forbid (principal, action, resource);\n");
    let internal = format!("/{MATTER_ONE}/Documents/Internal/x.txt");
    for (login, hidden, absent) in [
        (CLIENT_ONE, format!("/{MATTER_TWO}/Documents"), "/2026-0003 Estate of A Testator/Documents".to_owned()),
        (CLIENT_ONE, internal.clone(), internal.replace("Internal", "Imternal")),
        (EXPERT, format!("/{MATTER_ONE}/Documents/Drafts"), format!("/{MATTER_ONE}/Documents/Drifts")),
    ] {
        for method in ["GET", "PROPFIND", "DELETE"] {
            let arguments = ["-X", method, "-H", "Depth: 0"];
            let answers = [hidden.as_str(), absent.as_str()].map(|path| demo.status(login, path, &arguments));
            assert_eq!(answers, [404, 404], "{login} {method} {hidden}");
        }
    }
    // What may be seen is refused: the guard stands in the way, and nothing else.
    let contract = format!("/{MATTER_ONE}/Documents/From us/Draft contract.pdf");
    assert_eq!(demo.status(CLIENT_ONE, &contract, &[]), 403);
    assert_eq!(demo.status(CLIENT_ONE, &contract, &["-X", "PROPFIND", "-H", "Depth: 0"]), 207);
    // In a drop box, a name that somebody else has used and a free one are refused alike.
    let taken = format!("/{MATTER_ONE}/Documents/Drop box/taken.txt");
    guarded(&demo, "");
    ok(demo.sftp(SCANNER, &format!("put /etc/hostname \"{taken}\"\n")));
    guarded(&demo, "@id(\"all\") forbid (principal, action, resource);\n");
    let free = taken.replace("taken", "freed");
    let put = ["-T", "/etc/hostname"];
    assert_eq!([&taken, &free].map(|path| demo.status(CLIENT_ONE, path, &put)), [403, 403]);
    assert_eq!([&taken, &free].map(|path| demo.status(CLIENT_ONE, path, &[])), [404, 404]);
}

#[test]
fn a_guard_that_comes_into_force_ends_the_transfers_that_it_forbids() {
    let demo = Demo::start();
    let home = tempfile::tempdir().expect("a directory");
    let transfers = [
        Transfer::sftp_get(&demo, home.path(), SLOW),
        Transfer::dav_get(&demo, home.path(), SLOW),
        Transfer::dav_put(&demo, home.path(), SLOW),
    ];
    guarded(&demo, &guard("closed", "action", "context.role == Role::\"participant\" && context.hour < 24"));
    let ended = |action: &str| {
        let all = records(&demo);
        let time = |record: &Value| record["time"].as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok());
        let reload = all.iter().rfind(|record| record["path"] == "reload" && record["outcome"] == "begun");
        let reloaded = reload.and_then(time).expect("the reload");
        let refused = all.iter().filter(|record| {
            record["action"] == action
                && record["outcome"] == "refused"
                && record["reason"].as_str().is_some_and(|why| why.contains("`closed`"))
        });
        refused.filter_map(time).map(|at| at.duration_since(reloaded).unsigned_abs()).collect::<Vec<_>>()
    };
    for (action, count) in [("read", 2), ("create", 1)] {
        wait(&format!("{count} transfers to be refused"), || ended(action).len() >= count);
        let late: Vec<_> = ended(action).into_iter().filter(|after| *after > Duration::from_secs(1)).collect();
        assert!(late.is_empty(), "{action}: {late:?}");
    }
    transfers.into_iter().for_each(Transfer::was_cut);
    guarded(&demo, "");
    assert_eq!(demo.status(CLIENT_ONE, &room("put-over-dav.bin"), &[]), 404, "half an upload is nothing");
}

#[test]
fn an_upload_beyond_the_size_that_a_guard_allows_commits_nothing() {
    let demo = Demo::start();
    let home = tempfile::tempdir().expect("a directory");
    guarded(&demo, &guard("size", "action in [Action::\"create\", Action::\"update\"]", "context.size > 1000"));
    let file = |name: &str, length: usize| {
        let path = home.path().join(name);
        std::fs::write(&path, bytes(length as u64, length)).expect("written");
        path.to_string_lossy().into_owned()
    };
    let (fits, small, large) = (file("fits", 1000), file("small", 1001), file("large", 4 << 20));
    for (name, source) in [("small.bin", &small), ("large.bin", &large)] {
        let (over_dav, over_sftp) = (room(&format!("dav {name}")), room(&format!("sftp {name}")));
        assert_eq!(demo.status(CLIENT_ONE, &over_dav, &["-T", source]), 403);
        let output = demo.sftp(CLIENT_ONE, &format!("put {source} \"{over_sftp}\"\n"));
        assert!(!output.status.success() && both(&output).contains("ermission denied"), "{}", both(&output));
        for path in [&over_dav, &over_sftp] {
            assert_eq!(demo.status(CLIENT_ONE, path, &[]), 404, "{path}");
        }
    }
    let there = room("there.bin");
    assert_eq!(demo.status(CLIENT_ONE, &there, &["-T", &fits]), 201);
    assert_eq!(demo.status(CLIENT_ONE, &there, &["-T", &small]), 403);
    assert_eq!(demo.curl(CLIENT_ONE, &there, &["-f"]).stdout, bytes(1000, 1000), "the old version stands");
    wait("the guard in the record", || {
        has(&demo, &[("action", "create"), ("outcome", "refused"), ("path", "dav small.bin"), ("reason", "`size`")])
    });
    ok(demo.deedbox(&["check", "--deep"]));
}

#[test]
fn broken_guards_are_refused_with_every_mistake_and_those_in_force_stay() {
    let mut demo = Demo::start();
    let good = guard("no-programs", "action", "context.extension == \"exe\"");
    guarded(&demo, &good);
    write(&demo, &format!("permit (principal, action, resource);\n{}", guard("b", "action", "context.sise > 1")));
    let refused = demo.deedbox(&["reload"]);
    assert_eq!(refused.status.code(), Some(2), "{}", both(&refused));
    let checked = both(&demo.deedbox(&["check"]));
    for mistake in ["guards.cedar:1:1: a guard can only `forbid`", "guards.cedar:3:", "sise"] {
        assert!(both(&refused).contains(mistake), "{mistake} is not in {}", both(&refused));
        assert!(checked.contains(mistake), "{mistake} is not in {checked}");
    }
    assert_eq!(demo.status(CLIENT_ONE, &room("a.exe"), &["-T", "/etc/hostname"]), 403, "the old ones are in force");
    assert_eq!(demo.status(CLIENT_ONE, &room("a.txt"), &["-T", "/etc/hostname"]), 201);
    // Nor does a daemon start with them.
    signal(demo.pid(), "INT");
    assert!(demo.wait().success());
    let log = Demo::try_start(demo.data(), &[]).err().expect("it does not start");
    assert!(log.contains("a guard can only `forbid`") && log.contains("sise"), "{log}");
    write(&demo, &good);
    let again = Demo::start_in(demo.data());
    assert_eq!(again.status(CLIENT_ONE, &room("b.exe"), &["-T", "/etc/hostname"]), 403);
    again.stop();
}

#[test]
fn explain_names_the_guard_and_answers_what_if() {
    let demo = Demo::start();
    guarded(
        &demo,
        &(guard("night", "action == Action::\"read\"", "context.hour >= 22")
            + &guard("outside", "action == Action::\"read\"", "context.address.isInRange(ip(\"203.0.113.0/24\"))")
            + &guard("one-factor", "action == Action::\"update\"", "!context.second_factor")
            + &guard(
                "large",
                "action == Action::\"create\"",
                "context.size > 1000 && context.auth == Auth::\"password\"",
            )),
    );
    demo.configure(|text| text.replace("#: time_zone = \"UTC\"", "time_zone = \"Europe/Berlin\""));
    assert!(ok(demo.deedbox(&["reload"])).contains("changed: time_zone"));
    let contract = format!("/{MATTER_ONE}/Documents/From us/Draft contract.pdf");
    let explain = |verb: &str, path: &str, more: &[&str]| {
        let asked =
            [&["policy", "explain", "--login", CLIENT_ONE, "--verb", verb, "--path", path, "--json"], more].concat();
        let output = demo.deedbox(&asked);
        let answer: Value = serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", both(&output)));
        assert_eq!(answer["allowed"], output.status.success(), "{answer}");
        answer["guard"].as_str().unwrap_or(answer["answer"].as_str().expect("an answer")).to_owned()
    };
    let noon = ["--at", "2026-07-01T12:00:00Z"];
    assert_eq!(explain("read", &contract, &noon), "allowed");
    // 22:00 in Berlin in summer.
    assert_eq!(explain("read", &contract, &["--at", "2026-07-01T20:00:00Z"]), "night");
    assert_eq!(explain("read", &contract, &[&noon[..], &["--from", "203.0.113.7"]].concat()), "outside");
    let draft = room("new.txt");
    ok(demo.sftp(CLIENT_ONE, &format!("put /etc/hostname \"{draft}\"\n")));
    assert_eq!(explain("update", &draft, &[]), "one-factor");
    assert_eq!(explain("update", &draft, &["--second-factor"]), "allowed");
    let other = room("other.txt");
    assert_eq!(explain("create", &other, &["--size", "1001"]), "allowed");
    assert_eq!(explain("create", &other, &["--size", "1001", "--front", "webdav"]), "large");
    assert_eq!(explain("create", &other, &["--size", "1001", "--auth", "password"]), "large");
    // The rows come first: what is hidden by them is not told to be guarded.
    let hidden = format!("/{MATTER_ONE}/Documents/Internal");
    assert_eq!(explain("read", &hidden, &["--from", "203.0.113.7"]), "no such file or folder");
    let text = stdout(&demo.deedbox(&[
        "policy",
        "explain",
        "--login",
        CLIENT_ONE,
        "--verb",
        "read",
        "--path",
        &contract,
        "--from",
        "203.0.113.7",
        "--at",
        noon[1],
    ]));
    assert!(text.contains("permission denied") && text.contains("the guard `outside` forbids it"), "{text}");
}
