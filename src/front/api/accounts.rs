//! `/accounts`: logins; for the administrator. What opens them is not set here.

use axum::extract::Path;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

use super::access::{deliverable, url};
use super::answer::{Answer, Seen};
use super::caller::Administrator;
use super::input::{Asked, Input, given, quota, quota_in_words};
use super::page::Which;
use super::problem::Problem;
use crate::gate::{RESET_LIFE, new_link};
use crate::names::{Bytes, Role};
use crate::practice::{Account, AccountEdit, Delivery, Firm, LinkPurpose, Practice};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    quota: Option<Option<u64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reset {
    /// The link is answered instead of mailed.
    #[serde(default)]
    shown: bool,
}

/// An account in answers.
#[derive(Debug, Serialize)]
struct Shown {
    login: String,
    role: Role,
    enabled: bool,
    password: bool,
    keys: usize,
    second_factor: bool,
    device_passwords: usize,
    tokens: usize,
    /// Bytes that it may keep in all matters together.
    quota: Option<Bytes>,
    created: String,
}

pub(super) async fn list(administrator: Administrator, Asked(which): Asked<Which>) -> Result<Answer, Problem> {
    administrator.look(("account list", "", None)).await?;
    let firm = administrator.firm();
    let page = which.of(firm.accounts(), |account| account.login.clone())?;
    Answer::of(&page.map(|account| shown(&firm, &account)))
}

pub(super) async fn show(administrator: Administrator, Path(login): Path<String>) -> Result<Answer, Problem> {
    let account = account(&administrator, &login)?;
    administrator.look(("account show", &account.login, None)).await?;
    Answer::resource(&shown(&administrator.firm(), &account))
}

pub(super) async fn edit(
    administrator: Administrator,
    seen: Seen,
    Path(login): Path<String>,
    Input(Edit { enabled, quota: asked }): Input<Edit>,
) -> Result<Answer, Problem> {
    let account = account(&administrator, &login)?;
    seen.check(&shown(&administrator.firm(), &account))?;
    let (login, quota) = (account.login.clone(), quota(asked)?);
    let (action, subject) = match (enabled, quota) {
        (None, None) => return Err(Problem::unfit("there is nothing to change: say enabled or quota")),
        (Some(true), None) => ("account enable", login.clone()),
        (Some(false), None) => ("account disable", login.clone()),
        (None, Some(quota)) => ("quota set", format!("{login}: {}", quota_in_words(quota))),
        (Some(on), Some(quota)) => {
            let state = if on { "enabled" } else { "disabled" };
            ("account change", format!("{login}: {state}, {}", quota_in_words(quota)))
        }
    };
    let whose = login.clone();
    let change = move |practice: &Practice, permit| {
        let is_seen = |firm: &Firm| firm.account_by_login(&whose).is_some_and(|one| seen.is(&shown(firm, one)));
        practice.edit_account(permit, &whose, is_seen, AccountEdit { enabled, quota })
    };
    administrator.change((action, &subject, None), change).await?;
    let account = self::account(&administrator, &login)?;
    Answer::resource(&shown(&administrator.firm(), &account))
}

pub(super) async fn reset(
    administrator: Administrator,
    Path(login): Path<String>,
    Input(Reset { shown }): Input<Reset>,
) -> Result<Answer, Problem> {
    let login = account(&administrator, &login)?.login.clone();
    let delivery = if shown { Delivery::Shown } else { Delivery::Mail };
    deliverable(&administrator.caller, delivery)?;
    let link = Arc::new(new_link(RESET_LIFE, delivery));
    let (whose, new) = (login.clone(), link.clone());
    let send = move |practice: &Practice, permit| practice.send_reset(permit, &whose, &new);
    administrator.change(("account reset", &login, None), send).await?;
    let url = url(&administrator.caller, LinkPurpose::Reset, &link);
    Answer::of(&json!({ "login": login, "link": url, "expires": link.expires.to_string() }))
}

pub(super) fn account(administrator: &Administrator, login: &str) -> Result<Arc<Account>, Problem> {
    administrator.firm().account_by_login(login).cloned().ok_or_else(Problem::not_found)
}

fn shown(firm: &Firm, account: &Account) -> Shown {
    Shown {
        login: account.login.clone(),
        role: account.role,
        enabled: account.enabled,
        password: account.password.is_some(),
        keys: account.keys.len(),
        second_factor: account.second_factor.is_some(),
        device_passwords: account.device_passwords.len(),
        tokens: firm.api_tokens_of(account.id).len(),
        quota: account.quota,
        created: account.created.to_string(),
    }
}
