//! Saves that move the original away, or remove it, before what replaces it comes.
//!
//! To the session that saves, the original is then gone from its name, or stands under the name to which it was moved; to
//! everybody else it stands where it stood. What comes to the name is its next version. If nothing comes, the session sees
//! after a while what everybody sees. So a program that saves like that needs no Delete, and a document that was saved is
//! the document that it was, with its history, its rules and its shares.

use super::changes::span;
use super::tree::{Sight, entry_stat};
use super::{Error, Replace, Stat, View};
use crate::gate;
use crate::names::{
    Aside, AsideStep, AsideTarget, DocName, DocPath, DocumentTarget, NewTarget, Place, Rights, SaveTarget,
};
use crate::policy::{Decision, Operation, decide};
use crate::vault::{AsideRecord, Entry};

impl Sight<'_> {
    /// What the session has set aside in a place.
    pub(super) fn set_aside_in(&self, place: &Place) -> Vec<AsideRecord> {
        place.folder().map_or_else(Vec::new, |folder| self.vault.set_aside_in(self.account, folder))
    }

    /// What the session has moved away to this name.
    pub(super) fn moved_to(
        &self,
        place: &Place,
        name: &DocName,
        asides: &[AsideRecord],
    ) -> Result<Option<(DocumentTarget, Entry)>, Error> {
        let folded = name.folded();
        let is_it = |aside: &&AsideRecord| aside.away.as_ref().is_some_and(|away| away.folded() == folded);
        asides.iter().find(is_it).map_or(Ok(None), |aside| self.moved_away(place, aside))
    }

    fn moved_away(&self, place: &Place, aside: &AsideRecord) -> Result<Option<(DocumentTarget, Entry)>, Error> {
        let Some(name) = aside.away.clone() else { return Ok(None) };
        let entry = self.vault.find(aside.folder, &aside.name)?.filter(|entry| entry.node == aside.node);
        let entry = match entry {
            Some(entry) if aside.is_replaced => self.vault.at_version(entry, aside.version)?,
            entry => entry,
        };
        let seen_as = Aside { name, is_replaced: aside.is_replaced };
        Ok(entry.map(|entry| (DocumentTarget { aside: Some(seen_as), ..self.target(place, &entry) }, entry)))
    }

    /// The document that stands under a name which is free to the session that has set it aside.
    pub(super) fn vacated(&self, place: &Place, name: &DocName) -> Result<Option<DocumentTarget>, Error> {
        let asides = self.set_aside_in(place);
        let Some(folder) = place.folder().filter(|_| !asides.is_empty()) else { return Ok(None) };
        let entry = self.vault.find(folder, name)?.filter(|entry| is_vacated(entry, &asides));
        Ok(entry.map(|entry| self.target(place, &entry)))
    }

    /// An entry as the session lists it.
    pub(super) fn listed_as(&self, entry: &Entry, rights: Rights, asides: &[AsideRecord]) -> Option<Stat> {
        let stat = entry_stat(entry, rights);
        match asides.iter().find(|aside| aside.node == entry.node && !aside.is_replaced) {
            Some(aside) => aside.away.clone().map(|name| Stat { name: Some(name), ..stat }),
            None => Some(stat),
        }
    }

    /// What the session still sees of what was replaced.
    pub(super) fn replaced_in(
        &self,
        place: &Place,
        rights: Rights,
        asides: &[AsideRecord],
    ) -> Result<Vec<Stat>, Error> {
        let mut stats = Vec::new();
        for aside in asides.iter().filter(|aside| aside.is_replaced) {
            let seen = self.moved_away(place, aside)?;
            stats.extend(seen.map(|(_, entry)| Stat { name: aside.away.clone(), ..entry_stat(&entry, rights) }));
        }
        Ok(stats)
    }
}

/// Is the entry's name free to who has set this aside?
pub(super) fn is_vacated(entry: &Entry, asides: &[AsideRecord]) -> bool {
    asides.iter().any(|aside| aside.node == entry.node && !aside.is_replaced)
}

impl View {
    /// A name that nothing bears, for a document.
    pub(super) fn new_document(&self, place: Place, name: DocName) -> Result<NewTarget, Error> {
        let transient = place.transient || self.vfs.gate.transients().is_file(&name);
        let arriving = self.arriving(&place, &name)?;
        Ok(NewTarget { place, name, transient, arriving })
    }

    /// A name that nothing bears, for a folder.
    pub(super) fn new_folder(&self, place: Place, name: DocName) -> NewTarget {
        let transient = place.transient || self.vfs.gate.transients().is_folder(&name);
        NewTarget { place, name, transient, arriving: None }
    }

    pub(super) fn vacated(&self, place: &Place, name: &DocName) -> Result<Option<DocumentTarget>, Error> {
        self.look(|sight| sight.vacated(place, name))
    }

    fn may_set_aside(&self, document: &DocumentTarget) -> Result<bool, Error> {
        self.look(|sight| {
            let (object, rights) = (sight.seen.object(document), sight.seen.rights(&document.place));
            Ok(decide(Operation::SetAside { object, rights }) == Decision::Allowed)
        })
    }

    /// Is this document removed to make room for what the session has just brought under a temporary name? A removal beside
    /// a save, of something else, is a removal.
    pub(super) fn is_being_saved(&self, document: &DocumentTarget) -> Result<bool, Error> {
        let Some(folder) = document.place.folder().filter(|_| !document.is_folder && !document.is_transient) else {
            return Ok(false);
        };
        if !self.may_set_aside(document)? {
            return Ok(false);
        }
        let (names, wait) = (self.vfs.gate.transients(), self.vfs.gate.settings().save_wait);
        let transients = self.vfs.vault.transients(self.session.account(), folder)?;
        Ok(transients.iter().any(|(entry, at)| {
            let holds_something = entry.content.is_none() || entry.size() > 0;
            holds_something && at.elapsed() < wait && names.becomes(&entry.name, &document.name)
        }))
    }

    /// Does a rename to this name move the document away in a save? To everybody's eyes it would be gone under the name of a
    /// temporary file.
    pub(super) fn is_moved_away(
        &self,
        document: &DocumentTarget,
        to: &NewTarget,
        replaces: Option<&DocumentTarget>,
    ) -> Result<bool, Error> {
        let could = !document.is_folder && !document.is_transient && to.transient && !to.place.transient;
        let free = replaces.is_none_or(|there| there.is_transient);
        Ok(could && free && document.place.chain == to.place.chain && self.may_set_aside(document)?)
    }

    pub(super) async fn set_aside(&self, document: DocumentTarget, step: AsideStep) -> Result<(), Error> {
        let goes = matches!(step, AsideStep::Away(_) | AsideStep::Removed);
        let (node, place) = (document.node, document.place.clone());
        let mut permit = self.permit::<gate::SetAside>(AsideTarget { document, step }).await?;
        if goes {
            permit = self.unlocked(permit, span(Some(node), &place, true, false))?;
        }
        let wait = self.vfs.gate.settings().save_wait;
        self.blocking(move |vault| vault.set_aside(permit, wait)).await
    }

    /// The last step of a save: a temporary file takes the document's name.
    pub(super) async fn save(&self, temporary: DocumentTarget, document: DocumentTarget) -> Result<(), Error> {
        let (from, from_place) = (temporary.node, temporary.place.clone());
        let (onto, onto_place) = (document.node, document.place.clone());
        let permit = self.permit::<gate::Save>(SaveTarget { temporary, document }).await?;
        let permit = self.unlocked(permit, span(Some(from), &from_place, true, true))?;
        let permit = self.unlocked(permit, span(Some(onto), &onto_place, false, false))?;
        self.blocking(move |vault| vault.save(permit)).await?;
        metrics::counter!("deedbox_versions_committed_total").increment(1);
        Ok(())
    }

    /// Ends what has set a document aside: it is the session's like everybody's again.
    pub(super) async fn back(&self, document: DocumentTarget) -> Result<DocumentTarget, Error> {
        let document = DocumentTarget { aside: None, ..document };
        self.set_aside(document.clone(), AsideStep::Back).await?;
        Ok(document)
    }

    /// Renames what the session still sees of what was replaced, such as a program's copy of the version before: that
    /// becomes a document of its own.
    pub(super) async fn keep_replaced(
        &self,
        document: DocumentTarget,
        from: &DocPath,
        to: &DocPath,
        replace: Replace,
    ) -> Result<bool, Error> {
        let replaced = self.copy_document(from, to, replace).await?;
        self.set_aside(document, AsideStep::Forgotten).await?;
        Ok(replaced)
    }
}
