//! All right sets and all objects that a decision can meet.

use deedbox::names::{Rights, Verb};
use deedbox::policy::Object;

/// All 32 sets of rights, from none to full.
pub(crate) fn all_rights() -> impl Iterator<Item = Rights> + Clone {
    (0..32u8).map(|bits| {
        let chosen: Vec<Verb> =
            Verb::ALL.into_iter().enumerate().filter(|(n, _)| bits >> n & 1 == 1).map(|p| p.1).collect();
        Rights::of(&chosen)
    })
}

/// All objects that can be. A folder has no bytes to be empty of, and nobody uploads it under a lock.
pub(crate) fn all_objects() -> impl Iterator<Item = Object> + Clone {
    (0..64u8).filter_map(|bits| {
        let fact = |n: u8| bits >> n & 1 == 1;
        // Every field by name: a further fact must be added here before this compiles again.
        let object = Object {
            own: fact(0),
            fresh: fact(1),
            empty: fact(2),
            transient: fact(3),
            folder: fact(4),
            held: fact(5),
            ..Object::default()
        };
        (!object.folder || !(object.empty || object.held)).then_some(object)
    })
}

/// `lr-u-` for list, read and update.
pub(crate) fn letters(rights: Rights) -> String {
    Verb::ALL.into_iter().map(|verb| if rights.has(verb) { &verb.as_str()[..1] } else { "-" }).collect()
}
