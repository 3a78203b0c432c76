//! Files that nothing names.

use std::collections::HashSet;

use super::{Check, Examined, Finding};
use crate::names::BlobId;
use crate::vault::blobs::{BlobError, BlobStore};

const LOOK_AT_IT: &str = "nothing of Deedbox's; find out who put it there, and move it away";
const READ_AGAIN: &str = "see to it that the file system can be read, and check again";

impl Check {
    /// Blobs without version, and files that are none. Beside a daemon uploads are under way, so that only files that can
    /// never be anything are told.
    pub(super) fn files(&self, claimed: &HashSet<BlobId>, found: &mut Examined) {
        for store in [&self.blobs, &self.parts] {
            match store.strays() {
                Ok(strays) => strays.into_iter().for_each(|path| {
                    found.findings.add(Finding::new("a file lies where only documents should", LOOK_AT_IT).file(path));
                }),
                Err(why) => unreadable(why, found),
            }
        }
        if self.serving.is_some() {
            return;
        }
        for store in [&self.blobs, &self.parts] {
            match store.unfinished() {
                Ok(files) => found.leftovers += files.len() as u64,
                Err(why) => unreadable(why, found),
            }
        }
        let orphans = unnamed(&self.blobs, |id| found.versions.contains_key(id));
        let staged = unnamed(&self.parts, |id| claimed.contains(id));
        match orphans {
            Ok(orphans) => found.orphans = orphans,
            Err(why) => unreadable(why, found),
        }
        match staged {
            Ok(staged) => found.leftovers += staged.len() as u64,
            Err(why) => unreadable(why, found),
        }
    }
}

fn unnamed(store: &BlobStore, is_named: impl Fn(&BlobId) -> bool) -> Result<Vec<BlobId>, BlobError> {
    store.ids().filter(|id| id.as_ref().map_or(true, |id| !is_named(id))).collect()
}

fn unreadable(why: BlobError, found: &mut Examined) {
    found.findings.add(Finding::new(why.to_string(), READ_AGAIN));
}
