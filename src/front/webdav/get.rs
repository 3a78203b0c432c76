//! GET and HEAD (RFC 9110 sections 9.3.1, 9.3.2, 14): one version of a document, whole or in ranges.

use std::collections::VecDeque;

use hyper::StatusCode;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED,
};

use super::conditions::Verdict;
use super::folder_page::folder;
use super::guard::Guarded;
use super::properties::http_date;
use super::range::{Selection, select, still_valid};
use super::status::{Act, Refusal};
use crate::front::document_body::{Piece, Span, document_body};
use crate::front::http_answer::{Body, Response, empty};
use crate::front::media::type_of;
use crate::names::{DocPath, SessionId};
use crate::vfs::{Error, Reading, Stat, View};

/// The GET and HEAD methods.
pub(super) async fn get(
    view: View,
    path: DocPath,
    slash: bool,
    guarded: &Guarded,
    head: bool,
) -> Result<Response<Body>, Refusal> {
    let refused = |error: Error| Refusal::tree(&error, Act::Look);
    // Conditions are judged before the document is opened: a 304 is no reading, and is not recorded as one.
    if head || path.is_root() || guarded.if_header.is_some() || !guarded.conditions.is_empty() {
        let stat = view.stat(&path).await.map_err(refused)?;
        if stat.is_folder() {
            return folder(&view, &path, head).await;
        }
        if slash {
            return Err(Refusal::not_found());
        }
        if guarded.if_header.is_some() {
            guarded.check(&view, &path, Act::Look).await?;
        }
        match guarded.conditions.judge(Some(&stat), true) {
            Verdict::Proceed => {}
            Verdict::Failed => return Err(Refusal::precondition()),
            Verdict::NotModified => {
                let mut response = empty(StatusCode::NOT_MODIFIED);
                add_validators(&mut response, &stat);
                return Ok(response);
            }
        }
        if head {
            let mut response = empty(StatusCode::OK);
            describe(&mut response, &stat);
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(stat.size));
            return Ok(response);
        }
    }
    let reading = match view.read(&path).await {
        Ok(_) if slash => return Err(Refusal::not_found()),
        Ok(reading) => reading,
        Err(Error::IsFolder) => return folder(&view, &path, false).await,
        Err(error) => return Err(refused(error)),
    };
    // What was opened may be a newer version than the one that was looked at.
    if guarded.conditions.judge(Some(reading.stat()), true) == Verdict::Failed {
        return Err(Refusal::precondition());
    }
    let selection = selection(guarded, reading.stat())?;
    send(reading, selection).await
}

fn selection(guarded: &Guarded, stat: &Stat) -> Result<Selection, Refusal> {
    let Some(range) = &guarded.range else { return Ok(Selection::Whole) };
    if let Some(validator) = &guarded.if_range
        && !still_valid(validator, stat)?
    {
        return Ok(Selection::Whole);
    }
    Ok(select(range, stat.size)?)
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

/// The headers of a document. It is always an attachment: a page that a client uploaded must not run its scripts where
/// the browser of another has its login.
fn describe(response: &mut Response<Body>, stat: &Stat) {
    add_validators(response, stat);
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(type_of(stat.name.as_ref())));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
}

async fn send(reading: Reading, selection: Selection) -> Result<Response<Body>, Refusal> {
    let size = reading.stat().size;
    let mut response = empty(StatusCode::OK);
    describe(&mut response, reading.stat());
    let pieces = match selection {
        Selection::Unsatisfiable => return Err(Refusal::range(size)),
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
    let body = document_body(reading, pieces).await;
    *response.body_mut() = body.map_err(|error| Refusal::tree(&error, Act::Look))?;
    Ok(response)
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
