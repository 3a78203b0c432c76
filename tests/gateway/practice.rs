//! The practice as its clients feel it: switches, the life of access, closing a matter, pushing a matter type.

use std::collections::BTreeSet;

use crate::demo::*;
use crate::logins::closed;

const WHOM: [&str; 4] = ["--matter", "2026-0001", "--contact", CLIENT_ONE];

fn access(verb: &str) -> Vec<&str> {
    [&["access", verb][..], &WHOM].concat()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Refused with exit code 1 and nothing done; the text.
fn refused(demo: &Demo, arguments: &[&str]) -> String {
    let output = demo.deedbox(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", both(&output));
    both(&output)
}

#[test]
fn switching_off_warns_with_the_names_and_ends_open_sessions_within_a_second() {
    let demo = Demo::start();
    let room = format!("{MATTER_ONE}/Documents");
    let told = refused(&demo, &["matter", "portal", "2026-0001", "off"]);
    for part in ["2026-0001: ", "Client One", "Client Two", "Expert One", "--yes"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let told = refused(&demo, &["firm", "portal", "off"]);
    assert!(told.contains("on 2 matters") && told.contains("2026-0002: Client Two"), "{told}");
    assert_eq!(demo.status(CLIENT_ONE, &room, &["-X", "PROPFIND", "-H", "Depth: 0"]), 207, "a warning changes nothing");

    closed(&demo, CLIENT_ONE, &room, &[404], &["matter", "portal", "2026-0001", "off", "--yes"]);
    assert_eq!(demo.names(CLIENT_TWO, "/"), set(&[MATTER_TWO]), "other matters stay");
    ok(demo.deedbox(&["matter", "portal", "2026-0001", "on"]));
    closed(&demo, CLIENT_ONE, &room, &[404], &["firm", "portal", "off", "--yes"]);
    assert_eq!(demo.names(CLIENT_TWO, "/"), set(&[]));
    assert_eq!(demo.names(STAFF, "/"), set(&[MATTER_ONE, MATTER_TWO]), "the portal is for those outside");
    ok(demo.deedbox(&["firm", "portal", "on"]));
    assert_eq!(demo.names(CLIENT_ONE, "/"), set(&[MATTER_ONE]));
}

#[test]
fn an_area_shows_when_it_is_on_for_the_firm_and_not_off_on_the_matter() {
    let demo = Demo::start();
    let matter = format!("/{MATTER_ONE}");
    assert_eq!(demo.names(CLIENT_ONE, &matter), set(&["Documents", "Invoices", "Messages"]));
    assert_eq!(demo.names(EXPERT, &matter), set(&["Documents", "Messages"]), "no row, no area");
    ok(demo.sftp(STAFF, &format!("put /etc/hostname \"{matter}/Invoices/Invoice 1.pdf\"")));
    ok(demo.sftp(CLIENT_ONE, &format!("get \"{matter}/Invoices/Invoice 1.pdf\" /dev/null")));
    let put = format!("{matter}/Invoices/mine.pdf");
    assert_eq!(demo.status(CLIENT_ONE, &put, &["-T", "/etc/hostname"]), 403, "invoices are the firm's to write");

    ok(demo.deedbox(&["firm", "area", "calendar", "on"]));
    assert_eq!(demo.names(EXPERT, &matter), set(&["Calendar", "Documents", "Messages"]));
    ok(demo.deedbox(&["matter", "area", "2026-0001", "calendar", "off", "--yes"]));
    assert_eq!(demo.names(EXPERT, &matter), set(&["Documents", "Messages"]));
    let told = refused(&demo, &["firm", "area", "invoices", "off"]);
    assert!(told.contains("the area invoices at once"), "{told}");
    ok(demo.deedbox(&["firm", "area", "invoices", "off", "--yes"]));
    assert_eq!(demo.names(CLIENT_ONE, &matter), set(&["Documents", "Messages"]));
    let invoice = format!("{matter}/Invoices/Invoice 1.pdf");
    assert_eq!(demo.status(CLIENT_ONE, &invoice, &[]), 404, "as if it were not there");
    let path = format!("{matter}/Invoices");
    let why = demo.deedbox(&["policy", "explain", "--login", CLIENT_ONE, "--verb", "read", "--path", &path]);
    assert!(both(&why).contains("the area invoices is switched off"), "{}", both(&why));
    let shown = demo.deedbox_json(&["matter", "show", "2026-0001"]);
    let portal = |path: &str| {
        let folders = shown["folders"].as_array().expect("a list");
        folders.iter().find(|one| one["path"] == path).expect("there")["portal"].clone()
    };
    assert_eq!([portal("Documents/From us"), portal("Documents/Internal"), portal("Invoices")], [true, false, false]);
}

#[test]
fn access_is_disabled_enabled_and_removed_for_open_sessions_too() {
    let demo = Demo::start();
    let room = format!("{MATTER_ONE}/Documents");
    closed(&demo, CLIENT_ONE, &room, &[404], &access("disable"));
    ok(demo.deedbox(&access("enable")));
    closed(&demo, CLIENT_ONE, &room, &[404], &access("remove"));
    let told = refused(&demo, &access("enable"));
    assert!(told.contains("activation pending; give access first"), "{told}");
    ok(demo.deedbox(&access("grant")));
    assert_eq!(demo.names(CLIENT_ONE, "/"), set(&[MATTER_ONE]));

    ok(demo.deedbox(&[&["access", "download", "off"][..], &WHOM].concat()));
    let report = format!("{MATTER_ONE}/Documents/From us/Report on title.pdf");
    assert_eq!(demo.status(CLIENT_ONE, &report, &[]), 403);
    ok(demo.deedbox(&[&["access", "download", "on"][..], &WHOM].concat()));
    assert_eq!(demo.status(CLIENT_ONE, &report, &[]), 200);
}

#[test]
fn a_matter_is_closed_when_nobody_has_access_and_says_who_has() {
    let demo = Demo::start();
    let told = refused(&demo, &["matter", "close", "2026-0002"]);
    assert!(told.contains("Client Two (active)"), "{told}");
    ok(demo.deedbox(&["access", "remove", "--matter", "2026-0002", "--contact", CLIENT_TWO]));
    ok(demo.deedbox(&["matter", "close", "2026-0002"]));
    let told = refused(&demo, &["access", "grant", "--matter", "2026-0002", "--contact", CLIENT_TWO]);
    assert!(told.contains("is closed"), "{told}");
    ok(demo.deedbox(&["matter", "reopen", "2026-0002"]));
    ok(demo.deedbox(&["access", "grant", "--matter", "2026-0002", "--contact", CLIENT_TWO]));
    let record = ok(demo.deedbox(&["audit", "show"]));
    for part in ["matter close", "access remove", "matter reopen"] {
        assert!(record.contains(part), "{part} in {record}");
    }
}

#[test]
fn a_pushed_matter_type_reaches_open_drives_and_loses_no_document() {
    let demo = Demo::start();
    let drafts = format!("/{MATTER_ONE}/Documents/Drafts");
    ok(demo.sftp(CLIENT_ONE, &format!("put /etc/hostname \"{drafts}/draft.txt\"")));
    let toml = ok(demo.deedbox(&["matter-type", "show", "General"]));
    let file = demo.data().join("general.toml");
    let (before, after) = toml.split_once("path = \"Documents/Drafts\"").expect("a folder");
    let changed = format!("{before}path = \"Documents/Working papers\"{after}");
    std::fs::write(&file, changed).expect("written");
    ok(demo.deedbox(&["matter-type", "apply", &file.to_string_lossy()]));
    assert!(demo.names(CLIENT_ONE, &format!("/{MATTER_ONE}/Documents")).contains("Drafts"), "not before the push");

    let told = refused(&demo, &["matter-type", "push", "General"]);
    for part in ["2026-0001: version 1 -> 2", "new folder Documents/Working papers", "Documents/Drafts is no folder"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let seen = format!("{MATTER_ONE}/Documents/Drafts/draft.txt");
    assert_eq!(demo.status(CLIENT_ONE, &seen, &[]), 200, "a preview changes nothing");
    let done = demo.deedbox_json(&["matter-type", "push", "General", "--yes"]);
    assert_eq!((&done["changed"], done["matters"].as_array().map(Vec::len)), (&true.into(), Some(2)));
    assert_eq!(demo.status(CLIENT_ONE, &seen, &[]), 404);
    let listed = demo.names(CLIENT_ONE, &format!("/{MATTER_ONE}/Documents"));
    assert!(listed.contains("Working papers") && !listed.contains("Drafts"), "{listed:?}");
    ok(demo.sftp(STAFF, &format!("get \"{drafts}/draft.txt\" /dev/null")));
    ok(demo.deedbox(&["matter-type", "push", "General"]));
    let data = demo.data().to_owned();
    let _home = demo.stop();
    let again = Demo::start_in(&data);
    ok(again.sftp(STAFF, &format!("get \"{drafts}/draft.txt\" /dev/null")));
    again.stop();
}

#[test]
fn of_two_who_edit_a_matter_type_at_the_command_line_the_second_is_refused() {
    let demo = Demo::start();
    let shown = ok(demo.deedbox(&["matter-type", "show", "General"]));
    assert!(shown.starts_with("# Version 1: `apply --if-version 1` once it is edited.\n"), "{shown}");
    assert_eq!(demo.deedbox_json(&["matter-type", "show", "General"])["type"]["version"], 1);
    let edited = |name: &str| {
        let file = demo.data().join("edited.toml");
        let more = format!("{shown}\n[[folder]]\npath = \"Documents/{name}\"\nrows = {{ client = \"list\" }}\n");
        std::fs::write(&file, more).expect("written");
        file.to_string_lossy().into_owned()
    };
    let apply = |file: &str, version: &str| demo.deedbox(&["matter-type", "apply", file, "--if-version", version]);
    assert_eq!(ok(apply(&edited("First"), "1")), "Matter type General is at version 2.\n");
    let second = apply(&edited("Second"), "1");
    assert_eq!(second.status.code(), Some(1));
    assert!(both(&second).contains("General is at version 2: somebody has changed it"), "{}", both(&second));
    let now = ok(demo.deedbox(&["matter-type", "show", "General"]));
    assert!(now.contains("Documents/First") && !now.contains("Documents/Second"), "{now}");
    assert_eq!(apply(&edited("Second"), "0").status.code(), Some(1), "it is there already");
    ok(apply(&edited("Second"), "2"));
    let file = edited("Third");
    let new = std::fs::read_to_string(&file).expect("there").replace("name = \"General\"", "name = \"Special\"");
    std::fs::write(&file, new).expect("written");
    assert_eq!(apply(&file, "1").status.code(), Some(1), "there is none yet");
    assert_eq!(ok(apply(&file, "0")), "Matter type Special is at version 1.\n");
}

#[test]
fn a_contact_with_another_address_logs_in_by_that_and_a_participant_leaves_without_access_alone() {
    let demo = Demo::start();
    let told = refused(&demo, &["contact", "change", CLIENT_ONE, "--email", CLIENT_TWO]);
    assert!(told.contains("2 contacts have the e-mail address"), "{told}");
    ok(demo.deedbox(&["contact", "change", CLIENT_ONE, "--email", "client.one@example.org"]));
    assert_eq!(demo.status(CLIENT_ONE, "", &["-X", "PROPFIND", "-H", "Depth: 0"]), 401, "the old login");
    let login = format!("client.one@example.org:{}", demo.password(CLIENT_ONE));
    let look = |matter: &str| {
        let output = client("curl")
            .args(["-sS", "--cacert", demo.text("ca_file"), "-u", &login, "-o", "/dev/null", "-w", "%{http_code}"])
            .args(["-X", "PROPFIND", "-H", "Depth: 0"])
            .arg(demo.url(matter))
            .output();
        stdout(&output.expect("curl is installed"))
    };
    assert_eq!(look(MATTER_ONE), "207", "the same password, the same matters");

    let whom = ["--matter", "2026-0001", "--contact", "client.one@example.org"];
    ok(demo.deedbox(&[&["participant", "change", "--type", "expert"][..], &whom].concat()));
    assert_eq!(look(&format!("{MATTER_ONE}/Documents/Drafts")), "404", "an expert's rights at once");
    let told = refused(&demo, &[&["participant", "remove"][..], &whom].concat());
    assert!(told.contains("has access to matter 2026-0001 (active)"), "{told}");
    ok(demo.deedbox(&[&["access", "remove"][..], &whom].concat()));
    ok(demo.deedbox(&[&["participant", "remove"][..], &whom].concat()));
    assert_eq!(look(MATTER_ONE), "404");
}
