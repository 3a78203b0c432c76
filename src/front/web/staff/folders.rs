//! A matter's folders: which of them the portal shows, what each participant type may do there, and who does now.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use hyper::StatusCode;

use super::super::acts;
use super::super::frame::{Frame, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::super::urls;
use super::matter::{self, Head, Tab};
use crate::names::{NodeId, Rights};
use crate::policy::FolderRule;
use crate::practice::{Account, Firm, FolderOutline, Matter};
use crate::vfs::{Vfs, structure_path};

/// Names that one folder shows.
const MOST_NAMES: usize = 12;

#[derive(Template)]
#[template(path = "staff/folders.html")]
struct FoldersPage {
    frame: Frame,
    matter: Head,
    matter_type: String,
    folder_url: String,
    opens_folders: bool,
    folders: Vec<Row>,
    /// Folders and documents with rules beside those of the type.
    own_rules: usize,
}

struct Row {
    label: String,
    url: String,
    portal: bool,
    /// What is said of its rights where it has no rows.
    rule: &'static str,
    /// Participant type and rights.
    rows: Vec<(String, String)>,
    /// Who can do something there now.
    names: Vec<String>,
    more: usize,
}

/// The page.
pub(super) async fn show(person: Person, Path(number): Path<String>) -> Result<Response, Failure> {
    let matter = matter::find(&person, &number)?;
    let firm = person.portal.gate.practice().firm();
    let accounts: Vec<Arc<Account>> =
        firm.participants_of(matter.id).iter().filter_map(|one| firm.account_of(one.party).cloned()).collect();
    let (what, whose) = (matter.clone(), accounts.clone());
    let look = move |vfs: &Vfs, permit: &_| Ok(vfs.rights_in_structure(permit, &what, &whose));
    let rights = acts::inspect(&person, ("matter show", &matter.number, Some(matter.id)), look).await?;
    let outline = firm.outline(&matter);
    let folders = outline.iter().map(|folder| row(&firm, &matter, folder, &accounts, &rights)).collect();
    let shown = FoldersPage {
        frame: person.frame(matter::title(&matter, Tab::Folders)),
        matter: matter::head(&matter, Tab::Folders),
        matter_type: matter.matter_type.clone(),
        folder_url: matter::folder_url(&matter),
        opens_folders: person.session.role() == crate::names::Role::Staff,
        folders,
        own_rules: matter.own_rules().len(),
    };
    Ok(page(StatusCode::OK, &shown))
}

fn row(
    firm: &Firm,
    matter: &Matter,
    outline: &FolderOutline<'_>,
    accounts: &[Arc<Account>],
    rights: &HashMap<NodeId, Vec<Rights>>,
) -> Row {
    let none = Vec::new();
    let here = rights.get(&outline.folder.id).unwrap_or(&none);
    let name = |account: &Account| match account.contact.and_then(|id| firm.contact(id)) {
        Some(contact) => contact.name.clone(),
        None => account.login.clone(),
    };
    let able = accounts.iter().zip(here).filter(|(_, rights)| !rights.is_empty());
    let mut names: Vec<String> = able.map(|(account, rights)| format!("{} ({rights})", name(account))).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    let rule = match (outline.rule, outline.folder.former.is_some()) {
        (_, true) => "closed; no folder of the matter type any more",
        (FolderRule::Closed, _) => "staff alone",
        (FolderRule::Inherit, _) if outline.rows.is_empty() => "staff alone",
        (FolderRule::Inherit, _) => "as the folder above",
        (FolderRule::Rows(_), _) => "",
    };
    let rows = if outline.folder.former.is_some() { &[] } else { outline.rows };
    Row {
        label: outline.label.to_owned(),
        url: urls::folder(&structure_path(matter, outline.folder.id)),
        portal: outline.portal,
        rule,
        rows: rows.iter().map(|row| (row.participant_type.clone(), row.rights.to_string())).collect(),
        names,
        more,
    }
}
