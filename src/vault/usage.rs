//! How many bytes a matter's documents have.
//!
//! Counted once by a walk when first asked for, then kept along with every change; nothing of it is stored, so it cannot
//! go stale on disk.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::Vault;
use super::error::Error;
use crate::names::{MatterId, NodeId};

#[derive(Default)]
pub(super) struct Usage {
    /// Bytes of the current versions; a matter is here once it was counted.
    bytes: Mutex<HashMap<MatterId, u64>>,
}

impl Usage {
    pub(super) fn changed(&self, matter: Option<MatterId>, before: u64, after: u64) {
        let mut bytes = self.bytes.lock();
        if let Some(total) = matter.and_then(|matter| bytes.get_mut(&matter)) {
            *total = total.saturating_add(after).saturating_sub(before);
        }
    }
}

impl Vault {
    /// Bytes of the current versions below a matter's structure folders.
    pub fn used(&self, matter: MatterId, structure: &[NodeId]) -> Result<u64, Error> {
        if let Some(total) = self.usage.bytes.lock().get(&matter) {
            return Ok(*total);
        }
        let mut folders = structure.to_vec();
        let mut total = 0u64;
        while let Some(folder) = folders.pop() {
            for entry in self.catalog.entries(folder)? {
                match entry.content {
                    Some(content) => total = total.saturating_add(content.blob.size),
                    None => folders.push(entry.node),
                }
            }
        }
        self.usage.bytes.lock().insert(matter, total);
        Ok(total)
    }

    /// Bytes that the disk below the blobs still takes.
    pub fn available(&self) -> Result<u64, Error> {
        Ok(self.blobs.free_space()?)
    }
}
