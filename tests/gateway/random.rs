//! Random numbers that a printed seed replays.

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    /// From `DEEDBOX_TEST_SEED`, or a fixed seed; printed, so that a failure shows it.
    pub(crate) fn seeded(test: &str) -> Self {
        let seed = std::env::var("DEEDBOX_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_260_101);
        println!("{test}: DEEDBOX_TEST_SEED={seed}");
        Self(seed)
    }

    /// Another sequence that follows from this one.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    pub(crate) fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }
}

/// How often a test repeats itself: the variable, or so many times for a short run.
pub(crate) fn times(variable: &str, short: usize) -> usize {
    std::env::var(variable).ok().and_then(|count| count.parse().ok()).unwrap_or(short)
}
