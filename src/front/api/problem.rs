//! The one place where what went wrong becomes an HTTP status and a problem document (RFC 9457).

use std::borrow::Cow;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Map, Value, json};

use crate::front::limits::Limit;
use crate::gate::{LoginError, Refusal};
use crate::names::{Front, Scope};
use crate::practice::Error as PracticeError;
use crate::vfs::{Error as TreeError, Unclean};

/// What the types of problems start with: a name (RFC 4151), not an address to look at.
const TYPES: &str = "tag:deedbox.example,2026:";

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    /// What kind, where the status does not say it all.
    kind: Option<&'static str>,
    detail: Cow<'static, str>,
    members: Option<Box<Map<String, Value>>>,
    retry: Option<Duration>,
    challenge: Option<String>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, kind: None, detail: detail.into(), members: None, retry: None, challenge: None }
    }

    /// A problem that programs tell apart by its type.
    pub(super) fn of_kind(status: StatusCode, kind: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: Some(kind), ..Self::new(status, detail) }
    }

    /// The same with one member more.
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.members.get_or_insert_default().insert(name.to_owned(), value);
        self
    }

    /// 400: what was sent cannot be read.
    pub(super) fn unreadable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 422: it can be read and not be done.
    pub(super) fn unfit(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// 404, and nothing that could tell hidden from absent.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing here, or nothing that this token may see")
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    pub(super) fn unavailable() -> Self {
        let detail = "the service is not available now; nothing was changed";
        Self { retry: Some(Duration::from_secs(5)), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }

    /// 401 for a request without a token (RFC 6750 section 3.1: then no error is named).
    pub(super) fn no_token() -> Self {
        let detail = "a token is needed: `Authorization: Bearer ...`";
        Self { challenge: Some("Bearer".to_owned()), ..Self::new(StatusCode::UNAUTHORIZED, detail) }
    }

    /// 401: unknown, revoked and expired tokens, and those of disabled accounts, alike.
    pub(super) fn bad_token() -> Self {
        let detail = "this token is not valid, or not any more";
        let challenge = Some("Bearer error=\"invalid_token\"".to_owned());
        Self { challenge, ..Self::of_kind(StatusCode::UNAUTHORIZED, "invalid-token", detail) }
    }

    /// 403: the account might, the token may not.
    pub(super) fn needs(scope: Scope) -> Self {
        let challenge = Some(format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\""));
        let detail = format!("this needs a token with the scope {scope}");
        Self { challenge, ..Self::of_kind(StatusCode::FORBIDDEN, "insufficient-scope", detail) }
    }

    pub(super) fn changed() -> Self {
        let detail = "it is not what it was when it was read; read it again";
        Self::of_kind(StatusCode::PRECONDITION_FAILED, "changed", detail)
    }

    /// What stands behind a router's own refusal.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(status, "this resource does not take such a request"),
            status if status.is_server_error() => Self::unavailable(),
            status => Self::new(status, "the request cannot be read"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Problem");
        let kind = self.kind.map_or_else(|| "about:blank".to_owned(), |kind| format!("{TYPES}{kind}"));
        let title = self.kind.map_or_else(|| title.to_owned(), |kind| capital(&kind.replace('-', " ")));
        let mut document =
            json!({ "type": kind, "title": title, "status": self.status.as_u16(), "detail": self.detail });
        if let (Some(members), Some(document)) = (self.members, document.as_object_mut()) {
            document.extend(*members);
        }
        let mut response = (self.status, document.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(challenge) = self.challenge.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(wait) = self.retry {
            // Rounded up: coming back a moment too early would be counted as another attempt.
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_millis().div_ceil(1000).clamp(1, 86_400) as u64));
        }
        response
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused => Self::bad_token(),
            LoginError::Throttled(wait) => {
                let detail = "too many tokens were tried from this address";
                Self { retry: Some(wait), ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
            }
            LoginError::Unavailable => Self::unavailable(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied => Self::new(StatusCode::FORBIDDEN, "this account may not do this"),
            Refusal::Hidden => Self::not_found(),
            Refusal::Revoked => Self::bad_token(),
            Refusal::Unavailable => Self::unavailable(),
        }
    }
}

/// What an account has too much of at one time, which has been counted already.
impl From<Limit> for Problem {
    fn from(limit: Limit) -> Self {
        let detail = format!("too much at one time: {}", limit.text());
        Self { retry: Some(Duration::from_secs(1)), ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }
}

impl From<PracticeError> for Problem {
    fn from(error: PracticeError) -> Self {
        use StatusCode as S;
        let text = error.to_string();
        match error {
            PracticeError::Invalid(_) | PracticeError::NotFound(_) => Self::unfit(text),
            PracticeError::Exists(_) => Self::of_kind(S::CONFLICT, "exists", text),
            PracticeError::Refused(_) => Self::of_kind(S::CONFLICT, "refused", text),
            PracticeError::Full(_) => Self::of_kind(S::CONFLICT, "full", text),
            PracticeError::NoAddress(_) => Self::of_kind(S::CONFLICT, "no-address", text),
            PracticeError::Changed => Self::changed(),
            PracticeError::SharedAddress { contacts, .. } => {
                let contacts: Vec<_> =
                    contacts.iter().map(|one| json!({ "id": one.id.to_string(), "name": one.name })).collect();
                Self::of_kind(S::CONFLICT, "shared-address", text).with("contacts", contacts.into())
            }
            PracticeError::Damaged(_) | PracticeError::Store(_) => {
                tracing::error!(%text, "the firm's records could not be changed");
                Self::unavailable()
            }
        }
    }
}

impl From<TreeError> for Problem {
    fn from(error: TreeError) -> Self {
        use StatusCode as S;
        if error == TreeError::TooLarge {
            Limit::UploadBytes.hit(Front::Api);
        }
        let text = error.to_string();
        match error {
            TreeError::NotFound | TreeError::NotFolder => Self::not_found(),
            TreeError::Denied => Refusal::Denied.into(),
            TreeError::Structure => Self::new(S::FORBIDDEN, text),
            TreeError::Revoked => Self::bad_token(),
            TreeError::Exists
            | TreeError::NotEmpty
            | TreeError::IsFolder
            | TreeError::NoParent
            | TreeError::Overlap
            | TreeError::OtherMatter
            | TreeError::Changed
            | TreeError::Damaged => Self::new(S::CONFLICT, text),
            TreeError::CaseTwin => Self::of_kind(S::CONFLICT, "exists", text),
            TreeError::Quota(_) => Self::of_kind(S::INSUFFICIENT_STORAGE, "quota", text),
            TreeError::Unportable(_) => Self::unfit(text),
            TreeError::NotAMessage(_) => Self::unfit(text),
            TreeError::Unclean(Unclean::Infected) => Self::of_kind(S::UNPROCESSABLE_ENTITY, "virus-found", text),
            TreeError::Unclean(Unclean::TooLong) => Self::new(S::PAYLOAD_TOO_LARGE, text),
            TreeError::Unclean(Unclean::Unscanned) => Self { detail: text.into(), ..Self::unavailable() },
            TreeError::Locked => Self::new(S::LOCKED, text),
            TreeError::TooLarge => Self::new(S::PAYLOAD_TOO_LARGE, text),
            TreeError::NoSpace => Self::new(S::INSUFFICIENT_STORAGE, text),
            TreeError::Limit(_) => {
                Self { retry: Some(Duration::from_secs(1)), ..Self::new(S::TOO_MANY_REQUESTS, text) }
            }
            TreeError::Busy(wait) => Self { retry: Some(wait), ..Self::new(S::TOO_MANY_REQUESTS, text) },
            TreeError::Unavailable => Self::unavailable(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_absent_read_the_same() {
        let problems = [Problem::from(Refusal::Hidden), TreeError::NotFound.into(), TreeError::NotFolder.into()];
        let absent = Problem::of_status(StatusCode::NOT_FOUND);
        for problem in problems {
            assert_eq!((problem.status, &problem.detail), (absent.status, &absent.detail));
        }
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds() {
        let response = Problem::from(LoginError::Throttled(Duration::from_millis(1001))).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], HeaderValue::from(2));
    }
}
