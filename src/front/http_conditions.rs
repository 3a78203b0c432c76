//! Conditional requests (RFC 9110 section 13): `If-Match`, `If-None-Match`, `If-Unmodified-Since`, `If-Modified-Since`.

use std::time::SystemTime;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::http_header::{BadHeader, single};
use crate::names::Timestamp;
use crate::vfs::Stat;

/// An entity tag (RFC 9110 section 8.8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) weak: bool,
    pub(super) opaque: Vec<u8>,
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tags {
    Any,
    List(Vec<Tag>),
}

/// What a request's preconditions say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    pub(super) if_match: Option<Tags>,
    pub(super) if_none_match: Option<Tags>,
    if_unmodified_since: Option<i64>,
    if_modified_since: Option<i64>,
}

/// The answer of the preconditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Proceed,
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

impl Tag {
    /// Takes an entity tag from the front of `text`; nothing if there is none.
    pub(super) fn take(text: &[u8]) -> Option<(Self, &[u8])> {
        let (weak, rest) = match text.strip_prefix(b"W/") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let rest = rest.strip_prefix(b"\"")?;
        let end = rest.iter().position(|b| *b == b'"')?;
        let (opaque, rest) = (&rest[..end], &rest[end + 1..]);
        let legal = |b: &u8| matches!(b, 0x21 | 0x23..=0x7e | 0x80..);
        opaque.iter().all(legal).then(|| (Self { weak, opaque: opaque.to_vec() }, rest))
    }

    /// The strong comparison (RFC 9110 section 8.8.3.2) with a tag of ours, which are all strong.
    pub(super) fn is(&self, ours: &str) -> bool {
        !self.weak && self.opaque == ours.as_bytes()
    }
}

impl Tags {
    fn parse(headers: &HeaderMap, name: &'static str) -> Result<Option<Self>, BadHeader> {
        let lines: Vec<&[u8]> =
            headers.get_all(HeaderName::from_static(name)).iter().map(HeaderValue::as_bytes).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let joined = lines.join(&b","[..]);
        let mut rest = joined.trim_ascii();
        if rest == b"*" {
            return Ok(Some(Self::Any));
        }
        let mut tags = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix(b",") {
                rest = after.trim_ascii_start();
                continue;
            }
            let (tag, after) = Tag::take(rest).ok_or(BadHeader(name))?;
            tags.push(tag);
            rest = after.trim_ascii_start();
            if !rest.is_empty() && !rest.starts_with(b",") {
                return Err(BadHeader(name));
            }
        }
        if tags.is_empty() { Err(BadHeader(name)) } else { Ok(Some(Self::List(tags))) }
    }

    fn matches(&self, current: Option<&Stat>, weakly: bool) -> bool {
        match (self, current) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::List(tags), Some(stat)) => stat
                .etag()
                .is_some_and(|ours| tags.iter().any(|tag| (weakly || !tag.weak) && tag.opaque == ours.as_bytes())),
        }
    }
}

/// A time as an HTTP date (RFC 9110 section 5.6.7). Times that have none are shown as the nearest that has.
pub(super) fn http_date(time: Timestamp) -> String {
    let seconds = time.as_seconds().clamp(0, 253_402_300_799);
    httpdate::fmt_http_date(Timestamp::from_seconds(seconds).into())
}

/// An HTTP date in whole seconds since the epoch.
pub(super) fn seconds_of(value: &HeaderValue) -> Option<i64> {
    let time: SystemTime = httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()?;
    Some(Timestamp::from(time).as_seconds())
}

impl Conditions {
    /// Parses the four headers. A malformed date in `If-Modified-Since` is ignored, as RFC 9110 section 13.1.3 wants;
    /// anything else malformed is an error, because what it guards against would happen if it were ignored.
    pub(super) fn parse(headers: &HeaderMap) -> Result<Self, BadHeader> {
        let unmodified = single(headers, "if-unmodified-since")?;
        Ok(Self {
            if_match: Tags::parse(headers, "if-match")?,
            if_none_match: Tags::parse(headers, "if-none-match")?,
            if_unmodified_since: match unmodified {
                Some(value) => Some(seconds_of(&value).ok_or(BadHeader("if-unmodified-since"))?),
                None => None,
            },
            if_modified_since: single(headers, "if-modified-since")?.as_ref().and_then(seconds_of),
        })
    }

    /// True if the request has none.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Judges in the order of RFC 9110 section 13.2.2. `current` is what stands there now, if anything.
    pub(super) fn judge(&self, current: Option<&Stat>, reading: bool) -> Verdict {
        let modified = current.map(|stat| stat.modified.as_seconds());
        match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) if !tags.matches(current, false) => return Verdict::Failed,
            (None, Some(date)) if modified.is_none_or(|modified| modified > date) => return Verdict::Failed,
            _ => {}
        }
        match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) if tags.matches(current, true) => {
                if reading {
                    Verdict::NotModified
                } else {
                    Verdict::Failed
                }
            }
            (None, Some(date)) if reading && modified.is_some_and(|modified| modified <= date) => Verdict::NotModified,
            _ => Verdict::Proceed,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::names::{DocName, NodeId, Rights};
    use crate::vfs::Kind;

    pub(in super::super) fn document(version: u64) -> Stat {
        Stat {
            name: Some(DocName::parse(b"a.pdf").expect("name")),
            kind: Kind::Document,
            node: Some(NodeId::from_bytes([1; 16])),
            size: 1000,
            created: Timestamp::from_seconds(1_000_000_000),
            modified: Timestamp::from_seconds(1_000_000_500),
            version,
            rights: Rights::FULL,
            structure: false,
            has_properties: false,
        }
    }

    fn conditions(pairs: &[(&'static str, &str)]) -> Result<Conditions, BadHeader> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).expect("value"));
        }
        Conditions::parse(&headers)
    }

    #[test]
    fn malformed_preconditions_are_errors() {
        for (name, value) in [
            ("if-match", "\""),
            ("if-match", ""),
            ("if-match", ","),
            ("if-match", "abc"),
            ("if-match", "\"a\" \"b\""),
            ("if-match", "w/\"a\""),
            ("if-match", "*, \"a\""),
            ("if-none-match", "\"a\", b"),
            ("if-none-match", "\"a b\""),
            ("if-unmodified-since", "yesterday"),
        ] {
            assert!(conditions(&[(name, value)]).is_err(), "{name}: {value}");
        }
        assert_eq!(conditions(&[("if-modified-since", "yesterday")]), Ok(Conditions::default()));
    }

    #[test]
    fn preconditions_are_judged_in_the_order_of_the_standard() {
        let stat = document(3);
        let ours = format!("\"{}\"", stat.etag().expect("document"));
        let weak = format!("W/{ours}");
        let list = format!("\"x\", {ours}");
        let before = "Sun, 09 Sep 2001 01:46:40 GMT"; // 1,000,000,000
        let after = "Sun, 09 Sep 2001 01:55:00 GMT"; // 1,000,000,500
        let judge = |pairs: &[(&'static str, &str)], reading| {
            conditions(pairs).expect("well-formed").judge(Some(&stat), reading)
        };
        use Verdict::{Failed, NotModified, Proceed};
        for (pairs, read, write) in [
            (&[("if-match", ours.as_str())][..], Proceed, Proceed),
            (&[("if-match", &list)], Proceed, Proceed),
            (&[("if-match", &weak)], Failed, Failed),
            (&[("if-match", "*")], Proceed, Proceed),
            (&[("if-none-match", "*")], NotModified, Failed),
            (&[("if-none-match", &weak)], NotModified, Failed),
            (&[("if-none-match", "\"x\"")], Proceed, Proceed),
            (&[("if-modified-since", after)], NotModified, Proceed),
            (&[("if-modified-since", before)], Proceed, Proceed),
            (&[("if-unmodified-since", before)], Failed, Failed),
            (&[("if-unmodified-since", after)], Proceed, Proceed),
            // The tag decides, the date beside it is not looked at.
            (&[("if-match", &ours), ("if-unmodified-since", before)], Proceed, Proceed),
            (&[("if-none-match", "\"x\""), ("if-modified-since", after)], Proceed, Proceed),
        ] {
            assert_eq!((judge(pairs, true), judge(pairs, false)), (read, write), "{pairs:?}");
        }
    }

    #[test]
    fn nothing_there_fails_every_match_and_passes_every_none_match() {
        let judge = |name, value| conditions(&[(name, value)]).expect("well-formed").judge(None, false);
        assert_eq!(judge("if-match", "*"), Verdict::Failed);
        assert_eq!(judge("if-none-match", "*"), Verdict::Proceed);
        assert_eq!(judge("if-unmodified-since", "Sun, 09 Sep 2001 01:46:40 GMT"), Verdict::Failed);
    }

    proptest! {
        #[test]
        fn no_tag_list_panics(bytes in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b','), Just(b'W'), 32u8..=255], 0..32)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.append("if-match", value);
                let _ = Conditions::parse(&headers);
            }
        }
    }
}
