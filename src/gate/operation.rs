//! The operations that a permit can be for: what each is aimed at, and which question it puts to the policy.

use std::time::Duration;

use crate::audit::Action;
use crate::names::{
    AdminTarget, DocumentTarget, FolderTarget, MatterId, MoveTarget, NewTarget, NodeId, Place, Rights, Role,
};
use crate::policy::{self, Decision, MatterRules, Object, Standing};
use crate::practice::Firm;

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
}

/// One kind of operation. Sealed: the list below is all there is.
pub trait Operation: sealed::Sealed + Send + Sync + 'static {
    /// What it is aimed at.
    type Target: Aim + Send + Sync;
    /// Its word in the audit record.
    const ACTION: Action;
    /// When its record must be durable.
    const RECORDED: Recorded;
    /// The policy's answer.
    fn judge(seen: &Viewpoint<'_>, target: &Self::Target) -> Decision;
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
        let folder = Object { own: place.own, folder: true, ..Object::default() };
        folder.visible(self.rights(place))
    }

    /// What the policy may know of an entry.
    pub fn object(&self, target: &DocumentTarget) -> Object {
        Object {
            own: target.is_own,
            fresh: target.made_at.elapsed() < self.fresh_for,
            empty: !target.is_folder && target.size == 0,
            transient: target.is_transient,
            folder: target.is_folder,
        }
    }

    fn with_rules<T>(&self, place: &Place, answer: impl FnOnce(&MatterRules) -> T) -> T {
        match place.matter.and_then(|matter| self.firm.matter(matter)) {
            Some(matter) => answer(&matter.rules),
            None => answer(&MatterRules::default()),
        }
    }
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident($target:ty) = $action:ident, $recorded:ident, |$seen:ident, $aim:ident| $judge:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name;
            impl sealed::Sealed for $name {}
            impl Operation for $name {
                type Target = $target;
                const ACTION: Action = Action::$action;
                const RECORDED: Recorded = Recorded::$recorded;
                fn judge($seen: &Viewpoint<'_>, $aim: &$target) -> Decision {
                    $judge
                }
            }
        )*
    };
}

operations! {
    /// See a folder's entries.
    List(FolderTarget) = List, Lookup, |seen, aim| {
        policy::decide(policy::Operation::List { shown: seen.shown(&aim.place) })
    };
    /// Look at a folder of the structure.
    StatFolder(FolderTarget) = Stat, Lookup, |seen, aim| {
        policy::decide(policy::Operation::List { shown: seen.shown(&aim.place) })
    };
    /// Look at one entry.
    Stat(DocumentTarget) = Stat, Lookup, |seen, aim| {
        policy::decide(policy::Operation::Stat { object: seen.object(aim), rights: seen.rights(&aim.place) })
    };
    /// Download a document.
    Read(DocumentTarget) = Read, BeforeEffect, |seen, aim| {
        policy::decide(policy::Operation::Read { object: seen.object(aim), rights: seen.rights(&aim.place) })
    };
    /// Upload a document under a free name.
    Create(NewTarget) = Create, BeforeCommit, |seen, aim| create(seen, aim);
    /// Make a folder.
    MakeFolder(NewTarget) = MakeFolder, BeforeEffect, |seen, aim| create(seen, aim);
    /// Give an existing document its next version.
    Update(DocumentTarget) = Update, BeforeCommit, |seen, aim| {
        policy::decide(policy::Operation::Update { object: seen.object(aim), rights: seen.rights(&aim.place) })
    };
    /// Set the times of an entry.
    SetTimes(DocumentTarget) = SetTimes, BeforeEffect, |seen, aim| {
        policy::decide(policy::Operation::Describe { object: seen.object(aim), rights: seen.rights(&aim.place) })
    };
    /// Set or remove dead properties of an entry.
    SetProperties(DocumentTarget) = SetProperties, BeforeEffect, |seen, aim| {
        policy::decide(policy::Operation::Describe { object: seen.object(aim), rights: seen.rights(&aim.place) })
    };
    /// Lock an entry, refresh or free its lock.
    Lock(DocumentTarget) = Lock, BeforeEffect, |seen, aim| {
        policy::decide(policy::Operation::Describe { object: seen.object(aim), rights: seen.rights(&aim.place) })
    };
    /// Remove a document or an empty folder.
    Delete(DocumentTarget) = Delete, BeforeEffect, |seen, aim| {
        policy::decide(policy::Operation::Delete { object: seen.object(aim), rights: seen.rights(&aim.place) })
    };
    /// Rename or move a document or folder.
    Move(MoveTarget) = Move, BeforeEffect, |seen, aim| {
        let object = seen.object(&aim.from);
        let replaces = aim.replaces.as_ref().map(|target| seen.object(target));
        let (source, target) = (seen.rights(&aim.from.place), seen.rights(&aim.to.place));
        policy::decide(if aim.from.place.chain == aim.to.place.chain {
            policy::Operation::Rename { object, replaces, rights: source }
        } else {
            policy::Operation::Move { object, replaces, source, target }
        })
    };
    /// Administer the firm.
    Administer(AdminTarget) = Administer, BeforeEffect, |seen, _aim| {
        if seen.standing.role == Role::Admin { Decision::Allowed } else { Decision::Denied }
    };
    /// What somebody does to the own account, which is that of the permit.
    OwnAccount(AdminTarget) = Administer, BeforeEffect, |_seen, _aim| Decision::Allowed;
}

fn create(seen: &Viewpoint<'_>, aim: &NewTarget) -> Decision {
    policy::decide(policy::Operation::Create {
        transient: aim.name.is_transient(),
        rights: seen.rights(&aim.place),
        shown: seen.shown(&aim.place),
    })
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
