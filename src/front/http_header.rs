//! The value of a header, strictly: one that is there and malformed, or there twice, is an error, since what it was sent to
//! prevent would happen if it were ignored.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// A header is malformed or repeated; the name is all that the answer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {0} header is malformed")]
pub(super) struct BadHeader(pub(super) &'static str);

/// The one value of a header, if it is there; twice is malformed, because the two could disagree.
pub(super) fn single(headers: &HeaderMap, name: &'static str) -> Result<Option<HeaderValue>, BadHeader> {
    let mut values = headers.get_all(HeaderName::from_static(name)).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value.cloned()),
        (_, Some(_)) => Err(BadHeader(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_header_is_malformed() {
        let (mut headers, value) = (HeaderMap::new(), HeaderValue::from_static("F"));
        headers.append("overwrite", value.clone());
        assert_eq!(single(&headers, "overwrite"), Ok(Some(value)));
        headers.append("overwrite", HeaderValue::from_static("T"));
        assert_eq!(single(&headers, "overwrite"), Err(BadHeader("overwrite")));
    }
}
