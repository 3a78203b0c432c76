//! From the invitation to the first download, and what becomes of links on the way.

use crate::demo::*;

const NEW: [&str; 4] = ["--matter", "2026-0001", "--contact", "client.three@example.com"];

/// A contact on the first matter who was never given access.
fn with_newcomer() -> Demo {
    let demo = Demo::start();
    demo.configure(|toml| toml.replace("[https]\n", "[https]\npublic_url = \"https://portal.example.com\"\n"));
    ok(demo.deedbox(&["reload"]));
    ok(demo.deedbox(&["contact", "add", "--name", "Client Three", "--email", "client.three@example.com"]));
    ok(demo.deedbox(&[&["participant", "add"][..], &NEW, &["--type", "client"]].concat()));
    demo
}

/// The path of the link that an answer shows.
fn link(demo: &Demo, verb: &[&str]) -> String {
    let shown = demo.deedbox_json(&[verb, &["--show-link"]].concat());
    let url = shown["link"].as_str().expect("a link").to_owned();
    url.strip_prefix("https://portal.example.com").expect("the address of the pages").to_owned()
}

fn invite(demo: &Demo) -> String {
    link(demo, &[&["access", "invite"][..], &NEW].concat())
}
