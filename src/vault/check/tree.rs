//! The folders, by which everything else is placed and named.

use std::collections::HashMap;

use super::{Check, Examined, Finding, RESTORE_CATALOG, node_at};
use crate::names::{DocName, DocPath, MatterId, NodeId};
use crate::vault::Entry;

/// Deeper than any path may be; a chain of folders that is longer goes in a circle.
const MAX_DEPTH: usize = 1024;

/// A folder of a matter's structure, below which entries stand.
#[derive(Debug, Clone)]
pub struct Root {
    /// Its node.
    pub node: NodeId,
    /// The matter whose key seals what is below.
    pub matter: MatterId,
    /// Where it is.
    pub path: DocPath,
}

struct Folder {
    parent: NodeId,
    name: DocName,
}

/// All folders.
pub(super) struct Tree {
    roots: HashMap<NodeId, (MatterId, DocPath)>,
    folders: HashMap<NodeId, Folder>,
}

impl Tree {
    /// Reads the folders; entries that cannot be read are found with the other entries.
    pub(super) fn load(check: &Check, found: &mut Examined) -> Self {
        let roots = check.roots.iter().map(|root| (root.node, (root.matter, root.path.clone()))).collect();
        let mut folders = HashMap::new();
        check.pages::<Entry>(b"n", found, |key, entry, found| {
            let (Some(parent), Ok(entry)) = (node_at(key, 1), entry) else { return };
            if entry.content.is_some() {
                return;
            }
            let (node, name) = (entry.node, entry.name.clone());
            if folders.insert(node, Folder { parent, name: entry.name }).is_some() {
                let what = format!("two entries are one folder; one of them is called {name}");
                found.findings.add(Finding::new(what, RESTORE_CATALOG).node(Some(node)));
            }
        });
        Self { roots, folders }
    }

    pub(super) fn folders(&self) -> u64 {
        self.folders.len() as u64
    }

    pub(super) fn is_folder(&self, node: NodeId) -> bool {
        self.folders.contains_key(&node)
    }

    /// The matter to which a folder belongs; nothing if no way leads up from it to one.
    pub(super) fn matter(&self, folder: NodeId) -> Option<MatterId> {
        self.way(folder).map(|(matter, ..)| matter)
    }

    /// The path of an entry, or of the folder itself without a name.
    pub(super) fn path(&self, folder: NodeId, name: Option<&DocName>) -> Option<String> {
        let (_, root, below) = self.way(folder)?;
        let names = below.into_iter().rev().chain(name);
        names.cloned().try_fold(root.clone(), DocPath::join).ok().map(|path| path.to_string())
    }

    /// The matter, its folder of the structure, and the names from below it, the lowest first.
    fn way(&self, folder: NodeId) -> Option<(MatterId, &DocPath, Vec<&DocName>)> {
        let (mut at, mut names) = (folder, Vec::new());
        for _ in 0..MAX_DEPTH {
            if let Some((matter, root)) = self.roots.get(&at) {
                return Some((*matter, root, names));
            }
            let folder = self.folders.get(&at)?;
            names.push(&folder.name);
            at = folder.parent;
        }
        None
    }
}
