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
    /// Removes what a crash left in the staging area, half-made blobs, and unfinished uploads that are too old. Run before
    /// serving.
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

    /// From here on it is remembered which blobs are made, so that [`Vault::sweep_orphans`] takes none of an upload that is
    /// on its way. Run before serving.
    pub fn await_sweep(&self) {
        self.blobs.remember_young();
    }

    /// Makes removals of blobs durable, for a clean end: after it no start looks for blobs that no version names.
    pub fn settle(&self) -> Result<(), Error> {
        Ok(self.blobs.settle()?)
    }

    /// Removes blobs under their final names that no version names: the crash came between a blob and its commit, or
    /// between a removal's commit and its blob; or the power went before the removal of a file was on the disk, which
    /// nobody had waited for. Tells how many there were.
    ///
    /// It may go on while documents are served, if [`Vault::await_sweep`] was called before: with a million documents it
    /// takes seconds, and most of a minute where the disk is slow.
    pub fn sweep_orphans(&self) -> Result<usize, Error> {
        self.blobs.distrust_removals();
        // What is made from here on is not on this list; the catalog is read after it, so that what was committed
        // meanwhile is found there.
        let mut orphans: HashSet<BlobId> = self.blobs.ids().collect::<Result<_, _>>()?;
        self.catalog.all_versions(|version| {
            orphans.remove(&version.blob.id);
        })?;
        let young = self.blobs.forget_young();
        orphans.retain(|blob| !young.contains(blob));
        for blob in &orphans {
            self.blobs.remove(blob)?;
        }
        Ok(orphans.len())
    }
}
