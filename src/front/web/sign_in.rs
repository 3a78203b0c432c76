//! Signing in, with a code where the account has a second factor, and signing out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Form, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::header::SET_COOKIE;
use hyper::{HeaderMap, StatusCode};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::cookies::{self, HALF, SESSION};
use super::form::{Nothing, Posted};
use super::frame::{Frame, Notice, page};
use super::site::{Portal, Rendered, Visitor};
use super::status::Failure;
use super::urls::Target;
use crate::front::site::Visit;
use crate::gate::{Login, Session};
use crate::names::Front;

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    login: String,
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Code {
    code: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    /// A forgotten password can be replaced by mail.
    mails: bool,
    next: String,
    login: String,
}

#[derive(Template)]
#[template(path = "code.html")]
struct CodePage {
    frame: Frame,
}

/// The page for signing in; whoever is in already goes on.
pub(super) async fn show(
    State(portal): State<Arc<Portal>>,
    Extension(Visitor(guest)): Extension<Visitor>,
    Query(Wanted { next }): Query<Wanted>,
) -> Response {
    let next = Target::parse(&next).to_string();
    if guest.is_some() {
        return Redirect::to(&next).into_response();
    }
    let frame = Frame::new(&portal, "Sign in", None);
    page(StatusCode::OK, &SignInPage { frame, mails: portal.settings.load().mails(), next, login: String::new() })
}

/// Login and password. The answer to a wrong one is that to an unknown one.
pub(super) async fn password(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Arc<Visit>>,
    headers: HeaderMap,
    Form(Credentials { login, password, next }): Form<Credentials>,
) -> Result<Response, Failure> {
    let (password, next) = (Zeroizing::new(password), Target::parse(&next));
    match portal.gate.login_password(Front::Web.into(), visit.peer(), login.trim(), &password).await {
        Ok(Login::Done(session)) => enter(&portal, &visit, &headers, session, &next),
        Ok(Login::NeedsCode(first)) => {
            let token = portal.sessions.wait_for_code(first, next);
            let mut response = Redirect::to("/sign-in/code").into_response();
            response.headers_mut().append(SET_COOKIE, cookies::set(HALF, &token));
            Ok(response)
        }
        Err(error) => {
            let failure = match Failure::from(error) {
                refused if refused.status == StatusCode::FORBIDDEN => {
                    Failure::new(refused.status, "Login or password is not right.")
                }
                other => other,
            };
            let mut frame = Frame::new(&portal, "Sign in", None);
            frame.notice = Some(Notice::Failed(failure.text.to_string()));
            // Logins are as long as an address at most; more of it is not given back.
            let login = login.chars().take(254).collect();
            let mails = portal.settings.load().mails();
            Ok(again(&failure, page(failure.status, &SignInPage { frame, mails, next: next.to_string(), login })))
        }
    }
}

/// Asks for the code.
pub(super) async fn show_code(State(portal): State<Arc<Portal>>, headers: HeaderMap) -> Response {
    match portal.sessions.half(&headers) {
        Some(_) => page(StatusCode::OK, &CodePage { frame: Frame::new(&portal, "Code", None) }),
        None => Redirect::to("/sign-in").into_response(),
    }
}

/// The code of the authenticator, or a recovery code.
pub(super) async fn code(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Arc<Visit>>,
    headers: HeaderMap,
    Form(Code { code }): Form<Code>,
) -> Result<Response, Failure> {
    let Some(half) = portal.sessions.half(&headers).filter(|half| half.attempt()) else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    match portal.gate.login_code(&half.first, &Zeroizing::new(code)).await {
        Ok(session) => {
            portal.sessions.end_half(&headers);
            let mut response = enter(&portal, &visit, &headers, session, &half.then)?;
            response.headers_mut().append(SET_COOKIE, cookies::clear(HALF));
            Ok(response)
        }
        Err(error) => {
            let failure = Failure::from(error);
            let mut frame = Frame::new(&portal, "Code", None);
            frame.notice = Some(Notice::Failed(failure.text.to_string()));
            Ok(again(&failure, page(failure.status, &CodePage { frame })))
        }
    }
}

/// Ends the session, here and in the record.
pub(super) async fn sign_out(headers: HeaderMap, posted: Posted<Nothing>) -> Response {
    posted.person.portal.sessions.close(&headers);
    let mut response = Redirect::to("/sign-in").into_response();
    response.headers_mut().append(SET_COOKIE, cookies::clear(SESSION));
    response
}

/// A form that is shown again with what was wrong.
pub(super) fn again(failure: &Failure, mut page: Response) -> Response {
    page.extensions_mut().insert(Rendered);
    failure.with_retry(page)
}

/// Lets somebody in under a new cookie: one that was known before must not become a session's (session fixation).
pub(super) fn enter(
    portal: &Portal,
    visit: &Visit,
    headers: &HeaderMap,
    session: Arc<Session>,
    next: &Target,
) -> Result<Response, Failure> {
    if let Err(limit) = visit.login(session.account()) {
        portal.gate.logout(&session);
        return Err(limit.into());
    }
    portal.sessions.close(headers);
    let token = portal.sessions.open(session);
    let mut response = Redirect::to(&next.to_string()).into_response();
    response.headers_mut().append(SET_COOKIE, cookies::set(SESSION, &token));
    Ok(response)
}
