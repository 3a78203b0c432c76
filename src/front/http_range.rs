//! The `Range` header (RFC 9110 section 14): bounded, so that a header of a few kilobytes cannot ask for terabytes.

use hyper::header::HeaderValue;

use super::document_body::Span;
use super::http_conditions::{Tag, seconds_of};
use super::http_header::BadHeader;
use super::limits::Limit;
use crate::names::Front;
use crate::vfs::Stat;

/// How many ranges one request may ask for; PDF readers ask for a handful.
const MAX_RANGES: usize = 16;

/// What of the document is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selection {
    /// All of it: 200.
    Whole,
    /// One part: 206 with `Content-Range`.
    One(Span),
    /// Several: 206 as `multipart/byteranges`.
    Several(Vec<Span>),
    /// None of the ranges lies within the document, or they ask for more than all of it: 416.
    Unsatisfiable,
}

/// What the headers `Range` and `If-Range` select of a document; all of it if there is no range, or one of another version.
pub(super) fn selection(
    range: Option<&HeaderValue>,
    if_range: Option<&HeaderValue>,
    stat: &Stat,
    door: Front,
) -> Result<Selection, BadHeader> {
    let Some(range) = range else { return Ok(Selection::Whole) };
    match if_range {
        Some(validator) if !still_valid(validator, stat)? => Ok(Selection::Whole),
        _ => select(range, stat.size, door),
    }
}

/// Reads a `Range` header for a document of `size` bytes. Other units than bytes are ignored (RFC 9110 section 14.2).
pub(super) fn select(value: &HeaderValue, size: u64, door: Front) -> Result<Selection, BadHeader> {
    const BAD: BadHeader = BadHeader("range");
    let text = value.to_str().map_err(|_| BAD)?.trim();
    let (unit, set) = text.split_once('=').ok_or(BAD)?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return Ok(Selection::Whole);
    }
    let mut spans = Vec::new();
    let mut asked = 0;
    for part in set.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        asked += 1;
        if asked > MAX_RANGES {
            Limit::Ranges.hit(door);
            return Ok(Selection::Unsatisfiable);
        }
        let (first, last) = part.split_once('-').ok_or(BAD)?;
        let span = match (first.trim(), last.trim()) {
            ("", suffix) => Span { start: size.saturating_sub(number(suffix).ok_or(BAD)?), end: size },
            (first, "") => Span { start: number(first).ok_or(BAD)?, end: size },
            (first, last) => {
                let (start, last) = (number(first).ok_or(BAD)?, number(last).ok_or(BAD)?);
                if last < start {
                    return Err(BAD);
                }
                Span { start, end: last.saturating_add(1).min(size) }
            }
        };
        if span.start < span.end {
            spans.push(span);
        }
    }
    if asked == 0 {
        return Err(BAD);
    }
    // Overlapping ranges that add up to more than the document are an attack on bandwidth (RFC 9110 section 17.15).
    let total = spans.iter().try_fold(0u64, |sum, span| sum.checked_add(span.len()));
    Ok(match (spans.as_slice(), total) {
        ([one], _) => Selection::One(*one),
        ([_, ..], Some(total)) if total <= size => Selection::Several(spans),
        _ => Selection::Unsatisfiable,
    })
}

/// Digits only; numbers beyond 2^64 - 1 are that, which is past every document's end.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 40 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// `If-Range` (RFC 9110 section 13.1.5): does the range still belong to what the client has? The whole document is sent
/// if not. An entity tag compares strongly, a date exactly.
fn still_valid(value: &HeaderValue, stat: &Stat) -> Result<bool, BadHeader> {
    let bytes = value.as_bytes().trim_ascii();
    if bytes.starts_with(b"\"") || bytes.starts_with(b"W/") {
        return match Tag::take(bytes) {
            Some((tag, b"")) => Ok(stat.etag().is_some_and(|ours| tag.is(&ours))),
            _ => Err(BadHeader("if-range")),
        };
    }
    let date = seconds_of(value).ok_or(BadHeader("if-range"))?;
    Ok(date == stat.modified.as_seconds())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::http_conditions::tests::document;
    use super::*;

    fn selected(text: &str, size: u64) -> Result<Selection, BadHeader> {
        select(&HeaderValue::from_bytes(text.as_bytes()).expect("value"), size, Front::Webdav)
    }

    fn span(start: u64, end: u64) -> Span {
        Span { start, end }
    }

    #[test]
    fn single_ranges_are_cut_to_the_document() {
        assert_eq!(selected("bytes=0-99", 1000), Ok(Selection::One(span(0, 100))));
        assert_eq!(selected("Bytes=900-", 1000), Ok(Selection::One(span(900, 1000))));
        assert_eq!(selected("bytes=-100", 1000), Ok(Selection::One(span(900, 1000))));
        assert_eq!(selected("bytes=-5000", 1000), Ok(Selection::One(span(0, 1000))));
        assert_eq!(selected("bytes=990-99999999999999999999999", 1000), Ok(Selection::One(span(990, 1000))));
        assert_eq!(selected("bytes=1000-", 1000), Ok(Selection::Unsatisfiable));
        assert_eq!(selected("bytes=-0", 1000), Ok(Selection::Unsatisfiable));
        assert_eq!(selected("bytes=0-", 0), Ok(Selection::Unsatisfiable));
        assert_eq!(selected("lines=0-5", 1000), Ok(Selection::Whole));
    }

    #[test]
    fn malformed_ranges_are_errors() {
        for bad in ["", "bytes", "bytes=", "bytes=,", "bytes=5-4", "bytes=a-", "bytes=-", "bytes=1-2-3", "bytes=+1-2"] {
            assert_eq!(selected(bad, 1000), Err(BadHeader("range")), "{bad}");
        }
    }

    #[test]
    fn floods_of_ranges_are_refused() {
        assert_eq!(selected("bytes=0-9, 20-29", 1000), Ok(Selection::Several(vec![span(0, 10), span(20, 30)])));
        let many = format!("bytes={}", vec!["0-"; 20_000].join(","));
        assert_eq!(selected(&many, 1 << 20), Ok(Selection::Unsatisfiable));
        assert_eq!(selected("bytes=0-,0-", 1000), Ok(Selection::Unsatisfiable));
    }

    #[test]
    fn a_range_of_another_version_is_not_served() {
        let stat = document(3);
        let ours = format!("\"{}\"", stat.etag().expect("document"));
        let valid = |text: &str| still_valid(&HeaderValue::from_bytes(text.as_bytes()).expect("value"), &stat);
        assert_eq!(valid(&ours), Ok(true));
        assert_eq!(valid(&format!("W/{ours}")), Ok(false));
        assert_eq!(valid("\"x\""), Ok(false));
        assert_eq!(valid("Sun, 09 Sep 2001 01:55:00 GMT"), Ok(true));
        assert_eq!(valid("Sun, 09 Sep 2001 01:55:01 GMT"), Ok(false));
        assert!(valid("x").is_err() && valid("\"a\"b").is_err() && valid("\"").is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_selected_lies_within_the_document_and_is_no_more_than_it(
            text in "bytes=[0-9,\\- ]{0,40}", size in 0u64..5000,
        ) {
            let spans = match selected(&text, size) {
                Ok(Selection::One(one)) => vec![one],
                Ok(Selection::Several(spans)) => spans,
                _ => vec![],
            };
            prop_assert!(spans.iter().all(|span| span.start < span.end && span.end <= size));
            prop_assert!(spans.iter().map(|span| span.len()).sum::<u64>() <= size);
        }
    }
}
