//! Inviting: by mail where the firm sends mail, otherwise by a link that is shown once, to be handed over.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::super::acts;
use super::super::connect::Host;
use super::super::person::Person;
use super::super::status::Failure;
use super::super::words;
use super::access::{Came, subject};
use crate::gate::new_link;
use crate::names::ContactId;
use crate::practice::{Access, Delivery, Invited, LinkPurpose, Matter, NewLink, Party, Practice};

/// How long an invitation is good.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A link that somebody has to hand over.
pub(super) struct ShownLink {
    pub(super) login: String,
    pub(super) url: Zeroizing<String>,
    pub(super) expires: String,
}

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
    let mails = person.portal.settings.load().mails;
    new_link(LIFE, if mails { Delivery::Mail } else { Delivery::Shown })
}

fn came(person: &Person, invited: &Invited, link: &NewLink, Host(host): &Host) -> Came {
    let login = invited.account.login.clone();
    let settings = person.portal.settings.load();
    match (invited.participant.access, link.delivery) {
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
