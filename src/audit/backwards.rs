//! The record read from its end, a page at a time: whoever looks wants what happened last.
//!
//! Of blocks in which nothing is wanted only the leaves are looked at, or where one matter is wanted their bytes, since an
//! index beside them would be one more thing to keep true.

use super::body::{Body, Sealer};
use super::bundle::Record;
use super::error::VerifyError;
use super::leaf::{Leaf, Tag};
use super::store::Store;
use super::tree::TILE;
use crate::names::Timestamp;

/// Records that one page looks back over: what lies further back is another page's.
pub(super) const MAX_SKIMMED: u64 = 1 << 20;
/// Bodies that are opened for one page.
const MAX_OPENED: usize = 1 << 16;

/// What a page is to have.
pub(super) trait Wanted {
    /// What it has of a record.
    type Item;
    /// Records of one matter alone.
    fn tag(&self) -> Option<&Tag>;
    /// Records from this time on.
    fn since(&self) -> Option<Timestamp>;
    /// What the leaf alone can tell beside matter and beginning.
    fn wants(&self, leaf: &Leaf) -> bool;
    /// The record, if its body is as wanted; there is none where it was erased by law.
    fn take(&self, leaf: &Leaf, body: Option<Body>) -> Option<Self::Item>;
}

/// Where a page starts and how much it may hold.
pub(super) struct Bounds {
    /// Those before this record; the newest if there is none.
    pub(super) before: Option<u64>,
    /// At most so many.
    pub(super) limit: usize,
    /// Looked for in so many records.
    pub(super) most: u64,
}

/// A page, the newest first, and before which record the next one goes on, if there may be one.
pub(super) fn page<W: Wanted>(
    store: &Store,
    sealer: &Sealer,
    wanted: &W,
    bounds: &Bounds,
) -> Result<(Vec<W::Item>, Option<u64>), VerifyError> {
    let start = bounds.before.unwrap_or(u64::MAX).min(store.size());
    let mut reading = Reading { sealer, wanted, limit: bounds.limit, opened: 0, found: Vec::new() };
    let floor = start.saturating_sub(bounds.most);
    let mut next = start;
    while next > floor && !reading.is_full() {
        match reading.look_before(store, next)? {
            Some(end) => next = end,
            None => return Ok((reading.found, None)),
        }
    }
    Ok((reading.found, (next > 0).then_some(next)))
}

/// A page in the making.
struct Reading<'r, W: Wanted> {
    sealer: &'r Sealer,
    wanted: &'r W,
    limit: usize,
    opened: usize,
    found: Vec<W::Item>,
}

impl<W: Wanted> Reading<'_, W> {
    fn is_full(&self) -> bool {
        self.found.len() >= self.limit || self.opened >= MAX_OPENED
    }

    /// Looks at the records of one block before `end`, newest first. Gives the first record that was looked at; nothing if
    /// all of the block is too old already.
    fn look_before(&mut self, store: &Store, end: u64) -> Result<Option<u64>, VerifyError> {
        let first = store.journal.first;
        if end > first {
            let count = usize::try_from(end - first).unwrap_or(usize::MAX).min(store.journal.records.len());
            let records = &store.journal.records[..count];
            // A clock may have been set: only when all of many records are too old, the search is over.
            let over = records.len() >= TILE && records.iter().all(|record| self.is_too_old(&record.leaf));
            return Ok(if over { None } else { Some(self.look_at(records)?) });
        }
        let block = (end - 1) / TILE as u64;
        if let Some(tag) = self.wanted.tag()
            && self.wanted.since().is_none()
            && !store.mentions(block, tag)?
        {
            return Ok(Some(block * TILE as u64));
        }
        let leaves = store.leaves(block)?;
        if leaves.iter().all(|leaf| self.is_too_old(leaf)) {
            return Ok(None);
        }
        if !leaves.iter().any(|leaf| leaf.seq < end && self.wants(leaf)) {
            return Ok(Some(block * TILE as u64));
        }
        let records = leaves.into_iter().zip(store.bodies(block)?);
        let records: Vec<_> =
            records.map(|(leaf, sealed)| Record { leaf, sealed }).filter(|record| record.leaf.seq < end).collect();
        Ok(Some(self.look_at(&records)?))
    }

    /// Takes what is wanted of these records, from the last to the first; gives the number of the one where it stopped.
    fn look_at(&mut self, records: &[Record]) -> Result<u64, VerifyError> {
        for record in records.iter().rev() {
            if self.is_full() {
                return Ok(record.leaf.seq + 1);
            }
            if self.wants(&record.leaf) {
                self.opened += 1;
                let body = record.open(self.sealer)?;
                self.found.extend(self.wanted.take(&record.leaf, body));
            }
        }
        Ok(records.first().map_or(0, |record| record.leaf.seq))
    }

    fn is_too_old(&self, leaf: &Leaf) -> bool {
        self.wanted.since().is_some_and(|since| leaf.time < since)
    }

    fn wants(&self, leaf: &Leaf) -> bool {
        let here = self.wanted.tag().is_none_or(|tag| leaf.matter.is_some_and(|matter| matter.tag == *tag));
        here && !self.is_too_old(leaf) && self.wanted.wants(leaf)
    }
}
