//! What stands in front of every method: all headers that steer an operation, parsed strictly, once.

use std::time::Duration;

use hyper::header::{HeaderValue, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};

use super::headers::{self, Depth};
use super::if_header::{IfHeader, Resource, State};
use super::location::{LocationError, parse_reference, request_host};
use super::status::{Act, Refusal};
use crate::config::Limits;
use crate::front::http_conditions::{Conditions, Verdict};
use crate::front::http_header::{BadHeader, single};
use crate::front::limits::Limit;
use crate::names::{DocPath, LockToken, Timestamp};
use crate::vfs::{Error, Stat, View};

/// The headers of one request, parsed.
pub(super) struct Guarded {
    pub(super) conditions: Conditions,
    pub(super) if_header: Option<IfHeader>,
    pub(super) depth: Option<Depth>,
    /// `Overwrite`; true where it is absent (RFC 4918 section 10.6).
    pub(super) overwrite: bool,
    pub(super) timeout: Option<Duration>,
    /// `Lock-Token`, and within whether the token can be one of ours.
    pub(super) lock_token: Option<Option<LockToken>>,
    pub(super) destination: Option<Result<(DocPath, bool), LocationError>>,
    pub(super) range: Option<HeaderValue>,
    pub(super) if_range: Option<HeaderValue>,
    pub(super) oc_mtime: Option<Timestamp>,
}

/// The most header lines of a request.
pub(super) const MAX_HEADERS: usize = 64;

/// Refuses heads that are larger than any client's.
pub(super) fn check_size(headers: &HeaderMap, limits: &Limits) -> Result<(), Refusal> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if bytes > limits.header_bytes || headers.len() > MAX_HEADERS {
        let refusal = Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the request headers are too large");
        return Err(refusal.at(Limit::HeaderBytes));
    }
    // Which host is meant decides what a Destination may name: there must be one answer (RFC 9112 section 3.2).
    single(headers, "host")?;
    Ok(())
}

impl Guarded {
    /// Parses the headers of a request.
    pub(super) fn parse(parts: &Parts) -> Result<Self, Refusal> {
        let headers = &parts.headers;
        let host = request_host(&parts.uri, headers);
        let if_header = match single(headers, "if")? {
            Some(value) => Some(IfHeader::parse(value.as_bytes(), host)?),
            None => None,
        };
        let destination = single(headers, "destination")?.map(|value| parse_reference(value.as_bytes(), host));
        // A malformed one is refused whatever the method; one that points elsewhere, only where it would be used.
        if let Some(Err(error @ (LocationError::Encoding | LocationError::Name(_) | LocationError::Destination))) =
            destination
        {
            return Err(error.into());
        }
        Ok(Self {
            conditions: Conditions::parse(headers)?,
            if_header,
            depth: parsed(headers, "depth", headers::depth)?,
            overwrite: parsed(headers, "overwrite", headers::overwrite)?.unwrap_or(true),
            timeout: parsed(headers, "timeout", headers::timeout)?,
            lock_token: parsed(headers, "lock-token", headers::lock_token)?,
            destination,
            range: single(headers, "range")?,
            if_range: single(headers, "if-range")?,
            oc_mtime: parsed(headers, "x-oc-mtime", headers::oc_mtime)?,
        })
    }

    /// The tokens that the request submits: those of `If`, or, as Word 2016 sends it with PUT, that of `Lock-Token`.
    pub(super) fn tokens(&self) -> Vec<LockToken> {
        match (&self.if_header, self.lock_token) {
            (Some(header), _) => header.tokens(),
            (None, Some(Some(token))) => vec![token],
            (None, _) => Vec::new(),
        }
    }

    /// Some programs forget the token of a lock that they hold. From one whose `User-Agent` begins like this, its user's own
    /// tokens are taken as sent; any other client must say what it knows.
    pub(super) async fn with_own_tokens(&self, view: View, path: &DocPath, headers: &HeaderMap, agent: &str) -> View {
        let sent = headers.get(USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
        if !sent.starts_with(agent.as_bytes()) || !self.tokens().is_empty() {
            return view;
        }
        let locks = view.locks(path).await.unwrap_or_default();
        view.with_tokens(locks.into_iter().filter_map(|lock| lock.token).collect())
    }

    /// Judges `If` (RFC 4918 section 10.4) and the conditions of RFC 9110 for a method that changes something.
    pub(super) async fn check(&self, view: &View, path: &DocPath, act: Act) -> Result<(), Refusal> {
        if self.if_header.is_none() && self.conditions.is_empty() {
            return Ok(());
        }
        let current = current(view, path, act).await?;
        self.check_against(view, path, current.as_ref(), act).await
    }

    /// The same, where what stands there is known already.
    pub(super) async fn check_against(
        &self,
        view: &View,
        path: &DocPath,
        current: Option<&Stat>,
        act: Act,
    ) -> Result<(), Refusal> {
        if let Some(header) = &self.if_header
            && !holds(header, view, path, current, act).await?
        {
            return Err(Refusal::precondition());
        }
        match self.conditions.judge(current, false) {
            Verdict::Proceed => Ok(()),
            Verdict::NotModified | Verdict::Failed => Err(Refusal::precondition()),
        }
    }
}

fn parsed<T>(
    headers: &HeaderMap,
    name: &'static str,
    parse: impl FnOnce(&HeaderValue) -> Result<T, BadHeader>,
) -> Result<Option<T>, BadHeader> {
    single(headers, name)?.as_ref().map(parse).transpose()
}

/// What stands at a path, if anything that this session may know of.
pub(super) async fn current(view: &View, path: &DocPath, act: Act) -> Result<Option<Stat>, Refusal> {
    match view.stat(path).await {
        Ok(stat) => Ok(Some(stat)),
        Err(Error::NotFound | Error::NoParent | Error::NotFolder) => Ok(None),
        Err(error) => Err(Refusal::tree(&error, act)),
    }
}

/// True if one of the lists is true.
async fn holds(
    header: &IfHeader,
    view: &View,
    request: &DocPath,
    current_request: Option<&Stat>,
    act: Act,
) -> Result<bool, Refusal> {
    for list in &header.lists {
        let tagged;
        let (path, stat) = match &list.resource {
            Resource::Request => (Some(request), current_request),
            Resource::Path(path) => {
                tagged = current(view, path, act).await?;
                (Some(path), tagged.as_ref())
            }
            Resource::Elsewhere => (None, None),
        };
        let needs_locks = list.conditions.iter().any(|condition| matches!(condition.state, State::Token(Some(_))));
        let locks = match path {
            Some(path) if needs_locks => match view.locks(path).await {
                Ok(locks) => locks,
                Err(Error::NotFound | Error::NoParent | Error::NotFolder) => Vec::new(),
                Err(error) => return Err(Refusal::tree(&error, act)),
            },
            _ => Vec::new(),
        };
        let etag = stat.and_then(Stat::etag);
        let all = list.conditions.iter().all(|condition| {
            let matches = match &condition.state {
                State::Token(Some(token)) => locks.iter().any(|lock| lock.token == Some(*token)),
                State::Token(None) => false,
                State::Tag(tag) => etag.as_deref().is_some_and(|ours| tag.is(ours)),
            };
            matches != condition.negated
        });
        if all {
            return Ok(true);
        }
    }
    Ok(false)
}
