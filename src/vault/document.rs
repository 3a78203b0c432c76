//! A document open for reading.

use std::sync::Arc;

use parking_lot::Mutex;

use super::blobs::{BlobError, BlobReader};
use super::catalog::Content;
use super::error::Error;
use super::{Entry, Vault};
use crate::audit::{Detail, Outcome};
use crate::gate::{OnRecord, Permit, Read};
use crate::keys::MatterKey;
use crate::names::DocumentTarget;

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

/// What came of opening a document without waiting.
#[expect(clippy::large_enum_variant, reason = "short-lived, and the large variant is the frequent one")]
pub enum OpenedNow {
    /// It is open.
    Document(Document),
    /// It would mean to wait for the disk: [`Vault::open`] does.
    NotInMemory(Permit<Read>),
}

/// What stands behind a permit to read.
pub(super) struct Current {
    pub(super) entry: Entry,
    pub(super) content: Content,
    pub(super) key: Arc<MatterKey>,
}

impl Vault {
    /// Opens the current version of the document that the permit names.
    pub fn open(&self, permit: Permit<Read>) -> Result<Document, Error> {
        let opened = self.current(permit.target()).and_then(|current| {
            let reader = self.blobs.read(&current.content.blob, &current.key)?;
            Ok((current, reader))
        });
        Document::new(permit, opened)
    }

    /// The same for a small document that is in the kernel's memory, without waiting for the disk.
    pub fn open_now(&self, permit: Permit<Read>) -> Result<OpenedNow, Error> {
        let opened = self.current(permit.target()).and_then(|current| {
            let reader = self.blobs.read_now(&current.content.blob, &current.key)?;
            Ok(reader.map(|reader| (current, reader)))
        });
        match opened.transpose() {
            Some(opened) => Document::new(permit, opened).map(OpenedNow::Document),
            None => Ok(OpenedNow::NotInMemory(permit)),
        }
    }

    pub(super) fn current(&self, target: &DocumentTarget) -> Result<Current, Error> {
        let folder = target.place.folder().ok_or(Error::Gone)?;
        let mut entry = self.catalog.entry_at(folder, target)?.ok_or(Error::Gone)?.value;
        if entry.node != target.node {
            return Err(Error::Gone);
        }
        if target.is_before_its_replacement() {
            entry = self.at_version(entry, target.version)?.ok_or(Error::Gone)?;
        }
        let content = entry.content.ok_or(Error::Gone)?;
        Ok(Current { entry, content, key: self.key(target.place.matter)? })
    }
}

impl Document {
    fn new(permit: Permit<Read>, opened: Result<(Current, BlobReader), Error>) -> Result<Self, Error> {
        match opened {
            Ok((Current { entry, content, .. }, reader)) => {
                Ok(Self { entry, content, reader, permit: Some(permit), served: Mutex::default() })
            }
            Err(error) => {
                permit.settle(Outcome::Failed, Detail { reason: Some(error.to_string()), ..Detail::default() });
                Err(error)
            }
        }
    }

    /// The entry as it was when the document was opened.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The SHA-256 of its content.
    pub fn sha256(&self) -> [u8; 32] {
        self.content.blob.sha256
    }

    /// The permit under which it is read.
    pub fn permit(&self) -> Option<&Permit<Read>> {
        self.permit.as_ref()
    }

    /// Reads at an offset; fewer bytes at the end, none past it. Takes the proof that the permit is on record.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8], on_record: &OnRecord) -> Result<usize, Error> {
        self.check(on_record)?;
        self.note(offset, self.reader.read_at(offset, buffer).map(Some)).map(Option::unwrap_or_default)
    }

    /// The same for up to 256 KiB, if they can be had without waiting; nothing if not.
    pub fn read_now(&self, offset: u64, buffer: &mut [u8], on_record: &OnRecord) -> Result<Option<usize>, Error> {
        self.check(on_record)?;
        self.note(offset, self.reader.read_now(offset, buffer))
    }

    /// Nothing was served, for this reason.
    pub fn refuse(&self, why: &str) {
        self.served.lock().failed.get_or_insert_with(|| why.to_owned());
    }

    fn check(&self, on_record: &OnRecord) -> Result<(), Error> {
        let is_ours = self.permit.as_ref().is_some_and(|permit| on_record.is_for(permit));
        if is_ours { Ok(()) } else { Err(Error::Gone) }
    }

    /// Keeps account of what was served.
    fn note(&self, offset: u64, read: Result<Option<usize>, BlobError>) -> Result<Option<usize>, Error> {
        let mut served = self.served.lock();
        match &read {
            Ok(Some(count)) => served.add(offset, *count as u64),
            Ok(None) => {}
            Err(error) => served.failed = Some(error.to_string()),
        }
        Ok(read?)
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
