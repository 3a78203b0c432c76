//! The own account: where somebody is signed in, what they did, and their SSH keys; on the pages, at the command line and
//! through the API.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Program, firm};
use crate::demo::*;
use crate::logins::Open;
use crate::pages::{Browser, documents};

const SESSIONS: &str = "/account/sessions";

/// The rows of the page of sessions: all of the row, and the id in its form.
fn rows(browser: &Browser<'_>) -> Vec<(String, String)> {
    let page = browser.get(SESSIONS);
    assert_eq!(page.status, 200, "{}", page.body);
    let row = |row: &str| {
        let (_, id) = row.split_once("name=\"session\" value=\"").expect("a form");
        (row.to_owned(), id.split('"').next().expect("an id").to_owned())
    };
    page.body.split("<tr>").skip(2).map(row).collect()
}

fn id_of(rows: &[(String, String)], what: &str) -> String {
    let found: Vec<_> = rows.iter().filter(|(row, _)| row.contains(what)).collect();
    assert_eq!(found.len(), 1, "{what} in {rows:?}");
    found[0].1.clone()
}

fn is_prompt(began: Instant) {
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
}

#[test]
fn people_see_where_they_are_signed_in_and_end_one_session_or_all_others() {
    let demo = Demo::start();
    let (here, there) = (Browser::sign_in(&demo, CLIENT_ONE), Browser::sign_in(&demo, CLIENT_ONE));
    let stranger = Browser::sign_in(&demo, CLIENT_TWO);
    let mut sftp = Open::new(&demo, CLIENT_ONE);
    sftp.reads_the_root(MATTER_ONE);
    assert_eq!(demo.status(CLIENT_ONE, "", &["-X", "PROPFIND", "-H", "Depth: 0"]), 207);
    let all = rows(&here);
    assert_eq!(all.len(), 4, "{all:?}");
    assert!(all.iter().all(|(row, _)| row.contains("127.0.0.1")), "{all:?}");
    let own = id_of(&all, "this one");
    assert_ne!(own, id_of(&rows(&there), "this one"));
    assert!(id_of(&all, "by SSH key") != own && id_of(&all, "<strong>Drive") != own);

    // Nobody else's can be ended, and what is no session is none.
    let end = |browser: &Browser<'_>, id: &str| browser.send(SESSIONS, SESSIONS, &[("session", id)]);
    assert_eq!(end(&stranger, &own).status, 303);
    assert_eq!(here.get("/").status, 200);
    assert_eq!(end(&here, "nonsense").status, 404);
    assert_eq!(here.post(SESSIONS, &[("session", &own)]).status, 400, "no form of a page of ours");

    let began = Instant::now();
    assert_eq!(end(&here, &id_of(&all, "<strong>SFTP")).status, 303);
    sftp.until_gone(MATTER_ONE);
    is_prompt(began);
    assert_eq!((rows(&here).len(), there.get("/").status), (3, 200), "that one alone");

    let mut again = Open::new(&demo, CLIENT_ONE);
    again.reads_the_root(MATTER_ONE);
    let began = Instant::now();
    assert_eq!(here.send(SESSIONS, SESSIONS, &[]).status, 303);
    again.until_gone(MATTER_ONE);
    is_prompt(began);
    assert_eq!((here.get("/").status, there.get("/").status), (200, 303));
    assert_eq!(rows(&here).len(), 1);
    assert_eq!(stranger.get("/").status, 200);
    let record = ok(demo.deedbox(&["audit", "show"]));
    assert!(record.lines().any(|line| line.contains("session end") && line.contains(CLIENT_ONE)), "{record}");

    let left = end(&here, &own);
    assert_eq!((left.status, left.header("location")), (303, "/sign-in"), "who ends this one is signed out");
    assert_eq!(here.get("/").header("location"), "/sign-in");
}

#[test]
fn a_removed_ssh_key_ends_what_it_opened_and_nothing_else() {
    let demo = firm();
    let browser = Browser::sign_in(&demo, CLIENT_ONE);
    let listed = demo.deedbox_json(&["account", "key", "list", CLIENT_ONE]);
    let fingerprint = listed[0]["fingerprint"].as_str().expect("a fingerprint").to_owned();
    assert!(browser.get("/account").body.contains(&format!("value=\"{fingerprint}\"")));
    let mut sftp = Open::new(&demo, CLIENT_ONE);
    sftp.reads_the_root(MATTER_ONE);
    let remove =
        |fingerprint: &str| browser.send("/account", "/account/keys/remove", &[("fingerprint", fingerprint)]).status;
    assert_eq!(remove("SHA256:nothing"), 409);
    sftp.reads_the_root(MATTER_ONE);
    let began = Instant::now();
    assert_eq!(remove(&fingerprint), 303);
    sftp.until_gone(MATTER_ONE);
    is_prompt(began);
    assert!(!demo.sftp(CLIENT_ONE, "ls /").status.success(), "the key opens nothing any more");
    assert_eq!(browser.get("/").status, 200, "what the password opened goes on");
    assert_eq!(demo.deedbox_json(&["account", "key", "list", CLIENT_ONE]), json!([]));

    // The administrator, at the command line and by a program.
    let keys = |login: &str| demo.deedbox_json(&["account", "key", "list", login])[0]["fingerprint"].clone();
    let two = keys(CLIENT_TWO).as_str().expect("a fingerprint").to_owned();
    let mut sftp = Open::new(&demo, CLIENT_TWO);
    sftp.reads_the_root(MATTER_ONE);
    let mut other = Open::new(&demo, EXPERT);
    other.reads_the_root(MATTER_ONE);
    let told = demo.deedbox(&["account", "key", "remove", CLIENT_TWO, "SHA256:nothing"]);
    assert_eq!(told.status.code(), Some(1), "{}", both(&told));
    let began = Instant::now();
    assert_eq!(demo.deedbox_json(&["account", "key", "remove", CLIENT_TWO, &two])["removed"], two.as_str());
    sftp.until_gone(MATTER_ONE);
    is_prompt(began);
    assert_eq!(keys(CLIENT_TWO), Value::Null);

    let admin = Program::of(&demo, ADMIN, "admin");
    let path = format!("/accounts/{EXPERT}/keys");
    let expert = admin.get(&path).body(200)["items"][0]["fingerprint"].as_str().expect("a fingerprint").to_owned();
    let key = |fingerprint: &str| format!("{path}/{}", fingerprint.replace('/', "%2F").replace('+', "%2B"));
    admin.request("DELETE", &key("SHA256:nothing"), None, &[]).problem(404, "");
    assert_eq!(admin.request("DELETE", &key(&expert), None, &[]).status, 204);
    other.until_gone(MATTER_ONE);
    assert_eq!(admin.get(&path).body(200)["items"], json!([]));
    let staff = Program::of(&demo, STAFF, "manage");
    staff.get(&path).problem(404, "");
    let own = staff.get("/me/keys").body(200)["items"][0]["fingerprint"].as_str().expect("a fingerprint").to_owned();
    let own = format!("/me/keys/{}", own.replace('/', "%2F").replace('+', "%2B"));
    Program::of(&demo, STAFF, "read").request("DELETE", &own, None, &[]).problem(403, "insufficient-scope");
    assert_eq!(staff.request("DELETE", &own, None, &[]).status, 204);
    staff.request("DELETE", &own, None, &[]).problem(404, "");
    let record = ok(demo.deedbox(&["audit", "show"]));
    assert!(record.matches("account key remove").count() >= 4, "{record}");
}

/// What the API says somebody did, newest first, put together page by page.
fn activity(program: &Program<'_>) -> Vec<Value> {
    let (mut all, mut path) = (Vec::new(), "/me/activity?limit=3".to_owned());
    loop {
        let page = program.get(&path).body(200);
        all.extend(page["items"].as_array().expect("a list").clone());
        match page["next"].as_str() {
            Some(next) => path = format!("/me/activity?limit=3&after={next}"),
            None => return all,
        }
    }
}

#[test]
fn people_see_what_they_did_themselves_and_nothing_of_others() {
    let demo = Demo::start();
    let (room, drop_box) = (documents("Shared room"), documents("Drop box"));
    let internal = format!("{}/memo.txt", documents("Internal"));
    ok(demo.sftp(STAFF, &format!("put /etc/hostname \"/{internal}\"")));
    // A name in the drop box that is taken already, by somebody of whom the second sender knows nothing.
    for login in [CLIENT_ONE, CLIENT_TWO] {
        ok(demo.sftp(login, &format!("put /etc/hostname \"/{drop_box}/scan.txt\"")));
    }
    ok(demo.sftp(
        CLIENT_TWO,
        &format!("put /etc/hostname \"/{room}/one (2).txt\"\nrename \"/{room}/one (2).txt\" \"/{room}/two (2).txt\""),
    ));
    assert_eq!(demo.status(CLIENT_TWO, &format!("{room}/two (2).txt"), &[]), 200);
    assert_eq!(demo.status(CLIENT_TWO, &internal, &[]), 404, "hidden");
    let browser = Browser::sign_in(&demo, CLIENT_TWO);
    let made = browser.send("/account", "/account/devices", &[("name", "Laptop"), ("days", "")]);
    assert_eq!(made.status, 200, "{}", made.body);

    let program = Program::of(&demo, CLIENT_TWO, "read");
    let all = activity(&program);
    let did = |action: &str, path: &str| {
        let is = |one: &&Value| one["action"] == action && one["path"].as_str().is_some_and(|is| is.ends_with(path));
        all.iter().filter(is).count()
    };
    assert_eq!(did("create", "/Drop box/scan.txt"), 1, "{all:?}");
    assert_eq!(did("create", "/one (2).txt"), 1, "a name that can be seen stays: {all:?}");
    assert_eq!((did("move", "/one (2).txt"), did("read", "/two (2).txt")), (1, 1), "{all:?}");
    let changed = all.iter().find(|one| one["path"] == "account device-password add").expect("there");
    assert_eq!(changed["to"], format!("{CLIENT_TWO}: Laptop").as_str(), "{changed}");
    assert!(all.iter().filter(|one| one["action"] == "login").count() >= 3, "{all:?}");
    assert!(all.iter().all(|one| one["login"] == CLIENT_TWO && one["outcome"] != "refused"), "{all:?}");
    let text = Value::from(all).to_string();
    assert!(!text.contains("memo") && !text.contains("scan (2)"), "{text}");

    let page = browser.get("/account/activity");
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("Drop box/scan.txt") && page.body.contains("Made a device password</strong> Laptop"),
        "{}",
        page.body
    );
    for other in ["scan (2)", "memo", CLIENT_ONE] {
        assert!(!page.body.contains(other), "{other} in {}", page.body);
    }
    assert_eq!(browser.get("/account/activity?before=1").status, 200);
    let record = ok(demo.deedbox(&["audit", "show"]));
    assert!(record.contains("own activity"), "{record}");
    assert!(record.contains("scan (2).txt"), "the record knows better: {record}");
}

#[test]
fn a_program_sees_and_ends_the_sessions_of_its_own_account() {
    let demo = Demo::start();
    let program = Program::of(&demo, CLIENT_ONE, "manage");
    let mut sftp = Open::new(&demo, CLIENT_ONE);
    sftp.reads_the_root(MATTER_ONE);
    let open = || program.get("/me/sessions").body(200)["items"].as_array().expect("a list").clone();
    let all = open();
    let one = |front: &str| all.iter().find(|one| one["front"] == front).unwrap_or_else(|| panic!("{front}: {all:?}"));
    assert_eq!((&one("api")["this"], &one("sftp")["this"]), (&true.into(), &false.into()));
    assert_eq!((&one("sftp")["auth"], &one("api")["auth"]), (&"publickey".into(), &"token".into()));
    let path = format!("/me/sessions/{}", one("sftp")["id"].as_str().expect("an id"));
    Program::of(&demo, CLIENT_ONE, "read").request("DELETE", &path, None, &[]).problem(403, "insufficient-scope");
    Program::of(&demo, CLIENT_TWO, "manage").request("DELETE", &path, None, &[]).problem(404, "");
    sftp.reads_the_root(MATTER_ONE);
    assert_eq!(program.request("DELETE", &path, None, &[]).status, 204);
    sftp.until_gone(MATTER_ONE);
    program.request("DELETE", &path, None, &[]).problem(404, "");
    let browser = Browser::sign_in(&demo, CLIENT_ONE);
    assert_eq!(program.request("DELETE", "/me/sessions", None, &[]).status, 204);
    assert_eq!(browser.get("/").status, 303);
    assert_eq!(open().len(), 1, "this one goes on");
}
