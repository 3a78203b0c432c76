//! Answers, and the entity tags (RFC 9110 section 8.8.3) by which of two editors the second is told.

use aws_lc_rs::digest;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH, LOCATION};
use hyper::http::request::Parts;
use serde::Serialize;
use serde_json::Value;

use super::problem::Problem;

/// Where all resources are.
const ROOT: &str = "/api/v1";

/// What came of a request.
pub(super) struct Answer {
    status: StatusCode,
    value: Option<Value>,
    tagged: bool,
    location: Option<String>,
}

impl Answer {
    /// A list, or what came of an act.
    pub(super) fn of(value: &impl Serialize) -> Result<Self, Problem> {
        Ok(Self { status: StatusCode::OK, value: Some(in_json(value)?), tagged: false, location: None })
    }

    /// A single resource, with its entity tag.
    pub(super) fn resource(value: &impl Serialize) -> Result<Self, Problem> {
        Ok(Self { tagged: true, ..Self::of(value)? })
    }

    /// A resource that was made, at a path below the API's.
    pub(super) fn created(path: &str, value: &impl Serialize) -> Result<Self, Problem> {
        let location = Some(format!("{ROOT}{path}"));
        Ok(Self { status: StatusCode::CREATED, location, ..Self::resource(value)? })
    }

    /// Done, and nothing to say.
    pub(super) fn done() -> Self {
        Self { status: StatusCode::NO_CONTENT, value: None, tagged: false, location: None }
    }
}

fn in_json(value: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(value).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        Problem::unavailable()
    })
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let Some(value) = self.value else { return self.status.into_response() };
        let tag = self.tagged.then(|| tag(&value));
        let mut response = (self.status, value.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let others = [(ETAG, tag), (LOCATION, self.location)];
        for (name, text) in others {
            if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// Of what is shown: it changes with that and with nothing else.
fn tag(value: &Value) -> String {
    let digest = digest::digest(&digest::SHA256, value.to_string().as_bytes());
    format!("\"{}\"", hex::encode(&digest.as_ref()[..16]))
}

/// What an editor has seen: the entity tags of `If-Match` (RFC 9110 section 13.1.1), which no edit goes without.
#[derive(Debug, Clone)]
pub(super) struct Seen(String);

impl Seen {
    /// Is this what the editor has seen?
    pub(super) fn is(&self, resource: &impl Serialize) -> bool {
        let Ok(value) = serde_json::to_value(resource) else { return false };
        let tag = tag(&value);
        self.0.split(',').map(str::trim).any(|one| one == "*" || one == tag)
    }

    /// Refuses before anything is recorded what is sure to be refused.
    pub(super) fn check(&self, resource: &impl Serialize) -> Result<(), Problem> {
        if self.is(resource) { Ok(()) } else { Err(Problem::changed()) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Seen {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let values = parts.headers.get_all(IF_MATCH).iter().filter_map(|value| value.to_str().ok());
        let values: Vec<_> = values.collect();
        if values.is_empty() {
            let detail = "an edit needs `If-Match` with the ETag of what was read";
            return Err(Problem::of_kind(StatusCode::PRECONDITION_REQUIRED, "precondition-required", detail));
        }
        Ok(Self(values.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_told_from_what_was_not() {
        let value = serde_json::json!({ "name": "a" });
        let same = tag(&value);
        assert!(Seen(same.clone()).is(&value));
        assert!(Seen(format!("\"x\", {same}")).is(&value));
        assert!(Seen("*".to_owned()).is(&value));
        assert!(!Seen(format!("W/{same}")).is(&value), "a weak tag is never equal here");
        assert!(!Seen(same).is(&serde_json::json!({ "name": "b" })));
    }
}
