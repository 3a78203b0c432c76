//! A disk that fills up: commits are refused and change nothing, reads go on, and both recover when there is room again.
//!
//! The disk is a small tmpfs in a mount namespace of a child process, so that nobody else's runs full.

use crate::support::{for_both_engines, keys, open, put};
use deedbox::kv::{Batch, Engine, EngineKind, Error, MAX_VALUE_BYTES, Write};
use std::path::Path;
use std::process::Command;

const DIR: &str = "DEEDBOX_FULL_DIR";
const KIND: &str = "DEEDBOX_FULL_KIND";
const DISK_BYTES: usize = 120 * 1024 * 1024;

for_both_engines!(a_full_disk_refuses_commits_until_there_is_room_again);

fn a_full_disk_refuses_commits_until_there_is_room_again(kind: EngineKind) {
    let dir = tempfile::tempdir().expect("a directory");
    let script = format!("mount -t tmpfs -o size={DISK_BYTES} tmpfs \"${DIR}\" && exec \"$0\" \"$@\"");
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", &script])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "full_disk::child_on_a_small_disk", "--nocapture"])
        .env(DIR, dir.path())
        .env(KIND, kind.name())
        .output()
        .expect("a child");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.contains("full and recovered"), "{said}");
}

/// Not a test of its own: does nothing unless the test above starts it.
#[test]
fn child_on_a_small_disk() {
    let (Some(dir), Ok(kind)) = (std::env::var_os(DIR), std::env::var(KIND)) else { return };
    let dir = Path::new(&dir);
    let kind: EngineKind = kind.parse().expect("an engine");
    let catalog = dir.join("catalog");
    let engine = open(kind, &catalog);
    let key = |n: u64| n.to_be_bytes();
    let mut written = 0;
    for round in 0..3 {
        // Another program fills the disk while we write: all that it leaves shrinks to nothing.
        let ballast = dir.join("ballast");
        let mut refused = 0;
        while refused < 20 {
            match engine.commit(put(&key(written), &[round; 5000])) {
                Ok(number) => {
                    written += 1;
                    assert_eq!(number, written);
                    fill(&ballast, 1_000_000);
                }
                Err(Error::NoSpace) => refused += 1,
                Err(other) => panic!("round {round}: {other}"),
            }
        }
        fill(&ballast, DISK_BYTES);
        assert!(matches!(engine.commit(put(b"x", b"y")), Err(Error::NoSpace)));
        assert_eq!(records_of(&*engine), written, "reads go on");
        std::fs::remove_file(&ballast).expect("room again");
        assert_eq!(engine.commit(put(&key(written), b"")).expect("room again"), written + 1);
        written += 1;
    }
    written += outgrow(&*engine, &dir.join("ballast"), written);
    drop(engine);
    let engine = open(kind, &catalog);
    assert_eq!(records_of(&*engine), written);
    println!("full and recovered");
}

fn records_of(engine: &dyn Engine) -> u64 {
    keys(engine, b"", None).len() as u64
}

/// Writes large batches beside a standing ballast, until the engine's file would have to grow by more than there is: then
/// the disk is found full inside the engine. Answers how many records it wrote.
fn outgrow(engine: &dyn Engine, ballast: &Path, before: u64) -> u64 {
    const BATCH: u64 = 150;
    fill(ballast, DISK_BYTES / 3);
    let mut records = 0;
    let (mut commits, mut refused) = (0, 0);
    let number = engine.last_commit();
    while refused < 3 {
        let writes = (records..records + BATCH)
            .map(|n| Write::Put((before + n).to_be_bytes().to_vec(), vec![refused; MAX_VALUE_BYTES]));
        match engine.commit(Batch { preconditions: Vec::new(), writes: writes.collect() }) {
            Ok(_) => (records, commits) = (records + BATCH, commits + 1),
            Err(Error::NoSpace) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        assert_eq!(engine.last_commit(), number + commits);
    }
    assert!(commits > 0, "nothing fitted");
    assert_eq!(records_of(engine), before + records, "reads go on");
    std::fs::remove_file(ballast).expect("room again");
    engine.commit(put(b"after", b"")).expect("room again");
    records + 1
}

/// Grows a file by so many bytes, or by what is left.
fn fill(path: &Path, bytes: usize) {
    use std::io::Write;
    let mut file = std::fs::File::options().create(true).append(true).open(path).expect("the ballast");
    for _ in 0..bytes.div_ceil(4096) {
        if file.write_all(&[1; 4096]).is_err() {
            break;
        }
    }
}
