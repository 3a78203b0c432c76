//! `/matters/{number}/activity`: who did what in a matter, newest first.

use axum::extract::Path;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::caller::{Caller, blocking};
use super::input::Asked;
use super::page::limit;
use super::problem::Problem;
use crate::audit::{Act, Detail, Lookup, Outcome, Page};
use crate::gate::SeeActivity;
use crate::names::{Role, Timestamp};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// Where the page before ended: its `next`.
    after: Option<String>,
    limit: Option<usize>,
    /// RFC 3339.
    since: Option<String>,
    /// A login.
    who: Option<String>,
    /// What participants and devices sent, and nothing else.
    #[serde(default)]
    uploads: bool,
}

/// A page of acts in answers.
#[derive(Debug, Serialize)]
pub(super) struct Acts {
    items: Vec<Act>,
    next: Option<String>,
}

impl From<Page> for Acts {
    fn from(page: Page) -> Self {
        Self { items: page.acts, next: page.next.map(|next| next.to_string()) }
    }
}

pub(super) async fn list(
    caller: Caller,
    Path(number): Path<String>,
    Asked(search): Asked<Search>,
) -> Result<Answer, Problem> {
    // A participant never sees what another does, and here not even that there is something to see.
    if !matches!(caller.session.role(), Role::Staff | Role::Admin | Role::Auditor) {
        return Err(Problem::not_found());
    }
    let matter = caller.firm().matter_by_number(&number).cloned().ok_or_else(Problem::not_found)?;
    let lookup = Lookup {
        since: search.since.as_deref().map(time).transpose()?,
        before: search.after.as_deref().map(record).transpose()?,
        login: search.who,
        uploads: search.uploads,
        limit: limit(search.limit)?,
    };
    let gate = caller.api.gate.clone();
    let permit =
        gate.permit_act::<SeeActivity>(&caller.session, "matter activity", &matter.number, Some(matter.id)).await?;
    let (found, permit) = blocking(move || (gate.activity(&permit, &lookup), permit)).await?;
    match found {
        Ok(page) => {
            permit.settle(Outcome::Done, Detail::default());
            Answer::of(&Acts::from(page))
        }
        Err(cause) => {
            tracing::error!(%cause, "the record could not be read");
            permit.settle(Outcome::Failed, Detail::because(cause.to_string()));
            Err(Problem::unavailable())
        }
    }
}

fn time(text: &str) -> Result<Timestamp, Problem> {
    let wrong = |_| Problem::unreadable("`since` is a time such as 2026-11-01T08:00:00Z");
    Ok(Timestamp::from_millis(text.parse::<jiff::Timestamp>().map_err(wrong)?.as_millisecond()))
}

pub(super) fn record(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::unreadable("`after` is the `next` of the page before"))
}
