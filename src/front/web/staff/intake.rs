//! What came into drop boxes and waits for a person, who assigns or discards it.

use askama::Template;
use axum::extract::Query;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::acts::{self, as_refusal};
use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::paging::Paging;
use super::super::person::Person;
use super::super::status::{Failure, sentence};
use super::super::words;
use crate::gate::Manage;
use crate::names::{DocName, DocPath, NodeId};
use crate::vfs::{Error, HeldCounts, Quarantined, Unassigned, Undeliverable, Vfs};

/// Where the page is.
const URL: &str = "/intake";

/// Which part of a long list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    page: String,
}

/// Where a document is to go, as the form has it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Assignment {
    document: String,
    matter: String,
    folder: String,
    name: String,
}

/// A document to discard.
#[derive(Debug, Deserialize)]
pub(super) struct Removal {
    document: String,
    /// There if the box is ticked.
    sure: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/intake.html")]
struct IntakePage {
    frame: Frame,
    counts: HeldCounts,
    waiting: Vec<Row>,
    paging: Paging,
    link: &'static str,
}

struct Row {
    id: NodeId,
    name: String,
    why: String,
    barred: bool,
    since: String,
    device: String,
    size: String,
    drop_box: String,
    /// What the form has; what was filled in, if it could not be done.
    to: Assignment,
    again: bool,
}

/// The page.
pub(super) async fn show(person: Person, Query(which): Query<Which>) -> Result<Response, Failure> {
    intake(&person, &which, None).await
}

/// Delivers a document to a folder of a matter.
pub(super) async fn assign(posted: Posted<Assignment>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    match deliver(&person, &form).await {
        Ok(told) => done(&person, told),
        Err(failure) => refused(&person, &failure, Some(form)).await,
    }
}

/// Removes a document for good.
pub(super) async fn discard(posted: Posted<Removal>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let removal = async {
        let id = id_of(&form.document)?;
        if form.sure.is_none() {
            return Err(Failure::bad("It is removed for good: tick that you mean it."));
        }
        person.portal.vfs.view(&person.session).discard(id).await.map_err(gone)
    };
    match removal.await {
        Ok(()) => done(&person, "The document has been removed.".to_owned()),
        Err(failure) => refused(&person, &failure, None).await,
    }
}

async fn deliver(person: &Person, form: &Assignment) -> Result<String, Failure> {
    let id = id_of(&form.document)?;
    let folder = DocPath::parse(form.folder.trim().as_bytes());
    let folder = folder.map_err(|why| Failure::bad(format!("This cannot be a folder: {why}.")))?;
    let name = Some(form.name.trim()).filter(|name| !name.is_empty()).map(|name| DocName::parse(name.as_bytes()));
    let name = name.transpose().map_err(|why| Failure::bad(format!("This cannot be a name: {why}.")))?;
    let view = person.portal.vfs.view(&person.session);
    match view.assign(id, form.matter.trim(), &folder, name.as_ref()).await {
        Ok(path) => Ok(format!("Delivered as {}.", path.to_string().trim_start_matches('/'))),
        Err(Unassigned::Undeliverable(why)) => {
            let is_full = matches!(why, Undeliverable::NoRoom(_));
            let status = if is_full { StatusCode::INSUFFICIENT_STORAGE } else { StatusCode::CONFLICT };
            Err(Failure::new(status, sentence(&why.to_string())))
        }
        Err(Unassigned::Other(error)) => Err(gone(error)),
    }
}

fn id_of(document: &str) -> Result<NodeId, Failure> {
    document.parse().map_err(|_| Failure::not_found())
}

/// Of two who decide about a document, the second is told.
fn gone(error: Error) -> Failure {
    match error {
        Error::NotFound => Failure::changed_meanwhile(),
        error => error.into(),
    }
}

fn done(person: &Person, told: String) -> Result<Response, Failure> {
    person.guest.tell(Notice::Done(told));
    Ok(Redirect::to(URL).into_response())
}

async fn refused(person: &Person, failure: &Failure, form: Option<Assignment>) -> Result<Response, Failure> {
    acts::tell(person, failure);
    Ok(as_refusal(failure, intake(person, &Which::default(), form).await?))
}

async fn intake(person: &Person, which: &Which, form: Option<Assignment>) -> Result<Response, Failure> {
    let look = |vfs: &Vfs, permit: &_| vfs.quarantined(permit);
    let mut found = acts::inspect::<Manage, _>(person, ("intake list", "", None), look).await?;
    if let Some(form) = &form {
        // What somebody is busy with stands first.
        found.sort_by_key(|one| one.id.to_string() != form.document);
    }
    let paging = Paging::of(found.len(), &which.page);
    let waiting = found.drain(paging.range()).map(|one| row(person, one, form.as_ref())).collect();
    let shown = IntakePage {
        frame: person.frame("Incoming"),
        counts: person.portal.vfs.held_counts(),
        waiting,
        paging,
        link: "?",
    };
    Ok(page(StatusCode::OK, &shown))
}

fn row(person: &Person, one: Quarantined, form: Option<&Assignment>) -> Row {
    let firm = person.portal.gate.practice().firm();
    let zone = person.portal.settings.load().zone.clone();
    let filled = form.filter(|form| form.document == one.id.to_string()).cloned();
    let again = filled.is_some();
    let fresh = || Assignment {
        document: one.id.to_string(),
        matter: String::new(),
        folder: String::new(),
        name: one.sent.to_string(),
    };
    Row {
        id: one.id,
        name: one.sent.to_string(),
        why: sentence(&one.reason),
        barred: one.barred,
        since: words::time(one.since, &zone),
        device: firm.account(one.account).map_or_else(|| "–".to_owned(), |account| account.login.clone()),
        size: words::size(one.size),
        drop_box: one.drop_box,
        to: filled.unwrap_or_else(fresh),
        again,
    }
}
