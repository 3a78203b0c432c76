//! What is carried of another's code is what they published, with a change that can be read, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::no_findings;

/// The checksum that crates.io has for the crate, to which cargo holds what it downloads.
const RUSSH: (&str, &str) = ("0.65.1", "94be3d86c71b9ed220a675c405e35c7a02565a009bf8da2e9cc13a700320a5c5");

/// What a build needs of it.
const CARRIED: [&str; 2] = ["Cargo.toml", "src"];

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What a command prints, which must be there and must succeed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}:\n{said}{wrong}");
    said.into_owned()
}

/// The published crate, as cargo has it once a package asks for it: one that wants what we want, but without the change. Its
/// lock is ours, so that nothing else has to be downloaded.
fn published(home: &Path) -> PathBuf {
    let (version, checksum) = RUSSH;
    let source = format!(
        "name = \"russh\"\nversion = \"{version}\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
         checksum = \"{checksum}\"\n"
    );
    let lock = fs::read_to_string(here("Cargo.lock")).expect("our lock");
    let locked = lock.replace(&format!("name = \"russh\"\nversion = \"{version}\"\n"), &source);
    assert_ne!(lock, locked, "Cargo.lock has another russh than vendor/");
    fs::write(home.join("Cargo.lock"), locked).expect("written");
    let features = "default-features = false, features = [\"aws-lc-rs\", \"des\", \"rsa\"]";
    let manifest = format!(
        "[package]\nname = \"published\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\n\
         [dependencies]\nrussh = {{ version = \"={version}\", {features} }}\n"
    );
    fs::write(home.join("Cargo.toml"), manifest).expect("written");
    fs::write(home.join("lib.rs"), "").expect("written");
    let rustc = run(Command::new("rustc").arg("-vV"));
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc says for what it compiles");
    let mut metadata = Command::new(env!("CARGO"));
    metadata.args(["metadata", "--format-version", "1", "--filter-platform", host]).current_dir(home);
    let metadata: serde_json::Value = serde_json::from_str(&run(&mut metadata)).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let russh = packages.iter().find(|package| package["name"] == "russh").expect("russh is among them");
    assert!(russh["source"].as_str().is_some_and(|source| source.starts_with("registry+")), "{}", russh["source"]);
    PathBuf::from(russh["manifest_path"].as_str().expect("a path")).with_file_name("")
}

/// Every file below a directory, by its path from there.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display())) {
            let path = entry.expect("the directory can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).expect("it is below").to_owned();
                found.insert(name, fs::read(&path).expect("readable"));
            }
        }
    }
    found
}

#[test]
fn the_russh_that_is_carried_is_the_published_one_with_our_patch_and_nothing_else() {
    let home = tempfile::tempdir().expect("a directory");
    let published = published(home.path());
    let patched = home.path().join("patched");
    fs::create_dir(&patched).expect("made");
    for name in CARRIED {
        run(Command::new("cp").arg("-r").arg(published.join(name)).arg(&patched));
    }
    let patch = here("vendor/russh.patch");
    run(Command::new("patch")
        .args(["-p1", "-s", "--fuzz=0", "--no-backup-if-mismatch", "-i"])
        .arg(&patch)
        .current_dir(&patched));
    let (expected, carried) = (files(&patched), files(&here("vendor/russh")));
    let names = expected.keys().chain(carried.keys());
    let differ = names.filter(|name| expected.get(*name) != carried.get(*name));
    no_findings(
        "vendor/russh is not the published crate with vendor/russh.patch; in vendor/README.md stands how both are made:",
        differ.map(|name| name.display().to_string()).collect(),
    );

    // Apache License 2.0, section 4: whoever changes a file says so in it.
    let patch = fs::read_to_string(patch).expect("readable");
    let changed: Vec<&str> = patch.lines().filter_map(|line| line.strip_prefix("+++ b/")).collect();
    let says_so = |name: &&str| carried[Path::new(name)].starts_with(b"// Changed for Deedbox: vendor/README.md.\n");
    let silent = changed.iter().filter(|name| !says_so(name)).map(|name| (*name).to_owned());
    no_findings("changed, and does not say so in its first line:", silent.collect());
    assert!(!changed.is_empty());
}
