//! Matter types as applied, and matters with the folders that their type made.

use std::collections::HashMap;
use std::sync::Arc;

use super::spec::{MatterTypeSpec, TypeFolder};
use crate::names::{DocName, MatterId, NodeId, Timestamp};
use crate::policy::{MatterRules, RuledFolder};

/// One version of a matter type. Matters keep the version with which they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatterType {
    /// The same for all versions.
    pub id: u32,
    /// From 1.
    pub version: u32,
    /// What it says.
    pub spec: MatterTypeSpec,
    /// When this version was applied.
    pub applied: Timestamp,
    tree: Vec<TypeFolder>,
}

impl MatterType {
    pub(super) fn new(id: u32, version: u32, spec: MatterTypeSpec, applied: Timestamp) -> Self {
        let tree = spec.tree();
        Self { id, version, spec, applied, tree }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.spec.name()
    }

    /// How many folders a matter gets, implied ones included.
    pub fn folder_count(&self) -> usize {
        self.tree.len()
    }
}

/// A file of work for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matter {
    /// Stays the same for ever.
    pub id: MatterId,
    /// Unique in the firm under case folding.
    pub number: String,
    /// As people write it.
    pub name: String,
    /// Number and name as the folder at the root of a drive.
    pub folder_name: DocName,
    /// The folder's name as it is looked up; unique in the firm.
    pub folded: String,
    /// Name of the matter type.
    pub matter_type: String,
    /// Version of the matter type.
    pub type_version: u32,
    /// When it was made.
    pub created: Timestamp,
    /// False once the matter is closed.
    pub open: bool,
    /// False takes the matter out of everybody's portal.
    pub portal: bool,
    /// The folders that its type made; those above always before those below.
    pub folders: Vec<StructureFolder>,
    /// The rights in them.
    pub rules: MatterRules,
    kind: Arc<MatterType>,
}

/// A folder that the matter type made. It is no entry of the catalog, so no drive can rename or remove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StructureFolder {
    /// Its node, under which the catalog keeps what users put into it.
    pub id: NodeId,
    /// The folder that holds it; nothing for an area folder.
    pub parent: Option<NodeId>,
    /// Its name.
    pub name: DocName,
    /// The name under which it is unique in its parent.
    pub folded: String,
    /// When it was made.
    pub created: Timestamp,
}

/// What a matter is made of beside what follows from its type.
pub(super) struct MatterParts {
    pub(super) id: MatterId,
    pub(super) number: String,
    pub(super) name: String,
    pub(super) folder_name: DocName,
    pub(super) created: Timestamp,
    pub(super) open: bool,
    pub(super) portal: bool,
    /// One for each folder of the type.
    pub(super) nodes: Vec<NodeId>,
}

impl Matter {
    /// Puts a matter together; nothing if there is not exactly one node for each folder of its type.
    pub(super) fn assemble(parts: MatterParts, kind: Arc<MatterType>) -> Option<Self> {
        let MatterParts { id, number, name, folder_name, created, open, portal, nodes } = parts;
        if nodes.len() != kind.tree.len() {
            return None;
        }
        let mut rules = HashMap::with_capacity(nodes.len());
        let mut folders = Vec::with_capacity(nodes.len());
        for (node, folder) in nodes.iter().zip(&kind.tree) {
            let above: Vec<_> = folder.above.iter().map(|at| nodes[*at]).collect();
            folders.push(StructureFolder {
                id: *node,
                parent: above.last().copied(),
                name: folder.name.clone(),
                folded: folder.folded.clone(),
                created,
            });
            rules.insert(*node, RuledFolder { rule: folder.rule.clone(), above, label: folder.label.clone() });
        }
        Some(Self {
            id,
            number,
            name,
            folded: folder_name.folded(),
            folder_name,
            matter_type: kind.name().to_owned(),
            type_version: kind.version,
            created,
            open,
            portal,
            folders,
            rules: MatterRules { folders: rules },
            kind,
        })
    }

    /// The matter type in the version with which this matter was made.
    pub fn kind(&self) -> &Arc<MatterType> {
        &self.kind
    }

    /// The structure folders directly below a structure folder, or the area folders.
    pub fn children(&self, parent: Option<NodeId>) -> impl Iterator<Item = &StructureFolder> {
        self.folders.iter().filter(move |folder| folder.parent == parent)
    }

    /// The structure folder of this folded name below a structure folder, or the area folder.
    pub fn child(&self, parent: Option<NodeId>, folded: &str) -> Option<&StructureFolder> {
        self.children(parent).find(|folder| folder.folded == folded)
    }

    /// The structure folder with this node.
    pub fn folder(&self, id: NodeId) -> Option<&StructureFolder> {
        self.folders.iter().find(|folder| folder.id == id)
    }
}
