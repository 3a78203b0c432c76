//! What somebody did with the own account, from the audit record, the newest first.

use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use hyper::StatusCode;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::frame::{Frame, page};
use super::person::Person;
use super::status::Failure;
use super::words;
use crate::audit::{Act, Action, Lookup, Outcome};

/// Acts on a page.
const ON_A_PAGE: usize = 100;

/// Which page.
#[derive(Deserialize)]
pub(super) struct Part {
    /// Where the page before ended.
    before: Option<u64>,
}

#[derive(Template)]
#[template(path = "own_activity.html")]
struct ActivityPage {
    frame: Frame,
    tab: &'static str,
    acts: Vec<Row>,
    /// Where the older ones begin.
    next: Option<u64>,
}

struct Row {
    what: String,
    path: String,
    to: Option<String>,
    more: String,
    /// What came of it, if it was not done.
    outcome: Option<&'static str>,
    time: String,
    seq: u64,
    from: String,
}

/// The page.
pub(super) async fn show(person: Person, Query(part): Query<Part>) -> Result<Response, Failure> {
    let lookup = Lookup { before: part.before, limit: ON_A_PAGE, ..Lookup::default() };
    let found = person.view().own_activity(lookup).await?;
    let zone = person.portal.settings.load().zone.clone();
    let acts = found.acts.into_iter().map(|act| row(act, &zone)).collect();
    let shown = ActivityPage { frame: person.frame("What you did"), tab: "activity", acts, next: found.next };
    Ok(page(StatusCode::OK, &shown))
}

fn row(act: Act, zone: &TimeZone) -> Row {
    let path = act.path.unwrap_or_default();
    let (what, path, to) = match (act.action, act.to) {
        // The act's own words stand where others have their path, and its subject starts with whose account it is.
        (Action::Administer, subject) => {
            let subject = subject.unwrap_or_default();
            match subject.strip_prefix(&act.login).filter(|rest| rest.is_empty() || rest.starts_with(": ")) {
                Some(rest) => (words::changed_own(&path).to_owned(), rest.trim_start_matches(": ").to_owned(), None),
                None => (path, subject, None),
            }
        }
        (action, to) => (words::did(action).to_owned(), path, to),
    };
    let address = act.address.map_or_else(String::new, |address| format!(", {address}"));
    Row {
        what,
        path,
        to,
        more: act.reason.or_else(|| act.bytes.map(words::size)).unwrap_or_default(),
        outcome: (act.outcome != Outcome::Done).then(|| act.outcome.as_str()),
        time: words::time(act.time, zone),
        seq: act.seq,
        from: format!("{}{address}", words::door(act.front)),
    }
}
