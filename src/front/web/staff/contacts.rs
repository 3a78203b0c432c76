//! Contacts: people and companies outside the firm.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::acts::{self, as_refusal};
use super::matter;
use super::paging::Paging;
use crate::front::segments;
use crate::names::ContactId;
use crate::practice::{Contact, ContactChange, Firm, NewContact, Party, Practice};

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: String,
}

/// A contact to add, as the form has it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct New {
    name: String,
    email: String,
}

/// A contact as it is to be, and as it was when the page was made.
#[derive(Debug, Deserialize)]
pub(super) struct Changed {
    name: String,
    email: String,
    was_name: String,
    was_email: String,
}

#[derive(Template)]
#[template(path = "staff/contacts.html")]
struct ContactsPage {
    frame: Frame,
    query: String,
    link: String,
    contacts: Vec<Row>,
    paging: Paging,
    new: New,
    again: bool,
}

struct Row {
    name: String,
    email: Option<String>,
    url: String,
    matters: usize,
}

#[derive(Template)]
#[template(path = "staff/contact.html")]
struct ContactPage {
    frame: Frame,
    name: String,
    email: String,
    url: String,
    has_login: bool,
    /// Number, name, URL, and the status of the access there.
    matters: Vec<(String, String, String, &'static str)>,
}

/// All contacts.
pub(super) async fn show(person: Person, Query(search): Query<Search>) -> Result<Response, Failure> {
    contacts(&person, &search, None).await
}

/// Adds one.
pub(super) async fn add(posted: Posted<New>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let email = Some(form.email.trim().to_owned()).filter(|email| !email.is_empty());
    match make(&person, NewContact { name: form.name.clone(), email }).await {
        Ok(contact) => {
            person.guest.tell(Notice::Done(format!("{} has been added.", contact.name)));
            Ok(Redirect::to(&url(&contact)).into_response())
        }
        Err(failure) => {
            acts::tell(&person, &failure);
            Ok(as_refusal(&failure, contacts(&person, &Search::default(), Some(form)).await?))
        }
    }
}

/// Adds a contact.
pub(super) async fn make(person: &Person, new: NewContact) -> Result<Arc<Contact>, Failure> {
    let subject: String = new.email.as_ref().unwrap_or(&new.name).chars().take(200).collect();
    let add = move |practice: &Practice, permit| practice.add_contact(permit, new);
    acts::change(person, ("contact add", &subject, None), add).await
}

/// One contact, with its matters.
pub(super) async fn one(person: Person, Path(id): Path<String>) -> Result<Response, Failure> {
    let found = find(&person, &id)?;
    contact(&person, &found).await
}

/// Another name or address.
pub(super) async fn change(Path(id): Path<String>, posted: Posted<Changed>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let before = find(&person, &id)?;
    match set(&person, &before, form).await {
        Ok(after) => {
            person.guest.tell(Notice::Done(format!("{} has been changed.", after.name)));
            Ok(Redirect::to(&url(&after)).into_response())
        }
        Err(failure) => {
            acts::tell(&person, &failure);
            let now = find(&person, &id)?;
            Ok(as_refusal(&failure, contact(&person, &now).await?))
        }
    }
}

async fn set(person: &Person, before: &Contact, to: Changed) -> Result<Arc<Contact>, Failure> {
    let Changed { name, email, was_name, was_email } = to;
    let (name, email) = (name.trim().to_owned(), email.trim().to_owned());
    if email.is_empty() && !was_email.is_empty() {
        return Err(Failure::bad("An address can be replaced, and not taken away: it may open a login."));
    }
    let change = ContactChange {
        name: Some(name).filter(|name| *name != was_name),
        email: Some(email).filter(|email| *email != was_email),
    };
    let (id, subject) = (before.id, before.email.clone().unwrap_or_else(|| before.id.to_string()));
    let is_seen = move |firm: &Firm| {
        firm.contact(id).is_some_and(|now| now.name == was_name && now.email.as_deref().unwrap_or("") == was_email)
    };
    let change = move |practice: &Practice, permit| practice.edit_contact(permit, id, is_seen, change);
    acts::change(person, ("contact change", &subject, None), change).await
}

fn find(person: &Person, id: &str) -> Result<Arc<Contact>, Failure> {
    let firm = person.portal.gate.practice().firm();
    let found = id.parse::<ContactId>().ok().and_then(|id| firm.contact(id).cloned());
    found.ok_or_else(Failure::not_found)
}

fn url(contact: &Contact) -> String {
    format!("/contacts/{}", contact.id)
}

async fn contacts(person: &Person, search: &Search, new: Option<New>) -> Result<Response, Failure> {
    acts::look(person, ("contact list", "", None)).await?;
    let firm = person.portal.gate.practice().firm();
    let query: String = search.q.trim().chars().take(100).collect();
    let folded = query.to_lowercase();
    let mut found = firm.contacts();
    found.retain(|contact| {
        let has = |text: &str| text.to_lowercase().contains(&folded);
        has(&contact.name) || contact.email.as_deref().is_some_and(has)
    });
    let paging = Paging::of(found.len(), &search.page);
    let row = |contact: &Arc<Contact>| Row {
        name: contact.name.clone(),
        email: contact.email.clone(),
        url: url(contact),
        matters: firm.matters_of(Party::Contact(contact.id)).len(),
    };
    let mut link = String::from("?q=");
    segments::push_text(&mut link, &query);
    let shown = ContactsPage {
        frame: person.frame("Contacts"),
        query,
        link,
        contacts: found[paging.range()].iter().map(row).collect(),
        paging,
        again: new.is_some(),
        new: new.unwrap_or_default(),
    };
    Ok(page(StatusCode::OK, &shown))
}

async fn contact(person: &Person, contact: &Contact) -> Result<Response, Failure> {
    let subject = contact.email.clone().unwrap_or_else(|| contact.id.to_string());
    acts::look(person, ("contact show", &subject, None)).await?;
    let firm = person.portal.gate.practice().firm();
    let party = Party::Contact(contact.id);
    let place = |id| {
        let (matter, one) = (firm.matter(id)?, firm.participant(id, party)?);
        let url = matter::tab_url(matter, matter::Tab::Access);
        Some((matter.number.clone(), matter.name.clone(), url, one.access.as_status()))
    };
    let mut matters: Vec<_> = firm.matters_of(party).iter().filter_map(|id| place(*id)).collect();
    matters.sort();
    let shown = ContactPage {
        frame: person.frame(contact.name.clone()),
        name: contact.name.clone(),
        email: contact.email.clone().unwrap_or_default(),
        url: url(contact),
        has_login: firm.account_of(party).is_some_and(|account| account.has_login()),
        matters,
    };
    Ok(page(StatusCode::OK, &shown))
}
