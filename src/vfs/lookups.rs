//! Looking: stat, list, properties.

use super::tree::{Found, entry_stat, is_blind, part_stat, root};
use super::{Error, Listing, MatterListing, Property, Stat, View};
use crate::gate;
use crate::names::{DocName, DocPath, DocumentTarget, FolderTarget, Front, Place, Verb};
use crate::policy::{Decision, Operation, decide};

impl View {
    /// One entry. An unfinished upload is shown to its uploader over SFTP, which can resume it.
    pub async fn stat(&self, path: &DocPath) -> Result<Stat, Error> {
        match self.find(path)? {
            Found::Structure(place) => {
                let stat = self.look(|sight| Ok(sight.structure_stat(&place)))?;
                let _looked = self.permit::<gate::StatFolder>(FolderTarget { place }).await?;
                Ok(stat)
            }
            Found::Entry(target, entry) => {
                let rights = self.look(|sight| Ok(sight.rights_on(&target)))?;
                let _looked = self.permit::<gate::Stat>(target).await?;
                let stat = entry_stat(&entry, rights);
                // In a drop box, and among messages, it answers to the name under which it was sent.
                let sent = |asked: &&DocName| is_blind(rights) || asked.folded() != entry.name.folded();
                let asked = path.names().last().filter(sent).cloned();
                Ok(Stat { name: asked.or(stat.name.clone()), ..stat })
            }
            Found::Missing(place, name) => match self.own_part(&place, &name)? {
                Some(stat) => Ok(Stat { name: path.names().last().cloned(), ..stat }),
                None => self.absent::<gate::Stat, _>(path, Error::NotFound).await,
            },
            Found::NoParent => self.absent::<gate::Stat, _>(path, Error::NotFound).await,
        }
    }

    /// What came of an upload of the session's own that broke off.
    pub(super) fn own_part(&self, place: &Place, name: &DocName) -> Result<Option<Stat>, Error> {
        let Some(folder) = place.folder().filter(|_| self.session.front() == Front::Sftp) else { return Ok(None) };
        let rights = self.look(|sight| Ok(sight.seen.rights(place)))?;
        if !rights.has(Verb::Create) {
            return Ok(None);
        }
        let part = self.vfs.vault.part(self.session.account(), folder, name)?;
        Ok(part.map(|(size, at)| part_stat(name.clone(), size, at, rights)))
    }

    /// A folder and what is in it: the structure that the session may enter, and with List the entries. Without List the
    /// folder looks empty, but for what shows itself: a shared document, a folder with a rule of its own.
    pub async fn list(&self, path: &DocPath) -> Result<Listing, Error> {
        let (place, folder) = match self.find(path)? {
            Found::Structure(place) => {
                let stat = self.look(|sight| Ok(sight.structure_stat(&place)))?;
                (place, stat)
            }
            Found::Entry(target, entry) if target.is_folder => {
                let place = target.inside();
                let rights = self.look(|sight| Ok(sight.seen.rights(&place)))?;
                (place, entry_stat(&entry, rights))
            }
            Found::Entry(target, _) => {
                let _looked = self.permit::<gate::Stat>(target).await?;
                return Err(Error::NotFolder);
            }
            Found::Missing(..) | Found::NoParent => return self.absent::<gate::List, _>(path, Error::NotFound).await,
        };
        let permit = self.permit::<gate::List>(FolderTarget { place: place.clone() }).await?;
        let mut entries = self.look(|sight| Ok(sight.structure_in(&place)))?;
        let listed = folder.rights.has(Verb::List);
        if listed || self.look(|sight| Ok(sight.seen.opens_in(&place)))? {
            let stored = self.blocking(|vault| vault.list(permit)).await?;
            self.look(|sight| {
                let asides = sight.set_aside_in(&place);
                entries.extend(stored.iter().filter_map(|entry| {
                    let target = sight.target(&place, entry);
                    let object = sight.seen.object(&target);
                    let shown = object.visible(folder.rights) && (listed || object.shows_itself());
                    shown.then(|| sight.listed_as(entry, folder.rights | object.shared, &asides)).flatten()
                }));
                if listed {
                    entries.extend(sight.replaced_in(&place, folder.rights, &asides)?);
                }
                Ok(())
            })?;
        }
        if listed {
            self.add_own_parts(&place, &folder, &mut entries)?;
        }
        Ok(Listing { folder, entries })
    }

    /// The matters that the session sees, each with the areas in it that it may enter. One look at the root, and recorded as
    /// one; an area's own listing is an operation of its own.
    pub async fn matters(&self) -> Result<Vec<MatterListing>, Error> {
        let _looked = self.permit::<gate::List>(FolderTarget { place: root() }).await?;
        let mut matters = self.look(|sight| Ok(sight.matters()))?;
        for (place, listing) in &mut matters {
            if !self.vfs.gate.would_permit::<gate::List>(&self.session, &FolderTarget { place: place.clone() })? {
                listing.areas.clear();
            }
        }
        Ok(matters.into_iter().map(|(_, listing)| listing).collect())
    }

    /// Unfinished uploads, to their uploader over SFTP, under names that nothing else bears.
    fn add_own_parts(&self, place: &Place, folder: &Stat, entries: &mut Vec<Stat>) -> Result<(), Error> {
        let Some(node) = place.folder().filter(|_| self.session.front() == Front::Sftp) else { return Ok(()) };
        for (name, size, at) in self.vfs.vault.parts_in(self.session.account(), node)? {
            if self.vfs.vault.find(node, &name)?.is_none() {
                entries.push(part_stat(name, size, at, folder.rights));
            }
        }
        Ok(())
    }

    /// The dead properties of an entry; the structure has none.
    pub async fn properties(&self, path: &DocPath) -> Result<Vec<Property>, Error> {
        match self.find(path)? {
            Found::Structure(_) => Ok(Vec::new()),
            Found::Entry(target, _) => {
                let permit = self.permit::<gate::Stat>(target).await?;
                let stored = self.blocking(move |vault| vault.properties(&permit)).await?;
                Ok(stored.into_iter().map(|p| Property { namespace: p.namespace, name: p.name, xml: p.xml }).collect())
            }
            Found::Missing(..) | Found::NoParent => self.absent::<gate::Stat, _>(path, Error::NotFound).await,
        }
    }

    /// May the session know of this entry?
    pub(super) fn is_visible(&self, target: &DocumentTarget) -> Result<bool, Error> {
        self.look(|sight| {
            let (object, rights) = (sight.seen.object(target), sight.seen.rights(&target.place));
            Ok(decide(Operation::Stat { object, rights }) == Decision::Allowed)
        })
    }

    /// Is what is sent under this entry's name kept beside it?
    pub(super) fn is_kept_beside(&self, target: &DocumentTarget) -> Result<bool, Error> {
        self.look(|sight| Ok(sight.is_kept_beside(target)))
    }

    /// Is this a folder into which the session may put things and in which it sees nothing?
    pub(super) fn is_blind(&self, place: &Place) -> Result<bool, Error> {
        self.look(|sight| Ok(is_blind(sight.seen.rights(place))))
    }
}
