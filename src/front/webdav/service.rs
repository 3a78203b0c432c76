//! One request, from its head to its answer: location, login, guard, method.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, EXPECT, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, StatusCode, Version};

use super::body::{Body, Connection, InFlight, Response, empty};
use super::guard::{Guarded, check_size};
use super::incoming::Upload;
use super::location::Location;
use super::settings::Settings;
use super::status::Refusal;
use super::{auth, copy_move, delete, get, lock, mkcol, propfind, proppatch, put};
use crate::front::limits::Holding;
use crate::front::pace::Pace;
use crate::gate::Gate;
use crate::vfs::Vfs;

const METHODS: &str = "OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK";

/// What all requests share.
pub(super) struct Shared {
    pub(super) settings: Arc<Settings>,
    pub(super) gate: Arc<Gate>,
    pub(super) vfs: Arc<Vfs>,
    pub(super) challenge: HeaderValue,
}

impl Shared {
    pub(super) fn new(settings: Arc<Settings>, gate: Arc<Gate>, vfs: Arc<Vfs>) -> Self {
        Self { challenge: auth::challenge(&settings.realm), settings, gate, vfs }
    }
}

/// Answers a request. Never fails: every failure is an answer.
pub(super) async fn handle(
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let mut in_flight = connection.begin();
    let (parts, body) = request.into_parts();
    let mut upload = Upload::new(body, Pace::new(&connection.limits));
    let mut response = match route(&shared, &connection, &parts, &mut upload, &mut in_flight).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    // RFC 9110 section 9.3.2. hyper takes the body away for HTTP/1.1 alone, and a client of HTTP/2 drops the answer.
    if parts.method == Method::HEAD {
        response = response.map(|_| Body::Empty);
    }
    // Whoever waits for 100 Continue has not sent the body and now never will; reading on would ask for it.
    let refused = response.status().is_client_error() || response.status().is_server_error();
    let waits = refused && parts.headers.contains_key(EXPECT);
    let reusable = !waits && upload.drain().await;
    if !reusable && parts.version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    } else if !reusable {
        // Dropping the body now would reset the stream, and curl, still sending, would report that and not the answer.
        tokio::spawn(upload.linger());
    }
    secure(response.headers_mut());
    let labels = [("method", label(&parts.method).to_owned()), ("status", response.status().as_str().to_owned())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    Ok(response.map(|body| body.watched(in_flight)))
}

/// Headers of every answer. A browser that is led here must neither guess types, nor frame, nor keep, nor tell.
fn secure(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"));
}

/// Methods as metric labels; made-up ones share a label, so that nobody can make the metrics grow.
fn label(method: &Method) -> &'static str {
    METHODS.split(", ").find(|known| *known == method.as_str()).unwrap_or("other")
}

async fn route(
    shared: &Shared,
    connection: &Connection,
    parts: &Parts,
    upload: &mut Upload,
    in_flight: &mut InFlight,
) -> Result<Response<Body>, Refusal> {
    let limits = &connection.limits;
    check_size(&parts.headers, limits)?;
    let location = match Location::parse(parts.uri.path()) {
        Ok(Location::Elsewhere) => return Err(Refusal::not_found()),
        Ok(location) => Ok(location),
        Err(error) => Err(error),
    };
    let login = || auth::session(&shared.gate, connection.peer, &parts.headers, &shared.challenge);
    if parts.method == Method::OPTIONS {
        // Windows and Finder ask before they log in. The answer is the same everywhere, so it tells nothing; a wrong
        // password is refused here already, where gvfs expects it.
        if parts.headers.contains_key(hyper::header::AUTHORIZATION) {
            connection.place.login(login().await?.account())?;
        }
        return Ok(options());
    }
    let session = login().await?;
    connection.place.login(session.account())?;
    let bounds = &shared.settings.bounds;
    in_flight.hold(bounds, session.account(), Holding::Request)?;
    match parts.method.as_str() {
        "GET" => in_flight.hold(bounds, session.account(), Holding::Document)?,
        "PUT" => in_flight.hold(bounds, session.account(), Holding::Upload)?,
        _ => {}
    }
    let location = match location {
        Ok(location) => location,
        // A name that cannot exist is not found, as one that does not.
        Err(error) if error.is_only_too_long() && is_lookup(&parts.method) => return Err(Refusal::not_found()),
        Err(error) => return Err(error.into()),
    };
    let guarded = Guarded::parse(parts)?;
    let (path, slash) = match location {
        Location::Tree { path, slash } => (path, slash),
        Location::Top if parts.method.as_str() == "PROPFIND" => {
            return propfind::top(&guarded, upload, limits.xml_bytes).await;
        }
        Location::Top if is_lookup(&parts.method) => return Err(Refusal::not_found()),
        Location::Top | Location::Server | Location::Elsewhere => return Err(Refusal::method("OPTIONS, PROPFIND")),
    };
    let view = shared.vfs.view(&session).with_tokens(guarded.tokens());
    match parts.method.as_str() {
        "GET" => get::get(view, path, slash, &guarded, false).await,
        "HEAD" => get::get(view, path, slash, &guarded, true).await,
        "PUT" => put::put(view, path, slash, &parts.headers, &guarded, upload, limits.upload_bytes).await,
        "DELETE" => delete::delete(view, path, slash, &guarded).await,
        "MKCOL" => mkcol::make(view, path, &guarded, upload).await,
        "COPY" => copy_move::place(view, path, &guarded, copy_move::Kind::Copy).await,
        "MOVE" => copy_move::place(view, path, &guarded, copy_move::Kind::Move).await,
        "PROPFIND" => propfind::tree(view, path, &guarded, upload, limits.xml_bytes).await,
        "PROPPATCH" => proppatch::patch(view, path, &parts.headers, &guarded, upload, limits.xml_bytes).await,
        "LOCK" => lock::lock(view, path, &guarded, upload, limits.xml_bytes).await,
        "UNLOCK" => lock::unlock(view, path, &guarded).await,
        _ => Err(Refusal::method(METHODS)),
    }
}

fn is_lookup(method: &Method) -> bool {
    matches!(method.as_str(), "GET" | "HEAD" | "PROPFIND")
}

/// What this server can do (RFC 4918 section 10.1). `MS-Author-Via` makes Windows choose WebDAV.
fn options() -> Response<Body> {
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("dav"), HeaderValue::from_static("1, 2"));
    headers.insert(HeaderName::from_static("ms-author-via"), HeaderValue::from_static("DAV"));
    headers.insert(ALLOW, HeaderValue::from_static(METHODS));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_methods_share_one_label() {
        assert_eq!(label(&Method::GET), "GET");
        assert_eq!(label(&Method::from_bytes(b"PROPFIND").expect("method")), "PROPFIND");
        assert_eq!(label(&Method::from_bytes(b"X-1").expect("method")), "other");
        assert_eq!(label(&Method::TRACE), "other");
    }

    #[test]
    fn options_say_both_classes_and_nothing_of_the_tree() {
        let response = options();
        assert_eq!(response.headers()["dav"], "1, 2");
        assert_eq!(response.headers()["ms-author-via"], "DAV");
        assert_eq!(response.headers().len(), 3);
    }
}
