//! The catalog, bound to the audit log.
//!
//! Each durable commit's number is noted in the log, and every later record and checkpoint carries it, signed. A catalog
//! that is put back from an old copy then has fewer commits than the log knows of, and the start is refused: it would
//! show documents as they were, with permissions as they were, and nobody would see that from the outside.

use std::sync::{Arc, OnceLock};

use crate::audit::Log;
use crate::cli::Problem;
use crate::config::DataDir;
use crate::kv::{Batch, CommitNumber, Engine, Error, Visit};

/// An engine that tells the audit log of each commit.
pub(super) struct BoundEngine {
    engine: Arc<dyn Engine>,
    log: Arc<Log>,
    /// Why the engine takes no more commits.
    failed: OnceLock<String>,
}

impl BoundEngine {
    /// Binds an engine whose commits [`check`] has found to be at least those that the log knows of.
    pub(super) fn new(engine: Arc<dyn Engine>, log: Arc<Log>) -> Self {
        log.note_catalog_commit(engine.last_commit());
        Self { engine, log, failed: OnceLock::new() }
    }

    /// Why the catalog cannot be used, if it cannot.
    pub(super) fn problem(&self) -> Option<String> {
        if let Some(why) = self.failed.get() {
            return Some(why.clone());
        }
        // Any read shows whether the engine still answers; this key is in no catalog.
        self.engine.get(b"\0ready").err().map(|why| why.to_string())
    }
}

impl Engine for BoundEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.engine.get(key)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.engine.scan(prefix, after, visit)
    }

    fn commit(&self, batch: Batch) -> Result<CommitNumber, Error> {
        let number = self.engine.commit(batch).inspect_err(|why| {
            if let Error::Engine(why) = why {
                // The first cause stays: what follows is only its consequence.
                let _ = self.failed.set(why.clone());
            }
        })?;
        self.log.note_catalog_commit(number);
        Ok(number)
    }

    fn last_commit(&self) -> CommitNumber {
        self.engine.last_commit()
    }

    fn check_integrity(&self) -> Result<bool, Error> {
        self.engine.check_integrity()
    }

    fn name(&self) -> &'static str {
        self.engine.name()
    }
}

/// Refuses a catalog that is older than the log, and one whose log was lost.
pub(super) fn check(data: &DataDir, catalog: CommitNumber, log: CommitNumber, log_is_new: bool) -> Result<(), Problem> {
    let (catalog_dir, audit_dir) = (data.catalog(), data.audit());
    let (catalog_dir, audit_dir) = (catalog_dir.display(), audit_dir.display());
    if log_is_new && catalog > 0 {
        return Err(Problem::failed(format_args!(
            "the catalog in {catalog_dir} has {catalog} commits but the audit record in {audit_dir} is empty: the record \
             was lost or another directory was put in its place; restore {audit_dir} from the backup that belongs to this \
             catalog"
        )));
    }
    if catalog < log {
        return Err(Problem::failed(format_args!(
            "the catalog in {catalog_dir} went back in time: its last commit is {catalog}, the audit record knows of {log}; \
             restore {catalog_dir} from a backup that is not older than the audit record, or restore the whole data \
             directory (audit, blobs, catalog, keys) from one backup"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_catalog_is_refused_and_both_numbers_are_named() {
        let data = DataDir::new("/srv/box");
        assert!(check(&data, 0, 0, true).is_ok());
        assert!(check(&data, 8, 7, false).is_ok());
        let refused = check(&data, 6, 7, false).expect_err("older");
        assert!(refused.message.contains("commit is 6") && refused.message.contains("knows of 7"), "{refused}");
        assert!(check(&data, 6, 0, true).expect_err("lost").message.contains("/srv/box/audit"));
    }
}
