//! `deedbox matter show`: a matter's folders, which of them the portal shows, and to whom.

use std::fmt::Write as _;

use serde::Serialize;

use super::matter;
use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, Table, printable};
use crate::policy::{self, FolderRule};
use crate::practice::{FolderOutline, Matter};

/// A structure folder in answers.
#[derive(Debug, Serialize)]
struct Folder {
    path: String,
    /// Participants may do something in it, and its area is on.
    portal: bool,
    /// `rows`, `closed` or `inherit`.
    rule: &'static str,
    rows: Vec<Row>,
    /// An earlier version of the matter type made it.
    former: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    #[serde(rename = "type")]
    participant_type: String,
    rights: String,
}

pub(super) fn reply(operator: &Operator<'_>, matter: &Matter) -> Result<Reply, Problem> {
    let areas = operator.firm().areas_of(matter);
    let mut text = format!("Matter {}: {}\n", matter.number, printable(&matter.name));
    let state = if matter.open { "open" } else { "closed" };
    // Writing to a String cannot fail.
    let _ = match areas {
        Some(areas) => writeln!(text, "It is {state}; the portal shows: {areas}."),
        None => writeln!(text, "It is {state}; the portal does not show it."),
    };
    let firm = operator.firm();
    let login = |id| firm.account(id).map(|account| account.login.as_str());
    let told: Vec<_> = matter.watch.listeners().filter_map(login).collect();
    if !told.is_empty() {
        let _ = writeln!(text, "Told of what participants upload: {}.", told.join(", "));
    }
    if let Some(quota) = matter.quota {
        let _ = writeln!(text, "At most {quota} may be kept in it.");
    }
    if matter.watch.confidential {
        let _ = writeln!(text, "It is confidential: no mail names its documents.");
    }
    let folders = folders(operator, matter);
    let mut table = Table::new(&["FOLDER", "PORTAL", "RIGHTS"]);
    for folder in &folders {
        let rights = match folder.rule {
            "rows" => {
                let rows: Vec<_> =
                    folder.rows.iter().map(|row| format!("{}: {}", row.participant_type, row.rights)).collect();
                rows.join("; ")
            }
            "closed" if folder.former => "closed; no folder of the matter type any more".to_owned(),
            other => other.to_owned(),
        };
        let portal = if folder.portal { "yes" } else { "-" }.to_owned();
        table.row([folder.path.clone(), portal, rights]);
    }
    text.push_str(&String::from(table));
    let data = serde_json::json!({ "matter": matter::shown(operator, matter), "folders": folders });
    Reply::new(&data, text)
}

fn folders(operator: &Operator<'_>, matter: &Matter) -> Vec<Folder> {
    let shown = |one: FolderOutline<'_>| {
        let (rule, rows) = match one.rule {
            FolderRule::Rows(rows) => ("rows", rows.as_slice()),
            FolderRule::Closed => ("closed", &[][..]),
            FolderRule::Inherit => ("inherit", &[][..]),
        };
        let row =
            |row: &policy::Row| Row { participant_type: row.participant_type.clone(), rights: row.rights.to_string() };
        Folder {
            path: one.label.to_owned(),
            portal: one.portal,
            rule,
            rows: rows.iter().map(row).collect(),
            former: one.folder.former.is_some(),
        }
    };
    operator.firm().outline(matter).into_iter().map(shown).collect()
}
