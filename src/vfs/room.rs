//! Room: what an upload may take, and how much of it a session is told.

use std::sync::Arc;

use super::tree::{Found, Sight, root};
use super::writing::State;
use super::{Error, Space, Vfs, View, Writing};
use crate::gate::{self, Administer, Permit};
use crate::names::{AccountId, Bytes, DocPath, FolderTarget, MatterId, NodeId, Place, Role};
use crate::practice::{Account, Matter};
use crate::vault::{self, Incoming, Intent, Left, Room, Vault};

/// What is kept of somebody's or something's, and how much may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// A matter's number, a login; nothing for the firm.
    pub name: Option<String>,
    /// Bytes of all versions and of unfinished uploads.
    pub used: u64,
    /// The quota.
    pub quota: Option<Bytes>,
}

/// What is kept, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// In all matters.
    pub firm: Kept,
    /// By number.
    pub matters: Vec<Kept>,
    /// By login.
    pub people: Vec<Kept>,
}

impl View {
    /// Begins an upload in the vault, within the quotas that bound it.
    pub(super) async fn begin(&self, intent: Intent, keep: bool) -> Result<Incoming, Error> {
        let room = self.look(|sight| {
            let room = sight.room(intent.place().matter, self.session.account());
            Ok(Some(room).filter(|room| !room.quotas.is_none()))
        })?;
        if keep || room.is_some() {
            return self.blocking(move |vault| vault.begin(intent, keep, room)).await;
        }
        // This touches no file.
        Ok(self.vfs.vault.begin(intent, false, None)?)
    }

    /// Space as quotas and disk leave it, at the path's matter or, at the root, in all of them.
    ///
    /// Staff are told what the matter holds. Everybody else is told of their own documents: what others have put into drop
    /// boxes is none of their business. What is left is theirs to know, or they would begin uploads in vain; where it depends
    /// on others it is rounded down, so that it does not tell of each document that comes.
    pub async fn space(&self, path: &DocPath) -> Result<Space, Error> {
        let place = match self.find(path)? {
            Found::Structure(place) | Found::Missing(place, _) => place,
            // A hidden entry is like none: the answer is that of the folder.
            Found::Entry(target, _) if !self.is_visible(&target)? => target.place,
            Found::Entry(target, _) => {
                let place = target.place.clone();
                let _looked = self.permit::<gate::Stat>(target).await?;
                place
            }
            Found::NoParent => return self.absent::<gate::StatFolder, _>(path, Error::NotFound).await,
        };
        let (account, is_staff) = (self.session.account(), self.session.role() == Role::Staff);
        let (matters, room) = self.look(|sight| {
            let firm = sight.seen.firm();
            let shown = firm.matters().filter(|matter| {
                place.matter.map_or_else(
                    || sight.seen.shown(&Place { matter: Some(matter.id), ..root() }),
                    |this| this == matter.id,
                )
            });
            let matters: Vec<_> = shown.map(|matter| (matter.id, folders_of(matter))).collect();
            Ok((matters, sight.room(place.matter, account)))
        })?;
        let _looked = self.permit::<gate::StatFolder>(FolderTarget { place }).await?;
        self.blocking(move |vault| {
            let used = used(vault, &matters, (!is_staff).then_some(account))?;
            let Left { person, matter, firm } = vault.left(&room)?;
            let shared = [matter, firm].into_iter().flatten().fold(vault.available()?, u64::min);
            let shared = if is_staff { shared } else { rounded_down(shared) };
            Ok(Space { used, available: person.map_or(shared, |own| own.min(shared)) })
        })
        .await
    }
}

/// What is kept in these matters, by everybody or by one account.
fn used(vault: &Vault, matters: &[(MatterId, Vec<NodeId>)], by: Option<AccountId>) -> Result<u64, vault::Error> {
    matters.iter().try_fold(0u64, |sum, (matter, folders)| {
        let kept = vault.kept_in(*matter, folders)?;
        Ok(sum.saturating_add(by.map_or_else(|| kept.total(), |account| kept.by(account))))
    })
}

/// To four binary digits: at most a sixteenth too little.
fn rounded_down(bytes: u64) -> u64 {
    let small = u64::BITS.saturating_sub(bytes.leading_zeros()).saturating_sub(4);
    bytes >> small << small
}

impl Sight<'_> {
    /// What bounds an account's uploads into a matter, or anywhere.
    fn room(&self, matter: Option<MatterId>, account: AccountId) -> Room {
        let firm = self.seen.firm();
        let quotas = firm.quotas_for(matter, account);
        // The folders are for who counts the matter, which nobody does without a quota of it.
        let bounded = matter.filter(|_| quotas.matter.is_some()).and_then(|matter| firm.matter(matter));
        Room { matter, folders: bounded.map(|matter| folders_of(matter)).unwrap_or_default(), account, quotas }
    }
}

pub(super) fn folders_of(matter: &Matter) -> Vec<NodeId> {
    matter.folders.iter().map(|folder| folder.id).collect()
}

impl Writing {
    /// The upload will have so many bytes: whether there is room for them is better known now than in its middle.
    pub async fn announce(&self, length: u64) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        state.check()?;
        self.reserve(&mut state, length).await
    }

    /// Sees to it that there is room for so many bytes. Where there is none the upload ends: what is kept of it would only
    /// take more.
    pub(super) async fn reserve(&self, state: &mut State, length: u64) -> Result<(), Error> {
        let Some(reservation) = &state.reservation else { return Ok(()) };
        let Err(quota) = reservation.grow_to(length) else { return Ok(()) };
        metrics::counter!("deedbox_quota_refusals_total", "quota" => quota.as_str()).increment(1);
        Err(state.refuse(format!("the quota of the {} is reached", quota.as_str()), Error::Quota(quota)).await)
    }
}

impl Vfs {
    /// What is kept by whom and where. Blocking: it counts what nobody has asked for before.
    pub fn usage(&self, permit: &Permit<Administer>) -> Result<Usage, Error> {
        let (firm, all) = (self.gate.practice().firm(), self.vault.kept(permit)?);
        let matters = firm.matters().map(|matter| {
            let kept = self.vault.kept_in(matter.id, &folders_of(matter))?;
            Ok(Kept { name: Some(matter.number.clone()), used: kept.total(), quota: matter.quota })
        });
        let matters = matters.collect::<Result<_, Error>>()?;
        let person = |account: &Arc<Account>| Kept {
            name: Some(account.login.clone()),
            used: all.by(account.id),
            quota: account.quota,
        };
        let people = firm.accounts().iter().map(person).collect();
        Ok(Usage { firm: Kept { name: None, used: all.total(), quota: firm.quota() }, matters, people })
    }
}

#[cfg(test)]
mod tests {
    use super::rounded_down;

    #[test]
    fn what_is_left_is_rounded_down_by_a_sixteenth_at_most() {
        for (exact, told) in
            [(0, 0), (1, 1), (15, 15), (31, 30), (1000, 960), (1 << 40, 1 << 40), ((1 << 40) - 1, 15 << 36)]
        {
            assert_eq!(rounded_down(exact), told);
        }
        for exact in (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) + 1, u64::MAX >> bit]) {
            let told = rounded_down(exact);
            assert!(told <= exact && exact - told <= exact / 16 + 1, "{exact} {told}");
        }
    }
}
