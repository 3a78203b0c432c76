//! The pages as a browser gets them, with curl: signing in, forms, folders, uploads, the account.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::demo::*;
use crate::factors::{code, early_in_a_step, enable};

/// A browser: curl with a jar of cookies.
pub(crate) struct Browser<'a> {
    demo: &'a Demo,
    home: TempDir,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In small letters.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }

    /// The token that the page's forms carry.
    pub(crate) fn csrf(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("{}", self.body));
        rest.split('"').next().expect("a value").to_owned()
    }
}

impl<'a> Browser<'a> {
    pub(crate) fn new(demo: &'a Demo) -> Self {
        Self { demo, home: tempfile::tempdir().expect("a directory") }
    }

    fn jar(&self) -> PathBuf {
        self.home.path().join("cookies")
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.demo.text("webdav_url").trim_end_matches("/dav/"))
    }

    fn command(&self) -> Command {
        let mut curl = client("curl");
        curl.args(["-sS", "--path-as-is", "--cacert", self.demo.text("ca_file"), "-b"])
            .arg(self.jar())
            .arg("-c")
            .arg(self.jar());
        curl
    }

    pub(crate) fn request(&self, path: &str, arguments: &[&str]) -> Answer {
        let head = self.home.path().join("head");
        let mut curl = self.command();
        let output = curl.arg("-D").arg(&head).args(arguments).arg(self.url(path)).output().expect("curl is installed");
        assert!(output.status.success(), "{path} {arguments:?}: {}", both(&output));
        let head = std::fs::read_to_string(head).expect("a head");
        let head = head.replace("\r\n", "\n");
        let last = head.trim_end().rsplit("\n\n").next().unwrap_or_default();
        let status = last.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{head}"));
        let lower = |line: &str| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}\n", name.to_lowercase()),
            None => format!("{line}\n"),
        };
        Answer { status, head: last.lines().map(lower).collect(), body: stdout(&output) }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request(path, &[])
    }

    pub(crate) fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let arguments: Vec<&str> = fields.iter().flat_map(|field| ["--data-urlencode", field]).collect();
        // A form without fields is a POST, too.
        self.request(path, &if arguments.is_empty() { vec!["-X", "POST"] } else { arguments })
    }

    /// A form of a page: with the page's token.
    pub(crate) fn send(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.get(page).csrf();
        self.post(path, &[&[("csrf", csrf.as_str())], fields].concat())
    }

    pub(crate) fn try_sign_in(&self, login: &str, password: &str) -> Answer {
        self.post("/sign-in", &[("login", login), ("password", password)])
    }

    pub(crate) fn sign_in(demo: &'a Demo, login: &str) -> Self {
        let browser = Self::new(demo);
        let answer = browser.try_sign_in(login, demo.password(login));
        assert_eq!((answer.status, answer.header("location")), (303, "/"), "{}", answer.body);
        browser
    }

    /// Uploads files by the folder's form.
    pub(crate) fn upload(&self, folder: &str, files: &[&Path]) -> Answer {
        let token = format!("csrf={}", self.get(&page(folder)).csrf());
        let parts: Vec<_> = files.iter().map(|file| format!("documents=@{}", file.display())).collect();
        let parts: Vec<_> = std::iter::once(&token).chain(&parts).flat_map(|part| ["-F", part.as_str()]).collect();
        self.request(&under("/upload", folder), &parts)
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let file = self.home.path().join(name);
        std::fs::write(&file, content).expect("written");
        file
    }
}

pub(crate) fn under(verb: &str, path: &str) -> String {
    let encode = |b: u8| match b {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(b).to_string(),
        other => format!("%{other:02X}"),
    };
    format!("{verb}/{}", path.bytes().map(encode).collect::<String>())
}

pub(crate) fn page(folder: &str) -> String {
    under("/m", folder) + "/"
}

pub(crate) fn documents(folder: &str) -> String {
    format!("{MATTER_ONE}/Documents/{folder}")
}

#[test]
fn who_signs_in_sees_the_own_matters_with_their_areas_and_no_others() {
    let demo = Demo::shared();
    let browser = Browser::new(demo);
    let asked = browser.get("/");
    assert_eq!((asked.status, asked.header("location")), (303, "/sign-in"));
    let form = browser.get("/sign-in");
    assert_eq!(form.status, 200);
    assert!(form.body.contains("name=\"password\""), "{}", form.body);
    assert!(form.body.contains("<a class=\"skip\" href=\"#main\">"), "{}", form.body);

    let signed_in = browser.try_sign_in(&CLIENT_ONE.to_uppercase(), demo.password(CLIENT_ONE));
    let cookie = signed_in.header("set-cookie");
    assert!(cookie.starts_with("__Host-deedbox="), "{cookie}");
    for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.split("; ").any(|one| one == part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Domain") && !cookie.contains("Max-Age"), "{cookie}");
    let matters = browser.get("/");
    assert!(matters.body.contains("Purchase of 12 High Street"), "{}", matters.body);
    assert!(
        matters.body.contains(&format!("href=\"{}\"", page(&format!("{MATTER_ONE}/Documents")))),
        "{}",
        matters.body
    );
    assert!(matters.body.contains(">Invoices</a>") && !matters.body.contains(">Tasks</a>"), "{}", matters.body);
    assert!(!matters.body.contains("Estate of A Testator"), "{}", matters.body);
    assert_eq!(matters.header("cache-control"), "no-store");
    let policy = matters.header("content-security-policy");
    for part in
        ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"]
    {
        assert!(policy.split("; ").any(|one| one == part), "{part} in {policy}");
    }
    assert_eq!(matters.header("x-content-type-options"), "nosniff");
    let staff = Browser::sign_in(demo, STAFF).get("/");
    assert!(staff.body.contains("Estate of A Testator"), "{}", staff.body);
    let record = ok(demo.deedbox(&["audit", "show"]));
    assert!(record.lines().any(|line| line.contains("web") && line.contains(CLIENT_ONE)), "{record}");
}

#[test]
fn a_wrong_password_and_an_unknown_login_get_the_same_page() {
    let demo = Demo::start();
    let refused = |login: &str, password: &str| {
        let answer = Browser::new(&demo).try_sign_in(login, password);
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains("Login or password is not right.") && answer.body.contains("role=\"alert\""));
        assert!(!answer.head.contains("set-cookie"), "{}", answer.head);
        answer.body.replace(login, "LOGIN")
    };
    let wrong = refused(CLIENT_ONE, "wrong");
    ok(demo.deedbox(&["account", "disable", CLIENT_TWO]));
    assert_eq!(refused("nobody@example.com", "wrong"), wrong);
    assert_eq!(refused(CLIENT_TWO, demo.password(CLIENT_TWO)), wrong);
    // A device is no person, whatever its password.
    let of_scanner = demo.deedbox_json(&["account", "password", SCANNER]);
    assert_eq!(refused(SCANNER, of_scanner["password"].as_str().expect("shown once")), wrong);
    let markup = Browser::new(&demo).try_sign_in("\"><script>alert(1)</script>", "x");
    assert!(!markup.body.contains("<script>alert"), "{}", markup.body);
}

#[test]
fn too_many_guesses_are_told_when_to_come_again() {
    let demo = Demo::start();
    let guess = || Browser::new(&demo).try_sign_in("somebody@example.com", "guess");
    (0..5).for_each(|_| assert_eq!(guess().status, 403));
    std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..10).map(|_| scope.spawn(guess)).collect();
        guesses.into_iter().for_each(|guess| drop(guess.join().expect("an answer")));
    });
    let told = guess();
    assert_eq!(told.status, 429, "{}", told.body);
    assert!((1..=60).contains(&told.header("retry-after").parse::<u32>().expect("seconds")));
    assert!(told.body.contains("too many attempts"), "{}", told.body);
    // Nobody else has to wait for it.
    Browser::sign_in(&demo, CLIENT_ONE);
}

#[test]
fn a_form_of_another_site_and_one_without_the_sessions_token_do_nothing() {
    let demo = Demo::shared();
    let (mine, theirs) = (Browser::sign_in(demo, CLIENT_ONE), Browser::sign_in(demo, CLIENT_TWO));
    let room = documents("Shared room");
    let make = under("/new-folder", &room);
    let (own, foreign) = (mine.get(&page(&room)).csrf(), theirs.get(&page(&room)).csrf());
    assert_ne!(own, foreign);
    let attempt = |csrf: Option<&str>, headers: &[&str]| {
        let token = format!("csrf={}", csrf.unwrap_or_default());
        let fields: &[&str] =
            if csrf.is_some() { &["-d", &token, "-d", "name=forged"] } else { &["-d", "name=forged"] };
        mine.request(&make, &[fields, headers].concat()).status
    };
    assert_eq!(attempt(Some(&foreign), &[]), 403, "another session's token");
    assert_eq!(attempt(Some(""), &[]), 403);
    assert_eq!(attempt(None, &[]), 400, "not a form of ours");
    for header in
        ["Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"]
    {
        assert_eq!(attempt(Some(&own), &["-H", header]), 403, "{header}");
    }
    let upload =
        mine.request(&under("/upload", &room), &["-F", "csrf=x", "-F", "documents=forged;filename=forged.txt"]);
    assert_eq!(upload.status, 403, "{}", upload.body);
    let before = mine
        .request(&under("/upload", &room), &["-F", "documents=f;filename=forged.txt", "-F", &format!("csrf={own}")]);
    assert_eq!(before.status, 403, "the token comes before what it is for");
    assert!(!mine.get(&page(&room)).body.contains("forged"));
    let other = Browser::new(demo);
    let credentials = format!("login={CLIENT_TWO}&password={}", demo.password(CLIENT_TWO));
    let signed_in = other.request("/sign-in", &["-d", &credentials, "-H", "Sec-Fetch-Site: cross-site"]);
    assert_eq!(signed_in.status, 403, "nobody is signed in by another site");
    assert!(!signed_in.head.contains("set-cookie"), "{}", signed_in.head);
    assert_eq!(attempt(Some(&own), &["-H", "Sec-Fetch-Site: same-origin"]), 303);
    assert!(mine.get(&page(&room)).body.contains(">forged</a>"));
}

#[test]
fn a_cookie_from_before_is_not_the_sessions_and_links_lead_to_pages_alone() {
    let demo = Demo::shared();
    let browser = Browser::new(demo);
    let planted = "A".repeat(43);
    let credentials = format!("login={CLIENT_ONE}&password={}", demo.password(CLIENT_ONE));
    let cookie = format!("Cookie: __Host-deedbox={planted}");
    let answer = browser.request("/sign-in", &["-d", &credentials, "-H", &cookie]);
    assert!(!answer.header("set-cookie").contains(&planted), "{}", answer.head);
    let used = Browser::new(demo).request("/", &["-H", &cookie]);
    assert_eq!(used.header("location"), "/sign-in");

    let folder = page(&documents("From us"));
    let asked = Browser::new(demo).get(&folder);
    let next = asked.header("location").to_owned();
    assert!(next.starts_with("/sign-in?next=%2Fm%2F2026-0001"), "{next}");
    for (next, to) in [
        (folder.as_str(), folder.as_str()),
        ("https://evil.example/", "/"),
        ("//evil.example/m/", "/"),
        ("/\\evil.example", "/"),
    ] {
        let fields = [("login", CLIENT_ONE), ("password", demo.password(CLIENT_ONE)), ("next", next)];
        assert_eq!(Browser::new(demo).post("/sign-in", &fields).header("location"), to, "{next}");
    }
}

#[test]
fn what_may_not_be_seen_reads_as_what_is_not_there() {
    let demo = Demo::shared();
    let browser = Browser::sign_in(demo, CLIENT_ONE);
    let nothing = browser.get(&page("2026-0009 Nothing"));
    assert_eq!(nothing.status, 404);
    for path in [
        page(MATTER_TWO),
        page(&format!("{MATTER_TWO}/Documents/From us")),
        page(&documents("Internal")),
        page(&documents("Nowhere")),
        under("/m", &documents("Internal/Note.txt")),
        page(&format!("{MATTER_ONE}/Tasks")),
        under("/zip", &documents("Internal")),
        "/m/%2e%2e/".to_owned(),
        "/m/a%2Fb/".to_owned(),
        format!("/m/{}/", "a".repeat(300)),
        "/nowhere".to_owned(),
    ] {
        let answer = browser.get(&path);
        assert_eq!((answer.status, &answer.body), (404, &nothing.body), "{path}");
    }
    let csrf = browser.get("/").csrf();
    let make = |folder: &str| browser.post(&under("/new-folder", folder), &[("csrf", &csrf), ("name", "x")]);
    let (hidden, absent) = (make(&documents("Internal")), make(&documents("Nowhere")));
    assert_eq!((hidden.status, hidden.body), (absent.status, absent.body));
}

#[test]
fn documents_go_up_and_down_under_every_name_and_nothing_of_a_name_is_markup() {
    let demo = Demo::shared();
    let browser = Browser::sign_in(demo, CLIENT_ONE);
    let room = documents("Shared room");
    let content = bytes(7, 3 << 20);
    let names = ["<script>alert(1)<script>.txt", "Übersicht \"Ω\" & 履歴.bin", "empty.dat"];
    let files =
        [browser.file("script.txt", b"not run"), browser.file("big.bin", &content), browser.file("empty.dat", b"")];
    let csrf = format!("csrf={}", browser.get(&page(&room)).csrf());
    let parts: Vec<_> = files
        .iter()
        .zip(names)
        .map(|(file, name)| format!("documents=@{};filename=\"{}\"", file.display(), name.replace('"', "\\\"")))
        .collect();
    let parts: Vec<_> = std::iter::once(&csrf).chain(&parts).flat_map(|part| ["-F", part.as_str()]).collect();
    let answer = browser.request(&under("/upload", &room), &parts);
    assert_eq!((answer.status, answer.header("location")), (303, page(&room).as_str()), "{}", answer.body);
    let listing = browser.get(&page(&room)).body;
    assert!(listing.contains("have been received") && listing.contains("role=\"status\""), "{listing}");
    assert!(!listing.contains("<script>alert"), "{listing}");
    assert!(listing.contains("3.1 MB") && listing.contains("0 bytes"), "{listing}");
    assert!(!browser.get(&page(&room)).body.contains("have been received"), "told once");
    for (name, content) in names.iter().zip([&b"not run"[..], &content, b""]) {
        let out = browser.home.path().join("out");
        let url = under("/m", &format!("{room}/{name}"));
        let answer = browser.request(&url, &["-o", &out.to_string_lossy()]);
        assert_eq!(answer.status, 200, "{name}");
        assert!(std::fs::read(&out).expect("downloaded") == content, "{name}");
        let disposition = answer.header("content-disposition");
        assert!(disposition.starts_with("attachment; filename=\""), "{disposition}");
        assert!(disposition.contains("filename*=UTF-8''"), "{disposition}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let head = browser.request(&url, &["-I"]);
        assert_eq!((head.status, head.header("content-length")), (200, content.len().to_string().as_str()), "{name}");
    }
    // The same document over the drive: one tree.
    let over_dav = browser.home.path().join("dav");
    demo.curl(CLIENT_ONE, &format!("{room}/{}", names[1]), &["-o", &over_dav.to_string_lossy()]);
    assert!(std::fs::read(over_dav).expect("downloaded") == content);
}

#[test]
fn forms_are_shown_and_work_where_the_rights_allow_it_and_nowhere_else() {
    let demo = Demo::start();
    let browser = Browser::sign_in(&demo, CLIENT_ONE);
    let (ours, yours, drafts, room) =
        (documents("From us"), documents("From you"), documents("Drafts"), documents("Shared room"));
    let deed = browser.file("deed.pdf", b"one");
    let shown = |folder: &str| {
        let body = browser.get(&page(folder)).body;
        ["/upload/", "/new-folder/", "/rename/", "/delete/"].map(|form| body.contains(&format!("action=\"{form}")))
    };
    for folder in [&yours, &drafts, &room] {
        assert_eq!(browser.upload(folder, &[&deed]).status, 303, "{folder}");
    }
    assert_eq!(shown(&format!("{MATTER_ONE}/Documents")), [false; 4]);
    assert_eq!(shown(&ours), [false; 4], "list read");
    assert_eq!(shown(&yours), [true, true, false, false], "list read create");
    assert_eq!(shown(&drafts), [true, true, true, false], "list read create update");
    assert_eq!(shown(&room), [true; 4], "full");

    let csrf = browser.get("/").csrf();
    let upload = |folder: &str| {
        let form = format!("documents=@{}", deed.display());
        browser.request(&under("/upload", folder), &["-F", &format!("csrf={csrf}"), "-F", &form])
    };
    let refused = upload(&ours);
    assert_eq!(refused.status, 403, "{}", refused.body);
    let post = |verb: &str, path: &str, name: &str| {
        browser.post(&under(verb, path), &[("csrf", &csrf), ("name", name)]).status
    };
    let file = |folder: &str, name: &str| format!("{folder}/{name}");
    assert_eq!(post("/new-folder", &ours, "x"), 403);
    assert_eq!(post("/rename", &file(&yours, "deed.pdf"), "other.pdf"), 403);
    assert_eq!(post("/delete", &file(&drafts, "deed.pdf"), ""), 403);
    assert_eq!(post("/rename", &file(&drafts, "deed.pdf"), "renamed.pdf"), 303);
    assert_eq!(post("/new-folder", &room, "../x"), 400);
    assert_eq!(post("/new-folder", &room, "Inner <b>"), 303);
    assert_eq!(post("/new-folder", &room, "inner <B>"), 409, "one name, whatever its case");
    assert_eq!(post("/rename", &file(&room, "deed.pdf"), "Inner <b>"), 409);
    assert!(
        browser.get(&page(&room)).body.contains("Inner &#60;b&#62;")
            || browser.get(&page(&room)).body.contains("Inner &lt;b&gt;")
    );
    assert_eq!(post("/delete", &room, ""), 403, "a folder of the matter");
    assert_eq!(post("/delete", &file(&room, "Inner <b>"), ""), 303);
    assert_eq!(post("/delete", &file(&room, "deed.pdf"), ""), 303);
    assert_eq!(browser.get(&under("/m", &file(&room, "deed.pdf"))).status, 404);

    // A name that is there: the next version where that may be, otherwise a sentence and nothing lost.
    std::fs::write(&deed, b"two").expect("written");
    assert_eq!(upload(&room).status, 303);
    assert_eq!(upload(&room).status, 303);
    let again = upload(&yours);
    assert_eq!(again.status, 409, "{}", again.body);
    assert!(again.body.contains("deed.pdf: A document of that name is there already"), "{}", again.body);
    assert_eq!(browser.get(&under("/m", &file(&yours, "deed.pdf"))).body, "one");
}

#[test]
fn a_drop_box_shows_its_form_and_nothing_else() {
    let demo = Demo::shared();
    let (one, other) = (Browser::sign_in(demo, CLIENT_ONE), Browser::sign_in(demo, CLIENT_TWO));
    let folder = documents("Drop box");
    for (browser, content) in [(&one, b"of one"), (&other, b"of two")] {
        let file = browser.file("from the page.txt", content);
        let answer = browser.upload(&folder, &[&file]);
        assert_eq!(answer.status, 303, "{}", answer.body);
        let shown = browser.get(&page(&folder)).body;
        assert!(
            shown.contains("from the page.txt has been received") && shown.contains("This is a drop box"),
            "{shown}"
        );
        assert!(!shown.contains("<table"), "{shown}");
    }
    let seen = demo.names(STAFF, &format!("/{folder}"));
    assert!(seen.contains("from the page.txt") && seen.contains("from the page (2).txt"), "{seen:?}");
}

#[test]
fn an_upload_that_is_cut_off_or_too_slow_leaves_nothing() {
    let demo = Demo::shared();
    let browser = Browser::sign_in(demo, CLIENT_ONE);
    let room = documents("Shared room");
    let csrf = browser.get(&page(&room)).csrf();
    let mut curl = browser
        .command()
        .args([
            "--http1.1",
            "-o",
            "/dev/null",
            "-H",
            "Content-Type: multipart/form-data; boundary=B",
            "-H",
            "Transfer-Encoding: chunked",
        ])
        .args(["-X", "POST", "-T", "-"])
        .arg(browser.url(&under("/upload", &room)))
        .stdin(Stdio::piped())
        .spawn()
        .expect("curl is installed");
    let mut body = curl.stdin.take().expect("piped");
    let field = |name: &str| format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"");
    write!(body, "{}\r\n\r\n{csrf}\r\n{}; filename=\"whole.txt\"\r\n\r\nwhole\r\n", field("csrf"), field("documents"))
        .expect("taken");
    write!(body, "{}; filename=\"half.bin\"\r\n\r\n", field("documents")).expect("taken");
    body.write_all(&bytes(3, 2 << 20)).expect("taken");
    body.flush().expect("taken");
    let until = Instant::now() + Duration::from_secs(20);
    while !demo.names(CLIENT_ONE, &format!("/{room}")).contains("whole.txt") {
        assert!(Instant::now() < until, "the first document is there before the second one has come");
        std::thread::sleep(Duration::from_millis(50));
    }
    curl.kill().expect("killed");
    curl.wait().expect("it ends");
    std::thread::sleep(Duration::from_millis(500));
    assert!(!browser.get(&page(&room)).body.contains("half.bin"));
    assert_eq!(browser.get(&under("/m", &format!("{room}/half.bin"))).status, 404);
    assert_eq!(browser.get(&under("/m", &format!("{room}/whole.txt"))).body, "whole");
    // A form that ends before its boundary says so is no whole document either.
    let short =
        format!("{}\r\n\r\n{csrf}\r\n{}; filename=\"short.txt\"\r\n\r\nshor", field("csrf"), field("documents"));
    let arguments = ["-H", "Content-Type: multipart/form-data; boundary=B", "--data-binary", &short];
    let answer = browser.request(&under("/upload", &room), &arguments);
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(browser.get(&under("/m", &format!("{room}/short.txt"))).status, 404);
    let none = browser.request(&under("/upload", &room), &["-F", &format!("csrf={csrf}")]);
    assert_eq!(none.status, 400, "{}", none.body);
}

#[test]
fn whoever_is_signed_out_or_shut_out_is_out_within_a_second() {
    let demo = Demo::start();
    let browser = Browser::sign_in(&demo, CLIENT_ONE);
    let kept = browser.home.path().join("kept");
    std::fs::copy(browser.jar(), &kept).expect("kept");
    let with_old_cookie = || Browser::new(&demo).request("/", &["-b", &kept.to_string_lossy()]);
    assert_eq!(with_old_cookie().status, 200);
    assert_eq!(browser.post("/sign-out", &[("csrf", "wrong")]).status, 403);
    assert_eq!(with_old_cookie().status, 200, "another site signs nobody out");
    assert_eq!(browser.send("/", "/sign-out", &[]).header("location"), "/sign-in");
    assert_eq!(with_old_cookie().status, 303, "the cookie is worth nothing any more");

    let within_a_second = |path: &str, status: u16, browser: &Browser<'_>| {
        let start = Instant::now();
        while browser.get(path).status != status {
            assert!(start.elapsed() < Duration::from_millis(1500), "{path}");
        }
    };
    let folder = page(&documents("From us"));
    let browser = Browser::sign_in(&demo, CLIENT_ONE);
    assert_eq!(browser.get(&folder).status, 200);
    ok(demo.deedbox(&["access", "disable", "--matter", "2026-0001", "--contact", CLIENT_ONE]));
    within_a_second(&folder, 404, &browser);
    ok(demo.deedbox(&["access", "enable", "--matter", "2026-0001", "--contact", CLIENT_ONE]));
    within_a_second(&folder, 200, &browser);
    ok(demo.deedbox(&["account", "disable", CLIENT_ONE]));
    within_a_second(&folder, 303, &browser);
    ok(demo.deedbox(&["account", "enable", CLIENT_ONE]));
    let browser = Browser::sign_in(&demo, CLIENT_ONE);
    ok(demo.deedbox(&["account", "password", CLIENT_ONE]));
    within_a_second("/", 303, &browser);
    let record = ok(demo.deedbox(&["audit", "show"]));
    assert!(record.contains("logout"), "{record}");
}

#[test]
fn methods_that_a_page_does_not_take_are_told_and_the_drive_is_where_it_was() {
    let demo = Demo::shared();
    let browser = Browser::sign_in(demo, CLIENT_ONE);
    let answer = browser.request("/", &["-X", "PUT"]);
    assert_eq!((answer.status, answer.header("allow")), (405, "GET,HEAD"), "{}", answer.head);
    assert_eq!(browser.request("/sign-out", &[]).status, 405);
    assert_eq!(browser.request("/", &["-I"]).status, 200);
    let options = Browser::new(demo).request("/", &["-X", "OPTIONS"]);
    assert_eq!((options.status, options.header("dav")), (200, "1, 2"));
    assert_eq!(Browser::new(demo).request("/dav/", &[]).status, 401);
    let large = format!("name={}", "x".repeat(100_000));
    let folder = under("/new-folder", &documents("Shared room"));
    assert_eq!(browser.request(&folder, &["-d", &large]).status, 413);
    let style = browser.get("/assets/pages.css");
    assert!(style.header("content-type").starts_with("text/css") && style.header("cache-control").contains("max-age"));
    assert!(browser.get("/assets/pages.js").header("content-type").starts_with("text/javascript"));
}

#[test]
fn a_drive_is_connected_with_a_password_that_is_shown_once_and_taken_back() {
    let demo = Demo::start();
    let browser = Browser::sign_in(&demo, CLIENT_ONE);
    let form = browser.get("/connect").body;
    assert!(form.contains(&format!("<code>{}</code>", demo.text("webdav_url"))), "{form}");
    assert!(form.contains(&format!("port <code>{}</code>", demo.sftp_port())), "{form}");
    let made = browser.send("/connect", "/connect", &[("name", "Laptop & <b>"), ("read_only", "on")]);
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"), "{}", made.body);
    let (_, rest) = made.body.split_once("class=\"secret\"><code>").expect("a password");
    let password = rest.split('<').next().expect("a password").to_owned();
    assert_eq!(password.len(), 26 + 4);
    let dav = |arguments: &[&str]| {
        let output = client("curl")
            .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", demo.text("ca_file")])
            .args(["-u", &format!("{CLIENT_ONE}:{password}")])
            .args(arguments)
            .output();
        stdout(&output.expect("curl is installed"))
    };
    let look = ["-X", "PROPFIND", "-H", "Depth: 0", demo.text("webdav_url")];
    assert_eq!(dav(&look), "207");
    assert_eq!(
        dav(&["-T", "/etc/hostname", &demo.url(&format!("{}/x", documents("Shared room")))]),
        "403",
        "read only"
    );
    // A device password is for devices, which ask for no code: it opens no page.
    assert_eq!(Browser::new(&demo).try_sign_in(CLIENT_ONE, &password).status, 403);
    let account = browser.get("/account").body;
    assert!(
        account.contains("read only") && !account.contains(&password) && !account.contains("Laptop & <b>"),
        "{account}"
    );
    let again = browser.send("/account", "/account/devices", &[("name", "laptop & <B>"), ("days", "")]);
    assert_eq!(again.status, 409, "{}", again.body);
    assert_eq!(browser.send("/account", "/account/devices", &[("name", "x"), ("days", "0")]).status, 400);
    let revoked = browser.send("/account", "/account/devices/revoke", &[("name", "Laptop & <b>")]);
    assert_eq!(revoked.status, 303, "{}", revoked.body);
    assert_eq!(dav(&look), "401");
    let record = ok(demo.deedbox(&["audit", "show"]));
    for part in ["account device-password add", "account device-password revoke"] {
        assert!(record.contains(part), "{part} in {record}");
    }
}

#[test]
fn a_changed_password_takes_the_present_one_and_ends_every_other_session() {
    let demo = Demo::start();
    let (browser, other) = (Browser::sign_in(&demo, CLIENT_ONE), Browser::sign_in(&demo, CLIENT_ONE));
    let change = |present: &str, new: &str, again: &str| {
        browser.send("/account", "/account/password", &[("present", present), ("new", new), ("again", again)])
    };
    let (present, new) = (demo.password(CLIENT_ONE), "a much longer pass phrase");
    let wrong = change("wrong", new, new);
    assert_eq!(wrong.status, 403, "{}", wrong.body);
    assert!(wrong.body.contains("The present password is not right."), "{}", wrong.body);
    assert_eq!(change(present, new, "something else").status, 400);
    assert_eq!(change(present, "short", "short").status, 400);
    assert_eq!(change(present, "password1234", "password1234").status, 400, "a common one");
    assert_eq!(other.get("/").status, 200, "nothing has changed");
    let changed = change(present, new, new);
    assert_eq!((changed.status, changed.header("location")), (303, "/account"), "{}", changed.body);
    assert_eq!(browser.get("/").status, 200, "whoever changed it stays");
    assert_eq!(other.get("/").status, 303);
    assert_eq!(Browser::new(&demo).try_sign_in(CLIENT_ONE, present).status, 403);
    assert_eq!(Browser::new(&demo).try_sign_in(CLIENT_ONE, new).status, 303);
    let key = browser.home.path().join("key");
    ok(Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", "ed25519", "-f"])
        .arg(&key)
        .output()
        .expect("ssh-keygen"));
    let public = std::fs::read_to_string(key.with_extension("pub")).expect("a key");
    let added = browser.send("/account", "/account/keys", &[("key", &public)]);
    assert_eq!(added.status, 303, "{}", added.body);
    assert!(browser.get("/account").body.contains("SHA256:"));
    let bad = browser.send("/account", "/account/keys", &[("key", "ssh-rsa nonsense")]);
    assert_eq!(bad.status, 400, "{}", bad.body);
    let options = ["-o", "PreferredAuthentications=publickey", "-o", &format!("IdentityFile={}", key.display())];
    ok(crate::logins::sftp(&demo, CLIENT_ONE, &options, None, "ls /\n"));
}

#[test]
fn a_second_factor_is_switched_on_with_a_code_asked_for_and_switched_off_with_one() {
    let demo = Demo::start();
    let browser = Browser::sign_in(&demo, CLIENT_ONE);
    let offer = browser.get("/account/second-factor");
    assert!(
        offer.body.contains("otpauth://totp/") && offer.body.contains("data:image/svg+xml;base64,"),
        "{}",
        offer.body
    );
    let (_, rest) = offer.body.split_once("class=\"secret\"><code>").expect("a secret");
    let secret = rest.split('<').next().expect("a secret").to_owned();
    let on = |password: &str, code: &str| {
        browser.send("/account/second-factor", "/account/second-factor", &[("password", password), ("code", code)])
    };
    early_in_a_step();
    assert_eq!(on("wrong", &code(&secret, 0)).status, 403);
    assert_eq!(on(demo.password(CLIENT_ONE), "000000").status, 400);
    let codes = on(demo.password(CLIENT_ONE), &code(&secret, 0));
    assert_eq!(codes.status, 200, "{}", codes.body);
    let recovery: Vec<_> = codes.body.split("<li><code>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
    assert_eq!(recovery.len(), 10);
    assert_eq!(browser.get("/").status, 200, "whoever switched it on stays");

    let next = Browser::new(&demo);
    let asked = next.try_sign_in(CLIENT_ONE, demo.password(CLIENT_ONE));
    assert_eq!((asked.status, asked.header("location")), (303, "/sign-in/code"));
    assert_eq!(next.get("/").status, 303, "half a sign-in opens nothing");
    assert!(next.get("/sign-in/code").body.contains("one-time-code"));
    assert_eq!(next.post("/sign-in/code", &[("code", "000000")]).status, 403);
    assert_eq!(next.post("/sign-in/code", &[("code", &code(&secret, 0))]).header("location"), "/");
    assert_eq!(next.get("/").status, 200);
    let spent = Browser::new(&demo);
    spent.try_sign_in(CLIENT_ONE, demo.password(CLIENT_ONE));
    assert_eq!(spent.post("/sign-in/code", &[("code", &code(&secret, 0))]).status, 403, "a code works once");
    assert_eq!(spent.post("/sign-in/code", &[("code", recovery[0])]).header("location"), "/");
    let stranger = Browser::new(&demo);
    assert_eq!(stranger.post("/sign-in/code", &[("code", recovery[1])]).header("location"), "/sign-in");

    assert_eq!(browser.send("/account", "/account/second-factor/off", &[("code", "000000")]).status, 403);
    let off = browser.send("/account", "/account/second-factor/off", &[("code", recovery[1])]);
    assert_eq!(off.status, 303, "{}", off.body);
    assert_eq!(Browser::new(&demo).try_sign_in(CLIENT_ONE, demo.password(CLIENT_ONE)).header("location"), "/");
}

#[test]
fn five_wrong_codes_end_a_sign_in() {
    let demo = Demo::start();
    let (secret, _) = enable(&demo);
    let browser = Browser::new(&demo);
    browser.try_sign_in(CLIENT_ONE, demo.password(CLIENT_ONE));
    (0..5).for_each(|_| assert_eq!(browser.post("/sign-in/code", &[("code", "000000")]).status, 403));
    early_in_a_step();
    assert_eq!(browser.post("/sign-in/code", &[("code", &code(&secret, 0))]).header("location"), "/sign-in");
}

#[test]
fn a_folder_comes_as_a_zip_that_every_reader_opens_with_what_may_be_read_in_it() {
    let demo = Demo::start();
    let browser = Browser::sign_in(&demo, CLIENT_ONE);
    let room = documents("Shared room");
    let inner = format!("{room}/Внутри 内部");
    assert_eq!(browser.send(&page(&room), &under("/new-folder", &room), &[("name", "Внутри 内部")]).status, 303);
    let content = bytes(9, 2 << 20);
    let (large, small) = (browser.file("Größe Ω.bin", &content), browser.file("empty.txt", b""));
    assert_eq!(browser.upload(&inner, &[&large]).status, 303);
    assert_eq!(browser.upload(&room, &[&small]).status, 303);
    let file = browser.home.path().join("all.zip");
    let answer = browser.request(&under("/zip", MATTER_ONE), &["-o", &file.to_string_lossy()]);
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/zip"), "{}", answer.head);
    assert!(answer.header("content-disposition").contains("2026-0001"), "{}", answer.head);
    ok(Command::new("unzip").args(["-tq"]).arg(&file).output().expect("unzip is installed"));
    let out = browser.home.path().join("out");
    let script =
        "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; z.extractall(sys.argv[2])";
    ok(Command::new("python3").args(["-c", script]).arg(&file).arg(&out).output().expect("python3 is installed"));
    assert!(std::fs::read(out.join(&inner).join("Größe Ω.bin")).expect("extracted") == content);
    assert_eq!(std::fs::read(out.join(&room).join("empty.txt")).expect("extracted"), b"");
    assert!(out.join(documents("From us")).join("Draft contract.pdf").exists());
    assert!(!out.join(documents("Internal")).exists(), "hidden");
    assert!(out.join(documents("Drop box")).read_dir().expect("there").next().is_none(), "blind");
    let record = ok(demo.deedbox(&["audit", "show"]));
    assert!(record.lines().any(|line| line.contains("read") && line.contains("Größe Ω.bin")), "{record}");
    // Without Read there are names to see and nothing to take.
    ok(demo.deedbox(&["access", "download", "off", "--matter", "2026-0001", "--contact", CLIENT_ONE]));
    let answer = browser.request(&under("/zip", &room), &["-o", &file.to_string_lossy()]);
    assert_eq!(answer.status, 200);
    let listed = ok(Command::new("unzip").args(["-l"]).arg(&file).output().expect("unzip is installed"));
    assert!(!listed.contains("empty.txt"), "{listed}");
}

#[test]
fn a_download_that_broke_off_goes_on_where_it_was_unless_the_document_has_changed() {
    let demo = Demo::shared();
    let browser = Browser::sign_in(demo, CLIENT_ONE);
    let (folder, content) = (documents("Shared room"), bytes(17, 3 << 20));
    let large = browser.file("broken off.bin", &content);
    assert_eq!(browser.upload(&folder, &[&large]).status, 303);
    let (path, out) = (under("/m", &format!("{folder}/broken off.bin")), browser.home.path().join("out"));
    let get = |more: &[&str]| {
        let _ = std::fs::remove_file(&out);
        let answer = browser.request(&path, &[more, &["-o", &out.to_string_lossy()]].concat());
        (answer, std::fs::read(&out).unwrap_or_default())
    };
    let (whole, bytes) = get(&[]);
    assert!(whole.status == 200 && bytes == content);
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert!(whole.header("content-disposition").starts_with("attachment; filename=\"broken off.bin\""));
    let tag = whole.header("etag").to_owned();
    let head = browser.request(&path, &["-I"]);
    assert_eq!((head.status, head.header("content-length")), (200, (3 << 20).to_string().as_str()), "{}", head.head);
    assert_eq!((head.header("etag"), head.header("accept-ranges")), (tag.as_str(), "bytes"));

    let if_range = format!("If-Range: {tag}");
    let (rest, bytes) = get(&["-r", "2097152-", "-H", &if_range]);
    assert_eq!((rest.status, rest.header("content-range")), (206, "bytes 2097152-3145727/3145728"), "{}", rest.head);
    assert!(bytes == content[2 << 20..]);
    let (part, bytes) = get(&["-r", "-5"]);
    assert!(part.status == 206 && bytes == content[content.len() - 5..]);
    let (beyond, bytes) = get(&["-r", "9000000-"]);
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */3145728"), "{}", beyond.head);
    assert!(bytes.is_empty());
    assert_eq!(get(&["-H", "Range: bytes=5-4"]).0.status, 400);
    let (unchanged, bytes) = get(&["-H", &format!("If-None-Match: {tag}")]);
    assert!(unchanged.status == 304 && bytes.is_empty());

    let changed = browser.file("broken off.bin", b"another version");
    assert_eq!(browser.upload(&folder, &[&changed]).status, 303);
    let (again, bytes) = get(&["-r", "2097152-", "-H", &if_range]);
    assert_eq!((again.status, bytes.as_slice()), (200, &b"another version"[..]), "{}", again.head);
    assert_eq!(get(&["-r", "0-", "-H", &format!("If-Match: {tag}")]).0.status, 412);
    // What was served of it is in the record, and a folder has no parts.
    let record = ok(demo.deedbox(&["audit", "show"]));
    assert!(record.lines().any(|line| line.contains(" read ") && line.contains("broken off.bin")), "{record}");
    assert_eq!(browser.request(&page(&folder), &["-r", "0-4"]).status, 200);
}

#[test]
fn the_firms_name_and_colour_are_on_the_pages_after_a_reload() {
    let demo = Demo::start();
    let browser = Browser::new(&demo);
    assert!(!browser.get("/sign-in").body.contains("/assets/firm.css"));
    assert_eq!(browser.get("/assets/firm.css").status, 404);
    demo.configure(|text| {
        let line = text.lines().find(|line| line.starts_with("firm = ")).expect("a name").to_owned();
        let text = text.replace(&line, "firm = \"Example & <Law>\"");
        text.replace("#: colour = \"#1f4e79\"", "colour = \"#7a1f1f\"").replace("#: logo = ", "logo = ")
    });
    let logo = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 4 1'><path d='M0 0h4v1H0z'/></svg>";
    assert!(!demo.deedbox(&["reload"]).status.success(), "there is no such file yet");
    std::fs::write(demo.data().join("logo.svg"), logo).expect("written");
    let told = ok(demo.deedbox(&["reload"]));
    assert!(told.contains("changed: firm") && told.contains("changed: pages"), "{told}");
    let form = browser.get("/sign-in").body;
    assert!(form.contains("/assets/firm.css") && !form.contains("<Law>") && form.contains("Example &"), "{form}");
    assert!(form.contains("<img src=\"/assets/logo\""), "{form}");
    let shown = browser.get("/assets/logo");
    assert_eq!((shown.header("content-type"), shown.body.as_str()), ("image/svg+xml", logo));
    assert!(browser.get("/assets/firm.css").body.contains("--accent: #7a1f1f;"));
}
