//! Rules of drop boxes before they are in force: the sample that ships, and files with something wrong.

use crate::program::deedbox;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/intake.toml");

#[test]
fn the_sample_rules_say_where_a_document_goes_and_why() {
    let test = |name: &str, more: &[&str]| {
        deedbox(&[&["intake", "test", name, "--device", "scanner.one", "--rules", SAMPLE], more].concat())
    };
    let ran = test("2026-0001_Contract.pdf", &[]).done();
    let expected = "2026-0001_Contract.pdf goes to matter 2026-0001, Documents/Internal, as Contract.pdf\n  \
                    by the rule number-in-the-name\n";
    assert_eq!(ran.out, expected);
    let ran = test("scan.pdf", &["--from", "192.0.2.17"]).done();
    let expected = "scan.pdf goes to matter 2026-0001, Documents/Internal, as scan.pdf\n  by the rule front-desk\n  \
                    number-in-the-name does not match: `file` does not match the whole name\n  \
                    number-as-a-folder does not match: `subfolder` does not match the whole path below the drop box\n";
    assert_eq!(ran.out, expected);
    let ran = test("scan.pdf", &["--subfolder", "2026-0001/Drafts", "--json"]).done().json();
    assert_eq!(
        (&ran["rule"], &ran["folder"], &ran["quarantine"]),
        (&"number-as-a-folder".into(), &"Documents/Drafts".into(), &serde_json::Value::Null)
    );
    assert!(ran["name"].as_str().is_some_and(|name| name.ends_with(" scan.pdf") && name.len() > 25), "{ran}");
}

#[test]
fn what_no_rule_delivers_goes_to_quarantine_and_exits_with_one() {
    let test = ["intake", "test", "scan.pdf", "--device", "scanner.two", "--rules", SAMPLE];
    let ran = deedbox(&test).exits(1);
    assert!(ran.out.starts_with("scan.pdf goes to quarantine: no rule matches\n"), "{}", ran.out);
    assert!(ran.out.ends_with("  front-desk does not match: it is for other devices\n"), "{}", ran.out);
    let told = deedbox(&[&test[..], &["--json"]].concat()).exits(1).json();
    assert_eq!((told["passed"].as_array().map(Vec::len), &told["rule"]), (Some(3), &serde_json::Value::Null));
}

#[test]
fn mistakes_are_told_with_their_places() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("broken.toml");
    let path = file.to_str().expect("UTF-8");
    let test =
        |more: &[&str]| deedbox(&[&["intake", "test", "a.pdf", "--device", "x", "--rules", path], more].concat());
    std::fs::write(&file, "[[rule]]\nname = \"a\"\nfile = '('\nmatter = \"1\"\n").expect("written");
    test(&[])
        .exits(2)
        .tells("broken.toml:1:1: `folder` is missing")
        .tells("broken.toml:3:8: `file` is no expression: unclosed group");
    std::fs::write(&file, [0xff, 0xfe]).expect("written");
    test(&[]).exits(2).tells("UTF-8");
    let two = ["a", "b"]
        .map(|name| format!("[[drop_box]]\nname = \"{name}\"\nmatter = \"1\"\nfolder = \"Documents/{name}\"\n"));
    std::fs::write(&file, two.concat()).expect("written");
    test(&[]).exits(2).tells("--drop-box says which one of these it is: a, b");
    test(&["--drop-box", "A"]).exits(1);
    test(&["--drop-box", "a", "--subfolder", "x/../y"]).exits(2).tells("--subfolder: ");
    deedbox(&["intake", "test", "a/b", "--device", "x", "--rules", SAMPLE]).exits(2).tells("FILENAME: ");
    deedbox(&["intake", "test", "a", "--device", "x", "--rules", "/nonexistent"]).exits(2).tells("/nonexistent: ");
    deedbox(&["intake", "test", "a", "--device", "x"]).exits(2).tells("Say --data DIR or --config FILE");
}
