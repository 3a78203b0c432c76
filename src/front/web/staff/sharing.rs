//! What is said of single documents and folders: documents shared where they stand, folders with rights of their own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::super::{urls, words};
use super::acts::{self, as_refusal};
use super::matter::{self, Head, Tab};
use crate::names::{DocPath, DocumentTarget, NodeId, Rights, Role, Verb};
use crate::policy::{FolderRule, Row};
use crate::practice::{Matter, Practice, Ruling};
use crate::vfs::{Error, Vfs};

/// What the form is filled in with.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filled {
    #[serde(default)]
    document: String,
    #[serde(default)]
    folder: String,
}

/// A document to share. Boxes that are ticked: `with-client`.
#[derive(Debug, Deserialize)]
pub(super) struct Share {
    path: String,
    #[serde(flatten)]
    ticked: BTreeMap<String, String>,
}

/// A folder's rights. Boxes that are ticked: `right-client-list`.
#[derive(Debug, Deserialize)]
pub(super) struct Rule {
    path: String,
    /// `rows` or `closed`.
    rule: String,
    #[serde(flatten)]
    ticked: BTreeMap<String, String>,
}

/// A rule to take back.
#[derive(Debug, Deserialize)]
pub(super) struct Back {
    node: String,
}

#[derive(Template)]
#[template(path = "staff/sharing.html")]
struct SharingPage {
    frame: Frame,
    matter: Head,
    shares: Vec<Shown>,
    folders: Vec<Shown>,
    types: Vec<String>,
    verbs: [Verb; 5],
    filled: Filled,
}

struct Shown {
    path: String,
    /// Where it can be opened by who looks.
    url: Option<String>,
    /// With whom, or which rights.
    what: String,
    since: String,
    node: NodeId,
    /// It was removed since.
    gone: bool,
}

/// The page.
pub(super) async fn show(
    person: Person,
    Path(number): Path<String>,
    Query(filled): Query<Filled>,
) -> Result<Response, Failure> {
    let matter = matter::find(&person, &number)?;
    sharing(&person, &matter, filled).await
}

/// Shows a document to participants where it stands.
pub(super) async fn share(Path(number): Path<String>, posted: Posted<Share>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let matter = matter::find(&person, &number)?;
    let with: Vec<String> = form.ticked.keys().filter_map(|key| Some(key.strip_prefix("with-")?.to_owned())).collect();
    let done = async {
        let at = located(&person, &matter, "document share", &form.path).await?;
        let path = at.path().to_string();
        let whom = if with.is_empty() { "every participant".to_owned() } else { with.join(", ") };
        let share = move |practice: &Practice, permit| practice.share_document(permit, &at, with);
        acts::change(&person, ("document share", &path, Some(matter.id)), share).await?;
        Ok(format!("{} is shared with {whom}.", form.path))
    };
    let done = done.await;
    answer(&person, &matter, done, Filled { document: form.path, ..Filled::default() }).await
}

/// Gives a folder that people made rights of its own.
pub(super) async fn rule(Path(number): Path<String>, posted: Posted<Rule>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let matter = matter::find(&person, &number)?;
    let done = async {
        let rule = match form.rule.as_str() {
            "closed" => FolderRule::Closed,
            "rows" => FolderRule::Rows(rows(form.ticked.keys())?),
            _ => return Err(Failure::bad("Say whether the folder is closed or who may do what.")),
        };
        let at = located(&person, &matter, "folder rights", &form.path).await?;
        let path = at.path().to_string();
        let change = move |practice: &Practice, permit| practice.rule_folder(permit, &at, rule);
        acts::change(&person, ("folder rights", &path, Some(matter.id)), change).await?;
        Ok(format!("{} has rights of its own.", form.path))
    };
    let done = done.await;
    answer(&person, &matter, done, Filled { folder: form.path, ..Filled::default() }).await
}

/// Takes a share back, or lets a folder have the rights of the one above again.
pub(super) async fn take_back(Path(number): Path<String>, posted: Posted<Back>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let matter = matter::find(&person, &number)?;
    let node: Option<NodeId> = form.node.parse().ok();
    let rule = matter.own_rules().iter().find(|rule| Some(rule.node) == node);
    let done = match rule {
        None => Err(Failure::changed_meanwhile()),
        Some(rule) => {
            let (node, id, path) = (rule.node, matter.id, rule.path.to_string());
            let (action, told) = match rule.ruling {
                Ruling::Share { .. } => ("document unshare", "is not shared any more"),
                Ruling::Folder(_) => ("folder rights", "has the rights of the folder above it"),
            };
            let back = move |practice: &Practice, permit| practice.drop_own_rule(permit, id, node);
            let done = acts::change(&person, (action, &path, Some(id)), back).await;
            done.map(|_| format!("{} {told}.", path.trim_start_matches('/')))
        }
    };
    answer(&person, &matter, done, Filled::default()).await
}

async fn answer(
    person: &Person,
    matter: &Arc<Matter>,
    done: Result<String, Failure>,
    filled: Filled,
) -> Result<Response, Failure> {
    match done {
        Ok(told) => {
            person.guest.tell(Notice::Done(told));
            Ok(Redirect::to(&matter::tab_url(matter, Tab::Sharing)).into_response())
        }
        Err(failure) => {
            acts::tell(person, &failure);
            Ok(as_refusal(&failure, sharing(person, matter, filled).await?))
        }
    }
}

/// What people made at this path of the matter. Looked up with a permit of its own: who looks for a document by its path
/// asks whether it exists.
async fn located(person: &Person, matter: &Arc<Matter>, action: &str, text: &str) -> Result<DocumentTarget, Failure> {
    let path = DocPath::parse(format!("/{}", text.trim().trim_matches('/')).as_bytes());
    let path = path.map_err(|why| Failure::bad(format!("This cannot be a path: {why}.")))?;
    let (what, subject) = (matter.clone(), format!("{}: {path}", matter.number));
    let look = move |vfs: &Vfs, permit: &_| match vfs.locate(permit, &what, &path) {
        Ok(found) => Ok(Ok(found)),
        Err(Error::NotFound) => Ok(Err("The matter has nothing at this path.")),
        Err(Error::Structure) => {
            Ok(Err("This folder is the matter type's; the administrator changes its rights there."))
        }
        Err(other) => Err(other),
    };
    let found = acts::inspect(person, (&format!("{action}, find"), &subject, Some(matter.id)), look).await?;
    found.map_err(|text| Failure::new(StatusCode::CONFLICT, text))
}

fn rows<'a>(ticked: impl Iterator<Item = &'a String>) -> Result<Vec<Row>, Failure> {
    let mut rows: Vec<Row> = Vec::new();
    for key in ticked {
        // Types have dashes too: the right is what follows the last one.
        let Some((kind, verb)) = key.strip_prefix("right-").and_then(|key| key.rsplit_once('-')) else { continue };
        let verb: Verb = verb.parse().map_err(|_| Failure::bad("The form has a right that there is not."))?;
        match rows.iter_mut().find(|row| row.participant_type == kind) {
            Some(row) => row.rights = row.rights | Rights::of(&[verb]),
            None => rows.push(Row { participant_type: kind.to_owned(), rights: Rights::of(&[verb]) }),
        }
    }
    if rows.is_empty() {
        return Err(Failure::bad("Tick what somebody may do, or close the folder."));
    }
    Ok(rows)
}

async fn sharing(person: &Person, matter: &Arc<Matter>, filled: Filled) -> Result<Response, Failure> {
    // As it is now: a form may just have been refused because it has changed.
    let matter = matter::find(person, &matter.number)?;
    let what = matter.clone();
    let look = move |vfs: &Vfs, permit: &_| vfs.documents(permit, &what);
    let records = acts::inspect(person, ("document shares", &matter.number, Some(matter.id)), look).await?;
    let standing: HashMap<NodeId, DocPath> =
        records.into_iter().filter(|record| record.current).map(|record| (record.node, record.path)).collect();
    let zone = person.portal.settings.load().zone.clone();
    let opens = person.session.role() == Role::Staff;
    let (mut shares, mut folders) = (Vec::new(), Vec::new());
    for rule in matter.own_rules() {
        let since = words::time(rule.since, &zone);
        let then = rule.path.to_string().trim_start_matches('/').to_owned();
        match &rule.ruling {
            Ruling::Share { with } => {
                let now = standing.get(&rule.node);
                let path = now.and_then(matter::within).unwrap_or(then);
                let what = if with.is_empty() { "every participant".to_owned() } else { with.join(", ") };
                let url = now.filter(|_| opens).map(|path| urls::under("/m", path));
                shares.push(Shown { path, url, what, since, node: rule.node, gone: now.is_none() });
            }
            Ruling::Folder(own) => {
                let what = match own {
                    FolderRule::Rows(rows) => {
                        let rows: Vec<_> =
                            rows.iter().map(|row| format!("{}: {}", row.participant_type, row.rights)).collect();
                        rows.join("; ")
                    }
                    FolderRule::Closed | FolderRule::Inherit => "staff alone".to_owned(),
                };
                folders.push(Shown { path: then, url: None, what, since, node: rule.node, gone: false });
            }
        }
    }
    let shown = SharingPage {
        frame: person.frame(matter::title(&matter, Tab::Sharing)),
        matter: matter::head(&matter, Tab::Sharing),
        shares,
        folders,
        types: matter.kind().spec.participants().to_vec(),
        verbs: Verb::ALL,
        filled,
    };
    Ok(page(StatusCode::OK, &shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticked_boxes_become_rows() {
        let keys = ["right-client-list", "right-co-counsel-read", "right-client-read", "other"].map(str::to_owned);
        let made = rows(keys.iter()).expect("rows");
        let shown: Vec<_> = made.iter().map(|row| format!("{} {}", row.participant_type, row.rights)).collect();
        assert_eq!(shown, ["client list read", "co-counsel read"]);
        assert!(rows(["right-client-write".to_owned()].iter()).is_err());
        assert!(rows([].iter()).is_err(), "nobody would have a right");
    }
}
