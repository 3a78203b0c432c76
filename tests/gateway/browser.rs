//! The pages in a real browser: Chromium without a window, driven by chromedriver. Screenshots of every page are kept under
//! `target/tmp/pages/`, to be looked at.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;

use crate::demo::*;

const DESKTOP: (u32, u32) = (1200, 900);
/// Chromium's windows are no narrower.
const NARROW: (u32, u32) = (500, 1000);

/// What shows the pages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Computer,
    /// In the dark, with scripts switched off.
    WithoutScripts,
    Phone,
}

/// A browser window that is not shown.
pub(crate) struct Window {
    pub(crate) page: Client,
    driver: Child,
    home: TempDir,
    kind: Kind,
}

impl Window {
    pub(crate) async fn open(kind: Kind) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let mut driver = Command::new("chromedriver")
            .args(["--port=0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed");
        let mut said = BufReader::new(driver.stdout.take().expect("piped"));
        let port = loop {
            let mut line = String::new();
            assert_ne!(said.read_line(&mut line).expect("readable"), 0, "chromedriver does not start");
            if let Some((_, port)) = line.trim_end().trim_end_matches('.').rsplit_once("successfully on port ") {
                break port.to_owned();
            }
        };
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let mut arguments = vec!["--headless=new", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"];
        if kind == Kind::WithoutScripts {
            arguments.push("--force-dark-mode");
        }
        // Chromium's own sandbox does not work for root, nor in most containers.
        arguments.push("--no-sandbox");
        let scripts = if kind == Kind::WithoutScripts { 2 } else { 1 };
        let mut options = json!({
            "args": arguments,
            "prefs": {
                "download.default_directory": home.path(),
                "profile.managed_default_content_settings.javascript": scripts,
            },
        });
        if kind == Kind::Phone {
            let screen = json!({ "width": 360, "height": 740, "pixelRatio": 2.0, "mobile": true, "touch": true });
            options["mobileEmulation"] = json!({ "deviceMetrics": screen });
        }
        // The demo's certificate is of an authority of its own, which this browser shall take.
        let wanted = json!({ "browserName": "chrome", "acceptInsecureCerts": true, "goog:chromeOptions": options });
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted.as_object().expect("an object").clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("chromium starts");
        let window = Self { page, driver, home, kind };
        if kind != Kind::Phone {
            window.resize(DESKTOP).await;
        }
        window
    }

    async fn resize(&self, (width, height): (u32, u32)) {
        self.page.set_window_size(width, height).await.expect("resized");
    }

    pub(crate) async fn go(&self, demo: &Demo, path: &str) {
        let url = format!("{}{path}", demo.text("webdav_url").trim_end_matches("/dav/"));
        self.page.goto(&url).await.expect("loaded");
    }

    pub(crate) async fn click(&self, css: &str) {
        self.page.find(Locator::Css(css)).await.unwrap_or_else(|why| panic!("{css}: {why}")).click().await.expect(css);
    }

    pub(crate) async fn follow(&self, text: &str) {
        let link = self.page.wait().at_most(Duration::from_secs(20)).for_element(Locator::LinkText(text)).await;
        link.unwrap_or_else(|why| panic!("{text}: {why}")).click().await.expect(text);
    }

    pub(crate) async fn fill(&self, id: &str, text: &str) {
        let field = self.page.wait().at_most(Duration::from_secs(20)).for_element(Locator::Id(id)).await;
        field.unwrap_or_else(|why| panic!("{id}: {why}")).send_keys(text).await.expect(id);
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let element = self.page.wait().at_most(Duration::from_secs(20)).for_element(Locator::Css(css)).await;
            match element.unwrap_or_else(|why| panic!("{css}: {why}")).text().await {
                Ok(text) => return text,
                // Of the page before, which went between the two.
                Err(why) => assert!(Instant::now() < until, "{css}: {why}"),
            }
        }
    }

    /// Waits until this is told above the page; what stood there before may be still to see.
    pub(crate) async fn told(&self, notice: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        while self.text(".notice").await != notice {
            assert!(Instant::now() < until, "no {notice:?}: {}", self.page.source().await.unwrap_or_default());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the page's heading is this.
    pub(crate) async fn arrive(&self, heading: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        while self.text("h1").await != heading {
            assert!(Instant::now() < until, "no {heading:?}: {}", self.page.source().await.unwrap_or_default());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Keeps pictures of the page as it is, on a computer in two widths.
    pub(crate) async fn picture(&self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
        std::fs::create_dir_all(&folder).expect("a folder");
        let sizes: &[_] = match self.kind {
            Kind::Computer | Kind::WithoutScripts => &[(Some(NARROW), "narrow"), (Some(DESKTOP), "desktop")],
            Kind::Phone => &[(None, "phone")],
        };
        for (size, kind) in sizes {
            if let Some(size) = size {
                self.resize(*size).await;
            }
            let picture = self.page.screenshot().await.expect("a picture");
            std::fs::write(folder.join(format!("{name}-{kind}.png")), picture).expect("written");
        }
    }

    /// Nothing of the page sticks out to the side.
    pub(crate) async fn fits(&self, path: &str) {
        // A phone makes the page narrower until all of it fits, so the width is held against the screen's.
        let wide = "return document.documentElement.scrollWidth - screen.width";
        let wide = self.page.execute(wide, vec![]).await.expect("an answer").as_i64().expect("a number");
        assert!(wide <= 0, "{path} is {wide} too wide");
    }

    pub(crate) async fn sign_in(&self, demo: &Demo, login: &str) {
        self.go(demo, "/").await;
        self.arrive("Sign in").await;
        self.fill("login", login).await;
        self.fill("password", demo.password(login)).await;
        self.click("main button[type=submit]").await;
        self.arrive(if login == STAFF { "Matters" } else { "My matters" }).await;
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let file = self.home.path().join(name);
        std::fs::write(&file, content).expect("written");
        file
    }

    /// What the browser has downloaded under this name.
    pub(crate) async fn downloaded(&self, name: &str) -> Vec<u8> {
        let (file, until) = (self.home.path().join(name), Instant::now() + Duration::from_secs(20));
        while !file.exists() {
            assert!(Instant::now() < until, "{name} was not downloaded");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        std::fs::read(file).expect("readable")
    }

    pub(crate) async fn close(mut self) {
        // A driver that is gone already has closed its browser.
        let _ = self.page.clone().close().await;
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_signs_in_uploads_downloads_and_connects_a_drive() {
    let demo = Demo::start();
    let window = Window::open(Kind::Computer).await;
    window.go(&demo, "/").await;
    window.picture("sign-in").await;
    window.fill("login", CLIENT_ONE).await;
    window.fill("password", "not it").await;
    window.click("main button[type=submit]").await;
    window.told("Login or password is not right.").await;
    window.picture("sign-in-refused").await;
    window.sign_in(&demo, CLIENT_ONE).await;
    window.picture("matters").await;

    window.follow("Documents").await;
    window.arrive("Documents").await;
    window.picture("area").await;
    window.follow("Shared room").await;
    window.arrive("Shared room").await;
    let content = bytes(11, 5 << 20);
    let (deed, note) = (window.file("deed Ü.bin", &content), window.file("<b>note.txt", b"a note"));
    window.fill("documents", &format!("{}\n{}", deed.display(), note.display())).await;
    window.click("#upload button").await;
    let told = window.text(".notice.done").await;
    assert!(told.contains("deed Ü.bin") && told.contains("<b>note.txt"), "{told}");
    window.picture("folder").await;
    std::fs::remove_file(&deed).expect("removed");
    window.follow("deed Ü.bin").await;
    assert!(window.downloaded("deed Ü.bin").await == content);

    window.click(".more summary").await;
    window.picture("folder-change").await;
    window.go(&demo, "/connect").await;
    window.fill("name", "Laptop at home").await;
    window.click("main form button").await;
    let password = window.text(".made code").await;
    let output = client("curl")
        .args(["-sS", "--cacert", demo.text("ca_file"), "-u", &format!("{CLIENT_ONE}:{password}")])
        .arg(demo.url(&format!("{MATTER_ONE}/Documents/Shared room/deed Ü.bin")))
        .output()
        .expect("curl is installed");
    assert!(output.stdout == content, "{}", String::from_utf8_lossy(&output.stderr));
    window.picture("connect").await;
    window.follow("Account").await;
    window.arrive("Account").await;
    window.picture("account").await;
    window.follow("Sessions").await;
    window.arrive("Where you are signed in").await;
    window.picture("account-sessions").await;
    window.follow("Activity").await;
    window.arrive("What you did").await;
    window.picture("account-activity").await;
    window.go(&demo, "/account/second-factor").await;
    window.picture("second-factor").await;
    window.go(&demo, "/m/nothing/").await;
    window.arrive("Not found").await;
    window.picture("not-found").await;
    // The keyboard alone: the first stop is the way past the navigation.
    let focused = "return document.activeElement.className";
    window.go(&demo, "/").await;
    window.page.find(Locator::Css("body")).await.expect("a body").send_keys("\u{e004}").await.expect("a key");
    assert_eq!(window.page.execute(focused, vec![]).await.expect("an answer"), json!("skip"));
    window.click(".who button").await;
    window.arrive("Sign in").await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_phone_nothing_has_to_be_scrolled_sideways() {
    let demo = Demo::start();
    let long = format!("{MATTER_ONE}/Documents/Shared room/{}.pdf", "a long name without any space_".repeat(7));
    assert_eq!(demo.status(CLIENT_ONE, &long, &["-T", "/etc/hostname"]), 201);
    let window = Window::open(Kind::Phone).await;
    window.sign_in(&demo, CLIENT_ONE).await;
    window.picture("matters").await;
    let room = demo.url(&format!("{MATTER_ONE}/Documents/Shared room/"));
    let (_, room) = room.split_once("/dav/").expect("a path");
    let pages = [("matters", "/"), ("folder", &format!("/m/{room}")), ("connect", "/connect"), ("account", "/account")];
    let account = [("account-sessions", "/account/sessions"), ("account-activity", "/account/activity")];
    let others = [("second-factor", "/account/second-factor"), ("not-found", "/m/x/")];
    for (name, path) in pages.into_iter().chain(account).chain(others) {
        window.go(&demo, path).await;
        window.picture(name).await;
        window.fits(path).await;
    }
    window.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_everything_works_by_forms() {
    let demo = Demo::start();
    let window = Window::open(Kind::WithoutScripts).await;
    window.sign_in(&demo, CLIENT_ONE).await;
    window.follow("Documents").await;
    window.follow("Shared room").await;
    window.arrive("Shared room").await;
    let deed = window.file("deed.txt", b"a deed");
    window.fill("documents", &deed.to_string_lossy()).await;
    window.click("#upload button").await;
    window.told("deed.txt has been received.").await;
    window.click("section details summary").await;
    window.fill("folder-name", "Inner").await;
    window.click("section details button").await;
    window.told("The folder Inner has been made.").await;
    window.picture("folder-dark").await;
    let rows = window.page.find_all(Locator::Css(".entries .name")).await.expect("rows");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].text().await.expect("a name"), "Inner", "folders come first");
    let more = window.page.find_all(Locator::Css(".more summary")).await.expect("menus");
    more[1].click().await.expect("opened");
    window.click(".more[open] button.danger").await;
    window.told("deed.txt has been deleted.").await;
    window.follow("My matters").await;
    window.arrive("My matters").await;
    window.picture("matters-dark").await;

    let answer = window.file("answer.txt", b"On Friday, at ten.\nPlease bring your passport.");
    ok(demo.sftp(STAFF, &format!("put \"{}\" \"/{MATTER_ONE}/Messages/Completion.txt\"", answer.display())));
    window.follow("Messages").await;
    window.arrive("Messages").await;
    window.fill("text", "Thank you.\nIs a driving licence enough?").await;
    window.click(".fields button").await;
    window.told("Your message has been sent.").await;
    assert_eq!(window.text("#newest .text").await, "Thank you.\nIs a driving licence enough?");
    window.picture("messages-dark").await;
    window.close().await;
}
