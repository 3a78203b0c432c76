//! Temporary files of saves: noted when they come, so that they can be found when their time is over.

use std::time::Duration;

use super::Vault;
use super::catalog::{Entry, StoredTransient, transient_key};
use super::changes::settle;
use super::error::Error;
use crate::gate::{Expire, Permit};
use crate::kv::Change;
use crate::names::{AccountId, ExpiredTarget, NodeId, Place, Timestamp};

impl Vault {
    /// The temporary files and folders of an account in a folder, and when their content came last.
    pub fn transients(&self, account: AccountId, folder: NodeId) -> Result<Vec<(Entry, Timestamp)>, Error> {
        let mut noted = Vec::new();
        self.catalog.transients(Some((account, folder)), |key, stored| noted.push((node_of(key), stored)))?;
        let mut found = Vec::new();
        for (node, StoredTransient { name, at, .. }) in noted {
            let entry = self.catalog.entry_for(account, folder, &name)?.map(|entry| entry.value);
            found.extend(entry.filter(|entry| Some(entry.node) == node).map(|entry| (entry, at)));
        }
        Ok(found)
    }

    /// The temporary files whose content came longer ago than that, but for those that are locked and folders that hold
    /// something.
    pub fn overdue_transients(&self, keep: Duration) -> Result<Vec<ExpiredTarget>, Error> {
        let mut overdue = Vec::new();
        self.catalog.transients(None, |key, stored| {
            let StoredTransient { matter, name, at, until, .. } = stored;
            if until.map_or(at.elapsed() < keep, |until| until > Timestamp::now()) {
                return;
            }
            let id = |at: usize| key.get(at..at + 16).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
            let (Some(account), Some(folder), Some(node)) = (id(1), id(17), id(33)) else { return };
            overdue.push(ExpiredTarget {
                matter,
                folder: NodeId::from_bytes(folder),
                name,
                account: AccountId::from_bytes(account),
                node: NodeId::from_bytes(node),
            });
        })?;
        let mut free = Vec::with_capacity(overdue.len());
        for target in overdue {
            if !self.is_locked(target.node) && self.catalog.entries(target.node)?.is_empty() {
                free.push(target);
            }
        }
        Ok(free)
    }

    /// Removes the temporary file that the permit names.
    pub fn expire(&self, permit: Permit<Expire>) -> Result<(), Error> {
        let removed = self.take_out_expired(permit.target());
        settle(permit, removed)
    }

    fn take_out_expired(&self, target: &ExpiredTarget) -> Result<(), Error> {
        let ExpiredTarget { matter, folder, name, account, node } = target;
        let found = self.catalog.entry_for(*account, *folder, name)?;
        match found.filter(|found| found.value.node == *node && found.value.transient) {
            Some(found) => self.take_out(found, *folder, *matter),
            None => {
                self.catalog.change().delete(&transient_key(*account, *folder, *node)).commit()?;
                Ok(())
            }
        }
    }

    /// Has it noted, with the change that makes or changes an entry in this place, whether that is a temporary file.
    pub(super) fn note_transient(&self, change: &mut Change<'_>, place: &Place, entry: &Entry) {
        let Some(folder) = place.folder() else { return };
        let key = transient_key(entry.made_by, folder, entry.node);
        if !entry.transient {
            change.delete(&key);
            return;
        }
        let (matter, name, own_name) = (place.matter, entry.name.clone(), entry.own_name);
        change.put(&key, &StoredTransient { matter, name, own_name, at: Timestamp::now(), until: None });
    }
}

fn node_of(key: &[u8]) -> Option<NodeId> {
    key.last_chunk().map(|bytes| NodeId::from_bytes(*bytes))
}
