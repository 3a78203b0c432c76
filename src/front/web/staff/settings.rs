//! What is set on a matter: portal and areas, who of the firm hears of it, confidential, open or closed.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::acts::{self, as_refusal};
use super::home::staff_of;
use super::matter::{self, Head, Tab};
use super::switching::{self, Switched};
use crate::names::{AccountId, Area};
use crate::practice::{Firm, Matter, MatterEdit, Practice, WatchChange};

/// What staff ask for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    act: String,
    /// A login, `on`, `off`, or what is switched.
    #[serde(default)]
    value: String,
    /// The owner when the page was made.
    #[serde(default)]
    was: String,
    /// The position of a switch.
    #[serde(default)]
    to: String,
    /// The warning was read.
    yes: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/settings.html")]
struct SettingsPage {
    frame: Frame,
    matter: Head,
    is_open: bool,
    portal: bool,
    /// The firm's own switch, which wins.
    firm_portal: bool,
    areas: Vec<AreaRow>,
    owner: String,
    followers: Vec<String>,
    /// Staff who do not follow yet.
    others: Vec<String>,
    staff: Vec<String>,
    confidential: bool,
}

struct AreaRow {
    area: Area,
    name: &'static str,
    firm: bool,
    on: bool,
}

/// The page.
pub(super) async fn show(person: Person, Path(number): Path<String>) -> Result<Response, Failure> {
    let matter = matter::find(&person, &number)?;
    settings(&person, &matter).await
}

/// Sets one thing.
pub(super) async fn change(Path(number): Path<String>, posted: Posted<Asked>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let matter = matter::find(&person, &number)?;
    match act(&person, &matter, form).await {
        Ok(Switched::Done(told)) => {
            person.guest.tell(Notice::Done(told));
            Ok(Redirect::to(&matter::tab_url(&matter, Tab::Settings)).into_response())
        }
        Ok(Switched::Asks(question)) => Ok(question),
        Err(failure) => {
            acts::tell(&person, &failure);
            let page = settings(&person, &matter::find(&person, &number)?).await?;
            Ok(as_refusal(&failure, page))
        }
    }
}

async fn act(person: &Person, matter: &Arc<Matter>, asked: Asked) -> Result<Switched, Failure> {
    let Asked { act, value, was, to, yes } = asked;
    let told = match act.as_str() {
        "switch" => return switching::switch(person, matter, (&value, &to), yes.is_some()).await,
        "owner" => {
            let told = if value.is_empty() {
                "The matter is nobody's.".to_owned()
            } else {
                format!("The matter is {value}'s.")
            };
            let (id, login) = (matter.id, Some(value).filter(|login| !login.is_empty()));
            let edit = MatterEdit { owner: Some(login), ..MatterEdit::default() };
            let is_seen = move |firm: &Firm| firm.matter(id).is_some_and(|now| owner(firm, now) == was);
            let change = move |practice: &Practice, permit| practice.edit_matter(permit, id, is_seen, edit);
            acts::change(person, ("matter owner", &matter.number, Some(id)), change).await?;
            told
        }
        "follow" => {
            let told = format!("{value} hears of what participants upload.");
            watch(person, matter, "matter follow", WatchChange::Follow(value)).await?;
            told
        }
        "unfollow" => {
            let told = format!("{value} does not hear of it any more.");
            watch(person, matter, "matter unfollow", WatchChange::Unfollow(value)).await?;
            told
        }
        "confidential" => {
            let on = value == "on";
            watch(person, matter, "matter confidential", WatchChange::Confidential(on)).await?;
            let told = if on {
                "No mail names its documents."
            } else {
                "Mail may name its documents, if the firm has that on."
            };
            told.to_owned()
        }
        "close" => {
            let id = matter.id;
            let close = move |practice: &Practice, permit| practice.close_matter(permit, id);
            acts::change(person, ("matter close", &matter.number, Some(id)), close).await?;
            "The matter is closed.".to_owned()
        }
        "reopen" => {
            let id = matter.id;
            let reopen = move |practice: &Practice, permit| practice.reopen_matter(permit, id);
            acts::change(person, ("matter reopen", &matter.number, Some(id)), reopen).await?;
            "The matter is open again.".to_owned()
        }
        _ => return Err(Failure::bad("The form asks for nothing that can be done here.")),
    };
    Ok(Switched::Done(told))
}

async fn watch(person: &Person, matter: &Matter, action: &str, to: WatchChange) -> Result<(), Failure> {
    let id = matter.id;
    let change = move |practice: &Practice, permit| practice.watch_matter(permit, id, to);
    acts::change(person, (action, &matter.number, Some(id)), change).await?;
    Ok(())
}

fn login(firm: &Firm, account: AccountId) -> Option<String> {
    firm.account(account).map(|account| account.login.clone())
}

/// The login of whose matter it is; empty if it is nobody's.
fn owner(firm: &Firm, matter: &Matter) -> String {
    matter.watch.owner.and_then(|account| login(firm, account)).unwrap_or_default()
}

async fn settings(person: &Person, matter: &Arc<Matter>) -> Result<Response, Failure> {
    acts::look(person, ("matter show", &matter.number, Some(matter.id))).await?;
    let firm = person.portal.gate.practice().firm();
    let followers: Vec<String> = matter.watch.followers.iter().filter_map(|one| login(&firm, *one)).collect();
    let staff = staff_of(&firm);
    let area = |area: Area| AreaRow {
        area,
        name: area.folder(),
        firm: firm.switches().areas.has(area),
        on: matter.areas.has(area),
    };
    let shown = SettingsPage {
        frame: person.frame(matter::title(matter, Tab::Settings)),
        matter: matter::head(matter, Tab::Settings),
        is_open: matter.open,
        portal: matter.portal,
        firm_portal: firm.switches().portal,
        areas: Area::ALL.map(area).into(),
        owner: owner(&firm, matter),
        others: staff.iter().filter(|login| !followers.contains(login)).cloned().collect(),
        followers,
        staff,
        confidential: matter.watch.confidential,
    };
    Ok(page(StatusCode::OK, &shown))
}
