//! What staff say of single documents and folders: a document shared where it stands, rights of a folder's own.

use std::collections::BTreeSet;

use crate::demo::*;

const INTERNAL: &str = "Documents/Internal";
const ROOM: &str = "Documents/Shared room";

fn at(path: &str) -> String {
    format!("/{MATTER_ONE}/{path}")
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// `deedbox NOUN VERB --matter 2026-0001 PATH ...`
fn said<'a>(noun: &'a str, verb: &'a str, path: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[noun, verb, "--matter", "2026-0001", path][..], more].concat()
}

fn refused(demo: &Demo, arguments: &[&str]) -> String {
    let output = demo.deedbox(arguments);
    assert_ne!(output.status.code(), Some(0), "{arguments:?}: {}", both(&output));
    both(&output)
}

#[test]
fn a_document_is_shared_where_it_stands_and_the_share_is_taken_back() {
    let demo = Demo::start();
    let (advice, secret) = (at(&format!("{INTERNAL}/Advice.pdf")), at(&format!("{INTERNAL}/Secret.pdf")));
    ok(demo.sftp(STAFF, &format!("put /etc/hostname \"{advice}\"\nput /etc/hostname \"{secret}\"")));
    assert_eq!(demo.status(CLIENT_ONE, &advice, &[]), 404);
    let share = said("document", "share", "Documents/Internal/Advice.pdf", &["--with", "client"]);
    ok(demo.deedbox(&share));

    assert!(demo.names(CLIENT_ONE, &at("Documents")).contains("Internal"), "a drive has to walk through");
    assert_eq!(demo.names(CLIENT_ONE, &at(INTERNAL)), set(&["Advice.pdf"]));
    ok(demo.sftp(CLIENT_ONE, &format!("get \"{advice}\" /dev/null")));
    assert_eq!(demo.status(CLIENT_ONE, &advice, &[]), 200);
    let listed = stdout(&demo.curl(CLIENT_ONE, &at(INTERNAL), &["-X", "PROPFIND", "-H", "Depth: 1"]));
    assert!(listed.contains("Advice.pdf") && !listed.contains("Secret.pdf"), "{listed}");
    assert_eq!(demo.status(CLIENT_ONE, &secret, &[]), 404, "its neighbours stay hidden");
    assert_eq!(demo.status(CLIENT_ONE, &advice, &["-T", "/etc/hostname"]), 403, "it is shown, not given");
    assert_eq!(demo.status(CLIENT_ONE, &advice, &["-X", "DELETE"]), 403);
    assert_eq!(demo.status(EXPERT, &advice, &[]), 404, "shared with others");
    let why = ok(demo.deedbox(&["policy", "explain", "--login", CLIENT_ONE, "--verb", "read", "--path", &advice]));
    assert!(why.contains("allowed all the same: the document is shared where it stands\n"), "{why}");
    assert!(!demo.names(EXPERT, &at("Documents")).contains("Internal"));

    let without = ["access", "download", "off", "--matter", "2026-0001", "--contact", CLIENT_ONE];
    ok(demo.deedbox(&without));
    assert_eq!(demo.status(CLIENT_ONE, &advice, &[]), 403, "no download is no download");
    assert_eq!(demo.names(CLIENT_ONE, &at(INTERNAL)), set(&["Advice.pdf"]));
    ok(demo.deedbox(&without.map(|word| if word == "off" { "on" } else { word })));

    // The share follows the document, which therefore stays in its folder while it is shared.
    let elsewhere = format!("Destination: {}", demo.url(&at("Documents/Drafts/Advice.pdf")));
    assert_eq!(demo.status(STAFF, &advice, &["-X", "MOVE", "-H", &elsewhere]), 403);
    let renamed = at(&format!("{INTERNAL}/Advice 2.pdf"));
    ok(demo.sftp(STAFF, &format!("rename \"{advice}\" \"{renamed}\"")));
    assert_eq!(demo.status(CLIENT_ONE, &renamed, &[]), 200);
    let shares = demo.deedbox_json(&["document", "shares", "--matter", "2026-0001"]);
    assert_eq!(shares[0]["path"], renamed.as_str());
    assert_eq!((&shares[0]["with"][0], &shares[0]["gone"]), (&"client".into(), &false.into()));

    let data = demo.data().to_owned();
    let _home = demo.stop();
    let demo = Demo::start_in(&data);
    assert_eq!(demo.status(CLIENT_ONE, &renamed, &[]), 200, "after a restart, too");
    let unshare = said("document", "unshare", "Documents/Internal/Advice 2.pdf", &[]);
    ok(demo.deedbox(&unshare));
    assert_eq!(demo.status(CLIENT_ONE, &renamed, &[]), 404, "at once, for a login that is remembered, too");
    assert!(!demo.names(CLIENT_ONE, &at("Documents")).contains("Internal"));
    let back = format!("Destination: {}", demo.url(&at("Documents/Drafts/Advice.pdf")));
    assert_eq!(demo.status(STAFF, &renamed, &["-X", "MOVE", "-H", &back]), 201);
}

#[test]
fn a_share_of_a_document_that_was_removed_says_so_and_shows_nothing() {
    let demo = Demo::start();
    let advice = at(&format!("{INTERNAL}/Advice.pdf"));
    ok(demo.sftp(STAFF, &format!("put /etc/hostname \"{advice}\"")));
    ok(demo.deedbox(&said("document", "share", "Documents/Internal/Advice.pdf", &[])));
    assert_eq!(demo.status(EXPERT, &advice, &[]), 200, "with nobody named it is shared with all");
    ok(demo.sftp(STAFF, &format!("rm \"{advice}\"\nput /etc/hostname \"{advice}\"")));
    assert_eq!(demo.status(EXPERT, &advice, &[]), 404, "another document of that name is another document");
    let shares = demo.deedbox_json(&["document", "shares", "--matter", "2026-0001"]);
    assert_eq!(shares[0]["gone"], true);
}

#[test]
fn a_folder_that_people_made_is_closed_off_or_has_rights_of_its_own() {
    let demo = Demo::start();
    let bids = at(&format!("{ROOM}/Bids"));
    ok(demo.sftp(CLIENT_ONE, &format!("mkdir \"{bids}\"\nput /etc/hostname \"{bids}/a.txt\"")));
    assert_eq!(demo.status(EXPERT, &format!("{bids}/a.txt"), &[]), 200, "it inherits");

    ok(demo.deedbox(&said("folder", "rights", "Documents/Shared room/Bids", &["--closed"])));
    assert_eq!(demo.status(CLIENT_ONE, &format!("{bids}/a.txt"), &[]), 404);
    assert!(!demo.names(CLIENT_ONE, &at(ROOM)).contains("Bids"));
    assert_eq!(demo.status(CLIENT_ONE, &bids, &["-X", "DELETE"]), 404, "with Delete in the folder above, too");
    let moved = format!("Destination: {}", demo.url(&at(&format!("{ROOM}/Elsewhere"))));
    assert_eq!(demo.status(CLIENT_ONE, &bids, &["-X", "MOVE", "-H", &moved]), 404);
    let why = demo.deedbox(&[
        "policy",
        "explain",
        "--login",
        CLIENT_ONE,
        "--verb",
        "read",
        "--path",
        &format!("{bids}/a.txt"),
    ]);
    assert!(both(&why).contains("no such file or folder"), "{}", both(&why));

    // A name that is taken by what one may not know of is free.
    assert_eq!(demo.status(CLIENT_ONE, &bids, &["-X", "MKCOL"]), 201);
    assert_eq!(demo.status(CLIENT_ONE, &format!("{bids}/own.txt"), &["-T", "/etc/hostname"]), 201);
    assert!(demo.names(CLIENT_ONE, &at(ROOM)).contains("Bids (2)"));
    assert_eq!(demo.names(STAFF, &bids), set(&["a.txt"]), "nothing came into the closed one");
    assert_eq!(demo.names(STAFF, &format!("{bids} (2)")), set(&["own.txt"]));

    ok(demo.deedbox(&said("folder", "rights", "Documents/Shared room/Bids", &["--row", "expert=full"])));
    ok(demo.sftp(EXPERT, &format!("put /etc/hostname \"{bids}/b.txt\"\nrm \"{bids}/a.txt\"")));
    assert_eq!(demo.status(CLIENT_ONE, &format!("{bids}/b.txt"), &[]), 404, "who has no row has no right");
    let listed = demo.deedbox_json(&["folder", "list", "--matter", "2026-0001"]);
    assert_eq!((&listed[0]["closed"], &listed[0]["rows"][0]["rights"]), (&false.into(), &"full".into()));
    let out = format!("Destination: {}", demo.url(&at("Documents/Drafts/Bids")));
    assert_eq!(demo.status(STAFF, &bids, &["-X", "MOVE", "-H", &out]), 403, "its rights hang on where it stands");

    ok(demo.deedbox(&said("folder", "rights", "Documents/Shared room/Bids", &["--inherit"])));
    assert_eq!(demo.status(CLIENT_ONE, &format!("{bids}/b.txt"), &[]), 200);
}

#[test]
fn a_folder_with_rights_of_its_own_is_reached_through_folders_that_grant_none() {
    let demo = Demo::start();
    let inner = at(&format!("{INTERNAL}/Sent out/For the expert"));
    let outer = at(&format!("{INTERNAL}/Sent out"));
    let batch = format!("mkdir \"{outer}\"\nput /etc/hostname \"{outer}/note.txt\"\nmkdir \"{inner}\"\n");
    ok(demo.sftp(STAFF, &format!("{batch}put /etc/hostname \"{inner}/question.txt\"")));
    let path = "Documents/Internal/Sent out/For the expert";
    ok(demo.deedbox(&said("folder", "rights", path, &["--row", "expert=list,read"])));
    assert_eq!(demo.names(EXPERT, &at(INTERNAL)), set(&["Sent out"]));
    assert_eq!(demo.names(EXPERT, &outer), set(&["For the expert"]));
    assert_eq!(demo.names(EXPERT, &inner), set(&["question.txt"]));
    assert_eq!(demo.status(EXPERT, &format!("{inner}/question.txt"), &[]), 200);
    assert_eq!(demo.status(EXPERT, &format!("{outer}/note.txt"), &[]), 404);
    assert_eq!(demo.status(CLIENT_ONE, &format!("{inner}/question.txt"), &[]), 404);
}

#[test]
fn what_cannot_be_shared_or_ruled_is_refused_with_a_reason() {
    let demo = Demo::start();
    let room = at(ROOM);
    ok(demo.sftp(STAFF, &format!("mkdir \"{room}/Bids\"\nput /etc/hostname \"{room}/a.txt\"")));
    let cases = [
        (said("document", "share", "Documents/Shared room/Bids", &[]), "is a folder"),
        (said("folder", "rights", "Documents/Shared room/a.txt", &["--closed"]), "is a document"),
        (said("document", "share", "Documents/Shared room/a.txt", &["--with", "nobody"]), "no participant type"),
        (said("folder", "rights", "Documents/Shared room", &["--closed"]), "of the matter type"),
        (said("document", "share", "Documents/Shared room/none.txt", &[]), "has nothing at"),
        (said("document", "unshare", "Documents/Shared room/a.txt", &[]), "says nothing of this"),
        (said("folder", "rights", "Documents/Shared room/Bids", &["--row", "client=write"]), "is no verb"),
        (said("folder", "rights", "Documents/Shared room/Bids", &[]), "--closed"),
    ];
    for (arguments, expected) in cases {
        let told = refused(&demo, &arguments);
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
}
