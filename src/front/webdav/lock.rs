//! LOCK and UNLOCK (RFC 4918 sections 9.10 and 9.11).

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};

use super::guard::Guarded;
use super::headers::{Depth, token_uri};
use super::properties::push_active_lock;
use super::requests::{lockinfo, read_body};
use super::status::{Act, Code, Refusal};
use crate::front::http_answer::{Body, Response, empty, xml};
use crate::front::http_upload::Upload;
use crate::names::DocPath;
use crate::vfs::{Error, Lock, LockDepth, LockRequest, View};

/// What a lock lasts whose client does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);

/// The LOCK method: a new lock, or, without a body, a refresh.
pub(super) async fn lock(
    view: View,
    path: DocPath,
    guarded: &Guarded,
    upload: &mut Upload,
    limit: usize,
) -> Result<Response<Body>, Refusal> {
    let body = read_body(upload, limit).await?;
    guarded.check(&view, &path, Act::Lock).await?;
    let timeout = guarded.timeout.unwrap_or(DEFAULT_TIMEOUT);
    if body.is_empty() {
        // Section 9.10.2: the `If` header names the one lock.
        let [token] = guarded.tokens()[..] else {
            return Err(Refusal::bad("a LOCK without a body refreshes the one lock that the If header names"));
        };
        let lock = view.refresh_lock(&path, token, timeout).await.map_err(|error| {
            let refusal = Refusal::tree(&error, Act::Lock);
            if error == Error::Changed { refusal.with_code(Code::LockTokenMatches) } else { refusal }
        })?;
        return Ok(xml(StatusCode::OK, discovery(&lock)));
    }
    let info = lockinfo(&body)?;
    let depth = match guarded.depth {
        Some(Depth::Zero) => LockDepth::Zero,
        None | Some(Depth::Infinity) => LockDepth::Infinity,
        Some(Depth::One) => return Err(Refusal::bad("a lock has Depth: 0 or infinity")),
    };
    let request = LockRequest { shared: info.shared, depth, owner: info.owner, timeout };
    let (lock, made) = view.lock(&path, request).await.map_err(|error| {
        let refusal = Refusal::tree(&error, Act::Lock);
        if error == Error::Locked { refusal.with_code(Code::NoConflictingLock) } else { refusal }
    })?;
    let mut response = xml(if made { StatusCode::CREATED } else { StatusCode::OK }, discovery(&lock));
    if let Some(value) = lock.token.and_then(|token| HeaderValue::try_from(format!("<{}>", token_uri(token))).ok()) {
        response.headers_mut().insert(HeaderName::from_static("lock-token"), value);
    }
    Ok(response)
}

fn discovery(lock: &Lock) -> String {
    let mut body =
        String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:prop xmlns:D=\"DAV:\"><D:lockdiscovery>");
    push_active_lock(&mut body, lock);
    body.push_str("</D:lockdiscovery></D:prop>\n");
    body
}

/// The UNLOCK method.
pub(super) async fn unlock(view: View, path: DocPath, guarded: &Guarded) -> Result<Response<Body>, Refusal> {
    let token = guarded.lock_token.ok_or_else(|| Refusal::bad("the Lock-Token header is missing"))?;
    guarded.check(&view, &path, Act::Unlock).await?;
    let result = match token {
        Some(token) => view.unlock(&path, token).await,
        None => Err(Error::Changed),
    };
    result.map_err(|error| {
        let refusal = Refusal::tree(&error, Act::Unlock);
        if error == Error::Changed { refusal.with_code(Code::LockTokenMatches) } else { refusal }
    })?;
    Ok(empty(StatusCode::NO_CONTENT))
}
