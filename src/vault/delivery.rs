//! Deliveries: a document that was held in a drop box comes where everybody sees it.
//!
//! It is one transaction: the document stands in the drop box for its maker, or where it went for everybody, and never in both
//! or in neither. What goes to another matter is sealed for that one before, as a blob that nothing names yet.

use std::sync::Arc;

use super::Vault;
use super::blobs::{BlobRef, BlobStore};
use super::catalog::{Content, Entry, Version, version_key};
use super::changes::settle;
use super::error::Error;
use super::held::Memory;
use super::staging::Base;
use super::usage::{Reservation, Room};
use crate::audit::{Detail, Outcome};
use crate::gate::{Confirmation, Operation, Permit};
use crate::names::{DeliveryTarget, NodeId};
use crate::outbox::{Cause, News};

/// What is sealed anew at once.
const STEP: usize = 1024 * 1024;

/// Content that is sealed as one blob, durable and not yet visible. Dropped undelivered, the blob goes.
pub struct Resealed {
    blob: BlobRef,
    node: NodeId,
    reservation: Option<Arc<Reservation>>,
    store: Arc<BlobStore>,
    delivered: bool,
}

impl Resealed {
    pub(super) fn new(blob: BlobRef, store: Arc<BlobStore>, reservation: Option<Arc<Reservation>>) -> Self {
        Self { blob, node: NodeId::random(), reservation, store, delivered: false }
    }

    pub(super) fn blob(&self) -> BlobRef {
        self.blob
    }

    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    /// After the commit that names it.
    pub(super) fn keep(&mut self) {
        self.delivered = true;
    }

    /// What the record says of it before it can be seen.
    pub fn detail(&self) -> Detail {
        let BlobRef { id, size, sha256, .. } = self.blob;
        let (version, object) = (Some(1), Some(self.node));
        Detail { version, object, sha256: Some(sha256), bytes: Some(size), blob: Some(id), ..Detail::default() }
    }
}

impl Drop for Resealed {
    fn drop(&mut self) {
        if !self.delivered && self.store.remove(&self.blob.id).is_err() {
            tracing::warn!(blob = %self.blob.id, "a blob that nothing names could not be removed; the next check will");
        }
    }
}

impl Vault {
    /// Seals the document that leaves its matter for the matter to which it goes, within that one's quota; nothing if it stays in
    /// its matter.
    pub fn reseal<O: Operation<Target = DeliveryTarget>>(
        &self,
        permit: &Permit<O>,
        room: Option<Room>,
    ) -> Result<Option<Resealed>, Error> {
        let target = permit.target();
        if !target.is_across() {
            return Ok(None);
        }
        let entry = self.held_entry(&target.held)?.ok_or(Error::Gone)?.value;
        let before = entry.content.ok_or(Error::Gone)?.blob;
        let reservation = room.map(|room| self.reserve(room, 0)).transpose()?;
        if let Some(reservation) = &reservation {
            reservation.grow_to(before.size).map_err(|_| Error::Limit("the quota of the matter"))?;
        }
        let key = self.key(Some(target.held.matter))?;
        let reader = self.blobs.read(&before, &key)?;
        let mut upload = self.staging.begin(self.key(target.to.place.matter)?, Base::Empty)?;
        let (mut offset, mut step) = (0, vec![0; STEP]);
        loop {
            let count = reader.read_at(offset, &mut step)?;
            if count == 0 {
                break;
            }
            upload.write_at(offset, &step[..count])?;
            offset += count as u64;
        }
        let blob = upload.seal()?.place()?;
        let resealed = Resealed::new(blob, self.blobs.clone(), reservation);
        if blob.sha256 == before.sha256 { Ok(Some(resealed)) } else { Err(Error::Changed) }
    }

    /// Delivers the document that the permit names: from now on it stands for everybody where the permit says. What leaves its
    /// matter comes sealed for the other one, and confirmed.
    pub fn deliver<O: Operation<Target = DeliveryTarget>>(
        &self,
        permit: Permit<O>,
        resealed: Option<(Resealed, Confirmation)>,
        memory: Memory,
    ) -> Result<Entry, Error> {
        let resealed = match resealed {
            Some((resealed, confirmation)) if confirmation.is_for(&permit) => Some(resealed),
            Some(_) => return settle(permit, Err(Error::Changed)),
            None => None,
        };
        let told = resealed.as_ref().map_or_else(Detail::default, Resealed::detail);
        match self.put_delivered(permit.target(), resealed, memory) {
            Ok(entry) => {
                let reason = permit.target().rule.as_ref().map(|rule| format!("rule `{rule}`"));
                permit.settle(Outcome::Done, Detail { reason, ..told });
                Ok(entry)
            }
            Err(error) => settle(permit, Err(error)),
        }
    }

    fn put_delivered(
        &self,
        target: &DeliveryTarget,
        resealed: Option<Resealed>,
        memory: Memory,
    ) -> Result<Entry, Error> {
        let DeliveryTarget { held, to, .. } = target;
        if target.is_across() != resealed.is_some() {
            return Err(Error::Changed);
        }
        let (record, found) = self.held_whole(held)?;
        let folder = to.place.folder().ok_or(Error::Gone)?;
        let mut entry = Entry {
            name: to.name.clone(),
            in_intake: false,
            own_name: false,
            // Of its times, those that a device says are seldom right.
            modified: record.value.arrived,
            made: None,
            ..found.value.clone()
        };
        let mut change = self.catalog.change();
        change.if_unchanged(&record).delete(record.key()).if_unchanged(&found).delete(found.key());
        let mut left = Vec::new();
        if let Some(resealed) = &resealed {
            let node = found.value.node;
            for (number, version) in self.catalog.versions(node)? {
                change.delete(&version_key(node, number));
                left.push(version);
            }
            for property in self.catalog.properties(node)? {
                change.delete(&self.catalog.property_key(node, &property.namespace, &property.name));
            }
            let content = Some(Content { version: 1, blob: resealed.blob });
            entry = Entry { node: resealed.node, content, properties: 0, ..entry };
            let version = Version { blob: resealed.blob, at: record.value.arrived, by: held.account };
            change.put(&version_key(entry.node, 1), &version);
        }
        let key = self.catalog.key_of(folder, &entry);
        self.catalog.require_place(&mut change, &to.place, held.account)?;
        change.if_absent(&key).put(&key, &entry);
        self.note_same(&mut change, held, &entry, to.path(), memory.same);
        self.owe(&mut change, &record.value, memory.receipt);
        let news = News::now(&to.place, entry.node, &entry.name, held.account, Cause::Uploaded);
        self.board.announce(&mut change, news)?;
        let turn = self.usage.turn();
        change.commit()?;
        for version in &left {
            turn.changed(Some(held.matter), version.by, version.blob.size, 0);
        }
        if let Some(mut resealed) = resealed {
            resealed.keep();
            turn.brought((to.place.matter, held.account), 0, resealed.blob.size, resealed.reservation.as_deref());
        }
        drop(turn);
        self.forget_locks(held.node);
        self.count_held_anew();
        self.remove_blobs(left.iter().map(|version| version.blob.id));
        Ok(entry)
    }
}
