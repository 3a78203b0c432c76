//! From the invitation to the first download, and what becomes of links on the way.

use crate::demo::*;
use crate::mail;
use crate::mail_server::Server;
use crate::pages::{Answer, Browser};

const NEWCOMER: &str = "client.three@example.com";
const NEW: [&str; 4] = ["--matter", "2026-0001", "--contact", NEWCOMER];
const PORTAL: &str = "https://portal.example.com";
const PASSWORD: &str = "a kettle near the open window";

/// A contact on the first matter who was never given access.
fn newcomer(demo: &Demo) {
    ok(demo.deedbox(&["contact", "add", "Client Three", "--email", NEWCOMER]));
    ok(demo.deedbox(&[&["participant", "add"][..], &NEW, &["--type", "client"]].concat()));
}

fn without_mail() -> Demo {
    let demo = Demo::start();
    demo.configure(|toml| toml.replacen("[https]\n", &format!("[https]\npublic_url = \"{PORTAL}\"\n"), 1));
    ok(demo.deedbox(&["reload"]));
    newcomer(&demo);
    demo
}

/// The path of the link that this command shows.
fn shown_link(demo: &Demo, command: &[&str]) -> String {
    let answer = demo.deedbox_json(&[command, &["--show-link"]].concat());
    let url = answer["link"].as_str().unwrap_or_else(|| panic!("no link in {answer}"));
    url.strip_prefix(PORTAL).expect("at the portal").to_owned()
}

fn access(verb: &str) -> Vec<&str> {
    [&["access", verb][..], &NEW].concat()
}

fn status_of(demo: &Demo) -> String {
    let all = demo.deedbox_json(&["participant", "list", "--matter", "2026-0001"]);
    let all = all.as_array().expect("a list").clone();
    let one = all.into_iter().find(|one| one["name"] == "Client Three").expect("on the matter");
    one["access"].as_str().expect("a word").to_owned()
}

fn choose(browser: &Browser<'_>, link: &str, password: &str) -> Answer {
    browser.post(link, &[("password", password), ("again", password)])
}

/// The same answer for every link that opens nothing.
fn opens_nothing(demo: &Demo, link: &str) {
    let browser = Browser::new(demo);
    for answer in [browser.get(link), choose(&browser, link, PASSWORD)] {
        assert_eq!(answer.status, 404, "{link}: {}", answer.body);
        assert!(answer.body.contains("This link is not valid, or not any more"), "{}", answer.body);
        assert!(!answer.body.contains(NEWCOMER), "{}", answer.body);
    }
}

#[test]
fn the_whole_story_from_the_mailed_invitation_to_the_first_download() {
    let server = Server::start(&[]);
    let (demo, _home) = mail::firm(&server, "");
    newcomer(&demo);
    let answer = ok(demo.deedbox(&access("invite")));
    assert!(answer.contains("on its way by mail") && !answer.contains("http"), "{answer}");
    assert_eq!(status_of(&demo), "invited");
    let mails = server.waits_for(1);
    assert_eq!(mails[0]["to"][0], NEWCOMER);
    let text = mails[0]["text"].as_str().expect("text");
    let link = text.split_whitespace().find_map(|word| word.strip_prefix(PORTAL)).expect("a link in the mail");
    assert!(link.starts_with("/invitation/"), "{link}");

    // A mail scanner looks at every link, more than once. It has the person's login to show, and nothing is used up.
    let scanner = Browser::new(&demo);
    for _ in 0..3 {
        let looked = scanner.get(link);
        assert_eq!(looked.status, 200);
        assert!(looked.body.contains(NEWCOMER), "{}", looked.body);
    }
    assert_eq!(scanner.request(link, &["-I"]).status, 200);
    assert_eq!(status_of(&demo), "invited");

    let browser = Browser::new(&demo);
    for (password, complaint) in [("short", "10 characters at least"), ("Password123!", "would soon be guessed")] {
        let weak = choose(&browser, link, password);
        assert_eq!(weak.status, 422);
        assert!(weak.body.contains(complaint) && !weak.body.contains(password), "{}", weak.body);
    }
    let differ = browser.post(link, &[("password", PASSWORD), ("again", "a kettle near the open door")]);
    assert!(differ.status == 422 && differ.body.contains("differ"), "{}", differ.body);

    let accepted = choose(&browser, link, PASSWORD);
    assert_eq!((accepted.status, accepted.header("location")), (303, "/"), "{}", accepted.body);
    assert!(browser.get("/").body.contains("Purchase of 12 High Street"));
    assert_eq!(status_of(&demo), "active");
    let report = format!("/m/{}/Documents/From%20us/Report%20on%20title.pdf", MATTER_ONE.replace(' ', "%20"));
    let download = browser.request(&report, &["-o", "/dev/null"]);
    assert_eq!(download.status, 200);
    opens_nothing(&demo, link);

    let record = ok(demo.deedbox(&["audit", "show"]));
    for part in ["access invite", "follow link", NEWCOMER] {
        assert!(record.contains(part), "{part} in {record}");
    }
    let token = link.strip_prefix("/invitation/").expect("a token");
    assert!(!record.contains(token) && !demo.log().contains(token), "a link is a secret");

    // Who has a login already just gets the new matter, and is told.
    let second = ["--matter", "2026-0002", "--contact", NEWCOMER];
    ok(demo.deedbox(&[&["participant", "add"][..], &second, &["--type", "client"]].concat()));
    server.clear();
    let answer = ok(demo.deedbox(&[&["access", "invite"][..], &second].concat()));
    assert!(answer.contains("has a login already"), "{answer}");
    let mails = server.waits_for(1);
    let text = mails[0]["text"].as_str().expect("text");
    assert!(text.contains("2026-0002") && !text.contains("/invitation/"), "{text}");
    assert!(browser.get("/").body.contains("2026-0002"), "in the session that is open, too");
}

#[test]
fn links_that_were_used_replaced_called_back_forged_or_expired_open_nothing() {
    let demo = without_mail();
    opens_nothing(&demo, "/invitation/abcdef-ghijkm-npqrst-uvwxyz-23");
    let first = shown_link(&demo, &access("invite"));
    let again = demo.deedbox(&[&access("invite")[..], &["--show-link"]].concat());
    assert!(both(&again).contains("resend the invitation instead"), "{}", both(&again));
    let second = shown_link(&demo, &access("resend"));
    opens_nothing(&demo, &first);
    assert_eq!(Browser::new(&demo).get(&second).status, 200);

    ok(demo.deedbox(&access("disable")));
    opens_nothing(&demo, &second);
    let answer = ok(demo.deedbox(&access("enable")));
    assert!(answer.contains("access resend"), "who never came in is pending again: {answer}");
    let third = shown_link(&demo, &access("resend"));
    ok(demo.deedbox(&["contact", "change", NEWCOMER, "--email", "client.four@example.com"]));
    opens_nothing(&demo, &third);
    let whom = ["--matter", "2026-0001", "--contact", "client.four@example.com"];
    let fourth = shown_link(&demo, &[&["access", "resend"][..], &whom].concat());

    // Two who follow it at once: one is in.
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let follow = || choose(&Browser::new(&demo), &fourth, PASSWORD).status;
        let both = [scope.spawn(follow), scope.spawn(follow)];
        both.map(|one| one.join().expect("ends")).into()
    });
    assert!(statuses.contains(&303) && statuses.contains(&404), "{statuses:?}");
    opens_nothing(&demo, &fourth);
    let resend = demo.deedbox(&[&["access", "resend"][..], &whom].concat());
    assert!(!resend.status.success() && both(&resend).contains("[mail]"), "{}", both(&resend));
}

#[test]
fn a_link_opens_nothing_once_it_has_expired() {
    let home = tempfile::Builder::new().prefix("deedbox-test-").tempdir().expect("a directory");
    let data = home.path().join("data");
    let demo = Demo::start_in(&data);
    demo.configure(|toml| toml.replacen("[https]\n", &format!("[https]\npublic_url = \"{PORTAL}\"\n"), 1));
    ok(demo.deedbox(&["reload"]));
    newcomer(&demo);
    let link = shown_link(&demo, &[&access("invite")[..], &["--days", "1"]].concat());
    demo.stop();
    let tomorrow: Vec<String> = ["faketime", "-f", "+25h"].map(str::to_owned).into();
    let demo = Demo::start_under(&tomorrow, &data);
    opens_nothing(&demo, &link);
    assert_eq!(status_of(&demo), "invited", "it can be sent again");
    assert_eq!(Browser::new(&demo).get(&shown_link(&demo, &access("resend"))).status, 200);
}

#[test]
fn a_forgotten_password_is_replaced_by_a_mailed_link_and_nobody_learns_who_has_a_login() {
    let server = Server::start(&[]);
    let (demo, _home) = mail::firm(&server, "");
    let old = demo.password(CLIENT_ONE).to_owned();
    let open = Browser::sign_in(&demo, CLIENT_ONE);
    let browser = Browser::new(&demo);
    let ask = |login: &str| {
        let answer = browser.post("/forgotten", &[("login", login)]);
        assert_eq!(answer.status, 200);
        answer.body
    };
    assert_eq!(ask(CLIENT_ONE), ask("nobody@example.com"));
    let mails = server.waits_for(1);
    let text = mails[0]["text"].as_str().expect("text");
    let link = text.split_whitespace().find_map(|word| word.strip_prefix(PORTAL)).expect("a link");
    assert!(link.starts_with("/password-reset/"), "{link}");
    assert_eq!(mails.len(), 1, "none for nobody");

    let accepted = choose(&browser, link, PASSWORD);
    assert_eq!(accepted.status, 303, "{}", accepted.body);
    assert_eq!(open.get("/").status, 303, "whoever was signed in with the old one is out");
    assert_eq!(Browser::new(&demo).try_sign_in(CLIENT_ONE, &old).status, 403);
    assert_eq!(Browser::new(&demo).try_sign_in(CLIENT_ONE, PASSWORD).status, 303);
    opens_nothing(&demo, link);

    // A mailbox is not flooded: links that are still good are few, and an address that asks again and again has to wait.
    server.clear();
    let asked: Vec<u16> = (0..13).map(|_| browser.post("/forgotten", &[("login", CLIENT_TWO)]).status).collect();
    assert_eq!(asked.last(), Some(&429), "{asked:?}");
    mail::settle(&demo);
    assert!(server.mails().len() <= 4, "{:#?}", server.mails());
    let record = ok(demo.deedbox(&["audit", "show"]));
    assert!(record.contains("ask for reset"), "{record}");
}

#[test]
fn a_reset_does_not_replace_a_second_factor() {
    let demo = without_mail();
    ok(demo.deedbox(&["account", "second-factor", "enable", CLIENT_ONE]));
    let link = shown_link(&demo, &["account", "reset", CLIENT_ONE]);
    let answer = choose(&Browser::new(&demo), &link, PASSWORD);
    assert_eq!((answer.status, answer.header("location")), (303, "/sign-in"));
    let signed_in = Browser::new(&demo).try_sign_in(CLIENT_ONE, PASSWORD);
    assert_eq!(signed_in.header("location"), "/sign-in/code");
}

#[test]
fn who_can_be_invited_and_who_not() {
    let demo = without_mail();
    let refused = |arguments: &[&str]| {
        let output = demo.deedbox(&[arguments, &["--show-link"]].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", both(&output));
        both(&output)
    };
    let mailed = demo.deedbox(&access("invite"));
    assert!(both(&mailed).contains("--show-link"), "without mail it says how else: {}", both(&mailed));
    ok(demo.deedbox(&["contact", "add", "Client Five"]));
    let all = demo.deedbox_json(&["contact", "list"]);
    let all = all.as_array().expect("a list").clone();
    let id =
        all.iter().find(|one| one["name"] == "Client Five").expect("there")["id"].as_str().expect("an id").to_owned();
    let five = ["--matter", "2026-0001", "--contact", id.as_str()];
    assert!(refused(&[&["access", "invite"][..], &five].concat()).contains("is no participant"));
    ok(demo.deedbox(&[&["participant", "add"][..], &five, &["--type", "client"]].concat()));
    assert!(refused(&[&["access", "invite"][..], &five].concat()).contains("has no e-mail address"));
    let shared = refused(&[&["access", "invite"][..], &five, &["--email", NEWCOMER]].concat());
    assert!(shared.contains("Client Three") && shared.contains("Client Five"), "{shared}");
    let link = shown_link(&demo, &[&["access", "invite"][..], &five, &["--email", "client.five@example.com"]].concat());
    assert!(Browser::new(&demo).get(&link).body.contains("client.five@example.com"));
    let close = demo.deedbox(&["matter", "close", "2026-0001"]);
    assert!(both(&close).contains("Client Five (invited)"), "{}", both(&close));
}
