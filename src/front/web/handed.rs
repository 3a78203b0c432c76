//! Single-use links that somebody of the firm makes for somebody else: mailed, or shown once to be handed over.

use zeroize::Zeroizing;

use super::connect::Host;
use super::person::Person;
use super::words;
use crate::practice::{Delivery, LinkPurpose, NewLink};

/// A link that somebody has to hand over.
pub(super) struct ShownLink {
    pub(super) login: String,
    pub(super) url: Zeroizing<String>,
    pub(super) expires: String,
}

/// How links reach their people where nobody says anything else.
pub(super) fn delivery(person: &Person) -> Delivery {
    if person.portal.settings.load().mails() { Delivery::Mail } else { Delivery::Shown }
}

/// The link for whoever made it, if it was not mailed.
pub(super) fn shown(
    person: &Person,
    (link, purpose): (&NewLink, LinkPurpose),
    login: &str,
    Host(host): &Host,
) -> Option<ShownLink> {
    if link.delivery == Delivery::Mail {
        return None;
    }
    let settings = person.portal.settings.load();
    // Whoever is signed in has come by this host, so the link leads where its maker is.
    let address = settings.public_url.clone().unwrap_or_else(|| format!("https://{host}"));
    let url = Zeroizing::new(format!("{address}{}{}", purpose.path(), *link.token));
    Some(ShownLink { login: login.to_owned(), url, expires: words::time(link.expires, &settings.zone) })
}
