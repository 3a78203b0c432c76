//! Power-loss images: the real daemon works on a recording file system while real clients upload, replace, rename, move
//! and delete; from the recording, images are built of what a disk may hold when the power goes at some moment; each is
//! opened by the real program and held against what the clients had been told by then.
//!
//! `DEEDBOX_POWERLOSS_IMAGES` says how many images (a few hundred unless said). `DEEDBOX_TEST_SEED` decides what the clients
//! do and which images are built. No two runs of a daemon are the same to the byte, so a run in which an image was wrong is
//! kept, and `DEEDBOX_POWERLOSS_RUN` with the image's seed builds that very image again.

mod blobs;
#[allow(dead_code)] // Its other half is for the tests of the gateway.
#[path = "../gateway/demo.rs"]
mod demo;
mod disk;
mod filesystem;
mod image;
mod judge;
mod load;
mod promises;
mod random;
mod recording;
mod run;
mod story;
mod trial;

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use random::Random;
use run::Run;
use trial::{HONEST, Lie, Trial, told};

/// Images of a short run, for both engines together.
const IMAGES: usize = 200;
/// Images of one recording; more need another one.
const IMAGES_EACH: usize = 250;
/// Of so many recordings, one is of sled; and so is the second one.
const SLED_EVERY: usize = 4;
/// How long clients work, twice, in one recording.
const WORK: Duration = Duration::from_secs(3);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Numbers of their own for each purpose, which the one seed decides.
fn random(purpose: u64) -> Random {
    Random::new(number("DEEDBOX_TEST_SEED").unwrap_or(20_260_101) ^ purpose << 32)
}

/// The first recording, which more than one test looks at.
fn first_run() -> &'static Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| Run::record("redb", random(0).next(), WORK))
}

#[test]
fn whenever_the_power_goes_nothing_acknowledged_is_lost_and_nothing_is_half_there() {
    if let Some(dir) = std::env::var_os("DEEDBOX_POWERLOSS_RUN") {
        let run = Run::load(Path::new(&dir)).expect("a kept run");
        return judge(&run, &[number("DEEDBOX_TEST_SEED").expect("DEEDBOX_TEST_SEED, the image's")]);
    }
    let images = number("DEEDBOX_POWERLOSS_IMAGES").map_or(IMAGES, |images| usize::try_from(images).expect("few"));
    let runs = images.div_ceil(IMAGES_EACH).max(2);
    for number in 0..runs {
        let mut random = random(number as u64);
        let seed = random.next();
        let seeds: Vec<u64> = (0..images.div_ceil(runs)).map(|_| random.next()).collect();
        let sled = number == 1 || number % SLED_EVERY == SLED_EVERY - 1;
        match (number, sled) {
            (0, _) => judge(first_run(), &seeds),
            (_, true) => judge(&Run::record("sled", seed, WORK), &seeds),
            (_, false) => judge(&Run::record("redb", seed, WORK), &seeds),
        }
    }
}

fn judge(run: &Run, seeds: &[u64]) {
    let place = run::scratch();
    let started = Instant::now();
    let wrong = Trial { run, lie: HONEST, place: place.path(), again: true }.judge(seeds);
    println!(
        "{}: {} deeds in {} steps, {} MB written; {} images judged in {:.1?}, {} wrong",
        run.account.engine,
        run.account.stories.iter().map(|story| story.deeds.len()).sum::<usize>(),
        run.recording.steps.len(),
        run.recording.data.len() / 1_000_000,
        seeds.len(),
        started.elapsed(),
        wrong.len(),
    );
    if !wrong.is_empty() {
        let kept = place.keep();
        run.save(&kept).expect("the run is kept");
        panic!("{}", told(&wrong, &kept));
    }
}

/// The judge can tell: a disk that drops the syncs of one kind of file loses something that it finds missing.
#[test]
fn a_disk_that_lies_about_any_sync_that_matters_is_found_out() {
    let lies: [(&str, Lie); 6] = [
        ("the bytes of blobs", |path| path.starts_with("/firm/blobs/tmp/")),
        ("the names of blobs", |path| path.starts_with("/firm/blobs/") && path.len() == "/firm/blobs/ab".len()),
        ("the names of the blobs' directories", |path| path == "/firm/blobs"),
        ("the catalog", |path| path.starts_with("/firm/catalog/catalog.redb")),
        ("the journal", |path| path.starts_with("/firm/audit/writer.tmp")),
        ("the names of tiles", |path| path.starts_with("/firm/audit/tile")),
    ];
    let run = first_run();
    for (number, (what, lie)) in lies.into_iter().enumerate() {
        let mut random = random(1000 + number as u64);
        let seeds: Vec<u64> = (0..24).map(|_| random.next()).collect();
        let place = run::scratch();
        let wrong = Trial { run, lie, place: place.path(), again: false }.judge(&seeds);
        println!("a lie about {what}: {} images are wrong", wrong.len());
        assert!(!wrong.is_empty(), "nobody notices that {what} are not durable");
    }
}
