//! Inviting: by mail where the firm sends mail, otherwise by a link that is shown once, to be handed over.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::super::connect::Host;
use super::super::person::Person;
use super::super::status::Failure;
use super::super::words;
use super::access::{Came, On};
use crate::gate::new_link;
use crate::practice::{Access, AccessEdit, Delivery, LinkPurpose, NewLink, Participant};

/// How long an invitation is good.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A link that somebody has to hand over.
pub(super) struct ShownLink {
    pub(super) login: String,
    pub(super) url: Zeroizing<String>,
    pub(super) expires: String,
}

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
    let mails = person.portal.settings.load().mails;
    new_link(LIFE, if mails { Delivery::Mail } else { Delivery::Shown })
}

fn came(person: &Person, invited: &Participant, link: &NewLink, Host(host): &Host) -> Came {
    let firm = person.portal.gate.practice().firm();
    let login = firm.account_of(invited.party).map(|account| account.login.clone()).unwrap_or_default();
    let settings = person.portal.settings.load();
    match (invited.access, link.delivery) {
        (Access::Invited, Delivery::Shown) => {
            // Whoever is signed in has come by this host, so the link leads where its maker is.
            let address = settings.public_url.clone().unwrap_or_else(|| format!("https://{host}"));
            let url = Zeroizing::new(format!("{address}{}{}", LinkPurpose::Invitation.path(), *link.token));
            Came::Link(ShownLink { login, url, expires: words::time(link.expires, &settings.zone) })
        }
        (Access::Invited, Delivery::Mail) => Came::Told(format!("The invitation is on its way to {login}.")),
        _ => Came::Told(format!("{login} has a login already, and is in.")),
    }
}
