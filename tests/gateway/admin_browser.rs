//! The administrator's pages in a real browser: without scripts, in the dark, and on a phone.

use std::fmt::Write as _;

use fantoccini::Locator;

use crate::browser::{Kind, Window};
use crate::demo::*;

/// A matter type with as many folders and participant types as a large firm's.
fn large() -> String {
    let types = ["client", "second-client", "co-counsel", "expert", "accountant", "opposing-counsel", "device"];
    let mut text = format!("name = \"Large litigation\"\nparticipants = {types:?}\n");
    for n in 1..=40 {
        let (one, two) = (types[n % 7], types[(n + 3) % 7]);
        let rows = format!("rows = {{ {one} = \"full\", {two} = \"list read\" }}");
        // Writing to a String cannot fail.
        let _ = write!(text, "[[folder]]\npath = \"Documents/Bundle {n:02} of exhibits and correspondence\"\n{rows}\n");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_switches_charts_pushes_and_adds_a_colleague() {
    let demo = Demo::start();
    let admin = Window::open(Kind::WithoutScripts).await;
    admin.sign_in(&demo, ADMIN).await;
    admin.picture("admin-home").await;
    admin.follow("Firm").await;
    admin.arrive("Firm").await;
    admin.picture("admin-firm").await;
    admin.click("tbody button").await;
    admin.arrive("Switch off: The portal?").await;
    assert!(admin.text("main ul").await.contains("2026-0001"), "who would lose it is named");
    admin.picture("admin-firm-confirm").await;
    admin.follow("Leave it on").await;

    admin.follow("Matter types").await;
    admin.arrive("Matter types").await;
    admin.picture("admin-types").await;
    admin.follow("General").await;
    admin.text(".rights").await;
    admin.picture("admin-type").await;
    admin.press("[aria-label='Documents/Drafts, client: delete']").await;
    let full = admin.page.find_all(Locator::Css(".rights .full")).await.expect("marks");
    let mut shown = 0;
    for mark in &full {
        shown += usize::from(mark.is_displayed().await.expect("an answer"));
    }
    assert_eq!(shown, 2, "full is shown where all five are ticked, at once");
    admin.press("[name='rule-2'][value=closed]").await;
    let row = admin.page.find(Locator::Css("[aria-label='Documents/Drafts, client: list']")).await.expect("a box");
    assert!(!row.is_displayed().await.expect("an answer"), "a closed folder has no rows");
    admin.press("[name='rule-2'][value=own]").await;
    admin.click(".save button").await;
    assert!(admin.text(".notice.done").await.contains("2 matters have an earlier version"));
    admin.picture("admin-type-saved").await;
    admin.follow("See what a push changes").await;
    admin.arrive("Push General to all matters").await;
    admin.picture("admin-push").await;
    admin.click(".acts button").await;
    admin.told("2 matters have the current version now.").await;
    // A mistake costs no entries.
    admin.fill_named("path-0", " <and> more").await;
    admin.click(".save button").await;
    assert!(admin.text("[role=alert]").await.contains("Windows cannot show"));
    admin.picture("admin-type-mistake").await;

    admin.follow("People").await;
    admin.arrive("People").await;
    admin.click("details summary").await;
    admin.fill("login", "staff.two@example.com").await;
    admin.click("[name=role][value=staff]").await;
    admin.picture("admin-people").await;
    admin.click("details button").await;
    assert!(admin.text(".secret code").await.contains("/password-reset/"));
    admin.picture("admin-account-link").await;
    admin.follow("People").await;
    admin.follow(STAFF).await;
    admin.arrive(&format!("{STAFF} staff")).await;
    admin.picture("admin-account").await;
    admin.close().await;

    let file = demo.data().join("large.toml");
    std::fs::write(&file, large()).expect("written");
    ok(demo.deedbox(&["matter-type", "apply", &file.to_string_lossy()]));
    ok(demo.deedbox(&["matter-type", "apply", "policies/general.toml"]));
    let phone = Window::open(Kind::Phone).await;
    phone.sign_in(&demo, ADMIN).await;
    for (name, path) in [
        ("admin-home", "/"),
        ("admin-firm", "/admin/firm"),
        ("admin-types", "/admin/types"),
        ("admin-type", "/admin/types/General"),
        ("admin-type-large", "/admin/types/Large%20litigation"),
        ("admin-push", "/admin/types/General/push"),
        ("admin-people", "/admin/people"),
        ("admin-account", "/admin/people/staff.one%40example.com"),
    ] {
        phone.go(&demo, path).await;
        phone.picture(name).await;
        phone.fits(path).await;
    }
    // The rows of a folder far down can be ticked, too.
    phone.go(&demo, "/admin/types/Large%20litigation").await;
    let far = "[aria-label^='Documents/Bundle 40'][aria-label$='expert: create']";
    phone.press(far).await;
    phone.picture("admin-type-large-end").await;
    phone.click(".save button").await;
    assert!(phone.text(".notice.done").await.contains("is at version 2 now"));
    phone.close().await;
}
