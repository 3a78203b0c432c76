//! One request, from its head to its answer: location, login, guard, method. What does not lie in the drive is handed to the
//! site beside it.

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, EXPECT, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, StatusCode, Version};

use super::answers::{Answers, METHODS};
use super::guard::{Guarded, check_size};
use super::location::{Location, LocationError};
use super::server::Behind;
use super::settings::Settings;
use super::status::Refusal;
use super::{auth, copy_move, delete, get, lock, mkcol, propfind, proppatch, put};
use crate::front::http_answer::{Body, Connection, InFlight, Response, empty};
use crate::front::http_upload::Upload;
use crate::front::limits::Holding;
use crate::front::pace::Pace;
use crate::front::site::{Site, Visit};
use crate::gate::Gate;
use crate::names::Front;
use crate::vfs::Vfs;

/// What all requests share.
pub(super) struct Shared {
    pub(super) settings: Arc<Settings>,
    pub(super) gate: Arc<Gate>,
    pub(super) vfs: Arc<Vfs>,
    /// What answers outside of the drive.
    pub(super) site: Arc<dyn Site>,
    pub(super) challenge: HeaderValue,
    answers: Answers,
}

impl Shared {
    pub(super) fn new(settings: Arc<Settings>, behind: Behind) -> Self {
        let Behind { gate, vfs, site } = behind;
        let (challenge, answers) = (auth::challenge(&settings.realm), Answers::default());
        Self { settings, gate, vfs, site, challenge, answers }
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
    let (method, version, waits) = (parts.method.clone(), parts.version, parts.headers.contains_key(EXPECT));
    let location = Location::parse(parts.uri.path());
    let (mut response, upload, in_flight) = match check_size(&parts.headers, &connection.limits) {
        Err(refusal) => (refusal.into_response(), Some(upload), in_flight),
        Ok(()) if is_for_the_site(&location, &method) => {
            let visit = Arc::new(Visit::new(connection.clone(), shared.settings.bounds.clone(), in_flight));
            let (response, upload) = shared.site.answer(visit.clone(), parts, upload).await;
            (response, upload, visit.end())
        }
        Ok(()) => {
            let answer = route(&shared, &connection, &parts, location, &mut upload, &mut in_flight).await;
            (answer.unwrap_or_else(Refusal::into_response), Some(upload), in_flight)
        }
    };
    // RFC 9110 section 9.3.2. hyper takes the body away for HTTP/1.1 alone, and a client of HTTP/2 drops the answer.
    if method == Method::HEAD {
        response = response.map(|_| Body::Empty);
    }
    // Whoever waits for 100 Continue has not sent the body and now never will; reading on would ask for it.
    let refused = response.status().is_client_error() || response.status().is_server_error();
    let rest = match upload {
        Some(mut upload) if !(refused && waits) => {
            if upload.drain().await {
                Ok(())
            } else {
                Err(Some(upload))
            }
        }
        other => Err(other),
    };
    match rest {
        Ok(()) => {}
        Err(_) if version < Version::HTTP_2 => {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        // Dropping the body now would reset the stream, and curl, still sending, would report that and not the answer.
        Err(rest) => drop(rest.map(|upload| tokio::spawn(upload.linger()))),
    }
    secure(response.headers_mut());
    shared.answers.count(&method, response.status());
    Ok(response.map(|body| body.watched(in_flight)))
}

/// What the drive answers: everything below `/dav`, and what Windows and Finder ask the server itself before they connect.
fn is_for_the_site(location: &Result<Location, LocationError>, method: &Method) -> bool {
    match location {
        Ok(Location::Elsewhere) => true,
        Ok(Location::Top) => !matches!(method.as_str(), "OPTIONS" | "PROPFIND"),
        Ok(Location::Tree { .. } | Location::Server) | Err(_) => false,
    }
}

/// Headers of every answer. A browser that is led here must neither guess types, nor frame, nor keep, nor tell; the site
/// says for its own answers what it needs otherwise.
fn secure(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    for (name, value) in [
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "private, no-cache"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

async fn route(
    shared: &Shared,
    connection: &Connection,
    parts: &Parts,
    location: Result<Location, LocationError>,
    upload: &mut Upload,
    in_flight: &mut InFlight,
) -> Result<Response<Body>, Refusal> {
    let limits = &connection.limits;
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
    in_flight.hold(bounds, session.account(), Holding::Request, Front::Webdav)?;
    match parts.method.as_str() {
        "GET" => in_flight.hold(bounds, session.account(), Holding::Document, Front::Webdav)?,
        "PUT" => in_flight.hold(bounds, session.account(), Holding::Upload, Front::Webdav)?,
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
            return propfind::top(&guarded, upload, limits.xml_bytes).boxed().await;
        }
        Location::Top | Location::Server | Location::Elsewhere => return Err(Refusal::method("OPTIONS, PROPFIND")),
    };
    let view = shared.vfs.view(&session).with_tokens(guarded.tokens());
    let request = || bounds.hold(session.account(), Holding::Request, Front::Webdav);
    // Boxed but for the most frequent: a request's future is moved a few times, and would have room for the largest of them.
    let answer = match parts.method.as_str() {
        "GET" => return get::get(view, path, slash, &guarded, false).await,
        "HEAD" => get::get(view, path, slash, &guarded, true).boxed(),
        "PUT" => put::put(view, path, slash, &parts.headers, &guarded, upload, limits.upload_bytes).boxed(),
        "DELETE" => delete::delete(view, path, slash, &guarded).boxed(),
        "MKCOL" => mkcol::make(view, path, &guarded, upload).boxed(),
        "COPY" => copy_move::place(view, path, &guarded, copy_move::Kind::Copy, request()?).boxed(),
        "MOVE" => copy_move::place(view, path, &guarded, copy_move::Kind::Move, request()?).boxed(),
        "PROPFIND" => propfind::tree(view, path, &guarded, upload, limits.xml_bytes).boxed(),
        "PROPPATCH" => proppatch::patch(view, path, &parts.headers, &guarded, upload, limits.xml_bytes).boxed(),
        "LOCK" => lock::lock(view, path, &guarded, upload, limits.xml_bytes).boxed(),
        "UNLOCK" => lock::unlock(view, path, &guarded).boxed(),
        _ => return Err(Refusal::method(METHODS)),
    };
    answer.await
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
    fn options_say_both_classes_and_nothing_of_the_tree() {
        let response = options();
        assert_eq!(response.headers()["dav"], "1, 2");
        assert_eq!(response.headers()["ms-author-via"], "DAV");
        assert_eq!(response.headers().len(), 3);
    }
}
