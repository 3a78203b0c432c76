//! A matter, found by its number, and what stands above each of its tabs.

use std::sync::Arc;

use super::super::person::Person;
use super::super::status::Failure;
use super::super::urls;
use crate::front::segments;
use crate::names::DocPath;
use crate::practice::Matter;

/// The tabs of a matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Folders,
    Access,
    Sharing,
    Messages,
    Activity,
    Settings,
}

impl Tab {
    const ALL: [Self; 6] = [Self::Folders, Self::Access, Self::Sharing, Self::Messages, Self::Activity, Self::Settings];

    const fn name(self) -> &'static str {
        match self {
            Self::Folders => "Folders",
            Self::Access => "Access",
            Self::Sharing => "Sharing",
            Self::Messages => "Messages",
            Self::Activity => "Activity",
            Self::Settings => "Settings",
        }
    }

    /// What follows the matter's own URL.
    const fn path(self) -> &'static str {
        match self {
            Self::Folders => "",
            Self::Access => "/access",
            Self::Sharing => "/sharing",
            Self::Messages => "/messages",
            Self::Activity => "/activity",
            Self::Settings => "/settings",
        }
    }
}

/// What stands above a tab.
pub(super) struct Head {
    pub(super) number: String,
    pub(super) name: String,
    /// The matter's own URL.
    pub(super) base: String,
    /// What is out of the ordinary about it.
    pub(super) state: Option<&'static str>,
    tab: Tab,
}

impl Head {
    /// Name, URL, and whether it is the one that is shown.
    pub(super) fn tabs(&self) -> Vec<(&'static str, String, bool)> {
        Tab::ALL.map(|tab| (tab.name(), format!("{}{}", self.base, tab.path()), tab == self.tab)).into()
    }
}

pub(super) fn head(matter: &Matter, tab: Tab) -> Head {
    Head { number: matter.number.clone(), name: matter.name.clone(), base: url(matter), state: state(matter), tab }
}

/// What is out of the ordinary about a matter.
pub(super) fn state(matter: &Matter) -> Option<&'static str> {
    match (matter.open, matter.portal) {
        (true, true) => None,
        (true, false) => Some("portal off"),
        (false, _) => Some("closed"),
    }
}

/// What the browser's window is called.
pub(super) fn title(matter: &Matter, tab: Tab) -> String {
    format!("{}: {}", matter.number, tab.name())
}

/// The matter of this number.
pub(super) fn find(person: &Person, number: &str) -> Result<Arc<Matter>, Failure> {
    let firm = person.portal.gate.practice().firm();
    firm.matter_by_number(number).cloned().ok_or_else(Failure::not_found)
}

/// A matter's first tab.
pub(super) fn url(matter: &Matter) -> String {
    let mut url = String::from("/matter/");
    segments::push_text(&mut url, &matter.number);
    url
}

pub(super) fn tab_url(matter: &Matter, tab: Tab) -> String {
    url(matter) + tab.path()
}

/// A matter's folder on the pages of the tree.
pub(super) fn folder_url(matter: &Matter) -> String {
    DocPath::root().join(matter.folder_name.clone()).map_or_else(|_| "/".to_owned(), |path| urls::folder(&path))
}

/// For who manages the matter in which this path lies: where that is done.
pub(in super::super) fn folder_of(person: &Person, path: &DocPath) -> Option<String> {
    Some(url(&*of_path(person, path)?))
}

/// For who manages the matter in which this path lies: where it is shared, or given rights of its own.
pub(in super::super) fn sharing_of(person: &Person, path: &DocPath, is_folder: bool) -> Option<String> {
    let mut url = tab_url(&*of_path(person, path)?, Tab::Sharing);
    url.push_str(if is_folder { "?folder=" } else { "?document=" });
    segments::push_text(&mut url, &within(path)?);
    Some(url)
}

fn of_path(person: &Person, path: &DocPath) -> Option<Arc<Matter>> {
    let firm = person.portal.gate.practice().firm();
    let name = path.names().first().filter(|_| person.guest.is_staff())?;
    firm.matter_by_folder(&name.folded()).cloned()
}

/// A path as people write it within a matter: `Documents/From us/Contract.pdf`.
pub(super) fn within(path: &DocPath) -> Option<String> {
    let names: Vec<_> = path.names().get(1..)?.iter().map(|name| name.as_str()).collect();
    (!names.is_empty()).then(|| names.join("/"))
}
