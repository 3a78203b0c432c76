//! The record: everything that was done and tried, looked through by time, matter, login, kind, outcome and text.

use std::fmt;

use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use hyper::StatusCode;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::super::acts::{self, blocking};
use super::super::frame::{Frame, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::super::words;
use super::{Section, record};
use crate::audit::{Action, Detail, Ended, Outcome, Search, Shown};
use crate::front::segments;
use crate::gate::{Gate, Permit, SeeRecord};
use crate::names::MatterId;

/// Records on a page.
const ON_A_PAGE: usize = 100;

/// Characters of a login in the list.
const MAX_SHOWN: usize = 48;

/// What is looked for, as the form has it.
#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct Looked {
    /// Days by the firm's clock; the last one belongs to it.
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    /// A number.
    #[serde(default)]
    matter: String,
    #[serde(default)]
    login: String,
    /// A word of the record, or nothing for every kind.
    #[serde(default)]
    action: String,
    /// A word of the record, `all`, or nothing for what ended somehow.
    #[serde(default)]
    ended: String,
    #[serde(default)]
    text: String,
    /// Where the page before ended.
    #[serde(default)]
    before: String,
}

#[derive(Template)]
#[template(path = "admin/records.html")]
struct RecordsPage {
    frame: Frame,
    section: Section,
    looked: Looked,
    actions: Vec<&'static str>,
    outcomes: Vec<&'static str>,
    records: Vec<Row>,
    /// Of the older ones.
    next: Option<String>,
    /// All of the matter that is looked for, with proofs.
    export: Option<String>,
}

struct Row {
    seq: u64,
    url: String,
    time: String,
    what: &'static str,
    outcome: &'static str,
    class: &'static str,
    login: String,
    role: &'static str,
    door: &'static str,
    address: String,
    about: String,
    reason: Option<String>,
}

/// The page.
pub(super) async fn show(person: Person, Query(looked): Query<Looked>) -> Result<Response, Failure> {
    records(&person, looked).await
}

/// The page with the newest, as somebody's first one.
pub(in super::super) async fn newest(person: &Person) -> Result<Response, Failure> {
    records(person, Looked::default()).await
}

async fn records(person: &Person, looked: Looked) -> Result<Response, Failure> {
    let zone = person.portal.settings.load().zone.clone();
    let search = search(person, &looked, &zone)?;
    let (query, matter) = (query(&looked), search.matter);
    let permit = acts::permit::<SeeRecord>(person, ("audit show", &query, matter)).await?;
    let found = read(person, permit, move |gate, permit| gate.records(permit, &search)).await?;
    let mut export = format!("{}/matter/", Section::Audit.url());
    segments::push_text(&mut export, looked.matter.trim());
    let shown = RecordsPage {
        frame: person.frame("The record"),
        section: Section::Audit,
        actions: Action::ALL.iter().map(|action| action.as_str()).collect(),
        outcomes: Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect(),
        records: found.records.iter().map(|record| row(record, &zone)).collect(),
        next: found.next.map(|next| format!("{}?{query}&before={next}", Section::Audit.url())),
        export: matter.map(|_| export),
        looked,
    };
    Ok(page(StatusCode::OK, &shown))
}

/// A permitted look into the record, beside the tasks that must not wait for the disk; its permit is settled with what came
/// of it.
pub(super) async fn read<T, E>(
    person: &Person,
    permit: Permit<SeeRecord>,
    look: impl FnOnce(&Gate, &Permit<SeeRecord>) -> Result<T, E> + Send + 'static,
) -> Result<T, Failure>
where
    T: Send + 'static,
    E: fmt::Display + Send + 'static,
{
    let gate = person.portal.gate.clone();
    let (found, permit) = blocking(move || (look(&gate, &permit), permit)).await?;
    match found {
        Ok(found) => {
            permit.settle(Outcome::Done, Detail::default());
            Ok(found)
        }
        Err(cause) => {
            tracing::error!(%cause, "the record could not be read for a page");
            permit.settle(Outcome::Failed, Detail::because(cause.to_string()));
            Err(Failure::unavailable())
        }
    }
}

/// The matter of this number.
pub(super) fn matter(person: &Person, number: &str) -> Result<MatterId, Failure> {
    let firm = person.portal.gate.practice().firm();
    let found = firm.matter_by_number(number).map(|matter| matter.id);
    found.ok_or_else(|| Failure::bad(format!("There is no matter {number:?}.")))
}

fn search(person: &Person, looked: &Looked, zone: &TimeZone) -> Result<Search, Failure> {
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let days = |text: &str| {
        let days = some(text).map(|text| words::day(&text, zone).ok_or(()));
        days.transpose().map_err(|()| Failure::bad("A day is written like 2026-11-01."))
    };
    let action = match looked.action.as_str() {
        "" => None,
        word => Some(find(Action::ALL, Action::as_str, word)?),
    };
    let ended = match looked.ended.as_str() {
        "" => Ended::Somehow,
        "all" => Ended::OrBegan,
        word => Ended::As(find(Outcome::ALL, Outcome::as_str, word)?),
    };
    let before = match looked.before.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| Failure::not_found())?),
    };
    Ok(Search {
        matter: some(&looked.matter).map(|number| matter(person, &number)).transpose()?,
        from: days(&looked.from)?.map(|(start, _)| start),
        to: days(&looked.to)?.map(|(_, end)| end),
        login: some(&looked.login),
        action,
        ended,
        text: some(&looked.text),
        before,
        limit: ON_A_PAGE,
    })
}

/// The one of these that has this word.
fn find<T: Copy>(all: &[T], as_str: fn(T) -> &'static str, word: &str) -> Result<T, Failure> {
    let found = all.iter().copied().find(|one| as_str(*one) == word);
    found.ok_or_else(|| Failure::bad("The form asks for a kind of record that there is not."))
}

/// The same search from its start, for links and for the record of the look itself.
fn query(looked: &Looked) -> String {
    let fields = [
        ("from", &looked.from),
        ("to", &looked.to),
        ("matter", &looked.matter),
        ("login", &looked.login),
        ("action", &looked.action),
        ("ended", &looked.ended),
        ("text", &looked.text),
    ];
    let mut query = String::new();
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.trim().is_empty()) {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        segments::push_text(&mut query, value.trim());
    }
    query
}

/// A login that fits into a table; what a stranger typed may be long.
fn short(login: &str) -> String {
    match login.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &login[..end]),
        None => login.to_owned(),
    }
}

fn row(record: &Shown, zone: &TimeZone) -> Row {
    let event = record.event();
    let actor = event.as_ref().map(|event| &event.actor);
    let about = event.as_ref().map_or_else(
        || "(its body was erased by law)".to_owned(),
        |event| {
            let parts = [
                event.path.clone(),
                event.detail.to.as_ref().map(|to| format!("→ {to}")),
                event.detail.subject.clone(),
            ];
            parts.into_iter().flatten().filter(|part| !part.is_empty() && part != "→ ").collect::<Vec<_>>().join(" ")
        },
    );
    Row {
        seq: record.seq,
        url: record::url(record.seq),
        time: words::time(record.time, zone),
        what: record.action.as_str(),
        outcome: record.outcome.as_str(),
        class: match record.outcome {
            Outcome::Done | Outcome::Confirmed => "chip on",
            Outcome::Begun => "chip",
            Outcome::Refused | Outcome::NotFound | Outcome::Failed | Outcome::Abandoned => "chip off",
        },
        login: actor.map(|actor| short(&actor.login)).unwrap_or_default(),
        role: actor.and_then(|actor| actor.role).map_or("", |role| role.as_str()),
        door: actor.map_or("", |actor| actor.front.as_str()),
        address: actor.and_then(|actor| actor.peer.clone()).unwrap_or_default(),
        about,
        reason: event.and_then(|event| event.detail.reason),
    }
}
