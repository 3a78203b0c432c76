//! Documents at rest: ordinary age files, nothing in plain text, and no wrong byte ever served.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::demo::*;

fn blob_of(demo: &Demo, path: &str) -> PathBuf {
    let documents = demo.deedbox_json(&["document", "list", "--matter", "2026-0001"]);
    let document = documents.as_array().expect("a list").iter().find(|d| d["path"] == path && d["current"] == true);
    PathBuf::from(document.unwrap_or_else(|| panic!("{path} in {documents}"))["blob"].as_str().expect("a file"))
}

#[test]
fn stock_age_opens_every_blob_of_a_matter_with_the_exported_key() {
    let demo = Demo::start();
    let home = tempfile::tempdir().expect("a directory");
    let (big, empty) = (home.path().join("big.bin"), home.path().join("empty.bin"));
    std::fs::write(&empty, b"").expect("written");
    std::fs::write(&big, bytes(1, 3 * 1024 * 1024 + 17)).expect("written");
    let folder = format!("/{MATTER_ONE}/Documents/Drafts");
    let batch = format!(
        "put {0} \"{folder}/big.bin\"\nput {1} \"{folder}/empty.bin\"\nput /etc/passwd \"{folder}/v.txt\"\nput /etc/group \"{folder}/v.txt\"",
        big.display(),
        empty.display()
    );
    ok(demo.sftp(CLIENT_ONE, &batch));
    let key = home.path().join("matter.key");
    std::fs::write(&key, ok(demo.deedbox(&["key", "export", "--matter", "2026-0001"]))).expect("written");
    let documents = demo.deedbox_json(&["document", "list", "--matter", "2026-0001"]);
    let documents = documents.as_array().expect("a list");
    assert!(documents.iter().any(|d| d["version"] == 2), "no second version in {documents:?}");
    for document in documents {
        let blob = document["blob"].as_str().expect("a file");
        let plain = Command::new("age").args(["-d", "-i"]).arg(&key).arg(blob).output().expect("age is installed");
        assert!(plain.status.success(), "{document}: {}", both(&plain));
        assert_eq!(plain.stdout.len() as u64, document["size"], "{document}");
        assert_eq!(sha256(&plain.stdout), document["sha256"].as_str().expect("a hash"), "{document}");
    }
    demo.stop();
}

fn sha256(data: &[u8]) -> String {
    use std::io::Write;
    let mut child = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("coreutils");
    child.stdin.take().expect("piped").write_all(data).expect("taken");
    stdout(&child.wait_with_output().expect("ended"))[..64].to_owned()
}

#[test]
fn neither_content_nor_names_stand_in_plain_text_anywhere() {
    let demo = Demo::start();
    let home = tempfile::tempdir().expect("a directory");
    let secret = "THE-TESTATOR-LEAVES-IT-ALL-TO-THE-CAT";
    let name = "Codicil-that-nobody-may-know.txt";
    let file = home.path().join(name);
    std::fs::write(&file, secret.repeat(5000)).expect("written");
    let folder = format!("/{MATTER_ONE}/Documents/Shared room");
    let source = file.display();
    ok(demo.sftp(CLIENT_ONE, &format!("put {source} \"{folder}/{name}\"\nget \"{folder}/{name}\" /dev/null")));
    // A cut upload stays in the staging area.
    demo.curl(
        CLIENT_ONE,
        &format!("{folder}/2-{name}"),
        &["-T", &source.to_string(), "--limit-rate", "20k", "-m", "2"],
    );
    demo.deedbox_json(&["document", "list", "--matter", "2026-0001"]);
    let data = demo.data().to_owned();
    let log = demo.log();
    let _home = demo.stop();
    for word in [secret, "Codicil", "THE-TESTATOR"] {
        let grep = Command::new("grep").args(["-r", "-l", "-a", "-i", word]).arg(&data).output().expect("grep");
        assert_eq!(stdout(&grep), "", "{word} stands in plain text");
        assert!(!log.contains(word), "{word} is in the log");
    }
}

fn flip(path: &Path, offset: usize) {
    let mut content = std::fs::read(path).expect("a blob");
    let at = offset.min(content.len() - 1);
    content[at] ^= 1;
    std::fs::write(path, content).expect("written");
}

#[test]
fn a_damaged_or_swapped_document_is_an_error_that_names_it_and_never_wrong_bytes() {
    let demo = Demo::start();
    let home = tempfile::tempdir().expect("a directory");
    let folder = format!("/{MATTER_ONE}/Documents/Shared room");
    let mut batch = String::new();
    for (name, seed) in [("flipped", 1), ("cut", 2), ("one", 3), ("two", 4), ("header", 5), ("whole", 6)] {
        let file = home.path().join(name);
        std::fs::write(&file, bytes(seed, 300_000)).expect("written");
        batch += &format!("put {} \"{folder}/{name}\"\n", file.display());
    }
    ok(demo.sftp(CLIENT_ONE, &batch));
    let blob = |name: &str| blob_of(&demo, &format!("{folder}/{name}"));
    flip(&blob("flipped"), 150_000);
    flip(&blob("header"), 60);
    let cut = blob("cut");
    let content = std::fs::read(&cut).expect("a blob");
    std::fs::write(&cut, &content[..200_000]).expect("written");
    let (one, two) = (blob("one"), blob("two"));
    std::fs::rename(&one, home.path().join("aside")).expect("renamed");
    std::fs::rename(&two, &one).expect("renamed");
    std::fs::rename(home.path().join("aside"), &two).expect("renamed");

    for (name, seed) in [("flipped", 1), ("cut", 2), ("one", 3), ("two", 4), ("header", 5)] {
        let good = bytes(seed, 300_000);
        let got = home.path().join("got");
        let _ = std::fs::remove_file(&got);
        let output = demo.sftp(CLIENT_ONE, &format!("get \"{folder}/{name}\" {}", got.display()));
        assert!(!output.status.success(), "{name} was served: {}", both(&output));
        let part = std::fs::read(&got).unwrap_or_default();
        assert!(good.starts_with(&part), "{name}: wrong bytes over SFTP");
        let web = demo.curl(CLIENT_ONE, &format!("{folder}/{name}"), &["-f"]);
        assert!(!web.status.success(), "{name} was served over HTTP");
        assert!(good.starts_with(&web.stdout), "{name}: wrong bytes over HTTP");
    }
    let whole = demo.curl(CLIENT_ONE, &format!("{folder}/whole"), &["-f"]);
    assert!(whole.stdout == bytes(6, 300_000), "an undamaged document is served as ever");
    let record = ok(demo.deedbox(&["audit", "show", "--matter", "2026-0001"]));
    assert!(
        record.lines().any(|line| line.contains("flipped") && line.contains("failed") || line.contains("damaged")),
        "{record}"
    );
    demo.stop();
}
