//! Locks as a session takes, sees and frees them.

use std::time::Duration;

use super::tree::Found;
use super::{Error, Existing, Lock, LockDepth, LockRequest, Vfs, View, WriteOptions};
use crate::gate::{self, Administer, Permit};
use crate::names::{AccountId, DocPath, DocumentTarget, LockId, LockToken, Timestamp, Verb};
use crate::vault::{self, LockRecord, LockSpan, LockWish};

/// A lock as the administrator sees it: everything but the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLock {
    /// How it is named.
    pub id: LockId,
    /// The path at which it was taken.
    pub path: DocPath,
    /// Whose it is.
    pub account: AccountId,
    /// Shared, or exclusive.
    pub shared: bool,
    /// What it covers.
    pub depth: LockDepth,
    /// When it ends.
    pub expires: Timestamp,
}

impl Vfs {
    /// All locks, by path.
    pub fn held_locks(&self, permit: &Permit<Administer>) -> Vec<HeldLock> {
        let mut held: Vec<_> = self.vault.all_locks(permit).into_iter().map(HeldLock::from).collect();
        held.sort_by(|a, b| (&a.path, a.id).cmp(&(&b.path, b.id)));
        held
    }

    /// Ends a lock, whoever holds it: its holder's next write is refused like that of anybody who has no lock. Blocking.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of that name.
    pub fn break_lock(&self, permit: &Permit<Administer>, id: LockId) -> Result<HeldLock, Error> {
        Ok(self.vault.break_lock(permit, id)?.into())
    }
}

impl From<LockRecord> for HeldLock {
    fn from(lock: LockRecord) -> Self {
        let (id, depth) = (lock.id(), depth_of(&lock));
        let LockRecord { root: path, account, shared, expires, .. } = lock;
        Self { id, path, account, shared, depth, expires }
    }
}

fn depth_of(lock: &LockRecord) -> LockDepth {
    if lock.infinite { LockDepth::Infinity } else { LockDepth::Zero }
}

impl View {
    /// Locks a document or folder; on a name that nothing bears, makes an empty document first (RFC 4918 section 7.3).
    /// Returns the lock and whether a document was made. [`Error::Locked`] if another lock is in the way.
    pub async fn lock(&self, path: &DocPath, request: LockRequest) -> Result<(Lock, bool), Error> {
        let made = match self.find(path)? {
            Found::Missing(..) => true,
            // Hidden in a drop box: as if the name were free.
            Found::Entry(target, _) => self.is_kept_beside(&target)?,
            Found::Structure(_) | Found::NoParent => false,
        };
        if made {
            let options = WriteOptions { create: true, existing: Existing::Refuse, expect_version: Some(0) };
            self.write(path, options).await?.commit().await?;
        }
        let permit = self.lock_permit(path).await?;
        let infinite = request.depth == LockDepth::Infinity;
        let LockRequest { shared, owner, timeout, .. } = request;
        let object = self.look(|sight| Ok(sight.seen.object(permit.target())))?;
        let of_upload = object.own && !object.folder && !object.transient && (object.fresh || object.held);
        let wish = LockWish { shared, infinite, owner, timeout, of_upload };
        let locked = self.in_vault(move |vault| vault.lock(permit, wish)).await?;
        match locked {
            // What was locked may bear another name, in a drop box.
            Ok(record) => Ok((Lock { root: path.clone(), ..self.lock_view(record) }, made)),
            Err(vault::Error::Exists) => Err(Error::Locked),
            Err(error) => Err(error.into()),
        }
    }

    /// Prolongs a lock of this account that covers the path. [`Error::Changed`] if there is none with that token.
    pub async fn refresh_lock(&self, path: &DocPath, token: LockToken, timeout: Duration) -> Result<Lock, Error> {
        let permit = self.lock_permit(path).await?;
        match self.in_vault(move |vault| vault.refresh_lock(permit, token, timeout)).await? {
            Ok(record) => Ok(self.lock_view(record)),
            Err(vault::Error::Gone | vault::Error::Exists) => Err(Error::Changed),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a lock back. [`Error::Changed`] if the token does not lock this path, [`Error::Denied`] if it is somebody
    /// else's.
    pub async fn unlock(&self, path: &DocPath, token: LockToken) -> Result<(), Error> {
        let permit = self.lock_permit(path).await?;
        let grace = self.vfs.gate.settings().grace;
        match self.in_vault(move |vault| vault.unlock(permit, token, grace)).await? {
            Ok(()) => Ok(()),
            Err(vault::Error::Gone) => Err(Error::Changed),
            Err(vault::Error::Exists) => Err(Error::Denied),
            Err(error) => Err(error.into()),
        }
    }

    /// The locks that cover a path: its own, and those of folders above with infinite depth. Tokens only of own locks.
    pub async fn locks(&self, path: &DocPath) -> Result<Vec<Lock>, Error> {
        match self.find(path)? {
            Found::Entry(target, _) if self.is_visible(&target)? => {
                let blind = self.is_blind(&target.place)?;
                let records = self.vfs.vault.locks_on(target.node, &target.place);
                let sent = path.names().last().is_some_and(|asked| asked.folded() != target.name.folded());
                Ok(records
                    .into_iter()
                    .map(|record| {
                        // To its maker it answers to the name under which it was sent.
                        let named = (blind || sent) && record.node == target.node;
                        let lock = self.lock_view(record);
                        if named { Lock { root: path.clone(), ..lock } } else { lock }
                    })
                    .collect())
            }
            Found::Structure(_) => Ok(Vec::new()),
            Found::Entry(..) | Found::Missing(..) | Found::NoParent => Err(Error::NotFound),
        }
    }

    /// The locks on the entries of a folder themselves, for a listing: one look instead of one for each entry. An entry is
    /// known by the lock's root path.
    pub async fn locks_in(&self, folder: &DocPath) -> Result<Vec<Lock>, Error> {
        let place = match self.find(folder)? {
            Found::Structure(place) => place,
            Found::Entry(target, _) if target.is_folder && self.is_visible(&target)? => target.inside(),
            Found::Entry(..) | Found::Missing(..) | Found::NoParent => return Err(Error::NotFound),
        };
        let listed = self.look(|sight| Ok(sight.seen.rights(&place).has(Verb::List)))?;
        let Some(node) = place.folder().filter(|_| listed) else { return Ok(Vec::new()) };
        Ok(self.vfs.vault.locks_in(node).into_iter().map(|record| self.lock_view(record)).collect())
    }

    /// Whether no lock is in the way of removing a folder itself, before anything in it is touched: it would stay, and
    /// everything that was in it would be gone.
    pub fn may_unlink(&self, folder: &DocPath) -> Result<(), Error> {
        let Found::Entry(target, _) = self.find(folder)? else { return Ok(()) };
        let span = LockSpan { node: Some(target.node), place: &target.place, membership: true, deep: false };
        let free = self.vfs.vault.may_write(self.session.account(), &self.tokens, span);
        if free || !self.is_visible(&target)? { Ok(()) } else { Err(Error::Locked) }
    }

    async fn lock_permit(&self, path: &DocPath) -> Result<gate::Permit<gate::Lock>, Error> {
        let target: DocumentTarget = match self.find(path)? {
            Found::Structure(_) => return Err(Error::Structure),
            Found::Entry(target, _) => target,
            Found::Missing(..) => return self.absent::<gate::Lock, _>(path, Error::NotFound).await,
            Found::NoParent => return self.absent::<gate::Lock, _>(path, Error::NoParent).await,
        };
        self.permit::<gate::Lock>(target).await
    }

    /// As [`View::blocking`], for answers in which the vault's error means something of its own.
    async fn in_vault<T: Send + 'static>(
        &self,
        work: impl FnOnce(&vault::Vault) -> Result<T, vault::Error> + Send + 'static,
    ) -> Result<Result<T, vault::Error>, Error> {
        self.blocking(move |vault| Ok(work(vault))).await
    }

    fn lock_view(&self, record: LockRecord) -> Lock {
        Lock {
            token: (record.account == self.session.account()).then_some(record.token),
            shared: record.shared,
            depth: depth_of(&record),
            owner: record.owner,
            expires: record.expires,
            root: record.root,
        }
    }
}
