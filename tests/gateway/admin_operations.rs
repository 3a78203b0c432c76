//! The administrator's pages on what runs, with curl: devices, mail that waits, the record, health; and the auditor's.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::demo::*;
use crate::mail;
use crate::mail_server::{PATIENCE, Server, recipients};
use crate::pages::{Answer, Browser};

const AUDITOR: &str = "auditor.operations@example.com";

/// Somebody with a role of the firm, signed in.
fn sign_in_new<'d>(demo: &'d Demo, login: &str, role: &str) -> Browser<'d> {
    ok(demo.deedbox(&["staff", "add", login, "--role", role]));
    let made = demo.deedbox_json(&["account", "password", login]);
    let browser = Browser::new(demo);
    let answer = browser.try_sign_in(login, made["password"].as_str().expect("a password"));
    assert_eq!(answer.status, 303, "{}", answer.body);
    browser
}

/// What a page shows as a secret.
fn secret(answer: &Answer) -> String {
    let (_, rest) = answer.body.split_once("class=\"secret\"><code>").unwrap_or_else(|| panic!("{}", answer.body));
    rest.split('<').next().expect("a secret").to_owned()
}

/// The numbers of the records that a page lists.
fn listed(answer: &Answer) -> Vec<u64> {
    let links = answer.body.split("<td class=\"main\"><a href=\"/admin/audit/").skip(1);
    links.map(|link| link.split('"').next().and_then(|seq| seq.parse().ok()).expect("a number")).collect()
}

fn older(answer: &Answer) -> Option<String> {
    let (_, rest) = answer.body.split_once("rel=\"next\" href=\"")?;
    Some(rest.split('"').next().expect("a link").replace("&#38;", "&").replace("&amp;", "&"))
}

#[test]
fn a_device_is_added_opened_by_password_and_key_and_kept_out() {
    let demo = Demo::shared();
    let admin = Browser::sign_in(demo, ADMIN);
    let (login, page) = ("scanner.pages", "/admin/devices/scanner.pages");
    let add = |login: &str, matter: &str, kind: &str| {
        let fields = [("login", login), ("matter", matter), ("type", kind)];
        admin.send("/admin/devices", "/admin/devices", &fields)
    };
    assert_eq!(add(login, "2026-0009", "device").status, 400, "no such matter");
    assert_eq!(add(login, "2026-0001", "robot").status, 400, "no such participant type");
    assert_eq!(admin.get(page).status, 404, "nothing is left of a refusal");
    let added = add(login, "2026-0001", "device");
    assert_eq!((added.status, added.header("location")), (303, page), "{}", added.body);
    assert_eq!(add(login, "2026-0001", "device").status, 409, "twice");
    assert_eq!(add(CLIENT_ONE, "2026-0001", "device").status, 409, "somebody else's login");
    let list = admin.get("/admin/devices?q=SCANNER.p").body;
    assert!(list.contains(page) && list.contains("nothing yet") && !list.contains(SCANNER), "{list}");

    let act = |fields: &[(&str, &str)]| admin.send(page, page, fields);
    let put = |password: &str, name: &str| {
        let url = demo.url(&format!("{MATTER_ONE}/Documents/Drop box/{name}"));
        let mut curl = client("curl");
        curl.args([
            "-sS",
            "--cacert",
            demo.text("ca_file"),
            "-u",
            &format!("{login}:{password}"),
            "-T",
            "/etc/hostname",
        ]);
        stdout(&curl.args(["-o", "/dev/null", "-w", "%{http_code}", &url]).output().expect("curl is installed"))
    };
    let made = act(&[("act", "password")]);
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"), "{}", made.body);
    let password = secret(&made);
    assert!(!admin.get(page).body.contains(&password), "it is shown once");
    assert_eq!(put(&password, "one.txt"), "201");
    let seen = admin.get(page).body;
    assert!(seen.contains("127.0.0.1 (webdav)"), "{seen}");
    let made = act(&[("act", "device-password"), ("value", "Script"), ("days", "30"), ("read_only", "on")]);
    let narrow = secret(&made);
    assert_eq!(put(&narrow, "two.txt"), "409", "to read alone is no right in a drop box");
    assert_eq!(act(&[("act", "device-password"), ("value", "script"), ("days", "")]).status, 409);
    assert_eq!(act(&[("act", "revoke"), ("value", "Script")]).status, 303);
    assert_eq!(put(&narrow, "two.txt"), "401");

    let private = std::fs::read_to_string(demo.key(SCANNER)).expect("a key");
    let refused = act(&[("act", "key"), ("value", &private)]);
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(refused.body.contains("private key") && !refused.body.contains("PRIVATE KEY"), "{}", refused.body);
    let public = ok(client("ssh-keygen").args(["-y", "-f", demo.key(CLIENT_TWO)]).output().expect("ssh-keygen"));
    assert_eq!(act(&[("act", "key"), ("value", public.trim())]).status, 303);
    let keyed = admin.get(page).body;
    let (_, rest) = keyed.split_once("name=\"value\" value=\"SHA256:").expect("a key");
    let fingerprint = format!("SHA256:{}", rest.split('"').next().expect("a fingerprint"));
    assert_eq!(act(&[("act", "remove-key"), ("value", &fingerprint)]).status, 303);
    assert!(admin.get(page).body.contains("opens nothing any more"));
    assert!(!admin.get(page).body.contains("SHA256:"));

    assert_eq!(act(&[("act", "disable")]).status, 303);
    assert_eq!(put(&password, "two.txt"), "401");
    assert!(admin.get(page).body.contains("chip off\">disabled"));
    assert_eq!(act(&[("act", "enable")]).status, 303);
    assert_eq!(act(&[("act", "put-on"), ("value", "2026-0002"), ("type", "device")]).status, 303);
    assert!(admin.get("/admin/devices?q=scanner.pages").body.contains("2026-0002"));
    assert_eq!(act(&[("act", "access-remove"), ("value", "2026-0001")]).status, 303);
    assert_eq!(put(&password, "two.txt"), "409", "the matter is gone for it");
    assert_eq!(act(&[("act", "explode")]).status, 400);

    let record = ok(demo.deedbox(&["audit", "show"]));
    for part in [
        "device add -> scanner.pages",
        "participant add -> scanner.pages",
        "access grant -> scanner.pages",
        "account password -> scanner.pages",
        "account key add -> scanner.pages",
        "account device-password add -> scanner.pages: Script",
        "account device-password revoke -> scanner.pages: Script",
        "account disable -> scanner.pages",
        "access remove -> scanner.pages",
    ] {
        assert!(record.lines().any(|line| line.contains(part) && line.contains(ADMIN)), "{part} in {record}");
    }
    for password in [&password, &narrow] {
        assert!(!record.contains(password) && !demo.log().contains(password), "a password is a secret");
    }
}

#[test]
fn mail_that_waits_is_shown_tried_again_and_a_test_is_answered() {
    let server = Server::start(&[]);
    let (demo, _home) = mail::firm(&server, "");
    server.tell("refuse", CLIENT_TWO);
    let report = demo.data().with_extension("txt");
    std::fs::write(&report, "a report").expect("written");
    ok(demo.sftp(STAFF, &format!("put \"{}\" \"/{MATTER_ONE}/Documents/From us/one.txt\"", report.display())));
    server.waits_for(2);
    let admin = Browser::sign_in(&demo, ADMIN);
    let until = Instant::now() + PATIENCE;
    let queue = loop {
        let queue = admin.get("/admin/mail");
        if queue.body.contains("no such mailbox") {
            break queue;
        }
        assert!(Instant::now() < until, "{}", queue.body);
        std::thread::sleep(Duration::from_millis(200));
    };
    assert!(queue.body.contains(CLIENT_TWO) && queue.body.contains("chip off\">refused"), "{}", queue.body);
    let (_, rest) = queue.body.split_once("name=\"value\" value=\"0").expect("a mail to try again");
    let id = format!("0{}", rest.split('"').next().expect("an id"));
    let act = |fields: &[(&str, &str)]| admin.send("/admin/mail", "/admin/mail", fields);
    let forged = admin.post("/admin/mail", &[("csrf", "x"), ("act", "retry"), ("value", &id)]);
    assert_eq!(forged.status, 403);
    assert_eq!(act(&[("act", "retry"), ("value", "nonsense")]).status, 400);
    server.tell("refuse", "");
    assert_eq!(act(&[("act", "retry"), ("value", &id)]).status, 303);
    assert_eq!(recipients(&server.waits_for(3)), [CLIENT_ONE, CLIENT_TWO, EXPERT]);
    mail::settle(&demo);
    assert!(admin.get("/admin/mail").body.contains("No mail waits"));
    assert_eq!(act(&[("act", "retry"), ("value", &id)]).status, 409, "it is gone");

    assert_eq!(act(&[("act", "test"), ("value", "nobody")]).status, 400);
    assert_eq!(act(&[("act", "test"), ("value", STAFF)]).status, 303);
    let told = admin.get("/admin/mail").body;
    assert!(told.contains(&format!("The relay has taken a mail to {STAFF}")), "{told}");
    assert_eq!(server.waits_for(4).len(), 4);
    server.tell("refuse", STAFF);
    assert_eq!(act(&[("act", "test"), ("value", STAFF)]).status, 303);
    let told = admin.get("/admin/mail").body;
    assert!(told.contains("role=\"alert\"") && told.contains("has not gone"), "{told}");
    let health = admin.get("/admin/health").body;
    assert!(health.contains("Mail does not go out") && health.contains("1 refused"), "{health}");
    let record = ok(demo.deedbox(&["audit", "show"]));
    for part in ["mail queue", "mail retry", "mail test"] {
        assert!(record.lines().any(|line| line.contains(part) && line.contains(ADMIN)), "{part} in {record}");
    }
}

#[test]
fn the_record_is_looked_through_and_what_it_says_is_proven_to_somebody_outside() {
    let demo = Demo::shared();
    let batch: String = (0..130).map(|n| format!("-ls \"/no such probe {n}.\"\n")).collect();
    demo.sftp(CLIENT_TWO, &batch);
    let auditor = sign_in_new(demo, AUDITOR, "auditor");
    let home = auditor.get("/");
    assert!(home.body.contains("<h1>The record</h1>") && !home.body.contains("/admin/devices"), "{}", home.body);

    let first = auditor.get("/admin/audit?text=NO+SUCH+probe");
    assert_eq!((first.status, listed(&first).len()), (200, 100), "{}", first.body);
    let (mut all, mut bodies, mut next) = (listed(&first), first.body.clone(), older(&first));
    while let Some(link) = next {
        let page = auditor.get(&link);
        all.extend(listed(&page));
        bodies.push_str(&page.body);
        next = older(&page);
    }
    assert!(all.windows(2).all(|pair| pair[0] > pair[1]), "the newest first, each once: {all:?}");
    assert!((0..130).all(|n| bodies.contains(&format!("no such probe {n}."))), "none is lost");
    let count = |query: &str| listed(&auditor.get(&format!("/admin/audit?{query}"))).len();
    assert_eq!(count(&format!("text=no+such+probe&login={CLIENT_ONE}")), 0);
    assert_eq!(count("text=no+such+probe&ended=done"), 0);
    assert_eq!(count("text=no+such+probe&ended=not-found&action=stat"), 100);
    assert_eq!(count("text=no+such+probe&from=2099-01-01"), 0);
    assert_eq!(count("text=no+such+probe&to=2020-01-01"), 0);
    assert!(count("matter=2026-0001") > 0);
    for bad in ["from=yesterday", "action=explode", "ended=well", "matter=2026-0009"] {
        assert_eq!(auditor.get(&format!("/admin/audit?{bad}")).status, 400, "{bad}");
    }

    let seq = all[0];
    let page = auditor.get(&format!("/admin/audit/{seq}"));
    assert!(page.body.contains(CLIENT_TWO) && page.body.contains("no such probe"), "{}", page.body);
    for absent in ["99999999999", "x", "+1", "01"] {
        assert_eq!(auditor.get(&format!("/admin/audit/{absent}")).status, 404, "{absent}");
    }
    let away = tempfile::tempdir().expect("a directory");
    let keep = |name: &str, path: &str| {
        let answer = auditor.get(path);
        assert!(answer.header("content-disposition").starts_with("attachment"), "{}", answer.head);
        let file = away.path().join(name);
        std::fs::write(&file, &answer.body).expect("written");
        file.to_string_lossy().into_owned()
    };
    let key = keep("public.key", "/admin/audit/public.key");
    let proof = keep("whole", &format!("/admin/audit/{seq}/proof"));
    let checked = ok(deedbox(&["audit", "check-proof", &proof, "--key", &key]));
    assert!(checked.contains("The proof holds") && checked.contains(CLIENT_TWO), "{checked}");
    let bare = keep("bare", &format!("/admin/audit/{seq}/proof?body=no"));
    let checked = ok(deedbox(&["audit", "check-proof", &bare, "--key", &key]));
    assert!(checked.contains("The proof holds") && !checked.contains(CLIENT_TWO), "{checked}");
    let text = std::fs::read_to_string(&proof).expect("text");
    std::fs::write(&proof, text.replacen(&format!("index {seq}"), &format!("index {}", seq - 1), 1)).expect("written");
    assert_eq!(deedbox(&["audit", "check-proof", &proof, "--key", &key]).status.code(), Some(1));

    // All of one matter, to be checked one by one.
    let link = "/admin/audit/matter/2026-0002";
    assert!(auditor.get("/admin/audit?matter=2026-0002").body.contains(&format!("href=\"{link}\"")));
    assert_eq!(auditor.get("/admin/audit/matter/2026-0009").status, 404);
    let archive = away.path().join("all.zip");
    assert_eq!(auditor.request(link, &["-o", &archive.to_string_lossy()]).status, 200);
    let all = away.path().join("all");
    ok(client("unzip").arg("-q").arg(&archive).arg("-d").arg(&all).output().expect("unzip is installed"));
    let lines = std::fs::read_to_string(all.join("records.jsonl")).expect("records");
    let numbers: Vec<u64> = lines
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["number"].as_u64().expect("a number")
        })
        .collect();
    assert_eq!(numbers, (0..numbers.len() as u64).rev().collect::<Vec<_>>(), "without a gap, down to the first");
    let proofs: Vec<_> =
        std::fs::read_dir(all.join("proofs")).expect("proofs").map(|file| file.expect("a file").path()).collect();
    assert_eq!(proofs.len(), numbers.len());
    let (first, own) = (proofs[0].to_string_lossy(), all.join("public.key"));
    ok(deedbox(&["audit", "check-proof", &first, "--key", &own.to_string_lossy()]));

    assert_eq!(auditor.post("/admin/audit/verify", &[("csrf", "x")]).status, 403);
    assert_eq!(auditor.send("/admin/audit/verify", "/admin/audit/verify", &[]).status, 303);
    let until = Instant::now() + PATIENCE;
    while !auditor.get("/admin/audit/verify").body.contains("chip on\">sound") {
        assert!(Instant::now() < until, "{}", auditor.get("/admin/audit/verify").body);
        std::thread::sleep(Duration::from_millis(100));
    }
    // An outcome is durable within 100 ms, and the page may be quicker.
    std::thread::sleep(Duration::from_millis(300));
    let record = ok(demo.deedbox(&["audit", "show"]));
    let by_auditor = |part: &str| record.lines().any(|line| line.contains(part) && line.contains(AUDITOR));
    for part in ["audit show", &format!("audit prove -> {seq}"), "audit verify", "bodies opened and checked"] {
        assert!(by_auditor(part), "{part} in {record}");
    }
}

#[test]
fn health_says_on_one_page_what_status_says() {
    let demo = Demo::shared();
    let admin = Browser::sign_in(demo, ADMIN);
    let page = admin.get("/admin/health").body;
    let status = demo.deedbox_json(&["status"]);
    for part in [&status["version"], &status["audit"]["key"], &status["catalog"]["engine"]] {
        let part = part.as_str().expect("text").replace('+', "&#43;");
        assert!(page.contains(&part) || page.contains(&part.replace("&#43;", "+")), "{part} in {page}");
    }
    assert!(page.contains("Mail") && page.contains("Switched off"), "{page}");
    assert!(status["certificate"]["ends"].as_str().expect("a time") > "2026", "{status}");
    let (free, size) = (status["disk"]["free_bytes"].as_u64(), status["disk"]["size_bytes"].as_u64());
    assert!(free > Some(0) && size >= free && status["catalog"]["bytes"].as_u64() > Some(0), "{status}");
    let off = admin.get("/admin/mail");
    assert!(off.body.contains("Mail is switched off"), "{}", off.body);
    assert_eq!(admin.send("/admin/mail", "/admin/mail", &[("act", "test"), ("value", STAFF)]).status, 409);
}

#[test]
fn for_everybody_else_the_pages_on_what_runs_do_not_exist() {
    let demo = Demo::shared();
    let record = ["", "/0", "/0/proof", "/public.key", "/verify"].map(|path| format!("/admin/audit{path}"));
    let daemon = ["/admin/devices", "/admin/devices/scanner.one", "/admin/mail", "/admin/health"].map(str::to_owned);
    let client = Browser::sign_in(demo, CLIENT_ONE);
    let staff = Browser::sign_in(demo, STAFF);
    let auditor = sign_in_new(demo, "auditor.foreign@example.com", "auditor");
    let absent: BTreeSet<String> = record.iter().chain(&daemon).cloned().collect();
    for path in &absent {
        for method in ["GET", "POST"] {
            assert_eq!(client.request(path, &["-X", method]).status, 404, "{method} {path}");
            assert_eq!(staff.request(path, &["-X", method]).status, 404, "{method} {path}");
        }
    }
    for path in &daemon {
        assert_eq!(auditor.get(path).status, 404, "{path}");
    }
    // What opens the pages opens no document.
    assert_eq!(auditor.get("/m/2026-0001%20Purchase%20of%2012%20High%20Street/Documents/").status, 404);
    let csrf = client.get("/").csrf();
    let fields = [("csrf", csrf.as_str()), ("act", "disable")];
    assert_eq!(client.post("/admin/devices/scanner.one", &fields).status, 404);
    let asked = Browser::new(demo).get("/admin/audit/7");
    assert_eq!(asked.header("location"), "/sign-in?next=%2Fadmin%2Faudit%2F7");
}
