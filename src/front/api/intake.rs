//! `/intake`: what came into drop boxes and waits for a person, for those who work for the firm.

use axum::extract::Path;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::caller::{Act, Staff};
use super::documents::within;
use super::input::{Asked, Input};
use super::matters::webdav;
use super::page::Which;
use super::problem::Problem;
use crate::names::{DocName, DocPath, NameError, NodeId};
use crate::practice::Firm;
use crate::vfs::{Quarantined, Unassigned, Undeliverable, Vfs};

/// Where a document is to go.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Assignment {
    /// The matter's number.
    matter: String,
    /// Within the matter.
    folder: String,
    /// Another name than the one under which it came.
    name: Option<String>,
}

/// A document that waits, in answers.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    since: String,
    reason: String,
    /// It can only be discarded.
    barred: bool,
    drop_box: String,
    /// The number of the drop box's matter.
    matter: Option<String>,
    name: String,
    path: String,
    device: Option<String>,
    address: Option<String>,
    arrived: String,
    size: u64,
    sha256: String,
}

pub(super) async fn list(staff: Staff, Asked(which): Asked<Which>) -> Result<Answer, Problem> {
    let waiting = waiting(&staff, ("intake list", "", None)).await?;
    let firm = staff.firm();
    let mut all: Vec<_> = waiting.into_iter().map(|one| shown(&firm, one)).collect();
    all.sort_by_cached_key(key);
    Answer::of(&which.of(all, key)?)
}

pub(super) async fn show(staff: Staff, Path(document): Path<String>) -> Result<Answer, Problem> {
    let id = id_of(&document)?;
    let waiting = waiting(&staff, ("intake show", &id.to_string(), None)).await?;
    let one = waiting.into_iter().find(|one| one.id == id).ok_or_else(Problem::not_found)?;
    Answer::resource(&shown(&staff.firm(), one))
}

pub(super) async fn assign(
    staff: Staff,
    Path(document): Path<String>,
    Input(to): Input<Assignment>,
) -> Result<Answer, Problem> {
    let Assignment { matter, folder, name } = to;
    let id = id_of(&document)?;
    let wrong = |what: &str, why: NameError| Problem::unfit(format!("`{what}`: {why}"));
    let folder = DocPath::parse(folder.as_bytes()).map_err(|why| wrong("folder", why))?;
    let name = name.map(|name| DocName::parse(name.as_bytes())).transpose().map_err(|why| wrong("name", why))?;
    let path = staff.caller.view().assign(id, &matter, &folder, name.as_ref()).await?;
    let matter = staff.matter(&matter)?;
    Answer::of(&serde_json::json!({
        "matter": matter.number, "path": within(&path), "webdav": webdav(&path),
    }))
}

pub(super) async fn discard(staff: Staff, Path(document): Path<String>) -> Result<Answer, Problem> {
    staff.caller.view().discard(id_of(&document)?).await?;
    Ok(Answer::done())
}

async fn waiting(staff: &Staff, act: Act<'_>) -> Result<Vec<Quarantined>, Problem> {
    staff.inspect(act, |vfs: &Vfs, permit| vfs.quarantined(permit)).await
}

fn id_of(document: &str) -> Result<NodeId, Problem> {
    document.parse().map_err(|_| Problem::not_found())
}

fn key(one: &Shown) -> String {
    format!("{} {}", one.since, one.id)
}

fn shown(firm: &Firm, one: Quarantined) -> Shown {
    Shown {
        id: one.id.to_string(),
        since: one.since.to_string(),
        reason: one.reason,
        barred: one.barred,
        drop_box: one.drop_box,
        matter: firm.matter(one.matter).map(|matter| matter.number.clone()),
        name: one.sent.to_string(),
        path: within(&one.path),
        device: firm.account(one.account).map(|account| account.login.clone()),
        address: one.source.map(|source| source.to_string()),
        arrived: one.arrived.to_string(),
        size: one.size,
        sha256: hex::encode(one.sha256),
    }
}

impl From<Unassigned> for Problem {
    fn from(why: Unassigned) -> Self {
        match why {
            Unassigned::Undeliverable(Undeliverable::NoRoom(_)) => {
                Self::of_kind(StatusCode::INSUFFICIENT_STORAGE, "quota", why.to_string())
            }
            Unassigned::Undeliverable(why) => Self::unfit(why.to_string()),
            Unassigned::Other(error) => error.into(),
        }
    }
}
