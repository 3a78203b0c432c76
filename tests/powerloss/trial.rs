//! Images of one run, built and judged: which seed stands for which, and what to tell of those that are wrong.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::image::{Model, Plan, Replay};
use crate::judge::{Judge, judge_deep, judge_serving};
use crate::random::Random;
use crate::run::{FIRM, Run};

/// Images that are built and judged at the same time.
const JUDGES: usize = 2;
/// Of so many images, one loses its power again while it recovers, so many times.
const AGAIN_EVERY: u64 = 25;
const AGAIN: usize = 4;
/// Of so many images, `check --deep` sees one, before and after recovery: what that will put in order is no damage.
const DEEP_EVERY: u64 = 4;
/// Of so many images, one is served by a daemon in the end.
const SERVED_EVERY: u64 = 60;
/// Wrong images after which no more are built.
const ENOUGH: usize = 5;

/// Which syncs the disk drops, by the path of the file or directory as it was made.
pub(crate) type Lie = fn(&str) -> bool;

/// A disk that keeps its promises.
pub(crate) const HONEST: Lie = |_| false;

/// An image that is not as it must be.
pub(crate) struct Wrong {
    plan: Plan,
    found: Vec<String>,
    /// Where its run was kept, if that is not the one that was asked for.
    run: Option<PathBuf>,
}

/// The images of a run.
pub(crate) struct Trial<'r> {
    pub(crate) run: &'r Run,
    pub(crate) lie: Lie,
    /// Images are built here; those that are wrong stay.
    pub(crate) place: &'r Path,
    /// Whether the power may go again.
    pub(crate) again: bool,
}

impl Trial<'_> {
    /// The image that a seed stands for.
    fn plan(&self, seed: u64) -> Plan {
        let mut random = Random::new(seed);
        let (start, end) = (self.run.account.start, self.run.recording.position());
        let model = *random.pick(&[Model::Strict, Model::Strict, Model::Journalled, Model::Prefix]);
        let deeds = self.run.account.stories.iter().flat_map(|story| &story.deeds);
        let answers: Vec<usize> = deeds.filter_map(|told| told.acknowledged).filter(|at| *at >= start).collect();
        // Half of them just when somebody was told that something is safe.
        let cut = match random.percent(50) && !answers.is_empty() {
            true => *random.pick(&answers) + random.below(4),
            false => start + random.below(end - start + 1),
        };
        Plan { seed, cut: cut.clamp(start, end), model }
    }

    /// Builds and judges one image for each seed.
    pub(crate) fn judge(&self, seeds: &[u64]) -> Vec<Wrong> {
        let judge = Judge::new(&self.run.account);
        let mut plans: Vec<Plan> = seeds.iter().map(|seed| self.plan(*seed)).collect();
        plans.sort_by_key(|plan| plan.cut);
        let wrong = Mutex::new(Vec::new());
        let locked = || wrong.lock().expect("not poisoned");
        std::thread::scope(|scope| {
            for first in 0..JUDGES {
                let (judge, plans, locked) = (&judge, &plans, &locked);
                scope.spawn(move || {
                    let mut replay = Replay::new(&self.run.recording, self.lie);
                    for plan in plans.iter().skip(first).step_by(JUDGES) {
                        if locked().len() >= ENOUGH {
                            break;
                        }
                        replay.advance(plan.cut);
                        let found = self.judge_image(&replay, *plan, judge);
                        locked().extend(found);
                    }
                });
            }
        });
        wrong.into_inner().expect("not poisoned")
    }

    fn judge_image(&self, replay: &Replay<'_>, plan: Plan, judge: &Judge<'_>) -> Vec<Wrong> {
        let data = self.place.join(format!("{:016x}", plan.seed));
        let image = replay.image(plan);
        image.write_to(&data, FIRM).expect("the image is written");
        let mut found = Vec::new();
        let deep = plan.seed.is_multiple_of(DEEP_EVERY);
        if deep {
            judge_deep(&data, &mut found);
        }
        found.extend(judge.violations(&data, plan.cut, replay.checkpoint()));
        if deep {
            judge_deep(&data, &mut found);
        }
        if plan.seed.is_multiple_of(SERVED_EVERY) {
            judge_serving(&data, &mut found);
        }
        if !found.is_empty() {
            return vec![Wrong { plan, found, run: None }];
        }
        std::fs::remove_dir_all(&data).expect("the image is removed");
        if !self.again || !plan.seed.is_multiple_of(AGAIN_EVERY) {
            return Vec::new();
        }
        let recovery = Run::recover(&image, &self.run.account, plan.cut);
        let mut random = Random::new(plan.seed);
        let seeds: Vec<u64> = (0..AGAIN).map(|_| random.next()).collect();
        let mut wrong = Trial { run: &recovery, lie: HONEST, again: false, ..*self }.judge(&seeds);
        if !wrong.is_empty() {
            let kept = self.place.join(format!("{:016x}-recovery", plan.seed));
            recovery.save(&kept).expect("the recovery is kept");
            wrong.iter_mut().for_each(|one| one.run = Some(kept.clone()));
        }
        wrong
    }
}

/// What is wrong, and how to see it again. `kept` is where the run is.
pub(crate) fn told(wrong: &[Wrong], kept: &Path) -> String {
    let mut text = format!("{} images are wrong; run and images are in {}\n", wrong.len(), kept.display());
    for Wrong { plan, found, run } in wrong {
        text += &format!(
            "{plan:?}:\n  {}\n  again: DEEDBOX_POWERLOSS_RUN={} DEEDBOX_TEST_SEED={} cargo test --test powerloss whenever\n",
            found.join("\n  "),
            run.as_deref().unwrap_or(kept).display(),
            plan.seed,
        );
    }
    text
}
