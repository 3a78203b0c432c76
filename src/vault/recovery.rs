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
    /// Finished blobs that no version names and that were removed.
    pub orphans: usize,
    /// Uploads that can be resumed.
    pub parts: usize,
    /// Unfinished uploads that were too old and were removed.
    pub expired: usize,
}

impl Vault {
    /// Removes what a crash left in the staging area, half-made blobs, and unfinished uploads that are too old; and, if the
    /// last run did not end cleanly, blobs that no version names. Run before serving.
    pub fn recover(&self, ended_cleanly: bool) -> Result<Recovered, Error> {
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
        let orphans = if ended_cleanly { 0 } else { self.sweep_orphans()? };
        Ok(Recovered { leftovers, orphans, parts, expired: expired.len() })
    }

    /// Makes removals of blobs durable, for a clean end: after it no start looks for blobs that no version names.
    pub fn settle(&self) -> Result<(), Error> {
        Ok(self.blobs.settle()?)
    }

    /// Removes blobs under their final names that no version names: the crash came between a blob and its commit, or
    /// between a removal's commit and its blob; or the power went before the removal of a file was on the disk, which
    /// nobody had waited for. Only before serving, when no upload can be on its way.
    fn sweep_orphans(&self) -> Result<usize, Error> {
        self.blobs.distrust_removals();
        let mut orphans: HashSet<BlobId> = self.blobs.ids().collect::<Result<_, _>>()?;
        self.catalog.all_versions(|version| {
            orphans.remove(&version.blob.id);
        })?;
        for blob in &orphans {
            self.blobs.remove(blob)?;
        }
        Ok(orphans.len())
    }
}
