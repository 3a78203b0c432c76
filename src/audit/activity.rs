//! What people did lately, newest first, a page at a time.
//!
//! One act is several records: its intent, of an upload the confirmation, its outcome. The outcome alone is shown here, of
//! what was done to documents, and for somebody's own eyes of logins and changes of the own account; `audit show` has
//! everything. The record is read from its end. Of blocks in which a matter does not occur only the leaves' bytes are looked
//! at, since an index beside them would be one more thing to keep true.

use serde::{Serialize, Serializer};

use super::backwards::{Bounds, MAX_SKIMMED, Wanted, page};
use super::body::Body;
use super::error::VerifyError;
use super::event::{Action, Event, Outcome};
use super::leaf::{Leaf, Tag};
use super::log::Log;
use super::store::Store;
use crate::names::{AccountId, DocName, Front, MatterId, Role, Timestamp, TransientNames};

/// The most acts on one page.
pub const MAX_PAGE: usize = 10_000;

/// Whose acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What anybody did in a matter.
    Matter(MatterId),
    /// What one account did in all matters, its logins and what it changed about itself too, and no refusals.
    Account(AccountId),
}

/// Which acts of them; by default the newest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lookup {
    /// Those from this time on.
    pub since: Option<Timestamp>,
    /// Those before this record: where the page before ended.
    pub before: Option<u64>,
    /// Those of one login.
    pub login: Option<String>,
    /// Documents and messages that participants and devices sent, and nothing else.
    pub uploads: bool,
    /// At most so many, and at most [`MAX_PAGE`].
    pub limit: usize,
}

/// A page of acts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Page {
    /// The newest first.
    pub acts: Vec<Act>,
    /// If there may be older ones: look before this record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// What somebody did to a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Act {
    /// The number of its record, for `audit prove`.
    pub seq: u64,
    /// When it ended.
    #[serde(serialize_with = "as_text")]
    pub time: Timestamp,
    /// Who.
    pub login: String,
    /// What they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What they did.
    pub action: Action,
    /// What came of it.
    pub outcome: Outcome,
    /// The path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where it went, what a message is called, or what a change of the firm's records is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Bytes served or received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The door.
    pub front: Front,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Why it was refused or went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

fn as_text<S: Serializer>(time: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(time)
}

impl Log {
    /// A page of acts, as the record has them at this moment. Blocks.
    ///
    /// # Errors
    /// If the record is damaged where it is read.
    pub fn activity(&self, scope: Scope, lookup: &Lookup, transients: &TransientNames) -> Result<Page, VerifyError> {
        self.activity_within((scope, lookup, transients), MAX_SKIMMED)
    }

    pub(super) fn activity_within(
        &self,
        (scope, lookup, transients): (Scope, &Lookup, &TransientNames),
        most: u64,
    ) -> Result<Page, VerifyError> {
        let store = Store::load(&self.dir, Some(&self.key))?;
        let tag = match scope {
            Scope::Matter(matter) => Some(self.queue.sealer.tag(&matter)),
            Scope::Account(_) => None,
        };
        let bounds = Bounds { before: lookup.before, limit: lookup.limit.min(MAX_PAGE), most };
        let (acts, next) = page(&store, &self.queue.sealer, &Acts { scope, tag, lookup, transients }, &bounds)?;
        Ok(Page { acts, next })
    }
}

/// The acts that a lookup is for.
struct Acts<'l> {
    scope: Scope,
    tag: Option<Tag>,
    lookup: &'l Lookup,
    transients: &'l TransientNames,
}

impl Wanted for Acts<'_> {
    type Item = Act;

    fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    fn since(&self) -> Option<Timestamp> {
        self.lookup.since
    }

    fn wants(&self, leaf: &Leaf) -> bool {
        use Action as A;
        use Outcome as O;
        let concerns = match (leaf.action, self.scope) {
            (A::Login | A::Administer, Scope::Account(_)) => !self.lookup.uploads,
            (A::Create | A::Update | A::Rename | A::Move, _) => true,
            (A::Read | A::MakeFolder | A::Delete | A::Copy | A::Route | A::Assign, _) => !self.lookup.uploads,
            _ => false,
        };
        let ended = match leaf.outcome {
            O::Done => true,
            // Among refusals are those of what the person must not know to be there.
            O::Refused => !self.lookup.uploads && matches!(self.scope, Scope::Matter(_)),
            O::Failed | O::Abandoned => !self.lookup.uploads,
            O::Begun | O::Confirmed | O::NotFound => false,
        };
        concerns && ended
    }

    fn take(&self, leaf: &Leaf, body: Option<Body>) -> Option<Act> {
        let Event { actor, path, detail, .. } = body?.into_event(leaf.action, leaf.outcome);
        let own = match self.scope {
            Scope::Matter(_) => true,
            Scope::Account(account) => actor.account == Some(account),
        };
        let asked = self.lookup.login.as_ref().is_none_or(|login| actor.login.eq_ignore_ascii_case(login));
        let from_outside = matches!(actor.role, Some(Role::Participant | Role::Device));
        // What a program keeps only until its save is done is nobody's business; to give it its name is to upload it.
        let temporary = path.as_deref().is_some_and(|path| self.is_temporary(path));
        let saved = temporary && detail.to.as_deref().is_some_and(|to| !self.is_temporary(to));
        let uploaded = match leaf.action {
            Action::Rename | Action::Move => saved,
            _ => !temporary,
        };
        let wanted = if self.lookup.uploads { from_outside && uploaded } else { !temporary || saved };
        let wanted = wanted && (leaf.action != Action::Administer || path.as_deref().is_some_and(is_own_change));
        (own && asked && wanted).then_some(Act {
            seq: leaf.seq,
            time: leaf.time,
            login: actor.login,
            role: actor.role,
            action: leaf.action,
            outcome: leaf.outcome,
            path,
            to: detail.to,
            version: detail.version,
            bytes: detail.bytes,
            front: actor.front,
            address: actor.peer,
            reason: detail.reason,
        })
    }
}

impl Acts<'_> {
    fn is_temporary(&self, path: &str) -> bool {
        let mut names = path.rsplit('/').map(|name| DocName::parse(name.as_bytes()));
        names.next().is_some_and(|name| name.is_ok_and(|name| self.transients.is_file(&name)))
            || names.any(|folder| folder.is_ok_and(|folder| self.transients.is_folder(&folder)))
    }
}

/// Whether this is a change of an account, as the command line calls it, and no look at one.
fn is_own_change(action: &str) -> bool {
    let looks = [" list", " show"].iter().any(|look| action.ends_with(look));
    let others = ["session end", "recovery code", "follow link", "ask for reset"];
    (action.starts_with("account ") && !looks) || others.contains(&action)
}
