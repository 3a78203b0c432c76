//! Bringing existing matters to the current version of their type.
//!
//! A matter keeps the version with which it was made until the type is *pushed*. A folder keeps its node, and with it its
//! documents, if the new version has a folder of the same path. A folder that the new version does not have stays on
//! the matters that have it, closed to participants: a push never removes a document.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::draft::Draft;
use super::matter::MatterParts;
use super::spec::TypeFolder;
use super::{Error, Firm, Matter, MatterType, Participant, StructureFolder};
use crate::names::{Areas, DocPath, MatterId, NodeId, Place, Rights, Role};
use crate::policy::{self, Participation, Standing};

/// What a push does to one matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeChange {
    /// The matter.
    pub matter: MatterId,
    /// Its number.
    pub number: String,
    /// The version that it has.
    pub from: u32,
    /// The version that it gets.
    pub to: u32,
    /// Paths of folders that it gets.
    pub added: Vec<String>,
    /// Paths of folders that the type has no more: they stay, closed to participants.
    pub closed: Vec<String>,
    /// What participant types may do afterwards where it differs.
    pub rights: Vec<RightsChange>,
    /// Participants whose type the matter type does not know any more, by name: they have no rights afterwards.
    pub without_type: Vec<String>,
}

/// What one participant type may do in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightsChange {
    /// The folder's path within the matter.
    pub folder: String,
    /// The participant type.
    pub participant_type: String,
    /// Rights now.
    pub from: Rights,
    /// Rights afterwards.
    pub to: Rights,
}

impl Firm {
    /// What a push of this type's current version would do, for each matter that has an earlier one.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such matter type.
    pub fn push_preview(&self, type_name: &str) -> Result<Vec<TypeChange>, Error> {
        let kind = self.matter_type(type_name).ok_or_else(|| self.no_type(type_name))?;
        self.behind(&kind).map(|before| Ok(self.change(before, &pushed(before, &kind)?))).collect()
    }

    /// Matters of this type that have an earlier version of it.
    fn behind<'f>(&'f self, kind: &'f MatterType) -> impl Iterator<Item = &'f Arc<Matter>> {
        self.matters().filter(|matter| matter.kind().id == kind.id && matter.type_version != kind.version)
    }

    fn change(&self, before: &Matter, after: &Matter) -> TypeChange {
        let had = |node: &NodeId| before.folder(*node).is_some();
        let was_former = |node: &NodeId| before.folder(*node).is_some_and(|folder| folder.former.is_some());
        let label = |node| after.rules.folders.get(&node).map(|folder| folder.label.clone()).unwrap_or_default();
        let closed = after.former_folders().map(|(node, _)| node).filter(|node| !was_former(node));
        let known = after.kind().spec.participants();
        let without_type = self.participants_of(before.id).iter();
        let without_type = without_type.filter(|one| !known.contains(&one.participant_type));
        let name = |one: &Arc<Participant>| self.party_name(one.party).unwrap_or("somebody").to_owned();
        let kinds: BTreeSet<_> = before.kind().spec.participants().iter().chain(known).collect();
        let mut rights = Vec::new();
        for node in after.folders.iter().map(|folder| folder.id) {
            for participant_type in &kinds {
                let (from, to) = (rights_of(before, node, participant_type), rights_of(after, node, participant_type));
                if from != to {
                    let participant_type = (*participant_type).clone();
                    rights.push(RightsChange { folder: label(node), participant_type, from, to });
                }
            }
        }
        TypeChange {
            matter: before.id,
            number: before.number.clone(),
            from: before.type_version,
            to: after.type_version,
            added: after.type_nodes().filter(|node| !had(node)).map(label).collect(),
            closed: closed.map(label).collect(),
            rights,
            without_type: without_type.map(name).collect(),
        }
    }
}

impl Draft<'_> {
    /// Brings every matter of the type to its current version, all in one change.
    pub(super) fn push_matter_type(&mut self, type_name: &str) -> Result<Vec<TypeChange>, Error> {
        let kind = self.firm().matter_type(type_name).ok_or_else(|| self.firm().no_type(type_name))?;
        let behind: Vec<_> = self.firm().behind(&kind).cloned().collect();
        let mut changes = Vec::with_capacity(behind.len());
        for before in &behind {
            let after = pushed(before, &kind)?;
            changes.push(self.firm().change(before, &after));
            self.put_matter(after);
        }
        // Versions that no matter has are not kept.
        let mut left: Vec<_> = behind.iter().map(|matter| matter.kind().clone()).collect();
        left.sort_by_key(|kind| kind.version);
        left.dedup_by_key(|kind| kind.version);
        left.iter().for_each(|kind| self.remove_type(kind));
        Ok(changes)
    }
}

/// How many folders earlier versions may leave on a matter.
const MAX_FORMER: usize = 512;

/// The matter as the current version of its type has it.
fn pushed(before: &Matter, kind: &Arc<MatterType>) -> Result<Matter, Error> {
    let mut old = folders_by_path(before);
    let node_of = |folder: &TypeFolder| {
        let above = folder.above.iter().filter_map(|at| kind.tree.get(*at));
        let path: Vec<_> = above.chain([folder]).map(|one| one.folded.clone()).collect();
        old.remove(&path).unwrap_or_else(NodeId::random)
    };
    let nodes: Vec<_> = kind.tree.iter().map(node_of).collect();
    let mut former = Vec::with_capacity(old.len());
    for node in old.into_values() {
        let path = before.way_to(node).try_fold(DocPath::root(), |path, folder| path.join(folder.name.clone()));
        let too_long = |_| Error::Damaged(format!("a folder of matter {} has no path", before.number));
        former.push((node, path.map_err(too_long)?));
    }
    if former.len() > MAX_FORMER {
        return Err(Error::Full(format!(
            "matter {} would keep {} folders of earlier versions of its type; it may have {MAX_FORMER}",
            before.number,
            former.len()
        )));
    }
    let parts = MatterParts {
        id: before.id,
        number: before.number.clone(),
        name: before.name.clone(),
        folder_name: before.folder_name.clone(),
        created: before.created,
        open: before.open,
        portal: before.portal,
        areas: before.areas,
        watch: before.watch.clone(),
        quota: before.quota,
        nodes,
        former,
        own_rules: before.own_rules().to_vec(),
    };
    let after = Matter::assemble(parts, kind.clone());
    after.ok_or_else(|| Error::Damaged(format!("matter {} does not fit its matter type", before.number)))
}

/// All folders of a matter by their folded paths.
fn folders_by_path(matter: &Matter) -> HashMap<Vec<String>, NodeId> {
    let path = |folder: &StructureFolder| matter.way_to(folder.id).map(|one| one.folded.clone()).collect();
    matter.folders.iter().map(|folder| (path(folder), folder.id)).collect()
}

/// What a participant of this type may do in a folder: by the policy itself, all areas on.
fn rights_of(matter: &Matter, node: NodeId, participant_type: &str) -> Rights {
    let Some(folder) = matter.rules.folders.get(&node) else { return Rights::NONE };
    let participant_type = participant_type.to_owned();
    let participation = Participation { participant_type, can_download: true, areas: Areas::ALL };
    let standing =
        Standing { role: Role::Participant, matters: HashMap::from([(matter.id, participation)]), read_only: false };
    let chain: Vec<_> = folder.above.iter().chain([&node]).copied().collect();
    let place = Place {
        matter: Some(matter.id),
        structure: chain.len(),
        chain,
        path: DocPath::root(),
        own: false,
        transient: false,
    };
    policy::granted(&standing, &matter.rules, &place).rights
}
