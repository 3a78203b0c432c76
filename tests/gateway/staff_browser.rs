//! The staff's pages in a real browser: from a new matter to the client's first download.

use fantoccini::Locator;

use crate::browser::{Kind, Window};
use crate::demo::*;
use crate::pages::page;

const PASSWORD: &str = "a kettle near the open window";

#[tokio::test(flavor = "multi_thread")]
async fn staff_open_a_matter_and_the_client_comes_in_and_downloads() {
    let demo = Demo::start();
    let staff = Window::open(Kind::WithoutScripts).await;
    staff.sign_in(&demo, STAFF).await;
    staff.picture("staff-home").await;
    staff.click("details summary").await;
    staff.fill("number", "2026-0042").await;
    staff.fill("name", "Sale of the old mill, with its weir, its meadow and all rights of way").await;
    staff.picture("staff-new-matter").await;
    staff.click("details button").await;
    staff.arrive("2026-0042 Sale of the old mill, with its weir, its meadow and all rights of way").await;

    staff.fill("new-name", "Client Three").await;
    staff.fill("new-email", "client.three@example.com").await;
    staff.click("details button").await;
    assert!(staff.text(".notice.done").await.starts_with("Client Three is on the matter"));
    staff.picture("staff-access-added").await;
    staff.click("button[value=invite]").await;
    let link = staff.text(".secret code").await;
    staff.picture("staff-access-link").await;

    let root = "2026-0042 Sale of the old mill, with its weir, its meadow and all rights of way";
    let folder = format!("{root}/Documents/From us");
    staff.follow("Folders").await;
    staff.picture("staff-folders").await;
    staff.follow("Documents/From us").await;
    staff.arrive("From us").await;
    let deed = staff.file("Deed of sale.pdf", b"the deed");
    staff.fill("documents", &deed.to_string_lossy()).await;
    staff.click("#upload button").await;
    assert_eq!(staff.text(".notice.done").await, "Deed of sale.pdf has been received.");
    staff.click(".more summary").await;
    staff.picture("staff-folder").await;
    staff.follow("Manage the matter").await;

    let client = Window::open(Kind::Computer).await;
    client.page.goto(&link).await.expect("loaded");
    client.arrive("Welcome").await;
    client.fill("password", PASSWORD).await;
    client.fill("again", PASSWORD).await;
    client.click("main button[type=submit]").await;
    client.arrive("My matters").await;
    client.go(&demo, &page(&folder)).await;
    client.follow("Deed of sale.pdf").await;
    assert_eq!(client.downloaded("Deed of sale.pdf").await, b"the deed");
    client.close().await;

    staff.follow("Access").await;
    assert_eq!(staff.text(".chip.on").await, "active");
    assert!(staff.text(".participant .soft").await.contains("1 document shared with them"));
    staff.follow("Messages").await;
    staff.fill("subject", "Your deed").await;
    staff.fill("text", "Dear client,\nthe deed is in the portal.").await;
    staff.click("main details button").await;
    assert_eq!(staff.text(".notice.done").await, "The message has been sent.");
    staff.follow("Your deed.txt").await;
    assert!(staff.text("pre").await.contains("the deed is in the portal"));
    staff.picture("staff-messages").await;
    staff.follow("Activity").await;
    let seen = staff.text("table").await;
    assert!(seen.contains("read") && seen.contains("Documents/From us/Deed of sale.pdf"), "{seen}");
    assert!(seen.contains("client.three@example.com"), "{seen}");
    staff.picture("staff-activity").await;
    staff.go(&demo, "/matter/2026-0042/sharing?folder=Documents%2FShared%20room%2FBids").await;
    staff.picture("staff-sharing").await;
    staff.follow("Settings").await;
    staff.picture("staff-settings").await;
    staff.click("tbody button").await;
    assert!(staff.text("main ul").await.contains("Client Three"), "who would lose it is named");
    staff.picture("staff-confirm").await;
    staff.follow("Leave it on").await;
    staff.page.find(Locator::Css("button[value=close]")).await.expect("a button").click().await.expect("clicked");
    assert!(staff.text("[role=alert]").await.contains("Client Three (active)"));
    staff.picture("staff-close-refused").await;
    staff.follow("Contacts").await;
    staff.arrive("Contacts").await;
    staff.picture("staff-contacts").await;
    staff.follow("Client Three").await;
    staff.picture("staff-contact").await;
    staff.close().await;

    // On a phone.
    let phone = Window::open(Kind::Phone).await;
    phone.sign_in(&demo, STAFF).await;
    let matter = |tab: &str| format!("/matter/2026-0042{tab}");
    let pages = [
        ("staff-home", "/".to_owned()),
        ("staff-folders", matter("")),
        ("staff-access", matter("/access")),
        ("staff-access-many", "/matter/2026-0001/access".to_owned()),
        ("staff-sharing", matter("/sharing?folder=Documents%2FShared%20room%2FBids")),
        ("staff-messages", matter("/messages")),
        ("staff-activity", matter("/activity")),
        ("staff-settings", matter("/settings")),
        ("staff-contacts", "/contacts".to_owned()),
        ("staff-folder", page(&folder)),
    ];
    for (name, path) in pages {
        phone.go(&demo, &path).await;
        phone.picture(name).await;
        phone.fits(&path).await;
    }
    phone.close().await;
}
