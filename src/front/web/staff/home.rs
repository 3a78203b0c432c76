//! All matters of the firm, and the form for another one.

use std::sync::Arc;

use askama::Template;
use axum::extract::Query;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::acts::{self, as_refusal, blocking};
use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::paging::Paging;
use super::super::person::Person;
use super::super::status::Failure;
use super::matter;
use crate::front::segments;
use crate::gate::Manage;
use crate::names::{MatterId, Role};
use crate::practice::{Access, Error as PracticeError, Firm, Matter, NewMatter};

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct Search {
    #[serde(default)]
    q: String,
    /// `open` unless said otherwise, `closed`, `all`.
    #[serde(default)]
    state: String,
    #[serde(default)]
    page: String,
}

/// A matter to open, as the form has it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct New {
    number: String,
    name: String,
    #[serde(rename = "type")]
    matter_type: String,
    /// A login; empty: nobody's.
    owner: String,
}

#[derive(Template)]
#[template(path = "staff/home.html")]
struct HomePage {
    frame: Frame,
    query: String,
    state: &'static str,
    /// The query, for the links to other pages.
    link: String,
    matters: Vec<Row>,
    paging: Paging,
    types: Vec<String>,
    staff: Vec<String>,
    /// What the form has; what was filled in, if it could not be done.
    new: New,
    again: bool,
}

struct Row {
    number: String,
    name: String,
    url: String,
    kind: String,
    owner: Option<String>,
    participants: usize,
    active: usize,
    state: Option<&'static str>,
}

/// The page at its own address.
pub(super) async fn all(person: Person, Query(search): Query<Search>) -> Result<Response, Failure> {
    show(&person, &search).await
}

/// The page, at the address of everybody's first one.
pub(in super::super) async fn show(person: &Person, search: &Search) -> Result<Response, Failure> {
    home(person, search, None).await
}

/// Opens a matter.
pub(super) async fn add(posted: Posted<New>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    match open(&person, form.clone()).await {
        Ok(matter) => {
            person.guest.tell(Notice::Done(format!("Matter {} is open. Say who is to have access.", matter.number)));
            Ok(Redirect::to(&matter::tab_url(&matter, matter::Tab::Access)).into_response())
        }
        Err(failure) => {
            acts::tell(&person, &failure);
            Ok(as_refusal(&failure, home(&person, &Search::default(), Some(form)).await?))
        }
    }
}

async fn open(person: &Person, new: New) -> Result<Arc<Matter>, Failure> {
    let number = new.number.trim().to_owned();
    if person.portal.gate.practice().firm().matter_by_number(&number).is_some() {
        return Err(Failure::new(StatusCode::CONFLICT, format!("There is a matter {number} already.")));
    }
    let subject: String = number.chars().take(64).collect();
    let id = MatterId::random();
    let permit = acts::permit::<Manage>(person, ("matter add", &subject, Some(id))).await?;
    let (vfs, practice) = (person.portal.vfs.clone(), person.portal.gate.practice().clone());
    let owner = Some(new.owner).filter(|login| !login.is_empty());
    let new = NewMatter { id, number, name: new.name, matter_type: new.matter_type, owner };
    let opened = blocking(move || {
        vfs.make_key(&permit, id).map_err(Failure::from)?;
        practice.add_matter(permit, new).map_err(|error: PracticeError| Failure::told_to_staff(error))
    });
    opened.await?
}

async fn home(person: &Person, search: &Search, new: Option<New>) -> Result<Response, Failure> {
    acts::look::<Manage>(person, ("matter list", "", None)).await?;
    let firm = person.portal.gate.practice().firm();
    let query: String = search.q.trim().chars().take(100).collect();
    let folded = query.to_lowercase();
    let state = ["open", "closed", "all"].into_iter().find(|state| *state == search.state).unwrap_or("open");
    let wanted = |matter: &&Arc<Matter>| {
        let in_state = match state {
            "open" => matter.open,
            "closed" => !matter.open,
            _ => true,
        };
        in_state && (folded.is_empty() || mentions(&firm, matter, &folded))
    };
    let found: Vec<_> = firm.matters().filter(wanted).collect();
    let paging = Paging::of(found.len(), &search.page);
    let matters = found[paging.range()].iter().map(|matter| row(&firm, matter)).collect();
    let mut link = format!("?state={state}&q=");
    segments::push_text(&mut link, &query);
    let staff = staff_of(&firm);
    let again = new.is_some();
    let own = || staff.iter().find(|login| *login == person.session.login()).cloned().unwrap_or_default();
    let new = new.unwrap_or_else(|| New { owner: own(), ..New::default() });
    let shown = HomePage {
        frame: person.frame("Matters"),
        query,
        state,
        link,
        matters,
        paging,
        types: firm.matter_types().iter().map(|kind| kind.name().to_owned()).collect(),
        staff,
        new,
        again,
    };
    Ok(page(StatusCode::OK, &shown))
}

/// The logins of the firm's people who can see matters.
pub(super) fn staff_of(firm: &Firm) -> Vec<String> {
    let all = firm.accounts();
    let staff = all.iter().filter(|account| account.role == Role::Staff && account.enabled);
    staff.map(|account| account.login.clone()).collect()
}

/// Whether the matter's number or name, or that of somebody on it, has this text, which is in small letters.
fn mentions(firm: &Firm, matter: &Matter, folded: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(folded);
    has(&matter.number)
        || has(&matter.name)
        || firm.participants_of(matter.id).iter().any(|one| firm.party_name(one.party).is_some_and(has))
}

fn row(firm: &Firm, matter: &Matter) -> Row {
    let participants = firm.participants_of(matter.id);
    let owner = matter.watch.owner.and_then(|id| firm.account(id));
    Row {
        number: matter.number.clone(),
        name: matter.name.clone(),
        url: matter::url(matter),
        kind: matter.matter_type.clone(),
        owner: owner.map(|account| account.login.clone()),
        participants: participants.len(),
        active: participants.iter().filter(|one| one.access == Access::Active).count(),
        state: matter::state(matter),
    }
}
