//! An upload at rest.

use serde::{Deserialize, Serialize};

use crate::names::BlobId;
use crate::vault::blobs::BlobRef;

/// How many segments a part has at most, so that its record stays small; one more merges two.
pub(super) const MAX_SEGMENTS: usize = 8;

/// What an upload starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Nothing: a new document, or one that is replaced as a whole.
    Empty,
    /// A version that is edited or appended to.
    Version(BlobRef),
    /// An upload that was interrupted or made durable before.
    Part(Part),
}

/// An upload made durable: a record of less than 4 KB that the catalog keeps, sealed, and from which
/// [`Staging::begin`](super::Staging::begin) goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Bytes of the document as uploaded so far.
    pub(super) len: u64,
    /// How much of the segments, laid end to end, is visible; what lies beyond is zeros.
    pub(super) covered: u64,
    pub(super) segments: Vec<Segment>,
    /// Chunks that lie over the segments.
    pub(super) patch: Option<BlobRef>,
    /// The version that an unchanged upload would give back.
    pub(super) original: Option<BlobRef>,
}

/// A stretch of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    pub(super) blob: BlobRef,
    pub(super) home: Home,
}

/// Which store has a segment's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Home {
    /// A document's version, which the upload builds on and does not own.
    Blobs,
    /// The staging directory.
    Staging,
}

impl Part {
    /// Bytes of the document as uploaded so far; where a client that resumes goes on.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if nothing was uploaded yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The files in the staging directory that belong to this part.
    pub fn staged(&self) -> impl Iterator<Item = BlobId> {
        self.files().map(|file| file.id)
    }

    /// The files of this part in the staging directory, with everything that must hold for them.
    pub(in crate::vault) fn files(&self) -> impl Iterator<Item = BlobRef> {
        let segments = self.segments.iter().filter(|segment| segment.home == Home::Staging);
        segments.map(|segment| segment.blob).chain(self.patch)
    }

    /// The version on which this part builds: as long as the part is kept, that blob must be, too.
    pub fn builds_on(&self) -> Option<BlobId> {
        self.segments.iter().find(|segment| segment.home == Home::Blobs).map(|segment| segment.blob.id)
    }
}
