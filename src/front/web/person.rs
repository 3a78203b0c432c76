//! Whoever has signed in, as the handlers of their pages get them.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::Method;
use hyper::http::request::Parts;

use super::frame::Frame;
use super::sessions::Guest;
use super::site::{Portal, Visitor};
use super::status::Failure;
use super::urls;
use crate::front::limits::Holding;
use crate::front::site::Visit;
use crate::gate::{LoginError, Session};
use crate::names::Front;
use crate::vfs::View;

/// Somebody who has signed in, with the session for the address that this request comes from.
pub(super) struct Person {
    pub(super) portal: Arc<Portal>,
    pub(super) guest: Arc<Guest>,
    pub(super) session: Arc<Session>,
    pub(super) visit: Arc<Visit>,
}

impl Person {
    /// The tree as this person sees it.
    pub(super) fn view(&self) -> View {
        self.portal.vfs.view(&self.session)
    }

    /// One more of something that the account may have only so much of.
    pub(super) fn hold(&self, holding: Holding) -> Result<(), Failure> {
        Ok(self.visit.hold(self.session.account(), holding, Front::Web)?)
    }

    /// What stands around a page for this person, with what is to be told.
    pub(super) fn frame(&self, title: impl Into<String>) -> Frame {
        Frame { notice: self.guest.take_notice(), ..Frame::new(&self.portal, title, Some(&self.guest)) }
    }
}

impl FromRequestParts<Arc<Portal>> for Person {
    /// The page for signing in, or why not.
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, Response> {
        let visit = visit(parts).map_err(|failure| failure.into_response())?;
        let guest = parts.extensions.get::<Visitor>().and_then(|visitor| visitor.0.clone());
        let Some(guest) = guest else { return Err(to_sign_in(parts)) };
        let session = match guest.session_at(visit.peer(), &portal.gate).await {
            Ok(session) => session,
            Err(LoginError::Refused) => return Err(to_sign_in(parts)),
            Err(error) => return Err(Failure::from(error).into_response()),
        };
        let account = session.account();
        let counted = visit.login(account).and_then(|()| visit.hold(account, Holding::Request, Front::Web));
        counted.map_err(|limit| Failure::from(limit).into_response())?;
        Ok(Self { portal: portal.clone(), guest, session, visit })
    }
}

/// Whoever is signed in and is none of those for whom a page is gets the answer for an address that does not exist, whatever
/// the method, before anything else of the request is looked at.
pub(super) async fn only(is_one: fn(&Guest) -> bool, request: Request, next: Next) -> Response {
    let guest = request.extensions().get::<Visitor>().and_then(|visitor| visitor.0.clone());
    if guest.is_some_and(|guest| !is_one(&guest)) {
        return Failure::not_found().into_response();
    }
    next.run(request).await
}

/// The request as it counts.
pub(super) fn visit(parts: &Parts) -> Result<Arc<Visit>, Failure> {
    parts.extensions.get::<Arc<Visit>>().cloned().ok_or_else(Failure::unavailable)
}

/// Who wanted to see something signs in first; what was sent is not sent again.
fn to_sign_in(parts: &Parts) -> Response {
    match parts.method {
        Method::GET | Method::HEAD => Redirect::to(&urls::sign_in(parts.uri.path())).into_response(),
        _ => Failure::signed_out().into_response(),
    }
}

/// The person of a request whose body is read later.
pub(super) async fn of_request(request: Request, portal: &Arc<Portal>) -> Result<(Person, Request), Response> {
    let (mut parts, body) = request.into_parts();
    let person = Person::from_request_parts(&mut parts, portal).await?;
    Ok((person, Request::from_parts(parts, body)))
}
