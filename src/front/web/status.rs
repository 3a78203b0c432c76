//! The one place where what went wrong becomes an HTTP status, and a sentence for a person.

use std::borrow::Cow;
use std::time::Duration;

use askama::Template;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};

use super::frame::{Frame, page};
use super::sessions::Guest;
use super::site::Portal;
use crate::front::limits::Limit;
use crate::gate::LoginError;
use crate::names::Front;
use crate::practice::Error as PracticeError;
use crate::vfs::{Error, Unclean, Unfit};

/// Why there is no page: a status, and what the person is told.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) text: Cow<'static, str>,
    pub(super) retry: Option<Duration>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into(), retry: None }
    }

    /// 404, and nothing that could tell hidden from absent.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is nothing here, or nothing that you may see.")
    }

    pub(super) fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// A form that does not come from a page of this session.
    pub(super) fn foreign() -> Self {
        Self::new(StatusCode::FORBIDDEN, "This form was not sent from a page of this session. Open the page again.")
    }

    /// A form of a session that has ended.
    pub(super) fn signed_out() -> Self {
        Self::new(StatusCode::FORBIDDEN, "You are no longer signed in. Sign in and try again.")
    }

    pub(super) fn unavailable() -> Self {
        let text = "The service is not available now. Nothing was changed; try again in a moment.";
        Self { retry: Some(Duration::from_secs(5)), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, text) }
    }

    /// The same with the name of what it is about before it.
    pub(super) fn about(self, name: &str) -> Self {
        Self { text: format!("{name}: {}", self.text).into(), ..self }
    }

    /// Why a change of the firm's records was not made, for staff: in the practice's own words.
    pub(super) fn told_to_staff(error: PracticeError) -> Self {
        use PracticeError as E;
        match &error {
            E::SharedAddress { address, contacts } => {
                let names: Vec<_> = contacts.iter().map(|contact| contact.name.as_str()).collect();
                let (count, names) = (contacts.len(), names.join(", "));
                let text = format!(
                    "{count} contacts have the e-mail address {address}: {names}. Give each an address of its own, then give \
                     access."
                );
                Self::new(StatusCode::CONFLICT, text)
            }
            E::Invalid(_) | E::NoAddress(_) => Self::bad(sentence(&error.to_string())),
            E::Changed => Self::changed_meanwhile(),
            E::NotFound(_) | E::Exists(_) | E::Refused(_) | E::Full(_) => {
                Self::new(StatusCode::CONFLICT, sentence(&error.to_string()))
            }
            E::Damaged(_) | E::Store(_) => Self::from(error),
        }
    }

    /// Somebody else has changed what a form was filled in for.
    pub(super) fn changed_meanwhile() -> Self {
        let text = "Somebody else has changed this in the meantime. This is how it is now; look at it again.";
        Self::new(StatusCode::CONFLICT, text)
    }

    /// What stands behind a response that is no page: ours, or the router's own refusal.
    pub(super) fn of(response: &Response) -> Self {
        if let Some(failure) = response.extensions().get::<Self>() {
            return failure.clone();
        }
        match response.status() {
            StatusCode::NOT_FOUND => Self::not_found(),
            status @ StatusCode::METHOD_NOT_ALLOWED => Self::new(status, "This address does not take such a request."),
            status @ StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "The form is too large."),
            status if status.is_server_error() => Self::unavailable(),
            _ => Self::bad("The form is not complete or not readable. Go back and fill it in again."),
        }
    }

    /// As a page.
    pub(super) fn page(&self, portal: &Portal, guest: Option<&Guest>) -> Response {
        let frame = Frame::new(portal, self.title(), guest);
        self.with_retry(page(self.status, &ErrorPage { frame, text: &self.text }))
    }

    /// As a sentence.
    pub(super) fn sentence(&self) -> Response {
        let mut response = (self.status, format!("{}\n", self.text)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        self.with_retry(response)
    }

    pub(super) fn with_retry(&self, mut response: Response) -> Response {
        if let Some(wait) = self.retry {
            // Rounded up: coming back a moment too early would be counted as another attempt.
            let seconds = wait.as_millis().div_ceil(1000).clamp(1, 86_400) as u64;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn title(&self) -> &'static str {
        match self.status {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::TOO_MANY_REQUESTS => "Too much at once",
            StatusCode::SERVICE_UNAVAILABLE => "Not available",
            StatusCode::CONFLICT | StatusCode::LOCKED => "Not possible now",
            _ => "That did not work",
        }
    }
}

/// An error's text as a sentence of its own.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).chain(['.']).collect())
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.with_retry(self.status.into_response());
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        use StatusCode as S;
        let (status, text) = match &error {
            Error::NotFound => return Self::not_found(),
            Error::Denied => (S::FORBIDDEN, "You may not do this here."),
            Error::Exists => (S::CONFLICT, "Something of that name is there already."),
            Error::CaseTwin => {
                (S::CONFLICT, "Something is there already whose name differs only in upper and lower case.")
            }
            Error::Unportable(why) => return Self::new(S::FORBIDDEN, sentence(&why.to_string())),
            Error::NotEmpty => (S::CONFLICT, "The folder is not empty."),
            Error::IsFolder => (S::CONFLICT, "A folder has that name already."),
            Error::NotFolder => return Self::not_found(),
            Error::NoParent => (S::CONFLICT, "The folder is not there any more."),
            Error::Structure => (S::FORBIDDEN, "This folder belongs to the matter and is changed by the firm alone."),
            Error::Overlap => (S::CONFLICT, "A folder cannot be put into itself."),
            Error::OtherMatter => (S::CONFLICT, "A folder cannot be moved to another matter."),
            Error::Locked => (S::LOCKED, "Somebody has it open for editing. Try again later."),
            Error::Changed => (S::CONFLICT, "Somebody changed it in the meantime. Look at it again."),
            Error::Limit(_) => (S::TOO_MANY_REQUESTS, "Too much is going on for this account. Try again in a moment."),
            Error::TooLarge => (S::PAYLOAD_TOO_LARGE, "The document is larger than the portal takes."),
            Error::NotAMessage(unfit) => {
                let too_long = *unfit == Unfit::Length;
                let status = if too_long { S::PAYLOAD_TOO_LARGE } else { S::UNSUPPORTED_MEDIA_TYPE };
                return Self::new(status, sentence(&unfit.to_string()));
            }
            Error::Unclean(unclean) => {
                let (status, retry) = match unclean {
                    Unclean::Infected => (S::UNPROCESSABLE_ENTITY, None),
                    Unclean::TooLong => (S::PAYLOAD_TOO_LARGE, None),
                    Unclean::Unscanned => (S::SERVICE_UNAVAILABLE, Some(Duration::from_secs(5))),
                };
                return Self { retry, ..Self::new(status, sentence(&unclean.to_string())) };
            }
            Error::NoSpace => (S::INSUFFICIENT_STORAGE, "There is no space left. Tell the firm."),
            Error::Quota(_) => return Self::new(S::INSUFFICIENT_STORAGE, sentence(&error.to_string())),
            Error::Damaged => (S::CONFLICT, "The stored document is damaged. The firm has been told."),
            Error::Revoked => (S::FORBIDDEN, "Access to this was withdrawn."),
            Error::Unavailable => return Self::unavailable(),
            Error::Busy(_) => (S::TOO_MANY_REQUESTS, "Others are changing the same thing. Try again in a moment."),
        };
        let retry = match error {
            Error::Busy(wait) => Some(wait),
            Error::Limit(_) => Some(Duration::from_secs(1)),
            _ => None,
        };
        if error == Error::TooLarge {
            Limit::UploadBytes.hit(Front::Web);
        }
        Self { retry, ..Self::new(status, text) }
    }
}

/// What an account has too much of at one time, which has been counted already.
impl From<Limit> for Failure {
    fn from(limit: Limit) -> Self {
        let text = format!("Too much at one time: {}. Try again in a moment.", limit.text());
        Self { retry: Some(Duration::from_secs(1)), ..Self::new(StatusCode::TOO_MANY_REQUESTS, text) }
    }
}

/// The same words for an unknown login and a wrong password or code.
impl From<LoginError> for Failure {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused => Self::new(StatusCode::FORBIDDEN, "That is not right. Try again."),
            LoginError::Throttled(wait) => {
                let text = format!("There were too many attempts. Try again in {} seconds.", wait.as_secs().max(1));
                Self { retry: Some(wait), ..Self::new(StatusCode::TOO_MANY_REQUESTS, text) }
            }
            LoginError::Unavailable => Self::unavailable(),
        }
    }
}

/// Why a change of the own account was not made.
impl From<PracticeError> for Failure {
    fn from(error: PracticeError) -> Self {
        use PracticeError as E;
        match error {
            E::Invalid(text) => Self::bad(text),
            E::Exists(text) | E::Refused(text) | E::Full(text) => Self::new(StatusCode::CONFLICT, text),
            E::Changed => Self::new(StatusCode::CONFLICT, "Somebody changed it in the meantime. Look at it again."),
            E::NotFound(_) => Self::new(StatusCode::CONFLICT, "It is not there any more."),
            E::NoAddress(_) | E::SharedAddress { .. } => Self::bad("The firm has to put the address in order first."),
            E::Damaged(_) | E::Store(_) => {
                tracing::error!(%error, "an account could not be changed");
                Self::unavailable()
            }
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    text: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds_and_a_refusal_keeps_its_status() {
        let response = Failure::from(LoginError::Throttled(Duration::from_millis(1001))).into_response();
        assert_eq!(
            (response.status(), &response.headers()[RETRY_AFTER]),
            (StatusCode::TOO_MANY_REQUESTS, &HeaderValue::from(2))
        );
        assert_eq!(Failure::of(&response).status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(Failure::of(&StatusCode::UNPROCESSABLE_ENTITY.into_response()).status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn hidden_and_absent_read_the_same() {
        let texts = [Error::NotFound, Error::NotFolder].map(|error| Failure::from(error).text);
        assert_eq!(texts[0], texts[1]);
    }
}
