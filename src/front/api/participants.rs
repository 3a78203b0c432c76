//! `/matters/{number}/participants`: who is on a matter. Devices are shown; they are put there at the command line.

use axum::extract::Path;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::answer::{Answer, Seen};
use super::caller::Staff;
use super::input::{Asked, Input};
use super::matters::path_of;
use super::page::page;
use super::problem::Problem;
use crate::practice::{Contact, Firm, Matter, NewParticipant, Participant, ParticipantEdit, Party, Practice};
use crate::vfs::{Shared, Vfs};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// An id, or an e-mail address that is one contact's.
    contact: String,
    #[serde(rename = "type")]
    participant_type: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    #[serde(rename = "type")]
    participant_type: Option<String>,
    can_download: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    after: Option<String>,
    limit: Option<usize>,
    /// Count the documents shared with each and by each.
    #[serde(default)]
    counts: bool,
}

/// A participant in answers.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    matter: String,
    /// Nothing for a device.
    contact: Option<String>,
    name: String,
    login: Option<String>,
    #[serde(rename = "type")]
    participant_type: String,
    access: &'static str,
    can_download: bool,
    granted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shared: Option<Counts>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Counts {
    with: u64,
    by: u64,
}

/// A contact's place on a matter, found.
pub(super) struct Place {
    pub(super) matter: Arc<Matter>,
    pub(super) contact: Arc<Contact>,
}

impl Place {
    pub(super) fn find(staff: &Staff, number: &str, contact: &str) -> Result<Self, Problem> {
        let place = Self { matter: staff.matter(number)?, contact: staff.contact(contact)? };
        let there = staff.firm().participant(place.matter.id, place.party()).is_some();
        if there { Ok(place) } else { Err(Problem::not_found()) }
    }

    pub(super) fn party(&self) -> Party {
        Party::Contact(self.contact.id)
    }

    /// As the record calls the contact.
    pub(super) fn who(&self) -> String {
        who(&self.contact)
    }

    /// As the participant is now.
    pub(super) fn shown(&self, firm: &Firm) -> Result<Shown, Problem> {
        let one = firm.participant(self.matter.id, self.party()).ok_or_else(Problem::not_found)?;
        Ok(shown(firm, &self.matter, one))
    }
}

/// As the record calls a contact.
pub(super) fn who(contact: &Contact) -> String {
    contact.email.clone().unwrap_or_else(|| contact.id.to_string())
}

pub(super) async fn list(
    staff: Staff,
    Path(number): Path<String>,
    Asked(listed): Asked<Listed>,
) -> Result<Answer, Problem> {
    let (matter, firm) = (staff.matter(&number)?, staff.firm());
    let act = ("participant list", matter.number.as_str(), Some(matter.id));
    let key = |one: &Arc<Participant>| match one.party {
        Party::Contact(id) => id.to_string(),
        Party::Device(id) => id.to_string(),
    };
    let mut all = firm.participants_of(matter.id).to_vec();
    all.sort_by_key(key);
    let page = page(all, key, listed.after.as_deref(), listed.limit)?;
    if !listed.counts {
        staff.look(act).await?;
        return Answer::of(&page.map(|one| shown(&firm, &matter, &one)));
    }
    let accounts: Vec<_> =
        firm.participants_of(matter.id).iter().filter_map(|one| firm.account_of(one.party).cloned()).collect();
    let (what, whose) = (matter.clone(), accounts.clone());
    let counts = staff.inspect(act, move |vfs: &Vfs, permit: &_| vfs.shared(permit, &what, &whose)).await?;
    Answer::of(&page.map(|one| {
        let account = firm.account_of(one.party).map(|account| account.id);
        let at = accounts.iter().position(|other| Some(other.id) == account);
        // Whoever never had access has no login, and nothing is shared.
        let Shared { with, by } = at.map(|at| counts[at]).unwrap_or_default();
        Shown { shared: Some(Counts { with, by }), ..shown(&firm, &matter, &one) }
    }))
}

pub(super) async fn add(staff: Staff, Path(number): Path<String>, Input(new): Input<New>) -> Result<Answer, Problem> {
    let matter = staff.matter(&number)?;
    let contact = staff.contact(&new.contact).map_err(|problem| match problem.is_not_found() {
        true => Problem::unfit("there is no such contact"),
        false => problem,
    })?;
    let place = Place { matter, contact };
    let (id, party, participant_type) = (place.matter.id, place.party(), new.participant_type);
    let add = move |practice: &Practice, permit| {
        practice.add_participant(permit, NewParticipant { matter: id, party, participant_type })
    };
    staff.change(("participant add", &place.who(), Some(id)), add).await?;
    let path = format!("{}/participants/{}", path_of(&place.matter), place.contact.id);
    Answer::created(&path, &place.shown(&staff.firm())?)
}

pub(super) async fn show(staff: Staff, Path((number, contact)): Path<(String, String)>) -> Result<Answer, Problem> {
    let place = Place::find(&staff, &number, &contact)?;
    staff.look(("participant show", &place.who(), Some(place.matter.id))).await?;
    Answer::resource(&place.shown(&staff.firm())?)
}

pub(super) async fn edit(
    staff: Staff,
    seen: Seen,
    Path((number, contact)): Path<(String, String)>,
    Input(edit): Input<Edit>,
) -> Result<Answer, Problem> {
    let place = Place::find(&staff, &number, &contact)?;
    seen.check(&place.shown(&staff.firm())?)?;
    let action = match (&edit.participant_type, edit.can_download) {
        (None, None) => return Err(Problem::unfit("there is nothing to change: say type or can_download")),
        (Some(_), _) => "participant change",
        (None, Some(true)) => "access download",
        (None, Some(false)) => "access no-download",
    };
    let Edit { participant_type, can_download } = edit;
    let edit = ParticipantEdit { participant_type, can_download };
    let (matter, party) = (place.matter.clone(), place.party());
    let change = move |practice: &Practice, permit| {
        let is_seen =
            |firm: &Firm| firm.participant(matter.id, party).is_some_and(|one| seen.is(&shown(firm, &matter, one)));
        practice.edit_participant(permit, (matter.id, party), is_seen, edit)
    };
    staff.change((action, &place.who(), Some(place.matter.id)), change).await?;
    Answer::resource(&place.shown(&staff.firm())?)
}

pub(super) async fn remove(staff: Staff, Path((number, contact)): Path<(String, String)>) -> Result<Answer, Problem> {
    let place = Place::find(&staff, &number, &contact)?;
    let (id, party) = (place.matter.id, place.party());
    let remove = move |practice: &Practice, permit| practice.remove_participant(permit, id, party);
    staff.change(("participant remove", &place.who(), Some(id)), remove).await?;
    Ok(Answer::done())
}

fn shown(firm: &Firm, matter: &Matter, one: &Participant) -> Shown {
    let contact = match one.party {
        Party::Contact(id) => Some(id.to_string()),
        Party::Device(_) => None,
    };
    Shown {
        matter: matter.number.clone(),
        contact,
        name: firm.party_name(one.party).unwrap_or_default().to_owned(),
        login: firm.account_of(one.party).map(|account| account.login.clone()),
        participant_type: one.participant_type.clone(),
        access: one.access.as_str(),
        can_download: one.can_download,
        granted: one.granted_at.map(|at| at.to_string()),
        shared: None,
    }
}
