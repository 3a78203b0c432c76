//! Verifying the record: begun here, done behind everything else, and how to do it without the firm.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;

use super::super::acts;
use super::super::form::{Nothing, Posted};
use super::super::frame::{Frame, Notice, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::super::words;
use super::Section;
use crate::gate::SeeRecord;

#[derive(Template)]
#[template(path = "admin/verification.html")]
struct VerificationPage {
    frame: Frame,
    section: Section,
    key: String,
    /// Since when one goes on.
    since: Option<String>,
    last: Option<Last>,
}

/// The last one.
struct Last {
    ended: String,
    seconds: u64,
    sound: bool,
    told: String,
}

/// The page.
pub(super) async fn show(person: Person) -> Result<Response, Failure> {
    acts::look::<SeeRecord>(&person, ("audit show", "verification", None)).await?;
    let zone = person.portal.settings.load().zone.clone();
    let gate = &person.portal.gate;
    let verification = gate.verification();
    let shown = VerificationPage {
        frame: person.frame("Verify the record"),
        section: Section::Audit,
        key: gate.record_key().to_string(),
        since: verification.since.map(|since| words::time(since, &zone)),
        last: verification.last.map(|last| Last {
            ended: words::time(last.ended, &zone),
            seconds: u64::try_from(last.ended.as_seconds() - last.began.as_seconds()).unwrap_or(0),
            sound: last.result.is_ok(),
            told: last.result.map_or_else(|why| why, |report| report.to_string()),
        }),
    };
    Ok(page(StatusCode::OK, &shown))
}

/// Begins one.
pub(super) async fn begin(posted: Posted<Nothing>) -> Result<Response, Failure> {
    let Posted { person, .. } = posted;
    let permit = acts::permit::<SeeRecord>(&person, ("audit verify", "", None)).await?;
    let notice = if person.portal.gate.verify_record(permit) {
        Notice::Done("The record is being verified. This page shows what comes of it.".to_owned())
    } else {
        Notice::Failed("The record is being verified already. This page shows what comes of it.".to_owned())
    };
    person.guest.tell(notice);
    Ok(Redirect::to("/admin/audit/verify").into_response())
}
