//! What a start found of the last run, and put in order: for the log, the audit record and `deedbox status`.

use crate::audit;
use crate::observe::Recovery;
use crate::vault::Recovered;

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
