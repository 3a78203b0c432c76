//! WebDAV locks (RFC 4918 section 6): shared by all users and front ends, kept in the catalog, ended by time.

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
use crate::names::{AccountId, DocPath, LockId, LockToken, NodeId, Place, Timestamp};

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
        self.expires > Timestamp::now()
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
        self.end(&mut locks, &[lock.token])?;
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
        let mut locks = self.locks.lock();
        let ended = locks.ended(Timestamp::now());
        self.end(&mut locks, &ended)?;
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

    /// Ends a lock of the permit's account that covers the permit's entry. [`Error::Gone`] if there is none,
    /// [`Error::Exists`] if it is somebody else's.
    pub fn unlock(&self, permit: Permit<Lock>, token: LockToken) -> Result<(), Error> {
        let mut locks = self.locks.lock();
        let freed = own_lock(&locks, &permit, token).and_then(|_| self.end(&mut locks, &[token]));
        drop(locks);
        settle(permit, freed)
    }

    /// The entry went or moved away: its locks end with it, and those of what was below (RFC 4918 section 7.7).
    pub(super) fn forget_locks(&self, node: NodeId) {
        let mut locks = self.locks.lock();
        let gone = locks.at_or_below(node);
        if let Err(error) = self.end(&mut locks, &gone) {
            tracing::warn!(%error, "locks of an entry that went could not be removed; they end with their time");
        }
    }

    fn end(&self, locks: &mut LockTable, tokens: &[LockToken]) -> Result<(), Error> {
        if tokens.is_empty() {
            return Ok(());
        }
        let mut change = self.catalog.change();
        for token in tokens {
            change.delete(&key(*token));
        }
        change.commit()?;
        tokens.iter().for_each(|token| drop(locks.remove(*token)));
        Ok(())
    }
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
