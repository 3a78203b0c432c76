//! What is put in order at start, before anybody is served, and what is swept while serving.

use std::collections::HashSet;
use std::time::Duration;

use super::Vault;
use super::error::Error;
use crate::names::BlobId;

/// Unfinished uploads are kept this long after their last byte.
const KEEP_PARTS: Duration = Duration::from_secs(7 * 24 * 3600);

/// What recovery found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Unfinished files of a crash that were removed.
    pub leftovers: usize,
    /// Uploads that can be resumed.
    pub parts: usize,
    /// Unfinished uploads that were too old and were removed.
    pub expired: usize,
}

impl Vault {
    /// Removes what a crash left in the staging area and half-made blobs, and unfinished uploads that are too old. Never
    /// touches a blob that stands under its final name. Run before serving.
    pub fn recover(&self) -> Result<Recovered, Error> {
        let mut kept: HashSet<BlobId> = HashSet::new();
        let mut expired = Vec::new();
        let mut parts = 0;
        self.catalog.all_parts(|key, stored| {
            if stored.at.elapsed() > KEEP_PARTS {
                expired.push(key.to_vec());
            } else {
                parts += 1;
                kept.extend(stored.part.staged());
            }
        })?;
        let mut change = self.catalog.change();
        for key in &expired {
            change.delete(key);
        }
        if !expired.is_empty() {
            change.commit()?;
        }
        let leftovers = self.blobs.sweep()? + self.staging.sweep(&|blob| kept.contains(blob))?;
        Ok(Recovered { leftovers, parts, expired: expired.len() })
    }

    /// Removes blobs under their final name that no version names: the crash came between the blob and its commit, or
    /// between a removal's commit and the blob's. `before` is the set of blobs as it was when the daemon started, so that an
    /// upload in flight is never taken for an orphan. Returns how many were removed.
    pub fn sweep_orphans(&self, before: HashSet<BlobId>) -> Result<usize, Error> {
        let mut orphans = before;
        self.catalog.all_versions(|version| {
            orphans.remove(&version.blob.id);
        })?;
        for blob in &orphans {
            self.blobs.remove(blob)?;
        }
        Ok(orphans.len())
    }

    /// The blobs that stand under their final names now.
    pub fn blob_ids(&self) -> Result<HashSet<BlobId>, Error> {
        self.blobs.ids().map(|id| id.map_err(Error::from)).collect()
    }
}
