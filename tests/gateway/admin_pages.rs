//! The administrator's pages, with curl: the firm's switches, matter types and their push, people; and that nobody else
//! learns of them.

use crate::demo::*;
use crate::mail;
use crate::mail_server::Server;
use crate::pages::{Answer, Browser};

const PAGES: [&str; 7] = [
    "/admin",
    "/admin/firm",
    "/admin/types",
    "/admin/types/General",
    "/admin/types/General/push",
    "/admin/people",
    "/admin/people/staff.one%40example.com",
];
const GENERAL: &str = "/admin/types/General";
const NEWCOMER: &str = "staff.two@example.com";
const PASSWORD: &str = "a kettle near the open window";

/// What a browser would send of the form with this action, untouched: fields, boxes that are ticked, and no button.
fn form(page: &Answer, action: &str) -> Vec<(String, String)> {
    let (_, rest) = page.body.split_once(&format!("method=\"post\" action=\"{action}\"")).expect("the form");
    let form = rest.split("</form>").next().expect("its end");
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        Some(rest.split('"').next().unwrap_or_default().replace("&#38;", "&").replace("&#34;", "\""))
    };
    let sent = |tag: &str| {
        let tag = format!(" {}", tag.split('>').next()?);
        let is_box = tag.contains(" type=\"checkbox\"") || tag.contains(" type=\"radio\"");
        let value = attribute(&tag, "value").unwrap_or_else(|| "on".to_owned());
        (!is_box || tag.contains(" checked")).then_some((attribute(&tag, "name")?, value))
    };
    form.split("<input ").skip(1).filter_map(sent).collect()
}

/// Sends a form with one field set, or a box ticked, and those with an empty value left out.
fn submit(browser: &Browser<'_>, action: &str, mut fields: Vec<(String, String)>, set: &[(&str, &str)]) -> Answer {
    for (name, value) in set {
        fields.retain(|(other, _)| other != name);
        if !value.is_empty() {
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(action, &fields)
}

/// The field of the chart that has this label.
fn field(page: &Answer, label: &str) -> String {
    let tag = page.body.split("<input ").find(|tag| tag.contains(&format!("aria-label=\"{label}\"")));
    let tag = tag.unwrap_or_else(|| panic!("no {label}: {}", page.body));
    tag.split_once("name=\"").and_then(|(_, rest)| rest.split('"').next()).expect("a name").to_owned()
}

/// The acts of the administrator on the pages, as the record names them.
fn recorded(demo: &Demo, action: &str) -> bool {
    let record = ok(demo.deedbox(&["audit", "show"]));
    record.lines().any(|line| line.contains(action) && line.contains("web") && line.contains(ADMIN))
}

#[test]
fn for_everybody_else_these_pages_do_not_exist() {
    let demo = Demo::start();
    for login in [CLIENT_ONE, STAFF] {
        let browser = Browser::sign_in(&demo, login);
        let csrf = browser.get("/").csrf();
        for path in PAGES {
            for method in ["GET", "POST", "PUT"] {
                let (asked, absent) =
                    (browser.request(path, &["-X", method]), browser.request("/nowhere", &["-X", method]));
                assert_eq!((asked.status, &asked.body), (404, &absent.body), "{method} {path}");
                assert!(!asked.head.contains("allow:"), "{method} {path}: {}", asked.head);
            }
        }
        let off = [("csrf", csrf.as_str()), ("value", "portal"), ("to", "off"), ("yes", "yes")];
        assert_eq!(browser.post("/admin/firm", &off).status, 404);
        let disable = [("csrf", csrf.as_str()), ("act", "disable")];
        assert_eq!(browser.post("/admin/people/client.two%40example.com", &disable).status, 404);
        assert!(!browser.get("/").body.contains("/admin"), "nothing leads there");
    }
    assert_eq!(demo.deedbox_json(&["firm", "show"])["portal"], true);
    let stranger = Browser::new(&demo);
    assert_eq!(stranger.get("/admin/firm").header("location"), "/sign-in?next=%2Fadmin%2Ffirm");

    // The administrator: all of them, a first page of the own, and the matters beside.
    let admin = Browser::sign_in(&demo, ADMIN);
    for path in PAGES {
        let page = admin.get(path);
        assert_eq!((page.status, page.header("cache-control")), (200, "no-store"), "{path}: {}", page.body);
    }
    let home = admin.get("/").body;
    assert!(home.contains("<h1>Overview</h1>") && home.contains("The portal is on."), "{home}");
    assert!(admin.get("/matters").body.contains("2026-0001") && home.contains("href=\"/matters\""));
    assert_eq!(admin.get("/admin/types/Nothing").status, 404);
    assert_eq!(admin.get("/admin/people/nobody").status, 404);
    assert_eq!(admin.get("/admin/people/scanner.one").status, 404, "a device is nobody");
    // A form without its token, as another site could send it.
    let forged = [("value", "portal"), ("to", "off"), ("yes", "yes")];
    assert_ne!(admin.post("/admin/firm", &forged).status, 303);
    let wrong = [&[("csrf", "0000")][..], &forged].concat();
    assert_eq!(admin.post("/admin/firm", &wrong).status, 403);
    assert_eq!(demo.deedbox_json(&["firm", "show"])["portal"], true);
}

#[test]
fn switching_off_for_all_matters_names_who_loses_what_and_wants_a_yes() {
    let demo = Demo::start();
    let admin = Browser::sign_in(&demo, ADMIN);
    let switch = |fields: &[(&str, &str)]| admin.send("/admin/firm", "/admin/firm", fields);
    let page = admin.get("/admin/firm").body;
    assert!(page.contains("deedbox.toml") && page.contains("The firm sends no mail"), "{page}");

    let asked = switch(&[("value", "portal"), ("to", "off")]);
    assert_eq!(asked.status, 200, "{}", asked.body);
    for part in ["Switch off: The portal?", "2026-0001", "2026-0002", "name=\"yes\""] {
        assert!(asked.body.contains(part), "{part}: {}", asked.body);
    }
    assert_eq!(demo.deedbox_json(&["firm", "show"])["portal"], true, "nothing was switched yet");
    assert!(recorded(&demo, "firm switch preview"));
    assert_eq!(switch(&[("value", "portal"), ("to", "off"), ("yes", "yes")]).status, 303);
    assert!(admin.get("/admin/firm").body.contains("The portal is off."));
    assert_eq!(demo.deedbox_json(&["firm", "show"])["portal"], false);
    assert_eq!(switch(&[("value", "portal"), ("to", "on")]).status, 303);
    // Nobody loses anything: no question.
    assert_eq!(switch(&[("value", "notes"), ("to", "on")]).status, 303);
    let areas = demo.deedbox_json(&["firm", "show"])["areas"].to_string();
    assert!(areas.contains("notes"), "{areas}");
    for wrong in [[("value", "cellar"), ("to", "on")], [("value", "portal"), ("to", "away")]] {
        assert_eq!(switch(&wrong).status, 400);
    }
    assert!(recorded(&demo, "firm switch"));
}

#[test]
fn a_chart_is_saved_as_the_next_version_previewed_and_pushed_to_all_matters() {
    let demo = Demo::start();
    let admin = Browser::sign_in(&demo, ADMIN);
    let general = || demo.deedbox_json(&["matter-type", "show", "General"]);
    let before = general();
    let version = before["type"]["version"].as_u64().expect("a version");
    let page = admin.get(GENERAL);
    let same = submit(&admin, GENERAL, form(&page, GENERAL), &[]);
    assert_eq!(same.status, 303, "{}", same.body);
    assert!(admin.get(GENERAL).body.contains("Nothing was different"));
    assert_eq!(general(), before, "the chart says what the matter type says");

    let (ours, yours) = (field(&page, "Documents/From us, client: delete"), field(&page, "Another folder"));
    let expert = field(&page, "Documents/Drafts, expert: list");
    let new = yours.strip_prefix("path-").expect("a place");
    let drop_box = field(&page, "Folder Documents/Drop box");
    let set = [
        (ours.as_str(), "on"),
        (&expert, "on"),
        (&yours, "Documents/Old deeds"),
        (&format!("rule-{new}"), "closed"),
        (&format!("{drop_box}-gone"), "on"),
    ];
    let saved = submit(&admin, GENERAL, form(&page, GENERAL), &set);
    assert_eq!((saved.status, saved.header("location")), (303, GENERAL), "{}", saved.body);
    let toml = general()["toml"].as_str().expect("text").to_owned();
    assert!(toml.contains("client = \"list read delete\"") && toml.contains("Old deeds\"\nclosed = true"), "{toml}");
    assert!(toml.contains("client = \"list read create update\", expert = \"list\"") && !toml.contains("Drop box"));
    let told = admin.get(GENERAL).body;
    assert!(told.contains(&format!("at version {} now", version + 1)), "{told}");
    let of_matter = || demo.deedbox_json(&["matter", "show", "2026-0001"]).to_string();
    assert!(!of_matter().contains("Old deeds"), "nothing before the push");

    let preview = admin.get(&format!("{GENERAL}/push"));
    for part in [
        "2026-0001",
        "New folder Documents/Old deeds.",
        "Documents/Drop box is no folder of the type any more",
        "Documents/From us, client: list read → list read delete.",
    ] {
        assert!(preview.body.contains(part), "{part}: {}", preview.body);
    }
    let push = |version: u64| {
        let version = version.to_string();
        admin.send(&format!("{GENERAL}/push"), &format!("{GENERAL}/push"), &[("version", &version)])
    };
    assert_eq!(push(version).status, 409, "another version was shown");
    assert!(!of_matter().contains("Old deeds"));
    assert_eq!(push(version + 1).status, 303);
    assert!(of_matter().contains("Old deeds"));
    assert!(admin.get(&format!("{GENERAL}/push")).body.contains("already"));
    for action in
        ["matter-type list", "matter-type show", "matter-type apply", "matter-type push preview", "matter-type push"]
    {
        admin.get("/admin/types");
        assert!(recorded(&demo, action), "{action}");
    }
}

#[test]
fn of_two_who_change_one_matter_type_the_second_keeps_the_entries_and_sees_the_difference() {
    let demo = Demo::start();
    let (one, two) = (Browser::sign_in(&demo, ADMIN), Browser::sign_in(&demo, ADMIN));
    let (seen, same) = (one.get(GENERAL), two.get(GENERAL));
    let (mine, theirs) =
        (field(&seen, "Documents/From us, client: delete"), field(&seen, "Documents/Drafts, expert: list"));
    assert_eq!(submit(&one, GENERAL, form(&seen, GENERAL), &[(&theirs, "on")]).status, 303);
    let refused = submit(&two, GENERAL, form(&same, GENERAL), &[(&mine, "on")]);
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("role=\"alert\"") && refused.body.contains("somebody else has changed General"));
    assert!(
        refused.body.contains("Documents/Drafts: “client: list read create update, expert: list” in force"),
        "{}",
        refused.body
    );
    let kept = form(&refused, GENERAL);
    assert!(kept.contains(&(mine.clone(), "on".to_owned())), "the entries are still there");
    let toml = || demo.deedbox_json(&["matter-type", "show", "General"])["toml"].as_str().expect("text").to_owned();
    assert!(!toml().contains("list read delete"), "and nothing was saved");
    // Whoever has seen the difference may save, with what the other one did or without.
    assert_eq!(submit(&two, GENERAL, kept, &[(&theirs, "on")]).status, 303);
    assert!(toml().contains("client = \"list read delete\"") && toml().contains("create update\", expert = \"list\""));

    // Mistakes are told with their folder, and cost no entries.
    let page = two.get(GENERAL);
    let path = field(&page, "Folder Documents/From us");
    let wrong = submit(&two, GENERAL, form(&page, GENERAL), &[(&path, "Papers/<b>From us")]);
    assert_eq!(wrong.status, 400, "{}", wrong.body);
    assert!(wrong.body.contains("is no place for a folder") && !wrong.body.contains("<b>From"), "{}", wrong.body);
    assert!(form(&wrong, GENERAL).iter().any(|(name, value)| *name == path && value.contains("From us")));

    // Another one, with a name that is text wherever it stands.
    let name = "Wills & \"<script>alert(1)</script>";
    let made = two.send("/admin/types", "/admin/types", &[("name", name), ("like", "General")]);
    assert_eq!(made.status, 303, "{}", made.body);
    let page = made.header("location").to_owned();
    assert!(two.get(&page).body.contains("Messages/Expert"), "it has General's folders");
    for path in [page.as_str(), "/admin/types", "/admin"] {
        assert!(!two.get(path).body.contains("<script>alert"), "{path}");
    }
    assert_eq!(two.send("/admin/types", "/admin/types", &[("name", "GENERAL"), ("like", "")]).status, 409);
    assert_eq!(two.send("/admin/types", "/admin/types", &[("name", " "), ("like", "")]).status, 400);
    assert_eq!(two.send("/admin/types", "/admin/types", &[("name", "Bare"), ("like", "")]).status, 303);
}

/// One act on an account, as the button of its page sends it.
fn act(admin: &Browser<'_>, login: &str, act: &str, more: &[(&str, &str)]) -> Answer {
    let page = format!("/admin/people/{}", login.replace('@', "%40"));
    admin.send(&page, &page, &[&[("act", act)][..], more].concat())
}

/// The path of the link that a page shows.
fn link_on(answer: &Answer) -> String {
    let (_, rest) = answer.body.split_once("class=\"secret\"><code>").unwrap_or_else(|| panic!("{}", answer.body));
    let url = rest.split('<').next().expect("a link");
    let (_, path) = url.strip_prefix("https://").expect("an address").split_once('/').expect("a path");
    format!("/{path}")
}

#[test]
fn a_colleague_is_added_given_another_role_signed_out_and_disabled() {
    let demo = Demo::start();
    let admin = Browser::sign_in(&demo, ADMIN);
    let added = admin.send("/admin/people", "/admin/people", &[("login", NEWCOMER), ("role", "staff")]);
    assert_eq!((added.status, added.header("cache-control")), (200, "no-store"), "{}", added.body);
    let again = admin.send("/admin/people", "/admin/people", &[("login", NEWCOMER), ("role", "staff")]);
    assert!(again.status == 409 && again.body.contains(&format!("value=\"{NEWCOMER}\"")), "{}", again.body);
    for (login, role) in [("a b", "staff"), ("staff.three@example.com", "participant"), ("staff.three@example.com", "")]
    {
        assert_eq!(admin.send("/admin/people", "/admin/people", &[("login", login), ("role", role)]).status, 400);
    }
    let colleague = Browser::new(&demo);
    let link = link_on(&added);
    assert_eq!(colleague.post(&link, &[("password", PASSWORD), ("again", PASSWORD)]).status, 303);
    assert!(colleague.get("/").body.contains("<h1>Matters</h1>"), "and is in");
    assert!(!admin.get("/admin/people/staff.two%40example.com").body.contains(&link), "it was shown once");

    // Another role: what was open ends.
    let role = |value: &str, was: &str| act(&admin, NEWCOMER, "role", &[("value", value), ("was", was)]);
    assert_eq!(role("admin", "auditor").status, 409, "it was another one");
    assert_eq!(role("admin", "staff").status, 303);
    assert_eq!(colleague.get("/").status, 303, "signed out");
    assert_eq!(colleague.try_sign_in(NEWCOMER, PASSWORD).status, 303);
    assert!(colleague.get("/").body.contains("<h1>Overview</h1>"));
    let page = admin.get("/admin/people/staff.two%40example.com").body;
    assert!(page.contains("value=\"end\"") && page.contains("<td data-is=\"Door\">web</td>"), "{page}");
    assert_eq!(act(&admin, NEWCOMER, "end", &[]).status, 303);
    assert_eq!(colleague.get("/").status, 303, "signed out");
    assert_eq!(act(&admin, NEWCOMER, "disable", &[]).status, 303);
    assert_eq!(colleague.try_sign_in(NEWCOMER, PASSWORD).status, 403);
    assert_eq!(act(&admin, NEWCOMER, "reset", &[]).status, 409, "there is nothing to send to who is disabled");
    assert_eq!(act(&admin, NEWCOMER, "enable", &[]).status, 303);
    let reset = act(&admin, CLIENT_TWO, "reset", &[]);
    assert!(link_on(&reset).starts_with("/password-reset/"), "{}", reset.body);
    assert!(admin.get("/admin/people?who=clients").body.contains(CLIENT_TWO));

    // Nobody locks themselves out, and so one administrator is left.
    for (what, more) in [("disable", &[][..]), ("role", &[("value", "auditor"), ("was", "admin")][..])] {
        let refused = act(&admin, ADMIN, what, more);
        assert_eq!(refused.status, 409, "{}", refused.body);
        assert!(refused.body.contains("Your own account stays as it is"), "{}", refused.body);
    }
    let own = admin.get("/admin/people/admin.one%40example.com").body;
    assert!(!own.contains("value=\"disable\"") && own.contains("This is your own account"), "{own}");
    assert_eq!(act(&admin, CLIENT_TWO, "role", &[("value", "staff"), ("was", "participant")]).status, 409);
    // The operator at the console can: an account that was stolen must go.
    ok(demo.deedbox(&["staff", "role", ADMIN, "auditor"]));
    assert_eq!(admin.get("/").status, 303);

    let record = ok(demo.deedbox(&["audit", "show"]));
    for part in ["staff add", "account reset", "staff role", "session end", "account disable", "account enable"] {
        let line = record.lines().find(|line| line.contains(part) && line.contains("web"));
        assert!(line.is_some_and(|line| line.contains(ADMIN)), "{part} in {record}");
    }
    let token = link.rsplit('/').next().expect("a token");
    assert!(!record.contains(token) && !demo.log().contains(token), "a link is a secret");
}

#[test]
fn where_the_firm_sends_mail_a_colleague_gets_the_link_by_it() {
    let server = Server::start(&[]);
    let (demo, _home) = mail::firm(&server, "");
    let admin = Browser::sign_in(&demo, ADMIN);
    let added = admin.send("/admin/people", "/admin/people", &[("login", NEWCOMER), ("role", "auditor")]);
    assert_eq!(added.status, 303, "{}", added.body);
    let told = admin.get(added.header("location")).body;
    assert!(told.contains("on its way to") && !told.contains("/password-reset/"), "{told}");
    let mails = server.waits_for(1);
    let text = mails[0]["text"].as_str().expect("text");
    assert!(mails[0]["to"][0] == NEWCOMER && text.contains("/password-reset/"), "{text}");
    let page = admin.get("/admin/firm").body;
    assert!(page.contains("mail.from") && page.contains("at once"), "{page}");
    let shown = act(&admin, NEWCOMER, "reset", &[("shown", "on")]);
    assert!(link_on(&shown).starts_with("/password-reset/"), "{}", shown.body);
}
