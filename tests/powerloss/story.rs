//! What one client did in a folder of its own, one deed after the other, and what may therefore be found after the power
//! went: everything that was acknowledged by then, and of the deed in flight all or nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::recording::Position;

/// What a client asks for. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Deed {
    MakeFolder(String),
    /// Uploads a new document, or the next version of one that stands there.
    Put(String, Content),
    /// Begins to upload and breaks off: nothing may come of it.
    BreakOff(String),
    Copy(String, String),
    /// Renames or moves a document or a folder; onto a document, it becomes that one's next versions.
    Rename(String, String),
    Read(String),
    Delete(String),
    RemoveFolder(String),
}

/// A version's content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) size: u64,
    /// In hexadecimal.
    pub(crate) sha256: String,
}

/// Documents with their versions, the oldest first, and folders, which have none.
pub(crate) type Tree = BTreeMap<String, Vec<Content>>;

/// A deed, and when it was begun and acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) deed: Deed,
    pub(crate) begun: Position,
    /// Where the recording stood when the client had the answer; nothing if it never came.
    pub(crate) acknowledged: Option<Position>,
}

impl Told {
    pub(crate) fn is_acknowledged(&self, by: Position) -> bool {
        self.acknowledged.is_some_and(|at| at <= by)
    }
}

/// One client's deeds. After one without acknowledgement there is no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Story {
    pub(crate) folder: String,
    pub(crate) deeds: Vec<Told>,
}

impl Story {
    pub(crate) fn new(folder: String) -> Self {
        Self { folder, deeds: Vec::new() }
    }

    /// The documents as they must be, and as they may be instead.
    pub(crate) fn allowed(&self, cut: Position) -> (Tree, Option<Tree>) {
        let done = self.deeds.iter().take_while(|told| told.is_acknowledged(cut)).count();
        let mut tree = Tree::new();
        self.deeds[..done].iter().for_each(|told| told.deed.apply(&mut tree));
        let in_flight = self.deeds.get(done).filter(|told| told.begun < cut).map(|told| {
            let mut after = tree.clone();
            told.deed.apply(&mut after);
            documents(after)
        });
        (documents(tree), in_flight)
    }

    /// The story for whoever comes after the power went at `cut`: what was acknowledged by then, and what was in flight.
    pub(crate) fn until(&self, cut: Position) -> Self {
        let done = self.deeds.iter().take_while(|told| told.is_acknowledged(cut));
        let done = done.map(|told| Told { begun: 0, acknowledged: Some(0), ..told.clone() });
        let mut deeds: Vec<Told> = done.collect();
        let in_flight = self.deeds.get(deeds.len()).filter(|told| told.begun < cut);
        deeds.extend(in_flight.map(|told| Told { begun: 0, acknowledged: None, ..told.clone() }));
        Self { folder: self.folder.clone(), deeds }
    }

    /// What stands in the folder after all deeds.
    pub(crate) fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        self.deeds.iter().for_each(|told| told.deed.apply(&mut tree));
        tree
    }

    /// A next deed that makes sense, with the content of an upload to come.
    pub(crate) fn next(&self, random: &mut Random, content: impl FnOnce(&mut Random) -> Content) -> Deed {
        let tree = self.tree();
        if tree.is_empty() {
            return Deed::MakeFolder(self.folder.clone());
        }
        let folders: Vec<&String> =
            tree.iter().filter(|(_, versions)| versions.is_empty()).map(|(path, _)| path).collect();
        let written: Vec<&String> =
            tree.iter().filter(|(_, versions)| !versions.is_empty()).map(|(path, _)| path).collect();
        let name = |random: &mut Random| {
            let folder = *random.pick(&folders);
            format!("{folder}/{}", random.pick(&["contract.pdf", "deed.pdf", "letter.txt", "plan.dwg", "note.txt"]))
        };
        let other = [format!("{}/copies", self.folder), format!("{}/originals", self.folder)];
        let missing: Vec<&String> = other.iter().filter(|path| !tree.contains_key(*path)).collect();
        let target = name(random);
        match random.below(100) {
            _ if written.is_empty() => Deed::Put(target, content(random)),
            0..3 => Deed::BreakOff(target),
            3..40 => Deed::Put(target, content(random)),
            40..58 => match (*random.pick(&written)).clone() {
                source if source == target => Deed::Read(source),
                source => Deed::Rename(source, target),
            },
            58..66 => match (*random.pick(&written)).clone() {
                source if source == target => Deed::Read(source),
                source => Deed::Copy(source, target),
            },
            66..80 => Deed::Delete((*random.pick(&written)).clone()),
            80..86 => Deed::Read((*random.pick(&written)).clone()),
            _ => match (missing.as_slice(), other.iter().find(|path| is_empty_folder(&tree, path))) {
                ([folder, ..], _) if missing.len() == 2 => Deed::MakeFolder((*folder).clone()),
                (_, Some(folder)) => Deed::RemoveFolder(folder.clone()),
                ([folder], None) => {
                    let standing = other.iter().find(|path| path != folder).expect("there are two");
                    Deed::Rename(standing.clone(), (*folder).clone())
                }
                _ => Deed::Put(target, content(random)),
            },
        }
    }
}

fn is_empty_folder(tree: &Tree, path: &str) -> bool {
    let below = format!("{path}/");
    tree.contains_key(path) && !tree.keys().any(|other| other.starts_with(&below))
}

/// Folders are not in the list of documents.
fn documents(tree: Tree) -> Tree {
    tree.into_iter().filter(|(_, versions)| !versions.is_empty()).collect()
}

impl Deed {
    /// What the deed makes of a tree.
    fn apply(&self, tree: &mut Tree) {
        match self {
            Self::MakeFolder(path) => drop(tree.insert(path.clone(), Vec::new())),
            Self::Put(path, content) => tree.entry(path.clone()).or_default().push(content.clone()),
            Self::Copy(from, to) => {
                let newest = tree[from].last().expect("a document").clone();
                tree.entry(to.clone()).or_default().push(newest);
            }
            Self::Rename(from, to) => {
                let below = format!("{from}/");
                let moved: Vec<String> =
                    tree.keys().filter(|path| *path == from || path.starts_with(&below)).cloned().collect();
                for path in moved {
                    let versions = tree.remove(&path).expect("just found");
                    tree.entry(format!("{to}{}", &path[from.len()..])).or_default().extend(versions);
                }
            }
            Self::Read(_) | Self::BreakOff(_) => {}
            Self::Delete(path) | Self::RemoveFolder(path) => drop(tree.remove(path)),
        }
    }
}
