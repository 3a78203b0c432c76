//! The table of operations and rights a second time, written from its text and not from the code.
//!
//! | operation | needs |
//! |---|---|
//! | list a folder | that it is shown; without List it is empty |
//! | stat | any right but Create; a maker sees the own new upload, and the own folder |
//! | read | Read |
//! | create a document, make a folder | Create |
//! | replace, edit, append, truncate | Update; Create for the second half of a create that began with an empty document |
//! | set times, properties, locks | Update; Create for the own new upload or folder |
//! | delete | Delete |
//! | move away or remove in a save, until what replaces it comes | Update |
//! | rename | Update; in a drop box Create for the own new upload |
//! | move | Read and Delete at the source; Create at the target, Update if something is replaced |
//!
//! Temporary files of a save exist for their maker alone, who may make, read, write, rename and delete them with Create or
//! Update (to read them, with any right). Giving one its final name needs Create, or Update where it replaces. So it is with
//! the folders in which a save is prepared, but that those are never renamed or moved. A new upload stays one as long as its
//! maker holds the lock that was taken on it when it was new, and may be written as often as its maker likes.

use deedbox::names::{Rights, Verb};
use deedbox::policy::{Decision, Object, Operation, decide};
use proptest::prelude::*;

use crate::vocabulary::{all_objects, all_rights};

/// Somebody with these rights in front of this object.
#[derive(Clone, Copy)]
struct Before {
    rights: Rights,
    object: Object,
}

impl Before {
    fn has(self, verb: Verb) -> bool {
        self.rights.has(verb)
    }

    fn any_but_create(self) -> bool {
        [Verb::List, Verb::Read, Verb::Update, Verb::Delete].into_iter().any(|verb| self.has(verb))
    }

    fn new_upload(self) -> bool {
        self.object.own && (self.object.fresh || self.object.held) && !self.object.folder
    }

    fn own_folder(self) -> bool {
        self.object.own && self.object.folder
    }

    fn saves(self) -> bool {
        self.object.own && self.object.transient && (self.has(Verb::Create) || self.has(Verb::Update))
    }

    fn sees(self) -> bool {
        match (self.object.transient, self.object.own) {
            (true, false) => false,
            (true, true) => self.any_but_create() || self.has(Verb::Create),
            (false, _) => self.any_but_create() || (self.has(Verb::Create) && (self.new_upload() || self.own_folder())),
        }
    }

    /// What is granted is allowed, what is not is refused; what may not be known of is hidden.
    fn answer(self, granted: bool) -> Decision {
        match (self.object.transient && !self.object.own, granted, self.sees()) {
            (true, _, _) | (false, false, false) => Decision::Hidden,
            (false, true, _) => Decision::Allowed,
            (false, false, true) => Decision::Denied,
        }
    }
}

fn expected(operation: Operation) -> Decision {
    let shown_or = |granted, shown| match (granted, shown) {
        (true, _) => Decision::Allowed,
        (false, true) => Decision::Denied,
        (false, false) => Decision::Hidden,
    };
    match operation {
        Operation::List { shown } => shown_or(shown, false),
        Operation::Create { transient, rights, shown } => {
            shown_or(rights.has(Verb::Create) || (transient && rights.has(Verb::Update)), shown)
        }
        Operation::Stat { object, rights } => {
            if (Before { rights, object }).sees() {
                Decision::Allowed
            } else {
                Decision::Hidden
            }
        }
        Operation::Read { object, rights } => {
            let it = Before { rights, object };
            it.answer(it.has(Verb::Read) || (object.own && object.transient && it.sees()))
        }
        Operation::Update { object, rights } => {
            let it = Before { rights, object };
            let unfinished = object.own && !object.folder && (object.held || (object.fresh && object.empty));
            it.answer(it.has(Verb::Update) || (it.has(Verb::Create) && unfinished) || it.saves())
        }
        Operation::Describe { object, rights } => {
            let it = Before { rights, object };
            let of_own = it.has(Verb::Create) && (it.new_upload() || it.own_folder());
            it.answer(it.has(Verb::Update) || of_own || it.saves())
        }
        Operation::Delete { object, rights } => {
            let it = Before { rights, object };
            it.answer(it.has(Verb::Delete) || it.saves())
        }
        Operation::SetAside { object, rights } => {
            let it = Before { rights, object };
            it.answer(it.has(Verb::Update) && !object.transient && !object.folder)
        }
        Operation::Rename { object, rights, .. } | Operation::Move { object, source: rights, .. }
            if object.folder && object.transient =>
        {
            Before { rights, object }.answer(false)
        }
        Operation::Rename { object, replaces, rights } => {
            let it = Before { rights, object };
            let drop_box = it.has(Verb::Create) && !it.any_but_create();
            let in_drop_box = drop_box && it.new_upload() && replaces.is_none();
            let end_of_save = it.has(if replaces.is_some() { Verb::Update } else { Verb::Create });
            let temporary = object.own && object.transient;
            it.answer(if temporary { end_of_save } else { it.has(Verb::Update) || in_drop_box })
        }
        Operation::Move { object, replaces, source, target } => {
            let it = Before { rights: source, object };
            let leaves = (it.has(Verb::Read) && it.has(Verb::Delete)) || it.saves();
            let enters = target.has(if replaces.is_some() { Verb::Update } else { Verb::Create });
            it.answer(leaves && enters)
        }
    }
}

fn agree(operation: Operation) {
    assert_eq!(decide(operation), expected(operation), "{operation:?}");
}

#[test]
fn every_decision_is_the_one_that_the_text_asks_for() {
    for shown in [false, true] {
        agree(Operation::List { shown });
        for rights in all_rights() {
            agree(Operation::Create { transient: false, rights, shown });
            agree(Operation::Create { transient: true, rights, shown });
        }
    }
    for rights in all_rights() {
        for object in all_objects() {
            agree(Operation::Stat { object, rights });
            agree(Operation::Read { object, rights });
            agree(Operation::Update { object, rights });
            agree(Operation::Describe { object, rights });
            agree(Operation::Delete { object, rights });
            agree(Operation::SetAside { object, rights });
            for replaces in std::iter::once(None).chain(all_objects().map(Some)) {
                agree(Operation::Rename { object, replaces, rights });
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_move_is_decided_as_the_text_asks(
        object in proptest::sample::select(all_objects().collect::<Vec<_>>()),
        replaces in proptest::option::of(proptest::sample::select(all_objects().collect::<Vec<_>>())),
        source in proptest::sample::select(all_rights().collect::<Vec<_>>()),
        target in proptest::sample::select(all_rights().collect::<Vec<_>>()),
    ) {
        let operation = Operation::Move { object, replaces, source, target };
        prop_assert_eq!(decide(operation), expected(operation));
    }
}
