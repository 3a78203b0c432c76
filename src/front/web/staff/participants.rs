//! Another participant on a matter: a contact that there is, or a new one.

use std::sync::Arc;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::acts;
use super::super::form::Posted;
use super::super::frame::Notice;
use super::super::person::Person;
use super::super::status::Failure;
use super::access::{self, subject};
use super::contacts;
use super::matter::{self, Tab};
use crate::names::{ContactId, MatterId};
use crate::practice::{Contact, Firm, Matter, NewContact, NewParticipant, Party, Practice};

/// A participant to add, as the form has it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Added {
    /// E-mail address, id or name of a contact that there is.
    #[serde(default)]
    pub(super) contact: String,
    /// Of a new one.
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) email: String,
    #[serde(rename = "type")]
    pub(super) participant_type: String,
}

/// Puts somebody on the matter, without access.
pub(super) async fn add(Path(number): Path<String>, posted: Posted<Added>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let matter = matter::find(&person, &number)?;
    match put_on(&person, &matter, &form).await {
        Ok(name) => {
            person.guest.tell(Notice::Done(format!("{name} is on the matter, and not invited yet.")));
            Ok(Redirect::to(&matter::tab_url(&matter, Tab::Access)).into_response())
        }
        Err(failure) => access::refused(&person, &matter, &failure, Some(form)).await,
    }
}

async fn put_on(person: &Person, matter: &Arc<Matter>, added: &Added) -> Result<String, Failure> {
    let contact = match (added.contact.trim(), added.name.trim()) {
        ("", "") => return Err(Failure::bad("Choose a contact, or give the name of a new one.")),
        ("", name) => {
            let kinds = matter.kind().spec.participants();
            // Judged before the contact is made, so that a refusal leaves nothing behind.
            if !kinds.contains(&added.participant_type) {
                return Err(Failure::bad(format!("A participant is one of: {}.", kinds.join(", "))));
            }
            let email = Some(added.email.trim().to_owned()).filter(|email| !email.is_empty());
            contacts::make(person, NewContact { name: name.to_owned(), email }).await?
        }
        (text, "") => known(&person.portal.gate.practice().firm(), text)?,
        _ => return Err(Failure::bad("Choose a contact or describe a new one, not both.")),
    };
    let who = subject(&person.portal.gate.practice().firm(), Party::Contact(contact.id));
    let new = NewParticipant {
        matter: matter.id,
        party: Party::Contact(contact.id),
        participant_type: added.participant_type.clone(),
    };
    let add = move |practice: &Practice, permit| practice.add_participant(permit, new);
    acts::change(person, ("participant add", &who, Some(matter.id)), add).await?;
    Ok(contact.name.clone())
}

/// The one contact of this address, id or name.
fn known(firm: &Firm, text: &str) -> Result<Arc<Contact>, Failure> {
    if let Some(contact) = text.parse::<ContactId>().ok().and_then(|id| firm.contact(id)) {
        return Ok(contact.clone());
    }
    let mut found = firm.contacts_by_email(text);
    if found.is_empty() {
        let folded = text.to_lowercase();
        found = firm.contacts();
        found.retain(|contact| contact.name.to_lowercase() == folded);
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::bad("There is no such contact. Describe a new one instead.")),
        several => {
            let text = format!("There are {} such contacts. Choose one by the address or the id.", several.len());
            Err(Failure::new(StatusCode::CONFLICT, text))
        }
    }
}

/// Contacts that are not on the matter yet: what the form sends, and what people read.
pub(super) fn offered(firm: &Firm, matter: MatterId, most: usize) -> Vec<(String, String)> {
    let off = |contact: &&Arc<Contact>| firm.participant(matter, Party::Contact(contact.id)).is_none();
    let alone = |email: &&String| firm.contacts_by_email(email).len() == 1;
    let option = |contact: &Arc<Contact>| {
        let sent = contact.email.as_ref().filter(alone).cloned().unwrap_or_else(|| contact.id.to_string());
        (sent, contact.name.clone())
    };
    firm.contacts().iter().filter(off).take(most).map(option).collect()
}
