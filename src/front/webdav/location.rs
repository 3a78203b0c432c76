//! Where a request points: URL paths, percent-decoded exactly once, become [`DocPath`]s; and back.

use hyper::Uri;

use crate::front::segments;
use crate::names::{DocName, DocPath, NameError};

/// The URL path below which the drive lies.
pub(super) const MOUNT: &str = "/dav";

/// What a URL path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// `/`: above the drive.
    Top,
    /// Below `/dav`.
    Tree {
        /// The path within the tree.
        path: DocPath,
        /// It was written with a slash at its end.
        slash: bool,
    },
    /// `*` of `OPTIONS *`.
    Server,
    /// Nothing that this front end serves.
    Elsewhere,
}

/// Why a URL names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum LocationError {
    /// A `%` without two hexadecimal digits behind it.
    #[error("the URL is not percent-encoded correctly")]
    Encoding,
    /// A segment is not a name; see the cause.
    #[error("the URL contains a name that cannot exist here: {0}")]
    Name(#[from] NameError),
    /// A `Destination` that is no absolute URL or path.
    #[error("the Destination header is malformed")]
    Destination,
    /// A `Destination` on another server, or outside the drive.
    #[error("the destination lies outside this drive")]
    Foreign,
}

impl LocationError {
    /// True if the name is well-formed but too long to exist: looking it up finds nothing, instead of failing.
    pub(super) fn is_only_too_long(self) -> bool {
        matches!(self, Self::Name(NameError::TooLong | NameError::PathTooLong))
    }
}

impl Location {
    /// Parses the path of a request.
    pub(super) fn parse(path: &str) -> Result<Self, LocationError> {
        match path {
            "/" | "" => return Ok(Self::Top),
            "*" => return Ok(Self::Server),
            _ => {}
        }
        let Some(rest) = path.strip_prefix(MOUNT) else { return Ok(Self::Elsewhere) };
        if !rest.is_empty() && !rest.starts_with('/') {
            return Ok(Self::Elsewhere);
        }
        let mut tree = DocPath::root();
        // Splitting comes before decoding: an encoded slash is then part of a name, and refused there, instead of
        // becoming a separator that an earlier check has not seen.
        for segment in rest.split('/').filter(|segment| !segment.is_empty()) {
            tree = tree.join(DocName::parse(&segments::decode(segment).ok_or(LocationError::Encoding)?)?)?;
        }
        Ok(Self::Tree { path: tree, slash: rest.ends_with('/') })
    }
}

/// Parses a `Destination` header or the resource tag of an `If` header (RFC 4918 sections 10.3 and 8.3): an absolute
/// path, or a URL on this host. User information in it is skipped and never shown: KIO sends the password there.
pub(super) fn parse_reference(value: &[u8], host: Option<&str>) -> Result<(DocPath, bool), LocationError> {
    let text = std::str::from_utf8(value).map_err(|_| LocationError::Destination)?.trim();
    if text.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'#') {
        return Err(LocationError::Destination);
    }
    let path = if text.starts_with('/') {
        text
    } else {
        let (scheme, rest) = text.split_once("://").ok_or(LocationError::Destination)?;
        if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            return Err(LocationError::Destination);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        if !host.is_some_and(|ours| same_host(authority, ours)) {
            return Err(LocationError::Foreign);
        }
        path
    };
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    match Location::parse(path)? {
        Location::Tree { path, slash } => Ok((path, slash)),
        Location::Top | Location::Server | Location::Elsewhere => Err(LocationError::Foreign),
    }
}

/// The host that the client means: `:authority` of HTTP/2 or the `Host` header.
pub(super) fn request_host<'a>(uri: &'a Uri, headers: &'a hyper::HeaderMap) -> Option<&'a str> {
    match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(hyper::header::HOST).and_then(|value| value.to_str().ok()),
    }
}

/// Hosts compare without case, and a default port is the same as none.
fn same_host(a: &str, b: &str) -> bool {
    let plain = |host: &str| {
        let host = host.to_ascii_lowercase();
        host.strip_suffix(":443").map(str::to_owned).unwrap_or(host)
    };
    plain(a) == plain(b)
}

/// The URL path of an entry, encoded; folders end with a slash.
pub(super) fn href(path: &DocPath, is_folder: bool) -> String {
    let mut url = String::from(MOUNT);
    for name in path.names() {
        url.push('/');
        segments::push(&mut url, name);
    }
    if is_folder || path.is_root() {
        url.push('/');
    }
    url
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tree(path: &str) -> Result<String, LocationError> {
        match Location::parse(path)? {
            Location::Tree { path, slash } => Ok(format!("{path}{}", if slash { " /" } else { "" })),
            other => Ok(format!("{other:?}")),
        }
    }

    #[test]
    fn paths_below_the_mount_are_the_tree_and_nothing_else_is() {
        assert_eq!(tree("/dav").as_deref(), Ok("/"));
        assert_eq!(tree("/dav/").as_deref(), Ok("/ /"));
        assert_eq!(tree("/dav/a%20b/%C3%84.pdf").as_deref(), Ok("/a b/Ä.pdf"));
        assert_eq!(tree("/dav//a/").as_deref(), Ok("/a /"));
        assert_eq!(tree("/davx/a").as_deref(), Ok("Elsewhere"));
        assert_eq!(tree("/healthz").as_deref(), Ok("Elsewhere"));
        assert_eq!(tree("/").as_deref(), Ok("Top"));
    }

    #[test]
    fn a_path_is_decoded_once_and_never_climbs() {
        assert_eq!(tree("/dav/a%252fb").as_deref(), Ok("/a%2fb"));
        assert_eq!(tree("/dav/a%2fb"), Err(LocationError::Name(NameError::Forbidden)));
        assert_eq!(tree("/dav/a%5cb"), Err(LocationError::Name(NameError::Forbidden)));
        assert_eq!(tree("/dav/a%00"), Err(LocationError::Name(NameError::Forbidden)));
        assert_eq!(tree("/dav/%2e%2e/x"), Err(LocationError::Name(NameError::Dots)));
        assert_eq!(tree("/dav/../x"), Err(LocationError::Name(NameError::Dots)));
        assert_eq!(tree("/dav/%ff"), Err(LocationError::Name(NameError::NotUtf8)));
        assert_eq!(tree("/dav/%4"), Err(LocationError::Encoding));
        assert_eq!(tree("/dav/%+1"), Err(LocationError::Encoding));
        assert!(tree(&format!("/dav/{}", "a".repeat(300))).is_err_and(LocationError::is_only_too_long));
    }

    #[test]
    fn a_destination_must_be_on_this_host_and_below_the_mount() {
        let parse = |text: &str| {
            parse_reference(text.as_bytes(), Some("box.example:8443")).map(|(path, slash)| (path.to_string(), slash))
        };
        assert_eq!(parse("https://box.example:8443/dav/a%20b/"), Ok(("/a b".to_owned(), true)));
        assert_eq!(parse("https://one:secret@BOX.example:8443/dav/a"), Ok(("/a".to_owned(), false)));
        assert_eq!(parse("/dav/a"), Ok(("/a".to_owned(), false)));
        assert_eq!(parse("https://other.example/dav/a"), Err(LocationError::Foreign));
        assert_eq!(parse("https://box.example:8443@other.example/dav/a"), Err(LocationError::Foreign));
        assert_eq!(parse("https://box.example:8443/"), Err(LocationError::Foreign));
        assert_eq!(parse("https://box.example:8443"), Err(LocationError::Foreign));
        assert_eq!(parse("dav/a"), Err(LocationError::Destination));
        assert_eq!(parse("file:///dav/a"), Err(LocationError::Destination));
        assert_eq!(parse("/dav/a#b"), Err(LocationError::Destination));
        assert_eq!(parse("/dav/a b"), Err(LocationError::Destination));
        assert_eq!(parse("/dav/%2e%2e/a"), Err(LocationError::Name(NameError::Dots)));
        assert_eq!(parse_reference(b"https://box.example/dav/a", Some("box.example:443")).map(|(_, s)| s), Ok(false));
    }

    proptest! {
        #[test]
        fn every_path_survives_its_own_url(names in proptest::collection::vec("\\PC{1,12}", 0..6), folder: bool) {
            let mut path = DocPath::root();
            for name in names {
                if let Ok(name) = DocName::parse(name.as_bytes()) {
                    path = path.join(name).expect("short");
                }
            }
            let url = href(&path, folder);
            prop_assert!(url.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'&' && b != b'"'));
            let slash = folder || path.is_root();
            prop_assert_eq!(Location::parse(&url), Ok(Location::Tree { path, slash }));
        }

        #[test]
        fn no_reference_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse_reference(&bytes, Some("h"));
        }
    }
}
