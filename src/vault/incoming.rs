//! Uploads: from the first byte to the version that others see.
//!
//! [`Vault::begin`] starts one under a permit; [`Incoming::seal`] makes the content one blob, [`Sealed::place`] makes that
//! durable, and [`Vault::commit`] makes it visible in one catalog transaction, given a confirmation that the gate has judged
//! again and recorded what is about to be seen. Whatever is dropped on the way leaves nothing behind but, if asked for, a part that
//! its uploader can resume.

use std::sync::Arc;

use super::Vault;
use super::blobs::{BlobRef, BlobStore};
use super::catalog::{Content, Entry, StoredPart, Version, version_key};
use super::error::Error;
use super::intent::Intent;
use super::staging::{self, Base, Part, Upload};
use super::usage::{Reservation, Room};
use crate::audit::{Detail, Outcome};
use crate::gate::{Confirmation, Create, Permit};
use crate::kv;
use crate::names::{DocName, MatterId, NodeId, Timestamp};
use crate::outbox::{Cause, News};

/// As what an upload becomes visible, where that is not under the name for which its permit was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The name that the document gets; it must be free.
    pub name: DocName,
    /// To its maker alone, as the temporary file of a save is.
    pub to_maker_alone: bool,
}

/// An upload that takes bytes.
pub struct Incoming {
    upload: Upload,
    intent: Intent,
    given: Option<Given>,
    /// What the catalog records of this upload, if it was resumed or synced.
    part: Option<Part>,
    /// Set by [`Incoming::set_modified`].
    modified: Option<Timestamp>,
    /// Set by [`Incoming::set_copied_from`].
    copied_from: Option<MatterId>,
    /// The room that it takes, where that is bounded.
    reservation: Option<Arc<Reservation>>,
}

/// An upload whose content is one blob and not yet durable. Dropped, the blob goes.
pub struct Sealed {
    content: staging::Sealed,
    /// As it will be once the content is durable.
    ready: Ready,
}

/// An upload whose content is durable as one blob and not yet visible. Dropped uncommitted, the blob goes.
pub struct Ready {
    blob: BlobRef,
    /// False if the blob is the version that the edit began with.
    is_new: bool,
    modified: Option<Timestamp>,
    copied_from: Option<MatterId>,
    intent: Option<Intent>,
    given: Option<Given>,
    part: Option<Part>,
    reservation: Option<Arc<Reservation>>,
    store: Arc<BlobStore>,
}

/// What a commit made.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The entry as it now stands.
    pub entry: Entry,
    /// True if it was not there before.
    pub created: bool,
}

impl Vault {
    /// Begins an upload. With `keep`, it starts from the present content, or from what came of an unfinished upload of the
    /// same account under the same name; otherwise from nothing. Where `room` is bounded, see [`Incoming::reservation`].
    pub fn begin(&self, intent: Intent, keep: bool, room: Option<Room>) -> Result<Incoming, Error> {
        let place = intent.place();
        let folder = place.folder().ok_or(Error::Gone)?;
        let key = self.key(place.matter)?;
        let (base, part) = match &intent {
            Intent::Create(permit) => {
                let part = self.catalog.part(permit.by(), folder, &permit.target().name)?.map(|part| part.value.part);
                (part.clone().filter(|_| keep).map_or(Base::Empty, Base::Part), part)
            }
            Intent::Update(permit) if keep => {
                let content = self.target_entry(permit.target())?.value.content.ok_or(Error::Gone)?;
                (Base::Version(content.blob), None)
            }
            Intent::Update(_) => (Base::Empty, None),
        };
        let kept = part.as_ref().map_or(0, Part::len);
        let reservation = room.map(|room| self.reserve(room, kept)).transpose()?;
        let upload = self.staging.begin(key, base)?;
        Ok(Incoming { upload, intent, given: None, part, modified: None, copied_from: None, reservation })
    }

    /// Makes a sealed upload visible: one catalog transaction, durable on return. [`Error::Changed`] means that the name or
    /// the document is no longer as the permit says; the caller then asks for a permit for what is there now
    /// ([`Ready::change_intent`]) and tries again.
    pub fn commit(&self, ready: &mut Ready, confirmation: Confirmation) -> Result<Committed, Error> {
        let intent =
            ready.intent.as_ref().filter(|intent| intent.is_confirmed_by(&confirmation)).ok_or(Error::Changed)?;
        let entry = self.put_version(intent, ready)?;
        let created = matches!(intent, Intent::Create(_));
        let (reason, object) = ((!ready.is_new).then(|| "unchanged".to_owned()), Some(entry.node));
        let detail = Detail { reason, object, ..ready.detail() };
        if let Some(intent) = ready.intent.take() {
            intent.settle(Outcome::Done, detail);
        }
        if let Some(part) = ready.part.take() {
            self.discard_files(&part, None);
        }
        Ok(Committed { entry, created })
    }

    fn put_version(&self, intent: &Intent, ready: &Ready) -> Result<Entry, Error> {
        let &Ready { blob, is_new, modified, ref given, .. } = ready;
        let (place, asked, by) = (intent.place(), intent.name(), intent.by());
        let folder = place.folder().ok_or(Error::Gone)?;
        let name = given.as_ref().map_or(asked, |given| &given.name);
        let now = Timestamp::now();
        let mut change = self.catalog.change();
        let mut part_bytes = 0;
        let entry = match intent {
            Intent::Create(permit) => {
                self.catalog.require_place(&mut change, place, by)?;
                if let Some(part) = self.catalog.part(by, folder, asked)? {
                    change.if_unchanged(&part).delete(part.key());
                    part_bytes = part.value.part.len();
                }
                let target = permit.target();
                let transient = given.as_ref().map_or(target.transient, |given| given.to_maker_alone);
                let content = Some(Content { version: 1, blob });
                let modified = modified.unwrap_or(now);
                let in_intake = target.arriving.is_some();
                let entry = Entry {
                    name: name.clone(),
                    node: NodeId::random(),
                    created: now,
                    modified,
                    made_by: by,
                    claims: Vec::new(),
                    properties: 0,
                    content,
                    transient,
                    own_name: in_intake || (given.is_none() && transient && !place.transient),
                    made: None,
                    in_intake,
                };
                change.if_absent(&self.catalog.key_of(folder, &entry));
                if let Some(arriving) = &target.arriving {
                    self.hold(&mut change, place, &entry, arriving)?;
                }
                entry
            }
            Intent::Update(permit) => {
                let target = permit.target();
                let sealed = self.target_entry(target)?;
                change.if_unchanged(&sealed);
                let mut entry = sealed.value.clone();
                if let Some(given) = given {
                    entry = Entry { name: given.name.clone(), transient: given.to_maker_alone, ..entry };
                }
                self.touch_held(&mut change, &entry)?;
                let key = self.catalog.key_of(folder, &entry);
                if key != sealed.key() {
                    change.delete(sealed.key()).if_absent(&key);
                }
                let current = entry.content.ok_or(Error::Changed)?;
                if current.version != target.version {
                    return Err(Error::Changed);
                }
                if is_new {
                    entry.content = Some(Content { version: current.version + 1, blob });
                }
                entry.modified = modified.unwrap_or(if is_new { now } else { entry.modified });
                entry
            }
        };
        change.put(&self.catalog.key_of(folder, &entry), &entry);
        let mut kept = None;
        if entry.transient || given.is_some() {
            self.note_transient(&mut change, place, &entry);
        }
        if let Some(content) = entry.content.filter(|_| is_new) {
            change.put(&version_key(entry.node, content.version), &Version { blob, at: now, by });
            // A copy within the matter is nothing new to anybody, and a temporary file is nobody's but its maker's.
            let cause = match ready.copied_from {
                Some(matter) if given.is_none() => (place.matter != Some(matter)).then_some(Cause::Copied),
                // A message is sent, wherever its text comes from.
                _ => Some(Cause::Uploaded),
            };
            // An empty document is the first half of one, and what came into a drop box is told of when it is delivered.
            let cause = cause.filter(|_| !entry.transient && !entry.in_intake && blob.size > 0);
            let news = cause.and_then(|cause| News::now(place, entry.node, name, by, cause));
            let told = self.until_unlocked(&mut change, by, news);
            self.board.announce(&mut change, told.now)?;
            kept = told.kept;
        }
        let replaced = match intent {
            Intent::Update(permit) if permit.target().aside.is_none() => {
                Some(self.note_replaced(&mut change, by, entry.node))
            }
            Intent::Update(_) | Intent::Create(_) => None,
        };
        let turn = self.usage.turn();
        change.commit()?;
        let size = if is_new { blob.size } else { 0 };
        turn.brought((place.matter, by), part_bytes, size, ready.reservation.as_deref());
        replaced.into_iter().for_each(|replaced| self.noted_replaced(replaced));
        self.keep_untold(kept);
        self.tell_of_held(&entry);
        Ok(entry)
    }

    /// Keeps what came of an upload, encrypted, for its account to resume. Only a new document has such a part: an
    /// overwrite that fails leaves the old version, and the part would never be reached.
    pub fn suspend(&self, incoming: Incoming) -> Result<(), Error> {
        let Incoming { upload, intent, part: before, reservation, .. } = incoming;
        let Intent::Create(permit) = intent else { return Ok(()) };
        let bytes = upload.len();
        if bytes > 0 {
            let part = upload.suspend()?;
            self.record_part(&permit, &part, reservation.as_deref())?;
            if let Some(before) = before {
                self.discard_files(&before, Some(&part));
            }
        }
        let reason = Some("interrupted; kept for its uploader".to_owned());
        permit.settle(Outcome::Abandoned, Detail { reason, bytes: Some(bytes), ..Detail::default() });
        Ok(())
    }

    /// Makes what came so far of a new document durable as a part (fsync@openssh.com). The next version of an existing
    /// document has no part; its caller commits instead.
    pub fn sync(&self, incoming: &mut Incoming) -> Result<(), Error> {
        let Intent::Create(permit) = &incoming.intent else { return Ok(()) };
        let part = incoming.upload.sync()?;
        self.record_part(permit, &part, incoming.reservation.as_deref())?;
        if let Some(before) = incoming.part.replace(part.clone()) {
            self.discard_files(&before, Some(&part));
        }
        Ok(())
    }

    /// Gives up the unfinished upload of the document that the permit would create.
    pub fn discard_part(&self, permit: Permit<Create>) -> Result<(), Error> {
        let (by, name) = (permit.by(), &permit.target().name);
        let folder = permit.target().place.folder().ok_or(Error::Gone)?;
        if let Some(part) = self.catalog.part(by, folder, name)? {
            let turn = self.usage.turn();
            self.catalog.change().if_unchanged(&part).delete(part.key()).commit()?;
            turn.changed(Some(part.value.matter), by, part.value.part.len(), 0);
            drop(turn);
            self.discard_files(&part.value.part, None);
        }
        permit.settle(Outcome::Abandoned, Detail::because("unfinished upload removed by its uploader"));
        Ok(())
    }

    fn record_part(
        &self,
        permit: &Permit<Create>,
        part: &Part,
        reservation: Option<&Reservation>,
    ) -> Result<(), Error> {
        let (target, by) = (permit.target(), permit.by());
        let (folder, matter) = target.place.folder().zip(target.place.matter).ok_or(Error::Gone)?;
        let stored = StoredPart { matter, name: target.name.clone(), at: Timestamp::now(), part: part.clone() };
        let key = self.catalog.part_key(by, folder, &target.name);
        // One account's uploads under one name take turns at the part; the last one stays.
        loop {
            let found = self.catalog.part(by, folder, &target.name)?;
            let before = found.as_ref().map_or(0, |found| found.value.part.len());
            let mut change = self.catalog.change();
            match &found {
                Some(found) => change.if_unchanged(found),
                None => change.if_absent(&key),
            };
            let turn = self.usage.turn();
            match change.put(&key, &stored).commit() {
                Err(kv::Error::Conflict) => continue,
                done => drop(done?),
            }
            turn.brought((Some(matter), by), before, part.len(), reservation);
            return Ok(());
        }
    }

    /// After the commit that no longer names them. What cannot be removed now goes at the next start.
    fn discard_files(&self, part: &Part, still: Option<&Part>) {
        if let Err(error) = self.staging.discard(part, still) {
            tracing::warn!(%error, "files of a finished upload could not be removed");
        }
    }
}

impl Incoming {
    /// The upload's permit.
    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    /// The room that the upload takes, where that is bounded: it grows before bytes are written, and not by itself.
    pub fn reservation(&self) -> Option<&Arc<Reservation>> {
        self.reservation.as_ref()
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.upload.len()
    }

    /// True if nothing has come.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Would its end make a new version? An edit that changed nothing makes none.
    pub fn is_new(&self) -> bool {
        matches!(self.intent, Intent::Create(_)) || self.upload.is_modified()
    }

    /// Takes bytes at an offset.
    pub fn write_at(&mut self, offset: u64, data: &[u8]) -> Result<(), Error> {
        Ok(self.upload.write_at(offset, data)?)
    }

    /// Reads back.
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        Ok(self.upload.read_at(offset, buffer)?)
    }

    /// Cuts or grows with zeros.
    pub fn set_len(&mut self, length: u64) -> Result<(), Error> {
        Ok(self.upload.set_len(length)?)
    }

    /// The modification time that the document shall show.
    pub fn set_modified(&mut self, modified: Timestamp) {
        self.modified = Some(modified);
    }

    /// The bytes are those of a document in this matter.
    pub fn set_copied_from(&mut self, matter: MatterId) {
        self.copied_from = Some(matter);
    }

    /// What the document becomes at the commit.
    pub fn set_given(&mut self, given: Given) {
        self.given = Some(given);
    }

    /// Ends the upload, which keeps nothing, and records how and why.
    pub fn end(self, outcome: Outcome, reason: String) {
        self.intent.settle(outcome, Detail::because(reason));
    }

    /// Makes the content one blob.
    pub fn seal(self, vault: &Vault) -> Result<Sealed, Error> {
        let is_new = self.is_new();
        let Self { upload, intent, given, part, modified, copied_from, reservation } = self;
        match upload.seal() {
            Ok(content) => {
                let (blob, store) = (content.blob(), vault.blobs.clone());
                let intent = Some(intent);
                let ready = Ready { blob, is_new, modified, copied_from, intent, given, part, reservation, store };
                Ok(Sealed { content, ready })
            }
            Err(error) => Err(failed(intent, error)),
        }
    }
}

impl Sealed {
    /// The same as it will be once it is durable.
    pub fn as_ready(&self) -> &Ready {
        &self.ready
    }

    /// Makes the content durable.
    pub fn place(self) -> Result<Ready, Error> {
        let Self { content, mut ready } = self;
        match content.place() {
            Ok(_) => Ok(ready),
            Err(error) => match ready.intent.take() {
                Some(intent) => Err(failed(intent, error)),
                None => Err(error.into()),
            },
        }
    }
}

fn failed(intent: Intent, error: staging::Error) -> Error {
    let error = Error::from(error);
    intent.settle(Outcome::Failed, Detail { reason: Some(error.to_string()), ..Detail::default() });
    error
}

impl Ready {
    /// The upload's permit.
    pub fn intent(&self) -> Option<&Intent> {
        self.intent.as_ref()
    }

    /// Goes on under another permit, because the name or the document changed in the meantime. The old permit ends as
    /// abandoned.
    pub fn change_intent(&mut self, intent: Intent) {
        self.intent = Some(intent);
    }

    /// Another name, because the one that was given is taken by now.
    pub fn set_given(&mut self, given: Given) {
        self.given = Some(given);
    }

    /// What the confirmation records.
    pub fn detail(&self) -> Detail {
        let given = self.given.as_ref().zip(self.intent.as_ref());
        Detail {
            to: given.map(|(given, intent)| {
                let place = &intent.place().path;
                place.clone().join(given.name.clone()).unwrap_or_else(|_| place.clone()).to_string()
            }),
            version: self.intent.as_ref().map(|intent| intent.next_version() - u64::from(!self.is_new)),
            sha256: Some(self.blob.sha256),
            bytes: Some(self.blob.size),
            blob: Some(self.blob.id),
            ..Detail::default()
        }
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        // Without an intent it was committed.
        if self.intent.is_some() && self.is_new && self.store.remove(&self.blob.id).is_err() {
            tracing::warn!(blob = %self.blob.id, "a blob that nothing names could not be removed; the next check will");
        }
    }
}
