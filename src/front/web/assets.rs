//! The style sheet and the script, carried in the program.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

use super::site::Portal;
use super::status::Failure;

/// How the pages look.
pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("pages.css"))
}

/// What pages can do beside, where scripts run: drop documents on a page, and see how far an upload is.
pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("pages.js"))
}

/// The firm's colour; paler in the dark.
pub(super) async fn colour(State(portal): State<Arc<Portal>>) -> Result<Response, Failure> {
    let colour = portal.settings.load().colour.clone().ok_or_else(Failure::not_found)?;
    let dark = format!(
        "@media (prefers-color-scheme: dark) {{ :root {{ --accent: color-mix(in oklab, {colour} 45%, white); }} }}"
    );
    Ok(asset("text/css; charset=utf-8", format!(":root {{ --accent: {colour}; }}\n{dark}\n")))
}

/// The firm's logo. As an image it runs nothing, and the policy of every answer holds for who opens it alone.
pub(super) async fn logo(State(portal): State<Arc<Portal>>) -> Result<Response, Failure> {
    let logo = portal.settings.load().logo.clone().ok_or_else(Failure::not_found)?;
    Ok(asset(logo.kind, logo.bytes))
}

fn asset(kind: &'static str, text: impl IntoResponse) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=600"));
    response
}
