//! The JSON API as a program uses it: a portal driven by it alone, and what it refuses.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::demo::*;
use crate::pages::Browser;

const PORTAL: &str = "https://portal.example.com";
const PASSWORD: &str = "a kettle near the open window";
const TYPES: &str = "tag:deedbox.example,2026:";

/// A program with a token, or without.
pub(crate) struct Program<'a> {
    demo: &'a Demo,
    token: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In small letters.
    head: String,
    body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }

    /// The answer's body, if the status is this one.
    pub(crate) fn body(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// A problem document of this status and kind.
    pub(crate) fn problem(self, status: u16, kind: &str) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert!(!self.head.contains("access-control"), "{}", self.head);
        let kind = if kind.is_empty() { "about:blank".to_owned() } else { format!("{TYPES}{kind}") };
        assert_eq!((self.status, self.body["type"].as_str()), (status, Some(kind.as_str())), "{}", self.body);
        assert_eq!(self.body["status"], status);
        assert!(self.body["title"].is_string() && self.body["detail"].is_string(), "{}", self.body);
        self.body
    }
}

impl<'a> Program<'a> {
    pub(crate) fn of(demo: &'a Demo, login: &str, scope: &str) -> Self {
        let made = demo.deedbox_json(&["account", "token", "add", login, scope, "--scope", scope, "--days", "30"]);
        Self { demo, token: made["secret"].as_str().expect("shown once").to_owned() }
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&Value>, more: &[&str]) -> Answer {
        let body = body.map(Value::to_string);
        self.raw(method, path, body.as_deref(), &[more, &["-H", "Content-Type: application/json"]].concat())
    }

    fn raw(&self, method: &str, path: &str, body: Option<&str>, more: &[&str]) -> Answer {
        let url = format!("{}/api/v1{path}", self.demo.text("webdav_url").trim_end_matches("/dav/"));
        let mut curl = client("curl");
        curl.args(["-sS", "--cacert", self.demo.text("ca_file"), "-D", "-", "-X", method]).args(more);
        if !self.token.is_empty() {
            curl.args(["-H", &format!("Authorization: Bearer {}", self.token)]);
        }
        if let Some(body) = body {
            curl.args(["--data-binary", body]);
        }
        let output = curl.arg(url).output().expect("curl is installed");
        assert!(output.status.success(), "{method} {path}: {}", both(&output));
        let text = stdout(&output).replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{head}"));
        let lower = |line: &str| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}\n", name.to_lowercase()),
            None => format!("{line}\n"),
        };
        let body = if body.trim().is_empty() { Value::Null } else { serde_json::from_str(body).expect("JSON") };
        Answer { status, head: head.lines().map(lower).collect(), body }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path, None, &[])
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, Some(body), &[])
    }

    /// An edit on the strength of this entity tag.
    pub(crate) fn patch(&self, path: &str, tag: &str, body: &Value) -> Answer {
        self.request("PATCH", path, Some(body), &["-H", &format!("If-Match: {tag}")])
    }

    /// Creates with a key.
    fn keyed(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.request("POST", path, Some(body), &["-H", &format!("Idempotency-Key: {key}")])
    }
}

/// What the drive says; the path as the API has it.
fn drive(demo: &Demo, login: &str, password: &str, path: &str, arguments: &[&str]) -> u16 {
    let output = client("curl")
        .args(["-sS", "--cacert", demo.text("ca_file"), "-u", &format!("{login}:{password}")])
        .args(["-o", "/dev/null", "-w", "%{http_code}"])
        .args(arguments)
        .arg(format!("{}{path}", demo.text("webdav_url")))
        .output();
    stdout(&output.expect("curl is installed")).parse().expect("a status")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The demo, with the pages' address and the administrative part.
pub(crate) fn firm() -> Demo {
    let demo = Demo::start();
    demo.configure(|toml| {
        let toml = toml.replacen("[https]\n", &format!("[https]\npublic_url = \"{PORTAL}\"\n"), 1);
        toml.replacen("[api]\n", "[api]\nadminister = true\n", 1)
    });
    ok(demo.deedbox(&["reload"]));
    demo
}

#[test]
fn a_program_drives_the_whole_portal() {
    let demo = firm();
    let staff = Program::of(&demo, STAFF, "manage");
    let me = staff.get("/me").body(200);
    assert_eq!((&me["login"], &me["role"], &me["scope"]), (&STAFF.into(), &"staff".into(), &"manage".into()));

    let new = json!({ "number": "26/114", "name": "Lease of a shop", "type": "General", "owner": STAFF });
    let made = staff.post("/matters", &new);
    assert_eq!(made.header("location"), "/api/v1/matters/26%2F114");
    let tag = made.header("etag").to_owned();
    assert_eq!(made.body(201)["number"], "26/114");
    let again = staff.get("/matters/26%2F114");
    assert_eq!(again.header("etag"), tag);
    assert_eq!(again.body(200)["owner"], STAFF);

    let contact = staff.post("/contacts", &json!({ "name": "Client Nine" })).body(201);
    let (contact, on) = (text(&contact["id"]), "/matters/26%2F114/participants");
    let one = staff.post(on, &json!({ "contact": contact, "type": "client" }));
    let place = format!("{on}/{contact}");
    assert_eq!(one.header("location"), format!("/api/v1{place}"));
    one.body(201);
    let access = format!("{place}/access");
    let invite = json!({ "action": "invite", "delivery": "shown" });
    staff.post(&access, &invite).problem(409, "no-address");
    let mailed = staff.post(&access, &json!({ "action": "invite", "email": "client.nine@example.com" }));
    mailed.problem(409, "refused");
    let with_address = json!({ "action": "invite", "delivery": "shown", "email": "client.nine@example.com" });
    let invited = staff.post(&access, &with_address).body(200);
    assert_eq!(invited["participant"]["access"], "invited");
    let link = text(&invited["link"]);
    let link = link.strip_prefix(PORTAL).expect("at the portal");
    let browser = Browser::new(&demo);
    assert_eq!(browser.post(link, &[("password", PASSWORD), ("again", PASSWORD)]).status, 303);
    assert_eq!(staff.get(&place).body(200)["access"], "active");

    // A document is shared where it stands; the drive has its content.
    let folder = text(&staff.get("/matters/26%2F114").body(200)["webdav"]);
    let folders = staff.get("/matters/26%2F114/folders").body(200);
    assert!(folders["items"].as_array().expect("a list").iter().any(|one| one["portal"] == true), "{folders}");
    let inner = format!("{}/Documents/Internal/Advice.pdf", folder.trim_start_matches("/dav/"));
    assert_eq!(drive(&demo, STAFF, demo.password(STAFF), &inner, &["-T", "/etc/hostname"]), 201);
    let advice = || drive(&demo, "client.nine@example.com", PASSWORD, &inner, &[]);
    assert_eq!(advice(), 404);
    let shared =
        staff.post("/matters/26%2F114/shares", &json!({ "path": "Documents/Internal/Advice.pdf", "with": ["client"] }));
    let share = format!("/matters/26%2F114/shares/{}", text(&shared.body(201)["document"]));
    let documents = staff.get("/matters/26%2F114/documents").body(200);
    assert_eq!(documents["items"][0]["path"], "Documents/Internal/Advice.pdf");
    assert_eq!(documents["items"][0]["webdav"], format!("/dav/{inner}"));
    assert_eq!(text(&documents["items"][0]["versions"][0]["sha256"]).len(), 64);
    assert_eq!(advice(), 200);
    let shares = staff.get("/matters/26%2F114/shares").body(200);
    assert_eq!((shares["items"][0]["gone"].as_bool(), shares["next"].is_null()), (Some(false), true), "{shares}");

    // Messages go both ways; the client's own token sees the client's matter and nothing else.
    let client_token = Program::of(&demo, "client.nine@example.com", "manage");
    let said =
        client_token.post("/matters/26%2F114/messages", &json!({ "subject": "Question", "text": "When?" })).body(201);
    assert_eq!(said["from"], "client.nine@example.com");
    let heard = staff.get("/matters/26%2F114/messages").body(200);
    let message = format!("/matters/26%2F114/messages/{}", text(&heard["items"][0]["id"]));
    assert_eq!(staff.get(&message).body(200)["text"], "When?");
    let own = client_token.get("/matters").body(200);
    assert_eq!(own["items"].as_array().expect("a list").len(), 1, "{own}");
    for hidden in ["/contacts", "/matters/2026-0001", "/matters/26%2F114/participants", "/matters/26%2F114/activity"] {
        client_token.get(hidden).problem(404, "");
    }

    let counted = staff.get(&format!("{on}?counts=true")).body(200);
    assert!(counted["items"][0]["shared"]["by"].is_u64(), "{counted}");
    let activity = staff.get("/matters/26%2F114/activity?limit=100").body(200);
    let acts = activity["items"].as_array().expect("a list");
    assert!(acts.iter().any(|act| act["login"] == "client.nine@example.com" && act["action"] == "read"), "{activity}");
    assert!(acts.iter().any(|act| act["front"] == "api"), "{activity}");

    // Closing names who is still in; taking access ends what is open.
    let tag = staff.get("/matters/26%2F114").header("etag").to_owned();
    let refused = staff.patch("/matters/26%2F114", &tag, &json!({ "open": false })).problem(409, "refused");
    assert!(text(&refused["detail"]).contains("Client Nine (active)"), "{refused}");
    assert_eq!(staff.request("DELETE", &share, None, &[]).status, 204);
    assert_eq!(advice(), 404);
    staff.request("DELETE", &place, None, &[]).problem(409, "refused");
    assert_eq!(staff.post(&access, &json!({ "action": "disable" })).body(200)["participant"]["access"], "disabled");
    assert_eq!(client_token.get("/matters").body(200)["items"], json!([]));
    staff.post(&access, &json!({ "action": "remove" })).body(200);
    assert_eq!(staff.request("DELETE", &place, None, &[]).status, 204);
    assert_eq!(staff.patch("/matters/26%2F114", &tag, &json!({ "open": false })).body(200)["open"], false);

    let record = ok(demo.deedbox(&["audit", "show"]));
    for part in
        ["matter add", "access invite", "document share", "token manage", "api", "document unshare", "matter close"]
    {
        assert!(record.contains(part), "{part} in {record}");
    }
    assert!(!record.contains(&staff.token) && !demo.log().contains(&staff.token), "a token is a secret");
}

#[test]
fn a_token_opens_what_it_is_for_until_it_ends() {
    let demo = Demo::start();
    let nobody = Program { demo: &demo, token: String::new() };
    let none = nobody.get("/me");
    assert_eq!(none.header("www-authenticate"), "Bearer");
    none.problem(401, "");
    let forged = Program { demo: &demo, token: "abcdef-ghijkm-npqrst-uvwxyz-23".to_owned() };
    let unknown = forged.get("/me");
    assert_eq!(unknown.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    let unknown = unknown.problem(401, "invalid-token");

    let reader = Program::of(&demo, STAFF, "read");
    reader.get("/matters").body(200);
    let denied = reader.post("/contacts", &json!({ "name": "Client Ten" }));
    assert_eq!(denied.header("www-authenticate"), "Bearer error=\"insufficient_scope\", scope=\"manage\"");
    denied.problem(403, "insufficient-scope");
    reader
        .post("/matters/2026-0001/messages", &json!({ "subject": "A", "text": "B" }))
        .problem(403, "insufficient-scope");

    // No further than the role; the administrator's part only where the configuration says so, and no messages for him at all.
    let too_far = demo.deedbox(&["account", "token", "add", STAFF, "x", "--scope", "admin", "--days", "1"]);
    assert!(!too_far.status.success() && both(&too_far).contains("cannot have the scope admin"), "{}", both(&too_far));
    let device = demo.deedbox(&["account", "token", "add", SCANNER, "x", "--scope", "read", "--days", "1"]);
    assert!(!device.status.success(), "a device has passwords of its own");
    let long = demo.deedbox(&["account", "token", "add", STAFF, "x", "--scope", "read", "--days", "367"]);
    assert_eq!(long.status.code(), Some(2), "{}", both(&long));
    let admin = Program::of(&demo, ADMIN, "admin");
    admin.get("/accounts").problem(404, "");
    demo.configure(|toml| toml.replacen("[api]\n", "[api]\nadminister = true\n", 1));
    ok(demo.deedbox(&["reload"]));
    assert!(admin.get("/accounts").body(200)["items"].as_array().is_some_and(|all| all.len() >= 5));
    Program::of(&demo, ADMIN, "manage").get("/accounts").problem(403, "insufficient-scope");
    reader.get("/accounts").problem(404, "");
    admin.get("/matters/2026-0001/messages").problem(404, "");

    // Revoked, and disabled: the same answer as for one that never was, at once.
    ok(demo.deedbox(&["account", "token", "revoke", STAFF, "READ"]));
    assert_eq!(reader.get("/me").problem(401, "invalid-token"), unknown);
    let listed = demo.deedbox_json(&["account", "token", "list", ADMIN]);
    assert_eq!(listed.as_array().expect("a list").len(), 2, "{listed}");
    assert!(!listed.to_string().contains(&admin.token[..6]), "{listed}");
    let client_token = Program::of(&demo, CLIENT_ONE, "read");
    client_token.get("/me").body(200);
    ok(demo.deedbox(&["account", "disable", CLIENT_ONE]));
    let started = Instant::now();
    assert_eq!(client_token.get("/me").problem(401, "invalid-token"), unknown);
    // One second, and what the answer to a wrong token is held back for.
    assert!(started.elapsed() < Duration::from_millis(2500));

    demo.configure(|toml| toml.replace("[api]\n", "[api]\nenabled = false\n"));
    ok(demo.deedbox(&["reload"]));
    admin.get("/me").problem(404, "");
}

#[test]
fn an_expired_token_opens_nothing_and_guessing_is_slowed() {
    let home = tempfile::Builder::new().prefix("deedbox-test-").tempdir().expect("a directory");
    let data = home.path().join("data");
    let demo = Demo::start_in(&data);
    let made = demo.deedbox_json(&["account", "token", "add", STAFF, "short", "--scope", "read", "--days", "1"]);
    let token = text(&made["secret"]);
    Program { demo: &demo, token: token.clone() }.get("/me").body(200);
    demo.stop();
    let tomorrow: Vec<String> = ["faketime", "-f", "+25h"].map(str::to_owned).into();
    let demo = Demo::start_under(&tomorrow, &data);
    let expired = Program { demo: &demo, token }.get("/me").problem(401, "invalid-token");
    let forged = Program { demo: &demo, token: "abcdef-ghijkm-npqrst-uvwxyz-23".to_owned() };
    assert_eq!(forged.get("/me").problem(401, "invalid-token"), expired);
    let good = Program::of(&demo, CLIENT_ONE, "read");
    good.get("/me").body(200);
    let start = Instant::now();
    let statuses: Vec<u16> = (0..12).map(|_| forged.get("/me").status).collect();
    assert!(statuses.contains(&429) && start.elapsed() > Duration::from_secs(5), "{statuses:?}");
    good.get("/me").body(200);
    let record = ok(demo.deedbox(&["audit", "show"]));
    assert!(record.contains("no such token, or not any more"), "{record}");
}

#[test]
fn of_two_editors_the_second_is_told_and_a_creation_is_made_once() {
    let demo = firm();
    let staff = Program::of(&demo, STAFF, "manage");
    let matter = "/matters/2026-0001";
    let tag = staff.get(matter).header("etag").to_owned();
    staff.request("PATCH", matter, Some(&json!({ "confidential": true })), &[]).problem(428, "precondition-required");
    let first = staff.patch(matter, &tag, &json!({ "confidential": true }));
    let newer = first.header("etag").to_owned();
    assert_ne!(newer, tag);
    first.body(200);
    staff.patch(matter, &tag, &json!({ "owner": null })).problem(412, "changed");
    assert_eq!(staff.get(matter).body(200)["confidential"], true, "nothing was lost");
    // Two at once on the same tag: one is in.
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let edit = |off: bool| staff.patch(matter, &newer, &json!({ "confidential": off })).status;
        let both = [scope.spawn(move || edit(false)), scope.spawn(move || edit(false))];
        both.map(|one| one.join().expect("ends")).into()
    });
    assert!(statuses.contains(&200) && statuses.contains(&412), "{statuses:?}");

    // What a switch would end is named first.
    let tag = staff.get(matter).header("etag").to_owned();
    let off = json!({ "portal": false });
    let warned = staff.patch(matter, &tag, &off).problem(409, "confirmation-needed");
    assert_eq!(warned["ending"][0]["matter"], "2026-0001");
    assert!(warned["ending"][0]["participants"].as_array().is_some_and(|all| !all.is_empty()), "{warned}");
    assert_eq!(demo.status(CLIENT_ONE, MATTER_ONE, &["-X", "PROPFIND", "-H", "Depth: 0"]), 207, "nothing was changed");
    assert_eq!(staff.patch(matter, &tag, &json!({ "portal": false, "confirm": true })).body(200)["portal"], false);
    assert_eq!(demo.status(CLIENT_ONE, MATTER_ONE, &["-X", "PROPFIND", "-H", "Depth: 0"]), 404);

    let new = json!({ "name": "Client Eleven", "email": "client.eleven@example.com" });
    let made = staff.keyed("/contacts", "k-1", &new);
    let (place, made) = (made.header("location").to_owned(), made.body(201));
    let again = staff.keyed("/contacts", "k-1", &new);
    assert_eq!(again.header("location"), place);
    assert_eq!(again.body(201), made);
    staff.keyed("/contacts", "k-1", &json!({ "name": "Client Twelve" })).problem(422, "key-reused");
    let other = staff.keyed("/contacts", "k-2", &new).body(201);
    assert_ne!(other["id"], made["id"]);
    // Two have the address now, so nobody gets a login by it: both are named.
    let id = text(&made["id"]);
    staff
        .post("/matters/2026-0002/participants", &json!({ "contact": "client.eleven@example.com", "type": "client" }))
        .problem(409, "shared-address");
    staff.post("/matters/2026-0002/participants", &json!({ "contact": id, "type": "client" })).body(201);
    let access = format!("/matters/2026-0002/participants/{id}/access");
    let shared =
        staff.post(&access, &json!({ "action": "invite", "delivery": "shown" })).problem(409, "shared-address");
    assert_eq!(shared["contacts"].as_array().map(Vec::len), Some(2), "{shared}");
    let contact = format!("/contacts/{id}");
    let tag = staff.get(&contact).header("etag").to_owned();
    staff.patch(&contact, &tag, &json!({ "email": "client.twelve@example.com" })).body(200);
    staff.patch(&contact, &tag, &json!({ "name": "Lost" })).problem(412, "changed");
}

#[test]
fn lists_come_in_pages_and_requests_are_read_strictly() {
    let demo = Demo::start();
    let staff = Program::of(&demo, STAFF, "manage");
    for number in 1..=5 {
        let new = json!({ "number": format!("P-{number}"), "name": "Page", "type": "General" });
        staff.post("/matters", &new).body(201);
    }
    let (mut seen, mut path) = (Vec::new(), "/matters?q=page&limit=2".to_owned());
    loop {
        let page = staff.get(&path).body(200);
        seen.extend(page["items"].as_array().expect("a list").iter().map(|one| text(&one["number"])));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/matters?q=page&limit=2&after={next}");
    }
    assert_eq!(seen, ["P-1", "P-2", "P-3", "P-4", "P-5"]);
    assert_eq!(staff.get("/matters?open=false").body(200)["items"], json!([]));
    staff.get("/matters?limit=0").problem(400, "");
    staff.get("/matters?colour=red").problem(400, "");

    let misspelt = staff.post("/contacts", &json!({ "name": "A", "emial": "a@example.com" })).problem(422, "");
    assert!(text(&misspelt["detail"]).contains("emial"), "{misspelt}");
    staff.post("/contacts", &json!({ "name": "A", "email": "nowhere" })).problem(422, "");
    let json_type = ["-H", "Content-Type: application/json"];
    staff.raw("POST", "/contacts", Some("{"), &json_type).problem(400, "");
    let deep = "[".repeat(10_000);
    staff.raw("POST", "/contacts", Some(&deep), &json_type).problem(422, "");
    staff.raw("POST", "/contacts", Some("{}"), &["-H", "Content-Type: text/plain"]).problem(415, "");
    let long = json!({ "name": "x".repeat(70_000) });
    staff.post("/contacts", &long).problem(413, "");
    let wrong = staff.request("PUT", "/contacts", Some(&json!({})), &[]);
    assert_eq!(wrong.header("allow"), "GET,HEAD,POST");
    wrong.problem(405, "");
    staff.get("/nothing").problem(404, "");
    staff.post("/matters", &json!({ "number": "P-1", "name": "Again", "type": "General" })).problem(409, "exists");
    staff.post("/matters", &json!({ "number": "P-9", "name": "Page", "type": "Nothing" })).problem(422, "");
}

#[test]
fn the_firm_is_administered_where_the_configuration_lets_it() {
    let demo = firm();
    let admin = Program::of(&demo, ADMIN, "admin");
    let kind = admin.get("/matter-types/General");
    let (tag, kind) = (kind.header("etag").to_owned(), kind.body(200));
    let toml = json!({ "toml": format!("{}\n[[folder]]\npath = \"Documents/Later\"\nrows = {{ client = \"list\" }}\n", text(&kind["toml"])) });
    let put = |tag: &str| admin.request("PUT", "/matter-types/General", Some(&toml), &["-H", tag]);
    put("If-None-Match: *").problem(412, "changed");
    let applied = put(&format!("If-Match: {tag}")).body(200);
    assert_eq!(applied["version"].as_u64(), kind["version"].as_u64().map(|version| version + 1));
    put(&format!("If-Match: {tag}")).problem(412, "changed");
    let preview = admin.post("/matter-types/General/push", &json!({})).problem(409, "confirmation-needed");
    assert!(preview["matters"].as_array().is_some_and(|all| !all.is_empty()), "{preview}");
    admin.post("/matter-types/General/push", &json!({ "confirm": true })).body(200);
    assert_eq!(admin.post("/matter-types/General/push", &json!({})).body(200)["matters"], json!([]));

    let tag = admin.get("/firm").header("etag").to_owned();
    let off = json!({ "areas": { "documents": false } });
    let warned = admin.patch("/firm", &tag, &off).problem(409, "confirmation-needed");
    assert!(warned["ending"].as_array().is_some_and(|all| !all.is_empty()), "{warned}");
    let after = admin.patch("/firm", &tag, &json!({ "areas": { "documents": false }, "confirm": true })).body(200);
    assert!(!after["areas"].as_array().expect("a list").contains(&"documents".into()), "{after}");

    let account = format!("/accounts/{CLIENT_TWO}");
    let tag = admin.get(&account).header("etag").to_owned();
    assert_eq!(admin.patch(&account, &tag, &json!({ "enabled": false })).body(200)["enabled"], false);
    assert_eq!(demo.status(CLIENT_TWO, "", &["-X", "PROPFIND", "-H", "Depth: 0"]), 401);
    let link = admin.post(&format!("/accounts/{CLIENT_ONE}/reset"), &json!({ "shown": true })).body(200);
    assert!(text(&link["link"]).starts_with(&format!("{PORTAL}/password-reset/")), "{link}");
}

/// Every route is described, every description has its route, and each path's methods are those that it says it takes.
#[test]
fn the_description_has_every_route_and_no_other() {
    let demo = Demo::shared();
    let nobody = Program { demo, token: String::new() };
    let description = nobody.get("/openapi.json").body(200);
    assert_eq!(description["openapi"], "3.1.0");
    let source = include_str!("../../src/front/api/service.rs");
    let mut routed: Vec<&str> = Vec::new();
    for (at, _) in source.match_indices("\"/") {
        let path = source[at + 1..].split('"').next().expect("a text");
        routed.extend((path != "/api/v1").then_some(path));
    }
    let paths = description["paths"].as_object().expect("paths");
    let mut described: Vec<&str> = paths.keys().map(String::as_str).collect();
    routed.sort_unstable();
    described.sort_unstable();
    assert_eq!(routed, described);
    for (path, methods) in paths {
        let asked = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        let asked = asked.collect::<Vec<_>>().join("/");
        let allow = nobody.request("TRACE", &asked, None, &[]).header("allow").replace("HEAD", "");
        let mut allowed: Vec<_> = allow.split(',').filter(|method| !method.is_empty()).map(str::to_lowercase).collect();
        let methods = methods.as_object().expect("methods").keys().filter(|key| *key != "parameters");
        let mut methods: Vec<_> = methods.cloned().collect();
        allowed.sort();
        methods.sort();
        assert_eq!(allowed, methods, "{path}");
    }
}

/// Schemathesis makes requests from the description, good and bad ones, and holds every answer against it.
#[test]
fn answers_are_as_the_description_says() {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/target/schemathesis/bin/schemathesis");
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway/schemathesis.toml");
    let (demo, here) = (firm(), tempfile::tempdir().expect("a directory"));
    for (login, scope) in [(ADMIN, "admin"), (STAFF, "manage"), (CLIENT_ONE, "manage")] {
        let token = Program::of(&demo, login, scope).token;
        let url = format!("{}/api/v1/openapi.json", demo.text("webdav_url").trim_end_matches("/dav/"));
        let output = Command::new("timeout")
            .args([
                "240",
                program,
                "--config-file",
                config,
                "run",
                &url,
                "--tls-verify",
                demo.text("ca_file"),
                "--seed",
                "20261126",
            ])
            .args(["-H", &format!("Authorization: Bearer {token}"), "--max-examples", "10"])
            // Or the administrator would disable the own account.
            .args(["--exclude-operation-id", "editAccount"])
            .args(["--phases", "examples,coverage,fuzzing", "--no-color", "--suppress-health-check", "all"])
            .current_dir(here.path())
            .output()
            .expect("tests/run installs schemathesis");
        assert!(output.status.success(), "{login}: {}", both(&output));
    }
    let record = demo.deedbox(&["check", "--deep"]);
    assert!(record.status.success(), "{}", both(&record));
}
