//! Mails that wait for the relay, and those that it refused: seen, tried again, and whether one arrives at all.

use std::sync::Arc;

use askama::Template;
use axum::extract::Query;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::acts::{self, as_refusal, blocking};
use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::paging::Paging;
use super::super::person::Person;
use super::super::status::Failure;
use super::super::words;
use super::Section;
use crate::gate::Administer;
use crate::names::MailId;
use crate::notify::Waiting;

/// Which page of the queue.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Looked {
    #[serde(default)]
    page: String,
}

/// What is asked for: `retry` of one or all, or a `test` to an address.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    act: String,
    #[serde(default)]
    value: String,
}

#[derive(Template)]
#[template(path = "admin/mail.html")]
struct MailPage {
    frame: Frame,
    section: Section,
    /// Mail is switched on.
    sends: bool,
    last_error: Option<String>,
    mails: Vec<Row>,
    paging: Paging,
    link: String,
    /// Where a test goes unless somebody says otherwise.
    own: String,
}

struct Row {
    id: String,
    kind: &'static str,
    to: String,
    matter: Option<String>,
    since: String,
    state: &'static str,
    refused: bool,
    attempts: u32,
    next: Option<String>,
    error: Option<String>,
}

/// The page.
pub(super) async fn show(person: Person, Query(looked): Query<Looked>) -> Result<Response, Failure> {
    queue(&person, &looked).await
}

/// Tries again, or sends a test.
pub(super) async fn change(posted: Posted<Asked>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    match act(&person, form).await {
        Ok(notice) => {
            person.guest.tell(notice);
            Ok(Redirect::to(Section::Mail.url()).into_response())
        }
        Err(failure) => {
            acts::tell(&person, &failure);
            Ok(as_refusal(&failure, queue(&person, &Looked::default()).await?))
        }
    }
}

async fn act(person: &Person, Asked { act, value }: Asked) -> Result<Notice, Failure> {
    let post = person.portal.office.post.clone();
    if !post.sends() {
        return Err(Failure::new(StatusCode::CONFLICT, "Mail is switched off, so nothing can be sent."));
    }
    match act.as_str() {
        "retry" => {
            let id = match value.as_str() {
                "" => None,
                text => Some(text.parse::<MailId>().map_err(|_| Failure::bad("The form names no mail."))?),
            };
            let retried = acts::perform(person, ("mail retry", &value, None), move || post.retry(id)).await?;
            match (id, retried) {
                (Some(_), 0) => Err(Failure::new(StatusCode::CONFLICT, "That mail does not wait any more.")),
                (_, 1) => Ok(Notice::Done("1 mail is tried again.".to_owned())),
                (_, count) => Ok(Notice::Done(format!("{count} mails are tried again."))),
            }
        }
        "test" => {
            let address = value.trim().to_owned();
            // What the relay says of it is the answer; this keeps out what is not even meant as one.
            let looks_like_one =
                address.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
            if !looks_like_one || address.len() > 254 || address.contains(char::is_whitespace) {
                return Err(Failure::bad("Say to which e-mail address the test is to go."));
            }
            let (posting, to) = (Arc::clone(&post), address.clone());
            let test = acts::perform(person, ("mail test", &address, None), move || posting.test(to)).await?;
            Ok(match post.answer(test).await {
                None => Notice::Done(format!("The relay has taken a mail to {address}.")),
                Some(why) => Notice::Failed(format!("The mail to {address} has not gone, and waits: {why}")),
            })
        }
        _ => Err(Failure::bad("The form asks for nothing that can be done here.")),
    }
}

async fn queue(person: &Person, looked: &Looked) -> Result<Response, Failure> {
    acts::look::<Administer>(person, ("mail queue", "", None)).await?;
    let (post, firm) = (person.portal.office.post.clone(), person.portal.gate.practice().firm());
    let (sends, last_error) = (post.sends(), post.last_error());
    let all = blocking(move || post.queue(&firm)).await?.map_err(|error| {
        tracing::error!(%error, "the mails that wait could not be read");
        Failure::unavailable()
    })?;
    let zone = person.portal.settings.load().zone.clone();
    let row = |mail: &Waiting| Row {
        id: mail.id.clone(),
        kind: mail.kind,
        to: mail.to.clone().unwrap_or_else(|| "nobody any more".to_owned()),
        matter: mail.matter.clone(),
        since: words::time(mail.written, &zone),
        state: mail.state,
        refused: mail.state == "refused",
        attempts: mail.attempts,
        next: mail.next.map(|next| words::time(next, &zone)),
        error: mail.error.clone(),
    };
    let paging = Paging::of(all.len(), &looked.page);
    let shown = MailPage {
        frame: person.frame("Mail"),
        section: Section::Mail,
        sends,
        last_error,
        mails: all[paging.range()].iter().map(row).collect(),
        paging,
        link: "?".to_owned(),
        own: person.session.login().to_owned(),
    };
    Ok(page(StatusCode::OK, &shown))
}
