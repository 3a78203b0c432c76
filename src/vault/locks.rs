//! WebDAV locks (RFC 4918 section 6): shared by all users and front ends, kept in the catalog, ended by time.
//!
//! A lock that the maker of a new document takes is that of an *upload*: as long as it holds, and for a moment after it was
//! given back, the maker may bring content, and what came is told once, when the lock ends.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::Vault;
use super::catalog::Catalog;
use super::changes::settle;
use super::error::Error;
use crate::gate::{Lock, Permit};
use crate::kv::Change;
use crate::names::{AccountId, DocPath, LockToken, NodeId, Place, Timestamp};
use crate::outbox::News;

/// A lock lives at most this long without a refresh.
const MAX_LIFE: Duration = Duration::from_secs(3600);
/// Locks that one account may hold.
const MAX_PER_ACCOUNT: usize = 1_000;
/// Locks in all.
const MAX_LOCKS: usize = 100_000;
/// Bytes of the owner text.
const MAX_OWNER_BYTES: usize = 2 * 1024;

/// One lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockRecord {
    /// Its token.
    pub token: LockToken,
    /// The entry that it was taken on.
    pub node: NodeId,
    /// The folders above that entry.
    pub above: Vec<NodeId>,
    /// Who took it.
    pub account: AccountId,
    /// Others may hold shared locks beside it.
    pub shared: bool,
    /// It covers everything below.
    pub infinite: bool,
    /// The owner text as the client gave it.
    pub owner: String,
    /// When it ends.
    pub expires: Timestamp,
    /// The path at which it was taken.
    pub root: DocPath,
    /// Its holder is the document's maker and took it when the document was new.
    #[serde(default)]
    pub of_upload: bool,
    /// It binds nobody any more; of an upload it says for how long the maker may still finish.
    #[serde(default)]
    pub is_given_back: bool,
    /// What is to be told of the upload when the lock ends.
    #[serde(default)]
    pub untold: Option<News>,
}

/// What a lock is to be.
#[derive(Debug, Clone)]
pub struct LockWish {
    /// Others may hold shared locks beside it.
    pub shared: bool,
    /// It covers everything below.
    pub infinite: bool,
    /// The owner text as the client gave it.
    pub owner: String,
    /// How long it is to last.
    pub timeout: Duration,
    /// See [`LockRecord::of_upload`].
    pub of_upload: bool,
}

/// What a write touches, as far as locks are concerned.
#[derive(Debug, Clone, Copy)]
pub struct LockSpan<'a> {
    /// The entry itself, if it exists.
    pub node: Option<NodeId>,
    /// The folder that holds it.
    pub place: &'a Place,
    /// The write makes, removes or renames the entry, so that a lock of the folder counts too.
    pub membership: bool,
    /// The write touches everything below the entry.
    pub deep: bool,
}

/// All live locks, in memory, written through to the catalog.
pub(super) struct LockTable {
    locks: Mutex<HashMap<LockToken, LockRecord>>,
    /// The locks of uploads by their document; taken while `locks` is held, or alone.
    uploads: Mutex<HashMap<NodeId, LockToken>>,
}

impl LockTable {
    pub(super) fn load(catalog: &Catalog) -> Result<Self, Error> {
        let mut locks = HashMap::new();
        catalog.scan_locks(|lock: LockRecord| drop(locks.insert(lock.token, lock)))?;
        let uploads = locks.values().filter(|lock| lock.of_upload).map(|lock| (lock.node, lock.token)).collect();
        Ok(Self { locks: Mutex::new(locks), uploads: Mutex::new(uploads) })
    }

    /// The lock of the upload of a document, whether it holds or was given back.
    fn of_upload(&self, node: NodeId) -> Option<LockRecord> {
        let token = *self.uploads.lock().get(&node)?;
        self.locks.lock().get(&token).filter(|lock| !lock.is_over()).cloned()
    }

    fn remove(&self, locks: &mut HashMap<LockToken, LockRecord>, gone: &LockRecord) {
        locks.remove(&gone.token);
        let mut uploads = self.uploads.lock();
        if uploads.get(&gone.node) == Some(&gone.token) {
            uploads.remove(&gone.node);
        }
    }
}

impl LockRecord {
    fn is_live(&self) -> bool {
        !self.is_given_back && !self.is_over()
    }

    fn is_over(&self) -> bool {
        self.expires <= Timestamp::now()
    }

    fn covers(&self, node: Option<NodeId>, chain: &[NodeId]) -> bool {
        Some(self.node) == node || (self.infinite && chain.contains(&self.node))
    }

    fn touches(&self, span: LockSpan<'_>) -> bool {
        self.covers(span.node, &span.place.chain)
            || (span.membership && span.place.folder() == Some(self.node))
            || (span.deep && span.node.is_some_and(|node| self.above.contains(&node)))
    }
}

impl Vault {
    /// The locks that cover an entry.
    pub fn locks_on(&self, node: NodeId, place: &Place) -> Vec<LockRecord> {
        let locks = self.locks.locks.lock();
        locks.values().filter(|lock| lock.is_live() && lock.covers(Some(node), &place.chain)).cloned().collect()
    }

    /// The locks that were taken on entries of a folder.
    pub fn locks_in(&self, folder: NodeId) -> Vec<LockRecord> {
        let locks = self.locks.locks.lock();
        locks.values().filter(|lock| lock.is_live() && lock.above.last() == Some(&folder)).cloned().collect()
    }

    /// May this account write there with these tokens? For each locked root on the way, one of its locks must be among
    /// the tokens and be the account's own.
    pub fn may_write(&self, account: AccountId, tokens: &[LockToken], span: LockSpan<'_>) -> bool {
        let locks = self.locks.locks.lock();
        if locks.is_empty() {
            return true;
        }
        let mut open_roots: HashMap<NodeId, bool> = HashMap::new();
        for lock in locks.values().filter(|lock| lock.is_live() && lock.touches(span)) {
            let opened = lock.account == account && tokens.contains(&lock.token);
            *open_roots.entry(lock.node).or_default() |= opened;
        }
        open_roots.values().all(|opened| *opened)
    }

    /// Locks the entry that the permit names. [`Error::Exists`] if another lock is in the way.
    pub fn lock(&self, permit: Permit<Lock>, wish: LockWish) -> Result<LockRecord, Error> {
        let target = permit.target();
        let LockWish { shared, infinite, owner, timeout, of_upload } = wish;
        let lock = LockRecord {
            token: LockToken::random(),
            node: target.node,
            above: target.place.chain.clone(),
            account: permit.by(),
            shared,
            infinite: infinite && target.is_folder,
            owner,
            expires: Timestamp::now().after(timeout.min(MAX_LIFE)),
            root: target.path(),
            of_upload,
            is_given_back: false,
            untold: None,
        };
        let put = self.put_lock(lock, &target.place);
        settle(permit, put)
    }

    fn put_lock(&self, lock: LockRecord, place: &Place) -> Result<LockRecord, Error> {
        if lock.owner.len() > MAX_OWNER_BYTES {
            return Err(Error::Limit("bytes of a lock's owner"));
        }
        let mut locks = self.locks.locks.lock();
        let over: Vec<LockRecord> = locks.values().filter(|lock| lock.is_over()).cloned().collect();
        let mut change = self.catalog.change();
        for lock in &over {
            self.end_lock(&mut change, lock)?;
            self.locks.remove(&mut locks, lock);
        }
        let span = LockSpan { node: Some(lock.node), place, membership: false, deep: lock.infinite };
        let in_the_way = |other: &LockRecord| other.is_live() && other.touches(span) && !(other.shared && lock.shared);
        if locks.values().any(in_the_way) {
            return Err(Error::Exists);
        }
        if locks.len() >= MAX_LOCKS
            || locks.values().filter(|other| other.account == lock.account).count() >= MAX_PER_ACCOUNT
        {
            return Err(Error::Limit("locks"));
        }
        change.put(&key(lock.token), &lock).commit()?;
        locks.insert(lock.token, lock.clone());
        if lock.of_upload {
            self.locks.uploads.lock().insert(lock.node, lock.token);
        }
        Ok(lock)
    }

    /// Has it said in a change that a lock is no more, and what it has kept back be told.
    fn end_lock(&self, change: &mut Change<'_>, lock: &LockRecord) -> Result<(), Error> {
        change.delete(&key(lock.token));
        self.board.announce(change, lock.untold.clone())?;
        Ok(())
    }

    /// Ends the locks whose time is over.
    pub fn end_locks(&self) -> Result<(), Error> {
        let mut locks = self.locks.locks.lock();
        let over: Vec<LockRecord> = locks.values().filter(|lock| lock.is_over()).cloned().collect();
        if over.is_empty() {
            return Ok(());
        }
        let mut change = self.catalog.change();
        over.iter().try_for_each(|lock| self.end_lock(&mut change, lock))?;
        change.commit()?;
        over.iter().for_each(|lock| self.locks.remove(&mut locks, lock));
        Ok(())
    }

    /// Has this account held a lock on the document since it made it, or given that back just now?
    pub fn is_held(&self, account: AccountId, node: NodeId) -> bool {
        self.locks.of_upload(node).is_some_and(|lock| lock.account == account)
    }

    pub(super) fn is_locked(&self, node: NodeId) -> bool {
        self.locks.locks.lock().values().any(|lock| lock.is_live() && lock.node == node)
    }

    /// What is told of a document now: nothing of an upload whose maker's lock holds, which is told when that ends.
    pub(super) fn until_unlocked(&self, change: &mut Change<'_>, by: AccountId, news: Option<News>) -> Told {
        let held = news.as_ref().and_then(|news| self.locks.of_upload(news.node));
        match held.filter(|lock| lock.account == by && lock.is_live()) {
            Some(lock) => {
                let lock = LockRecord { untold: news, ..lock };
                change.put(&key(lock.token), &lock);
                Told { now: None, kept: Some(lock) }
            }
            None => Told { now: news, kept: None },
        }
    }

    /// After the commit.
    pub(super) fn keep_untold(&self, kept: Option<LockRecord>) {
        let Some(kept) = kept else { return };
        if let Some(lock) = self.locks.locks.lock().get_mut(&kept.token) {
            lock.untold = kept.untold;
        }
    }

    pub(super) fn is_untold(&self, node: NodeId) -> bool {
        self.locks.of_upload(node).is_some_and(|lock| lock.untold.is_some())
    }

    /// Prolongs a lock of the permit's account that covers the permit's entry. [`Error::Gone`] if there is none.
    pub fn refresh_lock(&self, permit: Permit<Lock>, token: LockToken, timeout: Duration) -> Result<LockRecord, Error> {
        let refreshed = self.own_lock(&permit, token).and_then(|mut lock| {
            lock.expires = Timestamp::now().after(timeout.min(MAX_LIFE));
            self.catalog.change().put(&key(token), &lock).commit()?;
            self.locks.locks.lock().insert(token, lock.clone());
            Ok(lock)
        });
        settle(permit, refreshed)
    }

    /// Ends a lock of the permit's account that covers the permit's entry; the maker of an upload may still finish it for so
    /// long. [`Error::Gone`] if there is none, [`Error::Exists`] if it is somebody else's.
    pub fn unlock(&self, permit: Permit<Lock>, token: LockToken, grace: Duration) -> Result<(), Error> {
        let freed = self.own_lock(&permit, token).and_then(|lock| {
            let mut change = self.catalog.change();
            self.end_lock(&mut change, &lock)?;
            let expires = Timestamp::now().after(grace);
            let rest = LockRecord { is_given_back: true, untold: None, expires, ..lock.clone() };
            if lock.of_upload {
                change.put(&key(token), &rest);
            }
            change.commit()?;
            let mut locks = self.locks.locks.lock();
            match lock.of_upload {
                true => drop(locks.insert(token, rest)),
                false => self.locks.remove(&mut locks, &lock),
            }
            Ok(())
        });
        settle(permit, freed)
    }

    fn own_lock(&self, permit: &Permit<Lock>, token: LockToken) -> Result<LockRecord, Error> {
        let target = permit.target();
        let lock = self.locks.locks.lock().get(&token).cloned().ok_or(Error::Gone)?;
        if !lock.is_live() || !lock.covers(Some(target.node), &target.place.chain) {
            return Err(Error::Gone);
        }
        if lock.account == permit.by() { Ok(lock) } else { Err(Error::Exists) }
    }

    /// The entry went or moved away: its locks end with it (RFC 4918 section 7.7).
    pub(super) fn forget_locks(&self, node: NodeId) {
        let mut locks = self.locks.locks.lock();
        let gone: Vec<LockRecord> = locks.values().filter(|lock| lock.node == node).cloned().collect();
        if gone.is_empty() {
            return;
        }
        let mut change = self.catalog.change();
        for lock in gone {
            self.locks.remove(&mut locks, &lock);
            change.delete(&key(lock.token));
        }
        if let Err(error) = change.commit() {
            // The node never comes back, so a stale record locks nothing; it goes when its time is over.
            tracing::warn!(%error, "locks of a removed entry could not be removed from the catalog");
        }
    }
}

/// What is told now, and what a lock keeps.
pub(super) struct Told {
    pub(super) now: Option<News>,
    pub(super) kept: Option<LockRecord>,
}

fn key(token: LockToken) -> Vec<u8> {
    [b"l", &token.as_bytes()[..]].concat()
}
