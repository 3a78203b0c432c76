//! The staff's pages, with curl: who has access to what, and that nobody else learns of them.

use crate::demo::*;
use crate::mail;
use crate::mail_server::Server;
use crate::pages::{Answer, Browser, documents, page, under};

const ONE: &str = "/matter/2026-0001";
const NEWCOMER: &str = "client.three@example.com";
const PASSWORD: &str = "a kettle near the open window";

/// What the forms of a participant carry: who it is, and their place as it was.
fn place(page: &Answer, name: &str) -> (String, String) {
    let (_, section) =
        page.body.split_once(&format!("aria-label=\"{name}\"")).unwrap_or_else(|| panic!("no {name}: {}", page.body));
    let field = |field: &str| {
        let (_, rest) = section.split_once(&format!("name=\"{field}\" value=\"")).expect("a field");
        rest.split('"').next().expect("a value").to_owned()
    };
    (field("who"), field("was"))
}

/// One act on a participant, as the page's button sends it.
fn act(staff: &Browser<'_>, matter: &str, name: &str, act: &str, more: &[(&str, &str)]) -> Answer {
    let path = format!("{matter}/access");
    let page = staff.get(&path);
    let (who, was) = place(&page, name);
    let csrf = page.csrf();
    let fields = [("csrf", csrf.as_str()), ("who", &who), ("was", &was), ("act", act)];
    staff.post(&path, &[&fields[..], more].concat())
}

/// The participant's card on the page.
fn card(staff: &Browser<'_>, matter: &str, name: &str) -> String {
    let body = staff.get(&format!("{matter}/access")).body;
    let (_, rest) = body.split_once(&format!("aria-label=\"{name}\"")).unwrap_or_else(|| panic!("no {name}: {body}"));
    rest.split("</section>").next().expect("a card").to_owned()
}

/// The path of the link that a page shows.
fn link_on(answer: &Answer) -> String {
    let (_, rest) = answer.body.split_once("class=\"secret\"><code>").unwrap_or_else(|| panic!("{}", answer.body));
    let url = rest.split('<').next().expect("a link");
    let (_, path) = url.strip_prefix("https://").expect("an address").split_once('/').expect("a path");
    format!("/{path}")
}

fn settings(staff: &Browser<'_>, matter: &str, fields: &[(&str, &str)]) -> Answer {
    let path = format!("{matter}/settings");
    staff.send(&path, &path, fields)
}

#[test]
fn a_matter_is_opened_a_client_invited_and_both_are_in_the_record() {
    let demo = Demo::start();
    let staff = Browser::sign_in(&demo, STAFF);
    let home = staff.get("/");
    assert!(home.body.contains("<h1>Matters</h1>") && home.body.contains("Estate of A Testator"), "{}", home.body);
    let found = |query: &str| staff.get(&format!("/?{query}")).body;
    assert!(found("q=high+street").contains(ONE) && !found("q=high+street").contains("Estate of A Testator"));
    let by_contact = demo.deedbox_json(&["participant", "list", "--matter", "2026-0001"]);
    let name = by_contact[0]["name"].as_str().expect("a name").replace(' ', "+");
    assert!(found(&format!("q={name}")).contains(ONE), "by a contact's name");
    assert!(!found("state=closed").contains(ONE) && found("state=all").contains(ONE));

    let new = [("number", "26/114.A"), ("name", "Lease of a mill"), ("type", "General"), ("owner", STAFF)];
    let opened = staff.send("/", "/matters", &new);
    let matter = "/matter/26%2F114.A";
    assert_eq!(
        (opened.status, opened.header("location")),
        (303, format!("{matter}/access").as_str()),
        "{}",
        opened.body
    );
    let again = staff.send("/", "/matters", &new);
    assert_eq!(again.status, 409, "{}", again.body);
    assert!(again.body.contains("Lease of a mill") && again.body.contains("role=\"alert\""), "what was typed is there");
    let bad = staff.send("/", "/matters", &[("number", "a b"), ("name", "x"), ("type", "General"), ("owner", "")]);
    assert_eq!(bad.status, 400, "{}", bad.body);
    assert_eq!(demo.deedbox_json(&["matter", "list"]).as_array().expect("a list").len(), 3);

    let added = [("type", "client"), ("contact", ""), ("name", "Client Three"), ("email", NEWCOMER)];
    let access = format!("{matter}/access");
    let added = staff.send(&access, &format!("{matter}/participants"), &added);
    assert_eq!(added.status, 303, "{}", added.body);
    assert!(card(&staff, matter, "Client Three").contains("not given"));
    let invited = act(&staff, matter, "Client Three", "invite", &[]);
    assert_eq!((invited.status, invited.header("cache-control")), (200, "no-store"), "{}", invited.body);
    assert!(invited.body.contains("you have to hand this link over"), "{}", invited.body);
    let link = link_on(&invited);
    assert!(!staff.get(&access).body.contains(&link), "it is shown once");
    assert!(card(&staff, matter, "Client Three").contains("activation pending"));
    let resent = act(&staff, matter, "Client Three", "resend", &[]);
    let client = Browser::new(&demo);
    assert_eq!(client.get(&link).status, 404, "replaced");
    let accepted = client.post(&link_on(&resent), &[("password", PASSWORD), ("again", PASSWORD)]);
    assert_eq!(accepted.status, 303, "{}", accepted.body);
    assert!(client.get("/").body.contains("Lease of a mill"));
    assert!(card(&staff, matter, "Client Three").contains("chip on\">active"));

    // Who has a login already is in at once.
    let known = [("type", "client"), ("contact", CLIENT_ONE), ("name", ""), ("email", "")];
    assert_eq!(staff.send(&access, &format!("{matter}/participants"), &known).status, 303);
    let twice = staff.send(&access, &format!("{matter}/participants"), &known);
    assert_eq!(twice.status, 409, "{}", twice.body);
    let name = demo.deedbox_json(&["contact", "list"]);
    let one =
        name.as_array().expect("a list").iter().find(|one| one["email"] == CLIENT_ONE).expect("there")["name"].clone();
    assert_eq!(act(&staff, matter, one.as_str().expect("a name"), "invite", &[]).status, 303);
    assert!(Browser::sign_in(&demo, CLIENT_ONE).get("/").body.contains("Lease of a mill"));

    let record = ok(demo.deedbox(&["audit", "show"]));
    for part in ["matter add", "contact add", "participant add", "access invite", "access resend", "participant list"] {
        let line = record.lines().find(|line| line.contains(part) && line.contains("web"));
        assert!(line.is_some_and(|line| line.contains(STAFF)), "{part} by {STAFF} in {record}");
    }
    let token = link.rsplit('/').next().expect("a token");
    assert!(!record.contains(token) && !demo.log().contains(token), "a link is a secret");
}

#[test]
fn where_the_firm_sends_mail_the_link_is_mailed_and_not_shown() {
    let server = Server::start(&[]);
    let (demo, _home) = mail::firm(&server, "");
    let staff = Browser::sign_in(&demo, STAFF);
    let added = [("type", "client"), ("contact", ""), ("name", "Client Three"), ("email", NEWCOMER)];
    assert_eq!(staff.send(&format!("{ONE}/access"), &format!("{ONE}/participants"), &added).status, 303);
    let invited = act(&staff, ONE, "Client Three", "invite", &[]);
    assert_eq!(invited.status, 303, "{}", invited.body);
    let told = staff.get(&format!("{ONE}/access")).body;
    assert!(told.contains("on its way to") && !told.contains("/invitation/"), "{told}");
    let mails = server.waits_for(1);
    let text = mails[0]["text"].as_str().expect("text");
    assert!(mails[0]["to"][0] == NEWCOMER && text.contains("/invitation/"), "{text}");
}

#[test]
fn for_everybody_else_these_pages_do_not_exist() {
    let demo = Demo::start();
    ok(demo.deedbox(&["staff", "add", "auditor.one@example.com", "--role", "auditor"]));
    let client = Browser::sign_in(&demo, CLIENT_ONE);
    let nothing = client.get("/nowhere");
    assert_eq!(nothing.status, 404);
    let tabs = ["", "/access", "/sharing", "/messages", "/activity", "/activity.csv", "/settings"];
    let pages = tabs.iter().flat_map(|tab| [format!("{ONE}{tab}"), format!("/matter/2026-0002{tab}")]);
    let others = ["/contacts", "/contacts/00", "/intake", "/intake/assign", "/matter/2026-0009", "/matters"];
    for path in pages.chain(others.map(str::to_owned)) {
        for method in ["GET", "POST", "PUT", "HEAD"] {
            let arguments: &[&str] = if method == "HEAD" { &["-I"] } else { &["-X", method] };
            let (asked, absent) = (client.request(&path, arguments), client.request("/nowhere", arguments));
            let but_the_date = |answer: &Answer| {
                let text = if method == "HEAD" { &answer.head } else { &answer.body };
                text.lines().filter(|line| !line.starts_with("date: ")).map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!((asked.status, but_the_date(&asked)), (404, but_the_date(&absent)), "{method} {path}");
            assert!(!asked.head.contains("allow:"), "{method} {path}: {}", asked.head);
        }
    }
    // A form that would do something for staff, with everything in it that is needed.
    let csrf = client.get("/").csrf();
    let staff = Browser::sign_in(&demo, STAFF);
    let (who, was) = place(&staff.get(&format!("{ONE}/access")), &name_of(&demo, CLIENT_TWO));
    let fields = [("csrf", csrf.as_str()), ("who", &who), ("was", &was), ("act", "disable")];
    assert_eq!(client.post(&format!("{ONE}/access"), &fields).status, 404);
    assert!(Browser::sign_in(&demo, CLIENT_TWO).get("/").body.contains("2026-0001"), "nothing happened");
    let home = client.get("/").body;
    assert!(!home.contains("/contacts") && !home.contains("/intake") && !home.contains("/matter/"), "{home}");
    let folder = client.get(&page(&documents("Shared room"))).body;
    assert!(!folder.contains("/matter/"), "{folder}");
    // Nobody is signed in: to the page for that, whatever matter it is.
    for number in ["2026-0001", "2026-0009"] {
        let asked = Browser::new(&demo).get(&format!("/matter/{number}/access"));
        assert_eq!(asked.header("location"), format!("/sign-in?next=%2Fmatter%2F{number}%2Faccess"));
    }
    assert_eq!(staff.get("/matter/2026-0009").status, 404);
}

fn name_of(demo: &Demo, login: &str) -> String {
    let all = demo.deedbox_json(&["participant", "list", "--matter", "2026-0001"]);
    let one = all.as_array().expect("a list").iter().find(|one| one["login"] == login).expect("there");
    one["name"].as_str().expect("a name").to_owned()
}

#[test]
fn access_is_given_taken_and_given_back_and_nobody_overwrites_what_another_did() {
    let demo = Demo::start();
    let staff = Browser::sign_in(&demo, STAFF);
    let one = name_of(&demo, CLIENT_ONE);
    let client = Browser::sign_in(&demo, CLIENT_ONE);
    let folder = page(&documents("From us"));
    let report = under("/m", &documents("From us/Report on title.pdf"));
    let download = || client.request(&report, &["-o", "/dev/null"]).status;
    assert!(card(&staff, ONE, &one).contains("3 documents shared with them, 0 by them"), "{}", card(&staff, ONE, &one));

    assert_eq!(act(&staff, ONE, &one, "no-download", &[]).status, 303);
    assert_eq!(download(), 403);
    assert!(card(&staff, ONE, &one).contains("no download"));
    assert_eq!(act(&staff, ONE, &one, "download", &[]).status, 303);
    assert_eq!(download(), 200);
    assert_eq!(act(&staff, ONE, &one, "disable", &[]).status, 303);
    assert_eq!(client.get(&folder).status, 404);
    assert!(card(&staff, ONE, &one).contains("chip off\">disabled"));
    assert_eq!(act(&staff, ONE, &one, "enable", &[]).status, 303);
    assert_eq!(client.get(&folder).status, 200);
    assert_eq!(act(&staff, ONE, &one, "type", &[("type", "expert")]).status, 303);
    assert_eq!(client.get(&page(&documents("From you"))).status, 404, "an expert has no row there");
    assert_eq!(act(&staff, ONE, &one, "type", &[("type", "witness")]).status, 400);
    let leave = act(&staff, ONE, &one, "leave", &[]);
    assert_eq!(leave.status, 409, "not while access is on: {}", leave.body);
    assert_eq!(act(&staff, ONE, &one, "remove", &[]).status, 303);
    assert!(card(&staff, ONE, &one).contains("activation pending"));
    assert_eq!(act(&staff, ONE, &one, "leave", &[]).status, 303);
    assert!(!staff.get(&format!("{ONE}/access")).body.contains(&format!("aria-label=\"{one}\"")));

    // Two people at one page: the second one is told, and nothing is lost.
    let two = name_of(&demo, CLIENT_TWO);
    let page = staff.get(&format!("{ONE}/access"));
    let (who, was) = place(&page, &two);
    let csrf = page.csrf();
    ok(demo.deedbox(&["access", "download", "off", "--matter", "2026-0001", "--contact", CLIENT_TWO]));
    let late = [("csrf", csrf.as_str()), ("who", &who), ("was", &was), ("act", "disable")];
    let told = staff.post(&format!("{ONE}/access"), &late);
    assert_eq!(told.status, 409, "{}", told.body);
    assert!(told.body.contains("in the meantime") && told.body.contains("no download"), "{}", told.body);
    assert!(card(&staff, ONE, &two).contains("chip on\">active"));
    // A device is no contact: it is not invited, and can be kept out all the same.
    assert_eq!(act(&staff, ONE, SCANNER, "invite", &[]).status, 400);
    assert_eq!(act(&staff, ONE, SCANNER, "disable", &[]).status, 303);
}

#[test]
fn a_missing_address_is_filled_in_and_one_that_two_have_is_refused_with_their_names() {
    let demo = Demo::start();
    let staff = Browser::sign_in(&demo, STAFF);
    let access = format!("{ONE}/access");
    for name in ["Client Five", "Client Six"] {
        let added = [("type", "client"), ("contact", ""), ("name", name), ("email", "")];
        assert_eq!(staff.send(&access, &format!("{ONE}/participants"), &added).status, 303);
    }
    let none = act(&staff, ONE, "Client Five", "invite", &[]);
    assert_eq!(none.status, 400, "{}", none.body);
    assert!(none.body.contains("has no e-mail address"), "{}", none.body);
    let bad = act(&staff, ONE, "Client Five", "invite", &[("email", "nonsense")]);
    assert_eq!(bad.status, 400, "{}", bad.body);
    ok(demo.deedbox(&["contact", "add", "Client Four", "--email", "client.four@example.com"]));
    let shared = act(&staff, ONE, "Client Five", "invite", &[("email", "client.four@example.com")]);
    assert_eq!(shared.status, 409, "{}", shared.body);
    assert!(
        shared.body.contains("2 contacts have the e-mail address client.four@example.com: Client F"),
        "{}",
        shared.body
    );
    let both = ["Client Four, Client Five", "Client Five, Client Four"];
    assert!(both.iter().any(|names| shared.body.contains(names)), "{}", shared.body);
    assert!(card(&staff, ONE, "Client Five").contains("not given"), "nothing was changed");
    assert!(card(&staff, ONE, "Client Five").contains("no e-mail address"));
    let invited = act(&staff, ONE, "Client Five", "invite", &[("email", "client.five@example.com")]);
    assert_eq!(invited.status, 200, "{}", invited.body);
    assert!(Browser::new(&demo).get(&link_on(&invited)).body.contains("client.five@example.com"));
    // A contact is found by the name, too, unless several have it.
    ok(demo.deedbox(&["contact", "add", "Client Six"]));
    let unclear = [("type", "client"), ("contact", "client six"), ("name", ""), ("email", "")];
    assert_eq!(staff.send(&access, &format!("{ONE}/participants"), &unclear).status, 409);
    let unknown = [("type", "client"), ("contact", "Client Nine"), ("name", ""), ("email", "")];
    assert_eq!(staff.send(&access, &format!("{ONE}/participants"), &unknown).status, 400);
}

#[test]
fn switching_off_names_who_loses_what_and_closing_who_is_still_in() {
    let demo = Demo::start();
    let staff = Browser::sign_in(&demo, STAFF);
    let client = Browser::sign_in(&demo, CLIENT_ONE);
    let folder = page(&documents("From us"));
    let off = [("act", "switch"), ("value", "documents"), ("to", "off")];
    let asked = settings(&staff, ONE, &off);
    assert_eq!(asked.status, 200, "{}", asked.body);
    for login in [CLIENT_ONE, CLIENT_TWO, EXPERT] {
        assert!(asked.body.contains(&name_of(&demo, login)), "{login}: {}", asked.body);
    }
    assert_eq!(client.get(&folder).status, 200, "nothing was changed");
    assert_eq!(settings(&staff, ONE, &[&off[..], &[("yes", "yes")]].concat()).status, 303);
    assert_eq!(client.get(&folder).status, 404);
    assert_eq!(settings(&staff, ONE, &[("act", "switch"), ("value", "documents"), ("to", "on")]).status, 303);
    assert_eq!(client.get(&folder).status, 200);
    let portal = [("act", "switch"), ("value", "portal"), ("to", "off"), ("yes", "yes")];
    assert_eq!(settings(&staff, ONE, &portal).status, 303);
    assert!(!client.get("/").body.contains("2026-0001"));
    assert!(staff.get("/").body.contains("portal off"));
    assert_eq!(settings(&staff, ONE, &[("act", "switch"), ("value", "portal"), ("to", "on")]).status, 303);
    assert_eq!(settings(&staff, ONE, &[("act", "switch"), ("value", "cellar"), ("to", "on")]).status, 400);

    let close = settings(&staff, ONE, &[("act", "close")]);
    assert_eq!(close.status, 409, "{}", close.body);
    assert!(close.body.contains(&format!("{} (active)", name_of(&demo, CLIENT_ONE))), "{}", close.body);
    for name in [CLIENT_ONE, CLIENT_TWO, EXPERT, SCANNER].map(|login| name_of(&demo, login)) {
        assert_eq!(act(&staff, ONE, &name, "disable", &[]).status, 303, "{name}");
    }
    assert_eq!(settings(&staff, ONE, &[("act", "close")]).status, 303);
    assert!(!staff.get("/").body.contains(ONE) && staff.get("/?state=closed").body.contains(ONE));
    let enable = act(&staff, ONE, &name_of(&demo, CLIENT_ONE), "enable", &[]);
    assert_eq!(enable.status, 409, "{}", enable.body);
    assert_eq!(settings(&staff, ONE, &[("act", "reopen")]).status, 303);

    let owner = [("act", "owner"), ("was", ""), ("value", STAFF)];
    assert_eq!(settings(&staff, ONE, &owner).status, 303);
    let late = settings(&staff, ONE, &owner);
    assert_eq!(late.status, 409, "somebody else was quicker: {}", late.body);
    assert_eq!(settings(&staff, ONE, &[("act", "follow"), ("value", CLIENT_ONE)]).status, 409, "no staff");
    assert_eq!(settings(&staff, ONE, &[("act", "follow"), ("value", STAFF)]).status, 303);
    assert_eq!(settings(&staff, ONE, &[("act", "unfollow"), ("value", STAFF)]).status, 303);
    assert_eq!(settings(&staff, ONE, &[("act", "confidential"), ("value", "on")]).status, 303);
    let shown = demo.deedbox_json(&["matter", "list"]);
    let shown =
        shown.as_array().expect("a list").iter().find(|one| one["number"] == "2026-0001").expect("there").clone();
    assert_eq!((&shown["owner"], &shown["confidential"], &shown["open"]), (&STAFF.into(), &true.into(), &true.into()));
    assert_eq!(shown["followers"].as_array().map(Vec::len), Some(0));
    let record = ok(demo.deedbox(&["audit", "show", "--matter", "2026-0001"]));
    for part in
        ["matter switch preview", "matter switch -> 2026-0001 area documents off", "matter close", "matter owner"]
    {
        assert!(record.lines().any(|line| line.contains(part) && line.contains(STAFF)), "{part} in {record}");
    }
}

#[test]
fn the_folders_tab_says_what_the_portal_shows_and_who_can_use_it() {
    let demo = Demo::start();
    let staff = Browser::sign_in(&demo, STAFF);
    let row = |folder: &str| {
        let body = staff.get(ONE).body;
        let (_, rest) = body.split_once(&format!(">{folder}</a>")).unwrap_or_else(|| panic!("no {folder}: {body}"));
        rest.split("</tr>").next().expect("a row").to_owned()
    };
    let (one, expert) = (name_of(&demo, CLIENT_ONE), name_of(&demo, EXPERT));
    let ours = row("Documents/From us");
    assert!(ours.contains("portal</span>") && ours.contains("<strong>client</strong> list read"), "{ours}");
    assert!(ours.contains(&format!("{one} (list read)")) && ours.contains(&format!("{expert} (list read)")), "{ours}");
    let internal = row("Documents/Internal");
    assert!(!internal.contains("portal</span>") && !internal.contains(&one), "{internal}");
    assert!(!row("Tasks").contains("portal</span>"), "the area is off for the firm");
    assert_eq!(act(&staff, ONE, &one, "no-download", &[]).status, 303);
    assert!(row("Documents/From us").contains(&format!("{one} (list)")));
    // The administrator runs the firm's records and opens no folder.
    let admin = Browser::sign_in(&demo, ADMIN);
    let folders = admin.get(ONE);
    assert_eq!(folders.status, 200);
    assert!(!folders.body.contains("href=\"/m/"), "{}", folders.body);
}

#[test]
fn a_document_is_shared_and_a_folder_given_rights_from_where_they_stand() {
    let demo = Demo::start();
    let staff = Browser::sign_in(&demo, STAFF);
    let client = Browser::sign_in(&demo, CLIENT_ONE);
    let internal = documents("Internal");
    let advice = staff.file("Advice <b>.pdf", b"advice");
    assert_eq!(staff.upload(&internal, &[&advice]).status, 303);
    let document = under("/m", &format!("{internal}/Advice <b>.pdf"));
    assert_eq!(client.get(&document).status, 404);
    let folder = staff.get(&page(&internal)).body;
    let share = format!("{ONE}/sharing?document=Documents%2FInternal%2FAdvice%20%3Cb%3E.pdf");
    assert!(folder.contains(&format!("href=\"{share}\"")), "{folder}");
    let form = staff.get(&share);
    assert!(form.body.contains("value=\"Documents/Internal/Advice &#60;b&#62;.pdf\""), "{}", form.body);
    let to = |path: &str, fields: &[(&str, &str)]| {
        staff.send(&format!("{ONE}/sharing"), &format!("{ONE}/sharing/{path}"), fields)
    };
    let shared = to("document", &[("path", "Documents/Internal/Advice <b>.pdf"), ("with-client", "on")]);
    assert_eq!(shared.status, 303, "{}", shared.body);
    assert_eq!(client.get(&document).body, "advice");
    assert_eq!(Browser::sign_in(&demo, EXPERT).get(&document).status, 404, "shared with others");
    let tab = staff.get(&format!("{ONE}/sharing")).body;
    assert!(!tab.contains("Advice <b>") && tab.contains("Advice &#60;b&#62;.pdf"), "{tab}");
    for (path, status) in [("Documents/Internal/Nothing.pdf", 409), ("Documents/Internal", 409), ("../x", 400)] {
        assert_eq!(to("document", &[("path", path)]).status, status, "{path}");
    }
    let (_, rest) = tab.split_once("name=\"node\" value=\"").expect("a share");
    let node = rest.split('"').next().expect("a node");
    assert_eq!(to("back", &[("node", node)]).status, 303);
    assert_eq!(client.get(&document).status, 404);
    assert_eq!(to("back", &[("node", node)]).status, 409, "somebody was quicker");

    let room = documents("Shared room");
    assert_eq!(staff.send(&page(&room), &under("/new-folder", &room), &[("name", "Bids")]).status, 303);
    let bids = page(&format!("{room}/Bids"));
    assert_eq!(client.get(&bids).status, 200);
    let path = ("path", "Documents/Shared room/Bids");
    assert_eq!(to("folder", &[path, ("rule", "rows")]).status, 400, "nothing ticked");
    assert_eq!(to("folder", &[path, ("rule", "rows"), ("right-expert-list", "on")]).status, 303);
    assert_eq!(client.get(&bids).status, 404);
    assert!(staff.get(&format!("{ONE}/sharing")).body.contains("expert: list"));
    assert_eq!(to("folder", &[path, ("rule", "closed")]).status, 303);
    let tab = staff.get(&format!("{ONE}/sharing")).body;
    let (_, rest) = tab.split_once("name=\"node\" value=\"").expect("a rule");
    assert_eq!(to("back", &[("node", rest.split('"').next().expect("a node"))]).status, 303);
    assert_eq!(client.get(&bids).status, 200, "as the folder above again");
    let record = ok(demo.deedbox(&["audit", "show", "--matter", "2026-0001"]));
    for part in ["document share, find", "document share ->", "document unshare", "folder rights"] {
        assert!(record.lines().any(|line| line.contains(part) && line.contains(STAFF)), "{part} in {record}");
    }
}

#[test]
fn messages_are_written_read_and_answered() {
    let demo = Demo::start();
    let staff = Browser::sign_in(&demo, STAFF);
    let messages = format!("{ONE}/messages");
    let send = |folder: &str, subject: &str, text: &str| {
        staff.send(&messages, &messages, &[("folder", folder), ("subject", subject), ("text", text)])
    };
    let sent = send("Messages", "Completion <i>date", "Dear client,\nit is <b>Monday</b>.");
    assert_eq!(sent.status, 303, "{}", sent.body);
    for (folder, subject, text) in [("Documents", "x", "y"), ("Messages", " ", "y"), ("Messages", "x", " \n")] {
        let refused = send(folder, subject, text);
        assert_eq!(refused.status, 400, "{folder} {subject}: {}", refused.body);
    }
    assert_eq!(send("Messages", "escape", "\u{1b}[2J").status, 415);
    let names = demo.names(CLIENT_ONE, &format!("/{MATTER_ONE}/Messages"));
    let name = names.iter().find(|name| name.contains(&format!("{STAFF} – Completion"))).expect("the client sees it");
    let batch = format!("put /etc/hostname \"/{MATTER_ONE}/Messages/Answer.txt\"");
    ok(demo.sftp(CLIENT_ONE, &batch));
    let tab = staff.get(&messages);
    assert!(!tab.body.contains("Completion <i>") && tab.body.contains(">Answer.txt</a>"), "{}", tab.body);
    let read = under(&format!("{messages}?read=Messages"), name);
    let shown = staff.get(&read.replace("?read=Messages/", "?read=Messages%2F")).body;
    assert!(shown.contains("it is &#60;b&#62;Monday&#60;/b&#62;.") && !shown.contains("<b>Monday"), "{shown}");
    // Nothing else can be read this way, and who has no rights among messages reads none.
    assert_eq!(staff.get(&format!("{messages}?read=Documents%2FFrom%20us%2FReport%20on%20title.pdf")).status, 404);
    let admin = Browser::sign_in(&demo, ADMIN);
    assert_eq!(admin.get(&messages).status, 200);
    assert!(!admin.get(&messages).body.contains("<textarea"));
    assert_ne!(admin.get(&read.replace("?read=Messages/", "?read=Messages%2F")).status, 200);
    let record = ok(demo.deedbox(&["audit", "show", "--matter", "2026-0001"]));
    assert!(
        record.lines().any(|line| line.contains("read") && line.contains(STAFF) && line.contains("Completion")),
        "{record}"
    );
}

#[test]
fn activity_is_shown_filtered_and_given_as_the_same_table_as_on_the_command_line() {
    let demo = Demo::start();
    let room = documents("Shared room");
    let client = Browser::sign_in(&demo, CLIENT_ONE);
    let deed = client.file("=1+1 \"deed\".txt", b"a deed");
    let staff = Browser::sign_in(&demo, STAFF);
    assert_eq!(client.upload(&room, &[&deed]).status, 303);
    let ours = staff.file("ours.txt", b"ours");
    assert_eq!(staff.upload(&room, &[&ours]).status, 303);
    let activity = format!("{ONE}/activity");
    let all = staff.get(&activity);
    assert!(
        all.body.contains("deed") && all.body.contains("ours.txt") && all.body.contains(CLIENT_ONE),
        "{}",
        all.body
    );
    let sent = staff.get(&format!("{activity}?uploads=on&who=&since="));
    assert!(sent.body.contains("deed") && !sent.body.contains("ours.txt"), "{}", sent.body);
    assert!(!staff.get(&format!("{activity}?who={STAFF}")).body.contains("deed"));
    assert!(staff.get(&format!("{activity}?since=2099-01-01")).body.contains("Nothing of the kind"));
    assert_eq!(staff.get(&format!("{activity}?since=yesterday")).status, 400);
    let table = staff.get(&format!("{activity}.csv?uploads=on"));
    assert!(table.header("content-type").starts_with("text/csv"), "{}", table.head);
    assert!(table.header("content-disposition").starts_with("attachment"), "{}", table.head);
    let file = demo.data().with_file_name("activity.csv");
    ok(demo.deedbox(&["matter", "activity", "2026-0001", "--uploads", "--csv", &file.to_string_lossy()]));
    assert_eq!(table.body, std::fs::read_to_string(&file).expect("written"));
    let record = ok(demo.deedbox(&["audit", "show", "--matter", "2026-0001"]));
    let looks = record.lines().filter(|line| line.contains("matter activity") && line.contains(STAFF)).count();
    assert!(looks >= 5, "every look is recorded: {record}");
}

#[test]
fn contacts_are_added_changed_and_never_overwritten() {
    let demo = Demo::start();
    let staff = Browser::sign_in(&demo, STAFF);
    let name = "<script>alert(1)</script> & Co";
    let added = staff.send("/contacts", "/contacts", &[("name", name), ("email", NEWCOMER)]);
    assert_eq!(added.status, 303, "{}", added.body);
    let path = added.header("location").to_owned();
    for page in ["/contacts", path.as_str(), &format!("{ONE}/access")] {
        let body = staff.get(page).body;
        assert!(!body.contains("<script>alert"), "{page}: {body}");
        assert!(body.contains("alert(1)"), "{page}: {body}");
    }
    assert_eq!(staff.send("/contacts", "/contacts", &[("name", "x"), ("email", "nonsense")]).status, 400);
    let change = |name: &str, email: &str, was: (&str, &str)| {
        let fields = [("name", name), ("email", email), ("was_name", was.0), ("was_email", was.1)];
        staff.send(&path, &path, &fields)
    };
    assert_eq!(change("Client Three", NEWCOMER, (name, NEWCOMER)).status, 303);
    let late = change("Client 3", "other@example.com", (name, NEWCOMER));
    assert_eq!(late.status, 409, "{}", late.body);
    assert!(late.body.contains("value=\"Client Three\""), "it is shown as it is now: {}", late.body);
    assert_eq!(change("Client Three", "", ("Client Three", NEWCOMER)).status, 400);
    assert!(staff.get("/contacts?q=client+three").body.contains("Client Three"));
    assert!(staff.get("/contacts?q=nobody").body.contains("There is no such contact"));
    assert_eq!(staff.get("/contacts/00000000000000000000000000000000").status, 404);
    // A form without the session's token, or of another site, does nothing.
    let forged = staff.post("/contacts", &[("csrf", "x"), ("name", "Forged"), ("email", "")]);
    assert_eq!(forged.status, 403);
    let csrf = format!("csrf={}", staff.get("/contacts").csrf());
    let foreign = ["-d", &csrf, "-d", "name=Forged&email=", "-H", "Origin: https://evil.example"];
    assert_eq!(staff.request("/contacts", &foreign).status, 403);
    assert!(!staff.get("/contacts").body.contains("Forged"));
}

#[test]
fn of_two_who_change_the_same_at_once_one_is_told() {
    let demo = Demo::start();
    let (one, other) = (Browser::sign_in(&demo, STAFF), Browser::sign_in(&demo, STAFF));
    let (access, two) = (format!("{ONE}/access"), name_of(&demo, CLIENT_TWO));
    let gate = std::sync::Barrier::new(2);
    for (mine, theirs) in [("no-download", "disable"), ("download", "enable")].repeat(4) {
        let post = |browser: &Browser<'_>, act: &str| {
            let page = browser.get(&access);
            let (who, was) = place(&page, &two);
            let csrf = page.csrf();
            gate.wait();
            browser.post(&access, &[("csrf", &csrf), ("who", &who), ("was", &was), ("act", act)]).status
        };
        let both = std::thread::scope(|scope| {
            let mine = scope.spawn(|| post(&one, mine));
            (post(&other, theirs), mine.join().expect("it ends"))
        });
        assert!([(303, 409), (409, 303)].contains(&both), "{mine}, {theirs}: {both:?}");
        // The one who was told looks at it again.
        let again = if both.0 == 409 { theirs } else { mine };
        assert_eq!(act(&one, ONE, &two, again, &[]).status, 303);
    }
}

#[test]
fn a_login_is_a_clients_or_the_firms_and_whoever_is_both_has_two() {
    let demo = Demo::start();
    let auditor = "auditor.one@example.com";
    ok(demo.deedbox(&["staff", "add", auditor, "--role", "auditor"]));
    let made = demo.deedbox_json(&["account", "password", auditor]);
    let staff = Browser::sign_in(&demo, STAFF);
    for (name, email) in [("Auditor One", auditor), ("Staff One", STAFF)] {
        let added = [("type", "client"), ("contact", ""), ("name", name), ("email", email)];
        assert_eq!(staff.send(&format!("{ONE}/access"), &format!("{ONE}/participants"), &added).status, 303);
        let told = act(&staff, ONE, name, "invite", &[]);
        assert_eq!(told.status, 409, "{}", told.body);
        assert!(told.body.contains("the contact needs another e-mail address"), "{}", told.body);
        assert!(card(&staff, ONE, name).contains("not given"), "nothing was changed");
    }
    let refused = demo.deedbox(&["staff", "add", CLIENT_ONE, "--role", "auditor"]);
    assert!(!refused.status.success() && both(&refused).contains("with the role participant"), "{}", both(&refused));

    // The auditor's login leads to the record and shows nothing of a client's, although a contact of that address is on the
    // matter.
    let browser = Browser::new(&demo);
    let signed_in = browser.try_sign_in(auditor, made["password"].as_str().expect("shown once"));
    assert_eq!(signed_in.status, 303, "{}", signed_in.body);
    let home = browser.get("/");
    assert!(home.status == 200 && home.body.contains("<h1>The record</h1>"), "{}", home.body);
    assert!(!home.body.contains("My matters") && !home.body.contains("href=\"/m/"), "{}", home.body);
    let talk = under("/messages", &format!("{MATTER_ONE}/Messages"));
    for path in [ONE, &format!("{ONE}/access"), "/contacts", &page(MATTER_ONE), &page(&documents("From us")), &talk] {
        assert_eq!(browser.get(path).status, 404, "{path}");
    }
    assert!(browser.get("/account/activity").body.contains("Signed in"));

    // With the other login, in the same browser, the same person is a client and nothing of the firm.
    let client = "auditor.at.home@example.com";
    ok(demo.deedbox(&["contact", "change", auditor, "--email", client]));
    ok(demo.deedbox(&["access", "grant", "--matter", "2026-0001", "--contact", client]));
    let made = demo.deedbox_json(&["account", "password", client]);
    assert_eq!(browser.send("/account", "/sign-out", &[]).status, 303);
    assert_eq!(browser.try_sign_in(client, made["password"].as_str().expect("shown once")).status, 303);
    let home = browser.get("/");
    assert!(home.body.contains("My matters") && home.body.contains("2026-0001"), "{}", home.body);
    assert_eq!(browser.get(&page(&documents("From us"))).status, 200);
    assert_eq!(browser.get(&format!("{ONE}/activity")).status, 404);
    assert!(!browser.get("/account/activity").body.contains(&format!("{auditor}<")), "what the other login did");
}
