//! Documents that came into drop boxes: what becomes of each, one step after the other.
//!
//! [`Vfs::tend`] looks at one and does what can be done now: waits until its maker is done with it, has it looked at, recognises
//! what the same account has brought before, delivers it by the first rule that matches, and leaves to a person what cannot be
//! delivered. Each step has its permit and its record, and ends in one transaction, so that it can be begun anew after any crash.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;

use super::receipts::Fate;
use super::room::folders_of;
use super::tree::{Sight, is_blind, root, target_of};
use super::{ATTEMPTS, Error, Vfs, View, blocking};
use crate::audit::{Detail, Outcome};
use crate::gate::{Confirming, DropHeld, Operation, Permit, Quarantine, Refusal, Route, Scan};
use crate::intake::{Arrival, DropBox, Routing, Rules, Unclean, Verdict, pdf};
use crate::names::{
    AccountId, Area, Arriving, DeliveryTarget, DocName, DocPath, NewTarget, NodeId, NotOnWindows, Place, Quotas, Role,
    Timestamp,
};
use crate::practice::Matter;
use crate::vault::{Entry, Held, HeldContent, LockSpan, Memory, Receipt, Room, Vault, Waits};

/// How soon what its maker has open or locked is looked at again.
const SOON: Duration = Duration::from_secs(5);
/// How long a drop box keeps still that is not configured any more.
const QUIET: Duration = Duration::from_secs(30);
/// After so long, a name like that of a temporary file is taken for the final one.
const UNNAMED: Duration = Duration::from_secs(24 * 3600);
/// Names that are tried beside one that is taken.
const MAX_NUMBERED: u32 = 10_000;

/// The rules in force, and how many documents are held.
#[derive(Default)]
pub(super) struct Intake {
    rules: ArcSwapOption<Rules>,
    counts: [AtomicUsize; 3],
}

/// How many documents are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeldCounts {
    /// On their way, those that wait for the virus scan among them.
    pub waiting: usize,
    /// Since there is no scanner now.
    pub unscanned: usize,
    /// For a person.
    pub quarantined: usize,
}

/// What came of looking at one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tended {
    /// It is nothing to look at any more.
    Done,
    /// It waits for time, or for its maker.
    After(Duration),
    /// Its destination is locked, or changes all the time. To look at it is to have it scanned anew, so not too often.
    InTheWay,
    /// It waits for the virus scan, which does not work.
    Unscanned,
    /// It was to be scanned, and that failed.
    ScanFailed,
}

/// Why a document cannot be delivered there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undeliverable {
    /// No matter has this number.
    #[error("there is no matter {0}")]
    NoMatter(String),
    /// The matter is closed.
    #[error("matter {0} is closed")]
    Closed(String),
    /// There is no such folder in it.
    #[error("matter {0} has no folder {1}")]
    NoFolder(String, DocPath),
    /// What is said there is said by people.
    #[error("documents are not delivered among messages")]
    Messages,
    /// The name is one of a temporary file.
    #[error("`{0}` is the name of a temporary file")]
    Temporary(DocName),
    /// The firm wants names that every system can hold.
    #[error("{0}")]
    Unportable(NotOnWindows),
    /// Thousands of that name are there.
    #[error("too many documents of the name `{0}` are there")]
    Crowded(DocName),
    /// The matter's quota.
    #[error("the quota of matter {0} is reached")]
    NoRoom(String),
}

/// What the looking has shown.
enum Judged {
    Sound,
    Unfit { reason: String, barred: bool },
    Unscanned,
    ScanFailed,
}

impl Vfs {
    /// Has these drop boxes and rules in force from now on, or none.
    pub fn set_intake(&self, rules: Option<Arc<Rules>>) {
        self.intake.rules.store(rules);
    }

    /// The drop boxes and rules in force.
    pub fn intake(&self) -> Option<Arc<Rules>> {
        self.intake.rules.load_full()
    }

    /// How many documents were held when it was last looked.
    pub fn held_counts(&self) -> HeldCounts {
        let [waiting, unscanned, quarantined] =
            self.intake.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        HeldCounts { waiting, unscanned, quarantined }
    }

    /// Notes how many there are.
    pub fn note_held(&self, now: HeldCounts) {
        let HeldCounts { waiting, unscanned, quarantined } = now;
        for (count, now) in self.intake.counts.iter().zip([waiting, unscanned, quarantined]) {
            count.store(now, Ordering::Relaxed);
        }
    }

    /// Does with one document that is held what can be done now.
    pub async fn tend(&self, node: NodeId) -> Result<Tended, Error> {
        let found = self.on_vault(move |vault| Ok(vault.held_one(node)?)).await?;
        let Some((held, entry)) = found.filter(|(held, _)| held.waits.is_none()) else { return Ok(Tended::Done) };
        let rules = self.intake();
        let drop_box =
            rules.as_ref().and_then(|rules| rules.drop_boxes().iter().find(|one| one.name == held.drop_box).cloned());
        let quiet = drop_box.as_ref().map_or(QUIET, |drop_box| drop_box.quiet);
        if let Some(wait) = self.unfinished(&held, &entry, quiet) {
            return Ok(Tended::After(wait));
        }
        if entry.size() == 0 {
            return self.drop(&held, "empty: a test of the connection".to_owned(), None).await;
        }
        match self.judge(&held).await? {
            Judged::Sound => {}
            Judged::Unscanned => return Ok(Tended::Unscanned),
            Judged::ScanFailed => return Ok(Tended::ScanFailed),
            Judged::Unfit { reason, barred } => {
                return self.quarantine((&held, &entry), drop_box.as_ref(), reason, barred).await;
            }
        }
        let account = held.account;
        let this = entry.clone();
        if let Some(same) = self.on_vault(move |vault| Ok(vault.same_content(account, &this)?)).await? {
            let why = format!("the same content as {}, which the same account has brought", same.path);
            let receipt = self.receipt(&held, &entry, Fate::Duplicate(&same.path));
            return self.drop(&held, why, Some(receipt)).await;
        }
        match (rules, drop_box) {
            (Some(rules), Some(drop_box)) => self.route((&held, &entry), &rules, &drop_box).await,
            _ => {
                self.quarantine((&held, &entry), None, "its drop box is not configured any more".to_owned(), false)
                    .await
            }
        }
    }

    /// How long its maker may still be busy with it; nothing if it is complete.
    fn unfinished(&self, held: &Held, entry: &Entry, quiet: Duration) -> Option<Duration> {
        if self.vault.is_busy(held) {
            return Some(SOON);
        }
        let wait = match entry.size() {
            // A drive creates in two steps: so long, its maker may bring the second one.
            0 => self.gate.settings().fresh_for,
            _ if self.gate.transients().is_file(&held.name) => UNNAMED,
            _ => quiet,
        };
        wait.checked_sub(held.touched.elapsed()).filter(|left| !left.is_zero())
    }

    /// Has the content scanned, where the firm has a scanner, and looks whether it is all there.
    async fn judge(&self, held: &Held) -> Result<Judged, Error> {
        let role = self.gate.practice().firm().account(held.account).map_or(Role::Device, |account| account.role);
        let scanner = self.scanner().filter(|scanner| scanner.scans(role));
        let turn = match scanner {
            Some(scanner) if scanner.problem().is_some() => return Ok(Judged::Unscanned),
            Some(scanner) => Some(scanner.turn().await),
            None => None,
        };
        let permit = self.gate.permit_service::<Scan>(held.target()).await?;
        let (vault, name) = (self.vault.clone(), held.sent.clone());
        let looked = move || {
            let content = vault.look(&permit)?;
            let detail = content.detail();
            let read = |offset: u64, buffer: &mut [u8]| content.read_at(offset, buffer);
            let is_scanned = turn.is_some();
            if let Some(Verdict::Refused(unclean, reason)) =
                turn.map(|turn| turn.scan(content.size(), read)).transpose()?
            {
                let unscanned = unclean == Unclean::Unscanned;
                let outcome = if unscanned { Outcome::Failed } else { Outcome::Refused };
                permit.settle(outcome, Detail { reason: Some(reason.clone()), ..detail });
                return Ok(if unscanned { Judged::ScanFailed } else { Judged::Unfit { reason, barred: true } });
            }
            if let Err(broken) = complete(&name, &content)? {
                permit.settle(Outcome::Refused, Detail { reason: Some(broken.clone()), ..detail });
                return Ok(Judged::Unfit { reason: broken, barred: false });
            }
            let reason = (!is_scanned).then(|| "without a virus scan, which is off".to_owned());
            permit.settle(Outcome::Done, Detail { reason, ..detail });
            Ok(Judged::Sound)
        };
        blocking(looked).await
    }

    /// Removes what is there already, with a receipt where one is wanted, or what is nothing at all.
    async fn drop(&self, held: &Held, why: String, same: Option<Option<Receipt>>) -> Result<Tended, Error> {
        let permit = self.gate.permit_service::<DropHeld>(held.target()).await?;
        let result = if same.is_some() { "duplicate" } else { "empty" };
        self.on_vault(move |vault| Ok(vault.drop_held(permit, why, same.flatten())?)).await?;
        count(result);
        Ok(Tended::Done)
    }

    async fn quarantine(
        &self,
        (held, entry): (&Held, &Entry),
        drop_box: Option<&DropBox>,
        reason: String,
        barred: bool,
    ) -> Result<Tended, Error> {
        let permit = self.gate.permit_service::<Quarantine>(held.target()).await?;
        tracing::warn!(reason, "a document that came into a drop box waits for a person");
        let receipt = self.receipt(held, entry, Fate::Quarantined(&reason));
        let (waits, memory) =
            (Waits { since: Timestamp::now(), reason, barred }, Memory { same: same(drop_box), receipt });
        self.on_vault(move |vault| Ok(vault.quarantine(permit, waits, memory)?)).await?;
        count("quarantined");
        Ok(Tended::Done)
    }

    async fn route(&self, (held, entry): (&Held, &Entry), rules: &Rules, drop_box: &DropBox) -> Result<Tended, Error> {
        let firm = self.gate.practice().firm();
        let arrival = Arrival {
            drop_box: &drop_box.name,
            subfolder: &held.subfolder,
            name: &held.sent,
            device: firm.account(held.account).map_or("", |account| &account.login),
            source: held.source,
            arrived: held.arrived,
        };
        let destination = match rules.route(&arrival) {
            Routing::To(destination) => destination,
            Routing::Nowhere(why) => {
                return self.quarantine((held, entry), Some(drop_box), why.to_string(), false).await;
            }
        };
        for _ in 0..ATTEMPTS {
            let to = match self.destination(&destination.matter, &destination.folder, &destination.name)? {
                Ok(to) => to,
                Err(why) => {
                    let why = format!("rule `{}`: {why}", destination.rule);
                    return self.quarantine((held, entry), Some(drop_box), why, false).await;
                }
            };
            if self.is_locked(held.account, &to.place) {
                return Ok(Tended::InTheWay);
            }
            let receipt = self.receipt(held, entry, Fate::Delivered(Some(&destination.rule), &to.path()));
            let memory = Memory { same: drop_box.same_content, receipt };
            let target = DeliveryTarget { held: held.target(), to, rule: Some(destination.rule.clone()) };
            let permit = self.gate.permit_service::<Route>(target).await?;
            let gate = self.gate.clone();
            let confirm = move |permit: &Permit<Route>, detail| gate.confirm_service(permit, detail);
            match self.deliver(permit, memory, confirm).await {
                Err(Error::Changed | Error::NotFound) => {}
                Err(Error::Limit(_)) => {
                    let why = Undeliverable::NoRoom(destination.matter).to_string();
                    return self.quarantine((held, entry), Some(drop_box), why, false).await;
                }
                done => {
                    count("routed");
                    return done.map(|_| Tended::Done);
                }
            }
        }
        Ok(Tended::InTheWay)
    }

    /// Delivers what the permit says. [`Error::Changed`] if the name was taken meanwhile, [`Error::Limit`] where there is no
    /// room for it.
    pub(super) async fn deliver<O: Operation<Target = DeliveryTarget>>(
        &self,
        permit: Permit<O>,
        memory: Memory,
        confirm: impl FnOnce(&Permit<O>, Detail) -> Result<Confirming, Refusal> + Send + 'static,
    ) -> Result<Entry, Error> {
        let room = self.room_at(permit.target());
        self.on_vault(move |vault| {
            let resealed = match vault.reseal(&permit, room) {
                Ok(resealed) => resealed,
                Err(error) => {
                    permit.settle(Outcome::Failed, Detail::because(error.to_string()));
                    return Err(error.into());
                }
            };
            let confirmed = match resealed {
                Some(resealed) => {
                    let confirmation = confirm(&permit, resealed.detail())?.wait()?;
                    Some((resealed, confirmation))
                }
                None => None,
            };
            Ok(vault.deliver(permit, confirmed, memory)?)
        })
        .await
    }

    /// What bounds what another matter gets. The person who brought it and the firm keep as much as before.
    fn room_at(&self, target: &DeliveryTarget) -> Option<Room> {
        let firm = self.gate.practice().firm();
        let account = target.held.account;
        let matter = target.to.place.matter.filter(|_| target.is_across()).and_then(|matter| firm.matter(matter))?;
        let quotas = Quotas { person: None, firm: None, ..firm.quotas_for(Some(matter.id), account) };
        let room = Room { matter: Some(matter.id), folders: folders_of(matter), account, quotas };
        Some(room).filter(|room| !room.quotas.is_none())
    }

    /// A free name in a folder of a matter, for a document that is to be called so.
    pub(super) fn destination(
        &self,
        number: &str,
        folder: &DocPath,
        name: &DocName,
    ) -> Result<Result<NewTarget, Undeliverable>, Error> {
        let firm = self.gate.practice().firm();
        let number = number.to_owned();
        let Some(matter) = firm.matter_by_number(&number) else { return Ok(Err(Undeliverable::NoMatter(number))) };
        if !matter.open {
            return Ok(Err(Undeliverable::Closed(number)));
        }
        let place = self.place_in(matter, folder)?;
        let Some((place, node)) = place.and_then(|place| place.folder().map(|node| (place, node))) else {
            return Ok(Err(Undeliverable::NoFolder(number, folder.clone())));
        };
        if matter.rules.area(&place.chain) == Some(Area::Messages) {
            return Ok(Err(Undeliverable::Messages));
        }
        if self.gate.transients().is_file(name) {
            return Ok(Err(Undeliverable::Temporary(name.clone())));
        }
        if let Some(why) = name.fits_windows().err().filter(|_| self.for_windows.load(Ordering::Relaxed)) {
            return Ok(Err(Undeliverable::Unportable(why)));
        }
        for n in 1..MAX_NUMBERED {
            let name = if n == 1 { name.clone() } else { name.numbered(n) };
            let structure = place.is_structure().then(|| matter.child(Some(node), &name.folded())).flatten();
            if structure.is_none() && self.vault.find(node, &name)?.is_none() {
                return Ok(Ok(NewTarget { place, name, transient: false, arriving: None }));
            }
        }
        Ok(Err(Undeliverable::Crowded(name.clone())))
    }

    /// The folder at this path of a matter, whatever anybody sees of it.
    fn place_in(&self, matter: &Matter, folder: &DocPath) -> Result<Option<Place>, Error> {
        let Ok(path) = DocPath::root().join(matter.folder_name.clone()) else { return Ok(None) };
        let mut place = Place { matter: Some(matter.id), path, ..root() };
        for name in folder.names() {
            let structure = place.is_structure().then(|| matter.child(place.folder(), &name.folded())).flatten();
            place = match (structure, place.folder()) {
                (Some(inner), _) => {
                    let Ok(path) = place.path.clone().join(inner.name.clone()) else { return Ok(None) };
                    let (chain, structure) = ([&place.chain[..], &[inner.id]].concat(), place.structure + 1);
                    Place { chain, structure, path, ..place }
                }
                (None, Some(node)) => match self.vault.find(node, name)? {
                    Some(entry) if entry.content.is_none() && !entry.transient => {
                        target_of(&place, &entry, false).inside()
                    }
                    _ => return Ok(None),
                },
                (None, None) => return Ok(None),
            };
        }
        Ok(Some(place))
    }

    pub(super) fn is_locked(&self, account: AccountId, place: &Place) -> bool {
        !self.vault.may_write(account, &[], LockSpan { node: None, place, membership: true, deep: false })
    }

    pub(super) async fn on_vault<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Vault) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let vault = self.vault.clone();
        blocking(move || work(&vault)).await
    }
}

impl View {
    /// What is known of a document that the session would put there, if that is a drop box to it.
    pub(super) fn arriving(&self, place: &Place, name: &DocName) -> Result<Option<Arriving>, Error> {
        let Some(rules) = self.vfs.intake() else { return Ok(None) };
        let source = self.session.peer();
        self.look(|sight| {
            Ok(sight.drop_box(&rules, place).map(|(drop_box, subfolder)| Arriving {
                drop_box: drop_box.name.clone(),
                subfolder,
                sent: name.clone(),
                source,
            }))
        })
    }
}

impl Sight<'_> {
    /// The drop box that a place is or lies in, in the eyes of a session that may put things there and do nothing else.
    fn drop_box<'r>(&self, rules: &'r Rules, place: &Place) -> Option<(&'r DropBox, DocPath)> {
        let matter = self.seen.firm().matter(place.matter?)?;
        let within = DocPath::try_from(place.path.names().get(1..)?.to_vec()).ok()?;
        let found = rules.drop_box(&matter.number, &within)?;
        (is_blind(self.seen.rights(place)) && !self.seen.holds_messages(place)).then_some(found)
    }
}

/// Whether a document is all there, as far as its format tells; if not, why.
fn complete(name: &DocName, content: &HeldContent) -> Result<Result<(), String>, Error> {
    let read = |offset: u64, buffer: &mut [u8]| content.read_at(offset, buffer);
    Ok(pdf::complete(name, content.size(), read)?.map_err(|broken| broken.to_string()))
}

fn same(drop_box: Option<&DropBox>) -> Duration {
    drop_box.map_or(Duration::ZERO, |drop_box| drop_box.same_content)
}

pub(super) fn count(result: &'static str) {
    metrics::counter!("deedbox_intake_total", "result" => result).increment(1);
}
