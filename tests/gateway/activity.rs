//! Who did what in a matter, as the firm sees it, and how much is shared with whom.

use serde_json::Value;

use crate::demo::*;

const ACTIVITY: [&str; 3] = ["matter", "activity", "2026-0001"];

fn acts(demo: &Demo, more: &[&str]) -> Vec<Value> {
    let page = demo.deedbox_json(&[&ACTIVITY[..], more].concat());
    page["acts"].as_array().expect("a list").clone()
}

/// `client.one@example.com create done .../sent.txt`, the newest first.
fn told(acts: &[Value]) -> Vec<String> {
    let field = |act: &Value, field: &str| act[field].as_str().unwrap_or("-").to_owned();
    let name = |act: &Value| field(act, "path").rsplit('/').next().unwrap_or_default().to_owned();
    let line = |act| [field(act, "login"), field(act, "action"), field(act, "outcome"), name(act)].join(" ");
    acts.iter().map(line).collect()
}

#[test]
fn the_firm_sees_who_did_what_newest_first_and_page_by_page() {
    let demo = Demo::start();
    let documents = format!("{MATTER_ONE}/Documents");
    let before = acts(&demo, &[]).len();
    ok(demo.sftp(CLIENT_ONE, &format!("get \"/{documents}/From us/Report on title.pdf\" /dev/null")));
    assert_eq!(demo.status(EXPERT, &format!("{documents}/From us/no.txt"), &["-T", "/etc/hostname"]), 403);
    let batch = format!(
        "put /etc/hostname \"/{documents}/Shared room/sent.txt.filepart\"\n\
         rename \"/{documents}/Shared room/sent.txt.filepart\" \"/{documents}/Shared room/sent.txt\"\n\
         put /etc/hostname \"/{MATTER_ONE}/Messages/hello.txt\"\nrm \"/{documents}/Shared room/sent.txt\""
    );
    ok(demo.sftp(CLIENT_TWO, &batch));
    ok(demo.sftp(STAFF, &format!("put /etc/hostname \"/{documents}/From us/news.txt\"")));
    // Another matter is none of this one's.
    ok(demo.sftp(STAFF, &format!("put /etc/hostname \"/{MATTER_TWO}/Documents/From us/other.txt\"")));

    let all = acts(&demo, &[]);
    let expected = [
        "staff.one@example.com create done news.txt",
        "client.two@example.com delete done sent.txt",
        "client.two@example.com create done hello.txt",
        "client.two@example.com move done sent.txt.filepart",
        "expert.one@example.com create refused no.txt",
        "client.one@example.com read done Report on title.pdf",
    ];
    assert_eq!(told(&all)[..6], expected);
    assert_eq!(all.len(), before + 6);
    assert!(all[2]["to"].as_str().is_some_and(|to| to.ends_with(" – hello.txt")), "{}", all[2]);
    assert!(all[5]["bytes"].as_u64().is_some_and(|bytes| bytes > 0) && all[5]["address"] == "127.0.0.1", "{}", all[5]);

    assert_eq!(told(&acts(&demo, &["--who", CLIENT_TWO])), expected[1..4]);
    let uploads = acts(&demo, &["--uploads"]);
    assert_eq!(told(&uploads)[..2], [expected[2], expected[3]], "what clients sent");
    assert!(uploads.iter().all(|act| act["role"] == "participant" || act["role"] == "device"), "{uploads:?}");
    assert_eq!(acts(&demo, &["--since", "2099-01-01"]).len(), 0);
    assert_eq!(acts(&demo, &["--since", "2020-01-01"]).len(), all.len());
    assert_eq!(demo.deedbox(&[&ACTIVITY[..], &["--since", "yesterday"]].concat()).status.code(), Some(2));

    let mut pages = Vec::new();
    let mut arguments = vec!["--limit".to_owned(), "2".to_owned()];
    loop {
        let given: Vec<_> = arguments.iter().map(String::as_str).collect();
        let page = demo.deedbox_json(&[&ACTIVITY[..], &given].concat());
        pages.extend(page["acts"].as_array().expect("a list").clone());
        let Some(next) = page["next"].as_u64() else { break };
        arguments = vec!["--limit".to_owned(), "2".to_owned(), "--before".to_owned(), next.to_string()];
    }
    assert_eq!(told(&pages), told(&all), "page by page the same");

    // The record has it too, and that it was looked at.
    let seq = all[5]["seq"].to_string();
    let proof = demo.data().with_file_name("proof");
    ok(demo.deedbox(&["audit", "prove", &seq, "-o", &proof.to_string_lossy()]));
    let record = ok(demo.deedbox(&["audit", "show", "--matter", "2026-0001"]));
    assert!(record.contains("matter activity -> 2026-0001"), "{record}");

    let table = demo.data().with_file_name("activity.csv");
    let file = table.to_string_lossy();
    ok(demo.deedbox(&[&ACTIVITY[..], &["--csv", &file]].concat()));
    let csv = std::fs::read_to_string(&table).expect("written");
    let lines: Vec<_> = csv.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), all.len() + 1, "{csv}");
    assert!(
        lines[0].starts_with("seq,time,login,") && lines[1].contains(",staff.one@example.com,staff,create,done,"),
        "{csv}"
    );
    let again = demo.deedbox(&[&ACTIVITY[..], &["--csv", &file]].concat());
    assert_eq!(again.status.code(), Some(1), "nothing is overwritten: {}", both(&again));
    assert_eq!(std::fs::read_to_string(&table).expect("there"), csv);
}

#[test]
fn how_much_is_shared_with_and_by_each_participant_is_counted() {
    let demo = Demo::start();
    let counts = |login: &str| {
        let all = demo.deedbox_json(&["participant", "list", "--matter", "2026-0001"]);
        let one =
            all.as_array().expect("a list").iter().find(|one| one["login"] == login).expect("there")["shared"].clone();
        (one["with"].as_u64().expect("a number"), one["by"].as_u64().expect("a number"))
    };
    let documents = format!("{MATTER_ONE}/Documents");
    let (with, by) = counts(CLIENT_ONE);
    let (expert, _) = counts(EXPERT);
    ok(demo.sftp(
        CLIENT_ONE,
        &format!(
            "mkdir \"/{documents}/Shared room/deep\"\nput /etc/hostname \"/{documents}/Shared room/deep/one.txt\"\n\
             put /etc/hostname \"/{documents}/Drop box/blind.txt\"\nput /etc/hostname \"/{MATTER_ONE}/Messages/hello.txt\"\n\
             put /etc/hostname \"/{documents}/Shared room/~$x.docx\""
        ),
    ));
    assert_eq!(counts(CLIENT_ONE), (with + 1, by + 2), "what is dropped blindly is not seen, and still theirs");
    assert_eq!(counts(EXPERT), (expert + 1, 0));
    assert_eq!(counts(SCANNER).0, 0, "a drop box shows nothing");
    ok(demo.deedbox(&["access", "disable", "--matter", "2026-0001", "--contact", CLIENT_ONE]));
    assert_eq!(counts(CLIENT_ONE), (0, by + 2), "without access nothing is shared with them");
    let text = ok(demo.deedbox(&["participant", "list", "--matter", "2026-0001"]));
    assert!(text.contains("SHARED WITH"), "{text}");
}
