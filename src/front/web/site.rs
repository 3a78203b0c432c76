//! Every request of the pages, from its head to its answer.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::body::Body as PageBody;
use axum::extract::{DefaultBodyLimit, Query};
use axum::routing::{get, post};
use axum::{Router, response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use parking_lot::Mutex;

use super::person::Person;
use super::sessions::{Guest, Sessions};
use super::status::Failure;
use super::{
    account, archive, assets, changes, connect, device, folder, link, matters, messages, origin, own_activity,
    own_sessions, second_factor, settings, sign_in, staff, upload,
};
use crate::front::http_answer::{Body, BrokenOff, Response};
use crate::front::http_upload::Upload;
use crate::front::routed;
use crate::front::site::{Site, Visit};
use crate::gate::Gate;
use crate::vfs::Vfs;

/// Nothing is loaded from elsewhere, nothing sent elsewhere, nothing run that does not come from here.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; \
                      connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";
/// Bytes of a form that uploads nothing.
const MAX_FORM: usize = 64 * 1024;

/// The pages as the listener serves them.
pub struct Pages {
    portal: Arc<Portal>,
    router: Router,
}

/// What all pages share.
pub(super) struct Portal {
    pub(super) gate: Arc<Gate>,
    pub(super) vfs: Arc<Vfs>,
    pub(super) settings: Arc<ArcSwap<settings::Settings>>,
    pub(super) sessions: Sessions,
    /// Where SFTP is spoken, if it is.
    pub(super) sftp_port: Option<u16>,
}

/// Whoever sent the request, as far as the cookie says.
#[derive(Clone)]
pub(super) struct Visitor(pub(super) Option<Arc<Guest>>);

/// A document's body, on its way around the router, which needs not know of it.
#[derive(Clone)]
pub(super) struct Streamed(Arc<Mutex<Option<Body>>>);

impl Pages {
    /// The pages of a firm. `settings` is read for every page.
    pub fn new(
        gate: Arc<Gate>,
        vfs: Arc<Vfs>,
        settings: Arc<ArcSwap<settings::Settings>>,
        sftp_port: Option<u16>,
    ) -> Arc<Self> {
        let sessions = Sessions::new(gate.clone());
        let portal = Arc::new(Portal { gate, vfs, settings, sessions, sftp_port });
        let router = router(portal.clone());
        Arc::new(Self { portal, router })
    }
}

fn router(portal: Arc<Portal>) -> Router {
    Router::new()
        .route("/", get(first))
        .route("/sign-in", get(sign_in::show).post(sign_in::password))
        .route("/sign-in/code", get(sign_in::show_code).post(sign_in::code))
        .route("/invitation/{token}", get(link::show).post(link::follow))
        .route("/password-reset/{token}", get(link::show).post(link::follow))
        .route("/forgotten", get(link::show_forgotten).post(link::forgotten))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/m/{*path}", get(folder::open))
        .route("/messages/{*path}", get(messages::show).post(messages::answer))
        .route("/upload/{*path}", post(upload::receive).layer(DefaultBodyLimit::disable()))
        .route("/zip/{*path}", get(archive::send))
        .route("/new-folder/{*path}", post(changes::make_folder))
        .route("/rename/{*path}", post(changes::rename))
        .route("/delete/{*path}", post(changes::delete))
        .route("/connect", get(connect::show).post(connect::make_password))
        .route("/account", get(account::show))
        .route("/account/password", post(account::change_password))
        .route("/account/keys", post(account::add_key))
        .route("/account/keys/remove", post(account::remove_key))
        .route("/account/activity", get(own_activity::show))
        .route("/account/sessions", get(own_sessions::show).post(own_sessions::end))
        .route("/account/devices", post(device::add))
        .route("/account/devices/revoke", post(device::revoke))
        .route("/account/second-factor", get(second_factor::show).post(second_factor::switch_on))
        .route("/account/second-factor/off", post(second_factor::switch_off))
        .merge(staff::routes())
        .route("/assets/pages.css", get(assets::style))
        .route("/assets/pages.js", get(assets::script))
        .route("/assets/firm.css", get(assets::colour))
        .route("/assets/logo", get(assets::logo))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .with_state(portal)
}

/// The first page: the own matters, or those of the firm for who manages them.
async fn first(
    person: Person,
    Query(own): Query<matters::Search>,
    Query(all): Query<staff::Search>,
) -> Result<response::Response, Failure> {
    if person.guest.is_staff() { staff::home(&person, &all).await } else { matters::show(person, own).await }
}

impl Site for Pages {
    #[allow(private_interfaces, reason = "as in the trait")]
    fn answer(
        &self,
        visit: Arc<Visit>,
        parts: Parts,
        upload: Upload,
    ) -> BoxFuture<'static, (Response<Body>, Option<Upload>)> {
        Box::pin(answer(self.portal.clone(), self.router.clone(), visit, parts, upload))
    }
}

async fn answer(
    portal: Arc<Portal>,
    router: Router,
    visit: Arc<Visit>,
    mut parts: Parts,
    upload: Upload,
) -> (Response<Body>, Option<Upload>) {
    let guest = portal.sessions.of(&parts.headers);
    // A script that uploads shows a sentence, not a page.
    let in_words = parts.headers.get(ACCEPT).is_some_and(|accept| accept == "text/plain");
    let is_asset = parts.uri.path().starts_with("/assets/");
    let foreign = parts.method == Method::POST && !origin::is_own(&parts);
    let (mut answered, upload) = if foreign {
        (response::IntoResponse::into_response(Failure::foreign()), Some(upload))
    } else {
        parts.extensions.insert(visit);
        parts.extensions.insert(Visitor(guest.clone()));
        routed::call(router, parts, upload).await
    };
    let failed = answered.status().is_client_error() || answered.status().is_server_error();
    if failed && answered.extensions().get::<Rendered>().is_none() {
        let failure = Failure::of(&answered);
        let page = if in_words { failure.sentence() } else { failure.page(&portal, guest.as_deref()) };
        // The router says which methods an address takes, even where the answer is that there is no such address.
        let allow = answered.headers_mut().remove(ALLOW).filter(|_| failure.status == StatusCode::METHOD_NOT_ALLOWED);
        answered = page;
        allow.map(|methods| answered.headers_mut().insert(ALLOW, methods));
    }
    let (mut head, body) = answered.into_parts();
    let streamed = head.extensions.remove::<Streamed>().and_then(|streamed| streamed.0.lock().take());
    let body = streamed.unwrap_or_else(|| routed::body(body));
    head.headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    head.headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if !is_asset {
        head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    (Response::from_parts(head, body), upload)
}

/// Marks a refusal that is a page already: a form that is shown again.
#[derive(Clone, Copy)]
pub(super) struct Rendered;

/// A response with a document's body.
pub(super) fn streamed(body: Body) -> response::Response {
    // The router must not take the length of what stands in for the body for that of the document.
    let placeholder = PageBody::from_stream(stream::empty::<Result<Bytes, BrokenOff>>());
    let mut response = response::Response::new(placeholder);
    response.extensions_mut().insert(Streamed(Arc::new(Mutex::new(Some(body)))));
    response
}
