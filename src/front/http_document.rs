//! One version of a document as the answer to GET or HEAD (RFC 9110 sections 9.3.1, 9.3.2, 14), whole or in ranges.

use std::collections::VecDeque;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED,
};

use super::document_body::{Piece, Span, document_body};
use super::http_answer::{Body, Response, empty};
use super::http_conditions::http_date;
use super::http_range::Selection;
use super::media::type_of;
use crate::names::SessionId;
use crate::vfs::{Error, Reading, Stat};

/// Why there is no answer.
pub(super) enum Unanswered {
    /// There is no such part in a document of this length: 416.
    NoSuchRange(u64),
    /// It cannot be read.
    Tree(Error),
}

/// 304.
pub(super) fn not_modified(stat: &Stat) -> Response<Body> {
    let mut response = empty(StatusCode::NOT_MODIFIED);
    add_validators(&mut response, stat);
    response
}

/// What the document's headers would be. `disposition` is always an attachment: a page that a client uploaded must not run
/// its scripts where the browser of another has its login.
pub(super) fn head(stat: &Stat, disposition: HeaderValue) -> Response<Body> {
    let mut response = empty(StatusCode::OK);
    describe(&mut response, stat, disposition);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(stat.size));
    response
}

/// All of a small document.
pub(super) fn whole(stat: &Stat, content: Bytes, disposition: HeaderValue) -> Response<Body> {
    let mut response = empty(StatusCode::OK);
    describe(&mut response, stat, disposition);
    *response.body_mut() = Body::Whole(content);
    response
}

/// What was selected of the document.
pub(super) async fn send(
    reading: Reading,
    selection: Selection,
    disposition: HeaderValue,
) -> Result<Response<Body>, Unanswered> {
    let size = reading.stat().size;
    let mut response = empty(StatusCode::OK);
    describe(&mut response, reading.stat(), disposition);
    let pieces = match selection {
        Selection::Unsatisfiable => return Err(Unanswered::NoSuchRange(size)),
        Selection::Whole => VecDeque::from([Piece::Span(Span { start: 0, end: size })]),
        Selection::One(span) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            if let Ok(value) = HeaderValue::try_from(content_range(span, size)) {
                response.headers_mut().insert(CONTENT_RANGE, value);
            }
            VecDeque::from([Piece::Span(span)])
        }
        Selection::Several(spans) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let boundary = SessionId::random().to_string();
            let kind = type_of(reading.stat().name.as_ref());
            if let Ok(value) = HeaderValue::try_from(format!("multipart/byteranges; boundary={boundary}")) {
                response.headers_mut().insert(CONTENT_TYPE, value);
            }
            multipart(&spans, size, kind, &boundary)
        }
    };
    // The first step is read before the status is sent: what is damaged or withdrawn is told, not broken off.
    *response.body_mut() = document_body(reading, pieces).await.map_err(Unanswered::Tree)?;
    Ok(response)
}

fn describe(response: &mut Response<Body>, stat: &Stat, disposition: HeaderValue) {
    // With those that every answer gets and hyper's own: grown as they come, the map would be made anew twice.
    response.headers_mut().reserve(14);
    add_validators(response, stat);
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(type_of(stat.name.as_ref())));
    headers.insert(CONTENT_DISPOSITION, disposition);
}

/// ETag and Last-Modified.
fn add_validators(response: &mut Response<Body>, stat: &Stat) {
    let headers = response.headers_mut();
    if let Some(value) = stat.etag().and_then(|etag| HeaderValue::try_from(format!("\"{etag}\"")).ok()) {
        headers.insert(ETAG, value);
    }
    if let Ok(value) = HeaderValue::try_from(http_date(stat.modified)) {
        headers.insert(LAST_MODIFIED, value);
    }
}

/// `Content-Range` of an answer that there is no such range.
pub(super) fn no_such_range(size: u64) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("bytes */{size}")).ok()
}

fn content_range(span: Span, size: u64) -> String {
    format!("bytes {}-{}/{size}", span.start, span.end - 1)
}

/// The parts of RFC 9110 section 14.6.
fn multipart(spans: &[Span], size: u64, kind: &str, boundary: &str) -> VecDeque<Piece> {
    let mut pieces = VecDeque::with_capacity(2 * spans.len() + 1);
    for span in spans {
        let range = content_range(*span, size);
        let head = format!("\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {range}\r\n\r\n");
        pieces.push_back(Piece::Text(head.into()));
        pieces.push_back(Piece::Span(*span));
    }
    pieces.push_back(Piece::Text(format!("\r\n--{boundary}--\r\n").into()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_several_ranges_are_framed_as_the_standard_says() {
        let pieces = multipart(&[Span { start: 0, end: 10 }, Span { start: 20, end: 30 }], 100, "text/plain", "B");
        let texts: Vec<String> = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => String::from_utf8_lossy(text).into_owned(),
                Piece::Span(span) => format!("[{}-{}]", span.start, span.end),
            })
            .collect();
        assert_eq!(
            texts.concat(),
            "\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-9/100\r\n\r\n[0-10]\
             \r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 20-29/100\r\n\r\n[20-30]\r\n--B--\r\n"
        );
    }
}
