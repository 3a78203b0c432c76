//! What requests bring along: strict JSON, and queries. A field that is not known is a mistake, not a wish that nobody hears.

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};

use super::problem::Problem;
use crate::names::Bytes;

/// Bytes of a body.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// A body in JSON (RFC 8259), whose nesting the parser bounds.
pub(super) struct Input<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind != "application/json" {
            let detail = "send JSON, and say so: `Content-Type: application/json`";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let bytes = bytes(request).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Problem::unfit(error.to_string()),
            _ => Problem::unreadable(format!("this is no JSON: {error}")),
        })
    }
}

/// A body, if it is not too long.
pub(super) async fn bytes(request: Request) -> Result<bytes::Bytes, Problem> {
    axum::body::to_bytes(request.into_body(), MAX_BODY).await.map_err(|error| {
        // Either it was too long, or it did not come whole and nobody is there to read the answer.
        tracing::debug!(%error, "a request body was not read");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "a request has at most 64 KiB")
    })
}

/// The query of an address.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let asked = Query::<T>::try_from_uri(&parts.uri);
        asked.map(|Query(asked)| Self(asked)).map_err(|error| Problem::unreadable(error.body_text()))
    }
}

/// A quota as it is asked for: bytes, or none.
pub(super) fn quota(asked: Option<Option<u64>>) -> Result<Option<Option<Bytes>>, Problem> {
    match asked.flatten() {
        Some(bytes) if Bytes(bytes) > Bytes::MOST => {
            Err(Problem::unfit(format!("`quota` is at most {} bytes", Bytes::MOST.0)))
        }
        _ => Ok(asked.map(|quota| quota.map(Bytes))),
    }
}

/// A change of a quota in the record's words.
pub(super) fn quota_in_words(quota: Option<Bytes>) -> String {
    quota.map_or_else(|| "quota none".to_owned(), |bytes| format!("quota {bytes}"))
}

/// Tells a field that is `null` from one that is left out.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
