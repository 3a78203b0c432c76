//! Finding what a path means for one session.
//!
//! The upper part of the tree is the firm's structure (root, matters, areas, folders of the matter type) and comes from
//! the practice's records; below stand the folders and documents that people made, from the vault's catalog. A folder of
//! the structure that the session may not enter is not found, exactly like one that does not exist.

use std::sync::Arc;

use super::messages::SentNames;
use super::saves::is_vacated;
use super::{Error, Kind, MatterListing, Stat, Vfs};
use crate::gate::Viewpoint;
use crate::names::{AccountId, DocName, DocPath, DocumentTarget, NodeId, Place, Rights, Timestamp, Verb};
use crate::practice::Matter;
use crate::vault::{Entry, Vault};

/// Names tried for a document that is kept beside others of the same name.
const MAX_NUMBERED: u32 = 10_000;

/// What a path leads to.
#[expect(clippy::large_enum_variant, reason = "short-lived, and the large variant is the frequent one")]
pub(super) enum Found {
    /// A folder of the structure which the session may enter.
    Structure(Place),
    /// A folder or document that somebody made. Whether the session may know of it is the gate's to say.
    Entry(DocumentTarget, Entry),
    /// Nothing, in a folder that the session may enter.
    Missing(Place, DocName),
    /// Nothing, and no such folder above either.
    NoParent,
}

/// One account's eyes on the tree.
pub(super) struct Sight<'a> {
    pub(super) seen: &'a Viewpoint<'a>,
    pub(super) vault: &'a Vault,
    pub(super) account: AccountId,
    sent: &'a SentNames,
}

impl<'a> Sight<'a> {
    pub(super) fn of(vfs: &'a Vfs, seen: &'a Viewpoint<'a>, account: AccountId) -> Self {
        Self { seen, vault: &vfs.vault, account, sent: &vfs.sent }
    }

    pub(super) fn find(&self, path: &DocPath) -> Result<Found, Error> {
        let mut place = root();
        let Some((last, above)) = path.names().split_last() else { return Ok(Found::Structure(place)) };
        for name in above {
            place = match self.child(&place, name)? {
                Child::Structure(inner) => inner,
                Child::Entry(target, _) if target.is_folder => {
                    let inner = target.inside();
                    if !self.seen.shown(&inner) {
                        return Ok(Found::NoParent);
                    }
                    inner
                }
                Child::Entry(..) | Child::Missing | Child::Unfinished(_) => return Ok(Found::NoParent),
            };
        }
        Ok(match self.child(&place, last)? {
            Child::Structure(inner) => Found::Structure(inner),
            Child::Entry(target, entry) => Found::Entry(target, entry),
            Child::Missing => Found::Missing(place, last.clone()),
            Child::Unfinished(name) => Found::Missing(place, name),
        })
    }

    fn child(&self, place: &Place, name: &DocName) -> Result<Child, Error> {
        if let Some(inner) = self.structure_child(place, name) {
            return Ok(if self.seen.shown(&inner) { Child::Structure(inner) } else { Child::Missing });
        }
        let Some(folder) = place.folder() else { return Ok(Child::Missing) };
        let asides = self.vault.set_aside_in(self.account, folder);
        if let Some((target, entry)) = self.moved_to(place, name, &asides)? {
            return Ok(Child::Entry(target, entry));
        }
        Ok(match self.vault.find_for(self.account, folder, name)? {
            Some(entry) if is_vacated(&entry, &asides) => Child::Missing,
            Some(entry) => {
                let target = self.target(place, &entry);
                if !self.is_kept_beside(&target) {
                    return Ok(Child::Entry(target, entry));
                }
                match (self.own_beside(&target)?, self.unfinished_beside(&target, name)?) {
                    (Some(own), _) => Child::Entry(self.target(place, &own), own),
                    (None, Some(unfinished)) => Child::Unfinished(unfinished),
                    (None, None) => Child::Entry(target, entry),
                }
            }
            None => match self.own_sent(place, folder, name)? {
                Some(entry) => Child::Entry(self.target(place, &entry), entry),
                None => Child::Missing,
            },
        })
    }

    /// The message that the account has just sent under that name. A program that looks for what it has uploaded finds
    /// it.
    fn own_sent(&self, place: &Place, folder: NodeId, asked: &DocName) -> Result<Option<Entry>, Error> {
        if !self.seen.holds_messages(place) {
            return Ok(None);
        }
        let Some(given) = self.sent.given(self.account, folder, asked) else { return Ok(None) };
        let Some(entry) = self.vault.find(folder, &given)? else { return Ok(None) };
        let object = self.seen.object(&self.target(place, &entry));
        Ok((object.own && object.fresh).then_some(entry))
    }

    /// The folder of the structure of this name in a place, whether or not the session may know of it.
    fn structure_child(&self, place: &Place, name: &DocName) -> Option<Place> {
        match self.matter(place) {
            None => self.seen.firm().matter_by_folder(&name.folded()).map(|matter| matter_place(matter)),
            Some(matter) if place.is_structure() => {
                let folder = matter.child(place.folder(), &name.folded())?;
                Some(structure_place(place, folder.id, &folder.name))
            }
            Some(_) => None,
        }
    }

    /// The deepest folder of the structure on this path, for an explanation of why a session does not see it.
    pub(super) fn structure_on(&self, path: &DocPath) -> Place {
        let mut place = root();
        for name in path.names() {
            match self.structure_child(&place, name) {
                Some(inner) => place = inner,
                None => break,
            }
        }
        place
    }

    /// What the account has itself kept beside an entry of that name which is hidden from it. It answers to the name that was
    /// asked for: an upload that is gone as soon as it is done would tell that the name was taken, and a drive that puts
    /// an empty document first would never find it again.
    fn own_beside(&self, hidden: &DocumentTarget) -> Result<Option<Entry>, Error> {
        let rights = self.seen.rights(&hidden.place);
        let Some(folder) = hidden.place.folder() else { return Ok(None) };
        let mut own = None;
        for n in 2..MAX_NUMBERED {
            let Some(entry) = self.vault.find_for(self.account, folder, &hidden.name.numbered(n))? else { break };
            if self.seen.object(&self.target(&hidden.place, &entry)).visible(rights) {
                own = Some(entry);
            }
        }
        Ok(own)
    }

    /// The name under which the account's own upload waits that broke off and is to be kept beside a hidden entry. It is found
    /// under the name that was asked for, as it would be if that were free.
    fn unfinished_beside(&self, hidden: &DocumentTarget, asked: &DocName) -> Result<Option<DocName>, Error> {
        let Some(folder) = hidden.place.folder() else { return Ok(None) };
        let name = self.name_beside(&hidden.place, asked)?;
        Ok(self.vault.part(self.account, folder, &name)?.map(|_| name))
    }

    /// Whether what is sent under the name of this entry is kept beside it, because the session may not know of it: a
    /// refusal would tell that the name is taken.
    pub(super) fn is_kept_beside(&self, target: &DocumentTarget) -> bool {
        let (object, rights) = (self.seen.object(target), self.seen.rights(&target.place));
        !object.visible(rights) && (is_blind(rights) || object.by_rule == Some(false))
    }

    /// The first name that is free, for what is to be kept beside an entry of this name.
    pub(super) fn name_beside(&self, place: &Place, name: &DocName) -> Result<DocName, Error> {
        let folder = place.folder().ok_or(Error::NotFound)?;
        for n in 2..MAX_NUMBERED {
            let name = name.numbered(n);
            if self.vault.find_for(self.account, folder, &name)?.is_none() {
                return Ok(name);
            }
        }
        Err(Error::Limit("documents of one name"))
    }

    /// The structure folders in a place that the session may enter, as it sees them.
    pub(super) fn structure_in(&self, place: &Place) -> Vec<Stat> {
        if !place.is_structure() {
            return Vec::new();
        }
        let places: Vec<Place> = match self.matter(place) {
            None => self.seen.firm().matters().map(|matter| matter_place(matter)).collect(),
            Some(matter) => {
                let folders = matter.children(place.folder());
                folders.map(|folder| structure_place(place, folder.id, &folder.name)).collect()
            }
        };
        places.iter().filter(|inner| self.seen.shown(inner)).map(|inner| self.structure_stat(inner)).collect()
    }

    /// The matters that the session may enter, with their areas.
    pub(super) fn matters(&self) -> Vec<(Place, MatterListing)> {
        let matters = self.seen.firm().matters().map(|matter| (matter, matter_place(matter)));
        matters
            .filter(|(_, place)| self.seen.shown(place))
            .map(|(matter, place)| {
                let areas = self.structure_in(&place);
                let (number, name) = (matter.number.clone(), matter.name.clone());
                (place.clone(), MatterListing { path: place.path, number, name, areas })
            })
            .collect()
    }

    /// A folder of the structure as the session sees it.
    pub(super) fn structure_stat(&self, place: &Place) -> Stat {
        let matter = self.matter(place);
        let folder = matter.zip(place.folder()).and_then(|(matter, node)| matter.folder(node));
        let created = folder.map(|folder| folder.created).or(matter.map(|matter| matter.created)).unwrap_or_default();
        Stat {
            name: place.path.names().last().cloned(),
            kind: Kind::Folder,
            node: place.folder(),
            size: 0,
            created,
            modified: created,
            version: 0,
            rights: self.seen.rights(place),
            structure: true,
            has_properties: false,
        }
    }

    /// The session's rights in the folder that holds an entry, and what it may do with the entry for being shared.
    pub(super) fn rights_on(&self, target: &DocumentTarget) -> Rights {
        self.seen.rights(&target.place) | self.seen.object(target).shared
    }

    /// An entry as an operation's target of this account.
    pub(super) fn target(&self, place: &Place, entry: &Entry) -> DocumentTarget {
        let is_own = entry.is_of(self.account);
        let is_held = is_own && self.vault.is_held(self.account, entry.node);
        DocumentTarget { is_held, ..target_of(place, entry, is_own) }
    }

    fn matter(&self, place: &Place) -> Option<&Arc<Matter>> {
        self.seen.firm().matter(place.matter?)
    }
}

#[expect(clippy::large_enum_variant, reason = "short-lived, and the large variant is the frequent one")]
enum Child {
    Structure(Place),
    Entry(DocumentTarget, Entry),
    /// Nothing yet: an upload that broke off will be this.
    Unfinished(DocName),
    Missing,
}

/// An entry as an operation's target.
pub(super) fn target_of(place: &Place, entry: &Entry, is_own: bool) -> DocumentTarget {
    DocumentTarget {
        place: place.clone(),
        name: entry.name.clone(),
        node: entry.node,
        is_folder: entry.content.is_none(),
        version: entry.content.map_or(0, |content| content.version),
        size: entry.size(),
        is_own,
        is_transient: entry.transient,
        own_name: entry.own_name.then_some(entry.made_by),
        is_held: false,
        made_at: entry.created,
        aside: None,
        in_intake: entry.in_intake,
    }
}

/// The root, which lists the matters.
pub(super) fn root() -> Place {
    Place { matter: None, chain: Vec::new(), structure: 0, own: false, transient: false, path: DocPath::root() }
}

fn matter_place(matter: &Matter) -> Place {
    Place { matter: Some(matter.id), path: joined(&DocPath::root(), &matter.folder_name), ..root() }
}

/// A folder of the structure in another.
fn structure_place(above: &Place, folder: NodeId, name: &DocName) -> Place {
    Place {
        matter: above.matter,
        chain: [&above.chain[..], &[folder]].concat(),
        structure: above.structure + 1,
        own: above.own,
        transient: above.transient,
        path: joined(&above.path, name),
    }
}

/// Structure and catalog names were found along a path that was valid, so that joining them stays within the limits but
/// for a client's other spelling; the path is then shown as far as it goes.
fn joined(path: &DocPath, name: &DocName) -> DocPath {
    path.with(name.clone()).unwrap_or_else(|_| path.clone())
}

/// An entry as a session with these rights in its folder sees it.
pub(super) fn entry_stat(entry: &Entry, rights: Rights) -> Stat {
    Stat {
        name: Some(entry.name.clone()),
        kind: if entry.content.is_some() { Kind::Document } else { Kind::Folder },
        node: Some(entry.node),
        size: entry.size(),
        created: entry.shown_created(),
        modified: entry.modified,
        version: entry.content.map_or(0, |content| content.version),
        rights,
        structure: false,
        has_properties: entry.properties > 0,
    }
}

/// An unfinished upload as its uploader sees it.
pub(super) fn part_stat(name: DocName, size: u64, at: Timestamp, rights: Rights) -> Stat {
    Stat {
        name: Some(name),
        kind: Kind::Document,
        node: None,
        size,
        created: at,
        modified: at,
        version: 0,
        rights,
        structure: false,
        has_properties: false,
    }
}

/// Are these two names that only Linux could keep apart?
pub(super) fn is_twin(asked: &DocName, name: &DocName) -> bool {
    asked != name && asked.folded() == name.folded()
}

/// A folder into which one may put things and in which one can see nothing.
pub(super) fn is_blind(rights: Rights) -> bool {
    rights.has(Verb::Create) && !rights.reveals()
}
