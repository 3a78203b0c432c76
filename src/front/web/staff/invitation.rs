//! Inviting: by mail where the firm sends mail, otherwise by a link that is shown once, to be handed over.

use std::sync::Arc;
use std::time::Duration;

use super::super::acts;
use super::super::connect::Host;
use super::super::handed;
use super::super::person::Person;
use super::super::status::Failure;
use super::access::{Came, subject};
use crate::gate::new_link;
use crate::names::ContactId;
use crate::practice::{Access, Invited, LinkPurpose, Matter, NewLink, Party, Practice};

/// How long an invitation is good.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Invites somebody; `email` fills a missing address in.
pub(super) async fn invite(
    person: &Person,
    matter: &Arc<Matter>,
    contact: ContactId,
    email: Option<&str>,
    host: &Host,
) -> Result<Came, Failure> {
    let link = Arc::new(link(person));
    let (new, email, at) = (link.clone(), email.map(str::to_owned), (matter.id, contact));
    let invite = move |practice: &Practice, permit| practice.invite(permit, at, email.as_deref(), &new);
    let who = subject(&person.portal.gate.practice().firm(), Party::Contact(contact));
    let invited = acts::change(person, ("access invite", &who, Some(matter.id)), invite).await?;
    Ok(came(person, &invited, &link, host))
}

/// Sends the invitation again, with another link.
pub(super) async fn resend(
    person: &Person,
    matter: &Arc<Matter>,
    contact: ContactId,
    host: &Host,
) -> Result<Came, Failure> {
    let link = Arc::new(link(person));
    let (new, at) = (link.clone(), (matter.id, contact));
    let resend = move |practice: &Practice, permit| practice.resend_invitation(permit, at, &new);
    let who = subject(&person.portal.gate.practice().firm(), Party::Contact(contact));
    let invited = acts::change(person, ("access resend", &who, Some(matter.id)), resend).await?;
    Ok(came(person, &invited, &link, host))
}

fn link(person: &Person) -> NewLink {
    new_link(LIFE, handed::delivery(person))
}

fn came(person: &Person, invited: &Invited, link: &NewLink, host: &Host) -> Came {
    let login = &invited.account.login;
    if invited.participant.access != Access::Invited {
        return Came::Told(format!("{login} has a login already, and is in."));
    }
    match handed::shown(person, (link, LinkPurpose::Invitation), login, host) {
        Some(link) => Came::Link(link),
        None => Came::Told(format!("The invitation is on its way to {login}.")),
    }
}
