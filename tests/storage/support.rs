//! What every test here needs.

use deedbox::kv::{self, Batch, Engine, EngineKind, Error, Precondition, Settings, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// A small cache, so that pages come from the disk too.
pub(crate) const SETTINGS: Settings = Settings { cache_bytes: 4 * 1024 * 1024 };

/// Runs each named test, a function of the engine kind, once for either engine.
macro_rules! for_both_engines {
    ($($test:ident),* $(,)?) => {
        mod redb {
            $(#[test] fn $test() { super::$test(deedbox::kv::EngineKind::Redb); })*
        }
        mod sled {
            $(#[test] fn $test() { super::$test(deedbox::kv::EngineKind::Sled); })*
        }
    };
}
pub(crate) use for_both_engines;

pub(crate) fn open(kind: EngineKind, dir: &Path) -> Arc<dyn Engine> {
    kv::open(kind, dir, SETTINGS).expect("the store opens")
}

pub(crate) fn put(key: &[u8], value: &[u8]) -> Batch {
    Batch { preconditions: Vec::new(), writes: vec![Write::Put(key.to_vec(), value.to_vec())] }
}

pub(crate) fn when(precondition: Precondition, key: &[u8], value: &[u8]) -> Batch {
    Batch { preconditions: vec![precondition], ..put(key, value) }
}

pub(crate) type Records = Vec<(Vec<u8>, Vec<u8>)>;

pub(crate) fn records(engine: &dyn Engine, prefix: &[u8], after: Option<&[u8]>) -> Records {
    let mut found = Vec::new();
    engine
        .scan(prefix, after, &mut |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
        .expect("the scan runs");
    found
}

pub(crate) fn keys(engine: &dyn Engine, prefix: &[u8], after: Option<&[u8]>) -> Vec<Vec<u8>> {
    records(engine, prefix, after).into_iter().map(|(key, _)| key).collect()
}

pub(crate) fn is_conflict<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Conflict))
}

/// Random numbers that a printed seed replays.
pub(crate) struct Random(u64);

impl Random {
    /// From `DEEDBOX_TEST_SEED`, or a fixed seed; printed, so that a failure shows it.
    pub(crate) fn seeded(test: &str) -> Self {
        let seed = std::env::var("DEEDBOX_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_260_101);
        println!("{test}: DEEDBOX_TEST_SEED={seed}");
        Self(seed)
    }

    /// SplitMix64.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
