//! The journal: what is durable first. Segments of batches; a batch is what one `fdatasync` made durable.
//!
//! Segment: `"dbxjrnl1" ‖ first sequence number (8) ‖ SHA-256 of that (16)`, then batches. Batch:
//! `"BTCH" ‖ payload bytes (4) ‖ first sequence number (8) ‖ records (4) ‖ SHA-256 of header and payload (32)`, then per
//! record the leaf, the sealed body's length (4) and the sealed body. Integers are big-endian.
//!
//! A batch is sound as a whole or not at all: of one that was being written when the power went, any sectors may have
//! reached the disk, but nothing of the next one, which starts only after the sync.
//!
//! The segment that is being written goes on with zeros, which mean nothing: a batch that is written over them leaves the
//! file's length and blocks as they are, so that its sync is one write to the disk and not a commit of the file system's
//! own journal besides (measured on ext4: 0.1 instead of 0.7 ms).

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::body::MAX_SEALED_BYTES;
use super::bundle::Record;
use super::error::VerifyError;
use super::files::{WRITER_TEMPORARY, WriteError, Writer, segment_path, segments};
use super::leaf::{LEAF_BYTES, Leaf, array};
use super::tree::sha256_of;

const MAGIC: &[u8; 8] = b"dbxjrnl1";
const SEGMENT_HEADER: usize = 32;
const BATCH_MAGIC: &[u8; 4] = b"BTCH";
const BATCH_HEADER: usize = 52;

/// Records in one batch at most.
pub(super) const MAX_BATCH_RECORDS: usize = 4096;
/// A batch is closed once its payload has reached this.
pub(super) const BATCH_BYTES: usize = 2 << 20;
/// A segment is followed by the next one once it has reached this.
const SEGMENT_BYTES: u64 = 4 << 20;
/// What a batch can have at most: it is closed by the record that crosses [`BATCH_BYTES`].
const MAX_BATCH_BYTES: usize = BATCH_HEADER + BATCH_BYTES + MAX_SEALED_BYTES + LEAF_BYTES + 4;
/// Zeros that are written at once when a batch goes beyond those that are there.
const ZEROS: usize = 256 << 10;
/// A larger file is not ours.
const MAX_SEGMENT_BYTES: u64 = SEGMENT_BYTES + (2 * MAX_BATCH_BYTES + ZEROS) as u64;

/// The segment that is being written.
pub(super) struct Segment {
    file: File,
    first: u64,
    /// Where the next batch goes.
    end: u64,
    /// Up to here the file holds zeros that are on the disk.
    zeros_end: u64,
}

impl Segment {
    /// A new segment, durable with its name.
    pub(super) fn create(dir: &Path, first: u64) -> Result<Self, WriteError> {
        let mut writer = Writer::new(dir, WRITER_TEMPORARY);
        writer.put(&segment_path(first), &segment_header(first))?;
        writer.sync_folders()?;
        Self::open(dir, first, SEGMENT_HEADER as u64).map_err(WriteError::sort)
    }

    /// An existing segment, to go on after its sound bytes.
    pub(super) fn open(dir: &Path, first: u64, end: u64) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).open(dir.join(segment_path(first)))?;
        Ok(Self { file, first, end, zeros_end: end })
    }

    /// Cuts what follows the sound bytes: a torn end that was set aside, or the zeros when nothing more is to come.
    pub(super) fn cut(&self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.file.sync_all()
    }

    /// Number of the segment's first record.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// True once the next segment should be begun.
    pub(super) fn is_long(&self) -> bool {
        self.end >= SEGMENT_BYTES
    }

    /// Appends a batch and makes it durable.
    pub(super) fn append(&mut self, batch: &[u8]) -> Result<(), WriteError> {
        let end = self.end + batch.len() as u64;
        if end <= self.zeros_end {
            self.write(batch)?;
        } else if self.write(&[batch, &vec![0; ZEROS]].concat()).is_ok() {
            self.zeros_end = end + ZEROS as u64;
        } else {
            // A disk that has no room for the zeros may still have some for the records.
            self.write(batch)?;
        }
        // After a failed sync the kernel may have dropped the pages and report success the next time: never retried.
        self.file.sync_data().map_err(WriteError::Fatal)?;
        self.end = end;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.file.write_all_at(bytes, self.end).or_else(|error| {
            // Whatever part was written must not stay in the way of the next attempt.
            self.file.set_len(self.end).map_err(WriteError::Fatal)?;
            self.zeros_end = self.end;
            Err(WriteError::sort(error))
        })
    }
}

fn segment_header(first: u64) -> [u8; SEGMENT_HEADER] {
    let mut header = [0; SEGMENT_HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..16].copy_from_slice(&first.to_be_bytes());
    let digest = sha256_of(&[&header[..16]]);
    header[16..].copy_from_slice(&digest[..16]);
    header
}

/// The bytes of a batch: leaves with their sealed bodies.
pub(super) fn encode_batch<'r>(records: impl IntoIterator<Item = (&'r Leaf, &'r [u8])>) -> Vec<u8> {
    let mut out = vec![0; BATCH_HEADER];
    let (mut first, mut count) = (0, 0u32);
    for (leaf, sealed) in records {
        first = if count == 0 { leaf.seq } else { first };
        count += 1;
        out.extend_from_slice(&leaf.encode());
        out.extend_from_slice(&(sealed.len() as u32).to_be_bytes());
        out.extend_from_slice(sealed);
    }
    let payload = (out.len() - BATCH_HEADER) as u32;
    out[..4].copy_from_slice(BATCH_MAGIC);
    out[4..8].copy_from_slice(&payload.to_be_bytes());
    out[8..16].copy_from_slice(&first.to_be_bytes());
    out[16..20].copy_from_slice(&count.to_be_bytes());
    let digest = sha256_of(&[&out[..20], &out[BATCH_HEADER..]]);
    out[20..BATCH_HEADER].copy_from_slice(&digest);
    out
}

/// The batch at the start of `bytes` and its length; nothing if it is not whole and sound.
pub(super) fn parse_batch(bytes: &[u8]) -> Option<(Vec<Record>, usize)> {
    let (header, rest) = bytes.split_at_checked(BATCH_HEADER)?;
    let number = |at: usize| u32::from_be_bytes(array(&header[at..at + 4])) as usize;
    let (length, count) = (number(4), number(16));
    if !header.starts_with(BATCH_MAGIC) || length > MAX_BATCH_BYTES || count == 0 || count > MAX_BATCH_RECORDS {
        return None;
    }
    let mut payload = rest.get(..length)?;
    if sha256_of(&[&header[..20], payload]) != header[20..] {
        return None;
    }
    let mut seq = u64::from_be_bytes(array(&header[8..16]));
    let mut records = Vec::with_capacity(count);
    for _ in 0..count {
        let (leaf, rest) = payload.split_at_checked(LEAF_BYTES)?;
        let (size, rest) = rest.split_at_checked(4)?;
        let (sealed, rest) = rest.split_at_checked(u32::from_be_bytes(array(size)) as usize)?;
        let leaf = Leaf::parse(leaf).ok().filter(|leaf| leaf.seq == seq)?;
        records.push(Record { leaf, sealed: sealed.to_vec() });
        seq = seq.checked_add(1)?;
        payload = rest;
    }
    payload.is_empty().then_some((records, BATCH_HEADER + length))
}

/// All records of the journal.
#[derive(Debug)]
pub(super) struct Scan {
    /// The number of the first record.
    pub(super) first: u64,
    /// The records from there, without a gap.
    pub(super) records: Vec<Record>,
    /// The segments by first record.
    pub(super) segments: Vec<u64>,
    /// Sound bytes of the last segment.
    pub(super) end: u64,
    /// What follows them: a batch that was being written when the daemon or the machine stopped.
    pub(super) torn: Vec<u8>,
}

impl Scan {
    /// One past the last record.
    pub(super) fn size(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// The record with this number, if the journal still holds it.
    pub(super) fn get(&self, seq: u64) -> Option<&Record> {
        self.records.get(usize::try_from(seq.checked_sub(self.first)?).ok()?)
    }
}

/// Reads the journal. A bad end with nothing sound after it is torn; anything else that is bad is damage.
pub(super) fn scan(dir: &Path) -> Result<Scan, VerifyError> {
    let at = |path: PathBuf| move |source| VerifyError::Io { path, source };
    let segments = segments(dir).map_err(at(dir.join(super::files::JOURNAL)))?;
    let Some(first) = segments.first().copied() else {
        return Err(VerifyError::Record { seq: 0, what: "the journal is missing".to_owned() });
    };
    let mut scan = Scan { first, records: Vec::new(), segments, end: 0, torn: Vec::new() };
    for n in 0..scan.segments.len() {
        let name = scan.segments[n];
        let bad = |seq: u64, what: &str| VerifyError::Record { seq, what: format!("{} {what}", segment_path(name)) };
        if name != scan.size() {
            return Err(bad(scan.size(), "does not follow the segment before it: records are missing"));
        }
        let path = dir.join(segment_path(name));
        let bytes = fs::metadata(&path)
            .and_then(|meta| if meta.len() > MAX_SEGMENT_BYTES { Ok(Vec::new()) } else { fs::read(&path) })
            .map_err(at(path))?;
        if !bytes.starts_with(&segment_header(name)) {
            return Err(bad(name, "has a damaged header"));
        }
        let mut offset = SEGMENT_HEADER;
        while let Some((records, length)) = bytes.get(offset..).and_then(parse_batch) {
            if records.first().is_none_or(|record| record.leaf.seq != scan.size()) {
                return Err(bad(scan.size(), "has its batches out of order"));
            }
            scan.records.extend(records);
            offset += length;
        }
        scan.end = offset as u64;
        let zeros = bytes[offset..].iter().rev().take_while(|byte| **byte == 0).count();
        let rest = &bytes[offset..bytes.len() - zeros];
        let last = n + 1 == scan.segments.len();
        // Looked for in all that follows: the last zeros may be those of a sound batch.
        if !rest.is_empty() && (!last || rest.len() > MAX_BATCH_BYTES || sound_batch_within(&bytes[offset..])) {
            return Err(bad(scan.size(), "has a damaged batch before sound ones"));
        }
        scan.torn = rest.to_vec();
    }
    Ok(scan)
}

fn sound_batch_within(bytes: &[u8]) -> bool {
    (1..bytes.len()).any(|at| bytes[at..].starts_with(BATCH_MAGIC) && parse_batch(&bytes[at..]).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::leaf::tests::leaves;

    /// Records numbered from `first`.
    fn records(first: u64, count: usize) -> impl Strategy<Value = Vec<Record>> {
        let record = (leaves(), proptest::collection::vec(any::<u8>(), 0..60));
        proptest::collection::vec(record, count).prop_map(move |records| {
            let numbered = records.into_iter().zip(first..);
            numbered.map(|((leaf, sealed), seq)| Record { leaf: Leaf { seq, ..leaf }, sealed }).collect()
        })
    }

    fn encode(records: &[Record]) -> Vec<u8> {
        encode_batch(records.iter().map(|record| (&record.leaf, record.sealed.as_slice())))
    }

    fn journal(batches: &[&[Record]]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let Ok(mut segment) = Segment::create(dir.path(), 0) else { panic!("a new segment") };
        for batch in batches {
            assert!(segment.append(&encode(batch)).is_ok());
        }
        segment.cut().expect("without zeros");
        let path = dir.path().join(segment_path(0));
        (dir, path)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_damaged_last_batch_is_torn_and_a_damaged_earlier_one_is_refused(
            records in records(0, 9), at in any::<proptest::sample::Index>(), flip in 1..=255u8
        ) {
            let (dir, path) = journal(&[&records[..3], &records[3..6], &records[6..]]);
            prop_assert_eq!(&scan(dir.path()).expect("sound").records, &records);
            let mut bytes = fs::read(&path).expect("the segment");
            let last = bytes.len() - encode(&records[6..]).len();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            fs::write(&path, &bytes).expect("writable");
            match scan(dir.path()) {
                Ok(scan) => {
                    prop_assert!(at >= last);
                    prop_assert_eq!(&scan.records, &records[..6]);
                    let told = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                    prop_assert_eq!((scan.end, scan.torn.len()), (last as u64, told - last));
                }
                Err(_) => prop_assert!(at < last),
            }
        }

        #[test]
        fn a_journal_cut_anywhere_keeps_its_whole_batches(
            records in records(0, 6), at in any::<proptest::sample::Index>()
        ) {
            let (dir, path) = journal(&[&records[..3], &records[3..]]);
            let bytes = fs::read(&path).expect("the segment");
            let at = SEGMENT_HEADER + at.index(bytes.len() - SEGMENT_HEADER);
            fs::write(&path, &bytes[..at]).expect("writable");
            let scan = scan(dir.path()).expect("a torn end");
            prop_assert_eq!(&scan.records, &records[..scan.records.len()]);
            prop_assert!(matches!(scan.records.len(), 0 | 3));
            let told = bytes[..at].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            prop_assert_eq!(scan.end as usize + scan.torn.len(), told.max(scan.end as usize));
        }
    }
}
