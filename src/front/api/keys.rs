//! `/accounts/{login}/keys`: the SSH keys of a login, for the administrator. None is added here: a token opens no other door.

use std::sync::Arc;

use axum::extract::Path;
use serde::Serialize;

use super::accounts::account;
use super::answer::Answer;
use super::caller::Administrator;
use super::input::Asked;
use super::page::Which;
use super::problem::Problem;
use crate::practice::{Account, Practice};

/// An SSH key in answers.
#[derive(Debug, Serialize)]
struct Shown {
    fingerprint: String,
    key: String,
    added: String,
}

pub(super) async fn list(
    administrator: Administrator,
    Path(login): Path<String>,
    Asked(which): Asked<Which>,
) -> Result<Answer, Problem> {
    let account = account(&administrator, &login)?;
    administrator.look(("account key list", &account.login, None)).await?;
    page(&account, &which)
}

pub(super) async fn remove(
    administrator: Administrator,
    Path((login, fingerprint)): Path<(String, String)>,
) -> Result<Answer, Problem> {
    let account = account(&administrator, &login)?;
    find(Some(&account), &fingerprint)?;
    let (login, subject) = (account.login.clone(), format!("{}: {fingerprint}", account.login));
    let remove = move |practice: &Practice, permit| practice.remove_key(permit, &login, &fingerprint);
    administrator.change(("account key remove", &subject, None), remove).await?;
    Ok(Answer::done())
}

/// A page of an account's keys.
pub(super) fn page(account: &Account, which: &Which) -> Result<Answer, Problem> {
    let keys = account.keys.iter().map(|key| Shown {
        fingerprint: key.fingerprint(),
        key: key.text.clone(),
        added: key.added.to_string(),
    });
    Answer::of(&which.of(keys, |key| format!("{} {}", key.added, key.fingerprint))?)
}

/// Refuses before anything is recorded what is not there.
pub(super) fn find(account: Option<&Arc<Account>>, fingerprint: &str) -> Result<(), Problem> {
    let has = |account: &Arc<Account>| account.keys.iter().any(|key| key.fingerprint() == fingerprint);
    if account.is_some_and(has) { Ok(()) } else { Err(Problem::not_found()) }
}
