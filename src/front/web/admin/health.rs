//! How the daemon is: what `deedbox status` prints, on one page.

use askama::Template;
use axum::response::Response;
use hyper::StatusCode;

use super::super::acts;
use super::super::frame::{Frame, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::super::words;
use super::Section;
use crate::gate::Administer;
use crate::names::Timestamp;
use crate::observe::Health;

/// From so many days before its end on a certificate is worth a warning.
const SOON: i64 = 21;
/// So much of the disk should be free, in hundredths.
const LOW: u64 = 10;

#[derive(Template)]
#[template(path = "admin/health.html")]
struct HealthPage {
    frame: Frame,
    section: Section,
    health: Health,
    /// What somebody should look after.
    warnings: Vec<String>,
    uptime: String,
    disk: Option<String>,
    catalog: String,
    certificate: Option<String>,
}

/// The page.
pub(super) async fn show(person: Person) -> Result<Response, Failure> {
    acts::look::<Administer>(&person, ("status", "", None)).await?;
    let health = (person.portal.office.health)().await.ok_or_else(Failure::unavailable)?;
    let zone = person.portal.settings.load().zone.clone();
    let size = |bytes: Option<u64>| bytes.map_or(String::new(), |bytes| format!(", {}", words::size(bytes)));
    let shown = HealthPage {
        frame: person.frame("Health"),
        section: Section::Health,
        warnings: warnings(&health, Timestamp::now()),
        uptime: uptime(health.uptime_seconds),
        disk: health
            .disk
            .map(|disk| format!("{} of {} free", words::size(disk.free_bytes), words::size(disk.size_bytes))),
        catalog: format!("{}, commit {}{}", health.catalog.engine, health.catalog.commit, size(health.catalog.bytes)),
        certificate: health
            .certificate
            .as_ref()
            .map(|certificate| certificate.ends.map_or("does not tell".to_owned(), |ends| words::time(ends, &zone))),
        health,
    };
    Ok(page(StatusCode::OK, &shown))
}

fn uptime(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// What is not well, or will not be soon.
fn warnings(health: &Health, now: Timestamp) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(why) = &health.problem {
        warnings.push(format!("No documents are served: {why}."));
    }
    if let Some(disk) = health.disk.filter(|disk| disk.free_bytes < disk.size_bytes / 100 * LOW) {
        warnings.push(format!("The disk has only {} left.", words::size(disk.free_bytes)));
    }
    if let Some(ends) = health.certificate.as_ref().and_then(|certificate| certificate.ends) {
        let days = (ends.as_seconds() - now.as_seconds()).div_euclid(86_400);
        match days {
            ..0 => warnings.push("The certificate has ended: browsers and drives refuse it.".to_owned()),
            0..SOON => warnings.push(format!("The certificate ends within {} days.", days + 1)),
            _ => {}
        }
    }
    if let Some(scanners) = &health.scanners {
        warnings.push(format!("Old scanners: {scanners}."));
    }
    if let Some(mail) = &health.mail {
        if let Some(why) = &mail.last_error {
            warnings.push(format!("Mail does not go out: {why}"));
        }
        if mail.refused > 0 {
            warnings.push(format!("The relay has refused mails for good: {}.", mail.refused));
        }
    }
    if let Some(why) = health.scan.as_ref().and_then(|scan| scan.problem.as_ref()) {
        warnings.push(format!("Uploads cannot be scanned for viruses and are refused: {why}."));
    }
    if !health.keys_locked {
        warnings.push("The keys may be swapped out: RLIMIT_MEMLOCK has no room for them.".to_owned());
    }
    if let Some(sandbox) = health.sandbox.as_ref().filter(|sandbox| !sandbox.missing.is_empty()) {
        warnings.push(format!("The process is not confined in: {}.", sandbox.missing.join(", ")));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_in_what_people_count_by() {
        for (seconds, text) in [(59, "0 min"), (3_599, "59 min"), (7_260, "2 h 1 min"), (90_000, "1 d 1 h")] {
            assert_eq!(uptime(seconds), text);
        }
    }
}
