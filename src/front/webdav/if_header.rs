//! The `If` header of WebDAV (RFC 4918 section 10.4), parsed completely and strictly.
//!
//! ```text
//! If          = ( 1*List | 1*( Resource-Tag 1*List ) )
//! List        = "(" 1*Condition ")"
//! Condition   = ["Not"] ( "<" absolute-URI ">" | "[" entity-tag "]" )
//! ```

use super::headers::parse_token;
use super::location::parse_reference;
use crate::front::http_conditions::Tag;
use crate::front::http_header::BadHeader;
use crate::names::{DocPath, LockToken};

/// How many conditions one header may have: each may cost a look at the tree, and no client sends more than a few.
const MAX_CONDITIONS: usize = 64;
const BAD: BadHeader = BadHeader("if");

/// The parsed header: true if any of the lists is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IfHeader {
    pub(super) lists: Vec<List>,
}

/// One list: true if each of its conditions is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List {
    /// What it is about.
    pub(super) resource: Resource,
    pub(super) conditions: Vec<Condition>,
}

/// The resource of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resource {
    /// No tag: the request's own URL.
    Request,
    /// A tag that names something in the tree.
    Path(DocPath),
    /// A tag that names nothing here: it has no locks and no entity tag.
    Elsewhere,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    /// `Not` stands before it.
    pub(super) negated: bool,
    pub(super) state: State,
}

/// What a condition compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// A lock token; nothing if it was not made here (`<DAV:no-lock>` for one), which matches no lock.
    Token(Option<LockToken>),
    /// The entity tag.
    Tag(Tag),
}

impl IfHeader {
    /// Parses a header value; `host` is what resource tags must name.
    pub(super) fn parse(value: &[u8], host: Option<&str>) -> Result<Self, BadHeader> {
        let mut lists = Vec::new();
        let mut conditions = 0;
        let mut resource = Resource::Request;
        let mut tagged = None;
        let mut bare_tag = false;
        let mut rest = value.trim_ascii();
        while let Some(first) = rest.first() {
            match first {
                b'<' => {
                    let (uri, after) = take_until(&rest[1..], b'>')?;
                    // Tagged and untagged lists do not mix, and a tag stands for at least one list.
                    if tagged == Some(false) || bare_tag || !is_reference(uri) {
                        return Err(BAD);
                    }
                    (tagged, bare_tag) = (Some(true), true);
                    resource = match parse_reference(uri, host) {
                        Ok((path, _)) => Resource::Path(path),
                        Err(_) => Resource::Elsewhere,
                    };
                    rest = after.trim_ascii_start();
                }
                b'(' => {
                    tagged.get_or_insert(false);
                    bare_tag = false;
                    let (list, after) = take_list(&rest[1..])?;
                    conditions += list.len();
                    if conditions > MAX_CONDITIONS {
                        return Err(BAD);
                    }
                    lists.push(List { resource: resource.clone(), conditions: list });
                    rest = after.trim_ascii_start();
                }
                _ => return Err(BAD),
            }
        }
        if lists.is_empty() || bare_tag { Err(BAD) } else { Ok(Self { lists }) }
    }

    /// Every token that the header submits (RFC 4918 section 10.4.1: being in it is enough, whatever its list says).
    pub(super) fn tokens(&self) -> Vec<LockToken> {
        let states = self.lists.iter().flat_map(|list| &list.conditions).map(|condition| &condition.state);
        let mut tokens: Vec<_> = states
            .filter_map(|state| match state {
                State::Token(token) => *token,
                State::Tag(_) => None,
            })
            .collect();
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }

    /// True if a list without `Not` insists on the entity tag of the request's own URL.
    pub(super) fn insists_on_tag(&self) -> bool {
        self.lists.iter().any(|list| {
            list.resource == Resource::Request
                && list
                    .conditions
                    .iter()
                    .any(|condition| !condition.negated && matches!(condition.state, State::Tag(_)))
        })
    }
}

/// A Simple-ref (RFC 4918 section 8.3): an absolute path or an absolute URI, without blanks.
fn is_reference(uri: &[u8]) -> bool {
    (uri.starts_with(b"/") || is_absolute_uri(uri)) && uri.iter().all(|b| *b > b' ' && *b != 0x7f && *b != b'<')
}

/// RFC 3986 section 4.3, as far as it matters: a scheme, a colon, and something behind it.
fn is_absolute_uri(uri: &[u8]) -> bool {
    let scheme = uri.iter().position(|b| *b == b':').unwrap_or(0);
    scheme > 0
        && uri.len() > scheme + 1
        && uri[0].is_ascii_alphabetic()
        && uri[..scheme].iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
        && uri.iter().all(|b| *b > b' ' && *b != 0x7f && *b != b'<')
}

fn take_until(text: &[u8], end: u8) -> Result<(&[u8], &[u8]), BadHeader> {
    let at = text.iter().position(|b| *b == end).ok_or(BAD)?;
    Ok((&text[..at], &text[at + 1..]))
}

/// The conditions up to the closing parenthesis, and what follows it.
fn take_list(text: &[u8]) -> Result<(Vec<Condition>, &[u8]), BadHeader> {
    let mut conditions = Vec::new();
    let mut rest = text.trim_ascii_start();
    loop {
        if let Some(after) = rest.strip_prefix(b")") {
            return if conditions.is_empty() { Err(BAD) } else { Ok((conditions, after)) };
        }
        if conditions.len() > MAX_CONDITIONS {
            return Err(BAD);
        }
        let negated = rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"not"));
        if negated {
            rest = rest[3..].trim_ascii_start();
        }
        let (state, after) = match rest.first() {
            Some(b'<') => {
                let (uri, after) = take_until(&rest[1..], b'>')?;
                if !is_absolute_uri(uri) {
                    return Err(BAD);
                }
                (State::Token(std::str::from_utf8(uri).ok().and_then(parse_token)), after)
            }
            Some(b'[') => {
                let (tag, after) = Tag::take(rest[1..].trim_ascii_start()).ok_or(BAD)?;
                (State::Tag(tag), after.trim_ascii_start().strip_prefix(b"]").ok_or(BAD)?)
            }
            _ => return Err(BAD),
        };
        conditions.push(Condition { negated, state });
        rest = after.trim_ascii_start();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::headers::token_uri;
    use super::*;

    const HOST: Option<&str> = Some("box.example");

    fn parse(text: &str) -> Result<IfHeader, BadHeader> {
        IfHeader::parse(text.as_bytes(), HOST)
    }

    #[test]
    fn the_examples_of_the_standard_parse() {
        let token = LockToken::from_bytes([9; 16]);
        let uri = token_uri(token);
        let header = parse(&format!("(<{uri}> [\"I am an ETag\"])")).err();
        assert_eq!(header, Some(BAD), "blanks are not allowed in an entity tag any more (RFC 9110 section 8.8.3)");
        let header = parse(&format!("(<{uri}> [\"etag\"]) ([W/\"another\"])")).expect("10.4.6");
        assert_eq!(header.lists.len(), 2);
        assert_eq!(header.tokens(), [token]);
        assert!(header.insists_on_tag());
        let header = parse(&format!("(Not <{uri}> <urn:uuid:58f202ac-22cf-11d1-b12d-002035b29092>)")).expect("10.4.7");
        assert!(header.lists[0].conditions[0].negated && !header.lists[0].conditions[1].negated);
        let header = parse(&format!("(<{uri}>) (Not <DAV:no-lock>)")).expect("10.4.8");
        assert_eq!(header.lists[1].conditions[0], Condition { negated: true, state: State::Token(None) });
        let header = parse(&format!("</dav/a> (<{uri}> [W/\"x\"]) ([\"strong\"]) <https://other.example/b> ([\"y\"])"))
            .expect("10.4.9");
        let resources: Vec<_> = header.lists.iter().map(|list| list.resource.clone()).collect();
        let a = Resource::Path(DocPath::parse(b"/a").expect("path"));
        assert_eq!(resources, [a.clone(), a, Resource::Elsewhere]);
    }

    #[test]
    fn malformed_headers_are_errors_and_never_panic() {
        for bad in [
            "",
            "(",
            "()",
            "(<abc",
            "(<abc>)",
            "(<>)",
            "(<:x>)",
            "(<a:>)",
            "(<a:b>",
            "(<a:b>) x",
            "([)",
            "([\"])",
            "([\"a\")",
            "(Not)",
            "(Not Not <a:b>)",
            "<a:b>",
            "<a:b> <c:d> (<e:f>)",
            "(<a:b>) </dav/a> (<c:d>)",
            "</dav/a> (<c:d>) </dav/b>",
            "<dav/a> (<c:d>)",
            "</dav/a b> (<c:d>)",
            "(<a:b> (<c:d>))",
            "\u{e9}",
        ] {
            assert_eq!(parse(bad), Err(BAD), "{bad}");
        }
        assert_eq!(parse(&"(<a:b>)".repeat(1000)), Err(BAD));
        assert_eq!(parse(&format!("({})", "<a:b>".repeat(1000))), Err(BAD));
    }

    fn condition() -> impl Strategy<Value = (String, Condition)> {
        let state = prop_oneof![
            any::<[u8; 16]>().prop_map(|bytes| {
                let token = LockToken::from_bytes(bytes);
                (format!("<{}>", token_uri(token)), State::Token(Some(token)))
            }),
            Just(("<DAV:no-lock>".to_owned(), State::Token(None))),
            ("[!#-~]{0,8}", any::<bool>()).prop_map(|(opaque, weak)| {
                let text = format!("[{}\"{opaque}\"]", if weak { "W/" } else { "" });
                (text, State::Tag(Tag { weak, opaque: opaque.into_bytes() }))
            }),
        ];
        (any::<bool>(), state).prop_map(|(negated, (text, state))| {
            (format!("{}{text}", if negated { "Not " } else { "" }), Condition { negated, state })
        })
    }

    proptest! {
        #[test]
        fn every_header_that_the_grammar_allows_parses_to_what_it_says(
            lists in proptest::collection::vec(proptest::collection::vec(condition(), 1..4), 1..4),
            gap in "[ \t]{0,2}",
        ) {
            let text: Vec<String> = lists
                .iter()
                .map(|list| {
                    let inner: Vec<&str> = list.iter().map(|(text, _)| text.as_str()).collect();
                    format!("({gap}{}{gap})", inner.join(" "))
                })
                .collect();
            let expected = lists
                .into_iter()
                .map(|list| List { resource: Resource::Request, conditions: list.into_iter().map(|(_, c)| c).collect() })
                .collect();
            prop_assert_eq!(parse(&text.join(&gap)), Ok(IfHeader { lists: expected }));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(
            prop_oneof![Just(b'('), Just(b')'), Just(b'<'), Just(b'>'), Just(b'['), Just(b']'), Just(b'"'), any::<u8>()], 0..40,
        )) {
            let _ = IfHeader::parse(&bytes, HOST);
        }
    }
}
