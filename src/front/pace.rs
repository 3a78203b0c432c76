//! How slowly a client may move a body.

use std::time::Duration;

use crate::config::Limits;

/// Time that a client takes is paid from a credit, and bytes that it moves fill it up again: who moves them at the rate
/// or above always has credit, who stands still has none after the patience, and who is slower than the rate has none
/// some time between. Time in which the client waits for us is not counted.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    rate: u64,
    patience: Duration,
    credit: Duration,
}

impl Pace {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { rate: limits.slow_rate, patience: limits.slow, credit: limits.slow }
    }

    /// How long the client may take for what comes next.
    pub(super) fn credit(&self) -> Duration {
        self.credit
    }

    /// The client has moved these bytes, or was handed them and has yet to take them.
    pub(super) fn moved(&mut self, bytes: usize) {
        let worth = Duration::from_millis((bytes as u64).saturating_mul(1000) / self.rate.max(1));
        self.credit = self.credit.saturating_add(worth).min(self.patience.max(worth));
    }

    /// The client has taken this long.
    pub(super) fn waited(&mut self, time: Duration) {
        self.credit = self.credit.saturating_sub(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::limits::defaults;

    /// Seconds until somebody who moves this much at a time, this many seconds apart, has no credit; at most a day.
    fn lasts(bytes: usize, every: u64) -> u64 {
        let mut pace = Pace::new(&Limits { slow: Duration::from_secs(60), slow_rate: 1000, ..defaults() });
        let mut time = 0;
        pace.moved(bytes);
        while pace.credit() > Duration::from_secs(every) && time < 86_400 {
            pace.waited(Duration::from_secs(every));
            pace.moved(bytes);
            time += every;
        }
        time
    }

    #[test]
    fn whoever_keeps_the_rate_may_go_on_for_ever_and_nobody_else() {
        assert!(lasts(1000, 1) >= 86_400);
        assert!(lasts(50_000, 50) >= 86_400, "in bursts, too");
        assert!(lasts(1_000_000, 900) >= 86_400, "and in large steps");
        assert!(lasts(0, 1) <= 60, "standing still");
        assert!(lasts(1, 30) <= 90, "a byte now and then");
        assert!((60..300).contains(&lasts(500, 1)), "half the rate");
        assert!(lasts(1 << 30, 1) >= 86_400);
    }

    #[test]
    fn what_was_moved_fast_does_not_buy_a_long_rest() {
        let mut pace = Pace::new(&Limits { slow: Duration::from_secs(60), slow_rate: 1000, ..defaults() });
        for _ in 0..1000 {
            pace.moved(10_000);
        }
        assert_eq!(pace.credit(), Duration::from_secs(60));
    }
}
