//! Guards before they are in force: the sample that ships, and files with something wrong.

use crate::program::deedbox;

const GUARDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/guards.cedar");
const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/tests/guards.toml");

#[test]
fn the_sample_guards_pass_their_tests_and_each_is_tried() {
    let checked = deedbox(&["policy", "check", GUARDS, "--json"]).done().json();
    assert_eq!(checked["guards"].as_array().map(Vec::len), Some(10), "{checked}");
    let ran = deedbox(&["policy", "test", GUARDS, TESTS]).done();
    assert!(ran.out.ends_with(", all as expected\n"), "{}", ran.out);
    let tested = deedbox(&["policy", "test", GUARDS, TESTS, "--json"]).done().json();
    assert_eq!(tested["untried"], serde_json::json!([]), "a guard without a test");
}

#[test]
fn an_answer_that_is_not_expected_is_told_and_exits_with_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let tests = dir.path().join("tests.toml");
    let text = "[[test]]\nname = \"a program\"\nverb = \"create\"\ndocument = \"a.exe\"\nexpect = \"allowed\"\n";
    std::fs::write(&tests, text).expect("written");
    let tests = tests.to_str().expect("UTF-8");
    let ran = deedbox(&["policy", "test", GUARDS, tests]).exits(1);
    assert!(ran.out.contains("a program: expected allowed, the answer is no-programs\n"), "{}", ran.out);
    assert!(ran.out.contains("no test expects the guard experts-by-day\n"), "{}", ran.out);
    let ran = deedbox(&["policy", "test", GUARDS, tests, "--json"]).exits(1);
    assert_eq!(ran.json()["tests"][0]["answer"], "no-programs");
}

#[test]
fn mistakes_are_told_with_their_places() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("broken.cedar");
    let text = "// one\nforbid (principal, action, resource);\n@id(\"x\") permit (principal, action, resource);\n";
    std::fs::write(&file, text).expect("written");
    let path = file.to_str().expect("UTF-8");
    for verb in [&["policy", "check", path][..], &["policy", "test", path, TESTS]] {
        deedbox(verb)
            .exits(2)
            .tells("broken.cedar:2:1: a guard needs a name")
            .tells("broken.cedar:3:1: a guard can only");
    }
    std::fs::write(&file, [0xff, 0xfe]).expect("written");
    deedbox(&["policy", "check", path]).exits(2).tells("UTF-8");
    std::fs::write(&file, "/".repeat(300 << 10)).expect("written");
    deedbox(&["policy", "check", path]).exits(2).tells("longer than 256 KiB");
    deedbox(&["policy", "test", GUARDS, GUARDS]).exits(2).tells("guards.cedar: ");
    deedbox(&["policy", "check", "/nonexistent"]).exits(2).tells("/nonexistent: ");
}
