//! The administrator's pages: the firm's switches, the matter types, the people, and how the daemon is.
//!
//! As on the staff's pages, every look and every change is permitted by the gate and stands in the record under the name
//! that it has on the command line. For anybody who does not administer the firm there is nothing at these addresses.

mod account;
mod chart;
mod device;
mod devices;
mod export;
mod firm;
mod health;
mod home;
mod mail;
mod matter_type;
mod people;
mod push;
mod record;
mod records;
mod running;
mod types;
mod verification;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;

use super::person;
use super::sessions::Guest;
use super::site::Portal;

pub(super) use home::show as home;
pub(super) use records::newest as record;

/// The pages and what their forms do.
pub(super) fn routes() -> Router<Arc<Portal>> {
    let chart = DefaultBodyLimit::max(matter_type::MAX_CHART);
    Router::new()
        .route("/admin", get(home::overview))
        .route("/admin/devices", get(devices::show).post(devices::add))
        .route("/admin/devices/{login}", get(device::show).post(device::change))
        .route("/admin/firm", get(firm::show).post(firm::switch))
        .route("/admin/health", get(health::show))
        .route("/admin/mail", get(mail::show).post(mail::change))
        .route("/admin/people", get(people::show).post(people::add))
        .route("/admin/people/{login}", get(account::show).post(account::change))
        .route("/admin/types", get(types::show).post(types::add))
        .route("/admin/types/{name}", get(matter_type::show).post(matter_type::save).layer(chart))
        .route("/admin/types/{name}/push", get(push::preview).post(push::push))
        .route_layer(middleware::from_fn(only_administrator))
        .merge(record_routes())
}

/// The pages of the record, which are the auditor's, too.
fn record_routes() -> Router<Arc<Portal>> {
    Router::new()
        .route("/admin/audit", get(records::show))
        .route("/admin/audit/public.key", get(record::key))
        .route("/admin/audit/verify", get(verification::show).post(verification::begin))
        .route("/admin/audit/matter/{number}", get(export::send))
        .route("/admin/audit/{seq}", get(record::show))
        .route("/admin/audit/{seq}/proof", get(record::prove))
        .route_layer(middleware::from_fn(only_readers))
}

async fn only_administrator(request: Request, next: Next) -> Response {
    person::only(Guest::is_administrator, request, next).await
}

async fn only_readers(request: Request, next: Next) -> Response {
    person::only(Guest::reads_record, request, next).await
}

/// One of the administrator's pages, for the row of links above each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Overview,
    Firm,
    Types,
    People,
    Devices,
    Mail,
    Audit,
    Health,
}

impl Section {
    const ALL: [Self; 8] =
        [Self::Overview, Self::Firm, Self::Types, Self::People, Self::Devices, Self::Mail, Self::Audit, Self::Health];

    const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Firm => "Firm",
            Self::Types => "Matter types",
            Self::People => "People",
            Self::Devices => "Devices",
            Self::Mail => "Mail",
            Self::Audit => "Record",
            Self::Health => "Health",
        }
    }

    const fn url(self) -> &'static str {
        match self {
            Self::Overview => "/admin",
            Self::Firm => "/admin/firm",
            Self::Types => "/admin/types",
            Self::People => "/admin/people",
            Self::Devices => "/admin/devices",
            Self::Mail => "/admin/mail",
            Self::Audit => "/admin/audit",
            Self::Health => "/admin/health",
        }
    }

    /// Name, URL, and whether it is the one that is shown.
    fn tabs(self) -> Vec<(&'static str, &'static str, bool)> {
        Self::ALL.map(|section| (section.name(), section.url(), section == self)).into()
    }
}
