//! The people who can sign in: members of the firm, and clients by the accounts that came with their access.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::Query;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::acts::{self, as_refusal};
use super::super::connect::Host;
use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::paging::Paging;
use super::super::person::Person;
use super::super::status::Failure;
use super::Section;
use super::account;
use crate::front::segments;
use crate::gate::Administer;
use crate::names::Role;
use crate::practice::{Account, Practice};

/// How long the link is good with which somebody who is new sets the first password.
const WELCOME: Duration = Duration::from_secs(7 * 24 * 3600);

/// Who is looked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    q: String,
    /// `firm` unless said otherwise, or `clients`.
    #[serde(default)]
    who: String,
    #[serde(default)]
    page: String,
}

/// Somebody to add, as the form has it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct New {
    login: String,
    role: String,
    /// The link is not mailed, though it could be.
    shown: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/people.html")]
struct PeoplePage {
    frame: Frame,
    section: Section,
    query: String,
    clients: bool,
    link: String,
    people: Vec<Row>,
    paging: Paging,
    mails: bool,
    roles: [(Role, &'static str); 3],
    new: New,
    again: bool,
}

struct Row {
    login: String,
    url: String,
    role: Role,
    enabled: bool,
    /// Something opens it.
    has_login: bool,
    second_factor: bool,
    sessions: usize,
}

/// The roles of members of the firm, and what they are for.
pub(super) const ROLES: [(Role, &str); 3] = [
    (Role::Staff, "works on matters: sees every matter and every folder"),
    (Role::Admin, "administers the firm: sees no documents"),
    (Role::Auditor, "reads the audit record: sees no documents"),
];

/// The list.
pub(super) async fn show(person: Person, Query(search): Query<Search>) -> Result<Response, Failure> {
    people(&person, &search, None).await
}

/// Adds a member of the firm, who gets a link with which to set a password.
pub(super) async fn add(host: Host, posted: Posted<New>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let account = match make(&person, &form).await {
        Ok(account) => account,
        Err(failure) => {
            acts::tell(&person, &failure);
            return Ok(as_refusal(&failure, people(&person, &Search::default(), Some(form)).await?));
        }
    };
    if !account.login.contains('@') {
        let told = format!(
            "{0} has an account. A link needs an e-mail address: set the password by `deedbox account password {0}`.",
            account.login
        );
        person.guest.tell(Notice::Done(told));
        return Ok(Redirect::to(&account::url(&account.login)).into_response());
    }
    account::send_link(&person, &account, (WELCOME, form.shown.is_some()), &host).await
}

async fn make(person: &Person, new: &New) -> Result<Arc<Account>, Failure> {
    let role = role(&new.role)?;
    let login = new.login.trim().to_owned();
    let subject: String = login.chars().take(200).collect();
    let add = move |practice: &Practice, permit| practice.add_staff(permit, &login, role);
    acts::change(person, ("staff add", &subject, None), add).await
}

/// The role of this word that a member of the firm can have.
pub(super) fn role(word: &str) -> Result<Role, Failure> {
    let found = ROLES.into_iter().find(|(role, _)| role.as_str() == word);
    found.map(|(role, _)| role).ok_or_else(|| Failure::bad("Say what they do: staff, admin or auditor."))
}

async fn people(person: &Person, search: &Search, new: Option<New>) -> Result<Response, Failure> {
    acts::look::<Administer>(person, ("account list", "", None)).await?;
    let permit = acts::permit::<Administer>(person, ("session list", "", None)).await?;
    let mut open: HashMap<String, usize> = HashMap::new();
    for session in person.portal.gate.sessions(permit) {
        *open.entry(session.login).or_default() += 1;
    }
    let clients = search.who == "clients";
    let query: String = search.q.trim().chars().take(100).collect();
    let folded = query.to_lowercase();
    let mut found = person.portal.gate.practice().firm().accounts();
    found.retain(|account| is_person(account.role, clients) && account.login.contains(&folded));
    let paging = Paging::of(found.len(), &search.page);
    let row = |account: &Arc<Account>| Row {
        login: account.login.clone(),
        url: account::url(&account.login),
        role: account.role,
        enabled: account.enabled,
        has_login: account.has_login(),
        second_factor: account.second_factor.is_some(),
        sessions: open.get(&account.login).copied().unwrap_or_default(),
    };
    let mut link = format!("?who={}&q=", if clients { "clients" } else { "firm" });
    segments::push_text(&mut link, &query);
    let shown = PeoplePage {
        frame: person.frame("People"),
        section: Section::People,
        query,
        clients,
        link,
        people: found[paging.range()].iter().map(row).collect(),
        paging,
        mails: person.portal.settings.load().mails(),
        roles: ROLES,
        again: new.is_some(),
        new: new.unwrap_or_default(),
    };
    Ok(page(StatusCode::OK, &shown))
}

fn is_person(role: Role, client: bool) -> bool {
    match role {
        Role::Staff | Role::Admin | Role::Auditor => !client,
        Role::Participant => client,
        Role::Device => false,
    }
}
