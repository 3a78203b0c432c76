//! What people get wrong, and what they are told.

use crate::program::deedbox;

#[test]
fn a_wrong_command_line_is_exit_code_two() {
    deedbox(&["matter", "add"]).exits(2);
    deedbox(&["no-such-verb"]).exits(2);
    deedbox(&["matter", "list"]).exits(2).tells("Say --data DIR or --config FILE");
    deedbox(&["matter", "list", "--data", "/nonexistent"]).exits(2).tells("`deedbox init /nonexistent` makes one");
    deedbox(&["policy", "explain", "--login", "a", "--verb", "print", "--path", "/"])
        .exits(2)
        .tells("`print` is no verb");
}

#[test]
fn every_mistake_in_a_configuration_is_told_at_once() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("deedbox.toml");
    std::fs::write(&file, "[sftp]\nlisten = \"here\"\n[observe]\nlisten = \"0.0.0.0:1\"\ntypo = 1\n").expect("written");
    let path = file.to_str().expect("UTF-8");
    for verb in [&["check"][..], &["serve"], &["status"]] {
        let ran = deedbox(&[verb, &["--config", path]].concat()).exits(2);
        for (line, what) in
            [(2, "`sftp.listen` must be"), (4, "must be a loopback address"), (5, "unknown field `typo`")]
        {
            assert!(ran.err.contains(&format!("deedbox.toml:{line}:")), "{}", ran.err);
            assert!(ran.err.contains(what), "{}", ran.err);
        }
    }
}

#[test]
fn problems_are_json_when_asked() {
    let ran = deedbox(&["matter", "list", "--data", "/nonexistent", "--json"]).exits(2);
    let problem: serde_json::Value = serde_json::from_str(&ran.err).expect("JSON");
    assert_eq!(problem["error"]["kind"], "usage");
}
