//! What drives make of answers: nothing reads as a document that has vanished, and the way to a folder can be walked.

use std::collections::BTreeSet;

use crate::demo::*;
use crate::webdav_drive::Drive;

const FIND: [&str; 4] = ["-X", "PROPFIND", "-H", "Depth: 1"];

/// Status and body of a request on the whole server, by its path from the root.
fn ask(demo: &Demo, user: &str, path: &str, arguments: &[&str]) -> (u16, String) {
    let url = format!("{}{path}", demo.text("webdav_url").trim_end_matches("/dav/"));
    let output = client("curl")
        .args(["-sS", "--path-as-is", "--cacert", demo.text("ca_file"), "-u", user, "-w", "\n%{http_code}"])
        .args(arguments)
        .arg(url)
        .output()
        .expect("curl is installed");
    let text = stdout(&output);
    let (body, status) = text.rsplit_once('\n').unwrap_or_else(|| panic!("{}", both(&output)));
    (status.parse().expect("a status"), body.to_owned())
}

fn hrefs(text: &str) -> BTreeSet<String> {
    text.split("<D:href>").skip(1).filter_map(|rest| rest.split('<').next()).map(str::to_owned).collect()
}

#[test]
fn the_folders_above_a_permitted_one_can_be_walked_and_show_nothing_that_is_hidden() {
    let demo = Demo::shared();
    let user = |login: &str| format!("{login}:{}", demo.password(login));
    let matter = demo.url(MATTER_ONE).split_once("/dav/").map(|(_, path)| format!("/dav/{path}/")).expect("a path");
    let documents = format!("{matter}Documents/");
    for path in ["/", "/dav", "/dav/", &matter, &documents, &format!("{documents}From%20us/")] {
        for depth in ["0", "1"] {
            let (status, body) = ask(demo, &user(EXPERT), path, &["-X", "PROPFIND", "-H", &format!("Depth: {depth}")]);
            assert_eq!(status, 207, "{path} {body}");
            for hidden in ["Drop", "Internal", "Drafts", "From%20you", "2026-0002", "Invoices"] {
                assert!(!body.contains(hidden), "{hidden} in {path}: {body}");
            }
        }
    }
    let (_, top) = ask(demo, &user(EXPERT), "/", &FIND);
    assert_eq!(hrefs(&top), BTreeSet::from(["/".to_owned(), "/dav/".to_owned()]));
    let (_, root) = ask(demo, &user(EXPERT), "/dav/", &FIND);
    assert_eq!(hrefs(&root), BTreeSet::from(["/dav/".to_owned(), matter.clone()]));
    // Whoever is on no matter walks as far as the root.
    let (status, root) = ask(demo, &user(ADMIN), "/dav/", &FIND);
    assert_eq!((status, hrefs(&root)), (207, BTreeSet::from(["/dav/".to_owned()])));
    // What is hidden and what is not there get one answer.
    let shape = |(status, body): (u16, String), name: &str| (status, body.replace(name, ""));
    for method in ["PROPFIND", "GET", "OPTIONS", "LOCK"] {
        let hidden = ask(demo, &user(EXPERT), &format!("{documents}Internal"), &["-X", method, "-H", "Depth: 0"]);
        let absent = ask(demo, &user(EXPERT), &format!("{documents}Absently"), &["-X", method, "-H", "Depth: 0"]);
        assert_eq!(shape(hidden, "Internal"), shape(absent, "Absently"), "{method}");
    }
}

#[test]
fn a_login_with_a_windows_domain_before_it_is_that_login() {
    let demo = Demo::shared();
    let password = demo.password(CLIENT_ONE);
    for domain in ["FIRM\\", "some.domain.example\\"] {
        assert_eq!(ask(demo, &format!("{domain}{CLIENT_ONE}:{password}"), "/dav/", &FIND).0, 207, "{domain}");
    }
    assert_eq!(ask(demo, &format!("FIRM\\{CLIENT_ONE}:wrong"), "/dav/", &FIND).0, 401);
}

#[test]
fn options_without_a_login_tells_the_same_of_everything() {
    let demo = Demo::shared();
    let told = |path: &str| {
        let url = format!("{}{path}", demo.text("webdav_url").trim_end_matches("/dav/"));
        let mut curl = client("curl");
        let output = curl.args(["-sS", "-i", "-X", "OPTIONS", "--cacert", demo.text("ca_file")]).arg(url).output();
        let text = stdout(&output.expect("curl is installed")).to_lowercase();
        text.lines().filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("\n")
    };
    let there = told(
        demo.url(MATTER_ONE).split_once("/dav/").map(|(_, path)| format!("/dav/{path}")).expect("a path").as_str(),
    );
    for path in ["/dav/", "/dav/no/such/place", "/dav/2026-0002%20Estate%20of%20A%20Testator"] {
        assert_eq!(told(path), there, "{path}");
    }
    assert!(there.contains("dav: 1, 2") && there.contains("ms-author-via: dav"), "{there}");
    for word in ["deedbox", "server:", "firm", "2026"] {
        assert!(!there.contains(word), "{word} in {there}");
    }
}

#[test]
fn credentials_in_a_destination_are_written_down_nowhere() {
    let demo = Demo::start();
    demo.configure(|toml| toml.replacen("[log]\n", "[log]\nfilter = \"info,deedbox=trace\"\n", 1));
    ok(demo.deedbox(&["reload"]));
    let path = |name: &str| format!("{MATTER_ONE}/Documents/Shared room/{name}");
    assert_eq!(demo.status(CLIENT_ONE, &path("a.txt"), &["-T", "/etc/hostname"]), 201);
    let with = |url: &str| url.replacen("https://", "https://kio.user:Kio-Secret-77@", 1);
    let to = format!("Destination: {}", with(&demo.url(&path("b.txt"))));
    assert_eq!(demo.status(CLIENT_ONE, &path("a.txt"), &["-X", "MOVE", "-H", &to]), 201);
    for wrong in ["https://elsewhere.example/dav/x", "https://127.0.0.1/dav/%zz", "https://127.0.0.1/dav/a#b"] {
        let to = format!("Destination: {}", with(wrong));
        let output = demo.curl(CLIENT_ONE, &path("b.txt"), &["-X", "COPY", "-i", "-H", &to]);
        let told = both(&output);
        assert!(!told.contains("Kio-Secret") && told.contains(" 40"), "{told}");
    }
    let written = demo.log() + &both(&demo.deedbox(&["audit", "show"]));
    assert!(written.contains("b.txt") && !written.contains("Kio-Secret") && !written.contains("kio.user"));
}

#[test]
fn no_refusal_reads_as_a_document_that_has_vanished() {
    let drive = Drive::fresh("finder");
    drive.put(201, "a.txt", "a", &[]);
    drive.expect(201, "folder", &["-X", "MKCOL"]);
    let up = Drive { folder: drive.folder.rsplit_once('/').expect("a folder above").0.to_owned(), ..drive };
    let lock = "<lockinfo xmlns='DAV:'><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>";
    let inside = |name: &str| format!("finder/{name}");
    for name in ["._a.txt", ".DS_Store", ".metadata_never_index", "Backups.backupdb", ".Spotlight-V100", "._."] {
        assert_eq!(up.send(&inside(name), &["-X", "PROPFIND", "-H", "Depth: 0"]).status, 404, "{name}");
    }
    let destinations = ["finder/b", "finder/no/b", "", "finder/folder/b"].map(|to| up.to(to));
    let mut statuses = BTreeSet::new();
    for name in ["", "finder", "finder/a.txt", "finder/a.txt/below", "finder/none", "finder/none/b"] {
        for arguments in [
            &["-I"][..],
            &["-X", "GET"],
            &["-X", "PROPFIND", "-H", "Depth: 0"],
            &["-X", "PROPFIND", "-H", "Depth: infinity"],
            &[
                "-X",
                "PROPPATCH",
                "-d",
                "<propertyupdate xmlns='DAV:'><set><prop><p xmlns='x'>1</p></prop></set></propertyupdate>",
            ],
            &["-X", "PUT", "-d", "x", "-H", "If-Match: \"none\""],
            &["-X", "PUT", "-d", "x", "-H", "Content-Range: bytes 0-0/9"],
            &["-X", "MKCOL", "-d", "<mkcol/>"],
            &["-X", "LOCK", "-d", lock, "-H", "If: (<opaquelocktoken:none>)"],
            &["-X", "LOCK", "-d", "nonsense"],
            &["-X", "UNLOCK", "-H", "Lock-Token: <opaquelocktoken:00000000-0000-0000-0000-000000000000>"],
            &["-X", "DELETE", "-H", "If-Match: \"none\""],
            &["-X", "POST", "-d", "x"],
            &["-X", "PATCH", "-d", "x"],
            &["-X", "REPORT", "-d", "<report/>"],
            &["-X", "TRACE"],
            &["-X", "FROBNICATE"],
        ] {
            let status = up.send(name, arguments).status;
            assert!(status < 500 || status == 507, "{status} {name} {arguments:?}");
            statuses.insert(status);
        }
        for destination in &destinations {
            for method in ["COPY", "MOVE"] {
                let status = up.send(name, &["-X", method, "-H", destination, "-H", "Overwrite: F"]).status;
                assert!(status < 500 || status == 507, "{status} {method} {name} {destination}");
                statuses.insert(status);
            }
        }
    }
    assert!(statuses.len() > 6, "the requests are of many kinds: {statuses:?}");
}
