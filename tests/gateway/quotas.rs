//! Quotas: how much may be kept by a person, in a matter and by the firm, and who is told what of it.

use std::process::Stdio;

use crate::api::{Program, firm};
use crate::deep_check::is_sound;
use crate::demo::*;
use crate::pages::{Browser, documents};
use crate::sftp_wire::{CREATE, READ, Sftp, TRUNCATE, WRITE, packet, run, string, write};

const KIB: usize = 1024;

fn room() -> String {
    format!("{MATTER_ONE}/Documents/Shared room")
}

/// A file with so many bytes.
fn file(demo: &Demo, kib: usize) -> String {
    let path = demo.data().with_file_name(format!("{kib}.bin"));
    std::fs::write(&path, bytes(kib as u64, kib * KIB)).expect("written");
    path.to_string_lossy().into_owned()
}

/// Sends so many KiB to the shared room over WebDAV; gives the status and the text.
fn put(demo: &Demo, login: &str, name: &str, kib: usize, more: &[&str]) -> (u16, String) {
    let content = file(demo, kib);
    let arguments = [&["-T", &content, "-w", "\n%{http_code}"], more].concat();
    let output = demo.curl(login, &format!("{}/{name}", room()), &arguments);
    let told = stdout(&output);
    let (text, status) = told.rsplit_once('\n').unwrap_or_else(|| panic!("{}", both(&output)));
    (status.parse().expect("a status"), text.to_owned())
}

fn quota(demo: &Demo, arguments: &[&str]) {
    ok(demo.deedbox(&[&["quota", "set"], arguments].concat()));
}

/// How many bytes the firm's list has for a line.
fn used(demo: &Demo, of: &str, name: Option<&str>) -> u64 {
    let lines = demo.deedbox_json(&["quota", "list", "--all"]);
    let found = lines.as_array().expect("lines").iter().find(|line| line["of"] == of && line["name"].as_str() == name);
    found.unwrap_or_else(|| panic!("{of} {name:?} in {lines}"))["used"].as_u64().expect("a number")
}

/// quota-used-bytes and quota-available-bytes of a folder.
fn told(demo: &Demo, login: &str, path: &str) -> (u64, u64) {
    let body = "<propfind xmlns='DAV:'><prop><quota-used-bytes/><quota-available-bytes/></prop></propfind>";
    let text = stdout(&demo.curl(login, path, &["-X", "PROPFIND", "-H", "Depth: 0", "-d", body]));
    let number = |name: &str| {
        let (_, rest) = text.split_once(&format!("<D:{name}>")).unwrap_or_else(|| panic!("no {name} in {text}"));
        rest.split('<').next().and_then(|number| number.parse().ok()).expect("a number")
    };
    (number("quota-used-bytes"), number("quota-available-bytes"))
}

/// Sends so many KiB to the shared room over SFTP in packets of 32; the code and text of the first that is refused.
async fn sftp_put(sftp: &mut Sftp, name: &str, kib: usize) -> Option<(u32, String)> {
    let handle = sftp.document(name, WRITE | CREATE | TRUNCATE).await;
    let mut refused = None;
    for (n, part) in bytes(9, kib * KIB).chunks(32 * KIB).enumerate() {
        sftp.send(&write(1, &handle, (n * 32 * KIB) as u64, part)).await;
        let (_, code, text) = sftp.status().await;
        refused = refused.or((code != 0).then_some((code, text)));
    }
    sftp.send(&packet(4, 2, &[&string(&handle)])).await;
    assert_eq!(sftp.status().await.1 == 0, refused.is_none(), "a close says what the upload came to");
    refused
}

#[test]
fn a_person_who_is_full_is_refused_at_every_door_with_a_sentence_and_goes_on_after_a_removal() {
    let demo = firm();
    let full = "your quota is used up; remove what is no longer needed, or ask the firm for more room";
    assert_eq!(used(&demo, "login", Some(CLIENT_ONE)), 0);
    quota(&demo, &["--login", CLIENT_ONE, "100KiB"]);
    assert_eq!(put(&demo, CLIENT_ONE, "one.bin", 60, &[]).0, 201);

    // Announced: refused before a byte is sent.
    let early = put(&demo, CLIENT_ONE, "two.bin", 60, &["-H", "Expect: 100-continue", "--http1.1", "-D", "-"]);
    assert!(early.0 == 507 && early.1.contains(full) && !early.1.contains("100 Continue"), "{early:?}");
    let finder = put(
        &demo,
        CLIENT_ONE,
        "two.bin",
        10,
        &["-H", "X-Expected-Entity-Length: 99999", "-H", "Transfer-Encoding: chunked"],
    );
    assert_eq!(finder.0, 507);
    // Not announced: refused in its middle, and nothing of it is kept.
    let chunked = put(&demo, CLIENT_ONE, "two.bin", 2000, &["-H", "Transfer-Encoding: chunked"]);
    assert!(chunked.0 == 507 && chunked.1.contains(full), "{chunked:?}");
    assert_eq!(demo.status(CLIENT_ONE, &format!("{}/two.bin", room()), &[]), 404);
    run(async {
        let mut sftp = Sftp::ready_as(&demo, CLIENT_ONE).await;
        assert_eq!(sftp_put(&mut sftp, "two.bin", 60).await, Some((4, full.to_owned())));
        sftp.send(&packet(17, 1, &[&string(format!("/{}/two.bin", room()).as_bytes())])).await;
        assert_eq!(sftp.status().await.1, 2, "nothing to resume");
    });
    let browser = Browser::sign_in(&demo, CLIENT_ONE);
    let answer = browser.upload(&documents("Shared room"), &[&browser.file("two.bin", &bytes(2, 60 * KIB))]);
    assert!(answer.status == 507 && answer.body.contains("Your quota is used up"), "{} {}", answer.status, answer.body);
    let client = Program::of(&demo, CLIENT_ONE, "manage");
    let long = "x".repeat(50 * KIB);
    let message = serde_json::json!({ "subject": "Long", "text": long });
    let problem = client.post("/matters/2026-0001/messages", &message).problem(507, "quota");
    assert_eq!(problem["detail"], full);
    assert_eq!(used(&demo, "login", Some(CLIENT_ONE)), 60 * 1024);

    // Every version counts; one that is refused leaves what was there.
    assert_eq!(put(&demo, CLIENT_ONE, "one.bin", 30, &[]).0, 204);
    assert_eq!(put(&demo, CLIENT_ONE, "one.bin", 20, &[]).0, 507);
    let content = demo.curl(CLIENT_ONE, &format!("{}/one.bin", room()), &[]).stdout;
    assert!(content == bytes(30, 30 * KIB));
    let copy = format!("Destination: {}", demo.url(&format!("{}/copy.bin", room())));
    assert_eq!(demo.status(CLIENT_ONE, &format!("{}/one.bin", room()), &["-X", "COPY", "-H", &copy]), 507);
    // What others do is theirs.
    assert_eq!(put(&demo, STAFF, "staff.bin", 200, &[]).0, 201);
    let record = ok(demo.deedbox(&["audit", "show"]));
    assert!(record.contains("the quota of the person is reached"), "the refusals are in the record");
    assert!(record.contains("quota set") && record.contains("client.one@example.com: quota 100 KiB"));

    assert_eq!(demo.status(CLIENT_ONE, &format!("{}/one.bin", room()), &["-X", "DELETE"]), 204);
    assert_eq!(used(&demo, "login", Some(CLIENT_ONE)), 0);
    assert_eq!(put(&demo, CLIENT_ONE, "one.bin", 100, &[]).0, 201);
    quota(&demo, &["--login", CLIENT_ONE, "none"]);
    assert_eq!(put(&demo, CLIENT_ONE, "two.bin", 60, &[]).0, 201);
    is_sound(demo.data());
}

#[test]
fn uploads_at_one_time_stay_within_a_matters_quota_which_a_killed_daemon_still_knows() {
    let demo = Demo::start();
    let before = used(&demo, "matter", Some("2026-0001"));
    // Five of the eight fit.
    let limit = before + 5 * 200 * 1024 + 100;
    quota(&demo, &["--matter", "2026-0001", &limit.to_string()]);
    let content = file(&demo, 200);
    let upload = |n: usize| {
        let login = [CLIENT_ONE, STAFF][n % 2];
        client("curl")
            .args(["-sS", "--cacert", demo.text("ca_file"), "-u", &format!("{login}:{}", demo.password(login))])
            .args(["--limit-rate", "300k", "-o", "/dev/null", "-w", "%{http_code}", "-T", &content])
            // Half of them say beforehand how long they are.
            .args(if n % 4 < 2 { &["-H", "Transfer-Encoding: chunked"][..] } else { &[] })
            .arg(demo.url(&format!("{}/{n}.bin", room())))
            .stdout(Stdio::piped())
            .spawn()
            .expect("curl is installed")
    };
    let running: Vec<_> = (0..8).map(upload).collect();
    let statuses: Vec<_> = running.into_iter().map(|one| stdout(&one.wait_with_output().expect("it ends"))).collect();
    let stored = statuses.iter().filter(|status| *status == "201").count();
    assert!(
        statuses.iter().all(|status| status == "201" || status == "507") && (1..=5).contains(&stored),
        "{statuses:?}"
    );
    // Whoever was refused beside others that were under way finds the room that they left.
    for n in stored..5 {
        assert_eq!(put(&demo, CLIENT_ONE, &format!("late {n}.bin"), 200, &[]).0, 201);
    }
    assert_eq!(used(&demo, "matter", Some("2026-0001")), before + 5 * 200 * 1024);
    let (status, text) = put(&demo, CLIENT_ONE, "more.bin", 1, &[]);
    assert!(status == 507 && text.contains("the quota of this matter is used up"), "{status} {text}");
    is_sound(demo.data());

    let data = demo.data().to_owned();
    let _home = demo.kill();
    let demo = Demo::start_in(&data);
    assert_eq!(put(&demo, STAFF, "more.bin", 1, &[]).0, 507);
    assert_eq!(used(&demo, "matter", Some("2026-0001")), before + 5 * 200 * 1024);
    // The firm's own counts everywhere.
    let all = used(&demo, "firm", None);
    quota(&demo, &["--matter", "2026-0001", "none"]);
    quota(&demo, &["--firm", &(all + 1500).to_string()]);
    let (status, text) = put(&demo, STAFF, "more.bin", 2, &[]);
    assert!(status == 507 && text.contains("the quota of the firm is used up"), "{status} {text}");
    assert_eq!(put(&demo, STAFF, "more.bin", 1, &[]).0, 201);
    let shown = ok(demo.deedbox(&["quota", "list"]));
    assert!(shown.contains("firm") && shown.contains("99 %") && !shown.contains("matter"), "{shown}");
    is_sound(demo.data());
}

#[test]
fn an_unfinished_upload_counts_and_goes_on_without_counting_twice() {
    let demo = Demo::start();
    quota(&demo, &["--login", CLIENT_ONE, "100KiB"]);
    let content = bytes(3, 96 * KIB);
    run(async {
        let mut sftp = Sftp::ready_as(&demo, CLIENT_ONE).await;
        let handle = sftp.document("part.bin", WRITE | CREATE | TRUNCATE).await;
        sftp.send(&write(1, &handle, 0, &content[..60 * KIB])).await;
        assert_eq!(sftp.status().await.1, 0);
        sftp.send(&packet(200, 2, &[&string(b"fsync@openssh.com"), &string(&handle)])).await;
        assert_eq!(sftp.status().await.1, 0);
        // The connection ends without CLOSE.
    });
    crate::mounts::wait_for("the part", || used(&demo, "login", Some(CLIENT_ONE)) == 60 * 1024);
    assert_eq!(put(&demo, CLIENT_ONE, "other.bin", 50, &[]).0, 507);
    run(async {
        let mut sftp = Sftp::ready_as(&demo, CLIENT_ONE).await;
        let handle = sftp.document("part.bin", READ | WRITE | CREATE).await;
        sftp.send(&write(1, &handle, 60 * 1024, &content[60 * KIB..])).await;
        assert_eq!(sftp.status().await.1, 0);
        sftp.send(&packet(4, 2, &[&string(&handle)])).await;
        assert_eq!(sftp.status().await.1, 0);
    });
    assert_eq!(used(&demo, "login", Some(CLIENT_ONE)), 96 * 1024);
    assert!(demo.curl(CLIENT_ONE, &format!("{}/part.bin", room()), &[]).stdout == content);
    is_sound(demo.data());
}

#[test]
fn a_session_is_told_of_its_own_documents_and_of_the_tightest_room() {
    let demo = Demo::start();
    let matter = MATTER_ONE.to_owned();
    quota(&demo, &["--login", CLIENT_ONE, "1MiB"]);
    assert_eq!(put(&demo, CLIENT_ONE, "own.bin", 100, &[]).0, 201);
    assert_eq!(told(&demo, CLIENT_ONE, &matter), (100 * 1024, 924 * 1024));
    // What others put into a drop box, and the firm among itself, is told to nobody else.
    let others = |name: &str| format!("{MATTER_ONE}/Documents/{name}/others.bin");
    let content = file(&demo, 300);
    assert_eq!(demo.status(SCANNER, &others("Drop box"), &["-T", &content]), 201);
    assert_eq!(demo.status(STAFF, &others("Internal"), &["-T", &content]), 201);
    assert_eq!(told(&demo, CLIENT_ONE, &matter), (100 * 1024, 924 * 1024));
    assert_eq!(told(&demo, CLIENT_TWO, &matter).0, 0);
    let (all, _) = told(&demo, STAFF, &matter);
    assert_eq!(all, used(&demo, "matter", Some("2026-0001")), "staff see all of it");
    // A matter's quota that is tighter, rounded down by a sixteenth at most where it depends on others.
    quota(&demo, &["--matter", "2026-0001", &(all + 100_000).to_string()]);
    let (_, left) = told(&demo, CLIENT_ONE, &matter);
    assert!((100_000 - 100_000 / 16..=100_000).contains(&left), "{left}");
    assert_eq!(told(&demo, STAFF, &matter), (all, 100_000));
    // The same over SFTP, in blocks.
    run(async {
        let mut sftp = Sftp::ready_as(&demo, CLIENT_ONE).await;
        let path = string(format!("/{matter}").as_bytes());
        sftp.send(&packet(200, 1, &[&string(b"statvfs@openssh.com"), &path])).await;
        let answer = sftp.answer().await.expect("an answer");
        let number = |n: usize| u64::from_be_bytes(answer[5 + n * 8..13 + n * 8].try_into().expect("eight bytes"));
        assert_eq!((answer[0], number(0), number(4), number(2) - number(3)), (201, 4096, left / 4096, 25));
    });
}

#[test]
fn quotas_are_set_through_the_api_by_whoever_may_and_by_nobody_else() {
    let demo = firm();
    let (admin, staff) = (Program::of(&demo, ADMIN, "admin"), Program::of(&demo, STAFF, "manage"));
    for (program, path) in
        [(&admin, "/firm"), (&admin, &format!("/accounts/{CLIENT_ONE}")[..]), (&staff, "/matters/2026-0001")]
    {
        let seen = program.get(path);
        let tag = seen.header("etag").to_owned();
        assert!(seen.body(200)["quota"].is_null());
        let set = program.patch(path, &tag, &serde_json::json!({ "quota": 5u64 << 30 }));
        let now = set.header("etag").to_owned();
        assert_eq!(set.body(200)["quota"], 5u64 << 30);
        program.patch(path, &tag, &serde_json::json!({ "quota": 1 })).problem(412, "changed");
        for wrong in [serde_json::json!(-1), serde_json::json!("5GiB"), serde_json::json!(1u64 << 60)] {
            program.patch(path, &now, &serde_json::json!({ "quota": wrong })).problem(422, "");
        }
        assert!(program.patch(path, &now, &serde_json::json!({ "quota": null })).body(200)["quota"].is_null());
    }
    staff.get("/firm").problem(404, "");
    let refused = demo.deedbox(&["quota", "set", "--firm", "lots"]);
    assert_eq!(refused.status.code(), Some(2), "{}", both(&refused));
    let record = ok(demo.deedbox(&["audit", "show", "--matter", "2026-0001"]));
    assert!(record.contains("quota set") && record.contains("2026-0001: quota 5 GiB"), "{record}");
}
