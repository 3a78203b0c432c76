//! Help texts stand in `tests/golden/help/`; `UPDATE_GOLDEN=1 cargo test --test cli` writes them anew.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::program::deedbox;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/help")
}

/// Every verb with the words that lead to it; the program itself has none.
fn verbs() -> Vec<(Vec<String>, bool)> {
    fn walk(command: &clap::Command, words: &mut Vec<String>, all: &mut Vec<(Vec<String>, bool)>) {
        all.push((words.clone(), command.get_subcommands().next().is_none()));
        for below in command.get_subcommands() {
            words.push(below.get_name().to_owned());
            walk(below, words, all);
            words.pop();
        }
    }
    let mut all = Vec::new();
    walk(&deedbox::cli::command(), &mut Vec::new(), &mut all);
    all
}

#[test]
fn every_help_text_is_as_written_down() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut expected = BTreeSet::new();
    for (words, _) in verbs() {
        let name = if words.is_empty() { "deedbox".to_owned() } else { words.join("-") };
        let file = folder().join(format!("{name}.txt"));
        let arguments: Vec<_> = words.iter().map(String::as_str).chain(["--help"]).collect();
        let text = deedbox(&arguments).done().out;
        if update {
            std::fs::write(&file, &text).expect("written");
        }
        let golden = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(text, golden, "{}: run with UPDATE_GOLDEN=1 if the change is meant", file.display());
        expected.insert(file);
    }
    let there: BTreeSet<_> =
        std::fs::read_dir(folder()).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(there, expected, "a file for each verb, and no other");
}

#[test]
fn every_verb_shows_an_example_of_itself() {
    for (words, leaf) in verbs() {
        if leaf || words.is_empty() {
            let arguments: Vec<_> = words.iter().map(String::as_str).chain(["--help"]).collect();
            let text = deedbox(&arguments).done().out;
            let example = format!("Example: deedbox {}", words.join(" "));
            assert!(text.contains(example.trim_end()), "no {example:?} in:\n{text}");
        }
    }
}
