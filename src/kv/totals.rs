//! How many records a store holds, and the sum of their digests: enough to tell that two stores hold the same, or that
//! one has lost something, whatever the order.

use super::store::Store;
use super::{CommitNumber, Error};
use aws_lc_rs::digest::{Context, SHA256};
use std::ops::ControlFlow;

/// What a store holds, in 32 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// The number of the last commit.
    pub(super) commit: CommitNumber,
    /// How many records there are.
    pub(super) records: u64,
    /// The digests of all records, added up.
    sum: u128,
}

impl Totals {
    /// Those of an empty store.
    pub(super) fn empty(commit: CommitNumber) -> Self {
        Self { commit, ..Self::default() }
    }

    /// Reads and counts a whole store.
    pub(super) fn count(store: &dyn Store) -> Result<Self, Error> {
        let mut counted = Self::empty(store.stored_commit()?);
        store.scan(&[], None, &mut |key, value| {
            counted.add(key, value);
            ControlFlow::Continue(())
        })?;
        Ok(counted)
    }

    /// Counts a record in.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.records = self.records.wrapping_add(1);
        self.sum = self.sum.wrapping_add(digest(key, value));
    }

    /// Counts a record out. Taking out what was never in wraps, and shows at the next comparison.
    pub(super) fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.records = self.records.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(digest(key, value));
    }

    /// As kept in a store.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.commit.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.records.to_be_bytes());
        bytes[16..].copy_from_slice(&self.sum.to_be_bytes());
        bytes
    }

    /// Reads what [`Totals::to_bytes`] wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 32] = bytes.try_into().ok()?;
        let (commit, rest) = bytes.split_first_chunk()?;
        let (records, sum) = rest.split_first_chunk()?;
        Some(Self {
            commit: u64::from_be_bytes(*commit),
            records: u64::from_be_bytes(*records),
            sum: u128::from_be_bytes(sum.try_into().ok()?),
        })
    }
}

/// Half a SHA-256 of a record: against accidents; who writes to the disk on purpose meets the seal of the values.
fn digest(key: &[u8], value: &[u8]) -> u128 {
    let mut context = Context::new(&SHA256);
    context.update(&(key.len() as u64).to_be_bytes());
    context.update(key);
    context.update(value);
    let digest = context.finish();
    let mut half = [0; 16];
    half.copy_from_slice(&digest.as_ref()[..16]);
    u128::from_be_bytes(half)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn totals_do_not_depend_on_the_order_and_forget_what_was_taken_out(
            mut records in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..8), prop::collection::vec(any::<u8>(), 0..8)), 1..20),
            out in any::<prop::sample::Index>(),
        ) {
            let count = |records: &[(Vec<u8>, Vec<u8>)]| {
                let mut totals = Totals::empty(7);
                records.iter().for_each(|(key, value)| totals.add(key, value));
                totals
            };
            let mut all = count(&records);
            records.reverse();
            prop_assert_eq!(all, count(&records));
            prop_assert_eq!(Totals::from_bytes(&all.to_bytes()), Some(all));
            let (key, value) = records.remove(out.index(records.len()));
            prop_assert_ne!(all, count(&records));
            all.remove(&key, &value);
            prop_assert_eq!(all, count(&records));
        }
    }

    #[test]
    fn the_border_between_key_and_value_counts() {
        let (mut one, mut other) = (Totals::empty(0), Totals::empty(0));
        one.add(b"ab", b"c");
        other.add(b"a", b"bc");
        assert_ne!(one, other);
    }
}
