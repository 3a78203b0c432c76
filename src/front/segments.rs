//! Names in URLs: each is one segment of the path, percent-encoded.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::names::DocName;

/// Everything is encoded but the unreserved characters of RFC 3986 section 2.3.
const KEEP: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Decodes `%XX`, strictly: nothing for a `%` that stands for nothing, and the result is not decoded again.
pub(super) fn decode(text: &str) -> Option<Cow<'_, [u8]>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                // Two hexadecimal digits make one byte.
                (high << 4 | low) as u8
            }
            other => other,
        });
    }
    Some(Cow::Owned(decoded))
}

/// Appends one encoded name.
pub(super) fn push(url: &mut String, name: &DocName) {
    push_text(url, name.as_str());
}

/// Appends any text as one segment, or as a value in a query.
pub(super) fn push_text(url: &mut String, text: &str) {
    url.extend(utf8_percent_encode(text, KEEP));
}
