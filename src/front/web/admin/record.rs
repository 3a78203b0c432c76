//! One record with everything that it says, and its proof for somebody outside.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse as _, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;

use super::super::acts;
use super::super::download::attachment;
use super::super::frame::{Frame, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::super::words;
use super::{Section, records};
use crate::audit::Shown;
use crate::gate::SeeRecord;

/// Whether a proof shows the body.
#[derive(Debug, Deserialize)]
pub(super) struct Shows {
    /// `no` leaves who did what out of it.
    #[serde(default)]
    body: String,
}

#[derive(Template)]
#[template(path = "admin/record.html")]
struct RecordPage {
    frame: Frame,
    section: Section,
    seq: u64,
    url: String,
    /// The record before and the one after.
    around: [Option<String>; 2],
    what: &'static str,
    outcome: &'static str,
    /// The intent, or what was erased.
    refers: Option<(u64, String)>,
    facts: Vec<(&'static str, String)>,
    /// Its body was erased by law.
    erased: bool,
}

/// The page of a record.
pub(super) fn url(seq: u64) -> String {
    format!("{}/{seq}", Section::Audit.url())
}

/// The page.
pub(super) async fn show(person: Person, Path(seq): Path<String>) -> Result<Response, Failure> {
    let seq = number(&seq)?;
    let permit = acts::permit::<SeeRecord>(&person, ("audit show", &seq.to_string(), None)).await?;
    let found = records::read(&person, permit, move |gate, permit| gate.one_record(permit, seq)).await?;
    let record = found.ok_or_else(Failure::not_found)?;
    let shown = RecordPage {
        frame: person.frame(format!("Record {seq}")),
        section: Section::Audit,
        seq,
        url: url(seq),
        around: [seq.checked_sub(1).map(url), seq.checked_add(1).map(url)],
        what: record.action.as_str(),
        outcome: record.outcome.as_str(),
        refers: record.refers.map(|seq| (seq, url(seq))),
        erased: record.event().is_none(),
        facts: facts(&person, &record),
    };
    Ok(page(StatusCode::OK, &shown))
}

/// Its proof, as a file that `deedbox audit check-proof` checks.
pub(super) async fn prove(
    person: Person,
    Path(seq): Path<String>,
    Query(shows): Query<Shows>,
) -> Result<Response, Failure> {
    let (seq, with_body) = (number(&seq)?, shows.body != "no");
    let permit = acts::permit::<SeeRecord>(&person, ("audit prove", &seq.to_string(), None)).await?;
    let proof = records::read(&person, permit, move |gate, permit| gate.prove(permit, seq, with_body)).await?;
    let proof = proof.ok_or_else(Failure::not_found)?;
    Ok(file(&format!("record-{seq}.tlog-proof"), proof.to_string()))
}

/// The key with which proofs are checked. It is public, so that looking at it is nothing to record.
pub(super) async fn key(person: Person) -> Response {
    file("public.key", format!("{}\n", person.portal.gate.record_key()))
}

fn number(text: &str) -> Result<u64, Failure> {
    // One spelling, so that a record has one address.
    text.parse().ok().filter(|seq: &u64| seq.to_string() == text).ok_or_else(Failure::not_found)
}

fn file(name: &str, text: String) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_DISPOSITION, attachment(name));
    response
}

/// What the record says, in the order in which people ask.
fn facts(person: &Person, record: &Shown) -> Vec<(&'static str, String)> {
    let zone = person.portal.settings.load().zone.clone();
    let firm = person.portal.gate.practice().firm();
    let mut facts = vec![("Time", format!("{} ({})", words::time(record.time, &zone), record.time))];
    let mut tell =
        |name, value: Option<String>| facts.extend(value.filter(|text| !text.is_empty()).map(|text| (name, text)));
    if let Some(event) = record.event() {
        let (actor, detail) = (event.actor, event.detail);
        tell("Login", Some(actor.login));
        tell("Role", actor.role.map(|role| role.to_string()));
        tell("Door", Some(actor.front.as_str().to_owned()));
        tell("Address", actor.peer);
        tell("Authenticated by", Some(actor.auth.as_str().to_owned()));
        tell("Session", Some(actor.session.to_string()));
        let number = |id| firm.matter(id).map_or(id.to_string(), |matter| format!("{} {}", matter.number, matter.name));
        tell("Matter", event.matter.map(number));
        tell("About", event.path);
        tell("To", detail.to);
        tell("Subject", detail.subject);
        tell("Reason", detail.reason);
        tell("Version", detail.version.map(|version| version.to_string()));
        tell("SHA-256 of the content", detail.sha256.map(hex::encode));
        tell("Bytes", detail.bytes.map(|bytes| bytes.to_string()));
        let ranges: Vec<_> = detail.ranges.iter().map(|(start, end)| format!("{start} to {end}")).collect();
        tell("Ranges", Some(ranges.join(", ")));
        tell("Object", event.object.or(detail.object).map(|object| object.to_string()));
        tell("Blob", detail.blob.map(|blob| blob.to_string()));
    }
    tell("Number in its matter", record.number.map(|number| number.to_string()));
    tell("Catalog's commit", Some(record.catalog.to_string()));
    facts
}
