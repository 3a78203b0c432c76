//! What a start found of the last run, and put in order.

use std::fmt;

use serde::Serialize;

use crate::audit;
use crate::vault::Recovered;

/// What recovery did, for the log, the audit record and `deedbox status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Recovery {
    /// The last run closed the audit record, with no operation open.
    pub(crate) ended_cleanly: bool,
    /// Bytes of a batch at the end of the audit record that was being written, set aside.
    pub(crate) torn_bytes: u64,
    /// Operations without outcome, now recorded as abandoned.
    pub(crate) abandoned: usize,
    /// Half-made files of uploads, removed.
    pub(crate) unfinished_files: usize,
    /// Unfinished uploads, kept for their uploaders.
    pub(crate) resumable: usize,
    /// Unfinished uploads that had become too old, removed.
    pub(crate) expired: usize,
}

impl Recovery {
    pub(super) fn new(log: &audit::Opened, vault: Recovered) -> Self {
        Self {
            ended_cleanly: log.closed,
            torn_bytes: log.torn_bytes,
            abandoned: log.abandoned.len(),
            unfinished_files: vault.leftovers,
            resumable: vault.parts,
            expired: vault.expired,
        }
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} operations recorded as abandoned, {} bytes of a torn record set aside, {} half-made files removed, \
             {} unfinished uploads kept and {} too old ones removed",
            self.abandoned, self.torn_bytes, self.unfinished_files, self.resumable, self.expired
        )
    }
}
