//! Every request of the API, from its head to its answer.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response as Answered};
use axum::routing::{delete, get, post};
use futures_util::future::BoxFuture;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;

use super::idempotency::{self, Keys};
use super::problem::Problem;
use super::{
    access, accounts, activity, contacts, documents, firm, folders, intake, keys, locks, matter_types, matters, me,
    messages, participants, shares,
};
use crate::front::http_answer::{Body, Response};
use crate::front::http_upload::Upload;
use crate::front::routed;
use crate::front::site::{Site, Visit};
use crate::gate::Gate;
use crate::vfs::Vfs;

/// What the API is served with; another one can be put in its place while it is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// False answers as if there were no API.
    pub enabled: bool,
    /// Whether the firm can be administered through it.
    pub administer: bool,
    /// The firm's name.
    pub firm: String,
    /// Where the portal is on the web, without a slash at the end: what invitations start with.
    pub public_url: Option<String>,
    /// The firm sends mail, so that invitations can go that way.
    pub mails: bool,
}

/// The API as the listener serves it.
pub struct Api {
    shared: Arc<Shared>,
    router: Router,
}

/// What all requests share.
pub(super) struct Shared {
    pub(super) gate: Arc<Gate>,
    pub(super) vfs: Arc<Vfs>,
    pub(super) settings: Arc<ArcSwap<Settings>>,
    pub(super) keys: Keys,
}

impl Api {
    /// The API of a firm. `settings` is read for every request.
    pub fn new(gate: Arc<Gate>, vfs: Arc<Vfs>, settings: Arc<ArcSwap<Settings>>) -> Arc<Self> {
        let shared = Arc::new(Shared { gate, vfs, settings, keys: Keys::default() });
        let router = router(shared.clone());
        Arc::new(Self { shared, router })
    }
}

fn router(shared: Arc<Shared>) -> Router {
    // What is made once for a key, whatever the client sends again.
    let creations = Router::new()
        .route("/matters", get(matters::list).post(matters::create))
        .route("/matters/{number}/participants", get(participants::list).post(participants::add))
        .route("/matters/{number}/shares", get(shares::list).post(shares::add))
        .route("/matters/{number}/messages", get(messages::list).post(messages::send))
        .route("/contacts", get(contacts::list).post(contacts::create))
        .layer(from_fn_with_state(shared.clone(), idempotency::once));
    let rest = Router::new()
        .route("/openapi.json", get(description))
        .route("/me", get(me::show))
        .route("/me/activity", get(me::activity))
        .route("/me/keys", get(me::list_keys))
        .route("/me/keys/{fingerprint}", delete(me::remove_key))
        .route("/me/sessions", get(me::sessions).delete(me::end_others))
        .route("/me/sessions/{session}", delete(me::end_session))
        .route("/matters/{number}", get(matters::show).patch(matters::edit))
        .route(
            "/matters/{number}/participants/{contact}",
            get(participants::show).patch(participants::edit).delete(participants::remove),
        )
        .route("/matters/{number}/participants/{contact}/access", post(access::change))
        .route("/matters/{number}/folders", get(folders::list))
        .route("/matters/{number}/documents", get(documents::list))
        .route("/matters/{number}/shares/{document}", delete(shares::remove))
        .route("/matters/{number}/messages/{message}", get(messages::show))
        .route("/matters/{number}/activity", get(activity::list))
        .route("/contacts/{contact}", get(contacts::show).patch(contacts::edit))
        .route("/intake", get(intake::list))
        .route("/intake/{document}", get(intake::show).delete(intake::discard))
        .route("/intake/{document}/assign", post(intake::assign))
        .route("/matter-types", get(matter_types::list))
        .route("/matter-types/{name}", get(matter_types::show).put(matter_types::apply))
        .route("/matter-types/{name}/push", post(matter_types::push))
        .route("/locks", get(locks::list))
        .route("/locks/{lock}", axum::routing::delete(locks::remove))
        .route("/firm", get(firm::show).patch(firm::edit))
        .route("/accounts", get(accounts::list))
        .route("/accounts/{login}", get(accounts::show).patch(accounts::edit))
        .route("/accounts/{login}/keys", get(keys::list))
        .route("/accounts/{login}/keys/{fingerprint}", delete(keys::remove))
        .route("/accounts/{login}/reset", post(accounts::reset));
    Router::new().nest("/api/v1", creations.merge(rest)).with_state(shared)
}

/// What the API is, for programs that make clients of it. No login: it tells nothing of the firm.
async fn description() -> Answered {
    let json = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, json)], include_str!("openapi.json")).into_response()
}

impl Site for Api {
    #[allow(private_interfaces, reason = "as in the trait")]
    fn answer(
        &self,
        visit: Arc<Visit>,
        mut parts: Parts,
        upload: Upload,
    ) -> BoxFuture<'static, (Response<Body>, Option<Upload>)> {
        let (router, enabled) = (self.router.clone(), self.shared.settings.load().enabled);
        Box::pin(async move {
            if !enabled {
                return (finish(Problem::not_found().into_response()), Some(upload));
            }
            parts.extensions.insert(visit);
            let (answered, upload) = routed::call(router, parts, upload).await;
            (finish(answered), upload)
        })
    }
}

/// A router's own refusals get the form of all others; nothing is to be kept by anybody on the way.
fn finish(mut answered: Answered) -> Response<Body> {
    let status = answered.status();
    let kind = answered.headers().get(CONTENT_TYPE);
    if (status.is_client_error() || status.is_server_error())
        && kind.is_none_or(|kind| kind != "application/problem+json")
    {
        let allow = answered.headers_mut().remove(ALLOW);
        answered = Problem::of_status(status).into_response();
        if let Some(allow) = allow {
            answered.headers_mut().insert(ALLOW, allow);
        }
    }
    answered.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let (head, body) = answered.into_parts();
    Response::from_parts(head, routed::body(body))
}
