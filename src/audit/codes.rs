//! Which codes of authenticators were used lately: each login says the step of its code, and nobody is let in before that is
//! durable, so that a restart forgets none and nothing else has to be written.

use std::collections::HashMap;

use super::body::Body;
use super::bundle::Record;
use super::error::VerifyError;
use super::event::{Action, Outcome};
use super::leaf::Leaf;
use super::log::Log;
use super::store::Store;
use super::tree::TILE;
use crate::names::{AccountId, Timestamp};

impl Log {
    /// For each account the last step whose code was used since this time, as far as the record is durable. Blocks.
    ///
    /// # Errors
    /// If the record is damaged where it is read.
    pub fn codes_used(&self, since: Timestamp) -> Result<HashMap<AccountId, u64>, VerifyError> {
        let store = Store::load(&self.dir, Some(&self.key))?;
        let mut used = HashMap::new();
        self.note_codes(&store.journal.records, &mut used)?;
        for block in (0..store.journal.first.div_ceil(TILE as u64)).rev() {
            let leaves = store.leaves(block)?;
            // A clock may have been set: the search is over when all of a block is too old.
            if leaves.iter().all(|leaf| leaf.time < since) {
                break;
            }
            if leaves.iter().any(is_login) {
                self.note_codes(&store.block(block)?, &mut used)?;
            }
        }
        Ok(used)
    }

    fn note_codes(&self, records: &[Record], used: &mut HashMap<AccountId, u64>) -> Result<(), VerifyError> {
        for record in records.iter().filter(|record| is_login(&record.leaf) && !record.sealed.is_empty()) {
            let opened = self.queue.sealer.open(&record.sealed, &record.leaf.body_hash);
            let body = opened.and_then(|plain| Body::parse(&plain));
            let body = body.map_err(|error| VerifyError::at(record.leaf.seq, error.to_string()))?;
            let event = body.into_event(record.leaf.action, record.leaf.outcome);
            if let (Some(account), Some(step)) = (event.actor.account, event.detail.code_step) {
                let last = used.entry(account).or_default();
                *last = step.max(*last);
            }
        }
        Ok(())
    }
}

fn is_login(leaf: &Leaf) -> bool {
    leaf.action == Action::Login && leaf.outcome == Outcome::Done
}
