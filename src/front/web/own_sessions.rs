//! Where somebody is signed in with the own account, and ending it.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::form::Posted;
use super::frame::{Frame, Notice, page};
use super::person::Person;
use super::status::Failure;
use super::words;
use crate::gate::{OwnAccount, OwnSession, SeeOwnAccount, WhichOwn};
use crate::names::SessionId;
use crate::vfs::Error;

#[derive(Template)]
#[template(path = "own_sessions.html")]
struct SessionsPage {
    frame: Frame,
    tab: &'static str,
    sessions: Vec<Row>,
    others: bool,
}

struct Row {
    id: String,
    door: &'static str,
    by: String,
    address: String,
    since: String,
    is_this: bool,
}

/// One session to end, or nothing: all others.
#[derive(Deserialize)]
pub(super) struct Ended {
    #[serde(default)]
    session: String,
}

/// The page.
pub(super) async fn show(person: Person) -> Result<Response, Failure> {
    let gate = &person.portal.gate;
    let permit = gate.permit_own::<SeeOwnAccount>(&person.session, "session list", "").await.map_err(Error::from)?;
    let own = gate.own_sessions(permit, &person.session);
    let zone = person.portal.settings.load().zone.clone();
    let row = |OwnSession { open, is_this }: &OwnSession| Row {
        id: open.id.to_string(),
        door: words::door(open.front),
        by: format!("{}{}", words::proof(open.auth), if open.second_factor { " and code" } else { "" }),
        address: open.peer.map_or_else(|| "–".to_owned(), |peer| peer.to_string()),
        since: words::time(open.since, &zone),
        is_this: *is_this,
    };
    let others = own.iter().any(|one| !one.is_this);
    let sessions = own.iter().map(row).collect();
    let shown = SessionsPage { frame: person.frame("Where you are signed in"), tab: "sessions", sessions, others };
    Ok(page(StatusCode::OK, &shown))
}

/// Ends one, or all but this one.
pub(super) async fn end(posted: Posted<Ended>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let which = match form.session.as_str() {
        "" => WhichOwn::Others(person.session.id()),
        text => WhichOwn::Session(text.parse::<SessionId>().map_err(|_| Failure::not_found())?),
    };
    let gate = &person.portal.gate;
    let permit = gate.permit_own::<OwnAccount>(&person.session, "session end", &form.session).await;
    let ended = gate.end_own_sessions(permit.map_err(Error::from)?, which);
    if !person.session.is_live() {
        return Ok(Redirect::to("/sign-in").into_response());
    }
    person.guest.tell(match ended.len() {
        0 => Notice::Failed("There was nothing to end: it was over already.".to_owned()),
        1 => Notice::Done("One session has been ended.".to_owned()),
        many => Notice::Done(format!("{many} sessions have been ended.")),
    });
    Ok(Redirect::to("/account/sessions").into_response())
}
