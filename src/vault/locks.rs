//! WebDAV locks (RFC 4918 section 6): shared by all users and front ends, kept in the catalog, ended by time.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::Vault;
use super::catalog::Catalog;
use super::changes::settle;
use super::error::Error;
use crate::gate::{Lock, Permit};
use crate::names::{AccountId, DocPath, LockToken, NodeId, Place, Timestamp};

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
}

impl LockTable {
    pub(super) fn load(catalog: &Catalog) -> Result<Self, Error> {
        let mut locks = HashMap::new();
        catalog.scan_locks(|lock: LockRecord| drop(locks.insert(lock.token, lock)))?;
        Ok(Self { locks: Mutex::new(locks) })
    }
}

impl LockRecord {
    fn is_live(&self) -> bool {
        self.expires > Timestamp::now()
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
    pub fn lock(
        &self,
        permit: Permit<Lock>,
        shared: bool,
        infinite: bool,
        owner: String,
        timeout: Duration,
    ) -> Result<LockRecord, Error> {
        let target = permit.target();
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
        };
        let put = self.put_lock(lock, &target.place);
        settle(permit, put)
    }

    fn put_lock(&self, lock: LockRecord, place: &Place) -> Result<LockRecord, Error> {
        if lock.owner.len() > MAX_OWNER_BYTES {
            return Err(Error::Limit("bytes of a lock's owner"));
        }
        let mut locks = self.locks.locks.lock();
        let expired: Vec<LockToken> = locks.values().filter(|lock| !lock.is_live()).map(|lock| lock.token).collect();
        let mut change = self.catalog.change();
        for token in &expired {
            locks.remove(token);
            change.delete(&key(*token));
        }
        let span = LockSpan { node: Some(lock.node), place, membership: false, deep: lock.infinite };
        if locks.values().any(|other| other.touches(span) && !(other.shared && lock.shared)) {
            return Err(Error::Exists);
        }
        if locks.len() >= MAX_LOCKS
            || locks.values().filter(|other| other.account == lock.account).count() >= MAX_PER_ACCOUNT
        {
            return Err(Error::Limit("locks"));
        }
        change.put(&key(lock.token), &lock).commit()?;
        locks.insert(lock.token, lock.clone());
        Ok(lock)
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

    /// Ends a lock of the permit's account that covers the permit's entry. [`Error::Gone`] if there is none,
    /// [`Error::Exists`] if it is somebody else's.
    pub fn unlock(&self, permit: Permit<Lock>, token: LockToken) -> Result<(), Error> {
        let freed = self.own_lock(&permit, token).and_then(|_| {
            self.catalog.change().delete(&key(token)).commit()?;
            self.locks.locks.lock().remove(&token);
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
        let gone: Vec<LockToken> = locks.values().filter(|lock| lock.node == node).map(|lock| lock.token).collect();
        if gone.is_empty() {
            return;
        }
        let mut change = self.catalog.change();
        for token in gone {
            locks.remove(&token);
            change.delete(&key(token));
        }
        if let Err(error) = change.commit() {
            // The node never comes back, so a stale record locks nothing; it goes when its time is over.
            tracing::warn!(%error, "locks of a removed entry could not be removed from the catalog");
        }
    }
}

fn key(token: LockToken) -> Vec<u8> {
    [b"l", &token.as_bytes()[..]].concat()
}
