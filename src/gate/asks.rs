//! Which questions an operation puts to the firm's guards, and the asking.
//!
//! The verbs are those of the table of operations and rights: a move reads and deletes at its source and creates or updates
//! at its target. Both names of a rename are asked about, or a document could get by renaming what it could not be sent
//! as. What a maker still does to an own upload that has just arrived is part of creating it, and so are the temporary
//! files of a save: drives create in several steps, and a guard on `update` must not break the second. To look at one name
//! asks nothing; a guard on `list` refuses the folder.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::operation::{Operation, Viewpoint};
use super::{Gate, Session};
use crate::names::{DocName, DocumentTarget, FolderTarget, MoveTarget, NewTarget, Place, SaveTarget, Timestamp, Verb};
use crate::policy::Object;
use crate::policy::guards::{Asker, Forbidden, Guards, LocalTime, Question, folder_within};

/// The firm's guards as they are in force, and the zone by whose clock they go.
pub struct Guarding {
    /// The guards; nothing if the firm has none.
    pub guards: Option<Arc<Guards>>,
    /// The firm's time zone; UTC if nothing is said.
    pub zone: TimeZone,
}

impl Default for Guarding {
    fn default() -> Self {
        Self { guards: None, zone: TimeZone::UTC }
    }
}

/// One verb on one thing.
pub struct Ask<'a> {
    verb: Verb,
    place: &'a Place,
    /// Nothing for the folder itself.
    name: Option<&'a DocName>,
    is_folder: bool,
    size: u64,
}

pub(super) fn of_folder(verb: Verb, target: &FolderTarget) -> Vec<Ask<'_>> {
    vec![Ask { verb, place: &target.place, name: None, is_folder: true, size: 0 }]
}

pub(super) fn of_document(verb: Verb, target: &DocumentTarget) -> Ask<'_> {
    Ask { verb, place: &target.place, name: Some(&target.name), is_folder: target.is_folder, size: target.size }
}

pub(super) fn of_new(target: &NewTarget, is_folder: bool) -> Vec<Ask<'_>> {
    vec![Ask { verb: Verb::Create, place: &target.place, name: Some(&target.name), is_folder, size: 0 }]
}

/// New content for a document: what fills the empty first half of a drive's upload belongs to that upload.
pub(super) fn of_content(object: Object, target: &DocumentTarget) -> Vec<Ask<'_>> {
    let creating = is_own_save(object) || (object.own && ((object.fresh && object.empty) || object.held));
    vec![of_document(if creating { Verb::Create } else { Verb::Update }, target)]
}

/// Times, properties, locks.
pub(super) fn of_description(object: Object, target: &DocumentTarget) -> Vec<Ask<'_>> {
    vec![of_document(describing(object), target)]
}

pub(super) fn of_removal(object: Object, target: &DocumentTarget) -> Vec<Ask<'_>> {
    let is_bringing = is_own_save(object) || (object.own && object.in_intake);
    vec![of_document(if is_bringing { Verb::Create } else { Verb::Delete }, target)]
}

/// The last step of a save: new content for the document.
pub(super) fn of_save(target: &SaveTarget) -> Vec<Ask<'_>> {
    vec![Ask { size: target.temporary.size, ..of_document(Verb::Update, &target.document) }]
}

pub(super) fn of_move(object: Object, target: &MoveTarget) -> Vec<Ask<'_>> {
    let MoveTarget { from, to, replaces } = target;
    let renamed = from.place.chain == to.place.chain;
    let mut asks = Vec::with_capacity(3);
    if !is_own_save(object) {
        let leaving: &[Verb] = if renamed { &[describing(object)] } else { &[Verb::Read, Verb::Delete] };
        asks.extend(leaving.iter().map(|verb| of_document(*verb, from)));
    }
    let verb = match replaces {
        Some(_) => Verb::Update,
        None if renamed && !is_own_save(object) => describing(object),
        None => Verb::Create,
    };
    let name = Some(&to.name);
    asks.push(Ask { verb, place: &to.place, name, is_folder: from.is_folder, size: from.size });
    asks
}

fn describing(object: Object) -> Verb {
    if is_own_save(object) || (object.own && (object.fresh || object.held)) { Verb::Create } else { Verb::Update }
}

fn is_own_save(object: Object) -> bool {
    object.own && object.transient
}

impl Gate {
    /// Puts other guards in force: open sessions are asked by them from now on.
    pub fn guard(&self, guarding: Guarding) {
        self.guarding.store(Arc::new(guarding));
        self.tell_of_losses();
    }

    /// The guards in force.
    pub fn guarding(&self) -> Arc<Guarding> {
        self.guarding.load_full()
    }

    /// The guard that forbids what the table allows, if one does. `size` replaces that of the target where it is known
    /// better.
    pub(super) fn forbidden<O: Operation>(
        &self,
        session: &Session,
        seen: &Viewpoint<'_>,
        target: &O::Target,
        size: Option<u64>,
    ) -> Option<Forbidden> {
        let guarding = self.guarding.load();
        let guards = guarding.guards.as_deref()?;
        let asker = session.asker();
        let mut when = None;
        O::asks(seen, target).into_iter().filter(|ask| guards.concern(ask.verb, asker.role)).find_map(|ask| {
            let when = *when.get_or_insert_with(|| LocalTime::at(Timestamp::now(), &guarding.zone));
            let ask = Ask { size: size.unwrap_or(ask.size), ..ask };
            seen.asked(asker, when, &ask, |question| guards.decide(question))
        })
    }
}

impl Viewpoint<'_> {
    fn asked<T>(&self, asker: Asker, when: LocalTime, ask: &Ask<'_>, answer: impl FnOnce(&Question<'_>) -> T) -> T {
        let matter = ask.place.matter.and_then(|matter| self.firm.matter(matter));
        let participation = ask.place.matter.and_then(|matter| self.standing.matters.get(&matter));
        answer(&Question {
            verb: ask.verb,
            asker,
            participant_type: participation.map_or("", |one| &one.participant_type),
            when,
            matter: matter.map_or("", |matter| &matter.number),
            matter_type: matter.map_or("", |matter| &matter.matter_type),
            folder: &folder_within(ask.place),
            is_folder: ask.is_folder,
            name: ask.name.map(DocName::as_str),
            size: ask.size,
        })
    }
}

/// What somebody asks who wants to know what would be if.
#[derive(Debug, Clone, Copy)]
pub struct WhatIf {
    /// Who would ask.
    pub asker: Asker,
    /// When; now if nothing is said.
    pub at: Option<Timestamp>,
    /// Bytes; those of the document if nothing is said.
    pub size: Option<u64>,
}

impl Gate {
    /// The guard that would forbid one verb on something, for an explanation that an administrator asked for.
    pub fn explain_guards(
        &self,
        seen: &Viewpoint<'_>,
        what_if: &WhatIf,
        verb: Verb,
        place: &Place,
        document: Option<(&DocName, bool, u64)>,
    ) -> Option<Forbidden> {
        let guarding = self.guarding.load();
        let guards = guarding.guards.as_deref()?;
        let when = LocalTime::at(what_if.at.unwrap_or_else(Timestamp::now), &guarding.zone);
        let (name, is_folder, size) =
            document.map_or((None, true, 0), |(name, is_folder, size)| (Some(name), is_folder, size));
        let ask = Ask { verb, place, name, is_folder, size: what_if.size.unwrap_or(size) };
        seen.asked(what_if.asker, when, &ask, |question| guards.decide(question))
    }
}
