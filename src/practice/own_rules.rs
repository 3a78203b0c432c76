//! What staff say of single folders and documents that people made, beside the rules of the matter type: rights of a folder's
//! own, a folder closed off, a document shared where it stands.
//!
//! A rule hangs on a node and remembers the folders above it, because rights follow from them; so the gate moves nothing to
//! another folder that has a rule on it or below. A rule whose node is gone says nothing about anything: nodes are never
//! used again.

use std::sync::Arc;

use super::draft::Draft;
use super::words::quoted;
use super::{Error, Matter, Practice};
use crate::gate::{Manage, Permit};
use crate::names::{DocPath, DocumentTarget, MatterId, NodeId, Timestamp};
use crate::policy::FolderRule;

/// How many rules a matter may have beside those of its type.
pub const MAX_OWN_RULES: usize = 1_000;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRule {
    /// What it is about.
    pub node: NodeId,
    /// The folders above, from the area folder down.
    pub above: Vec<NodeId>,
    /// Where that stood when the rule was made, from the matter down.
    pub path: DocPath,
    /// What it says.
    pub ruling: Ruling,
    /// When it was made.
    pub since: Timestamp,
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Ruling {
    /// The rights in a folder; never [`FolderRule::Inherit`], which is to have no rule.
    Folder(FolderRule),
    /// A document is shown, with Read, to participants of these types; none named means all.
    Share {
        /// The types.
        with: Vec<String>,
    },
}

impl Practice {
    /// Gives a folder that people made rights of its own, or closes it off; with [`FolderRule::Inherit`] it has those of the
    /// folder above again. `at` must have been found under this matter.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a document, or a participant type that the matter does not know.
    pub fn rule_folder(
        &self,
        permit: Permit<Manage>,
        at: &DocumentTarget,
        rule: FolderRule,
    ) -> Result<Arc<Matter>, Error> {
        self.change(permit, |draft| {
            let matter = draft.matter_of(at)?;
            if !at.is_folder {
                return Err(Error::Invalid(format!("{} is a document; share it instead", quoted(at.name.as_str()))));
            }
            match rule {
                FolderRule::Inherit => draft.drop_own_rule(&matter, at.node),
                rule => draft.set_own_rule(&matter, at, Ruling::Folder(rule)),
            }
        })
    }

    /// Shows a document to participants of these types (none named means all), whatever they may do in its folder.
    pub fn share_document(
        &self,
        permit: Permit<Manage>,
        at: &DocumentTarget,
        with: Vec<String>,
    ) -> Result<Arc<Matter>, Error> {
        self.change(permit, |draft| {
            let matter = draft.matter_of(at)?;
            if at.is_folder {
                let name = quoted(at.name.as_str());
                return Err(Error::Invalid(format!("{name} is a folder; give it rights of its own instead")));
            }
            draft.set_own_rule(&matter, at, Ruling::Share { with })
        })
    }

    /// Takes a rule back: the share of a document, or a folder's own rights.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the node has none.
    pub fn drop_own_rule(&self, permit: Permit<Manage>, matter: MatterId, node: NodeId) -> Result<Arc<Matter>, Error> {
        self.change(permit, |draft| {
            let matter = draft.known_matter(matter)?;
            draft.drop_own_rule(&matter, node)
        })
    }
}

impl Draft<'_> {
    fn matter_of(&self, at: &DocumentTarget) -> Result<Arc<Matter>, Error> {
        let matter = at.place.matter.ok_or_else(|| Error::NotFound("there is no such matter".to_owned()))?;
        self.known_matter(matter)
    }

    pub(super) fn set_own_rule(
        &mut self,
        matter: &Arc<Matter>,
        at: &DocumentTarget,
        ruling: Ruling,
    ) -> Result<Arc<Matter>, Error> {
        let known = matter.kind().spec.participants();
        let named: Vec<&String> = match &ruling {
            Ruling::Folder(FolderRule::Rows(rows)) => rows.iter().map(|row| &row.participant_type).collect(),
            Ruling::Folder(_) => Vec::new(),
            Ruling::Share { with } => with.iter().collect(),
        };
        if let Some(word) = named.into_iter().find(|word| !known.contains(word)) {
            return Err(Error::Invalid(format!(
                "{} is no participant type of matter {}: use one of {}",
                quoted(word),
                matter.number,
                known.join(", ")
            )));
        }
        let others = matter.own_rules().iter().filter(|rule| rule.node != at.node);
        let mut rules: Vec<OwnRule> = others.cloned().collect();
        if rules.len() >= MAX_OWN_RULES {
            return Err(Error::Full(format!("matter {} has {MAX_OWN_RULES} rules and shares already", matter.number)));
        }
        let path = at.path().names().iter().skip(1).cloned().try_fold(DocPath::root(), DocPath::join);
        let path = path.map_err(|_| Error::Invalid("the path is too long".to_owned()))?;
        let rule = OwnRule { node: at.node, above: at.place.chain.clone(), path, ruling, since: Timestamp::now() };
        self.put_own_rule(matter.id, &rule);
        rules.push(rule);
        self.with_own_rules(matter, rules)
    }

    pub(super) fn drop_own_rule(&mut self, matter: &Arc<Matter>, node: NodeId) -> Result<Arc<Matter>, Error> {
        let left: Vec<OwnRule> = matter.own_rules().iter().filter(|rule| rule.node != node).cloned().collect();
        if left.len() == matter.own_rules().len() {
            return Err(Error::NotFound(format!(
                "matter {} says nothing of this beside its matter type; `folder list` and `document shares` name what it does",
                matter.number
            )));
        }
        self.delete_own_rule(matter.id, node);
        self.with_own_rules(matter, left)
    }

    fn with_own_rules(&mut self, matter: &Matter, rules: Vec<OwnRule>) -> Result<Arc<Matter>, Error> {
        let changed = matter.with_own_rules(rules);
        let changed = changed.ok_or_else(|| Error::Invalid("it stands in no folder of this matter".to_owned()))?;
        Ok(self.put_matter(changed))
    }
}
