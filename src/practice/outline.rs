//! A matter's folders as staff are shown them: which the portal shows, and which rows are in force there.

use super::{Firm, Matter, StructureFolder};
use crate::policy::{FolderRule, Row};

/// One folder of a matter's structure.
#[derive(Debug, Clone)]
pub struct FolderOutline<'m> {
    /// The folder.
    pub folder: &'m StructureFolder,
    /// Its path within the matter, as people read it.
    pub label: &'m str,
    /// What it says itself.
    pub rule: &'m FolderRule,
    /// The rows in force in it, its own or those of a folder above.
    pub rows: &'m [Row],
    /// Participants may do something in it, and its area is on.
    pub portal: bool,
}

impl Firm {
    /// The folders of a matter's structure, those above before those below.
    pub fn outline<'m>(&self, matter: &'m Matter) -> Vec<FolderOutline<'m>> {
        let areas = self.areas_of(matter);
        let outline = |folder: &'m StructureFolder| {
            let ruled = matter.rules.folders.get(&folder.id)?;
            let chain: Vec<_> = ruled.above.iter().chain([&folder.id]).copied().collect();
            let rows = match matter.rules.nearest(&chain) {
                Some((_, FolderRule::Rows(rows))) => Some(rows.as_slice()),
                _ => None,
            };
            Some(FolderOutline {
                folder,
                label: ruled.label.as_str(),
                rule: &ruled.rule,
                rows: rows.unwrap_or_default(),
                portal: rows.is_some() && areas.is_some_and(|areas| areas.has(ruled.area)),
            })
        };
        matter.folders.iter().filter_map(outline).collect()
    }
}
