//! Matter types as applied, and matters with the folders that their type made.

use std::collections::HashMap;
use std::sync::Arc;

use super::Watch;
use super::own_rules::{OwnRule, Ruling};
use super::spec::{MatterTypeSpec, TypeFolder, area_of};
use crate::names::{Areas, Bytes, DocName, DocPath, MatterId, NodeId, Timestamp};
use crate::policy::{FolderRule, MatterRules, RuledFolder, Share};

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
    pub(super) tree: Vec<TypeFolder>,
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
    /// The areas that are on, as far as the firm's are.
    pub areas: Areas,
    /// Who of the firm hears of it.
    pub watch: Watch,
    /// How much may be kept in it, if that is bounded.
    pub quota: Option<Bytes>,
    /// The folders that its type made, then those that a former version of it made and this one does not know; those above
    /// always before those below.
    pub folders: Vec<StructureFolder>,
    /// The rights in them, and what staff say of single folders and documents below.
    pub rules: MatterRules,
    own_rules: Vec<OwnRule>,
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
    /// Its path within the matter, if the type that was pushed last has no such folder: it stays for what is in it, closed to
    /// participants.
    pub former: Option<DocPath>,
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
    pub(super) areas: Areas,
    pub(super) watch: Watch,
    pub(super) quota: Option<Bytes>,
    /// One for each folder of the type.
    pub(super) nodes: Vec<NodeId>,
    /// Folders that an earlier version of the type made.
    pub(super) former: Vec<(NodeId, DocPath)>,
    /// What staff say of single folders and documents.
    pub(super) own_rules: Vec<OwnRule>,
}

impl Matter {
    /// Puts a matter together; nothing if there is not exactly one node for each folder of its type, or if a former folder
    /// hangs in the air.
    pub(super) fn assemble(parts: MatterParts, kind: Arc<MatterType>) -> Option<Self> {
        if parts.nodes.len() != kind.tree.len() {
            return None;
        }
        let mut rules = HashMap::with_capacity(parts.nodes.len());
        let mut folders = Vec::with_capacity(parts.nodes.len() + parts.former.len());
        for (node, folder) in parts.nodes.iter().zip(&kind.tree) {
            let above: Vec<_> = folder.above.iter().map(|at| parts.nodes[*at]).collect();
            folders.push(StructureFolder {
                id: *node,
                parent: above.last().copied(),
                name: folder.name.clone(),
                folded: folder.folded.clone(),
                created: parts.created,
                former: None,
            });
            let (rule, label) = (folder.rule.clone(), folder.label.clone());
            rules.insert(*node, RuledFolder { rule, above, label, area: folder.area });
        }
        let mut former = parts.former;
        former.sort_by_key(|(node, path)| (path.names().len(), *node));
        for (node, path) in former {
            let (above, name) = path.split_last()?;
            let mut chain = Vec::with_capacity(above.names().len());
            for name in above.names() {
                let parent = chain.last().copied();
                let below = |folder: &&StructureFolder| folder.parent == parent && folder.folded == name.folded();
                chain.push(folders.iter().find(below)?.id);
            }
            let (name, parent) = (name.clone(), chain.last().copied());
            let (label, area) = (label_of(&path), area_of(&path));
            rules.insert(node, RuledFolder { rule: FolderRule::Closed, above: chain, label, area });
            let (folded, created) = (name.folded(), parts.created);
            folders.push(StructureFolder { id: node, parent, name, folded, created, former: Some(path) });
        }
        let matter = Self {
            id: parts.id,
            number: parts.number,
            name: parts.name,
            folded: parts.folder_name.folded(),
            folder_name: parts.folder_name,
            matter_type: kind.name().to_owned(),
            type_version: kind.version,
            created: parts.created,
            open: parts.open,
            portal: parts.portal,
            areas: parts.areas,
            watch: parts.watch,
            quota: parts.quota,
            folders,
            rules: MatterRules { folders: rules, ..MatterRules::default() },
            own_rules: Vec::new(),
            kind,
        };
        matter.with_own_rules(parts.own_rules)
    }

    /// The matter with these rules beside those of its type; nothing if one stands in no folder of the matter's structure.
    pub(super) fn with_own_rules(&self, own_rules: Vec<OwnRule>) -> Option<Self> {
        let (mut inner, mut shares) = (HashMap::new(), HashMap::new());
        for OwnRule { node, above, path, ruling, .. } in &own_rules {
            let area = self.rules.folders.get(above.first()?)?.area;
            let (node, above) = (*node, above.clone());
            match ruling.clone() {
                Ruling::Folder(rule) => {
                    inner.insert(node, RuledFolder { rule, above, label: label_of(path), area });
                }
                Ruling::Share { with } => {
                    shares.insert(node, Share { with, above, area });
                }
            }
        }
        let rules = MatterRules { folders: self.rules.folders.clone(), inner, shares };
        Some(Self { rules, own_rules, ..self.clone() })
    }

    /// What staff say of single folders and documents.
    pub fn own_rules(&self) -> &[OwnRule] {
        &self.own_rules
    }

    /// The structure folders from the area folder down to this one; none if there is no such folder.
    pub fn way_to(&self, id: NodeId) -> impl Iterator<Item = &StructureFolder> {
        let above = self.rules.folders.get(&id).map(|folder| folder.above.as_slice()).unwrap_or_default();
        above.iter().copied().chain([id]).filter_map(|node| self.folder(node))
    }

    /// The nodes of the folders that its type made, in the order of the type's tree.
    pub(super) fn type_nodes(&self) -> impl Iterator<Item = NodeId> {
        self.folders.iter().filter(|folder| folder.former.is_none()).map(|folder| folder.id)
    }

    /// The folders that an earlier version of its type made.
    pub(super) fn former_folders(&self) -> impl Iterator<Item = (NodeId, &DocPath)> {
        self.folders.iter().filter_map(|folder| Some((folder.id, folder.former.as_ref()?)))
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

/// A structure folder's path as people read it: without the root.
fn label_of(path: &DocPath) -> String {
    let names: Vec<_> = path.names().iter().map(DocName::as_str).collect();
    names.join("/")
}
