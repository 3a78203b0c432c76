//! Who has access to a matter: the participants, and what staff do about their access.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::connect::Host;
use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::acts::{self, as_refusal};
use super::invitation::{self, ShownLink};
use super::matter::{self, Head, Tab};
use super::participants::{self, Added};
use crate::gate::{Manage, Permit};
use crate::names::{ContactId, MatterId};
use crate::practice::{
    Access, AccessEdit, Error as PracticeError, Firm, Matter, Participant, ParticipantEdit, Party, Practice,
};
use crate::vfs::{Shared, Vfs};

/// Contacts that the form for another participant offers; others are found by their name or address all the same.
const MOST_OFFERED: usize = 500;

/// What staff ask for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    who: String,
    /// The participant's place when the page was made.
    was: String,
    act: String,
    #[serde(default)]
    email: String,
    #[serde(default, rename = "type")]
    participant_type: String,
}

#[derive(Template)]
#[template(path = "staff/access.html")]
struct AccessPage {
    frame: Frame,
    matter: Head,
    rows: Vec<Row>,
    types: Vec<String>,
    offered: Vec<(String, String)>,
    mails: bool,
    link: Option<ShownLink>,
    /// What was filled in for another participant, if it could not be done.
    added: Added,
    again: bool,
}

struct Row {
    name: String,
    /// E-mail address, or a device's login.
    address: Option<String>,
    contact: Option<String>,
    kind: String,
    status: &'static str,
    class: &'static str,
    can_download: bool,
    with: u64,
    by: u64,
    who: String,
    was: String,
    /// Can be invited; without an address one must be filled in.
    invite: bool,
    needs_address: bool,
    grant: bool,
    resend: bool,
    enable: bool,
    disable: bool,
    /// Access can be taken away.
    remove: bool,
    /// Can be taken off the matter.
    leave: bool,
}

/// The page.
pub(super) async fn show(person: Person, Path(number): Path<String>) -> Result<Response, Failure> {
    let matter = matter::find(&person, &number)?;
    access(&person, &matter, None, None).await
}

/// One act on one participant.
pub(super) async fn change(Path(number): Path<String>, host: Host, posted: Posted<Asked>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let matter = matter::find(&person, &number)?;
    match act(&person, &matter, &host, &form).await {
        Ok(Came::Told(text)) => {
            person.guest.tell(Notice::Done(text));
            Ok(Redirect::to(&matter::tab_url(&matter, Tab::Access)).into_response())
        }
        Ok(Came::Link(link)) => access(&person, &matter, Some(link), None).await,
        Err(failure) => refused(&person, &matter, &failure, None).await,
    }
}

/// The page again, with what was wrong.
pub(super) async fn refused(
    person: &Person,
    matter: &Arc<Matter>,
    failure: &Failure,
    added: Option<Added>,
) -> Result<Response, Failure> {
    acts::tell(person, failure);
    Ok(as_refusal(failure, access(person, matter, None, added).await?))
}

/// What came of an act.
pub(super) enum Came {
    Told(String),
    /// A link that is to be handed over.
    Link(ShownLink),
}

async fn act(person: &Person, matter: &Arc<Matter>, host: &Host, asked: &Asked) -> Result<Came, Failure> {
    let firm = person.portal.gate.practice().firm();
    let party = parse_party(&asked.who).ok_or_else(|| Failure::bad("The form names nobody."))?;
    let name = firm.party_name(party).unwrap_or_default();
    let on = On { person, matter, party, who: subject(&firm, party), was: &asked.was };
    let told = match (asked.act.as_str(), party) {
        ("invite", Party::Contact(_)) => return invitation::invite(&on, asked.email.trim(), host).await,
        ("resend", Party::Contact(_)) => return invitation::resend(&on, host).await,
        ("grant", Party::Device(_)) => {
            on.access("access grant", AccessEdit::Grant).await?;
            format!("{name} has access.")
        }
        ("disable", _) => {
            on.access("access disable", AccessEdit::Disable).await?;
            format!("{name} has no access until it is enabled again.")
        }
        ("enable", _) => match on.access("access enable", AccessEdit::Enable).await?.access {
            Access::Invited => format!("{name} never came in: resend the invitation."),
            _ => format!("{name} has access again."),
        },
        ("remove", _) => {
            on.access("access remove", AccessEdit::Remove).await?;
            format!("{name} has no access any more.")
        }
        ("leave", _) => {
            on.access("participant remove", AccessEdit::Leave).await?;
            format!("{name} is off the matter.")
        }
        ("download", _) => {
            on.edit("access download", ParticipantEdit { can_download: Some(true), ..Default::default() }).await?;
            format!("{name} may download.")
        }
        ("no-download", _) => {
            on.edit("access no-download", ParticipantEdit { can_download: Some(false), ..Default::default() }).await?;
            format!("{name} may not download.")
        }
        ("type", _) => {
            let kind = Some(asked.participant_type.clone());
            on.edit("participant change", ParticipantEdit { participant_type: kind, ..Default::default() }).await?;
            format!("{name} is on the matter as {}.", asked.participant_type)
        }
        _ => return Err(Failure::bad("The form asks for nothing that can be done here.")),
    };
    Ok(Came::Told(told))
}

/// One participant, of whom something is changed if their place is still what the page showed.
pub(super) struct On<'a> {
    pub(super) person: &'a Person,
    matter: &'a Matter,
    party: Party,
    who: String,
    was: &'a str,
}

impl On<'_> {
    pub(super) async fn access(&self, action: &str, edit: AccessEdit) -> Result<Arc<Participant>, Failure> {
        let (at, is_seen) = (self.at(), self.is_seen());
        self.change(action, move |practice, permit| practice.edit_access(permit, at, is_seen, edit)).await
    }

    async fn edit(&self, action: &str, edit: ParticipantEdit) -> Result<Arc<Participant>, Failure> {
        let (at, is_seen) = (self.at(), self.is_seen());
        self.change(action, move |practice, permit| practice.edit_participant(permit, at, is_seen, edit)).await
    }

    fn at(&self) -> (MatterId, Party) {
        (self.matter.id, self.party)
    }

    fn is_seen(&self) -> impl FnOnce(&Firm) -> bool + Send + use<> {
        let ((matter, party), was) = (self.at(), self.was.to_owned());
        move |firm| firm.participant(matter, party).is_some_and(|one| place(one) == was)
    }

    async fn change<T: Send + 'static>(
        &self,
        action: &str,
        change: impl FnOnce(&Practice, Permit<Manage>) -> Result<T, PracticeError> + Send + 'static,
    ) -> Result<T, Failure> {
        acts::change(self.person, (action, &self.who, Some(self.matter.id)), change).await
    }
}

/// What the record calls a party: the address, the id of a contact without one, a device's login.
pub(super) fn subject(firm: &Firm, party: Party) -> String {
    match party {
        Party::Contact(id) => {
            let email = firm.contact(id).and_then(|contact| contact.email.clone());
            email.unwrap_or_else(|| id.to_string())
        }
        Party::Device(id) => firm.account(id).map_or_else(|| id.to_string(), |account| account.login.clone()),
    }
}

async fn access(
    person: &Person,
    matter: &Arc<Matter>,
    link: Option<ShownLink>,
    added: Option<Added>,
) -> Result<Response, Failure> {
    let firm = person.portal.gate.practice().firm();
    let participants = firm.participants_of(matter.id);
    let accounts: Vec<_> = participants.iter().filter_map(|one| firm.account_of(one.party).cloned()).collect();
    let (what, whose) = (matter.clone(), accounts.clone());
    let look = move |vfs: &Vfs, permit: &_| vfs.shared(permit, &what, &whose);
    let shared = acts::inspect(person, ("participant list", &matter.number, Some(matter.id)), look).await?;
    let shared: HashMap<_, _> = accounts.iter().map(|account| account.id).zip(shared).collect();
    let counts = |party| firm.account_of(party).and_then(|account| shared.get(&account.id)).copied();
    let mut rows: Vec<Row> =
        participants.iter().map(|one| row(&firm, one, counts(one.party).unwrap_or_default())).collect();
    rows.sort_by_cached_key(|row| row.name.to_lowercase());
    let shown = AccessPage {
        frame: person.frame(matter::title(matter, Tab::Access)),
        matter: matter::head(matter, Tab::Access),
        rows,
        types: matter.kind().spec.participants().to_vec(),
        offered: participants::offered(&firm, matter.id, MOST_OFFERED),
        mails: person.portal.settings.load().mails,
        link,
        again: added.is_some(),
        added: added.unwrap_or_default(),
    };
    Ok(page(StatusCode::OK, &shown))
}

fn row(firm: &Firm, one: &Participant, shared: Shared) -> Row {
    let contact = match one.party {
        Party::Contact(id) => firm.contact(id),
        Party::Device(_) => None,
    };
    let is_device = contact.is_none();
    let address = match contact {
        Some(contact) => contact.email.clone(),
        None => firm.account_of(one.party).map(|account| account.login.clone()),
    };
    let off = matches!(one.access, Access::None | Access::Removed);
    Row {
        name: firm.party_name(one.party).unwrap_or_default().to_owned(),
        needs_address: !is_device && address.is_none(),
        address,
        contact: contact.map(|contact| format!("/contacts/{}", contact.id)),
        kind: one.participant_type.clone(),
        status: one.access.as_status(),
        class: match one.access {
            Access::Active => "chip on",
            Access::Disabled => "chip off",
            Access::None | Access::Invited | Access::Removed => "chip",
        },
        can_download: one.can_download,
        with: shared.with,
        by: shared.by,
        who: party_text(one.party),
        was: place(one),
        invite: off && !is_device,
        grant: off && is_device,
        resend: one.access == Access::Invited && !is_device,
        enable: one.access == Access::Disabled,
        disable: one.access.is_on(),
        remove: !off,
        leave: !one.access.is_on(),
    }
}

/// A participant's place as a form carries it, so that it can be told whether somebody else has changed it meanwhile.
fn place(one: &Participant) -> String {
    let download = if one.can_download { "download" } else { "no-download" };
    format!("{} {} {download}", one.access, one.participant_type)
}

fn party_text(party: Party) -> String {
    match party {
        Party::Contact(id) => format!("contact-{id}"),
        Party::Device(id) => format!("device-{id}"),
    }
}

fn parse_party(text: &str) -> Option<Party> {
    let (kind, id) = text.split_once('-')?;
    match kind {
        "contact" => Some(Party::Contact(id.parse::<ContactId>().ok()?)),
        "device" => Some(Party::Device(id.parse().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::AccountId;

    #[test]
    fn a_form_names_parties_and_nothing_else() {
        for party in [Party::Contact(ContactId::from_bytes([7; 16])), Party::Device(AccountId::from_bytes([9; 16]))] {
            assert_eq!(parse_party(&party_text(party)), Some(party));
        }
        for bad in ["", "contact-", "contact-7", "staff-07070707070707070707070707070707"] {
            assert_eq!(parse_party(bad), None, "{bad}");
        }
    }
}
