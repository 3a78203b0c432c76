//! Messages as files: dropped in by one side, read by the other, and changed by nobody.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::demo::*;
use crate::mounts::{Mount, davfs, rclone_drive, sshfs, wait_for};
use crate::names::rclone;

const LOCK: &str = "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>\
                    </D:lockinfo>";

fn folder() -> String {
    format!("{MATTER_ONE}/Messages")
}

fn at(name: &str) -> String {
    format!("{}/{name}", folder())
}

/// The messages that somebody sees, without the folders of the matter's type.
fn messages(demo: &Demo, login: &str) -> BTreeSet<String> {
    let mut names = demo.names(login, &format!("/{}", folder()));
    names.remove("Expert");
    names
}

/// The one message about something that somebody sees.
fn about(demo: &Demo, login: &str, subject: &str) -> String {
    let all = messages(demo, login);
    let found: Vec<_> = all.iter().filter(|name| name.ends_with(&format!(" – {subject}"))).collect();
    assert_eq!(found.len(), 1, "{subject} in {all:?} of {login}");
    found[0].clone()
}

fn local(demo: &Demo, name: &str, content: impl AsRef<[u8]>) -> String {
    let file = demo.data().with_file_name(name);
    std::fs::write(&file, content).expect("written");
    file.to_string_lossy().into_owned()
}

fn put(demo: &Demo, login: &str, name: &str, content: impl AsRef<[u8]>) -> u16 {
    let file = local(demo, "to-be-sent", content);
    demo.status(login, &at(name), &["-T", &file])
}

fn get(demo: &Demo, login: &str, name: &str) -> String {
    ok(demo.curl(login, &at(name), &["--fail"]))
}

/// `2026-11-26 14.05.33 `
fn is_stamped(name: &str) -> bool {
    let form = b"0000-00-00 00.00.00 ";
    name.len() > form.len()
        && name.bytes().zip(form).all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form })
}

#[test]
fn a_text_file_that_is_dropped_is_a_message_in_both_directions() {
    let demo = Demo::start();
    let question = "When do we complete?\r\nGrüße\n";
    let file = local(&demo, "question.txt", question);
    ok(demo.sftp(CLIENT_ONE, &format!("put \"{file}\" \"/{}\"", folder())));
    assert_eq!(put(&demo, STAFF, "Answer.md", "On Friday."), 201);
    for reader in [CLIENT_ONE, CLIENT_TWO, STAFF] {
        assert_eq!(messages(&demo, reader).len(), 2, "{reader}");
        let (asked, answered) = (about(&demo, reader, "question.txt"), about(&demo, reader, "Answer.md"));
        assert!(is_stamped(&asked) && asked.contains(&format!(" {CLIENT_ONE} – ")), "{asked}");
        assert!(is_stamped(&answered) && answered.contains(&format!(" {STAFF} – ")), "{answered}");
        assert_eq!(get(&demo, reader, &asked), question, "byte for byte");
        let copy = local(&demo, "copy", "");
        ok(demo.sftp(reader, &format!("get \"/{}\" \"{copy}\"", at(&answered))));
        assert_eq!(std::fs::read_to_string(&copy).expect("got"), "On Friday.");
    }
    // What the matter type keeps apart stays apart, in both directions.
    assert_eq!(demo.names(EXPERT, &format!("/{}", folder())), BTreeSet::from(["Expert".to_owned()]));
    let hidden = at(&about(&demo, STAFF, "question.txt"));
    assert_eq!(demo.status(EXPERT, &hidden, &[]), 404);
    assert_eq!(put(&demo, EXPERT, "Expert/opinion.txt", "The roof leaks."), 201);
    assert_eq!(demo.status(CLIENT_ONE, &at("Expert"), &["-X", "PROPFIND", "-H", "Depth: 0"]), 404);
    assert!(demo.names(STAFF, &format!("/{}", at("Expert"))).iter().any(|name| name.ends_with(" – opinion.txt")));
    assert!(!demo.names(SCANNER, &format!("/{MATTER_ONE}")).contains("Messages"), "a scanner has nothing to say");
    let listed = demo.deedbox_json(&["message", "list", "--matter", "2026-0001"]);
    let senders: Vec<_> = listed.as_array().expect("a list").iter().map(|one| one["from"].as_str()).collect();
    assert_eq!(senders, [Some(CLIENT_ONE), Some(STAFF), Some(EXPERT)], "in the order in which they were sent");
    assert!(is_sound(&demo));
}

fn is_sound(demo: &Demo) -> bool {
    let output = demo.deedbox(&["check", "--deep"]);
    assert!(output.status.success(), "{}", both(&output));
    true
}

#[test]
fn a_message_is_final_for_its_sender_for_others_and_for_staff() {
    let demo = Demo::start();
    assert_eq!(put(&demo, CLIENT_ONE, "said.txt", "This was said."), 201);
    ok(demo.sftp(STAFF, &format!("mkdir \"/{MATTER_ONE}/Documents/Shared room/folder\"")));
    let message = about(&demo, STAFF, "said.txt");
    let other = local(&demo, "other.txt", "That was said.");
    for login in [CLIENT_ONE, CLIENT_TWO, STAFF] {
        let path = at(&message);
        let destination = |name: &str| format!("Destination: {}", demo.url(&at(name)));
        let outside = format!("Destination: {}", demo.url(&format!("{MATTER_ONE}/Documents/Shared room/said.txt")));
        for arguments in [
            &["-T", other.as_str()][..],
            &["-X", "DELETE"],
            &["-X", "MOVE", "-H", &destination("unsaid.txt")],
            &["-X", "MOVE", "-H", &outside],
        ] {
            assert_eq!(demo.status(login, &path, arguments), 403, "{login} {arguments:?}");
        }
        assert_eq!(demo.status(login, &at("folder"), &["-X", "MKCOL"]), 403, "{login}");
        let room = format!("{MATTER_ONE}/Documents/Shared room/folder");
        assert_eq!(demo.status(login, &room, &["-X", "MOVE", "-H", &destination("folder")]), 403, "{login}");
        for command in [
            format!("put \"{other}\" \"/{path}\""),
            format!("rm \"/{path}\""),
            format!("rename \"/{path}\" \"/{}\"", at("unsaid.txt")),
            format!("mkdir \"/{}\"", at("folder")),
            format!("rename \"/{room}\" \"/{}\"", at("folder")),
        ] {
            let output = demo.sftp(login, &command);
            assert!(
                !output.status.success() && both(&output).to_lowercase().contains("permission denied"),
                "{login}: {command}: {}",
                both(&output)
            );
        }
        assert_eq!(messages(&demo, login), BTreeSet::from([message.clone()]));
        assert_eq!(get(&demo, login, &message), "This was said.");
    }
    let listed = ok(demo.sftp(STAFF, &format!("ls -l \"/{}\"", at(&message))));
    assert!(listed.contains("-r--------"), "drives show it as read-only: {listed}");
    ok(Command::new("touch").args(["-d", "2001-01-01", &other]).output().expect("touch"));
    ok(demo.sftp(CLIENT_ONE, &format!("put -p \"{other}\" \"/{}\"", at("dated.txt"))));
    let listed = demo.deedbox_json(&["message", "list", "--matter", "2026-0001"]);
    let dated = listed.as_array().expect("a list").last().expect("the second")["sent"].as_str().expect("a time");
    assert!(!dated.starts_with("2001"), "a sender does not say when it was: {dated}");
}

#[test]
fn its_sender_finds_it_under_the_name_that_was_sent_and_another_of_that_name_is_another_message() {
    let demo = Demo::start();
    assert_eq!(put(&demo, CLIENT_ONE, "hello.txt", "one"), 201);
    assert_eq!(get(&demo, CLIENT_ONE, "HELLO.txt"), "one");
    assert_eq!(demo.status(CLIENT_ONE, &at("hello.txt"), &["-X", "PROPFIND", "-H", "Depth: 0"]), 207);
    let seen = ok(demo.sftp(CLIENT_ONE, &format!("ls -l \"/{}\"", at("hello.txt"))));
    assert!(seen.contains("hello.txt"), "{seen}");
    for other in [CLIENT_TWO, STAFF] {
        assert_eq!(demo.status(other, &at("hello.txt"), &[]), 404, "{other}");
    }
    assert_eq!(demo.status(CLIENT_ONE, &at("hello.txt"), &["-X", "DELETE"]), 403);
    assert_eq!(put(&demo, CLIENT_ONE, "hello.txt", "two"), 201);
    assert_eq!(get(&demo, CLIENT_ONE, "hello.txt"), "two");
    assert_eq!(put(&demo, CLIENT_TWO, "hello.txt", "three"), 201, "names of others are not in the way");
    assert_eq!(messages(&demo, STAFF).len(), 3);
    // Many at once have names of their own.
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (demo, file) = (&demo, local(&demo, &format!("many-{n}"), format!("number {n}")));
            scope.spawn(move || assert_eq!(demo.status(STAFF, &at("many.txt"), &["-T", &file]), 201));
        }
    });
    let said: BTreeSet<String> = messages(&demo, CLIENT_TWO)
        .iter()
        .filter(|name| name.contains("many"))
        .map(|name| get(&demo, CLIENT_TWO, name))
        .collect();
    assert_eq!(said.len(), 8, "{said:?}");
}

#[test]
fn what_is_no_message_is_refused_with_its_reason_and_leaves_nothing() {
    let demo = Demo::start();
    let long = "a".repeat(256 * 1024);
    for (name, content, status, reason) in [
        ("scan.pdf", &b"text"[..], 415, ".txt or .md; other files belong into Documents"),
        ("hello", b"text", 415, ".txt or .md"),
        ("binary.txt", b"\x7fELF\x02\x01\x01\0", 415, "plain text in UTF-8"),
        ("utf16.txt", b"\xff\xfeh\0i\0", 415, "plain text in UTF-8"),
        ("blank.txt", b" \r\n\r\n", 415, "nothing in this message"),
        ("long.txt", &[long.as_bytes(), b"b"].concat(), 413, "at most 256 KiB"),
    ] {
        let file = local(&demo, "unfit", content);
        let told = stdout(&demo.curl(CLIENT_ONE, &at(name), &["-T", &file]));
        assert!(told.contains(reason), "{name}: {told}");
        assert_eq!(demo.status(CLIENT_ONE, &at(name), &["-T", &file]), status, "{name}");
        let output = demo.sftp(CLIENT_ONE, &format!("put \"{file}\" \"/{}\"", at(name)));
        assert!(!output.status.success(), "{name}: {}", both(&output));
        assert!(messages(&demo, CLIENT_ONE).is_empty(), "{name}");
    }
    let ask = format!("@{}", local(&demo, "lock.xml", LOCK));
    assert_eq!(demo.status(CLIENT_ONE, &at("scan.pdf"), &["-X", "LOCK", "--data-binary", &ask]), 415);
    assert!(messages(&demo, STAFF).is_empty());
    assert_eq!(put(&demo, CLIENT_ONE, "long.txt", &long), 201, "so much is allowed");
    let record = ok(demo.deedbox(&["audit", "show", "--matter", "2026-0001"]));
    for (name, reason) in [
        ("scan.pdf", "a message is a text file"),
        ("binary.txt", "a message is plain text"),
        ("long.txt", "a message has at most"),
    ] {
        let recorded = |line: &str| line.contains(name) && line.contains("refused") && line.contains(reason);
        assert!(record.lines().any(recorded), "{name}: {reason} in {record}");
    }
}

#[test]
fn a_drive_may_make_an_empty_file_first_and_nobody_else_sees_it_before_there_is_text_in_it() {
    let demo = Demo::start();
    assert_eq!(put(&demo, CLIENT_ONE, "New Text Document.txt", ""), 201);
    assert_eq!(messages(&demo, CLIENT_ONE).len(), 1);
    assert!(messages(&demo, STAFF).is_empty() && messages(&demo, CLIENT_TWO).is_empty());
    assert_eq!(demo.deedbox_json(&["message", "list", "--matter", "2026-0001"]), serde_json::json!([]));
    assert_eq!(put(&demo, CLIENT_TWO, "New Text Document.txt", ""), 201, "names of others are not in the way");
    let named = format!("Destination: {}", demo.url(&at("Question.txt")));
    assert_eq!(demo.status(CLIENT_ONE, &at("New Text Document.txt"), &["-X", "MOVE", "-H", &named]), 201);
    assert_eq!(messages(&demo, CLIENT_ONE).len(), 1);
    assert!(messages(&demo, STAFF).is_empty());
    assert_eq!(put(&demo, CLIENT_ONE, "Question.txt", "What does it cost?"), 204);
    for reader in [CLIENT_ONE, STAFF] {
        assert_eq!(get(&demo, reader, &about(&demo, reader, "Question.txt")), "What does it cost?");
        assert_eq!(messages(&demo, reader).len(), 1);
    }
    let sent = about(&demo, STAFF, "Question.txt");
    assert_eq!(put(&demo, CLIENT_ONE, &sent, "Nothing."), 403, "and now it is final");

    // An explorer: lock, which makes an empty document, put, describe, unlock.
    let ask = format!("@{}", local(&demo, "lock.xml", LOCK));
    let locked = stdout(&demo.curl(STAFF, &at("locked.txt"), &["-i", "-X", "LOCK", "--data-binary", &ask]));
    let token = locked.lines().find_map(|line| line.to_lowercase().strip_prefix("lock-token: ").map(str::to_owned));
    let token = token.unwrap_or_else(|| panic!("no token in {locked}")).trim().to_owned();
    assert_eq!(messages(&demo, CLIENT_ONE).len(), 1);
    let file = local(&demo, "locked.txt", "In the end it cost less.");
    let (if_locked, freed) = (format!("If: ({token})"), format!("Lock-Token: {token}"));
    assert_eq!(demo.status(STAFF, &at("locked.txt"), &["-T", &file, "-H", &if_locked]), 204);
    let times = local(
        &demo,
        "times.xml",
        "<D:propertyupdate xmlns:D='DAV:' xmlns:Z='urn:schemas-microsoft-com:'><D:set><D:prop><Z:Win32FileAttributes>\
         00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>",
    );
    let described = ["-X", "PROPPATCH", "-H", &if_locked, "--data-binary", &format!("@{times}")];
    assert_eq!(demo.status(STAFF, &at("locked.txt"), &described), 207);
    assert_eq!(demo.status(STAFF, &at("locked.txt"), &["-X", "UNLOCK", "-H", &freed]), 204);
    assert_eq!(get(&demo, CLIENT_ONE, &about(&demo, CLIENT_ONE, "locked.txt")), "In the end it cost less.");
    assert!(is_sound(&demo));
}

#[test]
fn what_is_saved_under_a_temporary_name_is_sent_when_it_gets_its_own() {
    let demo = Demo::start();
    let file = local(&demo, "careful.txt", "Saved with care.");
    let (temporary, own) = (at("careful.txt.filepart"), at("careful.txt"));
    ok(demo.sftp(CLIENT_ONE, &format!("put \"{file}\" \"/{temporary}\"")));
    assert!(messages(&demo, STAFF).is_empty(), "not yet");
    ok(demo.sftp(CLIENT_ONE, &format!("rename \"/{temporary}\" \"/{own}\"")));
    assert_eq!(get(&demo, STAFF, &about(&demo, STAFF, "careful.txt")), "Saved with care.");
    assert_eq!(messages(&demo, CLIENT_ONE).len(), 1, "the temporary file is gone");

    assert_eq!(demo.status(CLIENT_TWO, &at("~WRD0001.tmp"), &["-T", &file]), 201);
    let pdf = format!("Destination: {}", demo.url(&at("scan.pdf")));
    assert_eq!(demo.status(CLIENT_TWO, &at("~WRD0001.tmp"), &["-X", "MOVE", "-H", &pdf]), 415);
    let text = format!("Destination: {}", demo.url(&at("moved.txt")));
    assert_eq!(demo.status(CLIENT_TWO, &at("~WRD0001.tmp"), &["-X", "MOVE", "-H", &text]), 201);
    assert_eq!(get(&demo, CLIENT_ONE, &about(&demo, CLIENT_ONE, "moved.txt")), "Saved with care.");

    // A document from elsewhere is sent by a copy, and by a move where it may leave.
    let note = format!("{MATTER_ONE}/Documents/Shared room/note.txt");
    assert_eq!(demo.status(CLIENT_ONE, &note, &["-T", &file]), 201);
    let copied = format!("Destination: {}", demo.url(&at("copied.txt")));
    assert_eq!(demo.status(CLIENT_ONE, &note, &["-X", "COPY", "-H", &copied]), 201);
    ok(demo.sftp(CLIENT_ONE, &format!("rename \"/{note}\" \"/{}\"", at("note.txt"))));
    assert_eq!(demo.status(CLIENT_ONE, &note, &[]), 404);
    assert_eq!(messages(&demo, STAFF).len(), 4);
    let draft = format!("{MATTER_ONE}/Documents/From us/Draft contract.pdf");
    ok(demo.sftp(STAFF, &format!("-rename \"/{draft}\" \"/{}\"", at("Draft contract.pdf"))));
    assert_eq!(demo.status(STAFF, &draft, &[]), 200, "what is no message stays where it is");
}

#[test]
fn an_area_that_is_off_has_no_messages_and_the_download_switch_leaves_them_readable() {
    let demo = Demo::start();
    assert_eq!(put(&demo, STAFF, "news.txt", "News."), 201);
    let news = about(&demo, CLIENT_ONE, "news.txt");
    let whom = ["--matter", "2026-0001", "--contact", CLIENT_ONE];
    ok(demo.deedbox(&[&["access", "download", "off"][..], &whom].concat()));
    let report = format!("{MATTER_ONE}/Documents/From us/Report on title.pdf");
    assert_eq!(demo.status(CLIENT_ONE, &report, &[]), 403);
    assert_eq!(get(&demo, CLIENT_ONE, &news), "News.", "it is about documents");

    ok(demo.deedbox(&["matter", "area", "2026-0001", "messages", "off", "--yes"]));
    assert!(!demo.names(CLIENT_ONE, &format!("/{MATTER_ONE}")).contains("Messages"));
    assert_eq!(demo.status(CLIENT_ONE, &at(&news), &[]), 404);
    assert_eq!(put(&demo, CLIENT_ONE, "more.txt", "More?"), 409, "as where there is no such folder");
    assert_eq!(get(&demo, STAFF, &news), "News.", "the papers are the firm's");
    ok(demo.deedbox(&["matter", "area", "2026-0001", "messages", "on"]));
    assert_eq!(get(&demo, CLIENT_ONE, &news), "News.");
    ok(demo.deedbox(&["firm", "area", "messages", "off", "--yes"]));
    assert_eq!(demo.status(CLIENT_ONE, &at(&news), &[]), 404);
    ok(demo.deedbox(&["firm", "area", "messages", "on"]));

    let explain = |login: &str, verb: &str| {
        let path = format!("/{}", at(&news));
        both(&demo.deedbox(&["policy", "explain", "--login", login, "--verb", verb, "--path", &path]))
    };
    assert!(explain(STAFF, "delete").contains("what was sent stays as it is"), "{}", explain(STAFF, "delete"));
    assert!(explain(CLIENT_ONE, "read").contains("`Messages` has the row `client`: list read create"));
    ok(demo.deedbox(&[&["access", "disable"][..], &whom].concat()));
    assert_eq!(demo.status(CLIENT_ONE, &at(&news), &[]), 404);
}

#[test]
fn drives_and_transfer_tools_send_messages_and_are_not_confused() {
    let demo = Demo::shared();
    let seen = |subject: &str, text: &str| {
        let ending = format!(" – {subject}");
        let found = || messages(demo, STAFF).into_iter().find(|name| name.ends_with(&ending));
        wait_for(subject, || found().is_some_and(|name| get(demo, STAFF, &name) == text));
        assert_eq!(messages(demo, STAFF).iter().filter(|name| name.ends_with(&ending)).count(), 1, "{subject}");
    };
    type Mounted = fn(&Demo, &str) -> Mount;
    for (kind, mount) in [("davfs", davfs as Mounted), ("sshfs", sshfs), ("rclone", rclone_drive)] {
        let drive = mount(demo, &folder());
        let name = format!("from {kind}.txt");
        let told = |error: std::io::Error| -> ! { panic!("{kind}: {error}\n{}", drive.said()) };
        std::fs::write(drive.place().join(&name), kind).unwrap_or_else(|error| told(error));
        seen(&name, kind);
        let copied = format!("copied to {kind}.txt");
        let file = drive.place().with_file_name("source.txt");
        std::fs::write(&file, kind).expect("written");
        ok(Command::new("cp").arg(&file).arg(drive.place().join(&copied)).output().expect("cp runs"));
        seen(&copied, kind);
        let shown = || {
            let entries = std::fs::read_dir(drive.place()).unwrap_or_else(|error| told(error));
            let mut paths = entries.filter_map(Result::ok).map(|entry| entry.path());
            paths.find(|path| path.to_string_lossy().ends_with(&format!("– {name}")))
        };
        // A drive asks for a folder anew after a second or so.
        wait_for(&format!("the message in {kind}"), || shown().is_some());
        let read = shown().expect("it was there a moment ago");
        assert_eq!(std::fs::read_to_string(&read).unwrap_or_else(|error| told(error)), kind);
        // The others write into a cache of their own, and learn later that they may not.
        assert!(kind != "sshfs" || std::fs::write(&read, "otherwise").is_err());
        drive.unmount();
    }
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("note.txt");
    std::fs::write(&file, "by rclone").expect("written");
    let from = file.to_string_lossy();
    let rclone = |to: &str| ok(rclone(demo, home.path(), &folder(), &["copyto", &from, to]));
    rclone("dav:rclone over webdav.txt");
    seen("rclone over webdav.txt", "by rclone");
    rclone(&format!("ssh:/{}/rclone over sftp.txt", folder()));
    seen("rclone over sftp.txt", "by rclone");
    let connect = format!(
        "set sftp:connect-program \"ssh -a -x -i {} -o UserKnownHostsFile={}\"; open -u {CLIENT_ONE}, -p {} sftp://127.0.0.1; \
         put -O \"/{}\" \"{}\" -o \"by lftp.txt\"; bye",
        demo.key(CLIENT_ONE),
        demo.text("known_hosts_file"),
        demo.sftp_port(),
        folder(),
        file.display()
    );
    ok(client("lftp").env("HOME", home.path()).args(["--norc", "-c", &connect]).output().expect("lftp is installed"));
    seen("by lftp.txt", "by rclone");
}

#[test]
fn a_daemon_that_is_killed_amid_a_message_has_none_of_it() {
    let demo = Demo::start();
    assert_eq!(put(&demo, CLIENT_ONE, "whole.txt", "All of it."), 201);
    let data = demo.data().to_owned();
    let file = local(&demo, "slow.txt", "half of what was to be said ".repeat(5_000));
    let mut sending = client("curl")
        .args(["-sS", "--cacert", demo.text("ca_file"), "-u", &format!("{CLIENT_ONE}:{}", demo.password(CLIENT_ONE))])
        .args(["--limit-rate", "20k", "-T", &file, &demo.url(&at("slow.txt"))])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("curl is installed");
    std::thread::sleep(Duration::from_secs(2));
    assert!(sending.try_wait().expect("a child").is_none(), "it is still sending");
    let _home = demo.kill();
    sending.wait().expect("it ends");
    let demo = Demo::start_in(&data);
    for reader in [CLIENT_ONE, STAFF] {
        assert_eq!(messages(&demo, reader).len(), 1, "{reader}");
        assert_eq!(get(&demo, reader, &about(&demo, reader, "whole.txt")), "All of it.");
    }
    assert!(is_sound(&demo));
    demo.stop();
}
