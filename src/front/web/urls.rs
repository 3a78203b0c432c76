//! The pages' own URLs: those of folders and documents, and where somebody wanted to go before signing in.

use std::fmt;

use axum::extract::FromRequestParts;
use hyper::http::request::Parts;

use super::status::Failure;
use crate::front::segments;
use crate::names::{DocName, DocPath};

/// What a URL of the form `/verb/matter/folder/document` names. A name that cannot exist is not found, as one that does not.
pub(super) struct At(pub(super) DocPath);

impl<S: Sync> FromRequestParts<S> for At {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let path = parts.uri.path().trim_start_matches('/');
        let (_, path) = path.split_once('/').ok_or_else(Failure::not_found)?;
        parse(path).map(Self).ok_or_else(Failure::not_found)
    }
}

/// A path of encoded names. Splitting comes before decoding: an encoded slash is part of a name, and refused there.
fn parse(path: &str) -> Option<DocPath> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .try_fold(DocPath::root(), |path, segment| path.join(DocName::parse(&segments::decode(segment)?).ok()?).ok())
}

/// The URL of a path under one of the pages' verbs: `/m`, `/upload`.
pub(super) fn under(verb: &str, path: &DocPath) -> String {
    let mut url = String::from(verb);
    for name in path.names() {
        url.push('/');
        segments::push(&mut url, name);
    }
    url
}

/// The URL of a folder's page; the root is the page of all matters.
pub(super) fn folder(path: &DocPath) -> String {
    if path.is_root() { "/".to_owned() } else { under("/m", path) + "/" }
}

/// A page that somebody can be sent to. Made from text that anybody may have put into a link, so it never leads elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Matters,
    Connect,
    Account,
    OwnActivity,
    OwnSessions,
    /// One of the staff's or the administrator's pages, as it stands in its URL.
    Staff(String),
    /// The messages of a folder.
    Messages(DocPath),
    /// A folder, or a document.
    Entry {
        path: DocPath,
        slash: bool,
    },
}

impl Target {
    /// What the text names; the matters if it is none of the pages.
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "/connect" => Self::Connect,
            "/account" => Self::Account,
            "/account/activity" => Self::OwnActivity,
            "/account/sessions" => Self::OwnSessions,
            _ if is_staffs(text) => Self::Staff(text.to_owned()),
            _ => match text.strip_prefix('/').and_then(|text| text.split_once('/')) {
                Some(("m", below)) => match parse(below) {
                    Some(path) if !path.is_root() => Self::Entry { path, slash: text.ends_with('/') },
                    _ => Self::Matters,
                },
                Some(("messages", below)) => parse(below).map_or(Self::Matters, Self::Messages),
                _ => Self::Matters,
            },
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matters => f.write_str("/"),
            Self::Connect => f.write_str("/connect"),
            Self::Account => f.write_str("/account"),
            Self::OwnActivity => f.write_str("/account/activity"),
            Self::OwnSessions => f.write_str("/account/sessions"),
            Self::Staff(path) => f.write_str(path),
            Self::Messages(path) => f.write_str(&under("/messages", path)),
            Self::Entry { path, slash } => {
                f.write_str(&under("/m", path))?;
                f.write_str(if *slash { "/" } else { "" })
            }
        }
    }
}

/// Whether this is the path of a page for staff or the administrator: what follows cannot lead out of it, whatever it is.
fn is_staffs(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'%' | b'/');
    let below =
        ["/matter/", "/contacts/", "/admin/"].iter().any(|start| text.starts_with(start)) && !text.contains("/.");
    ["/matters", "/contacts", "/intake", "/admin"].contains(&text) || (below && text.bytes().all(plain))
}

/// The page for signing in, from where it goes on to what was wanted.
pub(super) fn sign_in(wanted: &str) -> String {
    match Target::parse(wanted) {
        Target::Matters => "/sign-in".to_owned(),
        target => {
            let mut url = String::from("/sign-in?next=");
            segments::push_text(&mut url, &target.to_string());
            url
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_anywhere_but_to_a_page() {
        for (text, to) in [
            ("/", "/"),
            ("/connect", "/connect"),
            ("/account/sessions", "/account/sessions"),
            ("/m/a%20b/%C3%84.pdf", "/m/a%20b/%C3%84.pdf"),
            ("/m/a/", "/m/a/"),
            ("https://evil.example/m/a", "/"),
            ("//evil.example/m/a", "/"),
            ("/m//evil.example", "/m/evil.example"),
            ("/m/../sign-out", "/"),
            ("/m/%2e%2e/a", "/"),
            ("/m/a%0d%0aset-cookie:b", "/"),
            ("/m/%", "/"),
            ("javascript:alert(1)", "/"),
            ("/sign-out", "/"),
            ("/contacts", "/contacts"),
            ("/intake", "/intake"),
            ("/intake/discard", "/"),
            ("/matter/26%2F114.A/access", "/matter/26%2F114.A/access"),
            ("/matter/../sign-out", "/"),
            ("/matter/1\r\nset-cookie:b", "/"),
            ("/matter/1?x=//evil.example", "/"),
            ("/matters", "/matters"),
            ("/admin", "/admin"),
            ("/admin/people/staff.one%40example.com", "/admin/people/staff.one%40example.com"),
            ("/admin/../sign-out", "/"),
            ("/administer", "/"),
            ("/messages/a%20b/Messages", "/messages/a%20b/Messages"),
            ("/messages/../sign-out", "/"),
        ] {
            assert_eq!(Target::parse(text).to_string(), to, "{text}");
        }
    }
}
