//! The one place where what went wrong becomes an HTTP status.
//!
//! macOS takes every 5xx but 507 as "the file vanished", so a refusal is one of 400 to 424, or 507. 503 is kept for the
//! time when the service is really not available, and no other 5xx is ever sent.

use std::borrow::Cow;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{ALLOW, CONTENT_RANGE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use super::location::LocationError;
use super::xml::XmlError;
use super::xml_text::push_escaped;
use crate::front::http_answer::{Body, Response, text, xml};
use crate::front::http_document::no_such_range;
use crate::front::http_header::BadHeader;
use crate::front::http_upload::Interrupted;
use crate::front::limits::Limit;
use crate::gate::LoginError;
use crate::names::Front;
use crate::vfs::{Error, Unclean, Unfit};

/// What was being done when an error came up; the same error has another status in another method (RFC 4918 section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// GET, HEAD, PROPFIND.
    Look,
    /// PUT.
    Put,
    /// MKCOL.
    MakeFolder,
    /// DELETE.
    Delete,
    /// COPY and MOVE.
    Place,
    /// PROPPATCH.
    Patch,
    /// LOCK.
    Lock,
    /// UNLOCK.
    Unlock,
}

/// The status of an error of the tree.
pub(super) fn of(error: &Error, act: Act) -> StatusCode {
    use StatusCode as S;
    match error {
        Error::NotFound => S::NOT_FOUND,
        Error::Denied
        | Error::Structure
        | Error::Overlap
        | Error::OtherMatter
        | Error::Revoked
        | Error::Unportable(_) => S::FORBIDDEN,
        Error::Exists => match act {
            Act::MakeFolder => S::METHOD_NOT_ALLOWED,
            // PUT only asks for a free name through `If-None-Match`, COPY and MOVE through `Overwrite: F`.
            Act::Put | Act::Place => S::PRECONDITION_FAILED,
            Act::Look | Act::Delete | Act::Patch | Act::Lock | Act::Unlock => S::CONFLICT,
        },
        Error::NotEmpty | Error::CaseTwin => S::CONFLICT,
        Error::IsFolder => match act {
            Act::Put | Act::Look => S::METHOD_NOT_ALLOWED,
            Act::MakeFolder | Act::Delete | Act::Place | Act::Patch | Act::Lock | Act::Unlock => S::CONFLICT,
        },
        // A name below a document, or a folder above that is not there: what is looked up does not exist, what is to be
        // made has no place.
        Error::NotFolder | Error::NoParent => match act {
            Act::Look | Act::Delete | Act::Patch | Act::Unlock => S::NOT_FOUND,
            Act::Put | Act::MakeFolder | Act::Place | Act::Lock => S::CONFLICT,
        },
        Error::Locked => S::LOCKED,
        Error::Changed => match act {
            // RFC 4918 section 9.11.1.
            Act::Unlock => S::CONFLICT,
            Act::Look | Act::Put | Act::MakeFolder | Act::Delete | Act::Place | Act::Patch | Act::Lock => {
                S::PRECONDITION_FAILED
            }
        },
        Error::Limit(_) | Error::Busy(_) => S::TOO_MANY_REQUESTS,
        Error::TooLarge => S::PAYLOAD_TOO_LARGE,
        Error::NotAMessage(Unfit::Length) => S::PAYLOAD_TOO_LARGE,
        Error::NotAMessage(Unfit::Name | Unfit::Text | Unfit::Blank) => S::UNSUPPORTED_MEDIA_TYPE,
        Error::Unclean(Unclean::Infected) => S::FORBIDDEN,
        Error::Unclean(Unclean::TooLong) => S::PAYLOAD_TOO_LARGE,
        Error::NoSpace | Error::Quota(_) => S::INSUFFICIENT_STORAGE,
        Error::Damaged => S::CONFLICT,
        Error::Unavailable | Error::Unclean(Unclean::Unscanned) => S::SERVICE_UNAVAILABLE,
    }
}

/// The precondition codes of RFC 4918 section 16 that are used here, and one of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Code {
    PropfindFiniteDepth,
    /// With the URL path whose lock stands in the way.
    LockTokenSubmitted(String),
    NoConflictingLock,
    LockTokenMatches,
    /// With a sentence.
    VirusFound(String),
}

/// A request that is not carried out: the status, and what the person at the other end is told.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    text: Cow<'static, str>,
    code: Option<Code>,
    header: Option<Box<(HeaderName, HeaderValue)>>,
    limit: Option<Limit>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into(), code: None, header: None, limit: None }
    }

    pub(super) fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// 404, and nothing that could tell hidden from absent.
    pub(super) fn not_found() -> Self {
        Self::tree(&Error::NotFound, Act::Look)
    }

    /// 412.
    pub(super) fn precondition() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "a condition of the request does not hold")
    }

    /// 405, with what is allowed instead.
    pub(super) fn method(allow: &'static str) -> Self {
        let mut refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "this method does not work here");
        refusal.header = Some(Box::new((ALLOW, HeaderValue::from_static(allow))));
        refusal
    }

    /// 416, with the size that the document has.
    pub(super) fn range(size: u64) -> Self {
        let mut refusal = Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "the document has no such range");
        refusal.header = no_such_range(size).map(|value| Box::new((CONTENT_RANGE, value)));
        refusal
    }

    /// An error of the tree.
    pub(super) fn tree(error: &Error, act: Act) -> Self {
        let mut refusal = Self::new(of(error, act), error.to_string());
        refusal.header = match error {
            Error::Unavailable | Error::Unclean(Unclean::Unscanned) => retry_after(Duration::from_secs(5)),
            Error::Busy(wait) => retry_after(*wait),
            _ => None,
        };
        if *error == Error::Unclean(Unclean::Infected) {
            refusal.code = Some(Code::VirusFound(error.to_string()));
        }
        if *error == Error::TooLarge {
            refusal.limit = Some(Limit::UploadBytes);
        }
        refusal
    }

    /// No session: a challenge, or a wait.
    pub(super) fn login(error: LoginError, challenge: &HeaderValue) -> Self {
        let (status, header) = match error {
            LoginError::Refused => (StatusCode::UNAUTHORIZED, Some(Box::new((WWW_AUTHENTICATE, challenge.clone())))),
            LoginError::Throttled(wait) => (StatusCode::TOO_MANY_REQUESTS, retry_after(wait)),
            LoginError::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, retry_after(Duration::from_secs(5))),
        };
        Self { header, ..Self::new(status, error.to_string()) }
    }

    #[must_use]
    pub(super) fn with_code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// The refusal is one at a limit, and counted as such when it is answered.
    #[must_use]
    pub(super) fn at(mut self, limit: Limit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The answer: a sentence, or the XML of RFC 4918 section 14.5 where a code belongs to it.
    pub(super) fn into_response(self) -> Response<Body> {
        if let Some(limit) = self.limit {
            limit.hit(Front::Webdav);
        }
        let mut response = match self.code {
            None => text(self.status, format!("{}\n", self.text)),
            Some(code) => xml(self.status, error_body(&code)),
        };
        if let Some((name, value)) = self.header.map(|header| *header) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

fn retry_after(wait: Duration) -> Option<Box<(HeaderName, HeaderValue)>> {
    // Rounded up: coming back a moment too early would be counted as another attempt.
    let seconds = wait.as_millis().div_ceil(1000).clamp(1, 86_400) as u64;
    Some(Box::new((RETRY_AFTER, HeaderValue::from(seconds))))
}

fn error_body(code: &Code) -> String {
    let mut body = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:error xmlns:D=\"DAV:\">");
    push_code(&mut body, code);
    body.push_str("</D:error>\n");
    body
}

/// Appends the element of a code.
pub(super) fn push_code(body: &mut String, code: &Code) {
    match code {
        Code::PropfindFiniteDepth => body.push_str("<D:propfind-finite-depth/>"),
        Code::LockTokenSubmitted(href) => {
            body.push_str("<D:lock-token-submitted><D:href>");
            push_escaped(body, href);
            body.push_str("</D:href></D:lock-token-submitted>");
        }
        Code::NoConflictingLock => body.push_str("<D:no-conflicting-lock/>"),
        Code::LockTokenMatches => body.push_str("<D:lock-token-matches-request-uri/>"),
        Code::VirusFound(sentence) => {
            body.push_str("<X:virus-found xmlns:X=\"tag:deedbox.example,2026:\">");
            push_escaped(body, sentence);
            body.push_str("</X:virus-found>");
        }
    }
}

impl From<BadHeader> for Refusal {
    fn from(error: BadHeader) -> Self {
        Self::bad(error.to_string())
    }
}

impl From<LocationError> for Refusal {
    fn from(error: LocationError) -> Self {
        let status = match error {
            LocationError::Foreign => StatusCode::FORBIDDEN,
            LocationError::Encoding | LocationError::Name(_) | LocationError::Destination => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}

impl From<Interrupted> for Refusal {
    fn from(why: Interrupted) -> Self {
        match why {
            Interrupted::CutOff => Self::bad(why.to_string()),
            Interrupted::TooSlow => Self::new(StatusCode::REQUEST_TIMEOUT, why.to_string()).at(Limit::Slow),
        }
    }
}

/// What an account has too much of at one time, which has been counted already.
impl From<Limit> for Refusal {
    fn from(limit: Limit) -> Self {
        let mut refusal = Self::tree(&Error::Limit(limit.text()), Act::Look);
        refusal.header = retry_after(Duration::from_secs(1));
        refusal
    }
}

impl From<XmlError> for Refusal {
    fn from(error: XmlError) -> Self {
        let status = match error {
            XmlError::Malformed | XmlError::DocumentType | XmlError::TooMuch => StatusCode::BAD_REQUEST,
            XmlError::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            XmlError::Unexpected => StatusCode::BAD_REQUEST,
        };
        let refusal = Self::new(status, error.to_string());
        match error {
            XmlError::DocumentType | XmlError::TooMuch => refusal.at(Limit::XmlShape),
            XmlError::Malformed | XmlError::Encoding | XmlError::Unexpected => refusal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{NotOnWindows, Quota};

    /// Rows: the error; columns: Look, Put, MakeFolder, Delete, Place, Patch, Lock, Unlock.
    const GOLDEN: &str = "\
NotFound     404 404 404 404 404 404 404 404
Denied       403 403 403 403 403 403 403 403
Exists       409 412 405 409 412 409 409 409
CaseTwin     409 409 409 409 409 409 409 409
Unportable   403 403 403 403 403 403 403 403
NotEmpty     409 409 409 409 409 409 409 409
IsFolder     405 405 409 409 409 409 409 409
NotFolder    404 409 409 404 409 404 409 404
NoParent     404 409 409 404 409 404 409 404
Structure    403 403 403 403 403 403 403 403
Overlap      403 403 403 403 403 403 403 403
OtherMatter  403 403 403 403 403 403 403 403
Locked       423 423 423 423 423 423 423 423
Changed      412 412 412 412 412 412 412 409
Limit        429 429 429 429 429 429 429 429
TooLarge     413 413 413 413 413 413 413 413
NotAMessage  413 413 413 413 413 413 413 413
NotAMessage  415 415 415 415 415 415 415 415
Unclean      403 403 403 403 403 403 403 403
Unclean      413 413 413 413 413 413 413 413
Unclean      503 503 503 503 503 503 503 503
NoSpace      507 507 507 507 507 507 507 507
Quota        507 507 507 507 507 507 507 507
Damaged      409 409 409 409 409 409 409 409
Revoked      403 403 403 403 403 403 403 403
Unavailable  503 503 503 503 503 503 503 503
Busy         429 429 429 429 429 429 429 429
";

    #[test]
    fn every_error_has_its_status_in_every_method() {
        use Act::{Delete, Lock, Look, MakeFolder, Patch, Place, Put, Unlock};
        let errors = [
            Error::NotFound,
            Error::Denied,
            Error::Exists,
            Error::CaseTwin,
            Error::Unportable(NotOnWindows::Device),
            Error::NotEmpty,
            Error::IsFolder,
            Error::NotFolder,
            Error::NoParent,
            Error::Structure,
            Error::Overlap,
            Error::OtherMatter,
            Error::Locked,
            Error::Changed,
            Error::Limit("locks"),
            Error::TooLarge,
            Error::NotAMessage(Unfit::Length),
            Error::NotAMessage(Unfit::Text),
            Error::Unclean(Unclean::Infected),
            Error::Unclean(Unclean::TooLong),
            Error::Unclean(Unclean::Unscanned),
            Error::NoSpace,
            Error::Quota(Quota::Matter),
            Error::Damaged,
            Error::Revoked,
            Error::Unavailable,
            Error::Busy(Duration::from_secs(1)),
        ];
        let mut table = String::new();
        for error in &errors {
            let name = format!("{error:?}");
            let name = name.split('(').next().unwrap_or_default();
            table.push_str(&format!("{name:<12}"));
            for act in [Look, Put, MakeFolder, Delete, Place, Patch, Lock, Unlock] {
                table.push_str(&format!(" {}", of(error, act).as_u16()));
            }
            table.push('\n');
        }
        assert_eq!(table, GOLDEN);
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        let wait = |millis| retry_after(Duration::from_millis(millis)).map(|header| header.1);
        assert_eq!(wait(0), Some(HeaderValue::from(1)));
        assert_eq!(wait(1001), Some(HeaderValue::from(2)));
    }

    #[test]
    fn the_body_of_an_error_is_escaped() {
        assert!(
            error_body(&Code::LockTokenSubmitted("/dav/<a>".to_owned())).contains("<D:href>/dav/&lt;a&gt;</D:href>")
        );
    }
}
