//! The audit record under load: `cargo bench --bench audit`.
//!
//! Writers that each wait for their record to be durable, taking turns with the disk's own rate of `fdatasync`; then the
//! time that `audit verify` takes for a record of a given length, and a page of what people did lately.

mod report;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use deedbox::audit::{Action, Actor, AuditKeys, Detail, Event, Log, Lookup, Outcome, Scope, Unavailable, Wait, verify};
use deedbox::names::{AccountId, AuthMethod, Front, MatterId, NodeId, Role, SessionId, TransientNames};
use report::{Spread, judge};
use tempfile::TempDir;

/// Tasks that fill the record before it is verified; each waits for its own, so the queue never refuses.
const FILLERS: u64 = 4096;
/// What a record's frame takes in the journal, about.
const FRAME: usize = 600;

#[derive(Parser)]
struct Arguments {
    /// Records to verify
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Writers at a time
    #[arg(long, default_value_t = 64)]
    writers: u64,
    /// Turns of each kind, and seconds of one
    #[arg(long, default_value_t = 5)]
    turns: u64,
    /// Where the record lies while it is measured
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    dir: PathBuf,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// A download's intent, as the gate records it.
fn event(writer: u64) -> Event {
    let id = |number: u64| u128::from(number).to_be_bytes();
    let actor = Actor {
        session: SessionId::from_bytes(id(writer)),
        account: Some(AccountId::from_bytes(id(writer % 20))),
        login: "client.one@example.com".to_owned(),
        role: Some(Role::Participant),
        front: Front::Webdav,
        peer: Some("192.0.2.7".to_owned()),
        auth: AuthMethod::Password,
    };
    Event {
        matter: Some(MatterId::from_bytes(id(writer % 100))),
        object: Some(NodeId::from_bytes(id(writer))),
        path: Some("/2026-0001 Purchase of 12 High Street/Documents/From us/Draft contract.pdf".to_owned()),
        detail: Detail { version: Some(1), bytes: Some(40_000), sha256: Some([7; 32]), ..Detail::default() },
        ..Event::new(actor, Action::Read, Outcome::Done)
    }
}

/// How many times a second a little data is made durable at the end of a file, by one writer.
fn syncs_per_second(dir: &Path, time: Duration) -> f64 {
    let path = dir.join("syncs");
    let mut file = File::create(&path).expect("a file");
    let (began, mut syncs) = (Instant::now(), 0u32);
    while began.elapsed() < time {
        file.write_all(&[syncs as u8; FRAME]).and_then(|()| file.sync_data()).expect("durable");
        syncs += 1;
    }
    let rate = f64::from(syncs) / began.elapsed().as_secs_f64();
    std::fs::remove_file(&path).expect("removed");
    rate
}

/// Records until the time is over or `count` are there, each writer waiting for its own; gives every wait in seconds.
async fn write(log: &Arc<Log>, writers: u64, until: impl Fn() -> bool + Copy + Send + 'static) -> Vec<f64> {
    let tasks = (0..writers).map(|writer| {
        let log = Arc::clone(log);
        tokio::spawn(async move {
            let mut waits = Vec::new();
            while !until() {
                let began = Instant::now();
                log.record(event(writer)).await.expect("recorded");
                waits.push(began.elapsed().as_secs_f64());
            }
            waits
        })
    });
    let mut waits = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        waits.extend(task.await.expect("a writer"));
    }
    waits
}

async fn measure(arguments: &Arguments, log: &Arc<Log>) {
    let time = Duration::from_secs(1);
    let (mut rates, mut waits, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..=arguments.turns {
        let rate = syncs_per_second(&arguments.dir, time);
        let began = Instant::now();
        let some = write(log, arguments.writers, move || began.elapsed() > time).await;
        // The first turn is the warm-up.
        if turn > 0 {
            syncs.push(rate);
            rates.push(some.len() as f64 / began.elapsed().as_secs_f64());
            waits.extend(some);
        }
    }
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize] * 1000.0;
    let (rate, disk) = (Spread::of(&rates), Spread::of(&syncs));
    println!("the disk: {:.0} fdatasync/s ({:.0} to {:.0}) by one writer", disk.median, disk.min, disk.max);
    println!(
        "append, {} writers: {:.0} records/s ({:.0} to {:.0}); {}",
        arguments.writers,
        rate.median,
        rate.min,
        rate.max,
        judge(rate.median, 10_000.0, 20_000.0, true)
    );
    println!(
        "append, wait of one: median {:.2} ms, p99 {:.2} ms, longest {:.2} ms; p99 {}",
        at(0.5),
        at(0.99),
        at(1.0),
        judge(at(0.99), 5.0, 2.0, false)
    );
}

/// Fills the record up with intents and their outcomes, as many at a time as the queue takes.
async fn fill(log: &Arc<Log>, records: u64) {
    let began = (Instant::now(), log.size());
    let missing = records.saturating_sub(log.size()) / 2;
    let tasks = (0..FILLERS).map(|filler| {
        let (log, share) = (Arc::clone(log), missing / FILLERS + u64::from(filler < missing % FILLERS));
        tokio::spawn(async move {
            for _ in 0..share {
                let intent = log.begin(event(filler), Wait::Durable).await?;
                intent.close(Outcome::Done, Detail { bytes: Some(40_000), ..Detail::default() });
            }
            Ok::<_, Unavailable>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("a filler").expect("recorded");
    }
    let (seconds, written) = (began.0.elapsed().as_secs_f64(), log.size() - began.1);
    println!("append, {FILLERS} writers: {written} records in {seconds:.1} s, {:.0}/s", written as f64 / seconds);
}

/// A page of what people did, as `matter activity` shows it: the median of eleven looks.
fn look_back(log: &Log) {
    let id = |number: u64| u128::from(number).to_be_bytes();
    for (what, scope) in [
        (
            "the newest 100 acts of a matter that has a hundredth of the record",
            Scope::Matter(MatterId::from_bytes(id(7))),
        ),
        ("a matter without any, looked for over 1,048,576 records", Scope::Matter(MatterId::from_bytes(id(1_000)))),
        ("the newest 100 acts of an account that has a twentieth", Scope::Account(AccountId::from_bytes(id(7)))),
    ] {
        let times: Vec<f64> = (0..11)
            .map(|_| {
                let began = Instant::now();
                log.activity(scope, &Lookup { limit: 100, ..Lookup::default() }, &TransientNames::default())
                    .expect("the record is sound");
                began.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        println!("activity: {what}: {:.1} ms", Spread::of(&times).median);
    }
}

fn main() {
    let arguments = Arguments::parse();
    let dir = TempDir::new_in(&arguments.dir).expect("a directory");
    let (log, _) =
        Log::open(&dir.path().join("audit"), AuditKeys::random(), "deedbox.example/bench").expect("a new log");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure(&arguments, &log));
    runtime.block_on(fill(&log, arguments.records));
    log.close();

    let began = Instant::now();
    let report = verify(log.dir(), None).expect("the record is sound");
    let seconds = began.elapsed().as_secs_f64();
    let ten_million = seconds / report.size as f64 * 10_000_000.0;
    println!("verify: {report}");
    println!("verify: {} records in {seconds:.1} s, {:.0}/s", report.size, report.size as f64 / seconds);
    let how = if report.size < 10_000_000 { "would take, at that rate," } else { "take" };
    look_back(&log);
    println!("verify: 10 million {how} {ten_million:.1} s; {}", judge(ten_million, 120.0, 30.0, false));
}
