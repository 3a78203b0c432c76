//! The person at the command line, as the gate sees them: every look and every change is permitted and recorded first.

use std::fmt;
use std::sync::Arc;

use super::problem::{Doing as _, Problem};
use crate::audit::{Detail, Lookup, Outcome, Page};
use crate::daemon::Core;
use crate::gate::{Administer, Gate, Operation, Permit, Refusal, SeeActivity, Session};
use crate::names::{AdminTarget, ContactId, MatterId};
use crate::practice::{Account, Contact, Firm, Matter, Practice};
use crate::vfs::{self, Vfs, View};

/// How much of what came of an act goes into the audit record, in characters.
const MAX_REASON: usize = 1000;

/// A session of the operator on an open data directory.
pub(crate) struct Operator<'a> {
    core: &'a Core,
    session: Arc<Session>,
}

impl<'a> Operator<'a> {
    /// `from` names the local user, as the operating system does.
    pub(crate) fn new(core: &'a Core, from: &str) -> Self {
        Self { core, session: core.gate().operator(from) }
    }

    pub(crate) fn core(&self) -> &'a Core {
        self.core
    }

    /// The tree as the operator sees it, who reads nothing in it.
    pub(crate) fn view(&self) -> View {
        self.core.vfs().view(&self.session)
    }

    /// The firm as it is now.
    pub(crate) fn firm(&self) -> Arc<Firm> {
        self.core.practice().firm()
    }

    /// A permit for one action; it is in the audit record when this returns. `action` is what stands on the command line,
    /// `subject` the number or login that it is about.
    async fn permit<O: Operation<Target = AdminTarget>>(
        &self,
        action: &str,
        subject: &str,
        matter: Option<MatterId>,
    ) -> Result<Permit<O>, Problem> {
        self.core.gate().permit_act(&self.session, action, subject, matter).await.map_err(refused)
    }

    /// Permits and records a look at the firm's records.
    pub(crate) async fn look(&self, action: &str, subject: &str, matter: Option<MatterId>) -> Result<(), Problem> {
        self.permit::<Administer>(action, subject, matter).await?.settle(Outcome::Done, Detail::default());
        Ok(())
    }

    /// Permits and records something done to the daemon itself, and what came of it.
    pub(crate) async fn act<T: fmt::Display>(
        &self,
        action: &str,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let permit = self.permit::<Administer>(action, "", None).await?;
        let done = work.await;
        let (outcome, told) = match &done {
            Ok(done) => (Outcome::Done, done.to_string()),
            Err(problem) => (Outcome::Failed, problem.to_string()),
        };
        permit.settle(outcome, Detail::because(told.chars().take(MAX_REASON).collect::<String>()));
        done
    }

    /// A permitted look at what people did in a matter, made on the blocking pool: it reads the record.
    pub(crate) async fn activity(&self, action: &str, matter: &Matter, lookup: Lookup) -> Result<Page, Problem> {
        let target = AdminTarget { action: action.to_owned(), subject: matter.number.clone(), matter: Some(matter.id) };
        let permit = self.core.gate().permit::<SeeActivity>(&self.session, target).await.map_err(refused)?;
        let gate = self.core.gate().clone();
        let (found, permit) = blocking(move || (gate.activity(&permit, &lookup), permit)).await?;
        match &found {
            Ok(_) => permit.settle(Outcome::Done, Detail::default()),
            Err(cause) => permit.settle(Outcome::Failed, Detail::because(cause.to_string())),
        }
        found.map_err(Problem::failed)
    }

    /// A permitted look into the tree, made on the blocking pool: it reads the catalog.
    pub(crate) async fn inspect<O: Operation<Target = AdminTarget>, T: Send + 'static>(
        &self,
        (action, subject, matter): (&str, &str, Option<MatterId>),
        look: impl FnOnce(&Vfs, &Permit<O>) -> Result<T, vfs::Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = self.permit(action, subject, matter).await?;
        let vfs = self.core.vfs().clone();
        let (found, permit) = blocking(move || (look(&vfs, &permit), permit)).await?;
        match &found {
            Ok(_) => permit.settle(Outcome::Done, Detail::default()),
            Err(cause) => permit.settle(Outcome::Failed, Detail::because(cause.to_string())),
        }
        found.map_err(Problem::failed)
    }

    /// A permitted look at the sessions, or what is done to them.
    pub(crate) async fn at_the_gate<T>(
        &self,
        action: &str,
        subject: &str,
        act: impl FnOnce(&Gate, Permit<Administer>) -> T,
    ) -> Result<T, Problem> {
        let permit = self.permit(action, subject, None).await?;
        Ok(act(self.core.gate(), permit))
    }

    /// A permitted change of the firm's records, made on the blocking pool: it waits for the disk.
    pub(crate) async fn change<O, T, E>(
        &self,
        (action, subject, matter): (&str, &str, Option<MatterId>),
        change: impl FnOnce(&Practice, Permit<O>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        O: Operation<Target = AdminTarget>,
        T: Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let permit = self.permit(action, subject, matter).await?;
        let practice = self.core.practice().clone();
        blocking(move || change(&practice, permit)).await?.map_err(Problem::failed)
    }

    /// The matter of this number.
    pub(crate) fn matter(&self, number: &str) -> Result<Arc<Matter>, Problem> {
        self.firm().matter_by_number(number).cloned().ok_or_else(|| {
            Problem::failed(format_args!("there is no matter {number:?}; `deedbox matter list` shows those that are"))
        })
    }

    /// The account of this login.
    pub(crate) fn account(&self, login: &str) -> Result<Arc<Account>, Problem> {
        self.firm().account_by_login(login).cloned().ok_or_else(|| {
            Problem::failed(format_args!("there is no login {login:?}; `deedbox account list` shows those that are"))
        })
    }

    /// The one contact with this e-mail address or id.
    pub(crate) fn contact(&self, name: &str) -> Result<Arc<Contact>, Problem> {
        let firm = self.firm();
        if let Some(contact) = name.parse::<ContactId>().ok().and_then(|id| firm.contact(id)) {
            return Ok(contact.clone());
        }
        let mut found = firm.contacts_by_email(name);
        match (found.pop(), found.is_empty()) {
            (Some(contact), true) => Ok(contact),
            (None, _) => Err(Problem::failed(format_args!(
                "there is no contact {name:?}; `deedbox contact list` shows those that are"
            ))),
            (Some(_), false) => Err(Problem::failed(format_args!(
                "several contacts have the address {name:?}; say the id of the one that is meant, as `deedbox contact \
                 list` shows it"
            ))),
        }
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unavailable => Problem::failed("the audit record cannot be written, so nothing is done"),
        Refusal::Denied | Refusal::Hidden | Refusal::Revoked => Problem::failed("not permitted"),
    }
}

/// Runs what waits for the disk or the processor beside the tasks that must not wait.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.doing("finish")
}
