//! The matter types, and a new one made after another.

use std::sync::Arc;

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::acts::{self, as_refusal};
use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::Section;
use super::chart::{Chart, Folder, Kind, Rule};
use crate::front::segments;
use crate::gate::Administer;
use crate::practice::{Firm, MatterType, Practice};

/// A matter type to make, as the form has it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct New {
    name: String,
    /// The matter type that it is to be like; empty for one with a closed folder and nothing else.
    like: String,
}

#[derive(Template)]
#[template(path = "admin/types.html")]
struct TypesPage {
    frame: Frame,
    section: Section,
    types: Vec<Row>,
    new: New,
    again: bool,
}

struct Row {
    name: String,
    url: String,
    version: u32,
    folders: usize,
    participants: String,
    matters: usize,
    behind: usize,
}

/// All matter types.
pub(super) async fn show(person: Person) -> Result<Response, Failure> {
    types(&person, None).await
}

/// Makes one.
pub(super) async fn add(posted: Posted<New>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    match make(&person, &form).await {
        Ok(kind) => {
            person.guest.tell(Notice::Done(format!("There is a matter type {} now.", kind.name())));
            Ok(Redirect::to(&url(kind.name())).into_response())
        }
        Err(failure) => {
            acts::tell(&person, &failure);
            Ok(as_refusal(&failure, types(&person, Some(form)).await?))
        }
    }
}

async fn make(person: &Person, new: &New) -> Result<Arc<MatterType>, Failure> {
    let firm = person.portal.gate.practice().firm();
    let chart = match new.like.as_str() {
        "" => bare(),
        like => Chart::of(&firm.matter_type(like).ok_or_else(Failure::not_found)?.spec),
    };
    let name = new.name.trim().to_owned();
    let there_is = |name: &str| Failure::new(StatusCode::CONFLICT, format!("There is a matter type {name} already."));
    if let Some(other) = firm.matter_type(&name) {
        return Err(there_is(other.name()));
    }
    let spec = chart.spec(&name).map_err(|mistakes| Failure::bad(mistakes.join(" ")))?;
    let (subject, is_free) = (spec.name().to_owned(), move |firm: &Firm| firm.matter_type(&name).is_none());
    let apply = move |practice: &Practice, permit| practice.edit_matter_type(permit, is_free, spec);
    acts::change(person, ("matter-type apply", &subject, None), apply).await
}

/// Something to start with: nobody is shown anything.
fn bare() -> Chart {
    let kinds = vec![Kind { word: "client".to_owned(), gone: false }];
    let folder = Folder { path: "Documents".to_owned(), rule: Rule::Closed, ..Folder::default() };
    Chart { kinds, folders: vec![folder] }
}

/// The page of a matter type.
pub(super) fn url(name: &str) -> String {
    let mut url = format!("{}/", Section::Types.url());
    segments::push_text(&mut url, name);
    url
}

/// The matter type of this name, as it is now.
pub(super) fn find(person: &Person, name: &str) -> Result<Arc<MatterType>, Failure> {
    person.portal.gate.practice().firm().matter_type(name).ok_or_else(Failure::not_found)
}

/// Matters of a type, and how many of them have an earlier version of it.
pub(super) fn matters_of(firm: &Firm, kind: &MatterType) -> (usize, usize) {
    let all = || firm.matters().filter(|matter| matter.kind().id == kind.id);
    (all().count(), all().filter(|matter| matter.type_version != kind.version).count())
}

async fn types(person: &Person, new: Option<New>) -> Result<Response, Failure> {
    acts::look::<Administer>(person, ("matter-type list", "", None)).await?;
    let firm = person.portal.gate.practice().firm();
    let row = |kind: &Arc<MatterType>| {
        let (matters, behind) = matters_of(&firm, kind);
        Row {
            name: kind.name().to_owned(),
            url: url(kind.name()),
            version: kind.version,
            folders: kind.folder_count(),
            participants: kind.spec.participants().join(", "),
            matters,
            behind,
        }
    };
    let shown = TypesPage {
        frame: person.frame("Matter types"),
        section: Section::Types,
        types: firm.matter_types().iter().map(row).collect(),
        again: new.is_some(),
        new: new.unwrap_or_default(),
    };
    Ok(page(StatusCode::OK, &shown))
}
