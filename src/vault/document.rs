//! A document open for reading.

use parking_lot::Mutex;

use super::blobs::BlobReader;
use super::catalog::Content;
use super::error::Error;
use super::{Entry, Vault};
use crate::audit::{Detail, Outcome};
use crate::gate::{Permit, Read};

/// Ranges are recorded up to this many; beyond, neighbours are merged.
const MAX_RANGES: usize = 64;

/// One version of a document, open for reading, whatever happens to the document meanwhile. Dropping it records what was
/// served.
pub struct Document {
    entry: Entry,
    content: Content,
    reader: BlobReader,
    permit: Option<Permit<Read>>,
    served: Mutex<Served>,
}

#[derive(Default)]
struct Served {
    bytes: u64,
    /// Disjoint, in order.
    ranges: Vec<(u64, u64)>,
    failed: Option<String>,
}

impl Vault {
    /// Opens the current version of the document that the permit names.
    pub fn open(&self, permit: Permit<Read>) -> Result<Document, Error> {
        match self.open_current(&permit) {
            Ok((entry, content, reader)) => {
                Ok(Document { entry, content, reader, permit: Some(permit), served: Mutex::default() })
            }
            Err(error) => {
                permit.settle(Outcome::Failed, Detail { reason: Some(error.to_string()), ..Detail::default() });
                Err(error)
            }
        }
    }

    fn open_current(&self, permit: &Permit<Read>) -> Result<(Entry, Content, BlobReader), Error> {
        let target = permit.target();
        let folder = target.place.folder().ok_or(Error::Gone)?;
        let entry = self.catalog.entry(folder, &target.name)?.ok_or(Error::Gone)?.value;
        let content = entry.content.filter(|_| entry.node == target.node).ok_or(Error::Gone)?;
        let key = self.key(target.place.matter)?;
        let reader = self.blobs.read(&content.blob, &key)?;
        Ok((entry, content, reader))
    }
}

impl Document {
    /// The entry as it was when the document was opened.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The permit under which it is read.
    pub fn permit(&self) -> Option<&Permit<Read>> {
        self.permit.as_ref()
    }

    /// Reads at an offset; fewer bytes at the end, none past it.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        match self.reader.read_at(offset, buffer) {
            Ok(count) => {
                self.served.lock().add(offset, count as u64);
                Ok(count)
            }
            Err(error) => {
                self.served.lock().failed = Some(error.to_string());
                Err(error.into())
            }
        }
    }
}

impl Served {
    fn add(&mut self, start: u64, count: u64) {
        if count == 0 {
            return;
        }
        self.bytes = self.bytes.saturating_add(count);
        let end = start.saturating_add(count);
        // Sequential reading, by far the most frequent, extends the last range.
        if let Some(last) = self.ranges.last_mut()
            && last.1 == start
        {
            last.1 = end;
            return;
        }
        self.ranges.push((start, end));
        if self.ranges.len() > MAX_RANGES {
            self.merge();
        }
    }

    /// Sorts, joins what touches, and while there are still too many closes the smallest gaps: the record may then name
    /// more than was served, never less.
    fn merge(&mut self) {
        self.ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(self.ranges.len());
        for range in self.ranges.drain(..) {
            match merged.last_mut() {
                Some(last) if range.0 <= last.1 => last.1 = last.1.max(range.1),
                _ => merged.push(range),
            }
        }
        while merged.len() > MAX_RANGES / 2 {
            let gap = |i: &usize| merged[i + 1].0 - merged[*i].1;
            let Some(smallest) = (0..merged.len() - 1).min_by_key(gap) else { break };
            merged[smallest].1 = merged[smallest + 1].1;
            merged.remove(smallest + 1);
        }
        self.ranges = merged;
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let mut served = std::mem::take(&mut *self.served.lock());
        served.merge();
        let outcome = if served.failed.is_some() { Outcome::Failed } else { Outcome::Done };
        let detail = Detail {
            version: Some(self.content.version),
            sha256: Some(self.content.blob.sha256),
            bytes: Some(served.bytes),
            ranges: served.ranges,
            reason: served.failed,
            ..Detail::default()
        };
        permit.settle(outcome, detail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_served_is_recorded_as_few_ranges_that_cover_it() {
        let mut served = Served::default();
        for i in 0..1000u64 {
            served.add(i * 7919 % 1_000_000, 100);
        }
        served.merge();
        assert!(served.ranges.len() <= MAX_RANGES);
        for i in 0..1000u64 {
            let start = i * 7919 % 1_000_000;
            assert!(served.ranges.iter().any(|r| r.0 <= start && start + 100 <= r.1));
        }
        assert_eq!(served.bytes, 100_000);
    }

    #[test]
    fn sequential_reading_is_one_range() {
        let mut served = Served::default();
        (0..100).for_each(|i| served.add(i * 10, 10));
        assert_eq!(served.ranges, vec![(0, 1000)]);
    }
}
