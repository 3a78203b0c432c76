//! A document on its way into a browser: always an attachment. A page that somebody uploaded must not run its scripts where
//! the browser of another has its session.

use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_RANGE, HeaderValue};

use super::person::Person;
use super::site::{Rendered, streamed};
use super::status::Failure;
use crate::front::http_answer::{Body, Response as Answer};
use crate::front::http_conditions::{Conditions, Verdict};
use crate::front::http_document::{self, Unanswered};
use crate::front::http_header::{BadHeader, single};
use crate::front::http_range;
use crate::front::limits::Holding;
use crate::front::segments;
use crate::names::{DocPath, Front};
use crate::vfs::{Error, Fetched, Reading, Stat};

/// What of a document a request is for, by its headers: a browser goes on where a download broke off.
pub(super) struct Wanted {
    conditions: Conditions,
    range: Option<HeaderValue>,
    if_range: Option<HeaderValue>,
}

/// What came of a request for what stands at a path.
pub(super) enum Sent {
    Document(Response),
    /// There is a folder.
    Folder,
}

impl Wanted {
    pub(super) fn parse(headers: &HeaderMap) -> Result<Self, Failure> {
        Ok(Self {
            conditions: Conditions::parse(headers)?,
            range: single(headers, "range")?,
            if_range: single(headers, "if-range")?,
        })
    }

    /// The document at this path, or with `head` its headers alone.
    pub(super) async fn send(&self, person: &Person, path: &DocPath, head: bool) -> Result<Sent, Failure> {
        let view = person.view();
        // Conditions are judged before the document is opened: a 304 is no reading, and is not recorded as one.
        if head || !self.conditions.is_empty() {
            let stat = view.stat(path).await?;
            if stat.is_folder() {
                return Ok(Sent::Folder);
            }
            match self.conditions.judge(Some(&stat), true) {
                Verdict::Proceed => {}
                Verdict::Failed => return Err(another_version()),
                Verdict::NotModified => return Ok(Sent::Document(passed_on(http_document::not_modified(&stat)))),
            }
            if head {
                return Ok(Sent::Document(passed_on(http_document::head(&stat, disposition(&stat)))));
            }
        }
        person.hold(Holding::Document)?;
        let wants_all = self.range.is_none() && self.conditions.is_empty();
        let fetched = if wants_all { view.fetch(path).await } else { view.read(path).await.map(Fetched::Open) };
        match fetched {
            Ok(Fetched::Whole(stat, content)) => {
                Ok(Sent::Document(passed_on(http_document::whole(&stat, content, disposition(&stat)))))
            }
            Ok(Fetched::Open(reading)) => Ok(Sent::Document(self.part_of(reading).await?)),
            Err(Error::IsFolder) => Ok(Sent::Folder),
            Err(error) => Err(error.into()),
        }
    }

    async fn part_of(&self, reading: Reading) -> Result<Response, Failure> {
        // What was opened may be a newer version than the one that was looked at.
        if self.conditions.judge(Some(reading.stat()), true) == Verdict::Failed {
            return Err(another_version());
        }
        let (range, if_range) = (self.range.as_ref(), self.if_range.as_ref());
        let selection = http_range::selection(range, if_range, reading.stat(), Front::Web)?;
        let disposition = disposition(reading.stat());
        match http_document::send(reading, selection, disposition).await {
            Ok(answer) => Ok(passed_on(answer)),
            Err(Unanswered::NoSuchRange(size)) => Ok(no_such_range(size)),
            Err(Unanswered::Tree(error)) => Err(error.into()),
        }
    }
}

impl From<BadHeader> for Failure {
    fn from(error: BadHeader) -> Self {
        Self::bad(format!("Your browser sent what cannot be understood: {error}."))
    }
}

fn another_version() -> Failure {
    Failure::new(StatusCode::PRECONDITION_FAILED, "The document has changed since. Download it from its beginning.")
}

/// For the program that asked, which needs no page: 416 with the length that there is.
fn no_such_range(size: u64) -> Response {
    let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    response.extensions_mut().insert(Rendered);
    http_document::no_such_range(size).map(|value| response.headers_mut().insert(CONTENT_RANGE, value));
    response
}

/// An answer with a document's body, on its way around the router.
fn passed_on(answer: Answer<Body>) -> Response {
    let (head, body) = answer.into_parts();
    let mut response = streamed(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}

fn disposition(stat: &Stat) -> HeaderValue {
    attachment(stat.name.as_ref().map_or("document", |name| name.as_str()))
}

/// RFC 6266: the name in every alphabet, and before it what is left of it in ASCII for who does not know the long form.
pub(super) fn attachment(name: &str) -> HeaderValue {
    let plain =
        |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%' | '/') || c == ' ' { c } else { '_' };
    let mut text =
        format!("attachment; filename=\"{}\"; filename*=UTF-8''", name.chars().map(plain).collect::<String>());
    segments::push_text(&mut text, name);
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_the_header() {
        assert_eq!(
            attachment("Änderung \"2\".pdf"),
            "attachment; filename=\"_nderung _2_.pdf\"; filename*=UTF-8''%C3%84nderung%20%222%22.pdf"
        );
        assert_eq!(attachment("a;b.pdf"), "attachment; filename=\"a;b.pdf\"; filename*=UTF-8''a%3Bb.pdf");
    }
}
