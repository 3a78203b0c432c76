//! Creations that are sent again: who names a key (`Idempotency-Key`) gets the first answer again, and nothing is made twice.
//!
//! In memory alone: after a restart a program that sends a creation again is told that it is there already, where the thing made has
//! a number or an address of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, ETAG, HeaderValue, LOCATION};
use hyper::{HeaderMap, Method, StatusCode};
use parking_lot::Mutex;

use super::caller::Caller;
use super::input;
use super::problem::Problem;
use super::service::Shared;
use crate::names::AccountId;

const HEADER: &str = "idempotency-key";
/// How long an answer is kept.
const LIFE: Duration = Duration::from_secs(24 * 3600);
/// Answers that are kept, and of these of one account; beyond, the oldest goes.
const MOST: usize = 8192;
const MOST_OF_ACCOUNT: usize = 1024;
/// Longer answers are not kept; what is made here has short ones.
const MAX_KEPT: usize = 64 * 1024;
/// Longer keys are none.
const MAX_KEY: usize = 255;

/// The keys that were named lately.
#[derive(Default)]
pub(super) struct Keys(Mutex<HashMap<Key, Entry>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    account: AccountId,
    text: String,
}

struct Entry {
    /// Of method, path and body: the same key with another request is a mistake.
    print: [u8; 32],
    since: Instant,
    /// Nothing while it is under way.
    answer: Option<Kept>,
}

#[derive(Clone)]
struct Kept {
    status: StatusCode,
    headers: Vec<(hyper::header::HeaderName, HeaderValue)>,
    body: Bytes,
}

enum Turn {
    /// Nobody has named the key.
    First,
    /// Somebody has, and this came of it.
    Again(Kept),
}

impl Keys {
    fn take(&self, key: &Key, print: [u8; 32]) -> Result<Turn, Problem> {
        let mut keys = self.0.lock();
        if keys.get(key).is_some_and(|entry| entry.since.elapsed() > LIFE) {
            keys.remove(key);
        }
        if let Some(entry) = keys.get(key) {
            if entry.print != print {
                let detail = "this key was sent with another request before";
                return Err(Problem::of_kind(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", detail));
            }
            let under_way = || {
                let detail = "the first request with this key is still under way";
                Problem::of_kind(StatusCode::CONFLICT, "under-way", detail)
            };
            return entry.answer.clone().map(Turn::Again).ok_or_else(under_way);
        }
        let oldest = |keys: &HashMap<Key, Entry>, of: Option<AccountId>| {
            let own = keys.iter().filter(|(key, _)| of.is_none_or(|of| key.account == of));
            own.min_by_key(|(_, entry)| entry.since).map(|(key, _)| key.clone())
        };
        let own = keys.keys().filter(|other| other.account == key.account).count();
        let gone = match (own >= MOST_OF_ACCOUNT, keys.len() >= MOST) {
            (true, _) => oldest(&keys, Some(key.account)),
            (false, true) => oldest(&keys, None),
            (false, false) => None,
        };
        gone.and_then(|gone| keys.remove(&gone));
        keys.insert(key.clone(), Entry { print, since: Instant::now(), answer: None });
        Ok(Turn::First)
    }

    /// What was made is kept; what was not may be tried again.
    fn settle(&self, key: &Key, answer: Option<Kept>) {
        let mut keys = self.0.lock();
        match (answer, keys.get_mut(key)) {
            (Some(answer), Some(entry)) => entry.answer = Some(answer),
            (Some(_), None) => {}
            (None, _) => drop(keys.remove(key)),
        }
    }
}

/// Passes a creation on once for each key.
pub(super) async fn once(State(api): State<Arc<Shared>>, request: Request, next: Next) -> Result<Response, Problem> {
    if request.method() != Method::POST {
        return Ok(next.run(request).await);
    }
    let (mut parts, body) = request.into_parts();
    // First of all: who shows no token learns nothing of keys.
    let caller = Caller::from_request_parts(&mut parts, &api).await?;
    let Some(text) = key(&parts.headers)? else { return Ok(next.run(Request::from_parts(parts, body)).await) };
    let key = Key { account: caller.session.account(), text };
    let body = input::bytes(Request::new(body)).await?;
    let mut print = digest::Context::new(&digest::SHA256);
    print.update(parts.uri.path().as_bytes());
    print.update(b"\0");
    print.update(&body);
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(print.finish().as_ref());
    match api.keys.take(&key, fingerprint)? {
        Turn::Again(kept) => Ok(kept.into()),
        Turn::First => {
            let request = Request::from_parts(parts, Body::from(body));
            // A task of its own: a client that goes away now comes back with the same key, and must find what came of it.
            let made = tokio::spawn(async move {
                let answer = next.run(request).await;
                let kept = Kept::of(answer).await;
                let is_made = kept.status.is_success() && kept.body.len() <= MAX_KEPT;
                api.keys.settle(&key, is_made.then(|| kept.clone()));
                kept
            });
            Ok(made.await.map_err(|_| Problem::unavailable())?.into())
        }
    }
}

/// The key that a request names, if it names one.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| (1..=MAX_KEY).contains(&text.len()));
    let text = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
    let wrong = || {
        Problem::unreadable(format!("`Idempotency-Key` is 1 to {MAX_KEY} letters, digits and signs, without spaces"))
    };
    text.map(|text| Some(text.to_owned())).ok_or_else(wrong)
}

impl Kept {
    async fn of(answer: Response) -> Self {
        let (head, body) = answer.into_parts();
        let kept = [CONTENT_TYPE, ETAG, LOCATION, hyper::header::ALLOW, hyper::header::WWW_AUTHENTICATE];
        let header = |name: hyper::header::HeaderName| Some((name.clone(), head.headers.get(&name)?.clone()));
        let headers = kept.into_iter().filter_map(header).collect();
        // Made here in one piece, so there is nothing to fail.
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        Self { status: head.status, headers, body }
    }
}

impl From<Kept> for Response {
    fn from(kept: Kept) -> Self {
        let mut response = (kept.status, kept.body).into_response();
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().extend(kept.headers);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        Kept { status: StatusCode::CREATED, headers: Vec::new(), body: Bytes::from_static(b"{}") }
    }

    #[test]
    fn a_key_leads_to_one_answer_and_to_no_other_request() {
        let (keys, key) = (Keys::default(), Key { account: AccountId::random(), text: "one".to_owned() });
        assert!(matches!(keys.take(&key, [1; 32]), Ok(Turn::First)));
        assert!(keys.take(&key, [1; 32]).is_err(), "under way");
        keys.settle(&key, Some(kept()));
        assert!(matches!(keys.take(&key, [1; 32]), Ok(Turn::Again(_))));
        assert!(keys.take(&key, [2; 32]).is_err(), "another request");
        let other = Key { account: AccountId::random(), ..key.clone() };
        assert!(matches!(keys.take(&other, [2; 32]), Ok(Turn::First)), "another account");
        keys.settle(&other, None);
        assert!(matches!(keys.take(&other, [3; 32]), Ok(Turn::First)), "what failed may be tried again");
    }

    #[test]
    fn one_account_cannot_push_out_the_keys_of_another() {
        let (keys, quiet) = (Keys::default(), Key { account: AccountId::random(), text: "quiet".to_owned() });
        assert!(matches!(keys.take(&quiet, [0; 32]), Ok(Turn::First)));
        keys.settle(&quiet, Some(kept()));
        let loud = AccountId::random();
        for number in 0..2 * MOST_OF_ACCOUNT {
            assert!(keys.take(&Key { account: loud, text: number.to_string() }, [0; 32]).is_ok());
        }
        assert!(keys.0.lock().len() <= MOST_OF_ACCOUNT + 1);
        assert!(matches!(keys.take(&quiet, [0; 32]), Ok(Turn::Again(_))));
    }
}
