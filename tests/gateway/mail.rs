//! Mail as people get it: the real daemon, confined as ever, and a real mail server that keeps what it is given.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::deep_check::is_sound;
use crate::demo::*;
use crate::mail_server::*;

const FROM_US: &str = "2026-0001 Purchase of 12 High Street/Documents/From us";
const FROM_YOU: &str = "2026-0001 Purchase of 12 High Street/Documents/From you";

/// A firm whose mail goes to this relay, with more lines in `[mail]`.
fn configure(demo: &Demo, relay: &str, lines: &str) {
    let mail = format!("[mail]\nsmtp = \"{relay}\"\nfrom = \"The firm <portal@example.com>\"\n{lines}\n");
    let url = "[https]\npublic_url = \"https://portal.example.com\"\n";
    demo.configure(|text| text.replacen("[mail]\n", &mail, 1).replacen("[https]\n", url, 1));
}

/// A fresh firm whose mail goes to this server in clear, and where it lives.
pub(crate) fn firm(server: &Server, lines: &str) -> (Demo, TempDir) {
    let home = tempfile::Builder::new().prefix("deedbox-test-").tempdir().expect("a directory");
    let data = home.path().join("data");
    let demo = Demo::start_in(&data);
    configure(&demo, &format!("127.0.0.1:{}", server.port), &format!("tls = \"none\"\nquiet_seconds = 1\n{lines}"));
    demo.stop();
    (Demo::start_in(&data), home)
}

fn mail_status(demo: &Demo) -> Value {
    demo.deedbox_json(&["status"])["mail"].clone()
}

/// Waits until nothing is left to be told or sent.
pub(crate) fn settle(demo: &Demo) {
    let until = Instant::now() + PATIENCE;
    loop {
        let status = mail_status(demo);
        if status["news"] == 0 && status["waiting"] == 0 {
            return;
        }
        assert!(Instant::now() < until, "mail does not settle: {status}\n{}", demo.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What the server is given because of this, and nothing else.
fn told(demo: &Demo, server: &Server, act: impl FnOnce()) -> Vec<Value> {
    server.clear();
    act();
    settle(demo);
    server.mails()
}

/// What stands in the documents.
const CONTENT: &str = "The plot thickens.";

fn put(demo: &Demo, login: &str, folder: &str, name: &str) {
    let source = demo.data().with_extension("txt");
    std::fs::write(&source, CONTENT).expect("written");
    ok(demo.sftp(login, &format!("put \"{}\" \"/{folder}/{name}\"", source.display())));
}

fn transfer(demo: &Demo, method: &str, from: &str, to: &str) {
    let destination = format!("Destination: {}", demo.url(to));
    let status = demo.status(STAFF, from, &["-X", method, "-H", &destination]);
    assert!([201, 204].contains(&status), "{method} {from} to {to}: {status}");
}

#[test]
fn what_the_firm_brings_is_told_to_the_participants_who_can_see_it_and_to_nobody_else() {
    let server = Server::start(&[]);
    let (demo, _home) = firm(&server, "");
    let everybody = [CLIENT_ONE, CLIENT_TWO, EXPERT];
    let mails = told(&demo, &server, || put(&demo, STAFF, FROM_US, "Secret plan.txt"));
    assert_eq!(recipients(&mails), everybody);
    for mail in &mails {
        assert_eq!(text(mail, "from"), "portal@example.com");
        assert!(text(mail, "subject").contains("2026-0001"), "{mail:#}");
        assert!(text(mail, "text").contains("1 new document in \"Documents/From us\""), "{mail:#}");
        assert!(text(mail, "text").contains("https://portal.example.com/"), "{mail:#}");
        // Neither the document nor its name, nor who else takes part.
        for secret in ["Secret plan", CONTENT, "Client", "staff.one"] {
            assert!(!text(mail, "text").contains(secret) && !text(mail, "html").contains(secret), "{secret}: {mail:#}");
        }
    }

    // By the rights of each folder.
    let documents = format!("{MATTER_ONE}/Documents");
    let drafts = told(&demo, &server, || put(&demo, STAFF, &format!("{documents}/Drafts"), "draft.txt"));
    assert_eq!(recipients(&drafts), [CLIENT_ONE, CLIENT_TWO]);
    for closed in ["Internal", "Drop box"] {
        let mails = told(&demo, &server, || put(&demo, STAFF, &format!("{documents}/{closed}"), "note.txt"));
        assert!(mails.is_empty(), "{closed}: {mails:#?}");
    }

    // A copy within the matter is no news, one from another matter is; a move is, to whoever could not see it before.
    let copy = |from: &str, to: &str| told(&demo, &server, || transfer(&demo, "COPY", from, to));
    let shift = |from: &str, to: &str| told(&demo, &server, || transfer(&demo, "MOVE", from, to));
    assert!(copy(&format!("{FROM_US}/Secret plan.txt"), &format!("{documents}/Shared room/plan.txt")).is_empty());
    let other = format!("{MATTER_TWO}/Documents/From us/Letter to the beneficiaries.pdf");
    assert_eq!(recipients(&copy(&other, &format!("{FROM_US}/Letter.pdf"))), everybody);
    assert_eq!(
        recipients(&shift(&format!("{documents}/Internal/note.txt"), &format!("{FROM_US}/note.txt"))),
        everybody
    );
    assert_eq!(recipients(&shift(&format!("{documents}/Drafts/draft.txt"), &format!("{FROM_US}/draft.txt"))), [EXPERT]);
    assert!(shift(&format!("{FROM_US}/note.txt"), &format!("{FROM_US}/renamed.txt")).is_empty());

    // Temporary files are nobody's business, and a save that ends in a rename is one document.
    let save = "put /etc/hostname \"/{}/~$plan.docx\"\nput /etc/hostname \"/{}/plan.docx.filepart\"";
    let save = save.replace("{}", FROM_US);
    assert!(told(&demo, &server, || drop(ok(demo.sftp(STAFF, &save)))).is_empty());
    let rename = format!("rename \"/{FROM_US}/plan.docx.filepart\" \"/{FROM_US}/plan.docx\"");
    assert_eq!(recipients(&told(&demo, &server, || drop(ok(demo.sftp(STAFF, &rename))))), everybody);

    // Gone or called back before the mail: nobody hears of it.
    let withdrawn = format!("put /etc/hostname \"/{FROM_US}/oops.txt\"\nrm \"/{FROM_US}/oops.txt\"");
    assert!(told(&demo, &server, || drop(ok(demo.sftp(STAFF, &withdrawn)))).is_empty());
    let mails = told(&demo, &server, || {
        put(&demo, STAFF, FROM_US, "after.txt");
        ok(demo.deedbox(&["access", "disable", "--matter", "2026-0001", "--contact", EXPERT]));
    });
    assert_eq!(recipients(&mails), [CLIENT_ONE, CLIENT_TWO]);
    let record = ok(demo.deedbox(&["audit", "show"]));
    assert!(record.contains("mail") && record.contains("news"), "{record}");
    assert!(ok(demo.deedbox(&["status"])).contains("with outgoing connections to port"));
}

#[test]
fn two_hundred_files_are_one_mail_and_names_are_in_it_only_if_the_firm_says_so() {
    let server = Server::start(&[]);
    let (demo, _home) = firm(&server, "document_names = true");
    demo.configure(|text| text.replace("quiet_seconds = 1", "quiet_seconds = 3"));
    assert!(ok(demo.deedbox(&["reload"])).contains("changed: mail"));
    let batch: String = (0..200).map(|n| format!("put /etc/hostname \"/{FROM_US}/page {n}.txt\"\n")).collect();
    let mails = told(&demo, &server, || drop(ok(demo.sftp(STAFF, &batch))));
    assert_eq!(recipients(&mails), [CLIENT_ONE, CLIENT_TWO, EXPERT]);
    let body = text(&mails[0], "text");
    assert!(body.contains("200 new documents") && body.contains("page ") && body.contains("and 190 more"), "{body}");

    // A name is text, and the mail of a confidential matter has none.
    let nasty = "<b>&\"Bcc: evil@example.com\u{202e}.pdf";
    let put = |name: &str| {
        let path = format!("{FROM_US}/{name}");
        assert!([201, 204].contains(&demo.status(STAFF, &path, &["-T", "/etc/hostname"])));
    };
    let mails = told(&demo, &server, || put(nasty));
    assert_eq!(mails.len(), 3);
    for mail in &mails {
        assert!(text(mail, "text").contains(nasty) && text(mail, "html").contains("&lt;b&gt;&amp;"), "{mail:#}");
        assert!(!text(mail, "html").contains("<b>"), "{mail:#}");
        let headers: Vec<_> = mail["headers"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let expected =
            ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];
        assert_eq!(headers[..expected.len()], expected, "{headers:?}");
        assert!(!headers.contains(&"Bcc"), "{headers:?}");
    }
    ok(demo.deedbox(&["matter", "confidential", "2026-0001", "on"]));
    for mail in told(&demo, &server, || put("Whistleblower.pdf")) {
        assert!(!mail.to_string().contains("Whistleblower") && !mail.to_string().contains("High Street"), "{mail:#}");
    }
}

#[test]
fn what_a_participant_brings_is_told_to_owner_and_followers_and_to_others_if_the_firm_wants_that() {
    let server = Server::start(&[]);
    let (demo, _home) = firm(&server, "");
    assert!(told(&demo, &server, || put(&demo, CLIENT_ONE, FROM_YOU, "a.txt")).is_empty(), "nobody's matter");
    ok(demo.deedbox(&["matter", "owner", "2026-0001", STAFF]));
    let refused = demo.deedbox(&["matter", "follow", "2026-0001", ADMIN]);
    assert!(both(&refused).contains("only staff see matters"), "{}", both(&refused));
    ok(demo.deedbox(&["staff", "add", "staff.two@example.com"]));
    ok(demo.deedbox(&["matter", "follow", "2026-0001", "staff.two@example.com"]));
    let shown = demo.deedbox_json(&["matter", "show", "2026-0001"]);
    assert_eq!(
        (&shown["matter"]["owner"], &shown["matter"]["followers"][0]),
        (&STAFF.into(), &"staff.two@example.com".into())
    );

    let mails = told(&demo, &server, || put(&demo, CLIENT_ONE, FROM_YOU, "b.txt"));
    assert_eq!(recipients(&mails), [STAFF, "staff.two@example.com"]);
    assert!(text(&mails[0], "text").contains("in \"Documents/From you\", from Client One"), "{:#}", mails[0]);
    ok(demo.deedbox(&["matter", "unfollow", "2026-0001", "staff.two@example.com"]));
    // A device's upload counts as one from outside.
    let drop_box = format!("{MATTER_ONE}/Documents/Drop box");
    let mails = told(&demo, &server, || put(&demo, SCANNER, &drop_box, "scan.pdf"));
    assert_eq!(recipients(&mails), [STAFF]);
    assert!(text(&mails[0], "text").contains("from scanner.one"), "{:#}", mails[0]);

    // A message is told as one, in both directions.
    let messages = format!("{MATTER_ONE}/Messages");
    let mails = told(&demo, &server, || put(&demo, CLIENT_ONE, &messages, "question.txt"));
    assert_eq!(recipients(&mails), [STAFF]);
    assert!(text(&mails[0], "text").contains("1 new message in \"Messages\", from Client One"), "{:#}", mails[0]);
    let mails = told(&demo, &server, || put(&demo, STAFF, &messages, "answer.txt"));
    assert_eq!(recipients(&mails), [CLIENT_ONE, CLIENT_TWO]);
    assert!(text(&mails[0], "text").contains("1 new message in \"Messages\""), "{:#}", mails[0]);

    demo.configure(|text| text.replacen("[mail]\n", "[mail]\nnotify_participants = true\n", 1));
    ok(demo.deedbox(&["reload"]));
    let room = format!("{MATTER_ONE}/Documents/Shared room");
    let mails = told(&demo, &server, || put(&demo, CLIENT_ONE, &room, "c.txt"));
    assert_eq!(recipients(&mails), [CLIENT_TWO, EXPERT, STAFF], "not to whoever brought it");
    for mail in mails.iter().filter(|mail| to(mail) != STAFF) {
        assert!(!mail.to_string().to_lowercase().contains("client one"), "participants do not learn who: {mail:#}");
    }
}

#[test]
fn mail_goes_over_verified_tls_with_a_login_and_never_without() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let demo = Demo::start_in(&data);
    let (certificate, key) = (data.join("certs/server.pem"), data.join("certs/server.key"));
    let tls = ["--certificate", &certificate.to_string_lossy(), "--key", &key.to_string_lossy()].map(str::to_owned);
    let tls: Vec<_> = tls.iter().map(String::as_str).collect();
    let mut server = Server::start(&[&tls[..], &["--login", "portal:open sesame"]].concat());
    let password = data.join("mail-password");
    std::fs::write(&password, "open sesame\n").expect("written");
    let lines =
        |rest: &str| format!("ca = \"certs/ca.pem\"\nuser = \"portal\"\npassword_file = \"mail-password\"\n{rest}");
    // By name: a confined daemon can look one up.
    configure(&demo, &format!("localhost:{}", server.port), &lines(""));
    demo.stop();
    let Err(log) = Demo::try_start(&data, &[]) else { panic!("a password that others can read was taken") };
    assert!(log.contains("mail.password_file") && log.contains("other users can get at it"), "{log}");
    ok(Command::new("chmod").args(["600", &password.to_string_lossy()]).output().expect("chmod runs"));
    let demo = Demo::start_in(&data);
    assert!(ok(demo.deedbox(&["check"])).contains("Everything is as it should be"));
    let told = ok(demo.deedbox(&["mail", "test", "--to", STAFF]));
    assert!(told.contains("The relay has taken a mail to staff.one@example.com"), "{told}");
    let mails = server.mails();
    assert_eq!((&mails[0]["tls"], text(&mails[0], "login"), to(&mails[0])), (&true.into(), "portal", STAFF));

    // An authority that did not sign the relay's certificate; a wrong password; a relay that offers no TLS.
    let fails = |demo: &Demo, says: &[&str]| {
        let output = demo.deedbox(&["mail", "test", "--to", STAFF]);
        let text = both(&output);
        assert!(output.status.code() == Some(1) && says.iter().any(|says| text.contains(says)), "{text}");
        assert_eq!(server.mails().len(), 1, "nothing may have gone: {:#?}", server.mails());
    };
    let other = tempfile::tempdir().expect("a directory");
    let stranger = Demo::start_in(&other.path().join("data"));
    std::fs::copy(stranger.text("ca_file"), data.join("certs/other.pem")).expect("copied");
    drop(stranger);
    demo.configure(|text| text.replace("certs/ca.pem", "certs/other.pem"));
    ok(demo.deedbox(&["reload"]));
    fails(&demo, &["UnknownIssuer", "BadSignature"]);
    demo.configure(|text| text.replace("certs/other.pem", "certs/ca.pem"));
    std::fs::write(&password, "wrong").expect("written");
    ok(demo.deedbox(&["reload"]));
    fails(&demo, &["535"]);
    std::fs::write(&password, "open sesame").expect("written");
    server.stop();
    let arguments = std::mem::take(&mut server.arguments);
    server.again();
    ok(demo.deedbox(&["reload"]));
    let output = demo.deedbox(&["mail", "test", "--to", STAFF]);
    assert!(
        output.status.code() == Some(1) && both(&output).contains("STARTTLS is not supported"),
        "{}",
        both(&output)
    );
    assert_eq!(server.mails().len(), 1);

    // TLS from the first byte, and what waited goes.
    server.stop();
    server.arguments = arguments;
    server.arguments.push("--implicit".to_owned());
    server.again();
    demo.configure(|text| text.replace("[mail]\n", "[mail]\ntls = \"implicit\"\n"));
    ok(demo.deedbox(&["reload"]));
    settle(&demo);
    let mails = server.mails();
    assert_eq!(mails.len(), 2, "one test letter to one address, the newest: {mails:#?}");
    assert_eq!(mails[1]["login"], "portal");
}

#[test]
fn a_refused_mail_is_kept_and_shown_and_an_outage_loses_nothing() {
    let mut server = Server::start(&[]);
    let (demo, _home) = firm(&server, "");
    server.tell("refuse", CLIENT_TWO);
    server.tell("later", EXPERT);
    put(&demo, STAFF, FROM_US, "one.txt");
    server.waits_for(1);
    let until = Instant::now() + PATIENCE;
    let queue = loop {
        let queue = demo.deedbox_json(&["mail", "queue"]);
        let tried = |mail: &Value| mail["attempts"].as_u64() > Some(0);
        match queue.as_array().map(Vec::as_slice) {
            Some([one, two]) if tried(one) && tried(two) => break queue,
            _ => assert!(Instant::now() < until, "{queue:#}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let of = |login: &str| queue.as_array().expect("a list").iter().find(|mail| mail["to"] == login).expect("there");
    assert_eq!((&of(CLIENT_TWO)["state"], &of(EXPERT)["state"]), (&"refused".into(), &"waits".into()));
    assert!(of(CLIENT_TWO)["error"].as_str().expect("said").contains("no such mailbox"), "{queue:#}");
    assert!(of(EXPERT)["error"].as_str().expect("said").contains("busy"), "{queue:#}");
    let status = mail_status(&demo);
    assert_eq!((&status["waiting"], &status["refused"]), (&1.into(), &1.into()), "{status}");
    assert!(ok(demo.deedbox(&["mail", "queue"])).contains("no such mailbox"));
    let metrics = client("curl").args(["-sSf", &format!("http://{}/metrics", demo.text("observe"))]).output();
    let metrics = ok(metrics.expect("curl is installed"));
    for line in ["deedbox_mail_sent_total 1", "deedbox_mail_refused_total 1", "deedbox_mail_refused 1"] {
        assert!(metrics.lines().any(|one| one == line), "{line}: {metrics}");
    }
    // It says so in the record, too, and goes once the mailbox is there.
    assert!(ok(demo.deedbox(&["audit", "show"])).contains("no such mailbox"));
    server.tell("refuse", "");
    server.tell("later", "");
    assert!(
        ok(demo.deedbox(&["mail", "retry", of(CLIENT_TWO)["id"].as_str().expect("an id")])).contains("1 mail tried")
    );
    ok(demo.deedbox(&["mail", "retry"]));
    assert_eq!(recipients(&server.waits_for(3)), [CLIENT_ONE, CLIENT_TWO, EXPERT]);
    settle(&demo);

    // An outage: what comes meanwhile is one mail afterwards.
    server.stop();
    server.clear();
    put(&demo, STAFF, FROM_US, "two.txt");
    demo.wait_for_log("mail cannot be sent");
    assert!(mail_status(&demo)["last_error"].as_str().expect("an error").contains("127.0.0.1"));
    for n in 0..5 {
        put(&demo, STAFF, FROM_US, &format!("three {n}.txt"));
        std::thread::sleep(Duration::from_millis(500));
    }
    let data = demo.data().to_owned();
    is_sound(&data);
    demo.stop();
    is_sound(&data);
    let demo = Demo::start_in(&data);
    server.again();
    settle(&demo);
    let mails = server.mails();
    let mut count: BTreeMap<&str, (usize, u32)> = BTreeMap::new();
    for mail in &mails {
        let told = text(mail, "text").split_whitespace().skip_while(|word| *word != "-").nth(1);
        let (mails, documents) = count.entry(to(mail)).or_default();
        (*mails, *documents) = (*mails + 1, *documents + told.and_then(|n| n.parse::<u32>().ok()).expect("a number"));
    }
    for (login, (mails, documents)) in count {
        assert_eq!(documents, 6, "{login} is told of each document once");
        assert!(mails <= 3, "{login} got {mails} mails");
    }
    assert_eq!(mail_status(&demo)["last_error"], Value::Null);
}

#[test]
fn a_daemon_that_is_killed_while_it_sends_tells_everybody_of_everything_once() {
    let server = Server::start(&[]);
    let (mut demo, _home) = firm(&server, "document_names = true");
    let data = demo.data().to_owned();
    // The relay keeps the mail and takes its time to say so.
    server.tell("pause", "0.3");
    let rounds = 6;
    for round in 0..rounds {
        put(&demo, STAFF, FROM_US, &format!("document {round}.txt"));
        let (before, until) = (server.mails().len(), Instant::now() + PATIENCE);
        // At another point of its work each time: gathering, sending the first or a later one, waiting for an answer.
        while round % 3 != 0 && server.mails().len() < before + round % 3 {
            assert!(Instant::now() < until, "no mail");
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(97 * round as u64));
        demo.kill();
        demo = Demo::start_in(&data);
    }
    server.tell("pause", "");
    settle(&demo);
    // By Message-ID, which a mail that is sent again keeps, each document is told to each recipient once.
    let mut by_id: BTreeMap<String, Value> = BTreeMap::new();
    for mail in server.mails() {
        let id = text(&mail, "id").to_owned();
        if let Some(before) = by_id.insert(id, mail.clone()) {
            assert_eq!((to(&before), text(&before, "text")), (to(&mail), text(&mail, "text")), "one mail, one id");
        }
    }
    for login in [CLIENT_ONE, CLIENT_TWO, EXPERT] {
        let texts: String = by_id.values().filter(|mail| to(mail) == login).map(|mail| text(mail, "text")).collect();
        for round in 0..rounds {
            assert_eq!(texts.matches(&format!("document {round}.txt")).count(), 1, "{login}, {round}:\n{texts}");
        }
    }
    // Each attempt is in the record, those that were cut off as well.
    ok(demo.deedbox(&["check", "--deep"]));
}

#[test]
fn the_news_of_a_day_is_one_mail_at_the_firms_hour() {
    let server = Server::start(&[]);
    let (demo, home) = firm(&server, "digest_hour = 18");
    ok(demo.deedbox(&["matter", "owner", "2026-0001", STAFF]));
    let data = demo.data().to_owned();
    demo.configure(|text| text.replace("#: time_zone = \"UTC\"", "time_zone = \"Europe/Berlin\""));
    demo.stop();
    // Twenty seconds before six in the evening in Berlin.
    let tomorrow = stdout(&Command::new("date").args(["-u", "-d", "tomorrow", "+%F"]).output().expect("date runs"));
    let berlin = format!("TZ=\"Europe/Berlin\" {} 17:59:20", tomorrow.trim());
    let start = stdout(&Command::new("date").args(["-u", "-d", &berlin, "+%F %T"]).output().expect("date runs"));
    let library =
        ok(Command::new("sh").args(["-c", "ls /usr/lib/*/faketime/libfaketimeMT.so.1"]).output().expect("sh"));
    let (library, time) = (format!("LD_PRELOAD={}", library.trim()), format!("FAKETIME=@{}", start.trim()));
    // The clock that a person sets is another; the one that measures is not.
    let faked = [library.as_str(), time.as_str(), "TZ=UTC", "DONT_FAKE_MONOTONIC=1"];
    let demo = Demo::start_by("env", &faked, Path::new(env!("CARGO_BIN_EXE_deedbox")), &data);
    let demo = demo.unwrap_or_else(|log| panic!("no start:\n{log}"));
    put(&demo, STAFF, FROM_US, "morning.txt");
    put(&demo, STAFF, &format!("{MATTER_TWO}/Documents/From us"), "noon.txt");
    put(&demo, CLIENT_ONE, FROM_YOU, "from a client.txt");
    std::thread::sleep(Duration::from_secs(3));
    put(&demo, STAFF, FROM_US, "afternoon.txt");
    let mails = server.waits_for(1);
    assert_eq!(recipients(&mails), [STAFF], "the firm's own hear at once");
    let mails = server.waits_for(4);
    assert_eq!(recipients(&mails), [CLIENT_ONE, CLIENT_TWO, EXPERT, STAFF]);
    let of = |login: &str| text(mails.iter().find(|mail| to(mail) == login).expect("there"), "text");
    assert!(of(CLIENT_ONE).contains("2 new documents") && !of(CLIENT_ONE).contains("2026-0002"), "{}", of(CLIENT_ONE));
    assert!(of(CLIENT_TWO).contains("2026-0001") && of(CLIENT_TWO).contains("2026-0002"), "{}", of(CLIENT_TWO));
    settle(&demo);
    assert_eq!(server.mails().len(), 4, "{:#?}", server.mails());
    demo.stop();
    drop(home);
}
