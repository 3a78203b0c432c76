//! The administrator's first page: in a few words how each part of the firm is.

use askama::Template;
use axum::response::Response;
use hyper::StatusCode;

use super::super::acts;
use super::super::frame::{Frame, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::types::matters_of;
use super::{Section, running};
use crate::gate::Administer;
use crate::names::{Area, Role};
use crate::practice::Firm;

#[derive(Template)]
#[template(path = "admin/home.html")]
struct HomePage {
    frame: Frame,
    section: Section,
    cards: Vec<Card>,
}

/// A part of the firm: where it is looked after, and how it is.
pub(super) struct Card {
    pub(super) title: &'static str,
    pub(super) url: &'static str,
    pub(super) lines: Vec<String>,
}

/// The page, at the address of everybody's first one.
pub(in super::super) async fn show(person: &Person) -> Result<Response, Failure> {
    acts::look::<Administer>(person, ("firm show", "", None)).await?;
    let firm = person.portal.gate.practice().firm();
    let mut cards = vec![switches(&firm), types(&firm), people(&firm), matters(&firm)];
    cards.extend(running::cards(person, &firm));
    Ok(page(StatusCode::OK, &HomePage { frame: person.frame("Overview"), section: Section::Overview, cards }))
}

/// The page at its own address.
pub(super) async fn overview(person: Person) -> Result<Response, Failure> {
    show(&person).await
}

fn switches(firm: &Firm) -> Card {
    let on: Vec<_> = firm.switches().areas.iter().map(Area::folder).collect();
    let areas = if on.is_empty() { "No area is on.".to_owned() } else { format!("Areas: {}.", on.join(", ")) };
    let lines = match firm.switches().portal {
        true => vec!["The portal is on.".to_owned(), areas],
        false => vec!["The portal is off, so no client sees anything.".to_owned()],
    };
    Card { title: Section::Firm.name(), url: Section::Firm.url(), lines }
}

fn types(firm: &Firm) -> Card {
    let all = firm.matter_types();
    let names: Vec<_> = all.iter().map(|kind| kind.name()).collect();
    let behind: usize = all.iter().map(|kind| matters_of(firm, kind).1).sum();
    let mut lines =
        vec![if names.is_empty() { "There is none yet.".to_owned() } else { format!("{}.", names.join(", ")) }];
    if behind > 0 {
        lines.push(format!("Of an earlier version until it is pushed: {}.", count(behind, "matter")));
    }
    Card { title: Section::Types.name(), url: Section::Types.url(), lines }
}

fn people(firm: &Firm) -> Card {
    let all = firm.accounts();
    let enabled = |role| all.iter().filter(move |account| account.role == role && account.enabled);
    let roles = [
        ("Staff", Role::Staff),
        ("Administrators", Role::Admin),
        ("Auditors", Role::Auditor),
        ("Clients", Role::Participant),
    ];
    let number = |(name, role)| format!("{name}: {}.", enabled(role).count());
    let numbers = roles.map(number);
    let without = enabled(Role::Admin).filter(|account| account.second_factor.is_none()).count();
    let mut lines = vec![numbers.join(" ")];
    if without > 0 {
        lines.push(format!("Without a second factor: {}.", count(without, "administrator")));
    }
    Card { title: Section::People.name(), url: Section::People.url(), lines }
}

fn matters(firm: &Firm) -> Card {
    let (all, open) = (firm.matters().count(), firm.matters().filter(|matter| matter.open).count());
    Card { title: "Matters", url: "/matters", lines: vec![format!("{open} open, {} closed.", all - open)] }
}

/// `1 matter`, `2 matters`.
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
