//! `/matters/{number}/shares`: single documents shown to participants where they stand.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::Path;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::caller::Staff;
use super::documents::within;
use super::input::{Asked, Input};
use super::matters::path_of;
use super::page::Which;
use super::problem::Problem;
use crate::names::{DocPath, NodeId};
use crate::practice::{Matter, OwnRule, Practice, Ruling};
use crate::vfs::Vfs;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// Within the matter.
    path: String,
    /// Participant types; none named means all.
    #[serde(default)]
    with: Vec<String>,
}

/// A share in answers.
#[derive(Debug, Serialize)]
struct Shown {
    document: String,
    path: String,
    with: Vec<String>,
    since: String,
    /// The document was removed since.
    gone: bool,
}

pub(super) async fn list(
    staff: Staff,
    Path(number): Path<String>,
    Asked(which): Asked<Which>,
) -> Result<Answer, Problem> {
    let (matter, what) = (staff.matter(&number)?, staff.matter(&number)?);
    let look = move |vfs: &Vfs, permit: &_| vfs.documents(permit, &what);
    let records = staff.inspect(("document shares", &matter.number, Some(matter.id)), look).await?;
    let standing: HashMap<_, _> =
        records.into_iter().filter(|record| record.current).map(|record| (record.node, record.path)).collect();
    let mut all: Vec<_> = matter.own_rules().iter().filter_map(|rule| shown(rule, standing.get(&rule.node))).collect();
    all.sort_by(|a, b| a.document.cmp(&b.document));
    Answer::of(&which.of(all, |one| one.document.clone())?)
}

pub(super) async fn add(staff: Staff, Path(number): Path<String>, Input(new): Input<New>) -> Result<Answer, Problem> {
    let New { path, with } = new;
    let matter = staff.matter(&number)?;
    let wrong = |why: crate::names::NameError| Problem::unfit(format!("`path`: {why}"));
    let inner = DocPath::parse(format!("/{}", path.trim_matches('/')).as_bytes()).map_err(wrong)?;
    let what = matter.clone();
    let subject = format!("{}: {path}", matter.number);
    let locate = move |vfs: &Vfs, permit: &_| vfs.locate(permit, &what, &inner);
    let found = staff.inspect(("document share, find", &subject, Some(matter.id)), locate).await;
    let at = found.map_err(|problem| match problem.is_not_found() {
        true => Problem::unfit("the matter has no document at this path"),
        false => problem,
    })?;
    let (node, shown_path) = (at.node, at.path().to_string());
    let share = move |practice: &Practice, permit| practice.share_document(permit, &at, with);
    let matter = staff.change(("document share", &shown_path, Some(matter.id)), share).await?;
    let rule = matter.own_rules().iter().find(|rule| rule.node == node).ok_or_else(Problem::not_found)?;
    let place = format!("{}/shares/{node}", path_of(&matter));
    // What was found a moment ago stands where the rule says.
    let shown = shown(rule, None).map(|one| Shown { gone: false, ..one }).ok_or_else(Problem::not_found)?;
    Answer::created(&place, &shown)
}

pub(super) async fn remove(staff: Staff, Path((number, document)): Path<(String, String)>) -> Result<Answer, Problem> {
    let matter = staff.matter(&number)?;
    let node = share_of(&matter, &document)?;
    let path = matter.own_rules().iter().find(|rule| rule.node == node).map(|rule| rule.path.to_string());
    let id = matter.id;
    let take_back = move |practice: &Practice, permit| practice.drop_own_rule(permit, id, node);
    staff.change(("document unshare", &path.unwrap_or_default(), Some(id)), take_back).await?;
    Ok(Answer::done())
}

/// The node of a document that is shared.
fn share_of(matter: &Arc<Matter>, document: &str) -> Result<NodeId, Problem> {
    let node = document.parse::<NodeId>().map_err(|_| Problem::not_found())?;
    let is_share = |rule: &&OwnRule| rule.node == node && matches!(rule.ruling, Ruling::Share { .. });
    matter.own_rules().iter().find(is_share).map(|rule| rule.node).ok_or_else(Problem::not_found)
}

fn shown(rule: &OwnRule, standing: Option<&DocPath>) -> Option<Shown> {
    let Ruling::Share { with } = &rule.ruling else { return None };
    let path = standing.map_or_else(|| rule.path.to_string().trim_start_matches('/').to_owned(), within);
    Some(Shown {
        document: rule.node.to_string(),
        path,
        with: with.clone(),
        since: rule.since.to_string(),
        gone: standing.is_none(),
    })
}
