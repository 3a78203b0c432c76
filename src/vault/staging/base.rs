//! The immutable part of an upload: segments laid end to end.

use super::part::{Home, Segment};
use super::{Error, Staging};
use crate::keys::MatterKey;
use crate::vault::blobs::BlobReader;

/// Segments, open for reading.
#[derive(Default)]
pub(super) struct Segments {
    open: Vec<Open>,
    /// How much of them is visible.
    covered: u64,
}

struct Open {
    at: u64,
    segment: Segment,
    reader: BlobReader,
}

impl Segments {
    /// How much of the document the segments hold.
    pub(super) fn covered(&self) -> u64 {
        self.covered
    }

    /// True if everything in the segments is visible, so that more can be laid behind them.
    pub(super) fn is_uncut(&self) -> bool {
        self.covered == self.end()
    }

    fn end(&self) -> u64 {
        self.open.last().map_or(0, |last| last.at + last.segment.blob.size)
    }

    /// The only segment, if it is the whole document.
    pub(super) fn only(&self, len: u64) -> Option<Segment> {
        match &self.open[..] {
            [only] if only.segment.blob.size == len && self.covered == len => Some(only.segment),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.open.len()
    }

    /// What the catalog records.
    pub(super) fn list(&self) -> Vec<Segment> {
        self.open.iter().map(|open| open.segment).collect()
    }

    /// Lays a segment behind the others; empty ones are left out.
    pub(super) fn push(&mut self, staging: &Staging, key: &MatterKey, segment: Segment) -> Result<(), Error> {
        if segment.blob.size > 0 {
            let open = Open { at: self.end(), reader: open(staging, key, segment)?, segment };
            self.covered = open.at + segment.blob.size;
            self.open.push(open);
        }
        Ok(())
    }

    /// Hides everything from `len` on, for good.
    pub(super) fn cut(&mut self, len: u64) {
        self.covered = self.covered.min(len);
    }

    /// Fills the buffer from `offset` on: zeros where nothing is visible.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let visible = usize::try_from(self.covered.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        let (mut rest, hidden) = buffer.split_at_mut(visible);
        hidden.fill(0);
        let mut at = offset;
        let first = self.open.partition_point(|open| open.at + open.segment.blob.size <= at);
        for open in &self.open[first..] {
            if rest.is_empty() {
                break;
            }
            let read = open.reader.read_at(at - open.at, rest)?;
            at += read as u64;
            rest = &mut rest[read..];
        }
        Ok(())
    }

    /// The two neighbours that are the cheapest to merge: where the first is, and where the second ends.
    pub(super) fn smallest_pair(&self) -> Option<(usize, std::ops::Range<u64>)> {
        let pairs = self.open.windows(2).map(|pair| pair[0].at..pair[1].at + pair[1].segment.blob.size);
        pairs.enumerate().min_by_key(|(_, range)| range.end - range.start)
    }

    /// Puts one segment in the place of two and gives back what they were.
    pub(super) fn replace_pair(
        &mut self,
        staging: &Staging,
        key: &MatterKey,
        first: usize,
        merged: Segment,
    ) -> Result<[Segment; 2], Error> {
        let reader = open(staging, key, merged)?;
        let at = self.open[first].at;
        let second = self.open.remove(first + 1).segment;
        let first = std::mem::replace(&mut self.open[first], Open { at, segment: merged, reader }).segment;
        Ok([first, second])
    }
}

fn open(staging: &Staging, key: &MatterKey, segment: Segment) -> Result<BlobReader, Error> {
    let store = match segment.home {
        Home::Blobs => &*staging.blobs,
        Home::Staging => &staging.parts,
    };
    Ok(store.read(&segment.blob, key)?)
}
