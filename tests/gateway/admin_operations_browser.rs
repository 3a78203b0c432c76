//! The administrator's pages on what runs in a real browser: a device from its login to its password, the record to its proof.

use crate::browser::{Kind, Window};
use crate::demo::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_adds_a_device_and_proves_that_it_was_added() {
    let demo = Demo::start();
    let admin = Window::open(Kind::WithoutScripts).await;
    admin.sign_in(&demo, ADMIN).await;
    admin.follow("Devices").await;
    admin.arrive("Devices").await;
    admin.picture("admin-devices").await;
    admin.click("details summary").await;
    admin.fill("login", "scanner.two").await;
    admin.fill("matter", "2026-0001").await;
    admin.click("details button").await;
    admin.arrive("scanner.two").await;
    admin.click("button[value=password]").await;
    assert_eq!(admin.text(".secret code").await.len(), 20);
    admin.picture("admin-device").await;
    admin.follow("What it did").await;
    admin.arrive("The record").await;
    admin.go(&demo, "/admin/audit?text=scanner.two").await;
    admin.picture("admin-record").await;
    let link = admin.page.find(fantoccini::Locator::Css("td.main a")).await.expect("a record");
    link.click().await.expect("followed");
    assert!(admin.text(".facts").await.contains("scanner.two"));
    admin.picture("admin-record-one").await;
    admin.go(&demo, "/admin/audit/verify").await;
    admin.click("main form button").await;
    assert_eq!(admin.text(".chip.on").await, "sound");
    admin.picture("admin-verification").await;
    admin.follow("Mail").await;
    admin.arrive("Mail").await;
    admin.picture("admin-mail-off").await;
    admin.follow("Health").await;
    admin.arrive("Health").await;
    admin.picture("admin-health").await;
    admin.close().await;

    // On a phone.
    let phone = Window::open(Kind::Phone).await;
    phone.sign_in(&demo, ADMIN).await;
    let pages = [
        ("admin-devices", "/admin/devices"),
        ("admin-device", "/admin/devices/scanner.two"),
        ("admin-mail-off", "/admin/mail"),
        ("admin-record", "/admin/audit?text=scanner.two"),
        ("admin-record-one", "/admin/audit/7"),
        ("admin-verification", "/admin/audit/verify"),
        ("admin-health", "/admin/health"),
    ];
    for (name, path) in pages {
        phone.go(&demo, path).await;
        phone.picture(name).await;
        phone.fits(path).await;
    }
    phone.close().await;
}
