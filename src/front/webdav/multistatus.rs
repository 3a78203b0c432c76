//! Writing `multistatus` documents (RFC 4918 section 14.16).

use hyper::StatusCode;

use super::location::href;
use super::status::{Act, Code, of, push_code};
use super::xml_text::push_escaped;
use crate::front::http_answer::{Body, Response, xml};
use crate::names::DocPath;
use crate::vfs::Error;

/// How many members a multi-status names; whoever has a thousand failures has seen enough of them.
const MAX_FAILURES: usize = 1000;

/// What opens every multi-status.
pub(super) const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\">\n";
/// What closes it.
pub(super) const TAIL: &str = "</D:multistatus>\n";

/// Appends `<D:status>`.
pub(super) fn push_status(out: &mut String, status: StatusCode) {
    out.push_str("<D:status>HTTP/1.1 ");
    out.push_str(status.as_str());
    out.push(' ');
    out.push_str(status.canonical_reason().unwrap_or_default());
    out.push_str("</D:status>");
}

/// Appends `<D:href>`.
pub(super) fn push_href(out: &mut String, url: &str) {
    out.push_str("<D:href>");
    push_escaped(out, url);
    out.push_str("</D:href>");
}

/// The members of a folder with which an operation failed, while it went on with the others.
#[derive(Default)]
pub(super) struct Failures {
    failed: Vec<(DocPath, bool, Error)>,
    total: usize,
}

impl Failures {
    pub(super) fn add(&mut self, path: DocPath, is_folder: bool, error: Error) {
        self.total += 1;
        if self.failed.len() < MAX_FAILURES {
            self.failed.push((path, is_folder, error));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many there are by now.
    pub(super) fn count(&self) -> usize {
        self.total
    }

    /// 207 with one response for each.
    pub(super) fn into_response(self, act: Act) -> Response<Body> {
        let mut body = String::from(HEAD);
        for (path, is_folder, error) in &self.failed {
            let url = href(path, *is_folder);
            body.push_str("<D:response>");
            push_href(&mut body, &url);
            push_status(&mut body, of(error, act));
            if *error == Error::Locked {
                body.push_str("<D:error>");
                push_code(&mut body, &Code::LockTokenSubmitted(url));
                body.push_str("</D:error>");
            }
            body.push_str("</D:response>\n");
        }
        body.push_str(TAIL);
        xml(StatusCode::MULTI_STATUS, body)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn members_that_failed_are_named_with_their_status_and_nothing_breaks_out() {
        let mut failures = Failures::default();
        failures.add(DocPath::parse(b"/a/<b> & c").expect("path"), false, Error::Locked);
        failures.add(DocPath::parse(b"/a/d").expect("path"), true, Error::Denied);
        let response = failures.into_response(Act::Delete);
        assert_eq!(response.status(), StatusCode::MULTI_STATUS);
        let body = response.into_body().collect().await.expect("body").to_bytes();
        let root = super::super::xml::parse(&body).expect("well-formed");
        assert_eq!(root.elements().count(), 2);
        let text = String::from_utf8_lossy(&body).into_owned();
        assert!(text.contains("<D:href>/dav/a/%3Cb%3E%20%26%20c</D:href><D:status>HTTP/1.1 423 Locked</D:status>"));
        assert!(text.contains("<D:href>/dav/a/d/</D:href><D:status>HTTP/1.1 403 Forbidden</D:status>"));
    }

    #[test]
    fn endless_failures_stay_bounded() {
        let mut failures = Failures::default();
        for _ in 0..2 * MAX_FAILURES {
            failures.add(DocPath::root(), true, Error::Denied);
        }
        assert_eq!((failures.failed.len(), failures.count()), (MAX_FAILURES, 2 * MAX_FAILURES));
    }
}
