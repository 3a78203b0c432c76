//! `/me`: whom the token stands for, where they are signed in, what they did, and their SSH keys.

use axum::extract::Path;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::activity::{Acts, record};
use super::answer::Answer;
use super::caller::{Caller, blocking};
use super::input::Asked;
use super::keys;
use super::page::{Which, limit};
use super::problem::Problem;
use crate::audit::{Detail, Lookup, Outcome};
use crate::gate::{OwnAccount, OwnSession, SeeOwnAccount, WhichOwn};
use crate::names::{AuthMethod, SessionId};

/// A session of one's own in answers.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    front: &'static str,
    address: Option<String>,
    auth: AuthMethod,
    second_factor: bool,
    since: String,
    /// The one in which this was asked.
    this: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// Where the page before ended: its `next`.
    after: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn show(caller: Caller) -> Result<Answer, Problem> {
    let settings = caller.api.settings.load();
    let contact = caller.firm().account(caller.session.account()).and_then(|account| account.contact);
    Answer::of(&json!({
        "login": caller.session.login(),
        "role": caller.session.role(),
        "scope": caller.session.scope(),
        "contact": contact.map(|id| id.to_string()),
        "firm": settings.firm,
    }))
}

pub(super) async fn sessions(caller: Caller, Asked(which): Asked<Which>) -> Result<Answer, Problem> {
    let permit = caller.api.gate.permit_own::<SeeOwnAccount>(&caller.session, "session list", "").await?;
    let own = caller.api.gate.own_sessions(permit, &caller.session);
    let key = |one: &OwnSession| format!("{} {}", one.open.since, one.open.id);
    Answer::of(&which.of(own, key)?.map(shown))
}

/// Ends all but the one in which this is asked.
pub(super) async fn end_others(caller: Caller) -> Result<Answer, Problem> {
    end(&caller, WhichOwn::Others(caller.session.id()), "").await?;
    Ok(Answer::done())
}

pub(super) async fn end_session(caller: Caller, Path(id): Path<String>) -> Result<Answer, Problem> {
    let which = WhichOwn::Session(id.parse::<SessionId>().map_err(|_| Problem::not_found())?);
    match end(&caller, which, &id).await? {
        0 => Err(Problem::not_found()),
        _ => Ok(Answer::done()),
    }
}

async fn end(caller: &Caller, which: WhichOwn, subject: &str) -> Result<usize, Problem> {
    let permit = caller.api.gate.permit_own::<OwnAccount>(&caller.session, "session end", subject).await?;
    Ok(caller.api.gate.end_own_sessions(permit, which).len())
}

pub(super) async fn activity(caller: Caller, Asked(part): Asked<Part>) -> Result<Answer, Problem> {
    let before = part.after.as_deref().map(record).transpose()?;
    let lookup = Lookup { before, limit: limit(part.limit)?, ..Lookup::default() };
    Answer::of(&Acts::from(caller.view().own_activity(lookup).await?))
}

pub(super) async fn list_keys(caller: Caller, Asked(which): Asked<Which>) -> Result<Answer, Problem> {
    let permit = caller.api.gate.permit_own::<SeeOwnAccount>(&caller.session, "account key list", "").await?;
    permit.settle(Outcome::Done, Detail::default());
    let firm = caller.firm();
    let account = firm.account(caller.session.account()).ok_or_else(Problem::bad_token)?;
    keys::page(account, &which)
}

pub(super) async fn remove_key(caller: Caller, Path(fingerprint): Path<String>) -> Result<Answer, Problem> {
    let firm = caller.firm();
    keys::find(firm.account(caller.session.account()), &fingerprint)?;
    let gate = &caller.api.gate;
    let permit = gate.permit_own::<OwnAccount>(&caller.session, "account key remove", &fingerprint).await?;
    let practice = gate.practice().clone();
    blocking(move || practice.remove_own_key(permit, &fingerprint)).await??;
    Ok(Answer::done())
}

fn shown(OwnSession { open, is_this }: OwnSession) -> Shown {
    Shown {
        id: open.id.to_string(),
        front: open.front.as_str(),
        address: open.peer.map(|peer| peer.to_string()),
        auth: open.auth,
        second_factor: open.second_factor,
        since: open.since.to_string(),
        this: is_this,
    }
}
