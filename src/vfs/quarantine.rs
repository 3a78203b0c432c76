//! Documents that came into drop boxes and wait for a person: which they are, and what that person decides.

use std::net::IpAddr;
use std::time::Duration;

use super::intake::{Undeliverable, count};
use super::receipts::Fate;
use super::{ATTEMPTS, Error, Vfs, View};
use crate::audit::{Detail, Outcome};
use crate::gate::{Administer, Assign, Discard, Manage, Permit};
use crate::intake::{Destination, Unclean};
use crate::names::{AccountId, DeliveryTarget, DocName, DocPath, MatterId, NodeId, Timestamp};
use crate::vault::{Entry, Held, Memory, Waits};

/// A document that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// By which it is assigned or discarded.
    pub id: NodeId,
    /// The drop box's name.
    pub drop_box: String,
    /// The matter of the drop box.
    pub matter: MatterId,
    /// Its path when it came.
    pub path: DocPath,
    /// The name under which it was sent.
    pub sent: DocName,
    /// Who brought it.
    pub account: AccountId,
    /// From where.
    pub source: Option<IpAddr>,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// When it came.
    pub arrived: Timestamp,
    /// Since when it waits for a person.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
    /// It can only be discarded: a virus was found in it, or it cannot be scanned.
    pub barred: bool,
}

/// Why a document was not assigned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unassigned {
    /// It cannot be delivered there.
    #[error("{0}")]
    Undeliverable(#[from] Undeliverable),
    /// Anything else: it does not wait any more, or may not be delivered.
    #[error("{0}")]
    Other(#[from] Error),
}

impl Vfs {
    /// What waits for a person, the oldest first. Blocking.
    pub fn quarantined(&self, permit: &Permit<Manage>) -> Result<Vec<Quarantined>, Error> {
        let mut waiting: Vec<_> = self
            .vault
            .waiting(permit)?
            .into_iter()
            .filter_map(|(held, entry)| {
                let Held { node: id, matter, path, account, drop_box, sent, source, arrived, waits, .. } = held;
                let (Waits { since, reason, barred }, blob) = waits.zip(entry.content.map(|content| content.blob))?;
                let (size, sha256) = (blob.size, blob.sha256);
                Some(Quarantined {
                    id,
                    drop_box,
                    matter,
                    path,
                    sent,
                    account,
                    source,
                    size,
                    sha256,
                    arrived,
                    since,
                    reason,
                    barred,
                })
            })
            .collect();
        waiting.sort_by_key(|one| (one.since, one.id));
        Ok(waiting)
    }

    /// The path that a document would get if it were delivered now, for who tries rules. Blocking.
    pub fn would_deliver(
        &self,
        _permit: &Permit<Administer>,
        to: &Destination,
    ) -> Result<Result<DocPath, Undeliverable>, Error> {
        Ok(self.destination(&to.matter, &to.folder, &to.name)?.map(|to| to.path()))
    }
}

impl View {
    /// Delivers a document that waits for a person to a folder of a matter, under a name or the one under which it was sent, or
    /// that with a number. Gives its path.
    pub async fn assign(
        &self,
        id: NodeId,
        matter: &str,
        folder: &DocPath,
        name: Option<&DocName>,
    ) -> Result<DocPath, Unassigned> {
        for _ in 0..ATTEMPTS {
            let (held, entry) = self.waiting(id).await?;
            let to = self.vfs.destination(matter, folder, name.unwrap_or(&held.sent))??;
            if self.vfs.is_locked(self.session.account(), &to.place) {
                return Err(Error::Locked.into());
            }
            let path = to.path();
            let receipt = self.vfs.receipt(&held, &entry, Fate::Delivered(None, &path));
            let memory = Memory { receipt, ..Memory::default() };
            let permit = self.permit::<Assign>(DeliveryTarget { held: held.target(), to, rule: None }).await?;
            if held.waits.is_some_and(|waits| waits.barred) {
                permit.settle(Outcome::Refused, Detail::because("what is not known to be clean can only be discarded"));
                return Err(Error::Unclean(Unclean::Infected).into());
            }
            let (gate, session) = (self.vfs.gate.clone(), self.session.clone());
            let confirm = move |permit: &Permit<Assign>, detail| gate.confirm(&session, permit, detail);
            match self.vfs.deliver(permit, memory, confirm).await {
                Err(Error::Changed | Error::NotFound) => {}
                Err(Error::Limit(_)) => return Err(Undeliverable::NoRoom(matter.to_owned()).into()),
                done => {
                    done?;
                    count("assigned");
                    return Ok(path);
                }
            }
        }
        Err(Error::Busy(Duration::from_secs(1)).into())
    }

    /// Removes a document that waits for a person.
    pub async fn discard(&self, id: NodeId) -> Result<(), Error> {
        let (held, _) = self.waiting(id).await?;
        let permit = self.permit::<Discard>(held.target()).await?;
        self.blocking(move |vault| vault.discard(permit)).await?;
        count("discarded");
        Ok(())
    }

    async fn waiting(&self, id: NodeId) -> Result<(Held, Entry), Error> {
        let found = self.blocking(move |vault| vault.held_one(id)).await?;
        found.filter(|(held, _)| held.waits.is_some()).ok_or(Error::NotFound)
    }
}
