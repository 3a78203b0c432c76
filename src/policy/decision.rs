//! The table of operations and rights.

use std::fmt;

use crate::names::{Rights, Verb};

/// What is known of the object of an operation, as far as a decision may depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Object {
    /// The session's account made it.
    pub own: bool,
    /// It was made within the time in which its maker may still finish it.
    pub fresh: bool,
    /// It holds no byte yet: the first half of a two-phase create.
    pub empty: bool,
    /// It is a temporary file of a save by its name; only its maker can see it.
    pub transient: bool,
    /// It is a folder.
    pub folder: bool,
    /// Its maker holds a lock on it that was taken when it was new, or has given that back just now: the program that brings
    /// it is not done.
    pub held: bool,
    /// A folder that shows or hides itself by a rule of its own, or by what it holds, whatever the rights in its folder are.
    pub by_rule: Option<bool>,
    /// What may be done with a document because it is shared where it stands.
    pub shared: Rights,
    /// A rule or share stands on it or below, so that it cannot move to another folder.
    pub anchored: bool,
    /// It came into a drop box and was not delivered yet: nobody's but its maker's.
    pub in_intake: bool,
}

impl Object {
    /// May a session with these rights in the holding folder know of this object? With any right but Create; without one,
    /// a maker still sees the own fresh upload and the own folder. Temporary files are their maker's alone. Rules and shares
    /// go before.
    pub fn visible(self, rights: Rights) -> bool {
        if self.in_intake && !self.own {
            return false;
        }
        if self.transient {
            return self.own && !rights.is_empty();
        }
        if let Some(shown) = self.by_rule {
            return shown;
        }
        self.shared.reveals()
            || rights.reveals()
            || (rights.has(Verb::Create) && self.own && (self.fresh || self.folder || self.held))
    }

    /// Shows itself where its folder is not listed.
    pub fn shows_itself(self) -> bool {
        self.by_rule == Some(true) || self.shared.reveals()
    }

    /// Nobody's business but its maker's or staff's, whatever the rights in the folder.
    fn out_of_sight(self) -> bool {
        ((self.transient || self.in_intake) && !self.own) || self.by_rule == Some(false)
    }

    /// Its maker may still be busy with it.
    fn own_fresh(self) -> bool {
        self.own && (self.fresh || self.held) && !self.folder
    }

    /// Its maker may still bring its content.
    fn is_unfinished(self) -> bool {
        self.own && !self.folder && ((self.fresh && self.empty) || self.held)
    }

    fn own_transient(self) -> bool {
        self.own && self.transient
    }
}

/// An operation with the rights in the folders that it touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// See a folder's entries; `shown` tells whether the folder itself may be seen.
    List {
        /// The folder may be seen.
        shown: bool,
    },
    /// Look at one entry.
    Stat {
        /// The entry.
        object: Object,
        /// Rights in its folder.
        rights: Rights,
    },
    /// Download.
    Read {
        /// The document.
        object: Object,
        /// Rights in its folder.
        rights: Rights,
    },
    /// A new document or folder under a free name; `shown` tells whether the folder may be seen.
    Create {
        /// The name is one of a temporary file.
        transient: bool,
        /// Rights in the folder.
        rights: Rights,
        /// The folder may be seen.
        shown: bool,
    },
    /// Replace, edit, append, truncate.
    Update {
        /// The document.
        object: Object,
        /// Rights in its folder.
        rights: Rights,
    },
    /// Set times or properties, lock: what a maker still does to an upload that has just arrived.
    Describe {
        /// The document or folder.
        object: Object,
        /// Rights in its folder.
        rights: Rights,
    },
    /// Remove.
    Delete {
        /// The document or folder.
        object: Object,
        /// Rights in its folder.
        rights: Rights,
    },
    /// Move away or remove for a moment, in a save: others see it all the while, and it is back if nothing replaces it.
    SetAside {
        /// The document.
        object: Object,
        /// Rights in its folder.
        rights: Rights,
    },
    /// Rename within a folder.
    Rename {
        /// The document or folder.
        object: Object,
        /// The document that stands under the new name.
        replaces: Option<Object>,
        /// Rights in the folder.
        rights: Rights,
    },
    /// Move to another folder.
    Move {
        /// The document or folder.
        object: Object,
        /// The document that stands at the target.
        replaces: Option<Object>,
        /// Rights in the folder that it leaves.
        source: Rights,
        /// Rights in the folder that it enters.
        target: Rights,
    },
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Go on.
    Allowed,
    /// The object may be seen, the operation is not granted: "permission denied".
    Denied,
    /// The object may not be known of: exactly as if it did not exist.
    Hidden,
}

/// Decides an operation by the table.
pub fn decide(operation: Operation) -> Decision {
    let (granted, visible) = weigh(operation);
    match (granted, granted || visible) {
        (true, _) => Decision::Allowed,
        (false, true) => Decision::Denied,
        (false, false) => Decision::Hidden,
    }
}

/// What is answered where something beyond the table refuses what the table allows: an object that only the granted
/// operation itself would have revealed stays hidden.
pub fn refusal(operation: Operation) -> Decision {
    let (_, visible) = weigh(operation);
    if visible { Decision::Denied } else { Decision::Hidden }
}

/// What grants an operation on a document that the rights in its folder do not; its text is a sentence for `policy explain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exception {
    /// Staff share the document.
    Shared,
    /// A temporary file is its maker's.
    Temporary,
    /// A maker finishes an upload that has just begun.
    Unfinished,
    /// A maker takes back what was not delivered yet.
    Undelivered,
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared => "allowed all the same: the document is shared where it stands",
            Self::Temporary => "allowed all the same: a temporary file of a save is its maker's own",
            Self::Unfinished => "allowed all the same: its maker has just made it, and may still fill it",
            Self::Undelivered => {
                "allowed all the same: its maker has just put it into a drop box, and may take it back"
            }
        })
    }
}

/// The exception by which the table grants this operation, if it is one.
pub fn exception(operation: Operation) -> Option<Exception> {
    use Operation as Op;
    match operation {
        Op::Read { object, rights } if !rights.has(Verb::Read) => {
            let temporary = object.own_transient() && !rights.is_empty();
            let shared = object.shared.has(Verb::Read).then_some(Exception::Shared);
            shared.or(temporary.then_some(Exception::Temporary))
        }
        Op::Update { object, rights } if !rights.has(Verb::Update) => {
            let finishing = rights.has(Verb::Create) && object.is_unfinished();
            let temporary = writes_transient(object, rights).then_some(Exception::Temporary);
            temporary.or(finishing.then_some(Exception::Unfinished))
        }
        Op::Delete { object, rights } if !rights.has(Verb::Delete) => {
            let back = object.in_intake && object.own_fresh() && rights.has(Verb::Create);
            let temporary = writes_transient(object, rights).then_some(Exception::Temporary);
            temporary.or(back.then_some(Exception::Undelivered))
        }
        _ => None,
    }
}

/// Is it granted, and may its object be seen apart from that?
fn weigh(operation: Operation) -> (bool, bool) {
    use Operation as Op;
    let (granted, visible) = match operation {
        Op::List { shown } => (shown, shown),
        Op::Stat { object, rights } => (object.visible(rights), false),
        Op::Read { object, rights } => {
            (rights.has(Verb::Read) || exception(operation).is_some(), object.visible(rights))
        }
        Op::Create { transient, rights, shown } => {
            (rights.has(Verb::Create) || (transient && rights.has(Verb::Update)), shown)
        }
        Op::Update { object, rights } => {
            (rights.has(Verb::Update) || exception(operation).is_some(), object.visible(rights))
        }
        Op::Describe { object, rights } => {
            let finishing = rights.has(Verb::Create) && (object.own_fresh() || (object.own && object.folder));
            (rights.has(Verb::Update) || finishing || writes_transient(object, rights), object.visible(rights))
        }
        Op::Delete { object, rights } => {
            (rights.has(Verb::Delete) || exception(operation).is_some(), object.visible(rights))
        }
        Op::SetAside { object, rights } => {
            (rights.has(Verb::Update) && !object.transient && !object.folder, object.visible(rights))
        }
        // A folder in which a save is prepared goes as it came: what is in it is its maker's alone.
        Op::Rename { object, rights, .. } if object.transient && object.folder => (false, object.visible(rights)),
        Op::Move { object, source, .. } if object.transient && object.folder => (false, object.visible(source)),
        // What was not looked at yet goes nowhere but where it is delivered.
        Op::Rename { object, replaces: Some(_), rights } if object.in_intake => (false, object.visible(rights)),
        Op::Move { object, source, .. } if object.in_intake => (false, object.visible(source)),
        Op::Rename { object, replaces, rights } => {
            let blind = rights.has(Verb::Create) && !rights.reveals() && object.own_fresh() && replaces.is_none();
            // Giving a temporary file its final name makes a document, or replaces one.
            let finish = rights.has(if replaces.is_some() { Verb::Update } else { Verb::Create });
            let granted = if object.own_transient() { finish } else { rights.has(Verb::Update) || blind };
            (granted, object.visible(rights))
        }
        Op::Move { object, replaces, source, target } => {
            let leave = (source.has(Verb::Read) && source.has(Verb::Delete)) || writes_transient(object, source);
            let enter = target.has(if replaces.is_some() { Verb::Update } else { Verb::Create });
            (leave && enter && !object.anchored, object.visible(source))
        }
    };
    let out_of_sight = match operation {
        Op::Read { object, .. }
        | Op::Update { object, .. }
        | Op::Describe { object, .. }
        | Op::Delete { object, .. }
        | Op::SetAside { object, .. }
        | Op::Rename { object, .. }
        | Op::Move { object, .. } => object.out_of_sight(),
        Op::List { .. } | Op::Stat { .. } | Op::Create { .. } => false,
    };
    (granted && !out_of_sight, visible && !out_of_sight)
}

/// A maker may always write, rename and delete the own temporary files of a save, where any writing is allowed at all.
fn writes_transient(object: Object, rights: Rights) -> bool {
    object.own_transient() && (rights.has(Verb::Create) || rights.has(Verb::Update))
}
