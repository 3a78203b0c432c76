//! Documents that came into a drop box: held until they are delivered, or a person of the firm decides.
//!
//! An entry that is held stands in its folder under a name of its maker's own, and says so itself; a record by its node says
//! how it came and whether it waits for a person. Both change in one transaction, so whoever looks at the records after
//! a crash finds what is to be done and nothing that was done.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Vault;
use super::blobs::{BlobReader, BlobRef};
use super::catalog::Entry;
use super::changes::settle;
use super::error::Error;
use super::receipts::Receipt;
use crate::audit::{Detail, Outcome};
use crate::gate::{Discard, DropHeld, Manage, Operation, Permit, Quarantine, Scan};
use crate::kv::{Change, Sealed};
use crate::names::{AccountId, Arriving, DocName, DocPath, HeldTarget, MatterId, NodeId, Place, Timestamp};

/// How a document came into a drop box, and what it waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The document.
    pub node: NodeId,
    /// The matter of the drop box.
    pub matter: MatterId,
    /// The folder that holds it.
    pub folder: NodeId,
    /// Where that folder stands, if people made it.
    pub above: Option<(NodeId, DocName)>,
    /// Its name there.
    pub name: DocName,
    /// Its path when it came.
    pub path: DocPath,
    /// Who brought it.
    pub account: AccountId,
    /// The drop box's name.
    pub drop_box: String,
    /// The folders between the drop box and the document.
    pub subfolder: DocPath,
    /// The name under which it was sent.
    pub sent: DocName,
    /// From where.
    pub source: Option<IpAddr>,
    /// When its last byte came.
    pub arrived: Timestamp,
    /// When its maker last did something to it.
    pub touched: Timestamp,
    /// Set if it waits for a person.
    pub waits: Option<Waits>,
}

/// Why a document waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// Since when.
    pub since: Timestamp,
    /// Why, in words for that person.
    pub reason: String,
    /// It can only be discarded: a virus was found in it, or it cannot be scanned.
    pub barred: bool,
}

/// What an account has brought lately, so that the same content is recognised when it comes once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Same {
    /// The document that has it.
    pub node: NodeId,
    /// Where that was delivered, or waits.
    pub path: DocPath,
    sha256: [u8; 32],
    until: Timestamp,
}

/// What is remembered of a document beside where it is.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// For so long, the same content is recognised when it comes once more.
    pub same: Duration,
    /// For whoever brought it.
    pub receipt: Option<Receipt>,
}

impl Held {
    /// The document as an operation's target.
    pub fn target(&self) -> HeldTarget {
        HeldTarget {
            matter: self.matter,
            folder: self.folder,
            name: self.name.clone(),
            account: self.account,
            node: self.node,
            path: self.path.clone(),
        }
    }
}

/// The content of a document that is held, for whoever judges it.
pub struct Content {
    reader: BlobReader,
    blob: BlobRef,
}

impl Content {
    /// Bytes.
    pub fn size(&self) -> u64 {
        self.blob.size
    }

    /// What the record says of it.
    pub fn detail(&self) -> Detail {
        let (sha256, bytes) = (Some(self.blob.sha256), Some(self.blob.size));
        Detail { sha256, bytes, ..Detail::default() }
    }

    /// Reads at an offset; fewer bytes at the end, none past it.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        Ok(self.reader.read_at(offset, buffer)?)
    }
}

impl Vault {
    /// What is held, in no order. Not a document operation: what is found goes to the gate.
    pub fn held(&self) -> Result<Vec<Held>, Error> {
        let mut held = Vec::new();
        self.catalog.store().scan(b"i", None, |_, one: Held| {
            held.push(one);
            ControlFlow::Continue(())
        })?;
        Ok(held)
    }

    /// What waits for a person, for one of the firm.
    pub fn waiting(&self, _permit: &Permit<Manage>) -> Result<Vec<(Held, Entry)>, Error> {
        let waiting = self.held()?.into_iter().filter(|held| held.waits.is_some());
        let found = waiting.map(|held| Ok(self.held_entry(&held.target())?.map(|entry| (held, entry.value))));
        Ok(found.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect())
    }

    /// One document that is held; nothing if it is not any more.
    pub fn held_one(&self, node: NodeId) -> Result<Option<(Held, Entry)>, Error> {
        let Some(held) = self.catalog.store().get::<Held>(&held_key(node))? else { return Ok(None) };
        let entry = self.held_entry(&held.value.target())?;
        Ok(entry.map(|entry| (held.value, entry.value)))
    }

    /// True while a lock of its maker's, or of the folder, says that more comes.
    pub fn is_busy(&self, held: &Held) -> bool {
        self.is_locked(held.node)
    }

    /// Waits until something comes into a drop box.
    pub async fn arrival(&self) {
        self.arrivals.notified().await;
    }

    /// Opens the document that the permit names for whoever judges it.
    pub fn look(&self, permit: &Permit<Scan>) -> Result<Content, Error> {
        let target = permit.target();
        let entry = self.held_entry(target)?.ok_or(Error::Gone)?.value;
        let blob = entry.content.ok_or(Error::Gone)?.blob;
        let key = self.key(Some(target.matter))?;
        Ok(Content { reader: self.blobs.read(&blob, &key)?, blob })
    }

    /// What an account has brought before with this content, if it is still there.
    pub fn same_content(&self, account: AccountId, of: &Entry) -> Result<Option<Same>, Error> {
        let Some(content) = of.content else { return Ok(None) };
        let same = self.catalog.store().get::<Same>(&self.same_key(account, &content.blob.sha256))?;
        let same = same.map(|same| same.value).filter(|same| same.until > Timestamp::now() && same.node != of.node);
        let Some(same) = same else { return Ok(None) };
        let versions = self.catalog.versions(same.node)?;
        let is_there = versions.iter().any(|(_, version)| version.blob.sha256 == same.sha256);
        Ok(Some(same).filter(|_| is_there))
    }

    /// Forgets what came too long ago to be the same.
    pub fn forget_same(&self) -> Result<(), Error> {
        let mut over = Vec::new();
        self.catalog.store().scan(b"c", None, |key, same: Same| {
            if same.until <= Timestamp::now() {
                over.push(key.to_vec());
            }
            ControlFlow::Continue(())
        })?;
        for keys in over.chunks(1000) {
            let mut change = self.catalog.change();
            for key in keys {
                change.delete(key);
            }
            change.commit()?;
        }
        Ok(())
    }

    /// Has the document that the permit names wait for a person.
    pub fn quarantine(&self, permit: Permit<Quarantine>, waits: Waits, memory: Memory) -> Result<(), Error> {
        let reason = waits.reason.clone();
        let done = self.put_waiting(permit.target(), waits, memory);
        match done {
            Ok(()) => permit.settle(Outcome::Done, Detail::because(reason)),
            Err(error) => return settle(permit, Err(error)),
        }
        Ok(())
    }

    fn put_waiting(&self, target: &HeldTarget, waits: Waits, memory: Memory) -> Result<(), Error> {
        let (record, entry) = self.held_whole(target)?;
        let mut change = self.catalog.change();
        change.if_unchanged(&record).if_unchanged(&entry);
        change.put(record.key(), &Held { waits: Some(waits), ..record.value.clone() });
        self.note_same(&mut change, target, &entry.value, target.path.clone(), memory.same);
        self.owe(&mut change, &record.value, memory.receipt);
        change.commit()?;
        Ok(())
    }

    /// Removes the document that the permit names, which nobody waits for.
    pub fn drop_held(&self, permit: Permit<DropHeld>, reason: String, receipt: Option<Receipt>) -> Result<(), Error> {
        if receipt.is_some() {
            // Before it goes: after a crash in between it is told once more.
            let (record, _) = self.held_whole(permit.target())?;
            let mut change = self.catalog.change();
            self.owe(&mut change, &record.value, receipt);
            change.commit()?;
        }
        self.take_out_held(permit, reason)
    }

    /// Removes the document that the permit names, which waited for a person.
    pub fn discard(&self, permit: Permit<Discard>) -> Result<(), Error> {
        self.take_out_held(permit, "discarded from quarantine".to_owned())
    }

    fn take_out_held<O: Operation<Target = HeldTarget>>(&self, permit: Permit<O>, reason: String) -> Result<(), Error> {
        let target = permit.target();
        let removed = self.held_entry(target).and_then(|found| {
            let found = found.ok_or(Error::Gone)?;
            self.take_out(found, target.folder, Some(target.matter))
        });
        match removed {
            Ok(()) => permit.settle(Outcome::Done, Detail::because(reason)),
            Err(error) => return settle(permit, Err(error)),
        }
        self.count_held_anew();
        Ok(())
    }

    pub(super) fn held_entry(&self, target: &HeldTarget) -> Result<Option<Sealed<Entry>>, Error> {
        let key = self.catalog.own_key(target.folder, target.account, &target.name);
        let found = self.catalog.store().get::<Entry>(&key)?;
        Ok(found.filter(|found| found.value.node == target.node && found.value.in_intake))
    }

    pub(super) fn held_whole(&self, target: &HeldTarget) -> Result<(Sealed<Held>, Sealed<Entry>), Error> {
        let record = self.catalog.store().get::<Held>(&held_key(target.node))?.ok_or(Error::Gone)?;
        Ok((record, self.held_entry(target)?.ok_or(Error::Gone)?))
    }

    fn same_key(&self, account: AccountId, sha256: &[u8; 32]) -> Vec<u8> {
        let tag = self.catalog.store().name_tag(account.as_bytes(), &hex::encode(sha256));
        [b"c", &account.as_bytes()[..], &tag].concat()
    }

    pub(super) fn note_same(
        &self,
        change: &mut Change<'_>,
        held: &HeldTarget,
        entry: &Entry,
        path: DocPath,
        keep: Duration,
    ) {
        let Some(content) = entry.content.filter(|_| !keep.is_zero()) else { return };
        let (sha256, until) = (content.blob.sha256, Timestamp::now().after(keep));
        change.put(&self.same_key(held.account, &sha256), &Same { node: entry.node, path, sha256, until });
    }

    /// With the change that gives a document that is held other content.
    pub(super) fn touch_held(&self, change: &mut Change<'_>, entry: &Entry) -> Result<(), Error> {
        if !entry.in_intake {
            return Ok(());
        }
        if let Some(record) = self.catalog.store().get::<Held>(&held_key(entry.node))? {
            let now = Timestamp::now();
            let held = Held { arrived: now, touched: now, waits: None, ..record.value.clone() };
            change.if_unchanged(&record).put(record.key(), &held);
        }
        Ok(())
    }

    /// With the change that puts a document into this place of a drop box, or renames it there.
    pub(super) fn hold(
        &self,
        change: &mut Change<'_>,
        place: &Place,
        entry: &Entry,
        arriving: &Arriving,
    ) -> Result<(), Error> {
        // What has the name of a temporary file is not there yet.
        if entry.transient {
            return Ok(());
        }
        let (matter, folder) = place.matter.zip(place.folder()).ok_or(Error::Gone)?;
        let key = held_key(entry.node);
        let before = self.catalog.store().get::<Held>(&key)?;
        let now = Timestamp::now();
        let held = Held {
            node: entry.node,
            matter,
            folder,
            above: above(place),
            name: entry.name.clone(),
            path: place.path.clone().join(entry.name.clone()).unwrap_or_else(|_| place.path.clone()),
            account: entry.made_by,
            drop_box: arriving.drop_box.clone(),
            subfolder: arriving.subfolder.clone(),
            sent: arriving.sent.clone(),
            source: arriving.source,
            arrived: before.as_ref().map_or(now, |before| before.value.arrived),
            touched: now,
            waits: None,
        };
        match &before {
            Some(before) => change.if_unchanged(before),
            None => change.if_absent(&key),
        };
        change.put(&key, &held);
        Ok(())
    }

    /// What a person has assigned or discarded is not to be counted as waiting for one any more.
    pub(super) fn count_held_anew(&self) {
        self.arrivals.notify_one();
    }

    /// After a commit.
    pub(super) fn tell_of_held(&self, entry: &Entry) {
        if entry.in_intake {
            self.arrivals.notify_one();
        }
    }
}

/// The folder above a folder that people made, and the name there.
fn above(place: &Place) -> Option<(NodeId, DocName)> {
    let [.., above, _] = place.chain[..] else { return None };
    let (_, name) = place.path.split_last().filter(|_| !place.is_structure())?;
    Some((above, name.clone()))
}

/// The key of a [`Held`].
pub(super) fn held_key(node: NodeId) -> Vec<u8> {
    [b"i", &node.as_bytes()[..]].concat()
}
