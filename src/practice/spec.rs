//! What a matter type says: participant types, folders, and who may do what in each.

use std::fmt::Write as _;

use crate::names::{Area, DocName, DocPath, Rights};
use crate::policy::{FolderRule, Row};

/// How many folders a matter type may have, implied ones and `Messages` included. A matter keeps the ids of all its folders in one
/// record, which must stay below [`crate::kv::MAX_VALUE_BYTES`].
pub const MAX_FOLDERS: usize = 128;
/// How deep a matter type's folders may nest, the area folder included; far below what a path may have.
pub const MAX_FOLDER_DEPTH: usize = 8;
/// The participant type of scanners and scripts.
const DEVICE: &str = "device";
/// How many participant types a matter type may have.
pub const MAX_PARTICIPANT_TYPES: usize = 32;

/// A checked matter type. Made only by [`parse_matter_type`](super::parse_matter_type) and by reading back what it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatterTypeSpec {
    name: String,
    participants: Vec<String>,
    folders: Vec<FolderSpec>,
}

/// A folder as the matter type names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderSpec {
    /// From the area folder down.
    pub path: DocPath,
    /// Where its rights come from; rows stand in the order of the participant types.
    pub rule: FolderRule,
}

impl MatterTypeSpec {
    /// Only for those who have checked the parts, or stored them after checking.
    pub(super) fn from_parts(name: String, participants: Vec<String>, folders: Vec<FolderSpec>) -> Self {
        Self { name, participants, folders }
    }

    /// The name of the matter type.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The words for the kinds of participant.
    pub fn participants(&self) -> &[String] {
        &self.participants
    }

    /// The folders that are named in the text, in its order; folders above them are implied.
    pub fn folders(&self) -> &[FolderSpec] {
        &self.folders
    }

    /// The text that parses to this, for `matter-type show` and as the start of an edit.
    pub fn to_toml(&self) -> String {
        let participants: Vec<_> = self.participants.iter().map(|word| toml_string(word)).collect();
        let mut text = format!("name = {}\nparticipants = [{}]\n", toml_string(&self.name), participants.join(", "));
        for folder in &self.folders {
            let names: Vec<_> = folder.path.names().iter().map(DocName::as_str).collect();
            let rule = match &folder.rule {
                FolderRule::Closed => "closed = true".to_owned(),
                FolderRule::Inherit => "inherit = true".to_owned(),
                FolderRule::Rows(rows) => {
                    let rows: Vec<_> =
                        rows.iter().map(|row| format!("{} = \"{}\"", row.participant_type, row.rights)).collect();
                    format!("rows = {{ {} }}", rows.join(", "))
                }
            };
            // Writing to a String cannot fail.
            let _ = write!(text, "\n[[folder]]\npath = {}\n{rule}\n", toml_string(&names.join("/")));
        }
        text
    }

    /// All folders with the implied ones, those above always before those below.
    pub(super) fn tree(&self) -> Vec<TypeFolder> {
        let mut tree: Vec<TypeFolder> = Vec::with_capacity(self.folders.len() + 1);
        for spec in &self.folders {
            let mut above: Vec<usize> = Vec::new();
            let area = area_of(&spec.path);
            for name in spec.path.names() {
                let folded = name.folded();
                let parent = above.last().copied();
                let at = tree.iter().position(|folder| folder.parent() == parent && folder.folded == folded);
                let at = at.unwrap_or_else(|| {
                    let label = match parent {
                        Some(parent) => format!("{}/{name}", tree[parent].label),
                        None => name.to_string(),
                    };
                    let above = above.clone();
                    tree.push(TypeFolder { name: name.clone(), folded, label, above, rule: FolderRule::Inherit, area });
                    tree.len() - 1
                });
                above.push(at);
            }
            if let Some(own) = above.last() {
                tree[*own].rule = spec.rule.clone();
            }
        }
        self.add_messages(&mut tree);
        tree
    }

    /// Every matter has a folder of messages, since whoever has access can write to the firm. Where the type says nothing
    /// of it, all participant types list, read and send there but [`DEVICE`], whose password lies about in a machine.
    fn add_messages(&self, tree: &mut Vec<TypeFolder>) {
        let area = Area::Messages;
        if !tree.iter().any(|folder| folder.above.is_empty() && folder.area == area) {
            let Ok(name) = DocName::parse(area.folder().as_bytes()) else { return };
            let (folded, label) = (name.folded(), name.to_string());
            tree.push(TypeFolder { name, folded, label, above: Vec::new(), rule: FolderRule::Inherit, area });
        }
        let people = self.participants.iter().filter(|participant_type| *participant_type != DEVICE);
        let rows: Vec<_> = people
            .map(|participant_type| Row { participant_type: participant_type.clone(), rights: Rights::MESSAGES })
            .collect();
        let unsaid = |folder: &&mut TypeFolder| {
            folder.above.is_empty() && folder.area == area && folder.rule == FolderRule::Inherit
        };
        if let Some(messages) = tree.iter_mut().find(unsaid) {
            messages.rule = FolderRule::Rows(rows);
        }
    }
}

/// Is the last folder of this tree the one of messages, which types did not have at first?
pub(super) fn ends_with_messages(tree: &[TypeFolder]) -> bool {
    tree.last().is_some_and(|folder| folder.area == Area::Messages && folder.above.is_empty())
}

/// A folder of a matter type, ready to be made in a matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TypeFolder {
    /// Its name.
    pub(super) name: DocName,
    /// The name under which it is unique in its parent.
    pub(super) folded: String,
    /// Its path, for explanations.
    pub(super) label: String,
    /// Positions of the folders above, from the area folder down.
    pub(super) above: Vec<usize>,
    /// Where its rights come from.
    pub(super) rule: FolderRule,
    /// The area that it belongs to.
    pub(super) area: Area,
}

/// The area in which a structure folder stands; parsing saw to it that there is one.
pub(super) fn area_of(path: &DocPath) -> Area {
    path.names().first().and_then(|first| Area::of_folder(first.as_str())).unwrap_or(Area::Documents)
}

impl TypeFolder {
    /// Position of the folder that holds it; nothing for an area folder.
    pub(super) fn parent(&self) -> Option<usize> {
        self.above.last().copied()
    }
}

/// A basic string (TOML 1.0); checked names hold no control characters, so these two escapes are enough.
fn toml_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::parse_matter_type;
    use crate::policy::FolderRule;

    const GENERAL: &str = include_str!("../../policies/general.toml");

    #[test]
    fn folders_above_are_implied_and_come_first() {
        let spec = parse_matter_type(
            "name = \"T\"\nparticipants = [\"client\"]\n[[folder]]\npath = \"Documents/A/B\"\nrows = { client = \"full\" }",
            "t.toml",
        )
        .expect("valid");
        let tree = spec.tree();
        let labels: Vec<_> = tree.iter().map(|folder| folder.label.as_str()).collect();
        assert_eq!(labels, ["Documents", "Documents/A", "Documents/A/B", "Messages"]);
        assert_eq!(tree[2].above, [0, 1]);
    }

    #[test]
    fn people_write_to_each_other_unless_the_type_says_something_else() {
        let rows = |messages: &str| {
            let head = "name = \"T\"\nparticipants = [\"client\", \"expert\", \"device\"]\n";
            let other = "[[folder]]\npath = \"Documents\"\nrows = { client = \"list\" }\n";
            let spec = parse_matter_type(&format!("{head}{other}{messages}"), "t.toml").expect("valid");
            let found = spec.tree().into_iter().find(|folder| folder.label == "Messages").expect("always there");
            match found.rule {
                FolderRule::Rows(rows) => {
                    rows.iter().map(|r| format!("{}: {}", r.participant_type, r.rights)).collect()
                }
                rule => vec![format!("{rule:?}")],
            }
        };
        let all = ["client: list read create", "expert: list read create"];
        assert_eq!(rows(""), all);
        assert_eq!(rows("[[folder]]\npath = \"Messages/Experts\"\nrows = { expert = \"list read create\" }"), all);
        assert_eq!(rows("[[folder]]\npath = \"Messages\"\nrows = { device = \"create\" }"), ["device: create"]);
        assert_eq!(rows("[[folder]]\npath = \"Messages\"\nclosed = true"), ["Closed"]);
    }

    #[test]
    fn the_shipped_matter_types_print_and_parse_to_themselves() {
        for text in [GENERAL, include_str!("../../policies/estate-planning.toml")] {
            let spec = parse_matter_type(text, "policy").expect("valid");
            assert_eq!(parse_matter_type(&spec.to_toml(), "printed").expect("valid"), spec);
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_prints_and_parses_to_itself(
            name in "[ -~é]{1,20}",
            folders in proptest::collection::vec(("[A-Ca-c \"é]{1,3}(/[A-C]{1,2})?", "full|list|list read create"), 1..6),
        ) {
            let mut text = format!("name = {:?}\nparticipants = [\"client\", \"expert\"]\n", name.replace('\'', ""));
            for (path, rights) in folders {
                let path = path.replace('"', "");
                text += &format!("[[folder]]\npath = 'Documents/{path}'\nrows = {{ expert = '{rights}', client = 'read' }}\n");
            }
            if let Ok(spec) = parse_matter_type(&text, "generated") {
                prop_assert_eq!(parse_matter_type(&spec.to_toml(), "printed").expect("valid"), spec);
            }
        }
    }
}
