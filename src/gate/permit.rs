//! Permits: the only file that can make one.
//!
//! A [`Permit`] says that one operation on one target was allowed and stands in the audit record, or, for what is fetched in one
//! piece, will stand there before anything of it can be had. It cannot be copied or
//! built elsewhere (its fields are private to this file), it carries its own target so that a later step cannot aim at
//! another one, and it is settled with an outcome; dropped unsettled, it records `abandoned`.

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use super::operation::{Aim, Fetch, Operation, Read, Recorded, Service, Viewpoint};
use super::{Gate, Session};
use crate::audit::{self, Actor, Detail, Event, OpenRecord, Outcome, Unrecorded, Wait};
use crate::names::{AccountId, AdminTarget, DocPath, MatterId, Scope};
use crate::policy::Decision;
use crate::policy::guards::Forbidden;
use crate::practice::Account;

/// Proof that one operation was allowed and is in the audit record.
#[must_use = "a permit is one operation: spend it in the vault"]
pub struct Permit<O: Operation> {
    target: O::Target,
    by: AccountId,
    scope: Scope,
    record: Record,
}

enum Record {
    /// A lookup is recorded with its outcome at once.
    Complete,
    /// The intent is recorded; the outcome follows.
    Open(Box<OpenRecord>),
    /// Nothing is recorded yet; nothing can be shown before the outcome is.
    Due(Box<Unrecorded>),
}

impl<O: Operation> Permit<O> {
    fn mint(target: O::Target, by: AccountId, scope: Scope, record: Record) -> Self {
        Permit { target, by, scope, record }
    }

    /// What the permit is for.
    pub fn target(&self) -> &O::Target {
        &self.target
    }

    /// The account that acts.
    pub fn by(&self) -> AccountId {
        self.by
    }

    /// How far the session reaches that acts; one that may only look changes nothing.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The sequence number of the intent in the audit record; nothing for a lookup.
    pub fn seq(&self) -> Option<u64> {
        match &self.record {
            Record::Complete | Record::Due(_) => None,
            Record::Open(record) => Some(record.seq()),
        }
    }

    /// Records the outcome and ends the permit. What an act was about stands in its outcome like in its intent.
    pub fn settle(self, outcome: Outcome, mut detail: Detail) {
        detail.to = detail.to.or_else(|| self.target.to());
        match self.record {
            Record::Open(record) => record.close(outcome, detail),
            // Nothing can be shown any more: nobody need wait for it.
            Record::Due(record) => drop(record.record(outcome, detail)),
            Record::Complete => {}
        }
    }
}

impl Permit<Fetch> {
    /// Records what came of it, and keeps what was fetched back until that is durable.
    pub fn withhold<T>(self, fetched: T, outcome: Outcome, detail: Detail) -> Withheld<T> {
        let arrival = match self.record {
            Record::Due(record) => record.record(outcome, detail),
            Record::Complete | Record::Open(_) => Err(audit::Unavailable::Closed),
        };
        Withheld { fetched, target: self.target, arrival }
    }
}

/// What was fetched, whose record is on its way to the disk: [`Gate::release`] hands it out.
#[must_use = "nothing of it can be seen before its record is there"]
pub struct Withheld<T> {
    fetched: T,
    target: <Fetch as Operation>::Target,
    arrival: Result<audit::Beginning, audit::Unavailable>,
}

/// Proof that an upload was judged once more, with its content known, and that this is durable in the audit record.
#[must_use = "a confirmation is one commit: spend it in the vault"]
pub struct Confirmation {
    seq: Option<u64>,
}

impl Confirmation {
    /// True if this confirms that permit.
    pub fn is_for<O: Operation>(&self, permit: &Permit<O>) -> bool {
        self.seq == permit.seq()
    }
}

/// A confirmation that is on its way to the disk.
#[must_use = "it is not durable yet"]
pub struct Confirming {
    seq: Option<u64>,
    record: Option<audit::Confirming>,
}

impl Confirming {
    /// Blocks until the record is durable.
    pub fn wait(self) -> Result<Confirmation, Refusal> {
        self.record.map_or(Ok(()), audit::Confirming::wait)?;
        Ok(Confirmation { seq: self.seq })
    }
}

/// The record of a permit to read that is on its way to the disk.
#[must_use = "nothing of the document may be shown before it is there"]
pub struct Recording {
    seq: Option<u64>,
    arrival: Option<Shared<BoxFuture<'static, Result<(), audit::Unavailable>>>>,
}

impl Recording {
    /// Waits until the record is durable; may be asked again and by several.
    pub async fn durable(&self) -> Result<OnRecord, Refusal> {
        if let Some(arrival) = self.arrival.clone() {
            arrival.await?;
        }
        Ok(OnRecord { seq: self.seq })
    }
}

/// Proof that the intent of a permit to read is durable in the audit record: without one the vault opens a document and
/// gives nothing of it.
pub struct OnRecord {
    seq: Option<u64>,
}

impl OnRecord {
    /// True if this is about that permit.
    pub fn is_for<O: Operation>(&self, permit: &Permit<O>) -> bool {
        self.seq == permit.seq()
    }
}

/// Why there is no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The object may be seen; the operation is not granted.
    Denied,
    /// To be answered as if the object did not exist.
    Hidden,
    /// The session is over.
    Revoked,
    /// The audit record cannot be written, so nothing may happen.
    Unavailable,
}

impl From<audit::Unavailable> for Refusal {
    fn from(_: audit::Unavailable) -> Self {
        Self::Unavailable
    }
}

impl Gate {
    /// Decides an operation, records it, and hands out the permit.
    pub async fn permit<O: Operation>(&self, session: &Session, target: O::Target) -> Result<Permit<O>, Refusal> {
        let (permit, beginning) = self.begin(session, target).await?;
        if let Some(beginning) = beginning {
            beginning.durable().await?;
        }
        Ok(permit)
    }

    /// The same for reading a document, whose file can be found and opened while the record is on its way to the disk: of
    /// what is in it, nothing can be had without the proof that it arrived there.
    pub async fn permit_to_read(
        &self,
        session: &Session,
        target: <Read as Operation>::Target,
    ) -> Result<(Permit<Read>, Recording), Refusal> {
        let (permit, beginning) = self.begin::<Read>(session, target).await?;
        let (seq, arrival) = (permit.seq(), beginning.map(|beginning| beginning.durable().boxed().shared()));
        Ok((permit, Recording { seq, arrival }))
    }

    /// The permit, and what is to be waited for before it counts.
    async fn begin<O: Operation>(
        &self,
        session: &Session,
        target: O::Target,
    ) -> Result<(Permit<O>, Option<audit::Beginning>), Refusal> {
        let (decision, forbidden) = self.judge::<O>(session, &target, None)?;
        if decision != Decision::Allowed {
            return Err(self.refused::<O>(session, &target, (decision, forbidden)).boxed().await);
        }
        let event = |outcome, detail| event::<O>(session, &target, outcome, detail);
        let to = Detail { to: target.to(), source: target.source(), ..Detail::default() };
        let (record, beginning) = match O::RECORDED {
            Recorded::Lookup => {
                self.record_lookup(event(Outcome::Done, to)).await?;
                (Record::Complete, None)
            }
            Recorded::BeforeCommit => {
                (Record::Open(Box::new(self.log.begin(event(Outcome::Begun, to), Wait::Queued).await?)), None)
            }
            Recorded::BeforeEffect => {
                let (record, beginning) = self.log.begin_ahead(event(Outcome::Begun, to))?;
                (Record::Open(Box::new(record)), Some(beginning))
            }
            Recorded::WithOutcome => (Record::Due(Box::new(self.log.unrecorded(event(Outcome::Begun, to))?)), None),
        };
        Ok((Permit::mint(target, session.account(), session.scope(), record), beginning))
    }

    /// What was fetched, once its record is durable. `asked_after` is the gate's count of losses from before the permit: after
    /// later ones it is judged anew, and a refusal is recorded after the record that says what was fetched.
    pub async fn release<T>(&self, session: &Session, withheld: Withheld<T>, asked_after: u64) -> Result<T, Refusal> {
        withheld.arrival?.durable().await?;
        if self.losses_so_far() != asked_after {
            let judged = self.judge::<Fetch>(session, &withheld.target, None)?;
            if judged.0 != Decision::Allowed {
                return Err(self.refused::<Fetch>(session, &withheld.target, judged).boxed().await);
            }
        }
        Ok(withheld.fetched)
    }

    /// Records a refusal and gives the answer for it.
    async fn refused<O: Operation>(
        &self,
        session: &Session,
        target: &O::Target,
        (decision, forbidden): (Decision, Option<Forbidden>),
    ) -> Refusal {
        let why = forbidden.map_or_else(Detail::default, |guard| Detail::because(guard.to_string()));
        let refused = event::<O>(session, target, Outcome::Refused, Detail { to: target.to(), ..why });
        match self.record_refusal(O::RECORDED, refused).await {
            Err(unavailable) => unavailable,
            Ok(()) if decision == Decision::Denied => Refusal::Denied,
            Ok(()) => Refusal::Hidden,
        }
    }

    /// A permit for what the daemon does by itself; recorded like anybody's.
    pub async fn permit_service<O: Service>(&self, target: O::Target) -> Result<Permit<O>, Refusal> {
        let begun = Event {
            matter: target.matter(),
            object: target.object(),
            path: Some(target.path()),
            detail: Detail { to: target.to(), source: target.source(), ..Detail::default() },
            ..Event::new(Actor::service(O::AS), O::ACTION, Outcome::Begun)
        };
        let record = Record::Open(Box::new(self.log.begin(begun, Wait::Durable).await?));
        let by = O::account(&target);
        Ok(Permit::mint(target, by, Scope::Manage, record))
    }

    /// Judges an upload once more at its end and records what is about to become visible.
    pub fn confirm<O: Operation>(
        &self,
        session: &Session,
        permit: &Permit<O>,
        detail: Detail,
    ) -> Result<Confirming, Refusal> {
        self.holds(session, permit, detail.bytes)?;
        Self::confirm_as_judged(permit, detail)
    }

    /// The same for what the daemon does by itself, which nobody's standing bounds.
    pub fn confirm_service<O: Service>(&self, permit: &Permit<O>, detail: Detail) -> Result<Confirming, Refusal> {
        Self::confirm_as_judged(permit, detail)
    }

    fn confirm_as_judged<O: Operation>(permit: &Permit<O>, detail: Detail) -> Result<Confirming, Refusal> {
        let record = match &permit.record {
            Record::Open(record) => Some(record.confirm(detail)?),
            Record::Complete | Record::Due(_) => None,
        };
        Ok(Confirming { seq: permit.seq(), record })
    }

    /// Would the permit still be given? Cheap; for use between the steps of a long operation. `size` is what has come of an
    /// upload. A guard that forbids it by now is named in the operation's outcome.
    pub fn holds<O: Operation>(&self, session: &Session, permit: &Permit<O>, size: Option<u64>) -> Result<(), Refusal> {
        match self.judge::<O>(session, &permit.target, size)? {
            (Decision::Allowed, _) => Ok(()),
            (_, None) => Err(Refusal::Revoked),
            (decision, Some(guard)) => {
                metrics::counter!("deedbox_refusals_total").increment(1);
                if let Record::Open(record) = &permit.record {
                    record.refuse(guard.to_string());
                }
                Err(if decision == Decision::Hidden { Refusal::Hidden } else { Refusal::Denied })
            }
        }
    }

    /// Would a permit be given now? For a step that must not be begun if a later one will be refused; nothing is recorded.
    pub fn would_permit<O: Operation>(&self, session: &Session, target: &O::Target) -> Result<bool, Refusal> {
        Ok(self.judge::<O>(session, target, None)?.0 == Decision::Allowed)
    }

    /// Records an attempt on something that does not exist, in the same way and time as a refusal.
    pub async fn absent<O: Operation>(
        &self,
        session: &Session,
        matter: Option<MatterId>,
        path: &DocPath,
    ) -> Result<(), Refusal> {
        self.standing(session)?;
        let event = Event {
            actor: session.actor(),
            action: O::ACTION,
            outcome: Outcome::NotFound,
            matter,
            object: None,
            path: Some(path.to_string()),
            detail: Detail::default(),
        };
        self.record_refusal(O::RECORDED, event).await
    }

    /// The table's answer, and where it is yes that of the guards; if they refuse, which of them.
    fn judge<O: Operation>(
        &self,
        session: &Session,
        target: &O::Target,
        size: Option<u64>,
    ) -> Result<(Decision, Option<Forbidden>), Refusal> {
        let (firm, standing) = self.standing(session)?;
        let seen = Viewpoint { firm: &firm, standing: &standing, fresh_for: self.settings.fresh_for };
        if session.scope() < O::SCOPE {
            return Ok((Decision::Denied, None));
        }
        let decision = O::judge(&seen, target);
        if decision != Decision::Allowed {
            return Ok((decision, None));
        }
        Ok(match self.forbidden::<O>(session, &seen, target, size) {
            None => (decision, None),
            guard => (O::refusal(&seen, target), guard),
        })
    }

    async fn record_refusal(&self, recorded: Recorded, event: Event) -> Result<(), Refusal> {
        metrics::counter!("deedbox_refusals_total").increment(1);
        match recorded {
            Recorded::Lookup => self.record_lookup(event).await?,
            Recorded::BeforeCommit | Recorded::BeforeEffect | Recorded::WithOutcome => {
                self.log.record(event).await?;
            }
        }
        Ok(())
    }

    /// A lookup does not wait for its record, unless so many wait already that others' records would find no place: then it
    /// waits like they do, so that one client's flood of lookups slows that client.
    async fn record_lookup(&self, event: Event) -> Result<(), Refusal> {
        match self.log.enqueue(event.clone()) {
            Err(audit::Unavailable::Busy) => drop(self.log.record(event).await?),
            done => done?,
        }
        Ok(())
    }

    /// The firm and the session's standing in it, for a look that is not an operation (which entries of a listing show).
    pub fn viewpoint<T>(&self, session: &Session, look: impl FnOnce(&Viewpoint<'_>) -> T) -> Result<T, Refusal> {
        let (firm, standing) = self.standing(session)?;
        Ok(look(&Viewpoint { firm: &firm, standing: &standing, fresh_for: self.settings.fresh_for }))
    }

    /// The firm as an account would stand in it, for an explanation or a count that was asked for.
    pub fn viewpoint_of<O: Operation<Target = crate::names::AdminTarget>, T>(
        &self,
        _permit: &Permit<O>,
        account: &Account,
        look: impl FnOnce(&Viewpoint<'_>) -> T,
    ) -> T {
        let firm = self.practice.firm();
        let standing = firm.standing(account);
        look(&Viewpoint { firm: &firm, standing: &standing, fresh_for: self.settings.fresh_for })
    }

    /// A permit for what somebody does to the own account, or sees of it; `action` in the words of the command line,
    /// `subject` what it is about beside the login.
    pub async fn permit_own<O: Operation<Target = AdminTarget>>(
        &self,
        session: &Session,
        action: &str,
        subject: &str,
    ) -> Result<Permit<O>, Refusal> {
        let subject =
            if subject.is_empty() { session.login().to_owned() } else { format!("{}: {subject}", session.login()) };
        self.permit(session, AdminTarget { action: action.to_owned(), subject, matter: None }).await
    }

    /// A permit for an act on the firm's records; `action` and `subject` as on the command line.
    pub async fn permit_act<O: Operation<Target = crate::names::AdminTarget>>(
        &self,
        session: &Session,
        action: &str,
        subject: &str,
        matter: Option<MatterId>,
    ) -> Result<Permit<O>, Refusal> {
        let target = AdminTarget { action: action.to_owned(), subject: subject.to_owned(), matter };
        self.permit(session, target).await
    }
}

fn event<O: Operation>(session: &Session, target: &O::Target, outcome: Outcome, detail: Detail) -> Event {
    Event {
        actor: session.actor(),
        action: O::ACTION,
        outcome,
        matter: target.matter(),
        object: target.object(),
        path: Some(target.path()),
        detail,
    }
}
