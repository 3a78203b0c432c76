//! One matter type: its permission chart, looked at and changed as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

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
use super::super::words;
use super::Section;
use super::chart::{Chart, Rule};
use super::types::{find, matters_of, url};
use crate::gate::Administer;
use crate::names::Verb;
use crate::practice::{Error as PracticeError, Firm, MatterType, Practice};

/// Bytes of a chart's form: 128 folders by 32 participant types, all boxes ticked.
pub(super) const MAX_CHART: usize = 512 * 1024;

/// The chart as it is to be, made from this version.
#[derive(Debug, Deserialize)]
pub(super) struct Edited {
    version: String,
    #[serde(flatten)]
    chart: BTreeMap<String, String>,
}

#[derive(Template)]
#[template(path = "admin/matter_type.html")]
struct TypePage {
    frame: Frame,
    section: Section,
    name: String,
    url: String,
    version: u32,
    applied: String,
    matters: usize,
    behind: usize,
    chart: Chart,
    verbs: [Verb; 5],
    rules: [Rule; 3],
    /// What is wrong with what was entered.
    mistakes: Vec<String>,
    /// Where that differs from what somebody else has made of it meanwhile; nothing if nobody has.
    differences: Option<Vec<String>>,
    /// The directory whose files take the place of what is changed here.
    folder: Option<String>,
}

/// Why a chart was not saved.
enum Unsaved {
    Mistakes(Vec<String>),
    /// Somebody else has saved another one.
    Changed,
    Failed(Failure),
}

/// The page.
pub(super) async fn show(person: Person, Path(name): Path<String>) -> Result<Response, Failure> {
    let kind = find(&person, &name)?;
    acts::look::<Administer>(&person, ("matter-type show", kind.name(), None)).await?;
    Ok(page(StatusCode::OK, &shown(&person, &kind, Chart::of(&kind.spec))))
}

/// Makes the chart the next version of the matter type.
pub(super) async fn save(Path(name): Path<String>, posted: Posted<Edited>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let before = find(&person, &name)?;
    let chart = Chart::of_form(&form.chart);
    let unsaved = match apply(&person, &before, &form.version, &chart).await {
        Ok(after) => {
            person.guest.tell(Notice::Done(told(&person, &before, &after)));
            return Ok(Redirect::to(&url(after.name())).into_response());
        }
        Err(unsaved) => unsaved,
    };
    acts::look::<Administer>(&person, ("matter-type show", before.name(), None)).await?;
    // Entries stay changes of the version that they were made from, until their maker has seen another one.
    let (failure, again) = match unsaved {
        Unsaved::Mistakes(mistakes) => {
            let failure = Failure::bad(mistakes.join(" "));
            (failure, TypePage { mistakes, ..shown(&person, &before, chart) })
        }
        Unsaved::Changed => {
            let now = find(&person, &name)?;
            let differences = Some(chart.differences(&Chart::of(&now.spec)));
            (Failure::changed_meanwhile(), TypePage { differences, ..shown(&person, &now, chart) })
        }
        Unsaved::Failed(failure) => {
            acts::tell(&person, &failure);
            (failure, shown(&person, &before, chart))
        }
    };
    Ok(as_refusal(&failure, page(failure.status, &again)))
}

async fn apply(
    person: &Person,
    before: &Arc<MatterType>,
    version: &str,
    chart: &Chart,
) -> Result<Arc<MatterType>, Unsaved> {
    if before.version.to_string() != version {
        return Err(Unsaved::Changed);
    }
    let spec = chart.spec(before.name()).map_err(Unsaved::Mistakes)?;
    let seen = before.clone();
    let is_seen = move |firm: &Firm| firm.matter_type(seen.name()).is_some_and(|now| now.version == seen.version);
    let apply = move |practice: &Practice, permit| match practice.edit_matter_type(permit, is_seen, spec) {
        Err(PracticeError::Changed) => Ok(None),
        done => done.map(Some),
    };
    let applied = acts::change(person, ("matter-type apply", before.name(), None), apply).await;
    applied.map_err(Unsaved::Failed)?.ok_or(Unsaved::Changed)
}

fn told(person: &Person, before: &MatterType, after: &MatterType) -> String {
    let name = after.name();
    if after.version == before.version {
        return format!("Nothing was different: {name} is as it was.");
    }
    let (_, behind) = matters_of(&person.portal.gate.practice().firm(), after);
    let rest = match behind {
        0 => "New matters get it.".to_owned(),
        1 => "New matters get it; one matter has an earlier version until it is pushed.".to_owned(),
        n => format!("New matters get it; {n} matters have an earlier version until it is pushed."),
    };
    format!("{name} is at version {} now. {rest}", after.version)
}

fn shown(person: &Person, kind: &MatterType, chart: Chart) -> TypePage {
    let settings = person.portal.settings.load();
    let (matters, behind) = matters_of(&person.portal.gate.practice().firm(), kind);
    TypePage {
        frame: person.frame(kind.name()),
        section: Section::Types,
        name: kind.name().to_owned(),
        url: url(kind.name()),
        version: kind.version,
        applied: words::time(kind.applied, &settings.zone),
        matters,
        behind,
        chart: chart.with_room(),
        verbs: Verb::ALL,
        rules: Rule::ALL,
        mistakes: Vec::new(),
        differences: None,
        folder: settings.matter_types.as_ref().map(|folder| folder.display().to_string()),
    }
}
