//! What waits in quarantine, and what the firm's people decide about it: at the command line, through the API and on the pages.
//! And rules, tried against the firm's data and put in force while the daemon runs.

use serde_json::{Value, json};

use crate::api::Program;
use crate::browser::{Kind, Window};
use crate::deep_check::is_sound;
use crate::demo::*;
use crate::intake::{Office, eventually};
use crate::pages::{Answer, Browser};

const NOBODY: &str = "0123456789abcdef0123456789abcdef";

fn internal(name: &str) -> String {
    format!("{MATTER_ONE}/Documents/Internal/{name}")
}

/// The id of the document that came under this name.
fn id_of(waiting: &Value, name: &str) -> String {
    let found = waiting.as_array().expect("a list").iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {waiting}"))["id"].as_str().expect("an id").to_owned()
}

fn form(staff: &Browser<'_>, what: &str, fields: &[(&str, &str)]) -> Answer {
    staff.send("/intake", &format!("/intake/{what}"), fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_assign_or_discard_what_waits_and_nobody_else_learns_of_it() {
    let office = Office::open("");
    let demo = &office.demo;
    let names = ["by the console.txt", "by a program.txt", "by the <b>page.txt", "unwanted.txt", "rubbish.txt"];
    for (n, name) in names.iter().enumerate() {
        office.send(name, format!("{n} {name}").as_bytes());
    }
    office.counts([0, 0, 5]);

    // The command line.
    let waiting = demo.deedbox_json(&["intake", "list"]);
    let id = |name: &str| id_of(&waiting, name);
    let console = id(names[0]);
    let one = demo.deedbox_json(&["intake", "show", &console]);
    assert_eq!((&one["reason"], &one["device"]), (&"no rule matches".into(), &SCANNER.into()), "{one}");
    assert_eq!((&one["drop_box"], &one["address"], &one["size"]), (&"scans".into(), &"127.0.0.1".into(), &20.into()));
    let assign = |id: &str, matter: &str, folder: &str| {
        demo.deedbox(&["intake", "assign", id, "--matter", matter, "--folder", folder])
    };
    for (id, matter, folder, why) in [
        (console.as_str(), "2026-0009", "Documents/Internal", "there is no matter 2026-0009"),
        (&console, "2026-0001", "Documents/Elsewhere", "matter 2026-0001 has no folder /Documents/Elsewhere"),
        (&console, "2026-0001", "Messages", "not delivered among messages"),
        (NOBODY, "2026-0001", "Documents/Internal", "does not wait in quarantine"),
    ] {
        let refused = assign(id, matter, folder);
        assert!(refused.status.code() == Some(1) && both(&refused).contains(why), "{}", both(&refused));
    }
    let done = ok(assign(&console, "2026-0001", "Documents/Internal"));
    assert_eq!(done, format!("Delivered as /{}.\n", internal(names[0])));
    assert_eq!(office.get(&internal(names[0])).as_deref(), Some(&b"0 by the console.txt"[..]));
    assert!(both(&assign(&console, "2026-0001", "Documents/Internal")).contains("does not wait in quarantine"));
    let rubbish = id("rubbish.txt");
    let asked = demo.deedbox(&["intake", "discard", &rubbish]);
    assert!(asked.status.code() == Some(1) && stdout(&asked).contains("removed for good: rubbish.txt, "), "{asked:?}");
    ok(demo.deedbox(&["intake", "discard", &rubbish, "--yes"]));

    // A program.
    let staff = Program::of(demo, STAFF, "manage");
    let listed = staff.get("/intake?limit=2").body(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2), "{listed}");
    let place = format!("/intake/{}", id(names[1]));
    assert_eq!(staff.get(&place).body(200)["matter"], "2026-0001");
    let nowhere = json!({ "matter": "2026-0009", "folder": "Documents/Internal" });
    staff.post(&format!("{place}/assign"), &nowhere).problem(422, "");
    staff.post(&format!("{place}/assign"), &json!({ "matter": "2026-0001", "folder": "../x" })).problem(422, "");
    let to = json!({ "matter": "2026-0001", "folder": "Documents/Internal", "name": names[0] });
    let there = staff.post(&format!("{place}/assign"), &to).body(200);
    assert_eq!(there["path"], "Documents/Internal/by the console (2).txt", "beside the one that is there");
    staff.get(&place).problem(404, "");
    let unwanted = format!("/intake/{}", id("unwanted.txt"));
    for (login, scope) in [(CLIENT_ONE, "manage"), (STAFF, "read")] {
        let other = Program::of(demo, login, scope);
        let expected = if login == STAFF { 200 } else { 404 };
        assert_eq!(other.get("/intake").status, expected, "{login}");
        let refused = other.request("DELETE", &unwanted, None, &[]).status;
        assert_eq!(refused, if login == STAFF { 403 } else { 404 }, "{login}");
    }
    assert_eq!(staff.request("DELETE", &unwanted, None, &[]).status, 204);

    // The page: one left, whose name is no mark-up.
    let staff = Browser::sign_in(demo, STAFF);
    let home = staff.get("/").body;
    assert!(home.contains("<a href=\"/intake\">Incoming</a>"), "{home}");
    let shown = staff.get("/intake").body;
    assert!(shown.contains("by the &#60;b&#62;page.txt") && shown.contains("No rule matches."), "{shown}");
    assert!(!shown.contains("unwanted") && shown.contains(SCANNER), "{shown}");
    let phone = Window::open(Kind::Phone).await;
    phone.sign_in(demo, STAFF).await;
    phone.go(demo, "/intake").await;
    phone.click("summary").await;
    phone.picture("staff-intake").await;
    phone.fits("/intake").await;
    phone.close().await;
    let document = id(names[2]);
    let fields = |matter: &'static str| {
        [("document", document.as_str()), ("matter", matter), ("folder", "Documents/Internal"), ("name", "page.txt")]
    };
    let wrong = form(&staff, "assign", &fields("2026-0009"));
    assert_eq!(wrong.status, 409, "{}", wrong.body);
    assert!(wrong.body.contains("There is no matter 2026-0009.") && wrong.body.contains("value=\"2026-0009\""));
    let unsure = form(&staff, "discard", &[("document", &document)]);
    assert_eq!(unsure.status, 400, "{}", unsure.body);
    let csrf = staff.get("/intake").csrf();
    let client = Browser::sign_in(demo, CLIENT_ONE);
    for what in ["", "/assign", "/discard"] {
        let asked =
            client.post(&format!("/intake{what}"), &[("csrf", &csrf), ("document", &document), ("sure", "yes")]);
        assert_eq!(asked.status, 404, "{what}: {}", asked.body);
    }
    assert!(!client.get("/").body.contains("/intake"));
    assert_eq!(form(&staff, "assign", &fields("2026-0001")).status, 303);
    assert!(staff.get("/intake").body.contains("Delivered as"));
    assert_eq!(office.get(&internal("page.txt")).as_deref(), Some(&b"2 by the <b>page.txt"[..]));
    let late = form(&staff, "discard", &[("document", &document), ("sure", "yes")]);
    assert_eq!(late.status, 409, "{}", late.body);
    assert!(staff.get("/intake").body.contains("Nothing waits for a decision."));

    let record = ok(demo.deedbox(&["audit", "show", "--json"]));
    let record: Vec<Value> = record.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let by = |action: &str, login: &str| {
        record.iter().filter(|one| one["action"] == action && one["login"] == login && one["outcome"] == "done").count()
    };
    assert_eq!((by("assign", STAFF), by("delete", STAFF)), (2, 1), "{record:?}");
    assert_eq!(record.iter().filter(|one| one["action"] == "assign" && one["outcome"] == "done").count(), 3);
    is_sound(demo.data());
}

#[test]
fn rules_are_tried_against_the_firm_and_put_in_force_while_the_daemon_runs() {
    let office = Office::open("");
    let demo = &office.demo;
    let test =
        |name: &str, more: &[&str]| demo.deedbox(&[&["intake", "test", name, "--device", SCANNER], more].concat());
    let told = ok(test("2026-0001 deed.tif", &[]));
    let expected = format!(
        "2026-0001 deed.tif goes to matter 2026-0001, Documents/Shared room, as deed.tif\n  by the rule by-number\n  \
         it would be /{MATTER_ONE}/Documents/Shared room/deed.tif\n"
    );
    assert_eq!(told, expected);
    let lost = test("2026-0009 deed.tif", &[]);
    assert!(lost.status.code() == Some(1) && stdout(&lost).contains("quarantine: there is no matter 2026-0009\n"));
    assert!(both(&demo.deedbox(&["intake", "test", "a", "--device", "nobody"])).contains("there is no login"));

    let file = demo.data().join("intake.toml");
    let rules = std::fs::read_to_string(&file).expect("readable");
    std::fs::write(&file, rules.replace("(?<what>.+)", "(?<what>.+")).expect("written");
    let refused = demo.deedbox(&["reload"]);
    assert!(!refused.status.success() && both(&refused).contains("intake.toml:"), "{}", both(&refused));
    assert!(both(&refused).contains("`file` is no expression: unclosed group"), "{}", both(&refused));
    assert!(both(&demo.deedbox(&["check"])).contains("unclosed group"));
    assert_eq!(ok(test("2026-0001 deed.tif", &[])), expected, "those in force stay");

    let internal = rules.replace("Documents/Shared room", "Documents/Internal");
    std::fs::write(&file, &internal).expect("written");
    let file = file.to_string_lossy().into_owned();
    assert!(ok(test("2026-0001 deed.tif", &["--rules", &file])).contains("Documents/Internal/deed.tif"));
    assert_eq!(ok(test("2026-0001 deed.tif", &[])), expected, "not in force yet");
    assert!(ok(demo.deedbox(&["reload"])).contains("changed: the drop boxes, now 1, and their rules, now 2"));
    office.send("2026-0001 deed.tif", b"a deed");
    let at = format!("{MATTER_ONE}/Documents/Internal/deed.tif");
    assert_eq!(eventually(|| office.get(&at)), b"a deed");
}
