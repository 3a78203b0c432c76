//! Habits that keep the source readable: bounded files, module headers, no leftovers, no unsafe code.

use crate::no_findings;
use crate::source::{Source, library, tree};

/// A file that needs more is two files.
const MAX_LINES: usize = 500;

/// This folder names what it looks for.
const SELF: &str = "tests/tidy/";

fn everything() -> Vec<Source> {
    let folders = ["src", "tests", "fuzz", "benches"];
    folders.into_iter().flat_map(tree).filter(|source| !source.path.starts_with(SELF)).collect()
}

#[test]
fn files_are_short_enough_to_read() {
    let long = library().into_iter().filter_map(|source| {
        let lines = source.text.lines().count();
        (lines > MAX_LINES).then(|| format!("{}: {lines} lines", source.path))
    });
    no_findings("a file of more than 500 lines is two files:", long.collect());
}

#[test]
fn every_module_starts_by_saying_what_it_is() {
    let bare = library().into_iter().filter_map(|source| {
        let first = source.text.lines().find(|line| !line.trim().is_empty()).unwrap_or("").to_owned();
        let only_tests = source.shipped.trim().is_empty() && !source.code.trim().is_empty();
        (!first.starts_with("//!") && !only_tests).then(|| format!("{}: starts with `{first}`", source.path))
    });
    no_findings("a module without a `//!` header (or without anything):", bare.collect());
}

#[test]
fn nothing_is_left_for_later() {
    let marks = ["TODO", "FIXME", "XXX", "HACK"];
    let code_marks = ["todo!", "unimplemented!", "#[ignore", "dbg!"];
    let mut findings = Vec::new();
    for source in everything() {
        for (number, line) in source.text.lines().enumerate() {
            let marked =
                marks.iter().find(|mark| line.split(|c: char| !c.is_alphanumeric()).any(|word| word == **mark));
            findings.extend(marked.map(|mark| format!("{}:{}: {mark}", source.path, number + 1)));
        }
        for mark in code_marks {
            let found = source.code.match_indices(mark);
            findings.extend(found.map(|(at, _)| format!("{}:{}: {mark}", source.path, source.line(at))));
        }
    }
    no_findings("unfinished work, or a test that does not run:", findings);
}

#[test]
fn there_is_no_unsafe_code() {
    let mut findings = Vec::new();
    for source in everything() {
        let words = source.code.split(|c: char| !c.is_alphanumeric() && c != '_');
        if words.into_iter().any(|word| word == "unsafe") {
            findings.push(source.path);
        }
    }
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("readable");
    if !manifest.contains("unsafe_code = \"forbid\"") {
        findings.push("Cargo.toml: [lints.rust] no longer forbids unsafe code".to_owned());
    }
    no_findings("unsafe code:", findings);
}
