//! The operations that a permit can be for: what each is aimed at, and which questions it puts to the policy and the guards.

mod intake;

use std::time::Duration;

use super::asks::{self, Ask};
use crate::audit::Action;
use crate::names::{
    AccountId, AdminTarget, Area, AsideStep, AsideTarget, DocumentTarget, ExpiredTarget, FolderTarget, MatterId,
    MoveTarget, NewTarget, NodeId, Place, Rights, Role, SaveTarget, Scope, Verb,
};
use crate::policy::{self, Decision, MatterRules, Object, Standing};
use crate::practice::Firm;

pub use intake::{Assign, Discard, DropHeld, GiveReceipt, Quarantine, Route, Scan};

mod sealed {
    pub trait Sealed {}
}

/// When the caller may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// A lookup: one record, durable within 100 ms.
    Lookup,
    /// An upload: the intent may wait for its confirmation, which is durable before anything is visible.
    BeforeCommit,
    /// The intent is durable before the permit is handed out.
    BeforeEffect,
    /// One record, which has the outcome; it is durable before anything is shown.
    WithOutcome,
}

/// One kind of operation. Sealed: the list below is all there is.
pub trait Operation: sealed::Sealed + Send + Sync + 'static {
    /// What it is aimed at.
    type Target: Aim + Send + Sync;
    /// Its word in the audit record.
    const ACTION: Action;
    /// When its record must be durable.
    const RECORDED: Recorded;
    /// How far a session must reach at least.
    const SCOPE: Scope = Scope::Read;
    /// The policy's answer.
    fn judge(seen: &Viewpoint<'_>, target: &Self::Target) -> Decision;
    /// What is answered where a guard refuses what the policy allows.
    fn refusal(seen: &Viewpoint<'_>, target: &Self::Target) -> Decision;
    /// What the guards are asked.
    fn asks<'t>(seen: &Viewpoint<'_>, target: &'t Self::Target) -> Vec<Ask<'t>>;
}

/// What the audit record says of a target.
pub trait Aim {
    /// The matter.
    fn matter(&self) -> Option<MatterId>;
    /// The object.
    fn object(&self) -> Option<NodeId>;
    /// The path, or the action's name for an administrative one.
    fn path(&self) -> String;
    /// Where to, for a rename or move; the subject of an administrative action.
    fn to(&self) -> Option<String> {
        None
    }
    /// The temporary file whose content it is, for the last step of a save.
    fn source(&self) -> Option<NodeId> {
        None
    }
}

/// The firm as one session stands in it at one moment.
pub struct Viewpoint<'a> {
    pub(super) firm: &'a Firm,
    pub(super) standing: &'a Standing,
    pub(super) fresh_for: Duration,
}

impl Viewpoint<'_> {
    /// The firm's records at this moment.
    pub fn firm(&self) -> &Firm {
        self.firm
    }

    /// The session's rights in a folder.
    pub fn rights(&self, place: &Place) -> Rights {
        self.with_rules(place, |rules| policy::granted(self.standing, rules, place).rights)
    }

    /// The session's rights in a folder, and the sentences that say why.
    pub fn explain(&self, place: &Place) -> (Rights, Vec<String>) {
        self.with_rules(place, |rules| {
            let granted = policy::granted(self.standing, rules, place);
            (granted.rights, vec![granted.source.to_string()])
        })
    }

    /// May the folder itself be seen?
    pub fn shown(&self, place: &Place) -> bool {
        if place.is_structure() {
            return self.with_rules(place, |rules| policy::may_enter(self.standing, rules, place));
        }
        let by_rule = self.with_rules(place, |rules| policy::by_rule(self.standing, rules, place));
        let transient = place.transient;
        let folder = Object { own: place.own, folder: true, by_rule, transient, ..Object::default() };
        folder.visible(self.rights(place))
    }

    /// What the policy may know of an entry.
    pub fn object(&self, target: &DocumentTarget) -> Object {
        let plain = Object {
            own: target.is_own,
            fresh: target.made_at.elapsed() < self.fresh_for,
            empty: !target.is_folder && target.size == 0,
            transient: target.is_transient,
            folder: target.is_folder,
            held: target.is_held,
            in_intake: target.in_intake,
            ..Object::default()
        };
        self.with_rules(&target.place, |rules| {
            if rules.is_plain() {
                return plain;
            }
            let anchored = policy::is_anchored(rules, target.node);
            if target.is_folder {
                let by_rule = policy::by_rule(self.standing, rules, &target.inside());
                return Object { by_rule, anchored, ..plain };
            }
            let shared = policy::shared(self.standing, rules, target.place.matter, target.node);
            Object { shared, anchored, ..plain }
        })
    }

    /// Whether this document in a folder is shared with the session where it stands.
    pub fn is_shared(&self, place: &Place, document: NodeId) -> bool {
        self.with_rules(place, |rules| !policy::shared(self.standing, rules, place.matter, document).is_empty())
    }

    /// Whether something in a folder may show itself although the folder is not listed.
    pub fn opens_in(&self, place: &Place) -> bool {
        self.with_rules(place, |rules| {
            !rules.is_plain() && place.folder().is_some_and(|folder| policy::opens_in(rules, folder))
        })
    }

    /// Is this a folder of messages?
    pub fn holds_messages(&self, place: &Place) -> bool {
        self.with_rules(place, |rules| rules.area(&place.chain) == Some(Area::Messages))
    }

    /// The rights in a folder for what is made or brought there other than by sending it: among messages there are no
    /// folders, and nothing becomes a message that was not judged as one.
    fn rights_to_place(&self, place: &Place) -> Rights {
        let rights = self.rights(place);
        if self.holds_messages(place) { rights.without(Verb::Create) } else { rights }
    }

    fn with_rules<T>(&self, place: &Place, answer: impl FnOnce(&MatterRules) -> T) -> T {
        match place.matter.and_then(|matter| self.firm.matter(matter)) {
            Some(matter) => answer(&matter.rules),
            None => answer(&MatterRules::default()),
        }
    }
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident($target:ty) = $action:ident, $recorded:ident,
       |$seen:ident, $aim:ident| $operation:expr, asks $asks:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name;
            impl sealed::Sealed for $name {}
            impl $name {
                fn operation($seen: &Viewpoint<'_>, $aim: &$target) -> policy::Operation {
                    $operation
                }
            }
            impl Operation for $name {
                type Target = $target;
                const ACTION: Action = Action::$action;
                const RECORDED: Recorded = Recorded::$recorded;
                fn judge(seen: &Viewpoint<'_>, target: &$target) -> Decision {
                    policy::decide(Self::operation(seen, target))
                }
                fn refusal(seen: &Viewpoint<'_>, target: &$target) -> Decision {
                    policy::refusal(Self::operation(seen, target))
                }
                #[allow(unused_variables, reason = "not every question depends on who looks")]
                fn asks<'t>($seen: &Viewpoint<'_>, $aim: &'t $target) -> Vec<Ask<'t>> {
                    $asks
                }
            }
        )*
    };
}

operations! {
    /// See a folder's entries.
    List(FolderTarget) = List, Lookup, |seen, aim| policy::Operation::List { shown: seen.shown(&aim.place) },
        asks asks::of_folder(Verb::List, aim);
    /// Look at a folder of the structure.
    StatFolder(FolderTarget) = Stat, Lookup, |seen, aim| policy::Operation::List { shown: seen.shown(&aim.place) },
        asks Vec::new();
    /// Look at one entry.
    Stat(DocumentTarget) = Stat, Lookup,
        |seen, aim| policy::Operation::Stat { object: seen.object(aim), rights: seen.rights(&aim.place) },
        asks Vec::new();
    /// Download a document.
    Read(DocumentTarget) = Read, BeforeEffect, |seen, aim| read(seen, aim),
        asks vec![asks::of_document(Verb::Read, aim)];
    /// Download a small document whole.
    Fetch(DocumentTarget) = Read, WithOutcome, |seen, aim| read(seen, aim),
        asks vec![asks::of_document(Verb::Read, aim)];
    /// Upload a document under a free name.
    Create(NewTarget) = Create, BeforeCommit, |seen, aim| create(seen, aim, seen.rights(&aim.place)),
        asks asks::of_new(aim, false);
    /// Make a folder.
    MakeFolder(NewTarget) = MakeFolder, BeforeEffect, |seen, aim| create(seen, aim, seen.rights_to_place(&aim.place)),
        asks asks::of_new(aim, true);
    /// Give an existing document its next version.
    Update(DocumentTarget) = Update, BeforeCommit,
        |seen, aim| policy::Operation::Update { object: seen.object(aim), rights: seen.rights(&aim.place) },
        asks asks::of_content(seen.object(aim), aim);
    /// Set the times of an entry.
    SetTimes(DocumentTarget) = SetTimes, BeforeEffect, |seen, aim| describe(seen, aim),
        asks asks::of_description(seen.object(aim), aim);
    /// Set or remove dead properties of an entry.
    SetProperties(DocumentTarget) = SetProperties, BeforeEffect, |seen, aim| describe(seen, aim),
        asks asks::of_description(seen.object(aim), aim);
    /// Lock an entry, refresh or free its lock.
    Lock(DocumentTarget) = Lock, BeforeEffect, |seen, aim| describe(seen, aim),
        asks asks::of_description(seen.object(aim), aim);
    /// Remove a document or an empty folder.
    Delete(DocumentTarget) = Delete, BeforeEffect,
        |seen, aim| policy::Operation::Delete { object: seen.object(aim), rights: seen.rights(&aim.place) },
        asks asks::of_removal(seen.object(aim), aim);
    /// Move a document away or remove it for a moment, in a save.
    SetAside(AsideTarget) = SetAside, BeforeEffect,
        |seen, aim| {
            let document = &aim.document;
            policy::Operation::SetAside { object: seen.object(document), rights: seen.rights(&document.place) }
        },
        asks asks::of_content(seen.object(&aim.document), &aim.document);
    /// Give a document the content of a temporary file as its next version: a save's last step.
    Save(SaveTarget) = Update, BeforeEffect, |seen, aim| {
        let SaveTarget { temporary, document } = aim;
        let (object, replaces) = (seen.object(temporary), Some(seen.object(document)));
        let (source, target) = (seen.rights(&temporary.place), seen.rights(&document.place));
        if temporary.place.chain == document.place.chain {
            policy::Operation::Rename { object, replaces, rights: target }
        } else {
            policy::Operation::Move { object, replaces, source, target }
        }
    }, asks asks::of_save(aim);
    /// Rename or move a document or folder.
    Move(MoveTarget) = Move, BeforeEffect, |seen, aim| {
        let object = seen.object(&aim.from);
        let replaces = aim.replaces.as_ref().map(|target| seen.object(target));
        let (source, mut target) = (seen.rights(&aim.from.place), seen.rights_to_place(&aim.to.place));
        // To bring a document where its mover alone sees it would be a way to remove it.
        if aim.to.place.transient && !aim.from.is_transient {
            target = Rights::NONE;
        }
        if aim.from.place.chain == aim.to.place.chain {
            policy::Operation::Rename { object, replaces, rights: target }
        } else {
            policy::Operation::Move { object, replaces, source, target }
        }
    }, asks asks::of_move(seen.object(&aim.from), aim);
}

/// What the daemon does by itself: no session gets such a permit.
pub trait Service: Operation {
    /// Under which name the record has the daemon.
    const AS: &'static str;
    /// Whose the object is.
    fn account(target: &Self::Target) -> AccountId;
}

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident = $action:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name;
            impl sealed::Sealed for $name {}
            impl Operation for $name {
                type Target = ExpiredTarget;
                const ACTION: Action = Action::$action;
                const RECORDED: Recorded = Recorded::BeforeEffect;
                fn judge(_seen: &Viewpoint<'_>, _target: &ExpiredTarget) -> Decision {
                    Decision::Hidden
                }
                fn refusal(_seen: &Viewpoint<'_>, _target: &ExpiredTarget) -> Decision {
                    Decision::Hidden
                }
                fn asks<'t>(_seen: &Viewpoint<'_>, _target: &'t ExpiredTarget) -> Vec<Ask<'t>> {
                    Vec::new()
                }
            }
            impl Service for $name {
                const AS: &'static str = "expiry";
                fn account(target: &ExpiredTarget) -> AccountId {
                    target.account
                }
            }
        )*
    };
}

services! {
    /// Remove a temporary file whose time is over.
    Expire = Delete;
    /// End a save whose time is over: its document is back where it was.
    EndSave = SetAside;
}

/// Acts on the firm's records. No guard is asked: they are about documents, and one that is mistaken must not lock out
/// whoever can mend it.
macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident, $scope:ident, |$seen:ident| $granted:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name;
            impl sealed::Sealed for $name {}
            impl Operation for $name {
                type Target = AdminTarget;
                const ACTION: Action = Action::Administer;
                const RECORDED: Recorded = Recorded::BeforeEffect;
                const SCOPE: Scope = Scope::$scope;
                fn judge($seen: &Viewpoint<'_>, _target: &AdminTarget) -> Decision {
                    if $granted { Decision::Allowed } else { Decision::Denied }
                }
                fn refusal(_seen: &Viewpoint<'_>, _target: &AdminTarget) -> Decision {
                    Decision::Denied
                }
                fn asks<'t>(_seen: &Viewpoint<'_>, _target: &'t AdminTarget) -> Vec<Ask<'t>> {
                    Vec::new()
                }
            }
        )*
    };
}

acts! {
    /// Administer the firm: accounts, matter types, switches, the daemon itself.
    Administer, Admin, |seen| seen.standing.role == Role::Admin;
    /// Manage matters, contacts and who has access to what. It opens no document. A session that may only look gets such permits to
    /// look: they change nothing.
    Manage, Read, |seen| matches!(seen.standing.role, Role::Staff | Role::Admin);
    /// See who did what in a matter.
    SeeActivity, Read, |seen| matches!(seen.standing.role, Role::Admin | Role::Auditor | Role::Staff);
    /// Read the whole record, prove and verify it. It opens no document.
    SeeRecord, Read, |seen| matches!(seen.standing.role, Role::Admin | Role::Auditor);
    /// What somebody does to the own account, which is that of the permit.
    OwnAccount, Manage, |_seen| true;
    /// See who is signed in with the own account, and what was done with it.
    SeeOwnAccount, Read, |_seen| true;
}

fn read(seen: &Viewpoint<'_>, aim: &DocumentTarget) -> policy::Operation {
    policy::Operation::Read { object: seen.object(aim), rights: seen.rights(&aim.place) }
}

fn describe(seen: &Viewpoint<'_>, aim: &DocumentTarget) -> policy::Operation {
    policy::Operation::Describe { object: seen.object(aim), rights: seen.rights(&aim.place) }
}

fn create(seen: &Viewpoint<'_>, aim: &NewTarget, rights: Rights) -> policy::Operation {
    policy::Operation::Create { transient: aim.transient, rights, shown: seen.shown(&aim.place) }
}

impl Aim for FolderTarget {
    fn matter(&self) -> Option<MatterId> {
        self.place.matter
    }
    fn object(&self) -> Option<NodeId> {
        self.place.folder()
    }
    fn path(&self) -> String {
        self.place.path.to_string()
    }
}

impl Aim for DocumentTarget {
    fn matter(&self) -> Option<MatterId> {
        self.place.matter
    }
    fn object(&self) -> Option<NodeId> {
        Some(self.node)
    }
    fn path(&self) -> String {
        self.path().to_string()
    }
}

impl Aim for NewTarget {
    fn matter(&self) -> Option<MatterId> {
        self.place.matter
    }
    fn object(&self) -> Option<NodeId> {
        None
    }
    fn path(&self) -> String {
        self.path().to_string()
    }
}

impl Aim for MoveTarget {
    fn matter(&self) -> Option<MatterId> {
        self.from.place.matter
    }
    fn object(&self) -> Option<NodeId> {
        Some(self.from.node)
    }
    fn path(&self) -> String {
        self.from.path().to_string()
    }
    fn to(&self) -> Option<String> {
        Some(self.to.path().to_string())
    }
}

impl Aim for AsideTarget {
    fn matter(&self) -> Option<MatterId> {
        self.document.place.matter
    }
    fn object(&self) -> Option<NodeId> {
        Some(self.document.node)
    }
    fn path(&self) -> String {
        self.document.path().to_string()
    }
    fn to(&self) -> Option<String> {
        match &self.step {
            AsideStep::Away(name) => Some(name.to_string()),
            AsideStep::Removed | AsideStep::Forgotten | AsideStep::Back => None,
        }
    }
}

impl Aim for SaveTarget {
    fn matter(&self) -> Option<MatterId> {
        self.document.place.matter
    }
    fn object(&self) -> Option<NodeId> {
        Some(self.document.node)
    }
    fn path(&self) -> String {
        self.document.path().to_string()
    }
    fn source(&self) -> Option<NodeId> {
        Some(self.temporary.node)
    }
}

impl Aim for ExpiredTarget {
    fn matter(&self) -> Option<MatterId> {
        self.matter
    }
    fn object(&self) -> Option<NodeId> {
        Some(self.node)
    }
    fn path(&self) -> String {
        self.name.to_string()
    }
}

impl Aim for AdminTarget {
    fn matter(&self) -> Option<MatterId> {
        self.matter
    }
    fn object(&self) -> Option<NodeId> {
        None
    }
    fn path(&self) -> String {
        self.action.clone()
    }
    fn to(&self) -> Option<String> {
        Some(self.subject.clone())
    }
}
