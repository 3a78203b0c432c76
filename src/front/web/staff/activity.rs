//! Who did what in a matter, from the audit record, the newest first; as a table for other programs, too.

use std::sync::Arc;

use askama::Template;
use axum::body::Body as PageBody;
use axum::extract::{Path, Query};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::super::acts::blocking;
use super::super::download::attachment;
use super::super::frame::{Frame, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::super::words;
use super::matter::{self, Head, Tab};
use crate::audit::{Act, Detail, Lookup, Outcome, csv_head, csv_row};
use crate::front::segments;
use crate::gate::{Gate, Permit, SeeActivity};
use crate::practice::Matter;
use crate::vfs::Error;

/// Acts on a page, and in one piece of the table.
const ON_A_PAGE: usize = 100;
const IN_A_PIECE: usize = 2000;

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Looked {
    /// A login.
    #[serde(default)]
    who: String,
    /// There if ticked.
    uploads: Option<String>,
    /// A day by the firm's clock.
    #[serde(default)]
    since: String,
    /// Where the page before ended.
    #[serde(default)]
    before: String,
}

#[derive(Template)]
#[template(path = "staff/activity.html")]
struct ActivityPage {
    frame: Frame,
    matter: Head,
    looked: Looked,
    acts: Vec<Row>,
    /// Of the older ones.
    next: Option<String>,
    csv: String,
}

struct Row {
    time: String,
    login: String,
    role: &'static str,
    what: String,
    class: &'static str,
    outcome: String,
    path: String,
    to: Option<String>,
    size: String,
    address: String,
    reason: Option<String>,
    seq: u64,
}

/// The page.
pub(super) async fn show(
    person: Person,
    Path(number): Path<String>,
    Query(looked): Query<Looked>,
) -> Result<Response, Failure> {
    let matter = matter::find(&person, &number)?;
    let zone = person.portal.settings.load().zone.clone();
    let lookup = lookup(&looked, &zone, ON_A_PAGE)?;
    let permit = permit(&person, &matter).await?;
    let gate = person.portal.gate.clone();
    let (found, permit) = blocking(move || (gate.activity(&permit, &lookup), permit)).await?;
    let found = match found {
        Ok(found) => {
            permit.settle(Outcome::Done, Detail::default());
            found
        }
        Err(cause) => {
            tracing::error!(%cause, "the record could not be read for a page");
            permit.settle(Outcome::Failed, Detail::because(cause.to_string()));
            return Err(Failure::unavailable());
        }
    };
    let query = query(&looked);
    let base = matter::tab_url(&matter, Tab::Activity);
    let shown = ActivityPage {
        frame: person.frame(matter::title(&matter, Tab::Activity)),
        acts: found.acts.iter().map(|act| row(&matter, act, &zone)).collect(),
        next: found.next.map(|next| format!("{base}?{query}&before={next}")),
        csv: format!("{base}.csv?{query}"),
        matter: matter::head(&matter, Tab::Activity),
        looked,
    };
    Ok(page(StatusCode::OK, &shown))
}

/// All of it as a table, made piece by piece while it is taken.
pub(super) async fn export(
    person: Person,
    Path(number): Path<String>,
    Query(looked): Query<Looked>,
) -> Result<Response, Failure> {
    let matter = matter::find(&person, &number)?;
    let zone = person.portal.settings.load().zone.clone();
    let lookup = lookup(&looked, &zone, IN_A_PIECE)?;
    let permit = permit(&person, &matter).await?;
    let table = Table { gate: person.portal.gate.clone(), permit, lookup };
    // The session is kept as long as the table is taken: it is no idleness.
    let pieces = stream::unfold((Step::Head(table), person), |(step, person)| async move {
        let (piece, next) = step.piece().await?;
        Some((piece, (next, person)))
    });
    let mut response = Response::new(PageBody::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(CONTENT_DISPOSITION, attachment(&format!("Activity {}.csv", matter.number.replace('/', "-"))));
    Ok(response)
}

/// A table on its way. Its permit is settled at its end; a table that is not taken whole is recorded as abandoned.
struct Table {
    gate: Arc<Gate>,
    permit: Permit<SeeActivity>,
    lookup: Lookup,
}

enum Step {
    Head(Table),
    Rows(Table),
    End,
}

impl Step {
    async fn piece(self) -> Option<(Result<Bytes, std::io::Error>, Self)> {
        match self {
            Self::Head(table) => Some((Ok(Bytes::from(csv_head())), Self::Rows(table))),
            Self::Rows(table) => Some(table.rows().await),
            Self::End => None,
        }
    }
}

impl Table {
    async fn rows(self) -> (Result<Bytes, std::io::Error>, Step) {
        let looked = blocking(move || {
            let found = self.gate.activity(&self.permit, &self.lookup);
            (self, found)
        });
        // What went wrong has been logged; a table that breaks off is not taken for all of it.
        let broken = || std::io::Error::other("the record could not be read");
        let Ok((mut table, found)) = looked.await else { return (Err(broken()), Step::End) };
        match found {
            Ok(found) => {
                let json = |act: &Act| serde_json::to_value(act).unwrap_or_default();
                let text: String = found.acts.iter().map(|act| csv_row(&json(act))).collect();
                table.lookup.before = found.next;
                let next = match found.next {
                    Some(_) => Step::Rows(table),
                    None => {
                        table.permit.settle(Outcome::Done, Detail::default());
                        Step::End
                    }
                };
                (Ok(Bytes::from(text)), next)
            }
            Err(cause) => {
                tracing::error!(%cause, "the record could not be read for a table");
                table.permit.settle(Outcome::Failed, Detail::because(cause.to_string()));
                (Err(broken()), Step::End)
            }
        }
    }
}

async fn permit(person: &Person, matter: &Matter) -> Result<Permit<SeeActivity>, Failure> {
    let about = ("matter activity", matter.number.as_str(), Some(matter.id));
    let permit = person.portal.gate.permit_act::<SeeActivity>(&person.session, about.0, about.1, about.2).await;
    Ok(permit.map_err(Error::from)?)
}

fn lookup(looked: &Looked, zone: &TimeZone, limit: usize) -> Result<Lookup, Failure> {
    let since = match looked.since.trim() {
        "" => None,
        text => {
            let day = words::day(text, zone).map(|(start, _)| start);
            Some(day.ok_or_else(|| Failure::bad("The day is written like 2026-11-01."))?)
        }
    };
    let before = match looked.before.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| Failure::not_found())?),
    };
    let login = Some(looked.who.trim().to_owned()).filter(|login| !login.is_empty());
    Ok(Lookup { since, before, login, uploads: looked.uploads.is_some(), limit })
}

/// The same lookup from its start, for links.
fn query(looked: &Looked) -> String {
    let mut query = String::from("who=");
    segments::push_text(&mut query, looked.who.trim());
    query.push_str("&since=");
    segments::push_text(&mut query, looked.since.trim());
    if looked.uploads.is_some() {
        query.push_str("&uploads=on");
    }
    query
}

fn row(matter: &Matter, act: &Act, zone: &TimeZone) -> Row {
    let root = format!("/{}/", matter.folder_name);
    let inner = |path: &String| path.strip_prefix(&root).unwrap_or(path).to_owned();
    Row {
        time: words::time(act.time, zone),
        login: act.login.clone(),
        role: act.role.map_or("", |role| role.as_str()),
        what: act.action.to_string(),
        class: if act.outcome == Outcome::Done { "" } else { "chip off" },
        outcome: if act.outcome == Outcome::Done { String::new() } else { act.outcome.to_string() },
        path: act.path.as_ref().map(inner).unwrap_or_default(),
        to: act.to.as_ref().map(inner),
        size: act.bytes.map(words::size).unwrap_or_default(),
        address: act.address.clone().unwrap_or_default(),
        reason: act.reason.clone(),
        seq: act.seq,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_starts_by_the_firms_clock() {
        let zone = TimeZone::get("Europe/Berlin").expect("built in");
        let at = |since: &str| {
            let looked = Looked { since: since.to_owned(), ..Looked::default() };
            lookup(&looked, &zone, 1).map(|lookup| lookup.since.map(|at| at.to_string())).ok()
        };
        assert_eq!(at(""), Some(None));
        assert_eq!(at("2026-11-01"), Some(Some("2026-10-31T23:00:00.000Z".to_owned())));
        assert_eq!(at("yesterday"), None);
    }
}
