//! Changing the tree: folders, removals, renames, copies, times, properties.

use bytes::Bytes;

use super::tree::{Found, entry_stat, is_twin};
use super::{ATTEMPTS, Error, Existing, PropertyChange, Replace, Stat, Times, View, WriteOptions};
use crate::audit::{Detail, Outcome};
use crate::gate;
use crate::names::{AsideStep, DocName, DocPath, DocumentTarget, MoveTarget, NewTarget, Place, Verb};
use crate::vault::{LockSpan, StoredProperty};

/// What a copy moves at once.
const COPY_STEP: usize = 1024 * 1024;

/// Tries a change again when others changed the same entry meanwhile; each attempt finds, judges and records anew.
macro_rules! until_settled {
    ($attempt:expr) => {{
        for _ in 0..ATTEMPTS {
            match $attempt {
                Err(Error::Changed) => continue,
                done => return done,
            }
        }
        Err(Error::Busy(std::time::Duration::from_secs(1)))
    }};
}

impl View {
    /// Makes a folder. In a folder where the session cannot see what is there, one that exists already becomes the
    /// session's too, and beside a document of that name it is kept as `name (2)`.
    pub async fn make_folder(&self, path: &DocPath) -> Result<Stat, Error> {
        until_settled!(self.try_make_folder(path).await)
    }

    async fn try_make_folder(&self, path: &DocPath) -> Result<Stat, Error> {
        let (place, name, claim) = match self.find(path)? {
            Found::Structure(place) => {
                let twin = path.names().last().zip(place.path.names().last()).is_some_and(|(a, b)| is_twin(a, b));
                return Err(if twin { Error::CaseTwin } else { Error::Exists });
            }
            Found::NoParent => return self.absent::<gate::MakeFolder, _>(path, Error::NoParent).await,
            // What a save has moved away is not gone.
            Found::Missing(place, name) if self.vacated(&place, &name)?.is_some() => return Err(Error::Exists),
            Found::Missing(place, name) => (place, name, false),
            Found::Entry(target, _) => {
                if !self.is_kept_beside(&target)? {
                    let twin = path.names().last().is_some_and(|asked| is_twin(asked, &target.name));
                    return Err(if twin { Error::CaseTwin } else { Error::Exists });
                }
                if target.is_folder && self.is_blind(&target.place)? {
                    (target.place, target.name, true)
                } else {
                    let name = self.look(|sight| sight.name_beside(&target.place, &target.name))?;
                    (target.place, name, false)
                }
            }
        };
        let permit = match self.permit::<gate::MakeFolder>(self.new_folder(place, name)).await {
            Err(Error::NotFound) => return Err(Error::NoParent),
            other => other?,
        };
        let NewTarget { place, name, .. } = permit.target().clone();
        let permit = self.named(permit, &name)?;
        let permit = self.unlocked(permit, span(None, &place, true, false))?;
        let rights = self.look(|sight| Ok(sight.seen.rights(&place)))?;
        let entry = self
            .blocking(move |vault| if claim { vault.claim_folder(permit) } else { vault.make_folder(permit) })
            .await?;
        Ok(entry_stat(&entry, rights))
    }

    /// Removes a document with its history. An own unfinished upload is removed too.
    pub async fn remove_document(&self, path: &DocPath) -> Result<(), Error> {
        until_settled!(self.try_remove(path, false).await)
    }

    /// Has this account an unfinished upload under the name?
    fn has_part(&self, place: &Place, name: &DocName) -> Result<bool, Error> {
        let Some(folder) = place.folder() else { return Ok(false) };
        Ok(self.vfs.vault.part(self.session.account(), folder, name)?.is_some())
    }

    /// Removes an empty folder.
    pub async fn remove_folder(&self, path: &DocPath) -> Result<(), Error> {
        until_settled!(self.try_remove(path, true).await)
    }

    async fn try_remove(&self, path: &DocPath, folder: bool) -> Result<(), Error> {
        let target = match self.find(path)? {
            Found::Structure(_) => return Err(if folder { Error::Structure } else { Error::IsFolder }),
            Found::Missing(place, name) if !folder && self.has_part(&place, &name)? => {
                let permit = self.permit::<gate::Create>(self.new_document(place, name)?).await?;
                return self.blocking(move |vault| vault.discard_part(permit)).await;
            }
            Found::Missing(..) | Found::NoParent => {
                return self.absent::<gate::Delete, _>(path, Error::NotFound).await;
            }
            Found::Entry(target, _) => target,
        };
        if target.is_folder != folder && self.is_visible(&target)? {
            return Err(if target.is_folder { Error::IsFolder } else { Error::NotFolder });
        }
        if target.aside.is_some() {
            return self.set_aside(target, AsideStep::Forgotten).await;
        }
        if self.is_being_saved(&target)? {
            return self.set_aside(target, AsideStep::Removed).await;
        }
        let permit = self.permit::<gate::Delete>(target).await?;
        let (node, place) = (permit.target().node, permit.target().place.clone());
        let permit = self.unlocked(permit, span(Some(node), &place, true, true))?;
        self.blocking(move |vault| vault.delete(permit)).await
    }

    /// Renames or moves a document, or within one matter a folder with all below it. True if a document was replaced; it
    /// then has the moved content as its next version.
    pub async fn rename(&self, from: &DocPath, to: &DocPath, replace: Replace) -> Result<bool, Error> {
        until_settled!(self.try_rename(from, to, replace).await)
    }

    async fn try_rename(&self, from: &DocPath, to: &DocPath, replace: Replace) -> Result<bool, Error> {
        let source = match self.find(from)? {
            Found::Structure(_) => return Err(Error::Structure),
            Found::Missing(..) | Found::NoParent => {
                return self.absent::<gate::Move, _>(from, Error::NotFound).await;
            }
            Found::Entry(target, _) => target,
        };
        if source.is_before_its_replacement() {
            return self.keep_replaced(source, from, to, replace).await;
        }
        let moved_away = source.aside.is_some();
        let source = if moved_away { self.back(source).await? } else { source };
        if moved_away && source.path() == *to {
            return Ok(false);
        }
        let found = self.find(to)?;
        if let Some(target) = self.among_messages(&found, to)? {
            return self.send(source, from, to, target).await;
        }
        // What the session has set aside itself did not stand there in its eyes.
        let stood = matches!(found, Found::Entry(..));
        let (place, name, replaces) = match found {
            Found::Structure(_) => return Err(Error::Exists),
            Found::NoParent => return self.absent::<gate::Move, _>(to, Error::NoParent).await,
            Found::Missing(place, name) => match self.vacated(&place, &name)? {
                Some(_) if source.is_folder => return Err(Error::Exists),
                vacated => (place, name, vacated),
            },
            Found::Entry(target, _) if target.node == source.node => {
                let (_, name) = to.split_last().ok_or(Error::Structure)?;
                (target.place, name.clone(), None)
            }
            Found::Entry(target, _) => match self.replaced(&source, target, to, replace)? {
                Taken::Replaced(target) => (target.place.clone(), target.name.clone(), Some(target)),
                Taken::Beside(place, name) => (place, name, None),
            },
        };
        if place.chain.contains(&source.node) {
            return Err(Error::Overlap);
        }
        if place.matter != source.place.matter && place.folder().is_some() {
            return self.move_across(source, from, to, replace).await;
        }
        let (_, sent) = to.split_last().ok_or(Error::Structure)?;
        let to = match source.is_folder {
            true => self.new_folder(place, name),
            false => self.new_document(place, name)?.sent_as(sent),
        };
        if self.is_moved_away(&source, &to, replaces.as_ref())? {
            if let Some(temporary) = replaces {
                let permit = self.permit::<gate::Delete>(temporary).await?;
                self.blocking(move |vault| vault.delete(permit)).await?;
            }
            self.set_aside(source, AsideStep::Away(to.name)).await?;
            return Ok(false);
        }
        if let (true, Some(document)) = (source.is_transient && !to.transient, &replaces) {
            self.save(source, document.clone()).await?;
            return Ok(stood);
        }
        let target = MoveTarget { from: source, to, replaces };
        let permit = self.permit::<gate::Move>(target).await?;
        let permit = self.unlocked_move(self.named_move(permit)?)?;
        let replaced = permit.target().replaces.is_some();
        self.blocking(move |vault| vault.relocate(permit)).await?;
        Ok(replaced && stood)
    }

    /// The place that something would take among messages.
    fn among_messages(&self, found: &Found, to: &DocPath) -> Result<Option<NewTarget>, Error> {
        let place = match found {
            Found::Missing(place, _) => place,
            Found::Entry(target, _) => &target.place,
            Found::Structure(_) | Found::NoParent => return Ok(None),
        };
        let (_, name) = to.split_last().ok_or(Error::Structure)?;
        let messages = self.holds_messages(place)?;
        messages.then(|| self.new_document(place.clone(), name.clone())).transpose()
    }

    /// What comes among messages by a rename or a move is sent: judged and named like an upload, and then the original goes.
    async fn send(
        &self,
        source: DocumentTarget,
        from: &DocPath,
        to: &DocPath,
        target: NewTarget,
    ) -> Result<bool, Error> {
        if source.is_folder || !self.vfs.gate.would_permit::<gate::Delete>(&self.session, &source)? {
            // Recorded as what it is: no document changes its place among messages.
            let target = MoveTarget { from: source, to: target, replaces: None };
            drop(self.permit::<gate::Move>(target).await?);
            return Err(Error::Denied);
        }
        self.copy_document(from, to, Replace::Yes).await?;
        self.remove_document(from).await?;
        Ok(false)
    }

    /// What has a name already may be put elsewhere under it, whatever the firm says of new ones.
    fn named_move(&self, permit: gate::Permit<gate::Move>) -> Result<gate::Permit<gate::Move>, Error> {
        let MoveTarget { from, to, replaces } = permit.target();
        if replaces.is_some() || to.name == from.name {
            return Ok(permit);
        }
        let name = to.name.clone();
        self.named(permit, &name)
    }

    fn unlocked_move(&self, permit: gate::Permit<gate::Move>) -> Result<gate::Permit<gate::Move>, Error> {
        let MoveTarget { from, to, replaces } = permit.target();
        let (from, to, replaced) = (from.clone(), to.place.clone(), replaces.as_ref().map(|target| target.node));
        let permit = self.unlocked(permit, span(Some(from.node), &from.place, true, true))?;
        self.unlocked(permit, span(replaced, &to, replaced.is_none(), false))
    }

    fn replaced(
        &self,
        source: &DocumentTarget,
        target: DocumentTarget,
        to: &DocPath,
        replace: Replace,
    ) -> Result<Taken, Error> {
        if self.is_kept_beside(&target)? {
            let name = self.look(|sight| sight.name_beside(&target.place, &target.name))?;
            return Ok(Taken::Beside(target.place, name));
        }
        let twin = to.names().last().is_some_and(|asked| is_twin(asked, &target.name));
        match replace {
            Replace::Yes if twin => Err(Error::CaseTwin),
            Replace::Yes if !source.is_folder && !target.is_folder => Ok(Taken::Replaced(target)),
            Replace::Yes | Replace::No => Err(Error::Exists),
        }
    }

    /// Another matter has another key: the content is sealed anew there, then the original goes.
    async fn move_across(
        &self,
        source: DocumentTarget,
        from: &DocPath,
        to: &DocPath,
        replace: Replace,
    ) -> Result<bool, Error> {
        if source.is_folder {
            return Err(Error::OtherMatter);
        }
        let may_leave = self.look(|sight| Ok(sight.seen.rights(&source.place).has(Verb::Delete)))?;
        if !may_leave || !self.vfs.gate.would_permit::<gate::Delete>(&self.session, &source)? {
            // Recorded as what it is: a removal that is not granted.
            drop(self.permit::<gate::Delete>(source).await?);
            return Err(Error::Denied);
        }
        let before = self.stat(from).await?;
        let replaced = self.copy_document(from, to, replace).await?;
        // A move keeps times; a copy is as old as it is.
        self.set_times(to, Times { modified: Some(before.modified), made: Some(before.created) }).await?;
        self.remove_document(from).await?;
        Ok(replaced)
    }

    /// Copies one document, its content and dead properties. True if a document was replaced.
    pub async fn copy_document(&self, from: &DocPath, to: &DocPath, replace: Replace) -> Result<bool, Error> {
        let source = match self.find(from)? {
            Found::Entry(source, _) => Some(source),
            _ => None,
        };
        if let (Some(source), Found::Entry(target, _)) = (&source, self.find(to)?)
            && source.node == target.node
        {
            return Err(Error::Overlap);
        }
        let reading = self.read(from).await?;
        let existing = if replace == Replace::Yes { Existing::Replace } else { Existing::Refuse };
        let writing = self.write(to, WriteOptions { create: true, existing, expect_version: None }).await?;
        if let Some(matter) = source.and_then(|source| source.place.matter) {
            writing.set_copied_from(matter).await;
        }
        writing.announce(reading.stat().size).await?;
        let mut offset = 0;
        loop {
            let step: Bytes = match reading.read_at(offset, COPY_STEP).await {
                Ok(step) => step,
                Err(error) => {
                    writing.discard().await;
                    return Err(error);
                }
            };
            if step.is_empty() {
                break;
            }
            offset += step.len() as u64;
            writing.write_at(offset - step.len() as u64, step).await?;
        }
        let (_, created) = writing.commit().await?;
        if reading.stat().has_properties {
            let properties = self.properties(from).await?;
            self.change_properties(to, properties.into_iter().map(PropertyChange::Set).collect()).await?;
        }
        Ok(!created)
    }

    /// Sets times of an entry. Where the session can see nothing, and on the structure, it is accepted and
    /// has no effect: upload tools set times as a matter of course, and a refusal would look to them like a failed upload.
    pub async fn set_times(&self, path: &DocPath, times: Times) -> Result<(), Error> {
        until_settled!(self.try_set_times(path, times).await)
    }

    async fn try_set_times(&self, path: &DocPath, times: Times) -> Result<(), Error> {
        let target = match self.find(path)? {
            Found::Structure(place) => {
                let rights = self.look(|sight| Ok(sight.seen.rights(&place)))?;
                let writes = rights.has(Verb::Create) || rights.has(Verb::Update);
                return if writes { Ok(()) } else { Err(Error::Denied) };
            }
            Found::Missing(place, name) => {
                if self.has_part(&place, &name)? || self.is_blind(&place)? {
                    return Ok(());
                }
                return self.absent::<gate::SetTimes, _>(path, Error::NotFound).await;
            }
            Found::NoParent => return self.absent::<gate::SetTimes, _>(path, Error::NotFound).await,
            Found::Entry(target, _) => target,
        };
        if self.is_kept_beside(&target)? {
            return Ok(());
        }
        let permit = self.permit::<gate::SetTimes>(target).await?;
        let (node, place) = (permit.target().node, permit.target().place.clone());
        if self.holds_messages(&place)? {
            permit
                .settle(Outcome::Done, Detail::because("without effect: a message has the time at which it was sent"));
            return Ok(());
        }
        let permit = self.unlocked(permit, span(Some(node), &place, false, false))?;
        self.blocking(move |vault| vault.set_times(permit, times)).await?;
        Ok(())
    }

    /// Stores and removes dead properties, all of them or none.
    pub async fn change_properties(&self, path: &DocPath, changes: Vec<PropertyChange>) -> Result<(), Error> {
        until_settled!(self.try_change_properties(path, &changes).await)
    }

    async fn try_change_properties(&self, path: &DocPath, changes: &[PropertyChange]) -> Result<(), Error> {
        let target = match self.find(path)? {
            Found::Structure(_) => return Err(Error::Structure),
            Found::Missing(..) | Found::NoParent => {
                return self.absent::<gate::SetProperties, _>(path, Error::NotFound).await;
            }
            Found::Entry(target, _) => target,
        };
        let permit = self.permit::<gate::SetProperties>(target).await?;
        let (node, place) = (permit.target().node, permit.target().place.clone());
        let permit = self.unlocked(permit, span(Some(node), &place, false, false))?;
        let edits = changes
            .iter()
            .map(|change| match change.clone() {
                PropertyChange::Set(p) => Ok(StoredProperty { namespace: p.namespace, name: p.name, xml: p.xml }),
                PropertyChange::Remove(namespace, name) => Err((namespace, name)),
            })
            .collect();
        self.blocking(move |vault| vault.set_properties(permit, edits)).await?;
        Ok(())
    }
}

/// What becomes of a name that is taken.
enum Taken {
    Replaced(DocumentTarget),
    Beside(Place, DocName),
}

pub(super) fn span(node: Option<crate::names::NodeId>, place: &Place, membership: bool, deep: bool) -> LockSpan<'_> {
    LockSpan { node, place, membership, deep }
}
