//! Devices: scanners and scripts, each with a login of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::Query;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::acts::{self, as_refusal};
use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::paging::Paging;
use super::super::person::Person;
use super::super::status::Failure;
use super::Section;
use crate::front::segments;
use crate::gate::Administer;
use crate::names::{MatterId, Role};
use crate::practice::{Account, Firm, Matter, NewParticipant, Party, Practice};

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Looked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: String,
}

/// A device to add, as the form has it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct New {
    login: String,
    matter: String,
    #[serde(rename = "type")]
    participant_type: String,
}

#[derive(Template)]
#[template(path = "admin/devices.html")]
struct DevicesPage {
    frame: Frame,
    section: Section,
    query: String,
    /// The query, for the links to other pages.
    link: String,
    devices: Vec<Row>,
    paging: Paging,
    new: New,
    again: bool,
}

struct Row {
    login: String,
    url: String,
    enabled: bool,
    /// What lets it in.
    opens: String,
    matters: Vec<String>,
    /// From where it is connected now.
    here: Vec<String>,
}

/// All devices.
pub(super) async fn show(person: Person, Query(looked): Query<Looked>) -> Result<Response, Failure> {
    devices(&person, &looked, None).await
}

/// Adds one.
pub(super) async fn add(posted: Posted<New>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    match make(&person, &form).await {
        Ok(account) => {
            let told = format!("{} is there. Give it a key or a password.", account.login);
            person.guest.tell(Notice::Done(told));
            Ok(Redirect::to(&url(&account.login)).into_response())
        }
        Err(failure) => {
            acts::tell(&person, &failure);
            Ok(as_refusal(&failure, devices(&person, &Looked::default(), Some(form)).await?))
        }
    }
}

async fn make(person: &Person, new: &New) -> Result<Arc<Account>, Failure> {
    let firm = person.portal.gate.practice().firm();
    let login = new.login.trim();
    if let Some(other) = firm.account_by_login(login) {
        let text = format!("{} is the login of a {} already.", other.login, other.role);
        return Err(Failure::new(StatusCode::CONFLICT, text));
    }
    // Judged before the account is made, so that a refusal leaves nothing behind.
    let place = place(&firm, &new.matter, &new.participant_type)?;
    let (subject, name) = (login.chars().take(64).collect::<String>(), login.to_owned());
    let add = move |practice: &Practice, permit| practice.add_device(permit, &name);
    let account = acts::change(person, ("device add", &subject, None), add).await?;
    put_on(person, &account, place).await?;
    Ok(account)
}

/// A place on a matter for a device: the matter and the participant type.
pub(super) type Place = (Arc<Matter>, String);

/// The place that a form names.
pub(super) fn place(firm: &Firm, number: &str, participant_type: &str) -> Result<Place, Failure> {
    let number = number.trim();
    let matter = firm.matter_by_number(number).cloned();
    let matter = matter.ok_or_else(|| Failure::bad(format!("There is no matter {number:?}. Say its number.")))?;
    let kinds = matter.kind().spec.participants();
    let kind = match participant_type.trim() {
        "" => "device",
        kind => kind,
    };
    let kind = kind.to_owned();
    if !kinds.contains(&kind) {
        return Err(Failure::bad(format!("A participant of that matter is one of: {}.", kinds.join(", "))));
    }
    Ok((matter, kind))
}

/// Puts a device on a matter and gives it access.
pub(super) async fn put_on(person: &Person, account: &Account, (matter, kind): Place) -> Result<(), Failure> {
    let (id, party) = (matter.id, Party::Device(account.id));
    if person.portal.gate.practice().firm().participant(id, party).is_none() {
        let new = NewParticipant { matter: id, party, participant_type: kind };
        let add = move |practice: &Practice, permit| practice.add_participant(permit, new);
        acts::change(person, ("participant add", &account.login, Some(id)), add).await?;
    }
    let grant = move |practice: &Practice, permit| practice.grant_access(permit, id, party);
    acts::change(person, ("access grant", &account.login, Some(id)), grant).await?;
    Ok(())
}

/// The page of one device.
pub(super) fn url(login: &str) -> String {
    let mut url = format!("{}/", Section::Devices.url());
    segments::push_text(&mut url, login);
    url
}

async fn devices(person: &Person, looked: &Looked, new: Option<New>) -> Result<Response, Failure> {
    acts::look::<Administer>(person, ("account list", "", None)).await?;
    let mut here = connected(person).await?;
    let firm = person.portal.gate.practice().firm();
    let query: String = looked.q.trim().chars().take(100).collect();
    let folded = query.to_lowercase();
    let mut found = firm.accounts();
    found.retain(|account| account.role == Role::Device && account.login.contains(&folded));
    let paging = Paging::of(found.len(), &looked.page);
    let row = |account: &Arc<Account>| Row {
        login: account.login.clone(),
        url: url(&account.login),
        enabled: account.enabled,
        opens: opens(account),
        matters: matters_of(&firm, account),
        here: here.remove(&account.login).unwrap_or_default(),
    };
    let mut link = String::from("?q=");
    segments::push_text(&mut link, &query);
    let again = new.is_some();
    let shown = DevicesPage {
        frame: person.frame("Devices"),
        section: Section::Devices,
        query,
        link,
        devices: found[paging.range()].iter().map(row).collect(),
        paging,
        new: new.unwrap_or_else(|| New { participant_type: "device".to_owned(), ..New::default() }),
        again,
    };
    Ok(page(StatusCode::OK, &shown))
}

/// From where each login is connected now.
pub(super) async fn connected(person: &Person) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let permit = acts::permit::<Administer>(person, ("session list", "", None)).await?;
    let mut here: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for session in person.portal.gate.sessions(permit) {
        let peer = session.peer.map_or("the console".to_owned(), |peer| peer.to_string());
        here.entry(session.login).or_default().push(format!("{peer} ({})", session.front.as_str()));
    }
    here.values_mut().for_each(|places| places.dedup());
    Ok(here)
}

fn opens(account: &Account) -> String {
    let count = |n: usize, thing: &str| match n {
        0 => None,
        1 => Some(format!("1 {thing}")),
        n => Some(format!("{n} {thing}s")),
    };
    let parts = [
        account.password.as_ref().map(|_| "a password".to_owned()),
        count(account.keys.len(), "key"),
        count(account.device_passwords.len(), "device password"),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "nothing yet".to_owned() } else { parts.join(", ") }
}

/// The numbers of the matters on which it has access.
fn matters_of(firm: &Firm, account: &Account) -> Vec<String> {
    let party = Party::Device(account.id);
    let on = |id: &&MatterId| firm.participant(**id, party).is_some_and(|one| one.access.is_on());
    let number = |id| firm.matter(id).map(|matter| matter.number.clone());
    firm.matters_of(party).iter().filter(on).filter_map(|id| number(*id)).collect()
}
