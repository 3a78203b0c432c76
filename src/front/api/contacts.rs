//! `/contacts`: people and companies outside the firm.

use axum::extract::Path;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::answer::{Answer, Seen};
use super::caller::Staff;
use super::input::{Asked, Input};
use super::page::page;
use super::participants::who;
use super::problem::Problem;
use crate::practice::{Contact, ContactChange, Firm, NewContact, Party, Practice};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    after: Option<String>,
    limit: Option<usize>,
    /// Part of the name or the address.
    q: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    name: String,
    email: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    name: Option<String>,
    email: Option<String>,
}

/// A contact in answers.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    name: String,
    email: Option<String>,
    login: Option<String>,
    created: String,
}

pub(super) async fn list(staff: Staff, Asked(search): Asked<Search>) -> Result<Answer, Problem> {
    let wanted = search.q.as_deref().unwrap_or_default().trim().to_lowercase();
    staff.look(("contact list", search.q.as_deref().unwrap_or_default(), None)).await?;
    let firm = staff.firm();
    let is_found = |one: &Arc<Contact>| {
        format!("{} {}", one.name, one.email.as_deref().unwrap_or_default()).to_lowercase().contains(&wanted)
    };
    let mut found: Vec<_> = firm.contacts().into_iter().filter(is_found).collect();
    found.sort_by_key(|one| one.id);
    let page = page(found, |one| one.id.to_string(), search.after.as_deref(), search.limit)?;
    Answer::of(&page.map(|one| shown(&firm, &one)))
}

pub(super) async fn create(staff: Staff, Input(new): Input<New>) -> Result<Answer, Problem> {
    let New { name, email } = new;
    let subject = email.clone().unwrap_or_else(|| name.clone());
    let add = move |practice: &Practice, permit| practice.add_contact(permit, NewContact { name, email });
    let contact = staff.change(("contact add", &subject, None), add).await?;
    Answer::created(&format!("/contacts/{}", contact.id), &shown(&staff.firm(), &contact))
}

pub(super) async fn show(staff: Staff, Path(contact): Path<String>) -> Result<Answer, Problem> {
    let contact = staff.contact(&contact)?;
    staff.look(("contact show", &who(&contact), None)).await?;
    Answer::resource(&shown(&staff.firm(), &contact))
}

pub(super) async fn edit(
    staff: Staff,
    seen: Seen,
    Path(contact): Path<String>,
    Input(edit): Input<Edit>,
) -> Result<Answer, Problem> {
    let contact = staff.contact(&contact)?;
    seen.check(&shown(&staff.firm(), &contact))?;
    let Edit { name, email } = edit;
    if name.is_none() && email.is_none() {
        return Err(Problem::unfit("there is nothing to change: say name or email"));
    }
    let id = contact.id;
    let change = move |practice: &Practice, permit| {
        let is_seen = |firm: &Firm| firm.contact(id).is_some_and(|contact| seen.is(&shown(firm, contact)));
        practice.edit_contact(permit, id, is_seen, ContactChange { name, email })
    };
    let contact = staff.change(("contact change", &who(&contact), None), change).await?;
    Answer::resource(&shown(&staff.firm(), &contact))
}

fn shown(firm: &Firm, contact: &Contact) -> Shown {
    Shown {
        id: contact.id.to_string(),
        name: contact.name.clone(),
        email: contact.email.clone(),
        login: firm.account_of(Party::Contact(contact.id)).map(|account| account.login.clone()),
        created: contact.created.to_string(),
    }
}
