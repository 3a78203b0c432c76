//! The administrator's pages: the firm's switches, the matter types, the people, and how the daemon is.
//!
//! As on the staff's pages, every look and every change is permitted by the gate and stands in the record under the name
//! that it has on the command line. For anybody who does not administer the firm there is nothing at these addresses.

mod home;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;

use super::person;
use super::sessions::Guest;
use super::site::Portal;

pub(super) use home::show as home;

/// The pages and what their forms do.
pub(super) fn routes() -> Router<Arc<Portal>> {
    Router::new().route("/admin", get(home::overview)).route_layer(middleware::from_fn(only_administrator))
}

async fn only_administrator(request: Request, next: Next) -> Response {
    person::only(Guest::is_administrator, request, next).await
}

/// One of the administrator's pages, for the row of links above each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Overview,
}

impl Section {
    const ALL: [Self; 1] = [Self::Overview];

    const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
        }
    }

    const fn url(self) -> &'static str {
        match self {
            Self::Overview => "/admin",
        }
    }

    /// Name, URL, and whether it is the one that is shown.
    fn tabs(self) -> Vec<(&'static str, &'static str, bool)> {
        Self::ALL.map(|section| (section.name(), section.url(), section == self)).into()
    }
}
