//! Areas: the kinds of thing that a matter shows in the portal, each a folder of the tree.

use std::fmt;
use std::ops::BitAnd;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One area of a matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// Papers, in the folders of the matter type.
    Documents,
    /// What the firm and the participants write to each other.
    Messages,
    /// Bills, as PDF.
    Invoices,
    /// Things to be done.
    Tasks,
    /// Dates, as iCalendar files.
    Calendar,
    /// Notes that the firm shows.
    Notes,
}

impl Area {
    /// All areas, in the order in which people see them.
    pub const ALL: [Self; 6] =
        [Self::Documents, Self::Messages, Self::Invoices, Self::Tasks, Self::Calendar, Self::Notes];

    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The word on the command line and in the audit record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Messages => "messages",
            Self::Invoices => "invoices",
            Self::Tasks => "tasks",
            Self::Calendar => "calendar",
            Self::Notes => "notes",
        }
    }

    /// The name of its folder in every matter.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Documents => "Documents",
            Self::Messages => "Messages",
            Self::Invoices => "Invoices",
            Self::Tasks => "Tasks",
            Self::Calendar => "Calendar",
            Self::Notes => "Notes",
        }
    }

    /// The area of this folder of a matter, spelled exactly.
    pub fn of_folder(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|area| area.folder() == name)
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Area {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|area| area.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("`{text}` is no area: use documents, messages, invoices, tasks, calendar or notes"))
    }
}

/// The areas that are switched on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Areas(u8);

impl Areas {
    /// All of them: what a new matter has, so that the firm's switches alone decide.
    pub const ALL: Self = Self(0b11_1111);
    /// What a new firm starts with.
    pub const NEW_FIRM: Self = Self(Area::Invoices.bit() | Area::Messages.bit());

    /// True if the area is on.
    pub const fn has(self, area: Area) -> bool {
        self.0 & area.bit() != 0
    }

    /// The same, with one area switched.
    #[must_use]
    pub const fn with(self, area: Area, on: bool) -> Self {
        if on { Self(self.0 | area.bit()) } else { Self(self.0 & !area.bit()) }
    }

    /// The areas that are on.
    pub fn iter(self) -> impl Iterator<Item = Area> {
        Area::ALL.into_iter().filter(move |area| self.has(*area))
    }
}

/// On at both.
impl BitAnd for Areas {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Display for Areas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Area::as_str).collect();
        f.write_str(if words.is_empty() { "none" } else { "" })?;
        f.write_str(&words.join(", "))
    }
}

impl fmt::Debug for Areas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Areas({self})")
    }
}
