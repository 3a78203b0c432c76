//! Saves: a document that is moved away or removed before what replaces it comes stays the document that it is.
//!
//! Nothing moves in the catalog. One record per saver and document says how the saver sees it; to everybody else the document
//! stands where it stood, and so it does to the saver once the record's time is over, whatever the process went through
//! meanwhile. What comes to the name before that is the document's next version.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::Vault;
use super::blobs::BlobRef;
use super::catalog::{AsideRecord, Catalog, Content, Entry, Version, aside_key, transient_key, version_key};
use super::changes::settle;
use super::error::Error;
use crate::audit::{Detail, Outcome};
use crate::gate::{EndSave, Permit, Save, SetAside};
use crate::kv::Change;
use crate::names::{AccountId, AsideStep, AsideTarget, ExpiredTarget, NodeId, SaveTarget, Timestamp};
use crate::outbox::{Cause, News};

/// Documents that one account may have set aside at a time.
const MAX_PER_ACCOUNT: usize = 256;

/// Whatever is set aside, in memory, written through to the catalog.
pub(super) struct Saves {
    by_account: Mutex<HashMap<AccountId, Vec<AsideRecord>>>,
}

impl Saves {
    pub(super) fn load(catalog: &Catalog) -> Result<Self, Error> {
        let mut by_account: HashMap<AccountId, Vec<AsideRecord>> = HashMap::new();
        catalog.set_aside(|aside| by_account.entry(aside.account).or_default().push(aside))?;
        Ok(Self { by_account: Mutex::new(by_account) })
    }

    fn of(&self, account: AccountId, node: NodeId) -> Option<AsideRecord> {
        self.by_account.lock().get(&account)?.iter().find(|aside| aside.node == node).cloned()
    }

    /// After the commit that says so.
    fn note(&self, account: AccountId, node: NodeId, now: Option<AsideRecord>) {
        let mut by_account = self.by_account.lock();
        let asides = by_account.entry(account).or_default();
        asides.retain(|aside| aside.node != node);
        asides.extend(now);
        if asides.is_empty() {
            by_account.remove(&account);
        }
    }
}

impl AsideRecord {
    fn is_live(&self) -> bool {
        self.until > Timestamp::now()
    }
}

impl Vault {
    /// What an account has set aside in a folder.
    pub fn set_aside_in(&self, account: AccountId, folder: NodeId) -> Vec<AsideRecord> {
        let by_account = self.saves.by_account.lock();
        let asides = by_account.get(&account).map_or(&[][..], Vec::as_slice);
        asides.iter().filter(|aside| aside.folder == folder && aside.is_live()).cloned().collect()
    }

    /// An entry as it was at an earlier version; nothing if that is gone.
    pub fn at_version(&self, entry: Entry, number: u64) -> Result<Option<Entry>, Error> {
        let version = self.catalog.version(entry.node, number)?;
        Ok(version.map(|Version { blob, at, .. }| Entry {
            content: Some(Content { version: number, blob }),
            modified: at,
            ..entry
        }))
    }

    /// Does with the document what the permit says. What is moved away or removed waits so long.
    pub fn set_aside(&self, permit: Permit<SetAside>, wait: Duration) -> Result<(), Error> {
        let done = self.put_aside(permit.target(), permit.by(), wait);
        settle(permit, done)
    }

    fn put_aside(&self, target: &AsideTarget, by: AccountId, wait: Duration) -> Result<(), Error> {
        let AsideTarget { document, step } = target;
        let key = aside_key(by, document.node);
        let before = self.saves.of(by, document.node);
        let mut change = self.catalog.change();
        let now = match (step, before) {
            (AsideStep::Away(_) | AsideStep::Removed, before) => {
                let folder = document.place.folder().ok_or(Error::Gone)?;
                let crowded =
                    self.saves.by_account.lock().get(&by).is_some_and(|asides| asides.len() >= MAX_PER_ACCOUNT);
                if before.is_none() && crowded {
                    return Err(Error::Limit("documents that are being saved"));
                }
                let found = self.target_entry(document)?;
                let version = found.value.content.ok_or(Error::Gone)?.version;
                change.if_unchanged(&found);
                let away = if let AsideStep::Away(name) = step { Some(name.clone()) } else { None };
                Some(AsideRecord {
                    matter: document.place.matter,
                    account: by,
                    folder,
                    node: document.node,
                    name: found.value.name,
                    away,
                    version,
                    is_replaced: false,
                    until: Timestamp::now().after(wait),
                })
            }
            (_, None) => return Err(Error::Gone),
            (AsideStep::Forgotten, Some(before)) if !before.is_replaced => Some(AsideRecord { away: None, ..before }),
            (AsideStep::Forgotten | AsideStep::Back, Some(_)) => None,
        };
        match &now {
            Some(now) => change.put(&key, now),
            None => change.delete(&key),
        };
        change.commit()?;
        self.saves.note(by, document.node, now);
        // A lock does not move along, and what comes to the name has its own (RFC 4918 section 9.9).
        self.forget_locks(document.node);
        Ok(())
    }

    /// With this change comes what replaces a document that the account may have set aside. The result goes to
    /// [`Vault::noted_replaced`] once the change is committed.
    pub(super) fn note_replaced(&self, change: &mut Change<'_>, by: AccountId, node: NodeId) -> Replaced {
        let Some(aside) = self.saves.of(by, node).filter(|aside| !aside.is_replaced && aside.is_live()) else {
            return Replaced(None);
        };
        let key = aside_key(by, node);
        // Only what was moved away is still seen.
        let now = aside.away.is_some().then_some(AsideRecord { is_replaced: true, ..aside });
        match &now {
            Some(now) => change.put(&key, now),
            None => change.delete(&key),
        };
        Replaced(Some((by, node, now)))
    }

    pub(super) fn noted_replaced(&self, replaced: Replaced) {
        if let Replaced(Some((by, node, now))) = replaced {
            self.saves.note(by, node, now);
        }
    }

    /// The last step of a save: the temporary file's content is the document's next version, and the file is gone with what
    /// it held before.
    pub fn save(&self, permit: Permit<Save>) -> Result<Entry, Error> {
        match self.put_saved(permit.target(), permit.by()) {
            Ok((entry, Content { version, blob })) => {
                let (version, sha256, bytes, blob) = (Some(version), Some(blob.sha256), Some(blob.size), Some(blob.id));
                permit.settle(Outcome::Done, Detail { version, sha256, bytes, blob, ..Detail::default() });
                Ok(entry)
            }
            Err(error) => settle(permit, Err(error)),
        }
    }

    fn put_saved(&self, target: &SaveTarget, by: AccountId) -> Result<(Entry, Content), Error> {
        let SaveTarget { temporary, document } = target;
        let (from, onto) = (self.target_entry(temporary)?, self.target_entry(document)?);
        let (Some(content), Some(current)) = (from.value.content, onto.value.content) else {
            return Err(Error::Exists);
        };
        let mut change = self.catalog.change();
        let left = self.take_history(&mut change, temporary.node, content.blob)?;
        let content = Content { version: current.version + 1, blob: content.blob };
        let version = Version { blob: content.blob, at: Timestamp::now(), by };
        let entry = Entry { content: Some(content), modified: from.value.modified, ..onto.value.clone() };
        change.if_unchanged(&from).delete(from.key()).if_unchanged(&onto).put(onto.key(), &entry);
        change.put(&version_key(entry.node, content.version), &version);
        if let Some(folder) = temporary.place.folder() {
            change.delete(&transient_key(from.value.made_by, folder, temporary.node));
        }
        self.board.withdraw(&mut change, temporary.place.matter, temporary.node)?;
        let news = News::now(&document.place, entry.node, &entry.name, by, Cause::Uploaded);
        self.board.announce(&mut change, news)?;
        let replaced = self.note_replaced(&mut change, by, entry.node);
        let turn = self.usage.turn();
        change.commit()?;
        for version in &left {
            turn.changed(temporary.place.matter, version.by, version.blob.size, 0);
        }
        drop(turn);
        self.noted_replaced(replaced);
        self.forget_locks(temporary.node);
        self.remove_blobs(left.iter().map(|version| version.blob.id));
        Ok((entry, content))
    }

    /// Takes the records of all versions and properties of a node out; gives the versions but the one that stays.
    fn take_history(&self, change: &mut Change<'_>, node: NodeId, stays: BlobRef) -> Result<Vec<Version>, Error> {
        let mut left = Vec::new();
        for (number, version) in self.catalog.versions(node)? {
            change.delete(&version_key(node, number));
            left.extend(Some(version).filter(|version| version.blob.id != stays.id));
        }
        for property in self.catalog.properties(node)? {
            change.delete(&self.catalog.property_key(node, &property.namespace, &property.name));
        }
        Ok(left)
    }

    /// The saves whose time is over.
    pub fn overdue_saves(&self) -> Vec<ExpiredTarget> {
        let by_account = self.saves.by_account.lock();
        let overdue = by_account.values().flatten().filter(|aside| !aside.is_live());
        overdue
            .map(|aside| ExpiredTarget {
                matter: aside.matter,
                folder: aside.folder,
                name: aside.name.clone(),
                account: aside.account,
                node: aside.node,
            })
            .collect()
    }

    /// Ends the save that the permit names: from now on its saver sees what everybody sees.
    pub fn end_save(&self, permit: Permit<EndSave>) -> Result<(), Error> {
        let (account, node) = (permit.target().account, permit.target().node);
        // Begun anew meanwhile, it goes on.
        let overdue = self.saves.of(account, node).is_some_and(|aside| !aside.is_live());
        let ended = match overdue {
            true => self.catalog.change().delete(&aside_key(account, node)).commit().map(drop).map_err(Error::from),
            false => Err(Error::Changed),
        };
        if ended.is_ok() {
            self.saves.note(account, node, None);
        }
        settle(permit, ended)
    }
}

/// What is to be noted once a change is committed.
pub(super) struct Replaced(Option<(AccountId, NodeId, Option<AsideRecord>)>);
