//! Somebody changes files of a stopped data directory: flips a bit, drops, cuts, lengthens, blanks, swaps, reorders, puts
//! an older one back. Each change is found by `check --deep`, which names it, or it changes nothing that anybody is served.
//!
//! `DEEDBOX_TAMPERINGS=10000 tests/run --test gateway tampering` is the long run; `DEEDBOX_TEST_SEED` chooses the changes, in
//! a directory whose keys and names are new each time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::deep_check::{copy, deep_check, is_sound, lived_in};
use crate::demo::*;
use crate::random::{Random, times};

/// Directories of the data directory, and what of their files carries nothing that a change could harm.
const KINDS: [&str; 5] = ["audit", "blobs", "catalog", "keys", "staging"];

const CHANGES: [&str; 8] = ["flip", "drop", "cut", "lengthen", "blank", "swap", "reorder", "roll back"];

/// A directory to be tampered with, a good copy, and one from earlier in its life.
struct Target {
    _home: tempfile::TempDir,
    data: PathBuf,
    good: PathBuf,
    old: PathBuf,
    /// Every version of every document, by the operator's list.
    documents: serde_json::Value,
}

impl Target {
    fn make() -> Self {
        let (home, data) = lived_in();
        let (old, good) = (data.with_extension("old"), data.with_extension("good"));
        is_sound(&data);
        copy(&data, &old);
        let demo = Demo::start_in(&data);
        let room = format!("/{MATTER_ONE}/Documents/Shared room");
        for name in ["a.txt", "new.txt", "sub/b.bin"] {
            assert!(demo.status(CLIENT_ONE, &format!("{room}/{name}"), &["-T", "/etc/services"]) < 300);
        }
        // An upload that breaks off, for its uploader to resume.
        let big = data.join("source");
        let cut = format!("{room}/cut off.bin");
        demo.curl(CLIENT_ONE, &cut, &["-m", "1", "--limit-rate", "100k", "-T", &big.to_string_lossy()]);
        std::thread::sleep(Duration::from_millis(300));
        let documents = list(&demo);
        demo.stop();
        let report = is_sound(&data);
        assert_eq!(report["checked"]["unfinished_uploads"], 1, "{report:#}");
        copy(&data, &good);
        Self { _home: home, data, good, old, documents }
    }

    /// As it was, whatever a check or a start changed.
    fn restore(&self) {
        let from = format!("{}/", self.good.display());
        ok(Command::new("rsync")
            .args(["-a", "--checksum", "--delete", &from])
            .arg(&self.data)
            .output()
            .expect("rsync"));
    }

    /// The daemon refuses the start, or serves every document as it was or not at all.
    fn serves_nothing_wrong(&self, what: &str) -> Served {
        let Ok(demo) = Demo::try_start(&self.data, &[]) else { return Served::Refused };
        let mut served = Served::All;
        for document in self.documents.as_array().expect("a list").iter().filter(|one| one["current"] == true) {
            let path = document["path"].as_str().expect("a path");
            let local = self.data.with_extension("fetched");
            let _ = std::fs::remove_file(&local);
            let got = demo.curl(STAFF, path, &["-f", "-o", &local.to_string_lossy()]);
            let sum = stdout(&Command::new("sha256sum").arg(&local).output().expect("sha256sum"));
            match (got.status.success(), document["sha256"].as_str().is_some_and(|right| sum.starts_with(right))) {
                (true, true) => {}
                // An empty document has no body to write.
                (true, false) if document["size"] == 0 => {}
                (true, false) => panic!("{what}: wrong bytes of {path}"),
                (false, _) => served = Served::Some,
            }
        }
        if served == Served::All && list(&demo) != self.documents {
            served = Served::Some;
        }
        demo.kill();
        served
    }
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Served {
    All,
    Some,
    Refused,
}

fn list(demo: &Demo) -> serde_json::Value {
    demo.deedbox_json(&["document", "list", "--matter", "2026-0001"])
}

fn files(data: &Path, kind: &str) -> Vec<PathBuf> {
    let found = Command::new("find").arg(data.join(kind)).args(["-type", "f", "-size", "+0"]).output().expect("find");
    let mut files: Vec<_> = stdout(&found).lines().map(PathBuf::from).collect();
    files.sort();
    files
}

/// Makes one change; nothing if this one would change nothing.
fn tamper(target: &Target, random: &mut Random, change: &str, file: &Path, kind: &str) -> Option<()> {
    let bytes = std::fs::read(file).expect("a file");
    // Most of a catalog's room is unused; a flip there would show nothing.
    let used = |random: &mut Random| {
        let from = random.below(bytes.len());
        (from..bytes.len()).chain(0..from).find(|at| bytes[*at] != 0).unwrap_or(from)
    };
    let mut changed = bytes.clone();
    match change {
        "flip" => changed[used(random)] ^= 1 << random.below(8),
        "drop" => {
            std::fs::remove_file(file).expect("removed");
            return Some(());
        }
        "cut" => changed.truncate(random.below(bytes.len())),
        "lengthen" => changed.extend((0..1 + random.below(100)).map(|n| n as u8)),
        "blank" => {
            let from = used(random);
            let to = (from + 1 + random.below(64)).min(bytes.len());
            changed[from..to].fill(0);
        }
        "swap" => {
            let others = files(&target.data, kind);
            let other = random.pick(&others);
            let theirs = std::fs::read(other).expect("a file");
            std::fs::write(other, &bytes).expect("written");
            changed = theirs;
        }
        "reorder" => {
            let length = 1 + random.below((bytes.len() / 2).clamp(1, 600));
            let (one, two) = (used(random), used(random));
            let (one, two) = (one.min(two), one.max(two));
            if one + length > two || two + length > bytes.len() {
                return None;
            }
            let (before, after) = changed.split_at_mut(two);
            before[one..one + length].swap_with_slice(&mut after[..length]);
        }
        "roll back" => {
            let old = target.old.join(file.strip_prefix(&target.data).expect("a file of the directory"));
            changed = std::fs::read(old).ok()?;
        }
        other => unreachable!("{other}"),
    }
    if changed == bytes {
        return None;
    }
    std::fs::write(file, changed).expect("written");
    Some(())
}

/// What may be changed without a finding, because nothing depends on it.
fn carries_nothing(name: &str, change: &str) -> Option<&'static str> {
    match name {
        "audit/state" if matches!(change, "drop" | "roll back") => {
            Some("derived from the records: a start goes on from any of its sizes, or makes it anew")
        }
        _ if name.starts_with("audit/journal/") && change == "lengthen" => {
            Some("told as a torn end: what follows the last sound batch is set aside and recorded at the next start")
        }
        "catalog/lock" | "audit/lock" => Some("a lock's file has no content"),
        "catalog/catalog.redb" => Some("room of the engine that no record uses, and its spare commit slot"),
        "keys/firm.key" => Some("comments and line ends of an identity file"),
        _ if name.starts_with("keys/ssh/") => Some("comments and the public half of a host key, which clients compare"),
        _ => None,
    }
}

#[test]
fn every_tampering_is_found_and_named_and_no_wrong_byte_is_served() {
    let count = times("DEEDBOX_TAMPERINGS", 80);
    let mut random = Random::seeded("tampering");
    let target = Target::make();
    // Kind and change: tried, found, and without meaning.
    let mut table: BTreeMap<(&str, &str), (usize, usize, usize)> = BTreeMap::new();
    let (mut tried, mut started) = (0, 0);
    while tried < count {
        let (kind, change) = (*random.pick(&KINDS), *random.pick(&CHANGES));
        let file = random.pick(&files(&target.data, kind)).clone();
        let name = file.strip_prefix(&target.data).expect("below it").to_string_lossy().into_owned();
        let seed = random.fork();
        if tamper(&target, &mut { seed }, change, &file, kind).is_none() {
            target.restore();
            continue;
        }
        tried += 1;
        let what = format!("tampering {tried}: {change} {name}");
        let (code, report) = deep_check(&target.data);
        let row = table.entry((kind, change)).or_default();
        row.0 += 1;
        if code == Some(1) {
            row.1 += 1;
            let findings = report["findings"].as_array().expect("a list");
            let named = ["record", "path", "node", "blob", "file", "what"];
            let is_named = |finding: &serde_json::Value| named.iter().any(|name| finding.get(name).is_some());
            assert!(!findings.is_empty() && findings.iter().all(is_named), "{what}: {report:#}");
        } else {
            let because = carries_nothing(&name, change);
            assert!(because.is_some(), "{what}: nothing was found: {report:#}");
            assert_eq!(
                target.serves_nothing_wrong(&what),
                Served::All,
                "{what}: nothing was found, and something is lost"
            );
            row.2 += 1;
        }
        // What is found by the check must not be served wrongly either, by a daemon that was started all the same.
        if code == Some(1) && random.below(12) == 0 {
            target.serves_nothing_wrong(&what);
            started += 1;
        }
        target.restore();
        if tried.is_multiple_of(100) {
            println!("{tried} tampered so far");
        }
    }
    let found: usize = table.values().map(|row| row.1).sum();
    for ((kind, change), (tried, found, without)) in &table {
        println!("{kind:<8} {change:<10} {tried:>5} tried {found:>5} found {without:>5} without meaning");
    }
    println!("{tried} tampered, {found} found, {} without meaning; {started} started all the same", tried - found);
    assert!(found * 10 > tried * 7, "too many changes hit nothing");
}

#[test]
fn a_directory_of_which_one_part_is_rolled_back_is_found() {
    let target = Target::make();
    for kind in KINDS {
        copy(&target.old.join(kind), &target.data.join(kind));
        let (code, report) = deep_check(&target.data);
        if kind == "keys" {
            assert_eq!(code, Some(0), "no key has changed since: {report:#}");
        } else {
            assert_eq!(code, Some(1), "{kind}: {report:#}");
        }
        target.restore();
    }
    // All of it together is a directory as it was. Only who kept something newer elsewhere can tell: a checkpoint.
    let checkpoint = target.data.with_extension("checkpoint");
    std::fs::copy(target.good.join("audit/checkpoint"), &checkpoint).expect("a checkpoint kept elsewhere");
    copy(&target.old, &target.data);
    is_sound(&target.data);
    let data = target.data.to_string_lossy();
    let verified = deedbox(&["audit", "verify", "--data", &data, "--checkpoint", &checkpoint.to_string_lossy()]);
    assert_eq!(verified.status.code(), Some(1), "{}", both(&verified));
    assert!(both(&verified).contains("rolled back"), "{}", both(&verified));
}
