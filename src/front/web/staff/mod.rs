//! The staff's pages: matters, who has access to them, what is shared, said and done there, what waits in
//! quarantine, and the contacts.
//!
//! Every look and every change is permitted by the gate and stands in the record under the name that it has on the command
//! line, so that the record reads the same whoever acts. For anybody who does not manage the firm's matters there is nothing
//! at these addresses.

mod access;
mod activity;
mod contacts;
mod folders;
mod home;
mod intake;
mod invitation;
mod matter;
mod messages;
mod participants;
mod settings;
mod sharing;
mod switching;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};

use super::person;
use super::sessions::Guest;
use super::site::Portal;

pub(super) use home::{Search, show as home};
pub(super) use matter::{folder_of, sharing_of};

/// The pages and what their forms do.
pub(super) fn routes() -> Router<Arc<Portal>> {
    Router::new()
        .route("/matters", get(home::all).post(home::add))
        .route("/matter/{number}", get(folders::show))
        .route("/matter/{number}/access", get(access::show).post(access::change))
        .route("/matter/{number}/participants", post(participants::add))
        .route("/matter/{number}/sharing", get(sharing::show))
        .route("/matter/{number}/sharing/document", post(sharing::share))
        .route("/matter/{number}/sharing/folder", post(sharing::rule))
        .route("/matter/{number}/sharing/back", post(sharing::take_back))
        .route("/matter/{number}/messages", get(messages::show).post(messages::send))
        .route("/matter/{number}/activity", get(activity::show))
        .route("/matter/{number}/activity.csv", get(activity::export))
        .route("/matter/{number}/settings", get(settings::show).post(settings::change))
        .route("/intake", get(intake::show))
        .route("/intake/assign", post(intake::assign))
        .route("/intake/discard", post(intake::discard))
        .route("/contacts", get(contacts::show).post(contacts::add))
        .route("/contacts/{id}", get(contacts::one).post(contacts::change))
        .route_layer(middleware::from_fn(only_staff))
}

async fn only_staff(request: Request, next: Next) -> Response {
    person::only(Guest::is_staff, request, next).await
}
