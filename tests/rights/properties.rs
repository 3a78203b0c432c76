//! What must hold of every decision, whatever the table says.

use deedbox::names::{Rights, Verb};
use deedbox::policy::{Decision, Object, Operation, decide, refusal};

use crate::vocabulary::{all_objects, all_rights};

/// The operations on one object, a rename to a free name among them.
fn on(object: Object, rights: Rights) -> [Operation; 7] {
    [
        Operation::Stat { object, rights },
        Operation::Read { object, rights },
        Operation::Update { object, rights },
        Operation::Describe { object, rights },
        Operation::Delete { object, rights },
        Operation::SetAside { object, rights },
        Operation::Rename { object, replaces: None, rights },
    ]
}

#[test]
fn nothing_is_allowed_without_any_right() {
    for object in all_objects() {
        for operation in on(object, Rights::NONE) {
            assert_eq!(decide(operation), Decision::Hidden, "{operation:?}");
        }
    }
}

#[test]
fn everything_is_allowed_with_all_rights_but_on_somebody_elses_temporary_file() {
    for object in all_objects() {
        for operation in on(object, Rights::FULL) {
            // Only a document is moved away in a save, and a folder in which one is prepared stays where it is.
            let never = match operation {
                Operation::SetAside { .. } => object.transient || object.folder,
                Operation::Rename { .. } => object.transient && object.folder,
                _ => false,
            };
            let expected = match (object.transient && !object.own, never) {
                (true, _) => Decision::Hidden,
                (false, true) => Decision::Denied,
                (false, false) => Decision::Allowed,
            };
            assert_eq!(decide(operation), expected, "{operation:?}");
        }
    }
}

#[test]
fn what_cannot_be_seen_is_never_answered_with_permission_denied() {
    for (object, rights) in all_objects().flat_map(|object| all_rights().map(move |rights| (object, rights))) {
        let seen = decide(Operation::Stat { object, rights }) == Decision::Allowed;
        for operation in on(object, rights) {
            let decision = decide(operation);
            assert!(seen || decision != Decision::Denied, "{operation:?}");
            assert!(!seen || decision != Decision::Hidden, "{operation:?}");
        }
    }
}

#[test]
fn with_create_alone_nothing_of_others_can_be_touched_or_told_from_nothing() {
    let create = Rights::of(&[Verb::Create]);
    for object in all_objects().filter(|object| !object.own) {
        for operation in on(object, create) {
            assert_eq!(decide(operation), Decision::Hidden, "{operation:?}");
        }
    }
}

#[test]
fn what_waits_in_a_drop_box_is_nobodys_but_its_makers_and_goes_nowhere() {
    for (object, rights) in all_objects().flat_map(|object| all_rights().map(move |rights| (object, rights))) {
        let held = Object { in_intake: true, ..object };
        if !object.own {
            for operation in on(held, rights) {
                assert_eq!(decide(operation), Decision::Hidden, "{operation:?}");
            }
        }
        for replaces in [None, Some(Object::default())] {
            let (source, target) = (rights, Rights::FULL);
            assert_ne!(
                decide(Operation::Move { object: held, replaces, source, target }),
                Decision::Allowed,
                "{held:?}"
            );
        }
        let over = Operation::Rename { object: held, replaces: Some(Object::default()), rights };
        assert_ne!(decide(over), Decision::Allowed, "{held:?}");
    }
}

#[test]
fn what_a_maker_has_finished_is_a_document_like_any_other() {
    for rights in all_rights() {
        let finished = Object { own: true, ..Object::default() };
        for (own, foreign) in on(finished, rights).into_iter().zip(on(Object::default(), rights)) {
            assert_eq!(decide(own), decide(foreign), "{own:?}");
        }
    }
}

#[test]
fn a_further_right_takes_nothing_away_but_the_blindness_of_a_drop_box() {
    for (object, rights) in all_objects().flat_map(|object| all_rights().map(move |rights| (object, rights))) {
        for verb in Verb::ALL {
            let more = rights | Rights::of(&[verb]);
            for (before, after) in on(object, rights).into_iter().zip(on(object, more)) {
                // Only where nothing can be seen may an upload be renamed by its maker with Create alone.
                let was_blind = matches!(before, Operation::Rename { .. }) && !rights.reveals() && more.reveals();
                let lost = decide(before) == Decision::Allowed && decide(after) != Decision::Allowed;
                assert!(!lost || was_blind, "{before:?} with {verb}");
            }
        }
    }
}

#[test]
fn what_a_guard_refuses_is_answered_like_what_the_table_refuses() {
    for (object, rights) in all_objects().flat_map(|object| all_rights().map(move |rights| (object, rights))) {
        let seen = decide(Operation::Stat { object, rights }) == Decision::Allowed;
        let expected = if seen { Decision::Denied } else { Decision::Hidden };
        for operation in on(object, rights).into_iter().filter(|op| !matches!(op, Operation::Stat { .. })) {
            assert_eq!(refusal(operation), expected, "{operation:?}");
            let decision = decide(operation);
            assert!(decision == Decision::Allowed || decision == expected, "{operation:?}");
        }
    }
}
