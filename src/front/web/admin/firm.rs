//! What is switched on for all matters, and what the configuration says of the firm.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::acts::{self, as_refusal};
use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::person::Person;
use super::super::settings::{Mail, Settings};
use super::super::status::Failure;
use super::super::switching::Switching;
use super::Section;
use crate::gate::Administer;
use crate::names::Area;
use crate::practice::{Ending, Firm, Practice};

/// Matters that a warning shows, and names of each; the rest is counted.
const SHOWN: usize = 50;
const NAMES: usize = 10;

/// A switch and its position.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    value: String,
    to: String,
    /// The warning was read.
    yes: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/firm.html")]
struct FirmPage {
    frame: Frame,
    section: Section,
    portal: bool,
    /// The word of each area, its name, and whether it is on.
    areas: Vec<(&'static str, &'static str, bool)>,
    configured: Vec<(&'static str, String)>,
    mail: Vec<(&'static str, String)>,
    file: String,
}

#[derive(Template)]
#[template(path = "admin/firm_confirm.html")]
struct ConfirmPage {
    frame: Frame,
    section: Section,
    what: String,
    value: String,
    /// The number of each matter, and who would lose it.
    ending: Vec<(String, String)>,
    more: usize,
    participants: usize,
}

/// The page.
pub(super) async fn show(person: Person) -> Result<Response, Failure> {
    firm(&person).await
}

/// Switches something; what that would end is said first, and needs a yes.
pub(super) async fn switch(posted: Posted<Asked>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    match switched(&person, &form).await {
        Ok(answer) => Ok(answer),
        Err(failure) => {
            acts::tell(&person, &failure);
            Ok(as_refusal(&failure, firm(&person).await?))
        }
    }
}

async fn switched(person: &Person, asked: &Asked) -> Result<Response, Failure> {
    let Switching { switch, on, words, name } = Switching::parse(&asked.value, &asked.to)?;
    if !on && asked.yes.is_none() {
        let firm = person.portal.gate.practice().firm();
        let ending = firm.ending(switch, None);
        if !ending.is_empty() {
            acts::look::<Administer>(person, ("firm switch preview", &words, None)).await?;
            return Ok(question(person, &firm, name, &asked.value, &ending));
        }
    }
    let change = move |practice: &Practice, permit| practice.switch_firm(permit, switch, on);
    acts::change(person, ("firm switch", &words, None), change).await?;
    let told = match on {
        true => format!("{name} is on, on every matter that does not have it off."),
        false => format!("{name} is off. Nothing is forgotten: switching it on gives everything back."),
    };
    person.guest.tell(Notice::Done(told));
    Ok(Redirect::to(Section::Firm.url()).into_response())
}

fn question(person: &Person, firm: &Firm, what: String, value: &str, ending: &[Ending]) -> Response {
    let line = |one: &Ending| {
        let all = one.participants.iter().filter_map(|one| firm.party_name(one.party));
        let mut names: Vec<String> = all.take(NAMES).map(str::to_owned).collect();
        if one.participants.len() > NAMES {
            names.push(format!("and {} more", one.participants.len() - NAMES));
        }
        (one.matter.number.clone(), names.join(", "))
    };
    let shown = ConfirmPage {
        frame: person.frame("Firm"),
        section: Section::Firm,
        what,
        value: value.to_owned(),
        ending: ending.iter().take(SHOWN).map(line).collect(),
        more: ending.len().saturating_sub(SHOWN),
        participants: ending.iter().map(|one| one.participants.len()).sum(),
    };
    page(StatusCode::OK, &shown)
}

async fn firm(person: &Person) -> Result<Response, Failure> {
    acts::look::<Administer>(person, ("firm show", "", None)).await?;
    let switches = person.portal.gate.practice().firm().switches();
    let settings = person.portal.settings.load();
    let shown = FirmPage {
        frame: person.frame("Firm"),
        section: Section::Firm,
        portal: switches.portal,
        areas: Area::ALL.map(|area| (area.as_str(), area.folder(), switches.areas.has(area))).into(),
        configured: configured(&settings),
        mail: settings.mail.as_ref().map(of_mail).unwrap_or_default(),
        file: settings.file.display().to_string(),
    };
    Ok(page(StatusCode::OK, &shown))
}

/// How the firm looks, in the words of the configuration.
fn configured(settings: &Settings) -> Vec<(&'static str, String)> {
    let or = |text: Option<&str>, none: &str| text.unwrap_or(none).to_owned();
    vec![
        ("Name (firm)", settings.firm.clone()),
        ("Address (https.public_url)", or(settings.public_url.as_deref(), "not set")),
        ("Colour (pages.colour)", or(settings.colour.as_deref(), "the usual one")),
        ("Logo (pages.logo)", or(settings.logo.as_ref().map(|logo| logo.kind), "none: the name is shown")),
        ("Clock (time_zone)", or(settings.zone.iana_name(), "UTC")),
        (
            "Matter types (matter_types)",
            settings.matter_types.as_ref().map_or_else(
                || "made here and at the command line".to_owned(),
                |folder| format!("applied from {} at each start and reload", folder.display()),
            ),
        ),
    ]
}

fn of_mail(mail: &Mail) -> Vec<(&'static str, String)> {
    let yes = |on: bool| if on { "yes" } else { "no" }.to_owned();
    vec![
        ("Sender (mail.from)", mail.from.clone()),
        ("Server (mail.smtp)", mail.relay.clone()),
        (
            "News for clients (mail.digest_hour)",
            mail.digest_hour
                .map_or_else(|| "at once".to_owned(), |hour| format!("as one mail a day, at {hour} o'clock")),
        ),
        ("Names documents (mail.document_names)", yes(mail.document_names)),
        ("Tells other participants of the folder (mail.notify_participants)", yes(mail.notify_participants)),
    ]
}
