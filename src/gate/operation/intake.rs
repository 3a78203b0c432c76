//! What becomes of documents that came into a drop box: what the daemon does with them by itself, and what people of the
//! firm decide about those that wait for them.
//!
//! No guard is asked: the guards judge who brings a document, which was done when it came, and what is done to documents
//! that people can see.

use super::{Aim, Ask, Operation, Recorded, Service, Viewpoint, sealed};
use crate::audit::Action;
use crate::names::{AccountId, DeliveryTarget, HeldTarget, MatterId, NodeId, Role, Scope};
use crate::policy::Decision;

macro_rules! of_intake {
    ($($(#[$doc:meta])* $name:ident($target:ty) = $action:ident, |$seen:ident| $decision:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name;
            impl sealed::Sealed for $name {}
            impl Operation for $name {
                type Target = $target;
                const ACTION: Action = Action::$action;
                const RECORDED: Recorded = Recorded::BeforeEffect;
                const SCOPE: Scope = Scope::Manage;
                fn judge($seen: &Viewpoint<'_>, _target: &$target) -> Decision {
                    $decision
                }
                fn refusal(_seen: &Viewpoint<'_>, _target: &$target) -> Decision {
                    Decision::Hidden
                }
                fn asks<'t>(_seen: &Viewpoint<'_>, _target: &'t $target) -> Vec<Ask<'t>> {
                    Vec::new()
                }
            }
        )*
    };
}

of_intake! {
    /// Look at the content: whether it is complete, and for viruses.
    Scan(HeldTarget) = Scan, |_seen| Decision::Hidden;
    /// Deliver it by a rule.
    Route(DeliveryTarget) = Route, |_seen| Decision::Hidden;
    /// Leave it to a person.
    Quarantine(HeldTarget) = Quarantine, |_seen| Decision::Hidden;
    /// Remove what nobody waits for: a connection test, the same content once more.
    DropHeld(HeldTarget) = Delete, |_seen| Decision::Hidden;
    /// Say what became of it to whoever brought it.
    GiveReceipt(HeldTarget) = Receipt, |_seen| Decision::Hidden;
    /// Deliver by hand what waits for a person.
    Assign(DeliveryTarget) = Assign, |seen| by_the_firm(seen);
    /// Remove what waits for a person.
    Discard(HeldTarget) = Delete, |seen| by_the_firm(seen);
}

/// The papers are the firm's: its people decide about all of them, and see none of them by that.
fn by_the_firm(seen: &Viewpoint<'_>) -> Decision {
    if matches!(seen.standing.role, Role::Staff | Role::Admin) { Decision::Allowed } else { Decision::Hidden }
}

macro_rules! by_the_daemon {
    ($($name:ident($target:ty): |$aim:ident| $account:expr;)*) => {
        $(
            impl Service for $name {
                const AS: &'static str = "intake";
                fn account($aim: &$target) -> AccountId {
                    $account
                }
            }
        )*
    };
}

by_the_daemon! {
    Scan(HeldTarget): |aim| aim.account;
    Route(DeliveryTarget): |aim| aim.held.account;
    Quarantine(HeldTarget): |aim| aim.account;
    DropHeld(HeldTarget): |aim| aim.account;
    GiveReceipt(HeldTarget): |aim| aim.account;
}

impl Aim for HeldTarget {
    fn matter(&self) -> Option<MatterId> {
        Some(self.matter)
    }
    fn object(&self) -> Option<NodeId> {
        Some(self.node)
    }
    fn path(&self) -> String {
        self.path.to_string()
    }
}

impl Aim for DeliveryTarget {
    /// That to which it goes: from then on it is one of its documents.
    fn matter(&self) -> Option<MatterId> {
        self.to.place.matter
    }
    fn object(&self) -> Option<NodeId> {
        Some(self.held.node)
    }
    fn path(&self) -> String {
        self.held.path.to_string()
    }
    fn to(&self) -> Option<String> {
        Some(self.to.path().to_string())
    }
    fn source(&self) -> Option<NodeId> {
        self.is_across().then_some(self.held.node)
    }
}
