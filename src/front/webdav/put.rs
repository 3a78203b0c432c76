//! PUT (RFC 9110 section 9.3.4): streamed into the tree, and visible only when it is there whole.

use bytes::BytesMut;
use hyper::header::{CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED};
use hyper::{HeaderMap, StatusCode};

use super::guard::{Guarded, current};
use super::location::href;
use super::status::{Act, Code, Refusal};
use crate::front::http_answer::{Body, Response, empty};
use crate::front::http_conditions::{Tags, http_date};
use crate::front::http_header::single;
use crate::front::http_upload::Upload;
use crate::names::DocPath;
use crate::vfs::{Error, Existing, Stat, View, WriteOptions, Writing};

/// Up to how much small frames are collected: a client that sends single bytes must not cost an entry in the tree's queue
/// for each. What is larger is passed on as it is, without a copy.
const BATCH: usize = 16 * 1024;

/// The PUT method.
pub(super) async fn put(
    view: View,
    path: DocPath,
    slash: bool,
    headers: &HeaderMap,
    guarded: &Guarded,
    upload: &mut Upload,
    limit: u64,
) -> Result<Response<Body>, Refusal> {
    let announced = check(headers, upload, limit)?;
    if slash || path.is_root() {
        return Err(Refusal::tree(&Error::IsFolder, Act::Put));
    }
    let refused = |error: Error| {
        let refusal = Refusal::tree(&error, Act::Put);
        if error == Error::Locked { refusal.with_code(Code::LockTokenSubmitted(href(&path, false))) } else { refusal }
    };
    let options = options(&view, &path, guarded).await?;
    // Version 7.4 beside curl 7.88 does not find the token of a name with %C3 in it again, which curl writes as %c3.
    let view = guarded.with_own_tokens(view, &path, headers, "LibreOffice").await;
    let writing = view.write(&path, options).await.map_err(refused)?;
    if let Some(length) = announced {
        // Refused before the client has sent it.
        writing.announce(length).await.map_err(refused)?;
    }
    if let Some(modified) = guarded.oc_mtime {
        writing.set_modified(modified).await.map_err(refused)?;
    }
    let received = match receive(&writing, upload, limit).await {
        Ok(received) => received,
        // Nothing that is too large will ever be resumed.
        Err(Interrupted::TooLarge) => {
            writing.discard().await;
            return Err(refused(Error::TooLarge));
        }
        // Cut off: what came stays as its uploader's part, and the document as it was.
        Err(Interrupted::Body(refusal)) => return Err(refusal),
        Err(Interrupted::Tree(error)) => return Err(refused(error)),
    };
    if announced.is_some_and(|announced| announced != received) {
        return Err(Refusal::bad("the body is not as long as was announced"));
    }
    // A task of its own: a client that hangs up now must not leave the commit half done and its record open.
    let committed = tokio::spawn(writing.commit()).await.unwrap_or(Err(Error::Unavailable));
    let (stat, is_new) = committed.map_err(refused)?;
    Ok(answer(&stat, is_new, guarded.oc_mtime.is_some()))
}

/// What can be refused before a byte is read. Returns the length that the body must have.
fn check(headers: &HeaderMap, upload: &Upload, limit: u64) -> Result<Option<u64>, Refusal> {
    // RFC 9110 section 14.5: a part must never be taken for the whole.
    if headers.contains_key(CONTENT_RANGE) {
        return Err(Refusal::bad("a part of a document cannot be uploaded with Content-Range"));
    }
    let encoded = |value: &HeaderValue| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().any(encoded) {
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "an upload must not be encoded"));
    }
    // Finder sends chunks, and the length in a header of its own.
    let expected = match single(headers, "x-expected-entity-length")? {
        Some(value) => {
            let length = value.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok());
            Some(length.ok_or_else(|| Refusal::bad("the x-expected-entity-length header is malformed"))?)
        }
        None => None,
    };
    let announced = upload.length().or(expected);
    if announced.is_some_and(|length| length > limit) {
        return Err(Refusal::tree(&Error::TooLarge, Act::Put));
    }
    Ok(announced)
}

/// Judges the conditions now, and has what was judged hold at the commit too: between the two, somebody else may write.
async fn options(view: &View, path: &DocPath, guarded: &Guarded) -> Result<WriteOptions, Refusal> {
    let mut options = WriteOptions { create: true, existing: Existing::Replace, expect_version: None };
    if guarded.conditions.is_empty() && guarded.if_header.is_none() {
        return Ok(options);
    }
    let stat = current(view, path, Act::Put).await?;
    guarded.check_against(view, path, stat.as_ref(), Act::Put).await?;
    let by_tag = guarded.if_header.as_ref().is_some_and(|header| header.insists_on_tag());
    if !guarded.conditions.is_empty() || by_tag {
        options.expect_version = Some(stat.as_ref().map_or(0, |stat| stat.version));
    }
    if guarded.conditions.if_none_match == Some(Tags::Any) {
        options.existing = Existing::Refuse;
    }
    Ok(options)
}

enum Interrupted {
    TooLarge,
    Body(Refusal),
    Tree(Error),
}

/// Moves the body into the tree in large steps; returns how long it was.
async fn receive(writing: &Writing, upload: &mut Upload, limit: u64) -> Result<u64, Interrupted> {
    let mut received = 0u64;
    let mut batch = BytesMut::new();
    let mut losses = writing.losses();
    loop {
        let data = tokio::select! {
            biased;
            data = upload.next() => data.map_err(|why| Interrupted::Body(why.into()))?,
            // A client that sends slowly, or nothing, is told now and not at the next step.
            Ok(()) = losses.changed() => {
                writing.may_go_on().await.map_err(Interrupted::Tree)?;
                continue;
            }
        };
        let Some(data) = data else { break };
        received += data.len() as u64;
        if received > limit {
            return Err(Interrupted::TooLarge);
        }
        if batch.len() + data.len() < BATCH {
            batch.extend_from_slice(&data);
            continue;
        }
        if !batch.is_empty() {
            writing.append(batch.split().freeze()).await.map_err(Interrupted::Tree)?;
        }
        writing.append(data).await.map_err(Interrupted::Tree)?;
    }
    if !batch.is_empty() {
        writing.append(batch.freeze()).await.map_err(Interrupted::Tree)?;
    }
    Ok(received)
}

fn answer(stat: &Stat, is_new: bool, mtime: bool) -> Response<Body> {
    let mut response = empty(if is_new { StatusCode::CREATED } else { StatusCode::NO_CONTENT });
    let headers = response.headers_mut();
    // The bytes are kept as they came, so the validators may be sent (RFC 9110 section 9.3.4).
    if let Some(value) = stat.etag().and_then(|etag| HeaderValue::try_from(format!("\"{etag}\"")).ok()) {
        headers.insert(ETAG, value);
    }
    if let Ok(value) = HeaderValue::try_from(http_date(stat.modified)) {
        headers.insert(LAST_MODIFIED, value);
    }
    if mtime {
        headers.insert(HeaderName::from_static("x-oc-mtime"), HeaderValue::from_static("accepted"));
    }
    response
}
