//! Drop boxes, and rules that say where what arrives in them goes.
//!
//! [`Rules::parse`] reads the firm's file whole or says all of its mistakes. [`Rules::drop_box`] tells whether a folder is a
//! drop box, and [`Rules::route`] where a document goes from there, by what is known of it alone: its name, the folder below
//! the drop box, who brought it from where, and when. Whether that matter and that folder exist is not known here.

mod parse;
mod rule;
mod template;

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::config::Mistakes;
use crate::names::{DocName, DocPath, NameError, Timestamp};
use rule::Rule;

/// A file of drop boxes and rules is never longer than this.
pub const MAX_RULES_BYTES: usize = 256 * 1024;

/// A folder of a matter in which documents wait until it is clear where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropBox {
    /// What rules and people call it.
    pub name: String,
    /// The number of its matter.
    pub matter: String,
    /// The folder, from the matter's own down.
    pub folder: DocPath,
    /// How long nothing may happen to a document before it counts as complete.
    pub quiet: Duration,
    /// For how long the same content from the same device is one document; zero for never.
    pub same_content: Duration,
}

/// What is known of a document that arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// The drop box's name.
    pub drop_box: &'a str,
    /// The folders between the drop box and the document.
    pub subfolder: &'a DocPath,
    /// The document's name, as it was sent.
    pub name: &'a DocName,
    /// The login that brought it.
    pub device: &'a str,
    /// From where, if that is known.
    pub source: Option<IpAddr>,
    /// When its last byte came.
    pub arrived: Timestamp,
}

/// Where a document goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routing {
    /// There.
    To(Destination),
    /// No rule knows.
    Nowhere(Nowhere),
}

/// A folder of a matter, and a name in it. Neither needs to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The rule that says so.
    pub rule: String,
    /// The matter's number.
    pub matter: String,
    /// The folder, from the matter's own down.
    pub folder: DocPath,
    /// The name for the document.
    pub name: DocName,
}

/// Why a document goes nowhere, in words for those who decide then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Nowhere {
    /// There are rules for others at most.
    #[error("no rule matches")]
    NoRule,
    /// A rule matches, but what it makes of this name is no destination.
    #[error("rule `{rule}` makes no {part} of this name: {why}")]
    Unfit {
        /// The rule.
        rule: String,
        /// What of the destination.
        part: Part,
        /// What is wrong.
        why: Unfit,
    },
}

/// A part of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The matter's number.
    Matter,
    /// The folder.
    Folder,
    /// The document's name.
    Name,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Matter => "matter's number",
            Self::Folder => "folder",
            Self::Name => "name",
        })
    }
}

/// Why a filled template is no part of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nothing is left of it.
    #[error("it is empty")]
    Empty,
    /// It cannot be a name, or one of a path.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// Why a rule does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It is not for this drop box.
    #[error("it is for other drop boxes")]
    DropBox,
    /// It is not for this device.
    #[error("it is for other devices")]
    Device,
    /// It is not for this address.
    #[error("it is for other addresses")]
    From,
    /// It is for other names.
    #[error("`file` does not match the whole name")]
    File,
    /// It is for other folders.
    #[error("`subfolder` does not match the whole path below the drop box")]
    Subfolder,
}

/// The firm's drop boxes and rules.
#[derive(Debug, Clone)]
pub struct Rules {
    text: String,
    drop_boxes: Vec<DropBox>,
    rules: Vec<Rule>,
    zone: TimeZone,
}

impl Rules {
    /// Reads a file's text. `source` is its path, for messages; `zone` that by whose clock `{date}` and `{time}` go.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn parse(text: &str, source: &Path, zone: TimeZone) -> Result<Self, Mistakes> {
        parse::rules(text, source, zone)
    }

    /// The text that they were read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All drop boxes, in the order of the file.
    pub fn drop_boxes(&self) -> &[DropBox] {
        &self.drop_boxes
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// True if there are none, so that everything waits for a person.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The drop box that a folder of a matter is or lies in, and the folders between the two.
    pub fn drop_box(&self, matter: &str, folder: &DocPath) -> Option<(&DropBox, DocPath)> {
        let is_it = |one: &&DropBox| one.matter.eq_ignore_ascii_case(matter) && folder.is_within(&one.folder);
        let found = self.drop_boxes.iter().find(is_it)?;
        let below = folder.names()[found.folder.names().len()..].to_vec();
        Some((found, DocPath::try_from(below).ok()?))
    }

    /// Where a document goes: the first rule that matches decides, even if nothing comes of it.
    pub fn route(&self, arrival: &Arrival<'_>) -> Routing {
        self.trace(arrival).1
    }

    /// As [`Rules::route`], with the rules that were looked at before and why each did not match.
    pub fn trace(&self, arrival: &Arrival<'_>) -> (Vec<(&str, Mismatch)>, Routing) {
        let mut passed = Vec::new();
        let subfolder = arrival.subfolder.to_string();
        for rule in &self.rules {
            match rule.look(arrival, subfolder.trim_start_matches('/')) {
                Ok(captured) => return (passed, rule.destination(&captured, arrival, &self.zone)),
                Err(mismatch) => passed.push((rule.name.as_str(), mismatch)),
            }
        }
        (passed, Routing::Nowhere(Nowhere::NoRule))
    }
}

#[cfg(test)]
mod tests;
