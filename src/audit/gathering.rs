//! How many waiters a batch is held back for.
//!
//! A sync costs the writer, the disk and whoever is woken by it as much for one record as for ten. Under load the batch is therefore
//! held back, for [`LONGEST`] at most, until half of those who are about wait: the other half are served while it is
//! synced. The number is learned: one more after each batch that reached it while more than twice as many were about, and
//! what really came after each that did not. A client that is alone is never held back, and neither are two.

use std::time::Duration;

/// The longest that a record is held back: about what a busy disk takes for the sync that is saved.
pub(super) const LONGEST: Duration = Duration::from_micros(400);
/// The most waiters a batch is held back for; beyond, a batch is large enough for any disk.
const MOST: usize = 256;

#[derive(Debug)]
pub(super) struct Gathering {
    goal: usize,
    /// Waiters in the batch before.
    before: usize,
}

impl Default for Gathering {
    fn default() -> Self {
        Self { goal: 1, before: 0 }
    }
}

impl Gathering {
    /// The number of waiters that need not wait for more.
    pub(super) fn goal(&self) -> usize {
        self.goal
    }

    /// Learns from a batch of `waiters`, before which `queued` had come while the one before it was written.
    pub(super) fn learn(&mut self, waiters: usize, queued: usize) {
        let about = self.before + queued;
        if waiters < self.goal {
            self.goal = waiters.max(1);
        } else if about > 2 * self.goal {
            self.goal = (self.goal + 1).min(MOST);
        }
        self.before = waiters;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_two_are_never_held_back() {
        for queued in [0, 1] {
            let mut gathering = Gathering::default();
            for _ in 0..100 {
                gathering.learn(1, queued);
                assert_eq!(gathering.goal(), 1);
            }
        }
    }

    #[test]
    fn half_of_a_crowd_is_gathered_and_its_end_is_noticed_at_once() {
        let mut gathering = Gathering::default();
        for _ in 0..100 {
            let goal = gathering.goal();
            gathering.learn(goal, 16usize.saturating_sub(goal));
        }
        assert_eq!(gathering.goal(), 8);
        gathering.learn(3, 0);
        assert_eq!(gathering.goal(), 3);
        gathering.learn(0, 0);
        assert_eq!(gathering.goal(), 1);
    }

    #[test]
    fn the_number_is_bounded() {
        let mut gathering = Gathering::default();
        (0..1000).for_each(|_| gathering.learn(gathering.goal(), 100_000));
        assert_eq!(gathering.goal(), MOST);
    }
}
