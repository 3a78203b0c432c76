//! The administrator's first page: in a few words how each part of the firm is.

use askama::Template;
use axum::response::Response;
use hyper::StatusCode;

use super::super::acts;
use super::super::frame::{Frame, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::{Section, running};
use crate::gate::Administer;
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
    let mut cards = vec![matters(&firm)];
    cards.extend(running::cards(person, &firm));
    Ok(page(StatusCode::OK, &HomePage { frame: person.frame("Overview"), section: Section::Overview, cards }))
}

/// The page at its own address.
pub(super) async fn overview(person: Person) -> Result<Response, Failure> {
    show(&person).await
}

fn matters(firm: &Firm) -> Card {
    let (all, open) = (firm.matters().count(), firm.matters().filter(|matter| matter.open).count());
    Card { title: "Matters", url: "/matters", lines: vec![format!("{open} open, {} closed.", all - open)] }
}
