//! Bringing the matters of a type to its current version: what that changes on which is shown first.

use std::collections::HashMap;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::acts::{self, as_refusal};
use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::Section;
use super::types::{find, url};
use crate::gate::Administer;
use crate::practice::{Firm, Practice, TypeChange};

/// Different changes that are shown, lines of each, and matters that are named; the rest is counted.
const MOST_CHANGES: usize = 50;
const MOST_LINES: usize = 200;
const MOST_NUMBERS: usize = 20;

/// A yes to what was shown.
#[derive(Debug, Deserialize)]
pub(super) struct Confirmed {
    /// The version of the matter type that was shown.
    version: String,
}

#[derive(Template)]
#[template(path = "admin/push.html")]
struct PushPage {
    frame: Frame,
    section: Section,
    name: String,
    url: String,
    version: u32,
    matters: usize,
    changes: Vec<Shown>,
    /// Matters whose changes are not shown.
    left_out: usize,
}

/// What happens in the same way to some matters.
struct Shown {
    from: u32,
    numbers: Vec<String>,
    more: usize,
    lines: Vec<String>,
    more_lines: usize,
}

/// What a push would do.
pub(super) async fn preview(person: Person, Path(name): Path<String>) -> Result<Response, Failure> {
    previewed(&person, &name).await
}

/// Does it, as one act.
pub(super) async fn push(Path(name): Path<String>, posted: Posted<Confirmed>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    match pushed(&person, &name, &form.version).await {
        Ok(done) => {
            let what = match done.len() {
                0 => "All matters had the current version.".to_owned(),
                1 => format!("Matter {} has the current version now.", done[0].number),
                n => format!("{n} matters have the current version now."),
            };
            person.guest.tell(Notice::Done(what));
            Ok(Redirect::to(&url(&name)).into_response())
        }
        Err(failure) => {
            acts::tell(&person, &failure);
            Ok(as_refusal(&failure, previewed(&person, &name).await?))
        }
    }
}

async fn pushed(person: &Person, name: &str, version: &str) -> Result<Vec<TypeChange>, Failure> {
    let kind = find(person, name)?;
    if kind.version.to_string() != version {
        return Err(Failure::changed_meanwhile());
    }
    let (name, subject) = (kind.name().to_owned(), kind.name().to_owned());
    let push = move |practice: &Practice, permit| {
        let is_seen = |firm: &Firm| firm.matter_type(&name).is_some_and(|now| now.version == kind.version);
        practice.push_as_seen(permit, is_seen, &name)
    };
    acts::change(person, ("matter-type push", &subject, None), push).await
}

async fn previewed(person: &Person, name: &str) -> Result<Response, Failure> {
    let kind = find(person, name)?;
    acts::look::<Administer>(person, ("matter-type push preview", kind.name(), None)).await?;
    let firm = person.portal.gate.practice().firm();
    let wanted = kind.name().to_owned();
    let all = acts::blocking(move || firm.push_preview(&wanted)).await?.map_err(Failure::told_to_staff)?;
    let (changes, left_out) = alike(&all);
    let shown = PushPage {
        frame: person.frame(format!("Push {}", kind.name())),
        section: Section::Types,
        name: kind.name().to_owned(),
        url: url(kind.name()),
        version: kind.version,
        matters: all.len(),
        changes,
        left_out,
    };
    Ok(page(StatusCode::OK, &shown))
}

/// The changes, each once with all matters that it happens to, and the number of matters for which there was no room.
fn alike(all: &[TypeChange]) -> (Vec<Shown>, usize) {
    let mut places: HashMap<(u32, Vec<String>), usize> = HashMap::new();
    let (mut shown, mut left_out) = (Vec::<Shown>::new(), 0);
    for one in all {
        let key = (one.from, lines(one));
        let at = match places.get(&key) {
            Some(at) => *at,
            None if shown.len() == MOST_CHANGES => {
                left_out += 1;
                continue;
            }
            None => {
                let (more_lines, mut lines) = (key.1.len().saturating_sub(MOST_LINES), key.1.clone());
                lines.truncate(MOST_LINES);
                shown.push(Shown { from: one.from, numbers: Vec::new(), more: 0, lines, more_lines });
                places.insert(key, shown.len() - 1);
                shown.len() - 1
            }
        };
        match shown[at].numbers.len() < MOST_NUMBERS {
            true => shown[at].numbers.push(one.number.clone()),
            false => shown[at].more += 1,
        }
    }
    (shown, left_out)
}

/// What happens to a matter, a sentence each.
fn lines(one: &TypeChange) -> Vec<String> {
    let added = one.added.iter().map(|folder| format!("New folder {folder}."));
    let closed = one
        .closed
        .iter()
        .map(|folder| format!("{folder} is no folder of the type any more: it stays, closed to participants."));
    let rights = one
        .rights
        .iter()
        .map(|change| format!("{}, {}: {} → {}.", change.folder, change.participant_type, change.from, change.to));
    let without = one.without_type.iter().map(|name| {
        format!("{name} has no rights afterwards: there is no such participant type any more. Give them another one.")
    });
    added.chain(closed).chain(rights).chain(without).collect()
}
