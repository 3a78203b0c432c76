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
use super::lock_table::LockTable;
use crate::gate::{Administer, Lock, Permit};
use crate::kv::Change;
use crate::names::{AccountId, DocPath, LockId, LockToken, NodeId, Place, Timestamp};
use crate::outbox::News;

/// A lock lives at most this long without a refresh.
const MAX_LIFE: Duration = Duration::from_secs(3600);
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

impl LockRecord {
    pub(super) fn is_live(&self) -> bool {
        !self.is_given_back && !self.is_over()
    }

    pub(super) fn is_over(&self) -> bool {
        self.expires <= Timestamp::now()
    }

    /// How the administrator names it.
    pub fn id(&self) -> LockId {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.token.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&digest.as_ref()[..16]);
        LockId::from_bytes(id)
    }

    fn covers(&self, node: NodeId, chain: &[NodeId]) -> bool {
        self.node == node || (self.infinite && chain.contains(&self.node))
    }
}

/// The locks as the catalog has them. Read at start; from then on every change goes to the catalog first.
pub(super) fn load(catalog: &Catalog) -> Result<Mutex<LockTable>, Error> {
    let mut locks = LockTable::default();
    catalog.scan_locks(|lock: LockRecord| locks.insert(lock))?;
    Ok(Mutex::new(locks))
}

impl Vault {
    /// The locks that cover an entry.
    pub fn locks_on(&self, node: NodeId, place: &Place) -> Vec<LockRecord> {
        self.locks.lock().covering(node, &place.chain).cloned().collect()
    }

    /// The locks that were taken on entries of a folder.
    pub fn locks_in(&self, folder: NodeId) -> Vec<LockRecord> {
        self.locks.lock().inside(folder).cloned().collect()
    }

    /// All locks.
    pub fn all_locks(&self, _permit: &Permit<Administer>) -> Vec<LockRecord> {
        self.locks.lock().live().cloned().collect()
    }

    /// Ends a lock, whoever holds it. [`Error::Gone`] if there is none of that name.
    pub fn break_lock(&self, _permit: &Permit<Administer>, id: LockId) -> Result<LockRecord, Error> {
        let mut locks = self.locks.lock();
        let lock = locks.named(id).cloned().ok_or(Error::Gone)?;
        self.end(&mut locks, &[lock.token], None)?;
        Ok(lock)
    }

    /// May this account write there with these tokens? For each locked root on the way, one of its locks must be among
    /// the tokens and be the account's own.
    pub fn may_write(&self, account: AccountId, tokens: &[LockToken], span: LockSpan<'_>) -> bool {
        let locks = self.locks.lock();
        if locks.is_empty() {
            return true;
        }
        let mut open_roots: HashMap<NodeId, bool> = HashMap::new();
        for lock in locks.touching(span) {
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
        let mut locks = self.locks.lock();
        let ended = locks.ended(Timestamp::now());
        self.end(&mut locks, &ended, None)?;
        let span = LockSpan { node: Some(lock.node), place, membership: false, deep: lock.infinite };
        if locks.touching(span).into_iter().any(|other| !(other.shared && lock.shared)) {
            return Err(Error::Exists);
        }
        if locks.is_full_for(&lock) {
            return Err(Error::Limit("locks"));
        }
        self.catalog.change().put(&key(lock.token), &lock).commit()?;
        locks.insert(lock.clone());
        Ok(lock)
    }

    /// Ends the locks whose time is over.
    pub fn end_locks(&self) -> Result<(), Error> {
        let mut locks = self.locks.lock();
        let ended = locks.ended(Timestamp::now());
        self.end(&mut locks, &ended, None)
    }

    /// Has this account held a lock on the document since it made it, or given that back just now?
    pub fn is_held(&self, account: AccountId, node: NodeId) -> bool {
        self.locks.lock().of_upload(node).is_some_and(|lock| lock.account == account)
    }

    pub(super) fn is_locked(&self, node: NodeId) -> bool {
        self.locks.lock().covering(node, &[]).next().is_some()
    }

    /// What is told of a document now: nothing of an upload whose maker's lock holds, which is told when that ends.
    pub(super) fn until_unlocked(&self, change: &mut Change<'_>, by: AccountId, news: Option<News>) -> Told {
        let held = news.as_ref().and_then(|news| self.locks.lock().of_upload(news.node).cloned());
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
        let mut locks = self.locks.lock();
        if let Some(lock) = locks.get(kept.token).cloned() {
            locks.insert(LockRecord { untold: kept.untold, ..lock });
        }
    }

    pub(super) fn is_untold(&self, node: NodeId) -> bool {
        self.locks.lock().of_upload(node).is_some_and(|lock| lock.untold.is_some())
    }

    /// Prolongs a lock of the permit's account that covers the permit's entry. [`Error::Gone`] if there is none.
    pub fn refresh_lock(&self, permit: Permit<Lock>, token: LockToken, timeout: Duration) -> Result<LockRecord, Error> {
        let mut locks = self.locks.lock();
        let refreshed = own_lock(&locks, &permit, token).and_then(|mut lock| {
            lock.expires = Timestamp::now().after(timeout.min(MAX_LIFE));
            self.catalog.change().put(&key(token), &lock).commit()?;
            locks.insert(lock.clone());
            Ok(lock)
        });
        drop(locks);
        settle(permit, refreshed)
    }

    /// Ends a lock of the permit's account that covers the permit's entry; the maker of an upload may still finish it for so
    /// long. [`Error::Gone`] if there is none, [`Error::Exists`] if it is somebody else's.
    pub fn unlock(&self, permit: Permit<Lock>, token: LockToken, grace: Duration) -> Result<(), Error> {
        let mut locks = self.locks.lock();
        let freed = own_lock(&locks, &permit, token).and_then(|lock| match lock.of_upload {
            true => self.give_back(&mut locks, lock, grace),
            false => self.end(&mut locks, &[token], None),
        });
        drop(locks);
        settle(permit, freed)
    }

    /// The lock binds nobody any more, and says for how long its holder may still finish.
    fn give_back(&self, locks: &mut LockTable, lock: LockRecord, grace: Duration) -> Result<(), Error> {
        let mut change = self.catalog.change();
        self.board.announce(&mut change, lock.untold.clone())?;
        let expires = Timestamp::now().after(grace);
        let lock = LockRecord { is_given_back: true, untold: None, expires, ..lock };
        change.put(&key(lock.token), &lock).commit()?;
        locks.insert(lock);
        Ok(())
    }

    /// The entry went or moved away: its locks end with it, and those of what was below (RFC 4918 section 7.7).
    pub(super) fn forget_locks(&self, node: NodeId) {
        let mut locks = self.locks.lock();
        let gone = locks.at_or_below(node);
        if let Err(error) = self.end(&mut locks, &gone, Some(node)) {
            tracing::warn!(%error, "locks of an entry that went could not be removed; they end with their time");
        }
    }

    /// What the locks have kept back is told now, but for what it says of an entry that is `gone` or told of otherwise.
    fn end(&self, locks: &mut LockTable, tokens: &[LockToken], gone: Option<NodeId>) -> Result<(), Error> {
        if tokens.is_empty() {
            return Ok(());
        }
        let mut change = self.catalog.change();
        for token in tokens {
            change.delete(&key(*token));
            let untold = locks.get(*token).filter(|lock| Some(lock.node) != gone).and_then(|lock| lock.untold.clone());
            self.board.announce(&mut change, untold)?;
        }
        change.commit()?;
        tokens.iter().for_each(|token| drop(locks.remove(*token)));
        Ok(())
    }
}

/// What is told now, and what a lock keeps.
pub(super) struct Told {
    pub(super) now: Option<News>,
    pub(super) kept: Option<LockRecord>,
}

fn own_lock(locks: &LockTable, permit: &Permit<Lock>, token: LockToken) -> Result<LockRecord, Error> {
    let target = permit.target();
    let covers = |lock: &&LockRecord| lock.is_live() && lock.covers(target.node, &target.place.chain);
    let lock = locks.get(token).filter(covers).ok_or(Error::Gone)?;
    if lock.account == permit.by() { Ok(lock.clone()) } else { Err(Error::Exists) }
}

fn key(token: LockToken) -> Vec<u8> {
    [b"l", &token.as_bytes()[..]].concat()
}
