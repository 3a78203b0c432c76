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
mod random;
mod recording;
mod run;
mod story;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use image::{Model, Plan, Replay};
use judge::Judge;
use random::Random;
use recording::Position;
use run::{Account, FIRM, Run};

/// Images of a short run, for both engines together.
const IMAGES: usize = 240;
/// Images of one recording; more need another one.
const IMAGES_EACH: usize = 500;
/// Of so many recordings, one is of sled.
const SLED_EVERY: usize = 4;
/// How long clients work, twice, in one recording.
const WORK: Duration = Duration::from_secs(3);
/// Images that are built and judged at the same time.
const JUDGES: usize = 2;
/// Violations after which a run is given up.
const ENOUGH: usize = 5;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// The image that a seed stands for.
fn plan(account: &Account, end: Position, seed: u64) -> Plan {
    let mut random = Random::new(seed);
    let model = *random.pick(&[Model::Strict, Model::Strict, Model::Journalled, Model::Prefix]);
    let deeds: Vec<Position> = account.stories.iter().flat_map(|s| &s.deeds).filter_map(|d| d.acknowledged).collect();
    // Half of them just when somebody was told that something is safe.
    let cut = match random.percent(50) {
        true => *random.pick(&deeds) + random.below(4),
        false => account.start + random.below(end - account.start + 1),
    };
    Plan { seed, cut: cut.clamp(account.start, end), model }
}

/// Builds one image in a directory of its own and judges it.
fn judge_image(replay: &Replay<'_>, plan: Plan, judge: &Judge<'_>, place: &Path) -> Vec<String> {
    let data = place.join(format!("{:016x}", plan.seed));
    replay.image(plan).write_to(&data, FIRM).expect("the image is written");
    let found = judge.violations(&data, plan.cut, replay.checkpoint());
    if found.is_empty() {
        std::fs::remove_dir_all(&data).expect("the image is removed");
    }
    found
}

/// Judges images of one run; gives what was wrong, by seed.
fn judge_run(run: &Run, seeds: &[u64], ignored: fn(&str) -> bool, place: &Path) -> Vec<(Plan, Vec<String>)> {
    let judge = Judge::new(&run.account);
    let end = run.recording.position();
    let mut plans: Vec<Plan> = seeds.iter().map(|seed| plan(&run.account, end, *seed)).collect();
    plans.sort_by_key(|plan| plan.cut);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for first in 0..JUDGES {
            let (judge, plans, wrong) = (&judge, &plans, &wrong);
            scope.spawn(move || {
                let mut replay = Replay::new(&run.recording, ignored);
                for plan in plans.iter().skip(first).step_by(JUDGES) {
                    if wrong.lock().expect("not poisoned").len() >= ENOUGH {
                        break;
                    }
                    replay.advance(plan.cut);
                    let found = judge_image(&replay, *plan, judge, place);
                    if !found.is_empty() {
                        wrong.lock().expect("not poisoned").push((*plan, found));
                    }
                }
            });
        }
    });
    wrong.into_inner().expect("not poisoned")
}

#[test]
fn whenever_the_power_goes_nothing_acknowledged_is_lost_and_nothing_is_half_there() {
    let images = number("DEEDBOX_POWERLOSS_IMAGES").map_or(IMAGES, |images| usize::try_from(images).expect("few"));
    let mut random = Random::new(number("DEEDBOX_TEST_SEED").unwrap_or(20_260_101));
    if let Some(dir) = std::env::var_os("DEEDBOX_POWERLOSS_RUN") {
        return replay_one(&PathBuf::from(dir), number("DEEDBOX_TEST_SEED").expect("DEEDBOX_TEST_SEED, the image's"));
    }
    let runs = images.div_ceil(IMAGES_EACH).max(2);
    for number in 0..runs {
        let engine = if number % SLED_EVERY == SLED_EVERY - 1 || number == 1 { "sled" } else { "redb" };
        let started = Instant::now();
        let run = Run::record(engine, random.next(), WORK);
        let recorded = started.elapsed();
        let seeds: Vec<u64> = (0..images.div_ceil(runs)).map(|_| random.next()).collect();
        let place = run::scratch();
        let started = Instant::now();
        let wrong = judge_run(&run, &seeds, |_| false, place.path());
        println!(
            "run {number} on {engine}: {} deeds in {} steps and {} bytes recorded in {recorded:.1?}; {} images judged in {:.1?}",
            run.account.stories.iter().map(|story| story.deeds.len()).sum::<usize>(),
            run.recording.steps.len(),
            run.recording.data.len(),
            seeds.len(),
            started.elapsed(),
        );
        if !wrong.is_empty() {
            let kept = place.keep();
            run.save(&kept).expect("the run is kept");
            panic!("{}", told(&wrong, &kept));
        }
    }
}

fn told(wrong: &[(Plan, Vec<String>)], kept: &Path) -> String {
    let mut text = format!("{} images are wrong; run and images are in {}\n", wrong.len(), kept.display());
    for (plan, found) in wrong {
        text += &format!("image {:?}:\n  {}\n", plan, found.join("\n  "));
        text += &format!(
            "  again: DEEDBOX_POWERLOSS_RUN={} DEEDBOX_TEST_SEED={} cargo test --test powerloss whenever\n",
            kept.display(),
            plan.seed
        );
    }
    text
}

/// One image of a run that was kept.
fn replay_one(dir: &Path, seed: u64) {
    let run = Run::load(dir).expect("a kept run");
    let place = run::scratch();
    let wrong = judge_run(&run, &[seed], |_| false, place.path());
    assert!(wrong.is_empty(), "{}", told(&wrong, &place.keep()));
}
