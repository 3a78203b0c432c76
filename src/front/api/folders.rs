//! `/matters/{number}/folders`: a matter's folders, which of them the portal shows, and to whom.

use axum::extract::Path;
use serde::Serialize;
use serde_json::json;

use super::answer::Answer;
use super::caller::Staff;
use super::problem::Problem;
use crate::names::Areas;
use crate::policy::{FolderRule, Row};
use crate::practice::{Matter, Ruling};

/// A folder in answers.
#[derive(Debug, Serialize)]
struct Shown {
    path: String,
    /// The matter type made it; nobody renames or removes it.
    structure: bool,
    /// Participants may do something in it, and its area is on; of a folder of its own rights, that it has some.
    portal: bool,
    rule: &'static str,
    rows: Vec<ShownRow>,
}

#[derive(Debug, Serialize)]
struct ShownRow {
    #[serde(rename = "type")]
    participant_type: String,
    rights: Vec<&'static str>,
}

pub(super) async fn list(staff: Staff, Path(number): Path<String>) -> Result<Answer, Problem> {
    let matter = staff.matter(&number)?;
    staff.look(("folder list", &matter.number, Some(matter.id))).await?;
    let areas = staff.firm().areas_of(&matter);
    let items: Vec<_> = structure(&matter, areas).chain(own(&matter)).collect();
    Answer::of(&json!({ "items": items, "next": null }))
}

fn structure(matter: &Matter, areas: Option<Areas>) -> impl Iterator<Item = Shown> {
    matter.folders.iter().filter_map(move |folder| {
        let ruled = matter.rules.folders.get(&folder.id)?;
        let chain: Vec<_> = ruled.above.iter().chain([&folder.id]).copied().collect();
        let grants = matches!(matter.rules.nearest(&chain), Some((_, FolderRule::Rows(_))));
        let portal = grants && areas.is_some_and(|areas| areas.has(ruled.area));
        let (rule, rows) = in_words(&ruled.rule);
        Some(Shown { path: ruled.label.clone(), structure: true, portal, rule, rows })
    })
}

/// Those that people made and that have rights of their own.
fn own(matter: &Matter) -> impl Iterator<Item = Shown> {
    matter.own_rules().iter().filter_map(|own| {
        let Ruling::Folder(rule) = &own.ruling else { return None };
        let (rule, rows) = in_words(rule);
        let path = own.path.to_string().trim_start_matches('/').to_owned();
        Some(Shown { path, structure: false, portal: !rows.is_empty(), rule, rows })
    })
}

fn in_words(rule: &FolderRule) -> (&'static str, Vec<ShownRow>) {
    let shown = |row: &Row| ShownRow {
        participant_type: row.participant_type.clone(),
        rights: row.rights.verbs().map(crate::names::Verb::as_str).collect(),
    };
    match rule {
        FolderRule::Rows(rows) => ("rows", rows.iter().map(shown).collect()),
        FolderRule::Closed => ("closed", Vec::new()),
        FolderRule::Inherit => ("inherit", Vec::new()),
    }
}
