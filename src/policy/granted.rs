//! Which rights a standing has in a folder, and from which row they come.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::sight::Share;
use crate::names::{Area, Areas, MatterId, NodeId, Place, Rights, Role, Verb};

/// One portal permission row: what participants of one type may do in the folder that carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// `client`, `expert`, `device` ...
    pub participant_type: String,
    /// What they may do.
    pub rights: Rights,
}

/// Where a folder's rights come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FolderRule {
    /// Rows of its own; whoever has no row has no right.
    Rows(Vec<Row>),
    /// No participant has any right.
    Closed,
    /// The rule of the folder above.
    Inherit,
}

/// A folder with its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuledFolder {
    /// Where its rights come from.
    pub rule: FolderRule,
    /// The folders above it, from the area folder down.
    pub above: Vec<NodeId>,
    /// Its path within the matter, for explanations.
    pub label: String,
    /// The area that it belongs to.
    pub area: Area,
}

/// All rules of one matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MatterRules {
    /// Those of the folders of its structure, by node.
    pub folders: HashMap<NodeId, RuledFolder>,
    /// Those that staff gave to folders which people made, by node.
    pub inner: HashMap<NodeId, RuledFolder>,
    /// The documents that are shared where they stand, by node.
    pub shares: HashMap<NodeId, Share>,
}

impl MatterRules {
    /// True if rights follow from the structure alone.
    pub fn is_plain(&self) -> bool {
        self.inner.is_empty() && self.shares.is_empty()
    }

    /// The area in which the folder at the end of this chain stands.
    pub fn area(&self, chain: &[NodeId]) -> Option<Area> {
        Some(self.folders.get(chain.first()?)?.area)
    }

    /// The nearest rule on the way up this chain that says something itself, and the path of the folder that carries it.
    pub fn nearest(&self, chain: &[NodeId]) -> Option<(&str, &FolderRule)> {
        chain.iter().rev().find_map(|node| {
            let folder = self.folders.get(node).or_else(|| self.inner.get(node))?;
            (folder.rule != FolderRule::Inherit).then_some((folder.label.as_str(), &folder.rule))
        })
    }
}

/// A participant's place on one matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participation {
    /// Which rows apply.
    pub participant_type: String,
    /// False takes Read away everywhere in the matter but among messages.
    pub can_download: bool,
    /// The areas that are on for the firm and for the matter.
    pub areas: Areas,
}

/// What an account is to the firm at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its role.
    pub role: Role,
    /// The open matters on which its access is on.
    pub matters: HashMap<MatterId, Participation>,
    /// List and Read are all that is left of any right: the login was by a device password or a token that has no more.
    pub read_only: bool,
}

/// Where rights come from; its text is a sentence for `policy explain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// The root and a matter's own level hold no documents.
    NoFolder,
    /// A member of staff.
    Staff,
    /// A member of staff, among messages.
    StaffMessages,
    /// A role without documents.
    OtherRole(Role),
    /// No access to the matter.
    NoAccess,
    /// The area is switched off for the firm or for the matter.
    AreaOff(Area),
    /// No folder on the way says anything.
    NoRule {
        /// The participant's type.
        participant_type: &'a str,
    },
    /// The nearest rule closes the folder.
    Closed {
        /// Path of the folder that carries the rule.
        folder: &'a str,
    },
    /// The nearest rule's rows, of which `rights` are the participant's.
    Rows {
        /// Path of the folder that carries the rows.
        folder: &'a str,
        /// The participant's type.
        participant_type: &'a str,
        /// The row's rights; none if there is no row.
        rights: Rights,
        /// True if the participant's download switch took Read away.
        download_off: bool,
    },
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoFolder => f.write_str("the root and a matter itself hold no documents"),
            Self::Staff => f.write_str("staff have full rights in every matter"),
            Self::StaffMessages => {
                f.write_str("staff read and send messages in every matter; what was sent stays as it is")
            }
            Self::OtherRole(role) => write!(f, "the role {role} has no rights in matters"),
            Self::NoAccess => f.write_str("no access to this matter"),
            Self::AreaOff(area) => write!(f, "the area {area} is switched off, by the firm or on this matter"),
            Self::NoRule { participant_type } => {
                write!(f, "no folder on the way has portal permissions for `{participant_type}`")
            }
            Self::Closed { folder } => write!(f, "`{folder}` is closed to participants"),
            Self::Rows { folder, participant_type, rights, download_off } => {
                if rights.is_empty() {
                    write!(f, "`{folder}` has no row for `{participant_type}`")?;
                } else {
                    write!(f, "`{folder}` has the row `{participant_type}`: {rights}")?;
                }
                if download_off { f.write_str("; download is switched off for this participant") } else { Ok(()) }
            }
        }
    }
}

/// Rights and where they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted<'a> {
    /// What may be done in the folder.
    pub rights: Rights,
    /// Why.
    pub source: Source<'a>,
}

/// The rights of a standing in a folder. The root and a matter's own level grant nothing but to staff; what is shown
/// there follows from [`may_enter`](super::may_enter).
pub fn granted<'a>(standing: &'a Standing, rules: &'a MatterRules, place: &Place) -> Granted<'a> {
    let granted = granted_in(standing, rules, place.matter, &place.chain);
    let rights = if standing.read_only { granted.rights & Rights::READ_ONLY } else { granted.rights };
    Granted { rights, ..granted }
}

pub(super) fn granted_in<'a>(
    standing: &'a Standing,
    rules: &'a MatterRules,
    matter: Option<MatterId>,
    chain: &[NodeId],
) -> Granted<'a> {
    let none = |source| Granted { rights: Rights::NONE, source };
    let area = rules.area(chain);
    match standing.role {
        Role::Admin | Role::Auditor => return none(Source::OtherRole(standing.role)),
        _ if matter.is_none() || chain.is_empty() => return none(Source::NoFolder),
        Role::Staff if area == Some(Area::Messages) => {
            return Granted { rights: Rights::MESSAGES, source: Source::StaffMessages };
        }
        Role::Staff => return Granted { rights: Rights::FULL, source: Source::Staff },
        Role::Participant | Role::Device => {}
    }
    let Some(participation) = matter.and_then(|matter| standing.matters.get(&matter)) else {
        return none(Source::NoAccess);
    };
    if let Some(area) = area.filter(|area| !participation.areas.has(*area)) {
        return none(Source::AreaOff(area));
    }
    let participant_type = participation.participant_type.as_str();
    match rules.nearest(chain) {
        None | Some((_, FolderRule::Inherit)) => none(Source::NoRule { participant_type }),
        Some((folder, FolderRule::Closed)) => none(Source::Closed { folder }),
        Some((folder, FolderRule::Rows(rows))) => {
            let row = rows
                .iter()
                .filter(|row| row.participant_type == participant_type)
                .fold(Rights::NONE, |all, row| all | row.rights);
            let messages = area == Some(Area::Messages);
            let row = if messages { row & Rights::MESSAGES } else { row };
            // The switch is about documents. A message that its addressee cannot read was not delivered.
            let download_off = !participation.can_download && row.has(Verb::Read) && !messages;
            let rights = if download_off { row.without(Verb::Read) } else { row };
            Granted { rights, source: Source::Rows { folder, participant_type, rights: row, download_off } }
        }
    }
}
