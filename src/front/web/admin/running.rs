//! What the administrator's first page says of what runs.

use super::super::person::Person;
use super::super::words;
use super::Section;
use super::home::Card;
use crate::names::Role;
use crate::practice::Firm;

/// Devices, mail, the record, and where the rest is told.
pub(super) fn cards(person: &Person, firm: &Firm) -> Vec<Card> {
    let card = |section: Section, line: String| Card { title: section.name(), url: section.url(), lines: vec![line] };
    vec![
        card(Section::Devices, devices(firm)),
        card(Section::Mail, mail(person)),
        card(Section::Audit, verification(person)),
        card(Section::Health, "Version, disk, certificate, limits, how the last run ended.".to_owned()),
    ]
}

fn devices(firm: &Firm) -> String {
    let mut devices = firm.accounts();
    devices.retain(|account| account.role == Role::Device);
    let enabled = devices.iter().filter(|account| account.enabled).count();
    format!("{enabled} enabled, {} disabled.", devices.len() - enabled)
}

fn mail(person: &Person) -> String {
    let post = &person.portal.office.post;
    match (post.sends(), post.last_error()) {
        (false, _) => "Switched off.".to_owned(),
        (true, None) => "Goes out.".to_owned(),
        (true, Some(why)) => format!("Does not go out: {why}"),
    }
}

fn verification(person: &Person) -> String {
    let verification = person.portal.gate.verification();
    let zone = &person.portal.settings.load().zone;
    match (verification.since, verification.last) {
        (Some(_), _) => "It is being verified.".to_owned(),
        (None, None) => "Not verified since the start.".to_owned(),
        (None, Some(last)) => {
            let found = if last.result.is_ok() { "sound" } else { "damaged" };
            format!("Verified {}: {found}.", words::time(last.ended, zone))
        }
    }
}
