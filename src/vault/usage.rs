//! How many bytes are kept, in which matter and by whom; and the room that uploads under way have reserved.
//!
//! What counts is what lies on the disk: every version of every document, and what came of uploads that can be resumed.
//! Each counts for whoever uploaded it, for its matter and for the firm.
//!
//! Nothing of it is stored, so it cannot go stale on disk. A matter is counted when it is first asked for, the firm when a
//! quota of it or of a person is; from then on the numbers are kept along with every change. A change holds a [`Turn`] from
//! before its commit until it is counted, and a count waits until nobody has one: so each change is in it, once.
//!
//! Room is reserved before bytes are taken, and becomes what is kept in one step: uploads cannot go beyond a quota together.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use super::Vault;
use super::catalog::Catalog;
use super::error::Error;
use crate::gate::{Administer, Permit};
use crate::names::{AccountId, Bytes, MatterId, NodeId, Quota, Quotas};

/// All that is known of what is kept.
#[derive(Default)]
pub(super) struct Usage {
    /// Shared by changes, alone for a count.
    turns: RwLock<()>,
    ledger: Mutex<Ledger>,
}

#[derive(Default)]
struct Ledger {
    /// Kept in all matters, once that was counted.
    firm: Option<Tally>,
    /// Kept in a matter, once that was counted.
    matters: HashMap<MatterId, Tally>,
    /// Reserved.
    held: Tally,
    held_in: HashMap<MatterId, u64>,
}

/// Bytes, in all and by whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    total: u64,
    by: HashMap<AccountId, u64>,
}

/// Where an upload goes, whose it is, and what bounds it.
#[derive(Debug, Clone)]
pub struct Room {
    /// The matter; nothing asks about all of them.
    pub matter: Option<MatterId>,
    /// The folders of its structure, below which everything stands that is in it.
    pub folders: Vec<NodeId>,
    /// Who uploads.
    pub account: AccountId,
    /// What bounds it.
    pub quotas: Quotas,
}

/// How many bytes may still come, where that is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// By this person.
    pub person: Option<u64>,
    /// Into the matter.
    pub matter: Option<u64>,
    /// Into the firm.
    pub firm: Option<u64>,
}

/// Room that one upload has taken; dropped, it is given back.
pub struct Reservation {
    usage: Arc<Usage>,
    room: Room,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    /// Bytes that are reserved.
    held: u64,
    /// Bytes of this upload that are kept already, as its part.
    kept: u64,
}

/// The right to change what is kept.
#[must_use = "what is changed has to be counted"]
pub(super) struct Turn<'a> {
    usage: &'a Usage,
    _nobody_counts: RwLockReadGuard<'a, ()>,
}

impl Tally {
    /// By everybody.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// By one account.
    pub fn by(&self, account: AccountId) -> u64 {
        self.by.get(&account).copied().unwrap_or(0)
    }

    fn change(&mut self, by: AccountId, before: u64, after: u64) {
        let changed = |bytes: u64| bytes.saturating_add(after).saturating_sub(before);
        self.total = changed(self.total);
        let own = changed(self.by(by));
        // Nobody with nothing: two tallies of the same are equal.
        if own == 0 {
            self.by.remove(&by)
        } else {
            self.by.insert(by, own)
        };
    }
}

impl Ledger {
    fn left(&self, room: &Room) -> Left {
        let left = |quota: Option<Bytes>, kept: Option<u64>, held: u64| {
            quota.map(|quota| quota.0.saturating_sub(kept.unwrap_or(0)).saturating_sub(held))
        };
        let in_matter = room.matter.and_then(|matter| self.matters.get(&matter));
        let held_in = room.matter.and_then(|matter| self.held_in.get(&matter));
        let firm = self.firm.as_ref();
        Left {
            person: left(room.quotas.person, firm.map(|all| all.by(room.account)), self.held.by(room.account)),
            matter: left(room.quotas.matter, in_matter.map(Tally::total), held_in.copied().unwrap_or(0)),
            firm: left(room.quotas.firm, firm.map(Tally::total), self.held.total()),
        }
    }

    fn hold(&mut self, room: &Room, before: u64, after: u64) {
        self.held.change(room.account, before, after);
        if let Some(matter) = room.matter {
            let held = self.held_in.entry(matter).or_default();
            *held = held.saturating_add(after).saturating_sub(before);
            if *held == 0 {
                self.held_in.remove(&matter);
            }
        }
    }

    fn count(&mut self, matter: Option<MatterId>, by: AccountId, before: u64, after: u64) {
        if let Some(all) = &mut self.firm {
            all.change(by, before, after);
        }
        if let Some(kept) = matter.and_then(|matter| self.matters.get_mut(&matter)) {
            kept.change(by, before, after);
        }
    }
}

impl Reservation {
    fn new(usage: Arc<Usage>, room: Room, kept: u64) -> Arc<Self> {
        Arc::new(Self { usage, room, taken: Mutex::new(Taken { held: 0, kept }) })
    }

    /// Sees to it that the upload may have so many bytes. What it had before stays reserved if it may not.
    ///
    /// # Errors
    /// The quota that does not allow it.
    pub fn grow_to(&self, len: u64) -> Result<(), Quota> {
        let mut taken = self.taken.lock();
        let more = len.saturating_sub(taken.held + taken.kept);
        if more == 0 {
            return Ok(());
        }
        let mut ledger = self.usage.ledger.lock();
        let Left { person, matter, firm } = ledger.left(&self.room);
        for (left, quota) in [(person, Quota::Person), (matter, Quota::Matter), (firm, Quota::Firm)] {
            if left.is_some_and(|left| left < more) {
                return Err(quota);
            }
        }
        ledger.hold(&self.room, 0, more);
        taken.held += more;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let held = self.taken.get_mut().held;
        self.usage.ledger.lock().hold(&self.room, held, 0);
    }
}

impl Usage {
    pub(super) fn turn(&self) -> Turn<'_> {
        Turn { usage: self, _nobody_counts: self.turns.read() }
    }

    /// Compares what is kept along with what a new count gives. Names the matters that differ, nothing for the firm.
    pub(super) fn miscounted(
        &self,
        catalog: &Catalog,
        folders: &HashMap<MatterId, Vec<NodeId>>,
    ) -> Result<Vec<Option<MatterId>>, Error> {
        let mut wrong = Vec::new();
        if self.ledger.lock().firm.is_some() {
            let _alone = self.turns.write();
            let now = count_firm(catalog)?;
            if self.ledger.lock().firm.as_ref() != Some(&now) {
                wrong.push(None);
            }
        }
        for (matter, folders) in folders {
            if self.ledger.lock().matters.contains_key(matter) {
                let _alone = self.turns.write();
                let now = count_matter(catalog, *matter, folders)?;
                if self.ledger.lock().matters.get(matter) != Some(&now) {
                    wrong.push(Some(*matter));
                }
            }
        }
        Ok(wrong)
    }
}

impl Turn<'_> {
    /// After the commit: of what this account keeps in a matter, something had `before` bytes and has `after`.
    pub(super) fn changed(&self, matter: Option<MatterId>, by: AccountId, before: u64, after: u64) {
        self.usage.ledger.lock().count(matter, by, before, after);
    }

    /// The same of what an upload has brought. Its reservation goes on for what is still to come.
    pub(super) fn brought(
        &self,
        (matter, by): (Option<MatterId>, AccountId),
        before: u64,
        after: u64,
        reservation: Option<&Reservation>,
    ) {
        let mut taken = reservation.map(|reservation| (reservation, reservation.taken.lock()));
        let mut ledger = self.usage.ledger.lock();
        ledger.count(matter, by, before, after);
        if let Some((reservation, taken)) = &mut taken {
            let still = (taken.held + taken.kept).saturating_sub(after);
            ledger.hold(&reservation.room, taken.held, still);
            **taken = Taken { held: still, kept: after };
        }
    }
}

impl Vault {
    /// What is kept in a matter, whose structure has these folders.
    pub fn kept_in(&self, matter: MatterId, folders: &[NodeId]) -> Result<Tally, Error> {
        if let Some(kept) = self.usage.ledger.lock().matters.get(&matter) {
            return Ok(kept.clone());
        }
        let _alone = self.usage.turns.write();
        // Somebody else may have counted it while this one waited.
        let known = self.usage.ledger.lock().matters.get(&matter).cloned();
        let kept = known.map_or_else(|| count_matter(&self.catalog, matter, folders), Ok)?;
        self.usage.ledger.lock().matters.insert(matter, kept.clone());
        Ok(kept)
    }

    /// What is kept in all matters.
    pub fn kept(&self, _permit: &Permit<Administer>) -> Result<Tally, Error> {
        self.count_firm()?;
        Ok(self.usage.ledger.lock().firm.clone().unwrap_or_default())
    }

    fn count_firm(&self) -> Result<(), Error> {
        if self.usage.ledger.lock().firm.is_some() {
            return Ok(());
        }
        let _alone = self.usage.turns.write();
        if self.usage.ledger.lock().firm.is_none() {
            let kept = count_firm(&self.catalog)?;
            self.usage.ledger.lock().firm = Some(kept);
        }
        Ok(())
    }

    /// How many bytes may still come.
    pub fn left(&self, room: &Room) -> Result<Left, Error> {
        self.count_for(room)?;
        Ok(self.usage.ledger.lock().left(room))
    }

    /// Room for an upload of which so much is kept already.
    pub(super) fn reserve(&self, room: Room, kept: u64) -> Result<Arc<Reservation>, Error> {
        self.count_for(&room)?;
        Ok(Reservation::new(self.usage.clone(), room, kept))
    }

    /// Counts what these quotas are about.
    fn count_for(&self, room: &Room) -> Result<(), Error> {
        if room.quotas.person.is_some() || room.quotas.firm.is_some() {
            self.count_firm()?;
        }
        if let Some(matter) = room.matter.filter(|_| room.quotas.matter.is_some()) {
            self.kept_in(matter, &room.folders)?;
        }
        Ok(())
    }

    /// Bytes that the disk below the blobs still takes.
    pub fn available(&self) -> Result<u64, Error> {
        Ok(self.blobs.free_space()?)
    }
}

fn count_firm(catalog: &Catalog) -> Result<Tally, Error> {
    let mut kept = Tally::default();
    catalog.all_versions(|version| kept.change(version.by, 0, version.blob.size))?;
    catalog.all_parts(|key, stored| count_part(&mut kept, key, stored.part.len()))?;
    Ok(kept)
}

fn count_matter(catalog: &Catalog, matter: MatterId, folders: &[NodeId]) -> Result<Tally, Error> {
    let mut kept = Tally::default();
    let mut folders = folders.to_vec();
    while let Some(folder) = folders.pop() {
        for entry in catalog.entries(folder)? {
            match entry.content {
                None => folders.push(entry.node),
                // The first version is its maker's: most documents have no other, and need no look at their history.
                Some(only) if only.version == 1 => kept.change(entry.made_by, 0, only.blob.size),
                Some(_) => {
                    let history = catalog.versions(entry.node)?;
                    history.iter().for_each(|(_, version)| kept.change(version.by, 0, version.blob.size));
                }
            }
        }
    }
    catalog.all_parts(|key, stored| {
        if stored.matter == matter {
            count_part(&mut kept, key, stored.part.len());
        }
    })?;
    Ok(kept)
}

/// The key of an unfinished upload says whose it is.
fn count_part(kept: &mut Tally, key: &[u8], bytes: u64) {
    if let Some(account) = key.get(1..).and_then(|rest| rest.first_chunk()) {
        kept.change(AccountId::from_bytes(*account), 0, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::{self, EngineKind, SealKeys, SealedStore};
    use crate::names::{BlobId, Timestamp};
    use crate::vault::blobs::BlobRef;
    use crate::vault::catalog::{Version, version_key};

    const MATTER: MatterId = MatterId::from_bytes([1; 16]);
    const ONE: AccountId = AccountId::from_bytes([1; 16]);
    const TWO: AccountId = AccountId::from_bytes([2; 16]);

    /// Nothing is kept yet, and that has been counted.
    fn counted() -> Arc<Usage> {
        let usage = Usage::default();
        let ledger = Ledger {
            firm: Some(Tally::default()),
            matters: HashMap::from([(MATTER, Tally::default())]),
            ..Ledger::default()
        };
        *usage.ledger.lock() = ledger;
        Arc::new(usage)
    }

    fn upload(usage: &Arc<Usage>, account: AccountId, kept: u64) -> Arc<Reservation> {
        let bytes = |n| Some(Bytes(n));
        let quotas = Quotas { person: bytes(100), matter: bytes(150), firm: bytes(1000) };
        Reservation::new(usage.clone(), Room { matter: Some(MATTER), folders: Vec::new(), account, quotas }, kept)
    }

    fn held(usage: &Usage) -> (u64, Option<u64>) {
        let ledger = usage.ledger.lock();
        (ledger.held.total(), ledger.held_in.get(&MATTER).copied())
    }

    #[test]
    fn uploads_at_one_time_do_not_go_beyond_a_quota_together() {
        let usage = counted();
        let (first, second, other) = (upload(&usage, ONE, 0), upload(&usage, ONE, 0), upload(&usage, TWO, 0));
        assert_eq!(first.grow_to(60), Ok(()));
        assert_eq!(second.grow_to(41), Err(Quota::Person));
        assert_eq!(second.grow_to(40), Ok(()));
        assert_eq!(other.grow_to(51), Err(Quota::Matter));
        assert_eq!(other.grow_to(50), Ok(()));
        drop(second);
        assert_eq!((other.grow_to(90), first.grow_to(61)), (Ok(()), Err(Quota::Matter)));
        drop((first, other));
        assert_eq!(held(&usage), (0, None));
    }

    #[test]
    fn what_was_reserved_is_kept_in_one_step_and_not_twice() {
        let usage = counted();
        let reservation = upload(&usage, ONE, 0);
        assert_eq!(reservation.grow_to(100), Ok(()));
        usage.turn().brought((Some(MATTER), ONE), 0, 70, Some(&reservation));
        assert_eq!(held(&usage), (30, Some(30)));
        assert_eq!(upload(&usage, ONE, 0).grow_to(1), Err(Quota::Person));
        drop(reservation);
        assert_eq!(held(&usage), (0, None));
        assert_eq!(upload(&usage, ONE, 0).grow_to(31), Err(Quota::Person));
        assert_eq!(upload(&usage, ONE, 0).grow_to(30), Ok(()));
        usage.turn().changed(Some(MATTER), ONE, 70, 0);
        assert_eq!(upload(&usage, ONE, 0).grow_to(100), Ok(()));
    }

    #[test]
    fn an_upload_that_goes_on_needs_no_room_for_what_is_kept_of_it() {
        let usage = counted();
        usage.turn().changed(Some(MATTER), ONE, 0, 80);
        let resumed = upload(&usage, ONE, 80);
        assert_eq!((resumed.grow_to(101), resumed.grow_to(100)), (Err(Quota::Person), Ok(())));
        assert_eq!(held(&usage), (20, Some(20)));
        // The part gives way to the version.
        usage.turn().brought((Some(MATTER), ONE), 80, 100, Some(&resumed));
        assert_eq!(held(&usage), (0, None));
        assert_eq!(usage.ledger.lock().matters[&MATTER], Tally { total: 100, by: HashMap::from([(ONE, 100)]) });
    }

    fn version(by: AccountId, size: u64) -> Version {
        let blob = BlobRef { id: BlobId::random(), size, sha256: [0; 32], commitment: [0; 32] };
        Version { blob, at: Timestamp::now(), by }
    }

    #[test]
    fn a_new_count_finds_what_was_not_counted_along() {
        let dir = tempfile::tempdir().expect("a directory");
        let settings = kv::Settings { cache_bytes: 1 << 20 };
        let engine = kv::open(EngineKind::Redb, &dir.path().join("catalog"), settings).expect("opened");
        let store = SealedStore::new(engine, &SealKeys::new([1; 32], [2; 32])).expect("sealed");
        let catalog = Catalog::new(Arc::new(store));
        let node = NodeId::from_bytes([7; 16]);
        let put = |number, version: &Version| {
            catalog.change().put(&version_key(node, number), version).commit().expect("committed");
        };
        let usage = counted();
        let folders = HashMap::from([(MATTER, Vec::new())]);
        let wrong = || usage.miscounted(&catalog, &folders).expect("counted");
        put(1, &version(ONE, 5));
        assert_eq!(wrong(), [None], "it came, and nobody counted it");
        usage.turn().changed(None, ONE, 0, 5);
        assert_eq!(wrong(), []);
        usage.turn().changed(Some(MATTER), TWO, 0, 1);
        assert_eq!(wrong(), [None, Some(MATTER)], "it was counted, and never came");
    }

    #[test]
    fn nobody_with_nothing_is_in_a_tally() {
        let mut kept = Tally::default();
        kept.change(ONE, 0, 5);
        kept.change(TWO, 0, 7);
        kept.change(ONE, 5, 0);
        assert_eq!(kept, Tally { total: 7, by: HashMap::from([(TWO, 7)]) });
    }
}
