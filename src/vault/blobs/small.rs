//! Small blobs that were opened lately, as they lie on the disk.
//!
//! A tenth of the cost of a small download is to open, measure and read a file that was read a moment ago. What is held
//! here was found to be the blob that the catalog means; it stays encrypted, and answers only for that blob and the matter
//! whose key opened it. A file that is changed on the disk meanwhile is found out when it is read again, or by the deep
//! check, which reads the disk.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

use super::payload::{PayloadKey, TAG};
use super::{BlobError, BlobRef};
use crate::keys::MatterKey;
use crate::names::BlobId;

/// Bytes of payloads held; the oldest goes first.
const HELD_BYTES: usize = 8 * 1024 * 1024;
/// What holding one takes beside its payload, so that empty documents count, too.
const OVERHEAD: usize = 512;

/// A blob of a single chunk, without its file.
#[derive(Clone)]
pub(super) struct Small {
    pub(super) key: Arc<PayloadKey>,
    /// The chunk, sealed.
    pub(super) payload: Arc<[u8]>,
}

impl Small {
    /// The document, for what its record says of its blob.
    pub(super) fn open(&self, blob: &BlobRef) -> Result<Vec<u8>, BlobError> {
        let mut plaintext = vec![0; self.payload.len().saturating_sub(TAG)];
        match self.key.opener().open(0, true, &self.payload, &mut plaintext) {
            Ok(()) => Ok(plaintext),
            Err(_) => Err(BlobError::Damaged { id: blob.id, what: "a part of it was changed or cut off" }),
        }
    }
}

#[derive(Default)]
pub(super) struct Smalls(Mutex<Held>);

#[derive(Default)]
struct Held {
    blobs: HashMap<BlobId, Blob>,
    order: VecDeque<BlobId>,
    bytes: usize,
}

struct Blob {
    commitment: [u8; 32],
    recipient: [u8; 32],
    small: Small,
}

impl Smalls {
    /// The blob, if it is held and was opened with the key of this matter.
    pub(super) fn get(&self, blob: &BlobRef, matter: &MatterKey) -> Option<Small> {
        let held = self.0.lock();
        let found = held.blobs.get(&blob.id)?;
        let is_meant = found.commitment == blob.commitment && found.recipient == *matter.share();
        is_meant.then(|| found.small.clone())
    }

    /// Holds a blob that was found to be the one meant.
    pub(super) fn hold(&self, blob: &BlobRef, matter: &MatterKey, small: Small) {
        let mut held = self.0.lock();
        held.forget(&blob.id);
        held.bytes += small.payload.len() + OVERHEAD;
        held.order.push_back(blob.id);
        held.blobs.insert(blob.id, Blob { commitment: blob.commitment, recipient: *matter.share(), small });
        while held.bytes > HELD_BYTES
            && let Some(oldest) = held.order.front().copied()
        {
            held.forget(&oldest);
        }
    }

    /// A blob that was removed is not held any longer.
    pub(super) fn forget(&self, id: &BlobId) {
        self.0.lock().forget(id);
    }
}

impl Held {
    fn forget(&mut self, id: &BlobId) {
        let Some(blob) = self.blobs.remove(id) else { return };
        self.bytes -= blob.small.payload.len() + OVERHEAD;
        if self.order.front() == Some(id) {
            self.order.pop_front();
        } else {
            self.order.retain(|other| other != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(size: u64) -> BlobRef {
        BlobRef { id: BlobId::random(), size, sha256: [0; 32], commitment: [7; 32] }
    }

    fn small(length: usize) -> Small {
        Small { key: Arc::new(PayloadKey::derive(&[1; 16], &[2; 16])), payload: vec![0; length].into() }
    }

    #[test]
    fn what_is_held_answers_for_the_blob_that_the_catalog_means_and_its_matter_only() {
        let (smalls, matter, other) = (Smalls::default(), MatterKey::generate(), MatterKey::generate());
        let held = blob(10);
        assert!(smalls.get(&held, &matter).is_none());
        smalls.hold(&held, &matter, small(26));
        assert!(smalls.get(&held, &matter).is_some());
        assert!(smalls.get(&held, &other).is_none());
        assert!(smalls.get(&BlobRef { commitment: [8; 32], ..held }, &matter).is_none());
        smalls.forget(&held.id);
        assert!(smalls.get(&held, &matter).is_none());
        assert_eq!(smalls.0.lock().bytes, 0);
    }

    #[test]
    fn what_is_held_is_bounded_and_the_oldest_goes_first() {
        let (smalls, matter) = (Smalls::default(), MatterKey::generate());
        let (first, last) = (blob(0), blob(0));
        smalls.hold(&first, &matter, small(0));
        for _ in 0..HELD_BYTES / 65_000 {
            smalls.hold(&blob(65_000), &matter, small(65_016));
        }
        smalls.hold(&last, &matter, small(0));
        smalls.hold(&last, &matter, small(0));
        assert!(smalls.get(&first, &matter).is_none());
        assert!(smalls.get(&last, &matter).is_some());
        let held = smalls.0.lock();
        assert!(held.bytes <= HELD_BYTES && held.blobs.len() == held.order.len());
    }
}
