//! Names as people have them: many alphabets, what shells and URLs find difficult, and what no document may be called.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use crate::demo::{CLIENT_ONE, Demo, MATTER_ONE, STAFF, both, client, ok, stdout};
use crate::mounts::{davfs, wait_for};
use crate::sftp_wire::{CREATE, READ, Sftp, TRUNCATE, WRITE, packet, run, string};
use crate::webdav_drive::Drive;

/// One name for each alphabet.
pub(crate) const ALPHABETS: [&str; 10] = [
    "Vertrag für Müller & Söhne.pdf",
    "Договор аренды.docx",
    "Σύμβαση.txt",
    "契約書（最終版）.pdf",
    "계약서.hwp",
    "סיכום פגישה.txt",
    "عقد الإيجار النهائي.pdf",
    "अनुबंध.txt",
    "สัญญา.txt",
    "📄 signed ✅ 👩🏽‍⚖️.txt",
];

/// Names that are kept as they are.
fn difficult() -> Vec<String> {
    let odd = [
        "mixed \u{202b}עברית\u{202c} left.txt",
        "100%.txt",
        "%41%2F%00.txt",
        "a%20b.txt",
        "#1 exhibit.txt",
        "what? really!.txt",
        "a+b=c&d;e,f@g$.txt",
        "it's \"quoted\" `so`.txt",
        "<b>bold<b> &amp; ]]>.txt",
        "brackets [1] {2} (3)*.txt",
        "semi: colon|pipe~tilde^.txt",
        " leading space.txt",
        "trailing space ",
        "trailing dot.",
        "...",
        ".hidden",
        "-rf",
        "no extension",
        "con.txt",
        "ﬁ ligature ſ.txt",
    ];
    let mut names: Vec<String> = ALPHABETS.into_iter().chain(odd).map(str::to_owned).collect();
    names.push(format!("{}.txt", "x".repeat(251)));
    // 85 characters of three bytes each.
    names.push("契".repeat(85));
    names
}

fn room() -> String {
    format!("/{MATTER_ONE}/Documents/Shared room")
}

/// A name as OpenSSH's `sftp` reads it in a batch; within quotes it expands no patterns.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

fn local(here: &Path) {
    for (n, name) in difficult().iter().enumerate() {
        std::fs::write(here.join(name), format!("content {n}")).expect("written");
    }
}

fn same(here: &Path, there: &Path) {
    ok(Command::new("diff").arg("-r").arg(here).arg(there).output().expect("diff runs"));
}

#[test]
fn openssh_puts_and_gets_difficult_names_and_curl_finds_them() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let (up, down) = (dir.path().join("up"), dir.path().join("down"));
    std::fs::create_dir_all(&up).expect("made");
    std::fs::create_dir_all(&down).expect("made");
    local(&up);
    let folder = format!("{}/names-sftp", room());
    let mut batch = format!("mkdir \"{folder}\"\ncd \"{folder}\"\nlcd \"{}\"\nput -r . .\n", up.display());
    batch.push_str(&format!("lcd \"{}\"\n", down.display()));
    for name in difficult() {
        batch.push_str(&format!("get {} {}\n", quoted(&format!("./{name}")), quoted(&format!("./{name}"))));
    }
    ok(demo.sftp(CLIENT_ONE, &batch));
    same(&up, &down);
    for (n, name) in difficult().iter().enumerate() {
        let output = demo.curl(CLIENT_ONE, &format!("{folder}/{name}"), &["--fail", "--path-as-is"]);
        assert_eq!(ok(output), format!("content {n}"), "{name}");
    }
    // Renamed and removed one by one.
    let mut batch = format!("cd \"{folder}\"\n");
    for name in difficult() {
        let name = quoted(&format!("./{name}"));
        batch.push_str(&format!("rename {name} moved\nrename moved {name}\n"));
    }
    for name in difficult() {
        batch.push_str(&format!("rm {}\n", quoted(&format!("./{name}"))));
    }
    ok(demo.sftp(CLIENT_ONE, &format!("{batch}cd ..\nrmdir names-sftp")));
}

#[test]
fn webdav_puts_lists_moves_and_gets_difficult_names() {
    let drive = Drive::fresh("names-dav");
    for (n, name) in difficult().iter().enumerate() {
        drive.put(201, name, &format!("content {n}"), &[]);
    }
    let listing = drive.expect(207, "", &["-X", "PROPFIND", "-H", "Depth: 1"]).text();
    for (n, name) in difficult().iter().enumerate() {
        let href = format!("<D:href>{}</D:href>", drive.target(name));
        assert!(listing.contains(&href), "{name}: {href} is not in\n{listing}");
        assert_eq!(drive.content(name), format!("content {n}"), "{name}");
        drive.expect(201, name, &["-X", "MOVE", "-H", &drive.to("moved")]);
        drive.expect(201, "moved", &["-X", "MOVE", "-H", &drive.to(name)]);
    }
    let listed = ok(drive.demo.sftp(STAFF, &format!("ls -1a \"/{}\"", drive.folder)));
    let listed: BTreeSet<_> = listed.lines().skip(1).map(|line| line.rsplit('/').next().unwrap_or_default()).collect();
    for name in difficult().iter().filter(|name| name.is_ascii()) {
        assert!(listed.contains(name.as_str()), "{name} is not in {listed:?}");
    }
}

/// rclone with both doors as remotes.
pub(crate) fn rclone(demo: &Demo, home: &Path, folder: &str, arguments: &[&str]) -> Output {
    let obscured = ok(client("rclone").args(["obscure", demo.password(CLIENT_ONE)]).output().expect("rclone"));
    client("rclone")
        .env("RCLONE_CONFIG", home.join("none.conf"))
        .env("RCLONE_CONFIG_DAV_TYPE", "webdav")
        .env("RCLONE_CONFIG_DAV_VENDOR", "other")
        .env("RCLONE_CONFIG_DAV_URL", demo.url(folder))
        .env("RCLONE_CONFIG_DAV_USER", CLIENT_ONE)
        .env("RCLONE_CONFIG_DAV_PASS", obscured.trim())
        .env("RCLONE_CONFIG_SSH_TYPE", "sftp")
        .env("RCLONE_CONFIG_SSH_HOST", "127.0.0.1")
        .env("RCLONE_CONFIG_SSH_PORT", demo.sftp_port())
        .env("RCLONE_CONFIG_SSH_USER", CLIENT_ONE)
        .env("RCLONE_CONFIG_SSH_KEY_FILE", demo.key(CLIENT_ONE))
        .env("RCLONE_CONFIG_SSH_SHELL_TYPE", "none")
        .env("RCLONE_CONFIG_SSH_DISABLE_HASHCHECK", "true")
        .args(["--ca-cert", demo.text("ca_file"), "--retries", "1"])
        .args(arguments)
        .output()
        .expect("rclone is installed")
}

#[test]
fn rclone_syncs_difficult_names_both_ways_and_the_doors_see_one_tree() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let up = dir.path().join("up");
    std::fs::create_dir_all(up.join("Ordner ä # ? %41")).expect("made");
    local(&up);
    std::fs::write(up.join("Ordner ä # ? %41/inside & out.txt"), "inside").expect("written");
    let top = format!("{}/names-rclone", room());
    assert_eq!(demo.status(CLIENT_ONE, &top, &["-X", "MKCOL"]), 201);
    let up_text = up.to_string_lossy().into_owned();
    let run = |arguments: &[&str]| ok(rclone(demo, dir.path(), &top, arguments));
    for (put, get) in [("dav:a".to_owned(), format!("ssh:{top}/a")), (format!("ssh:{top}/b"), "dav:b".to_owned())] {
        run(&["sync", &up_text, &put]);
        run(&["check", "--download", &up_text, &put]);
        run(&["check", "--download", &up_text, &get]);
        let down = dir.path().join(put.replace(['/', ':'], "-"));
        run(&["sync", &get, &down.to_string_lossy()]);
        same(&up, &down);
    }
}

#[test]
fn a_name_has_one_spelling_for_every_client() {
    let drive = Drive::fresh("spelling");
    let names = |drive: &Drive| {
        let listing = drive.expect(207, "", &["-X", "PROPFIND", "-H", "Depth: 1"]).text();
        listing.matches("<D:response>").count() - 1
    };
    // macOS sends decomposed letters, the others composed ones.
    let (nfd, nfc) = ("Vertra\u{308}ge e\u{301}.txt", "Vertr\u{e4}ge \u{e9}.txt");
    drive.put(201, nfd, "first", &[]);
    assert_eq!((drive.content(nfc), drive.content(nfd)), ("first".to_owned(), "first".to_owned()));
    let folder = drive.folder.clone();
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("second");
    std::fs::write(&file, "second").expect("written");
    ok(drive.demo.sftp(CLIENT_ONE, &format!("put \"{}\" \"/{folder}/{nfc}\"", file.display())));
    assert_eq!(drive.content(nfd), "second");
    ok(drive.demo.sftp(CLIENT_ONE, &format!("put \"{}\" \"/{folder}/{nfd}\"", file.display())));
    assert_eq!(names(&drive), 1);
    // A case twin reads as the same document; to make one is refused with the reason, whichever way.
    assert_eq!(drive.content(&nfc.to_uppercase()), "second");
    let twin = "something is there already whose name differs only in upper and lower case";
    let refused = drive.put(409, &nfc.to_uppercase(), "third", &[]).text();
    assert!(refused.contains(twin), "{refused}");
    assert_eq!((drive.content(nfc), names(&drive)), ("second".to_owned(), 1));
    drive.put(201, "stra\u{df}e.txt", "one", &[]);
    drive.put(412, "STRASSE.TXT", "two", &["-H", "If-None-Match: *"]);
    let refused = drive.expect(409, "STRASSE.TXT", &["-X", "MKCOL"]).text();
    assert!(refused.contains(twin), "{refused}");
    run(async {
        let mut wire = Sftp::ready_as(drive.demo, CLIENT_ONE).await;
        let path = string(format!("/{folder}/STRASSE.TXT").as_bytes());
        let own = string(format!("/{folder}/{nfc}").as_bytes());
        let flags = (WRITE | CREATE | TRUNCATE).to_be_bytes();
        let posix = string(b"posix-rename@openssh.com");
        for request in [
            packet(14, 1, &[&path, &[0; 4]]),
            packet(3, 1, &[&path, &flags, &[0; 4]]),
            packet(200, 1, &[&posix, &own, &path]),
        ] {
            wire.send(&request).await;
            let (_, code, text) = wire.status().await;
            assert_eq!((code, text.as_str()), (4, twin), "{request:?}");
        }
    });
    drive.put(201, "other", "other", &[]);
    for method in ["MOVE", "COPY"] {
        drive.expect(409, "other", &["-X", method, "-H", &drive.to("Strasse.txt")]);
    }
    drive.expect(201, "folder", &["-X", "MKCOL"]);
    drive.put(201, "folder/inside", "kept", &[]);
    drive.expect(409, "other", &["-X", "MOVE", "-H", &drive.to("FOLDER")]);
    assert_eq!(drive.content("folder/inside"), "kept");
    drive.expect(204, "folder", &["-X", "DELETE"]);
    drive.expect(412, "other", &["-X", "MOVE", "-H", &drive.to("Strasse.txt"), "-H", "Overwrite: F"]);
    assert_eq!((drive.content("STRASSE.txt"), names(&drive)), ("one".to_owned(), 3));
    // Another case is another name for the same document.
    drive.expect(201, "other", &["-X", "MOVE", "-H", &drive.to("OTHER")]);
    let listing = drive.expect(207, "", &["-X", "PROPFIND", "-H", "Depth: 1"]).text();
    assert!(listing.contains("/OTHER</D:href>") && !listing.contains("/other</D:href>"), "{listing}");
}

#[test]
fn lftp_mirrors_difficult_names_there_and_back() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let up = dir.path().join("up");
    std::fs::create_dir(&up).expect("made");
    local(&up);
    let ssh = dir.path().join("ssh.sh");
    let options: Vec<String> = demo.ssh_options(CLIENT_ONE).iter().map(|option| format!("'{option}'")).collect();
    std::fs::write(&ssh, format!("#!/bin/sh\nexec ssh -a -x {} \"$@\"\n", options.join(" "))).expect("written");
    let script = format!(
        "set sftp:connect-program 'sh {}'; set net:max-retries 1; set net:timeout 20; set sftp:charset UTF-8; set file:charset \
         UTF-8; open -u {CLIENT_ONE},x sftp://127.0.0.1; cd '{}'; mirror -R up names-lftp; mirror names-lftp down",
        ssh.display(),
        room()
    );
    let mut lftp = client("lftp");
    lftp.env("LC_ALL", "C.UTF-8").current_dir(dir.path()).args(["--norc", "-c", &script]);
    ok(lftp.output().expect("lftp is installed"));
    same(&up, &dir.path().join("down"));
}

#[test]
fn cadaver_puts_and_gets_difficult_names() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let here = dir.path();
    let (up, down) = (here.join("up"), here.join("down"));
    std::fs::create_dir(&up).expect("made");
    std::fs::create_dir(&down).expect("made");
    // What its command line cannot say is left to the other clients.
    let names: Vec<_> = difficult().into_iter().filter(|name| !name.contains(['"', '\'', '`'])).collect();
    let mut script = String::from("y\n");
    for name in &names {
        std::fs::write(up.join(name), format!("content of {name}")).expect("written");
        script.push_str(&format!("put \"up/{name}\" \"{name}\"\nget \"{name}\" \"down/{name}\"\n"));
    }
    std::fs::write(here.join("script"), script + "quit\n").expect("written");
    let folder = format!("{}/names-cadaver", room());
    assert_eq!(demo.status(CLIENT_ONE, &folder, &["-X", "MKCOL"]), 201);
    let password = demo.password(CLIENT_ONE);
    std::fs::write(here.join(".netrc"), format!("machine 127.0.0.1\nlogin {CLIENT_ONE}\npassword {password}\n"))
        .expect("written");
    let output = Command::new("script")
        .env("HOME", here)
        .env("LC_ALL", "C.UTF-8")
        .current_dir(here)
        .args(["-qec", &format!("cadaver '{}/'", demo.url(&folder)), "/dev/null"])
        .stdin(std::fs::File::open(here.join("script")).expect("a script"))
        .output()
        .expect("script is installed");
    for name in &names {
        let content = ok(demo.curl(CLIENT_ONE, &format!("{folder}/{name}"), &["--fail", "--path-as-is"]));
        assert_eq!(content, format!("content of {name}"), "{name}: {}", both(&output));
    }
    same(&up, &down);
}

#[test]
fn davfs2_writes_and_reads_difficult_names() {
    let path = format!("{}/names-davfs", room());
    assert_eq!(Demo::shared().status(CLIENT_ONE, &path, &["-X", "MKCOL"]), 201);
    let mount = davfs(Demo::shared(), &path);
    // It keeps a copy under the name with a little more behind it.
    let names: Vec<_> = difficult().into_iter().filter(|name| name.len() < 240).collect();
    for (n, name) in names.iter().enumerate() {
        std::fs::write(mount.place().join(name), format!("content {n}")).unwrap_or_else(|why| panic!("{name}: {why}"));
    }
    for (n, name) in names.iter().enumerate() {
        let at = format!("{path}/{name}");
        let arrived = || stdout(&Demo::shared().curl(CLIENT_ONE, &at, &["--path-as-is"])) == format!("content {n}");
        wait_for(name, arrived);
        assert_eq!(std::fs::read_to_string(mount.place().join(name)).expect("read"), format!("content {n}"), "{name}");
    }
    mount.unmount();
}

#[test]
fn a_firm_can_refuse_new_names_that_windows_cannot_hold() {
    let demo = Demo::start();
    let at = |name: &str| format!("{}/{name}", room());
    assert_eq!(demo.status(CLIENT_ONE, &at("before?.txt"), &["-T", "/etc/hostname"]), 201, "unless it is told to");
    demo.configure(|toml| toml.replacen("[names]\n", "[names]\nwindows = \"refuse\"\n", 1));
    assert!(ok(demo.deedbox(&["reload"])).contains("names.windows"));
    let unfit = [
        "CON",
        "nul.txt",
        "Com1.pdf",
        "trailing dot.",
        "trailing space ",
        "a:b",
        "what?",
        "a|b",
        "2*2",
        "<b>",
        "\"so\"",
    ];
    for name in unfit {
        let refused = demo.curl(CLIENT_ONE, &at(name), &["-T", "/etc/hostname", "-w", "%{http_code}", "--path-as-is"]);
        let told = stdout(&refused);
        assert!(told.contains("Windows cannot hold this name") && told.ends_with("403"), "{name}: {told}");
        assert_eq!(demo.status(CLIENT_ONE, &at(name), &["-X", "MKCOL", "--path-as-is"]), 403, "{name}");
    }
    run(async {
        let mut wire = Sftp::ready_as(&demo, CLIENT_ONE).await;
        let (flags, old) = ((WRITE | CREATE | TRUNCATE).to_be_bytes(), string(at("before?.txt").as_bytes()));
        for name in unfit {
            let path = string(at(name).as_bytes());
            for request in [
                packet(3, 1, &[&path, &flags, &[0; 4]]),
                packet(14, 1, &[&path, &[0; 4]]),
                packet(18, 1, &[&old, &path]),
            ] {
                wire.send(&request).await;
                let (_, code, text) = wire.status().await;
                assert!(code == 4 && text.starts_with("Windows cannot hold this name"), "{name}: {code} {text}");
            }
        }
    });
    // What is there already is read, written and put elsewhere under its name.
    assert_eq!(demo.status(CLIENT_ONE, &at("before?.txt"), &["-T", "/etc/passwd"]), 204);
    assert_eq!(demo.status(CLIENT_ONE, &at("sub"), &["-X", "MKCOL"]), 201);
    let to = format!("Destination: {}", demo.url(&at("sub/before?.txt")));
    assert_eq!(demo.status(CLIENT_ONE, &at("before?.txt"), &["-X", "MOVE", "-H", &to]), 201);
    for name in ["console.txt", " leading", "100% #1.txt", "~$draft.docx", "Ω.pdf"] {
        assert_eq!(demo.status(CLIENT_ONE, &at(name), &["-T", "/etc/hostname"]), 201, "{name}");
    }
    assert!(ok(demo.deedbox(&["audit", "show"])).contains("Windows cannot hold this name"));
}

/// What no document may be called, as bytes, and a word of the reason.
fn impossible() -> Vec<(Vec<u8>, &'static str)> {
    let long = |length| "x".repeat(length).into_bytes();
    vec![
        (long(256), "at most 255 bytes"),
        (long(300), "at most 255 bytes"),
        ("契".repeat(86).into_bytes(), "at most 255 bytes"),
        (b"a\0b".to_vec(), "control characters"),
        (b"a\nb".to_vec(), "control characters"),
        (b"a\x1b[31mb".to_vec(), "control characters"),
        (b"a\x7fb".to_vec(), "control characters"),
        ("a\u{85}b".as_bytes().to_vec(), "control characters"),
        ("a\u{2028}b".as_bytes().to_vec(), "control characters"),
        (b"a\\b".to_vec(), "control characters"),
        (b"a\xff\xfeb".to_vec(), "UTF-8"),
        (b"a\xc0\xafb".to_vec(), "UTF-8"),
    ]
}

#[test]
fn over_sftp_impossible_names_are_refused_with_a_reason() {
    run(async {
        let mut wire = Sftp::ready_as(Demo::shared(), CLIENT_ONE).await;
        for (name, reason) in impossible() {
            let path = string(&[room().as_bytes(), b"/", &name].concat());
            let flags = (WRITE | CREATE | TRUNCATE).to_be_bytes();
            let own = string(format!("{}/nothing", room()).as_bytes());
            for request in [
                packet(3, 1, &[&path, &flags, &[0; 4]]),
                packet(14, 1, &[&path, &[0; 4]]),
                packet(18, 1, &[&own, &path]),
            ] {
                wire.send(&request).await;
                let (_, code, text) = wire.status().await;
                assert!(code == 4 && text.contains(reason), "{name:?}: {code} {text}");
            }
            // What cannot be is not there.
            for request in [packet(17, 1, &[&path]), packet(3, 1, &[&path, &READ.to_be_bytes(), &[0; 4]])] {
                wire.send(&request).await;
                assert_eq!(wire.status().await.1, 2, "{name:?}");
            }
        }
        // `..` goes up and stops at the top; it never leaves the tree.
        for path in ["/..", "/../../../etc/passwd/../../..", &format!("{}/../../..", room()), ".."] {
            wire.send(&packet(16, 1, &[&string(path.as_bytes())])).await;
            let answer = wire.answer().await.expect("an answer");
            assert!(answer[0] == 104 && answer[9..14] == [0, 0, 0, 1, b'/'], "{path}: {answer:?}");
        }
        wire.send(&packet(17, 1, &[&string(b"/../../etc/passwd")])).await;
        assert_eq!(wire.status().await.1, 2);
    });
}

#[test]
fn over_webdav_impossible_names_are_refused_with_a_reason() {
    let drive = Drive::fresh("impossible");
    drive.put(201, "a", "a", &[]);
    for (name, reason) in impossible() {
        let encoded: String = name.iter().map(|byte| format!("%{byte:02X}")).collect();
        for method in ["PUT", "MKCOL", "LOCK"] {
            let head = format!("{method} {}/{encoded} HTTP/1.1\r\nContent-Length: 0", drive.target(""));
            let answer = drive.raw(&head, b"", false);
            assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(reason), "{method} {name:?}: {answer}");
        }
        let head = format!(
            "MOVE {} HTTP/1.1\r\nContent-Length: 0\r\nDestination: {}/{encoded}",
            drive.target("a"),
            drive.target("")
        );
        let answer = drive.raw(&head, b"", false);
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(reason), "{name:?}: {answer}");
    }
    for dots in ["..", "%2e%2e", ".%2E", "%2e", "a/..", "../../../../etc/passwd"] {
        let head = format!("GET {}/{dots} HTTP/1.1", drive.target(""));
        let answer = drive.raw(&head, b"", false);
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("are not names"), "{dots}: {answer}");
    }
    assert_eq!(drive.content("a"), "a");
}

#[test]
fn a_path_may_be_deep_and_long_up_to_the_limits() {
    let drive = Drive::fresh("deep");
    // The matter, its area, the shared room and this folder are the first four of 64.
    let mut path = String::new();
    for n in 4..63 {
        path = format!("{path}{}{n}", if path.is_empty() { "" } else { "/" });
        drive.expect(201, &path, &["-X", "MKCOL"]);
    }
    drive.put(201, &format!("{path}/last"), "deep", &[]);
    assert_eq!(drive.content(&format!("{path}/last")), "deep");
    drive.expect(201, &format!("{path}/folder"), &["-X", "MKCOL"]);
    let refused = drive.put(400, &format!("{path}/folder/beyond"), "x", &[]).text();
    assert!(refused.contains("at most 4096 bytes and 64 folders"), "{refused}");
}
