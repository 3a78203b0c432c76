//! kill -9 at random moments under load: every acknowledged commit must be there, none may be half there.

use crate::support::{Random, for_both_engines, keys, open};
use deedbox::kv::{Batch, Engine, EngineKind, Precondition, Write};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const KILLS: usize = 20;
const THREADS: u64 = 6;
const DIR: &str = "DEEDBOX_CRASH_DIR";
const KIND: &str = "DEEDBOX_CRASH_KIND";

for_both_engines!(what_was_acknowledged_survives_kill_9_and_nothing_is_half_there);

fn what_was_acknowledged_survives_kill_9_and_nothing_is_half_there(kind: EngineKind) {
    let mut random = Random::seeded("kill -9");
    let dir = tempfile::tempdir().expect("a directory");
    let mut acknowledged = [0u64; THREADS as usize];
    let mut number = 0;
    for round in 0..KILLS {
        let mut child = start_child(kind, dir.path());
        let lines = BufReader::new(child.stdout.take().expect("its output"));
        let reader = std::thread::spawn(move || {
            lines.lines().map_while(Result::ok).filter_map(|l| parse(&l)).collect::<Vec<_>>()
        });
        // From the middle of opening to well under way.
        std::thread::sleep(Duration::from_millis(10 + random.below(190)));
        child.kill().expect("kill -9");
        child.wait().expect("its end");
        for (thread, step, commit) in reader.join().expect("the reader") {
            let last = &mut acknowledged[thread as usize];
            *last = step.max(*last);
            number = commit.max(number);
        }
        verify(&*open(kind, dir.path()), &acknowledged, number, round);
    }
    assert!(acknowledged.iter().sum::<u64>() > 0, "the children did something");
}

fn start_child(kind: EngineKind, dir: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "crash::child_that_commits_until_it_is_killed", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(KIND, kind.name())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child")
}

fn parse(line: &str) -> Option<(u64, u64, u64)> {
    // The last line may be cut off: only those that end as they should count.
    let mut words = line.strip_prefix("ack ")?.strip_suffix(" .")?.split(' ').map(str::parse);
    Some((words.next()?.ok()?, words.next()?.ok()?, words.next()?.ok()?))
}

fn verify(engine: &dyn Engine, acknowledged: &[u64], number: u64, round: usize) {
    let mut committed = 0;
    for (thread, acknowledged) in acknowledged.iter().enumerate() {
        let thread = thread as u64;
        let last = last_step(engine, thread);
        assert!(last >= *acknowledged, "kill {round}: thread {thread} lost steps {last} to {acknowledged}");
        committed += last;
        for half in 0..2 {
            let found = keys(engine, format!("{thread}/{half}/").as_bytes(), None);
            assert_eq!(found.len() as u64, last, "kill {round}: thread {thread} has half a step");
        }
        for step in 1..=last {
            for half in 0..2 {
                let value = engine.get(&step_key(thread, half, step)).expect("a read");
                assert_eq!(value, Some(content(thread, half, step)), "kill {round}: {thread}/{half}/{step}");
            }
        }
    }
    assert_eq!(engine.last_commit(), committed, "kill {round}: one number for each batch");
    assert!(engine.last_commit() >= number, "kill {round}: went back in time");
}

fn last_key(thread: u64) -> Vec<u8> {
    format!("last/{thread}").into_bytes()
}

fn step_key(thread: u64, half: u64, step: u64) -> Vec<u8> {
    format!("{thread}/{half}/{step:010}").into_bytes()
}

fn content(thread: u64, half: u64, step: u64) -> Vec<u8> {
    vec![(thread + half + step) as u8; 1 + (step * 37 % 900) as usize]
}

fn last_step(engine: &dyn Engine, thread: u64) -> u64 {
    let value = engine.get(&last_key(thread)).expect("a read");
    value.map_or(0, |value| u64::from_be_bytes(value.as_slice().try_into().expect("eight bytes")))
}

/// Not a test of its own: does nothing unless the test above starts it.
#[test]
fn child_that_commits_until_it_is_killed() {
    let (Some(dir), Ok(kind)) = (std::env::var_os(DIR), std::env::var(KIND)) else { return };
    let engine = open(kind.parse().expect("an engine"), Path::new(&dir));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let engine = &engine;
            scope.spawn(move || {
                let mut step = last_step(&**engine, thread);
                loop {
                    let batch = next_step(thread, step);
                    step += 1;
                    let number = engine.commit(batch).expect("a commit");
                    // A child whose parent is gone ends too.
                    writeln!(std::io::stdout().lock(), "ack {thread} {step} {number} .").expect("the parent listens");
                }
            });
        }
    });
}

fn next_step(thread: u64, before: u64) -> Batch {
    let step = before + 1;
    let precondition = match before {
        0 => Precondition::Absent(last_key(thread)),
        _ => Precondition::Equals(last_key(thread), before.to_be_bytes().to_vec()),
    };
    Batch {
        preconditions: vec![precondition],
        writes: vec![
            Write::Put(step_key(thread, 0, step), content(thread, 0, step)),
            Write::Put(last_key(thread), step.to_be_bytes().to_vec()),
            Write::Put(step_key(thread, 1, step), content(thread, 1, step)),
        ],
    }
}
