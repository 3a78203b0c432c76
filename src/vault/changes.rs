//! Changes of the tree: folders, renames, removals, times.

use super::Vault;
use super::catalog::{Content, Entry, folder_prefix, transient_key, version_key};
use super::error::Error;
use super::held::held_key;
use crate::audit::{Detail, Outcome};
use crate::gate::{Delete, MakeFolder, Move, Operation, Permit, SetTimes};
use crate::kv::Sealed;
use crate::names::{AccountId, Arriving, BlobId, DocumentTarget, MatterId, MoveTarget, NodeId, Place, Timestamp};
use crate::outbox::{Cause, News, structure_folder};

/// Accounts that may claim one folder; more than a drop box has devices.
const MAX_CLAIMS: usize = 64;

/// Times to set; what is left out stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// When its content was last changed.
    pub modified: Option<Timestamp>,
    /// When it was made.
    pub made: Option<Timestamp>,
}

impl Vault {
    /// Makes the folder that the permit names.
    pub fn make_folder(&self, permit: Permit<MakeFolder>) -> Result<Entry, Error> {
        let made = self.put_folder(&permit);
        settle(permit, made)
    }

    fn put_folder(&self, permit: &Permit<MakeFolder>) -> Result<Entry, Error> {
        let target = permit.target();
        let folder = target.place.folder().ok_or(Error::Gone)?;
        let now = Timestamp::now();
        let entry = Entry {
            name: target.name.clone(),
            node: NodeId::random(),
            created: now,
            modified: now,
            made_by: permit.by(),
            claims: Vec::new(),
            properties: 0,
            content: None,
            transient: target.transient,
            own_name: target.transient && !target.place.transient,
            made: None,
            in_intake: false,
        };
        let key = self.catalog.key_of(folder, &entry);
        let mut change = self.catalog.change();
        if entry.transient {
            self.note_transient(&mut change, &target.place, &entry);
        }
        self.catalog.require_place(&mut change, &target.place, permit.by())?;
        change.if_absent(&key).put(&key, &entry).commit()?;
        Ok(entry)
    }

    /// Where a maker cannot see that the folder exists: from now on it is the maker's too. Answering "exists" would tell.
    pub fn claim_folder(&self, permit: Permit<MakeFolder>) -> Result<Entry, Error> {
        let claimed = self.put_claim(&permit);
        settle(permit, claimed)
    }

    fn put_claim(&self, permit: &Permit<MakeFolder>) -> Result<Entry, Error> {
        let target = permit.target();
        let folder = target.place.folder().ok_or(Error::Gone)?;
        let found = self.catalog.entry(folder, &target.name)?.ok_or(Error::Changed)?;
        let mut entry = found.value.clone();
        if entry.content.is_some() {
            return Err(Error::Exists);
        }
        if !entry.is_of(permit.by()) {
            if entry.claims.len() >= MAX_CLAIMS {
                return Err(Error::Limit("accounts that share one folder"));
            }
            entry.claims.push(permit.by());
            self.catalog.change().if_unchanged(&found).put(found.key(), &entry).commit()?;
        }
        Ok(entry)
    }

    /// Removes the document with its history, or the empty folder, that the permit names.
    pub fn delete(&self, permit: Permit<Delete>) -> Result<(), Error> {
        let target = permit.target();
        let removed = self.target_entry(target).and_then(|found| {
            let folder = target.place.folder().ok_or(Error::Gone)?;
            self.take_out(found, folder, target.place.matter)
        });
        settle(permit, removed)
    }

    pub(super) fn take_out(&self, found: Sealed<Entry>, folder: NodeId, matter: Option<MatterId>) -> Result<(), Error> {
        let node = found.value.node;
        let mut change = self.catalog.change();
        change.if_unchanged(&found).delete(found.key());
        if found.value.content.is_none() {
            change.if_empty(&folder_prefix(node));
        }
        if found.value.transient {
            change.delete(&transient_key(found.value.made_by, folder, node));
        }
        if found.value.in_intake {
            change.delete(&held_key(node));
        }
        let history = self.catalog.versions(node)?;
        for (number, _) in &history {
            change.delete(&version_key(node, *number));
        }
        for property in self.catalog.properties(node)? {
            change.delete(&self.catalog.property_key(node, &property.namespace, &property.name));
        }
        self.board.withdraw(&mut change, matter, node)?;
        let turn = self.usage.turn();
        match change.commit() {
            Ok(_) => {}
            Err(crate::kv::Error::Conflict) if self.catalog.entries(node).is_ok_and(|e| !e.is_empty()) => {
                return Err(Error::NotEmpty);
            }
            Err(error) => return Err(error.into()),
        }
        for (_, version) in &history {
            turn.changed(matter, version.by, version.blob.size, 0);
        }
        drop(turn);
        self.forget_locks(node);
        self.remove_blobs(history.iter().map(|(_, version)| version.blob.id));
        Ok(())
    }

    /// Renames or moves within one matter. A document that stands at the target gets the moved content as its next version
    /// and keeps its node, history and properties.
    pub fn relocate(&self, permit: Permit<Move>) -> Result<Entry, Error> {
        let moved = self.put_elsewhere(permit.target(), permit.by());
        if let Ok(entry) = &moved {
            // Where the content replaced another document, the record says in whose history it goes on.
            let to = Some(permit.target().to.path().to_string());
            permit.settle(Outcome::Done, Detail { object: Some(entry.node), to, ..Detail::default() });
            return moved;
        }
        settle(permit, moved)
    }

    fn put_elsewhere(&self, target: &MoveTarget, by: AccountId) -> Result<Entry, Error> {
        let MoveTarget { from, to, replaces } = target;
        if from.place.matter != to.place.matter {
            return Err(Error::Changed);
        }
        // Two folder moves at once could each be fine and together make a circle, so they take turns and look again.
        let _turn = from.is_folder.then(|| self.moves.lock());
        if from.is_folder {
            self.require_chain(&to.place, by)?;
        }
        let found = self.target_entry(from)?;
        match replaces {
            Some(replaced) => self.put_as_next_version(from, found, replaced, by),
            None => {
                let folder = to.place.folder().ok_or(Error::Gone)?;
                let transient = found.value.transient && to.transient;
                // What was on its way into a drop box stays so, though there may be none any more.
                let arriving =
                    to.arriving.clone().or_else(|| found.value.in_intake.then(|| Arriving::nowhere(&to.name)));
                let in_intake = arriving.is_some() && !from.is_folder;
                let own_name = in_intake || (transient && !to.place.transient);
                let entry = Entry { name: to.name.clone(), transient, own_name, in_intake, ..found.value.clone() };
                let key = self.catalog.key_of(folder, &entry);
                let mut change = self.catalog.change();
                if found.value.transient {
                    let before = from.place.folder().ok_or(Error::Gone)?;
                    change.delete(&transient_key(found.value.made_by, before, entry.node));
                    self.note_transient(&mut change, &to.place, &entry);
                }
                self.catalog.require_place(&mut change, &to.place, by)?;
                change.if_unchanged(&found).delete(found.key());
                // A change of case alone has the same key.
                if key != found.key() {
                    change.if_absent(&key);
                }
                change.put(&key, &entry);
                if let Some(arriving) = arriving.filter(|_| in_intake) {
                    self.hold(&mut change, &to.place, &entry, &arriving)?;
                }
                self.board.readdress(&mut change, entry.node, &to.place, &to.name)?;
                let cause = match (structure_folder(&from.place), structure_folder(&to.place)) {
                    // It is told of when it is delivered.
                    _ if entry.in_intake => None,
                    // A save or an upload is complete once it drops its temporary name.
                    _ if found.value.transient && !transient => Some(Cause::Uploaded),
                    // So is one of which its maker's lock has kept others from being told.
                    _ if self.is_untold(entry.node) => Some(Cause::Uploaded),
                    (Some(from), to) if Some(from) != to && !transient => Some(Cause::Moved { from }),
                    _ => None,
                };
                let news = cause.and_then(|cause| News::now(&to.place, entry.node, &to.name, by, cause));
                self.board.announce(&mut change, news)?;
                change.commit()?;
                self.forget_locks(from.node);
                self.tell_of_held(&entry);
                Ok(entry)
            }
        }
    }

    fn put_as_next_version(
        &self,
        from: &DocumentTarget,
        found: Sealed<Entry>,
        replaced: &DocumentTarget,
        by: AccountId,
    ) -> Result<Entry, Error> {
        let (Some(content), false) = (found.value.content, replaced.is_folder) else { return Err(Error::Exists) };
        let onto = self.target_entry(replaced)?;
        let current = onto.value.content.ok_or(Error::Exists)?;
        let mut change = self.catalog.change();
        // The whole history moves, not only its end: a rename is no way to make versions disappear.
        let mut next = current.version;
        for (number, version) in self.catalog.versions(from.node)? {
            next += 1;
            change.delete(&version_key(from.node, number)).put(&version_key(onto.value.node, next), &version);
        }
        let content = Content { version: next, blob: content.blob };
        let entry = Entry { content: Some(content), modified: found.value.modified, ..onto.value.clone() };
        change.if_unchanged(&found).delete(found.key()).if_unchanged(&onto).put(onto.key(), &entry);
        for property in self.catalog.properties(from.node)? {
            change.delete(&self.catalog.property_key(from.node, &property.namespace, &property.name));
        }
        self.board.withdraw(&mut change, from.place.matter, from.node)?;
        let news = News::now(&replaced.place, entry.node, &entry.name, by, Cause::Uploaded);
        self.board.announce(&mut change, news)?;
        let noted = self.note_replaced(&mut change, by, entry.node);
        change.commit()?;
        self.noted_replaced(noted);
        self.forget_locks(from.node);
        Ok(entry)
    }

    /// Sets times of the entry that the permit names.
    pub fn set_times(&self, permit: Permit<SetTimes>, times: Times) -> Result<Entry, Error> {
        let set = self.target_entry(permit.target()).and_then(|found| {
            let (modified, made) = (times.modified.unwrap_or(found.value.modified), times.made.or(found.value.made));
            let entry = Entry { modified, made, ..found.value.clone() };
            self.catalog.change().if_unchanged(&found).put(found.key(), &entry).commit()?;
            Ok(entry)
        });
        settle(permit, set)
    }

    pub(super) fn target_entry(&self, target: &DocumentTarget) -> Result<Sealed<Entry>, Error> {
        let folder = target.place.folder().ok_or(Error::Gone)?;
        let found = self.catalog.entry_at(folder, target)?.ok_or(Error::Gone)?;
        if found.value.node == target.node && !target.is_before_its_replacement() {
            Ok(found)
        } else {
            Err(Error::Gone)
        }
    }

    /// Every user-made folder on the way to a place still stands where it was found.
    fn require_chain(&self, place: &Place, by: AccountId) -> Result<(), Error> {
        let user_made = place.chain.len() - place.structure;
        let names = place.path.names();
        for (at, name) in (place.structure..).zip(&names[names.len() - user_made..]) {
            let above = place.chain.get(at.wrapping_sub(1)).ok_or(Error::Gone)?;
            match self.catalog.entry_for(by, *above, name)? {
                Some(entry) if entry.value.node == place.chain[at] => {}
                _ => return Err(Error::Gone),
            }
        }
        Ok(())
    }

    /// After the commit that no longer names them. What cannot be removed now is found by the next sweep.
    pub(super) fn remove_blobs(&self, blobs: impl Iterator<Item = BlobId>) {
        for blob in blobs {
            if let Err(error) = self.blobs.remove(&blob) {
                tracing::warn!(%blob, %error, "the blob of a removed version could not be removed");
            }
        }
    }
}

/// Records the outcome of a change that has happened or has not.
pub(super) fn settle<O: Operation, T>(permit: Permit<O>, result: Result<T, Error>) -> Result<T, Error> {
    match &result {
        Ok(_) => permit.settle(Outcome::Done, Detail::default()),
        Err(error) => {
            permit.settle(Outcome::Failed, Detail { reason: Some(error.to_string()), ..Detail::default() });
        }
    }
    result
}
