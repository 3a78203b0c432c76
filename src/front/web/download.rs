//! A document on its way into a browser: always an attachment. A page that somebody uploaded must not run its scripts where
//! the browser of another has its session.

use std::collections::VecDeque;

use axum::response::Response;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};

use super::site::streamed;
use super::status::Failure;
use crate::front::document_body::{Piece, Span, document_body};
use crate::front::http_answer::Body;
use crate::front::media::type_of;
use crate::front::segments;
use crate::vfs::{Reading, Stat};

/// The document, from its first byte to its last.
pub(super) async fn send(reading: Reading) -> Result<Response, Failure> {
    let stat = reading.stat().clone();
    let whole = Piece::Span(Span { start: 0, end: stat.size });
    let body = document_body(reading, VecDeque::from([whole])).await?;
    let mut response = streamed(body);
    describe(&mut response, &stat);
    Ok(response)
}

/// What the document's headers would be.
pub(super) fn head(stat: &Stat) -> Response {
    let mut response = streamed(Body::Empty);
    describe(&mut response, stat);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(stat.size));
    response
}

fn describe(response: &mut Response, stat: &Stat) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(type_of(stat.name.as_ref())));
    let name = stat.name.as_ref().map_or("document", |name| name.as_str());
    headers.insert(CONTENT_DISPOSITION, attachment(name));
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
