//! Switching the portal or an area of a matter: who loses what is said first, and needs a yes.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;
use hyper::StatusCode;

use super::super::acts;
use super::super::frame::{Frame, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::super::switching::Switching;
use super::matter::{self, Head, Tab};
use crate::gate::Manage;
use crate::practice::{Matter, Practice, Switch};

/// Names that a warning shows; the rest is counted.
const SHOWN: usize = 50;

/// What came of it.
pub(super) enum Switched {
    Done(String),
    /// A page that asks for a yes.
    Asks(Response),
}

#[derive(Template)]
#[template(path = "staff/confirm.html")]
struct ConfirmPage {
    frame: Frame,
    matter: Head,
    what: String,
    value: String,
    names: Vec<String>,
    more: usize,
}

/// `what` is `portal` or an area, and its position `on` or `off`.
pub(super) async fn switch(
    person: &Person,
    matter: &Arc<Matter>,
    (what, to): (&str, &str),
    yes: bool,
) -> Result<Switched, Failure> {
    let Switching { switch, on, words, name } = Switching::parse(what, to)?;
    let subject = format!("{} {words}", matter.number);
    if !on && !yes {
        let names = losers(person, matter, switch);
        if !names.is_empty() {
            acts::look::<Manage>(person, ("matter switch preview", &subject, Some(matter.id))).await?;
            return Ok(Switched::Asks(question(person, matter, what, name, names)));
        }
    }
    let id = matter.id;
    let change = move |practice: &Practice, permit| practice.switch_matter(permit, id, switch, on);
    let matter = acts::change(person, ("matter switch", &subject, Some(id)), change).await?;
    let firm = person.portal.gate.practice().firm();
    let shows = match (firm.areas_of(&matter), switch) {
        (Some(areas), Switch::Area(area)) => areas.has(area),
        (areas, _) => areas.is_some(),
    };
    let told = match (on, shows) {
        (true, false) => {
            format!("{name} is on for this matter, and does not show yet: it is off for the firm, or the portal is.")
        }
        (true, true) => format!("{name} is on."),
        (false, _) => format!("{name} is off. Nothing is forgotten: switching it on gives everything back."),
    };
    Ok(Switched::Done(told))
}

/// Who would lose something at once.
fn losers(person: &Person, matter: &Matter, switch: Switch) -> Vec<String> {
    let firm = person.portal.gate.practice().firm();
    let ending = firm.ending(switch, Some(matter.id));
    let participants = ending.iter().flat_map(|one| &one.participants);
    participants.filter_map(|one| firm.party_name(one.party).map(str::to_owned)).collect()
}

fn question(person: &Person, matter: &Matter, value: &str, what: String, mut names: Vec<String>) -> Response {
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let shown = ConfirmPage {
        frame: person.frame(matter::title(matter, Tab::Settings)),
        matter: matter::head(matter, Tab::Settings),
        what,
        value: value.to_owned(),
        names,
        more,
    };
    page(StatusCode::OK, &shown)
}
