//! Receipts: what became of a document that came into a drop box, for the account that brought it.
//!
//! What is to be said is written down in the transaction that makes it true, so no crash loses it. Then it becomes a document:
//! beside where the other one was sent, a temporary file of the account's own, which nobody else sees and which goes after a day.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Vault;
use super::catalog::{Content, Entry, StoredTransient, Version, transient_key, version_key};
use super::changes::settle;
use super::delivery::Resealed;
use super::error::Error;
use super::held::Held;
use super::staging::Base;
use crate::audit::Outcome;
use crate::gate::{Confirmation, GiveReceipt, Permit};
use crate::kv::Change;
use crate::names::{DocName, HeldTarget, NodeId, Timestamp};

/// How long a receipt can be read.
const LIFE: Duration = Duration::from_secs(24 * 3600);
/// A record that would be longer is not written.
const MAX_TEXT_BYTES: usize = 6000;

/// What is to be said to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The name of the document that says it.
    pub name: DocName,
    /// What that says.
    pub text: String,
}

/// A receipt that is not there yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    held: Held,
    receipt: Receipt,
}

impl Owed {
    /// The receipt as an operation's target: where the document was, under the receipt's name.
    pub fn target(&self) -> HeldTarget {
        let before = self.held.target();
        let above = before.path.split_last().map_or_else(|| before.path.clone(), |(above, _)| above);
        let path = above.clone().join(self.receipt.name.clone()).unwrap_or(above);
        HeldTarget { name: self.receipt.name.clone(), path, ..before }
    }
}

impl Vault {
    /// With the change that makes it true.
    pub(super) fn owe(&self, change: &mut Change<'_>, held: &Held, receipt: Option<Receipt>) {
        if let Some(receipt) = receipt.filter(|receipt| receipt.text.len() <= MAX_TEXT_BYTES) {
            change.put(&owed_key(held.node), &Owed { held: held.clone(), receipt });
        }
    }

    /// The receipts that are not there yet.
    pub fn owed(&self) -> Result<Vec<Owed>, Error> {
        let mut owed = Vec::new();
        self.catalog.store().scan(b"w", None, |_, one: Owed| {
            owed.push(one);
            ControlFlow::Continue(())
        })?;
        Ok(owed)
    }

    /// Writes the receipt that the permit names; nothing if the folder is gone, and with it whoever would look there.
    pub fn write_receipt(&self, permit: &Permit<GiveReceipt>) -> Result<Option<Resealed>, Error> {
        let target = permit.target();
        let key = owed_key(target.node);
        let Some(owed) = self.catalog.store().get::<Owed>(&key)? else { return Ok(None) };
        if !self.folder_stands(&mut self.catalog.change(), &owed.value.held)? {
            self.catalog.change().if_unchanged(&owed).delete(&key).commit()?;
            return Ok(None);
        }
        let mut upload = self.staging.begin(self.key(Some(target.matter))?, Base::Empty)?;
        upload.write_at(0, owed.value.receipt.text.as_bytes())?;
        Ok(Some(Resealed::new(upload.seal()?.place()?, self.blobs.clone(), None)))
    }

    /// Lets the account that the permit names have its receipt, which was written and confirmed.
    pub fn give_receipt(
        &self,
        permit: Permit<GiveReceipt>,
        written: Resealed,
        confirmation: &Confirmation,
    ) -> Result<(), Error> {
        let told = written.detail();
        let given = match confirmation.is_for(&permit) {
            true => self.put_receipt(permit.target(), written),
            false => Err(Error::Changed),
        };
        match given {
            Ok(()) => permit.settle(Outcome::Done, told),
            Err(error) => return settle(permit, Err(error)),
        }
        Ok(())
    }

    fn put_receipt(&self, target: &HeldTarget, mut written: Resealed) -> Result<(), Error> {
        let HeldTarget { matter, folder, name, account, node, .. } = target.clone();
        let owed = self.catalog.store().get::<Owed>(&owed_key(node))?.ok_or(Error::Gone)?;
        let now = Timestamp::now();
        let blob = written.blob();
        let entry = Entry {
            name: name.clone(),
            node: written.node(),
            created: now,
            modified: now,
            made_by: account,
            claims: Vec::new(),
            properties: 0,
            content: Some(Content { version: 1, blob }),
            transient: true,
            own_name: true,
            made: None,
            in_intake: false,
        };
        let key = self.catalog.key_of(folder, &entry);
        let mut change = self.catalog.change();
        if !self.folder_stands(&mut change, &owed.value.held)? {
            return Err(Error::Gone);
        }
        change.if_unchanged(&owed).delete(owed.key()).if_absent(&key).put(&key, &entry);
        change.put(&version_key(entry.node, 1), &Version { blob, at: now, by: account });
        let until = Some(now.after(LIFE));
        let noted = StoredTransient { matter: Some(matter), name, own_name: true, at: now, until };
        change.put(&transient_key(account, folder, entry.node), &noted);
        let turn = self.usage.turn();
        change.commit()?;
        written.keep();
        turn.changed(Some(matter), account, 0, blob.size);
        Ok(())
    }

    /// Makes a change depend on the folder still standing where the document came. False if it does not. A folder of the
    /// structure always stands.
    fn folder_stands(&self, change: &mut Change<'_>, held: &Held) -> Result<bool, Error> {
        let Some((above, name)) = &held.above else { return Ok(true) };
        let found = self.catalog.entry_for(held.account, *above, name)?;
        let found = found.filter(|found| found.value.node == held.folder);
        if let Some(found) = &found {
            change.if_unchanged(found);
        }
        Ok(found.is_some())
    }
}

fn owed_key(node: NodeId) -> Vec<u8> {
    [b"w", &node.as_bytes()[..]].concat()
}
