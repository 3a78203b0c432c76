//! Inviting: by mail where the firm sends mail, otherwise by a link that is shown once, to be handed over.

use std::sync::Arc;
use std::time::Duration;

use super::super::connect::Host;
use super::super::handed;
use super::super::person::Person;
use super::super::status::Failure;
use super::access::{Came, On};
use crate::gate::new_link;
use crate::practice::{Access, AccessEdit, LinkPurpose, NewLink, Participant};

/// How long an invitation is good.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Invites somebody; an address fills a missing one in.
pub(super) async fn invite(on: &On<'_>, email: &str, host: &Host) -> Result<Came, Failure> {
    let (link, email) = (Arc::new(link(on.person)), Some(email.to_owned()).filter(|email| !email.is_empty()));
    let invited = on.access("access invite", AccessEdit::Invite(email, link.clone())).await?;
    Ok(came(on.person, &invited, &link, host))
}

/// Sends the invitation again, with another link.
pub(super) async fn resend(on: &On<'_>, host: &Host) -> Result<Came, Failure> {
    let link = Arc::new(link(on.person));
    let invited = on.access("access resend", AccessEdit::Resend(link.clone())).await?;
    Ok(came(on.person, &invited, &link, host))
}

fn link(person: &Person) -> NewLink {
    new_link(LIFE, handed::delivery(person))
}

fn came(person: &Person, invited: &Participant, link: &NewLink, host: &Host) -> Came {
    let firm = person.portal.gate.practice().firm();
    let login = firm.account_of(invited.party).map(|account| account.login.clone()).unwrap_or_default();
    if invited.access != Access::Invited {
        return Came::Told(format!("{login} has a login already, and is in."));
    }
    match handed::shown(person, (link, LinkPurpose::Invitation), &login, host) {
        Some(link) => Came::Link(link),
        None => Came::Told(format!("The invitation is on its way to {login}.")),
    }
}
