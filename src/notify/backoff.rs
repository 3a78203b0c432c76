//! How long to wait before something is tried again.

use std::time::Duration;

/// After the first failure of the relay, or of one mail.
const FIRST: Duration = Duration::from_secs(5);
/// At most.
pub(super) const LONGEST: Duration = Duration::from_secs(3600);

/// The pause after so many failures in a row: doubled each time up to an hour, and a quarter more or less by chance
/// (`chance` is from 0 to 255), so that many that failed together do not come back together.
pub(super) fn pause(failures: u32, chance: u8) -> Duration {
    let doubled = FIRST.saturating_mul(1u32 << failures.saturating_sub(1).min(16)).min(LONGEST);
    // 3/4 to 5/4.
    doubled * (384 + u32::from(chance)) / 512
}

/// A random byte.
pub(super) fn chance() -> u8 {
    let mut byte = [128];
    // Without randomness the middle will do: nothing secret hangs on it.
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let pauses: Vec<_> = (1..=12).map(|failures| pause(failures, 128).as_secs()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
    }

    proptest! {
        #[test]
        fn chance_moves_a_pause_by_a_quarter_and_no_count_of_failures_overflows(failures: u32, chance: u8) {
            let (exact, moved) = (pause(failures, 128), pause(failures, chance));
            prop_assert!(moved >= exact * 3 / 4 && moved <= exact * 5 / 4);
        }
    }
}
