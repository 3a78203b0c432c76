//! One account: what opens it, who is signed in with it, and what the administrator does about that.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::acts::{self, as_refusal};
use super::super::connect::Host;
use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::handed::{self, ShownLink};
use super::super::person::Person;
use super::super::status::Failure;
use super::super::words;
use super::Section;
use super::people::{ROLES, role};
use crate::front::segments;
use crate::gate::{Administer, OpenSession, RESET_LIFE, Which, new_link};
use crate::names::Role;
use crate::practice::{Account, Delivery, LinkPurpose, Practice};

/// What the administrator asks for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    act: String,
    /// A role, or a session.
    #[serde(default)]
    value: String,
    /// The role when the page was made.
    #[serde(default)]
    was: String,
    /// The link is not mailed, though it could be.
    shown: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/account.html")]
struct AccountPage {
    frame: Frame,
    section: Section,
    login: String,
    url: String,
    role: Role,
    /// What else members of the firm can be; nothing for somebody who is none, or for oneself.
    roles: Vec<(Role, &'static str)>,
    is_own: bool,
    enabled: bool,
    facts: Vec<(&'static str, String)>,
    second_factor: bool,
    /// A link can be sent.
    resets: bool,
    mails: bool,
    sessions: Vec<Row>,
    link: Option<ShownLink>,
}

struct Row {
    id: String,
    front: &'static str,
    address: String,
    by: String,
    since: String,
}

/// What came of it.
enum Came {
    Told(String),
    Page(Response),
}

/// The page.
pub(super) async fn show(person: Person, Path(login): Path<String>) -> Result<Response, Failure> {
    let account = find(&person, &login)?;
    shown(&person, &account, None).await
}

/// Does one thing.
pub(super) async fn change(Path(login): Path<String>, host: Host, posted: Posted<Asked>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let account = find(&person, &login)?;
    match act(&person, &account, form, &host).await {
        Ok(Came::Told(told)) => {
            person.guest.tell(Notice::Done(told));
            Ok(Redirect::to(&url(&account.login)).into_response())
        }
        Ok(Came::Page(page)) => Ok(page),
        Err(failure) => refused(&person, &account, &failure).await,
    }
}

/// Makes a link with which the account's person sets a password, good for so long: mailed, or shown on the account's page if
/// it cannot be or is not to be.
pub(super) async fn send_link(
    person: &Person,
    account: &Account,
    (life, shown_here): (Duration, bool),
    host: &Host,
) -> Result<Response, Failure> {
    let delivery = if shown_here { Delivery::Shown } else { handed::delivery(person) };
    let link = Arc::new(new_link(life, delivery));
    let (login, new) = (account.login.clone(), link.clone());
    let send = move |practice: &Practice, permit| practice.send_reset(permit, &login, &new);
    if let Err(failure) = acts::change(person, ("account reset", &account.login, None), send).await {
        return refused(person, account, &failure).await;
    }
    let account = find(person, &account.login)?;
    match handed::shown(person, (&link, LinkPurpose::Reset), &account.login, host) {
        Some(link) => shown(person, &account, Some(link)).await,
        None => {
            person.guest.tell(Notice::Done(format!("A link to set a password is on its way to {}.", account.login)));
            Ok(Redirect::to(&url(&account.login)).into_response())
        }
    }
}

/// The page of an account.
pub(super) fn url(login: &str) -> String {
    let mut url = format!("{}/", Section::People.url());
    segments::push_text(&mut url, login);
    url
}

async fn act(person: &Person, account: &Account, asked: Asked, host: &Host) -> Result<Came, Failure> {
    let (login, name) = (&account.login, account.login.clone());
    let told = match asked.act.as_str() {
        "disable" => {
            let change = move |practice: &Practice, permit| practice.set_enabled(permit, &name, false);
            acts::change(person, ("account disable", login, None), change).await?;
            format!("{login} may not come in any more; open sessions are ended.")
        }
        "enable" => {
            let change = move |practice: &Practice, permit| practice.set_enabled(permit, &name, true);
            acts::change(person, ("account enable", login, None), change).await?;
            format!("{login} may come in again.")
        }
        "role" => {
            if asked.was != account.role.as_str() {
                return Err(Failure::changed_meanwhile());
            }
            let role = role(&asked.value)?;
            let change = move |practice: &Practice, permit| practice.set_role(permit, &name, role);
            acts::change(person, ("staff role", &format!("{login}: {role}"), None), change).await?;
            format!("{login} is {role} now; open sessions are ended.")
        }
        "reset" => {
            return Ok(Came::Page(send_link(person, account, (RESET_LIFE, asked.shown.is_some()), host).await?));
        }
        "second-factor-off" => {
            let change = move |practice: &Practice, permit| practice.clear_second_factor(permit, &name);
            acts::change(person, ("account second-factor disable", login, None), change).await?;
            format!("{login} comes in without a code; open sessions are ended.")
        }
        "end" => ended(&end(person, account, &asked.value).await?),
        _ => return Err(Failure::bad("The form asks for nothing that can be done here.")),
    };
    Ok(Came::Told(told))
}

/// Ends one of the account's sessions, or all of them if none is named.
async fn end(person: &Person, account: &Account, session: &str) -> Result<Vec<OpenSession>, Failure> {
    let which = match session {
        "" => Which::Login(account.login.clone()),
        id => Which::Session(id.parse().map_err(|_| Failure::bad("There is no such session."))?),
    };
    let subject = if session.is_empty() { &account.login } else { session };
    let permit = acts::permit::<Administer>(person, ("session end", subject, None)).await?;
    Ok(person.portal.gate.end_sessions(permit, &which))
}

fn ended(sessions: &[OpenSession]) -> String {
    match sessions.len() {
        0 => "No such session was open any more.".to_owned(),
        1 => "One session is ended.".to_owned(),
        n => format!("{n} sessions are ended."),
    }
}

/// The account of a person with this login; devices are no people.
fn find(person: &Person, login: &str) -> Result<Arc<Account>, Failure> {
    let firm = person.portal.gate.practice().firm();
    let found = firm.account_by_login(login).filter(|account| account.role != Role::Device);
    found.cloned().ok_or_else(Failure::not_found)
}

async fn refused(person: &Person, account: &Account, failure: &Failure) -> Result<Response, Failure> {
    acts::tell(person, failure);
    let now = find(person, &account.login)?;
    Ok(as_refusal(failure, shown(person, &now, None).await?))
}

async fn shown(person: &Person, account: &Account, link: Option<ShownLink>) -> Result<Response, Failure> {
    acts::look::<Administer>(person, ("account show", &account.login, None)).await?;
    let permit = acts::permit::<Administer>(person, ("session list", &account.login, None)).await?;
    let open = person.portal.gate.sessions(permit);
    let settings = person.portal.settings.load();
    let firm = person.portal.gate.practice().firm();
    let is_own = account.id == person.session.account();
    let is_member = ROLES.iter().any(|(role, _)| *role == account.role);
    let yes = |on: bool| if on { "set" } else { "not set" }.to_owned();
    let row = |session: &OpenSession| Row {
        id: session.id.to_string(),
        front: session.front.as_str(),
        address: session.peer.map_or_else(|| "–".to_owned(), |peer| peer.to_string()),
        by: format!("{}{}", session.auth.as_str(), if session.second_factor { ", code" } else { "" }),
        since: words::time(session.since, &settings.zone),
    };
    let shown = AccountPage {
        frame: person.frame(account.login.clone()),
        section: Section::People,
        login: account.login.clone(),
        url: url(&account.login),
        role: account.role,
        roles: if is_member && !is_own { ROLES.into() } else { Vec::new() },
        is_own,
        enabled: account.enabled,
        facts: vec![
            ("Since", words::time(account.created, &settings.zone)),
            ("Password", yes(account.password.is_some())),
            ("Second factor", if account.second_factor.is_some() { "on" } else { "off" }.to_owned()),
            ("SSH keys", account.keys.len().to_string()),
            ("Device passwords", account.device_passwords.len().to_string()),
            ("Tokens of the API", firm.api_tokens_of(account.id).len().to_string()),
        ],
        second_factor: account.second_factor.is_some(),
        resets: account.enabled && account.login.contains('@'),
        mails: settings.mails(),
        sessions: open.iter().filter(|session| session.login == account.login).map(row).collect(),
        link,
    };
    Ok(page(StatusCode::OK, &shown))
}
