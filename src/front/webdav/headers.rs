//! The small headers of RFC 4918 section 10, parsed strictly: a header that is there and malformed is an error, since
//! ignoring `Overwrite: f` would overwrite.

use std::time::Duration;

use hyper::header::HeaderValue;

use crate::front::http_header::BadHeader;
use crate::names::{LockToken, Timestamp};

/// `Depth` (RFC 4918 section 10.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    Zero,
    One,
    Infinity,
}

fn text<'a>(value: &'a HeaderValue, name: &'static str) -> Result<&'a str, BadHeader> {
    value.to_str().map(str::trim).map_err(|_| BadHeader(name))
}

/// `Depth: 0 | 1 | infinity`.
pub(super) fn depth(value: &HeaderValue) -> Result<Depth, BadHeader> {
    match text(value, "depth")? {
        "0" => Ok(Depth::Zero),
        "1" => Ok(Depth::One),
        other if other.eq_ignore_ascii_case("infinity") => Ok(Depth::Infinity),
        _ => Err(BadHeader("depth")),
    }
}

/// `Overwrite: T | F` (RFC 4918 section 10.6), upper case only; true for `T`.
pub(super) fn overwrite(value: &HeaderValue) -> Result<bool, BadHeader> {
    match text(value, "overwrite")? {
        "T" => Ok(true),
        "F" => Ok(false),
        _ => Err(BadHeader("overwrite")),
    }
}

/// `Timeout` (RFC 4918 section 10.7): the first entry of the list that means something here.
pub(super) fn timeout(value: &HeaderValue) -> Result<Duration, BadHeader> {
    const BAD: BadHeader = BadHeader("timeout");
    /// RFC 4918 section 10.7 allows no more than 2^32 - 1 seconds; `Infinite` asks for as much as there is.
    const LONGEST: u64 = u32::MAX as u64;
    let entry = |entry: &str| {
        if entry.eq_ignore_ascii_case("infinite") {
            return Some(LONGEST);
        }
        let digits = entry.get(..7).filter(|word| word.eq_ignore_ascii_case("second-")).map(|_| &entry[7..])?;
        if digits.is_empty() || digits.len() > 20 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(digits.parse().unwrap_or(u64::MAX).min(LONGEST))
    };
    let seconds = text(value, "timeout")?.split(',').find_map(|part| entry(part.trim())).ok_or(BAD)?;
    Ok(Duration::from_secs(seconds))
}

/// `Lock-Token` (RFC 4918 section 10.5); some clients leave the angle brackets out.
pub(super) fn lock_token(value: &HeaderValue) -> Result<Option<LockToken>, BadHeader> {
    const BAD: BadHeader = BadHeader("lock-token");
    let uri = text(value, "lock-token")?;
    let uri = match (uri.strip_prefix('<'), uri.ends_with('>')) {
        (Some(inner), true) => inner.strip_suffix('>').ok_or(BAD)?,
        (None, false) => uri,
        _ => return Err(BAD),
    };
    // An absolute URI (RFC 3986 section 4.3): a scheme and no blanks; whether it is one of ours is another question.
    if !uri.contains(':') || uri.bytes().any(|b| b.is_ascii_whitespace() || b == b'<' || b == b'>') {
        return Err(BAD);
    }
    Ok(parse_token(uri))
}

const TOKEN_SCHEME: &str = "opaquelocktoken:";

/// A lock token as the URI that clients send back (RFC 4918 appendix C).
pub(super) fn token_uri(token: LockToken) -> String {
    let hex = token.to_string();
    format!("{TOKEN_SCHEME}{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The token in such a URI; nothing if it was not made here.
pub(super) fn parse_token(uri: &str) -> Option<LockToken> {
    let uuid = uri
        .get(..TOKEN_SCHEME.len())
        .filter(|scheme| scheme.eq_ignore_ascii_case(TOKEN_SCHEME))
        .map(|_| &uri[TOKEN_SCHEME.len()..])?;
    if uuid.len() != 36 || [8, 13, 18, 23].iter().any(|dash| uuid.as_bytes()[*dash] != b'-') {
        return None;
    }
    uuid.replace('-', "").parse().ok()
}

/// `X-OC-Mtime`: whole seconds since the epoch; a fraction is dropped (some clients send one).
pub(super) fn oc_mtime(value: &HeaderValue) -> Result<Timestamp, BadHeader> {
    const BAD: BadHeader = BadHeader("x-oc-mtime");
    let value = text(value, "x-oc-mtime")?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BAD);
    }
    // Years beyond 9999 have no HTTP date with which they could be shown.
    match whole.parse::<i64>() {
        Ok(seconds) if (0..253_402_300_800).contains(&seconds) => Ok(Timestamp::from_seconds(seconds)),
        _ => Err(BAD),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(text: &str) -> HeaderValue {
        HeaderValue::from_bytes(text.as_bytes()).expect("header bytes")
    }

    #[test]
    fn depth_and_overwrite_know_their_words_and_no_others() {
        assert_eq!(depth(&value("0")), Ok(Depth::Zero));
        assert_eq!(depth(&value("1")), Ok(Depth::One));
        assert_eq!(depth(&value("Infinity")), Ok(Depth::Infinity));
        for bad in ["", "2", "-1", "1,noroot", "00", "infinite"] {
            assert!(depth(&value(bad)).is_err(), "{bad}");
        }
        assert_eq!((overwrite(&value("T")), overwrite(&value("F"))), (Ok(true), Ok(false)));
        for bad in ["t", "f", "", "true", "FF", "\u{e9}"] {
            assert!(overwrite(&value(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn timeouts_are_read_as_clients_write_them() {
        let seconds = |text: &str| timeout(&value(text)).map(|d| d.as_secs());
        assert_eq!(seconds("Second-3600"), Ok(3600));
        assert_eq!(seconds("Infinite, Second-4100000000"), Ok(u64::from(u32::MAX)));
        assert_eq!(seconds("Extend, Second-180"), Ok(180));
        assert_eq!(seconds("second-99999999999999999999"), Ok(u64::from(u32::MAX)));
        for bad in ["", "Second-", "Second--1", "Second-1s", "3600", "Second-é"] {
            assert!(timeout(&value(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn lock_tokens_are_accepted_with_and_without_brackets() {
        let token = LockToken::from_bytes([7; 16]);
        let uri = token_uri(token);
        assert_eq!(lock_token(&value(&format!("<{uri}>"))), Ok(Some(token)));
        assert_eq!(lock_token(&value(&uri)), Ok(Some(token)));
        assert_eq!(lock_token(&value("<urn:uuid:somebody-elses>")), Ok(None));
        for bad in ["", "<", ">", "<>", &format!("<{uri}"), &format!("{uri}>"), "no-scheme"] {
            assert!(lock_token(&value(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn modification_times_are_seconds_with_an_optional_fraction() {
        assert_eq!(oc_mtime(&value("1700000000")), Ok(Timestamp::from_seconds(1_700_000_000)));
        assert_eq!(oc_mtime(&value("1700000000.25")), Ok(Timestamp::from_seconds(1_700_000_000)));
        for bad in ["", "now", "-5", "1.", "1.x", "99999999999999"] {
            assert!(oc_mtime(&value(bad)).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_token_survives_its_uri(bytes: [u8; 16]) {
            let token = LockToken::from_bytes(bytes);
            prop_assert_eq!(parse_token(&token_uri(token)), Some(token));
        }

        #[test]
        fn no_header_panics(bytes in proptest::collection::vec(32u8..=255, 0..48)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let _ = (depth(&value), overwrite(&value), timeout(&value), lock_token(&value), oc_mtime(&value));
            }
        }
    }
}
