//! The style sheet and the script, carried in the program.

use axum::response::{IntoResponse as _, Response};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

/// How the pages look.
pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("pages.css"))
}

/// What pages can do beside, where scripts run: drop documents on a page, and see how far an upload is.
pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("pages.js"))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=600"));
    response
}
