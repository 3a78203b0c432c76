//! Single-use links: accepting an invitation, setting another password, asking for a link to do so.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Form, Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::{HeaderMap, StatusCode};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::frame::{Frame, Notice, page};
use super::sign_in::{again, enter};
use super::site::Portal;
use super::status::{Failure, sentence};
use super::urls::Target;
use crate::front::site::Visit;
use crate::gate::{Followable, Followed, LinkError};
use crate::names::Front;
use crate::practice::LinkPurpose;

/// What a person who has no good link is told, whatever is wrong with it.
const NOT_GOOD: &str = "This link is not valid, or not any more: it may have been used already, replaced by a newer one, or be too \
                        old. If you have set a password already, sign in with it. Otherwise ask the firm to send you a new link.";

#[derive(Deserialize)]
pub(super) struct Chosen {
    password: String,
    again: String,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    login: String,
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage {
    frame: Frame,
    login: String,
    is_invitation: bool,
}

#[derive(Template)]
#[template(path = "forgotten.html")]
struct ForgottenPage {
    frame: Frame,
}

/// What a link is for. Looking at it does not use it up: mail scanners do that before people can.
pub(super) async fn show(State(portal): State<Arc<Portal>>, Path(token): Path<String>) -> Result<Response, Failure> {
    let link = portal.gate.link(&token).ok_or(Failure::new(StatusCode::NOT_FOUND, NOT_GOOD))?;
    Ok(page(StatusCode::OK, &link_page(&portal, link, None)))
}

/// Sets the password and lets the person in.
pub(super) async fn follow(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    Form(Chosen { password, again: repeated }): Form<Chosen>,
) -> Result<Response, Failure> {
    let (password, repeated) = (Zeroizing::new(password), Zeroizing::new(repeated));
    let not_good = || Failure::new(StatusCode::NOT_FOUND, NOT_GOOD);
    let shown_again = |text: String| {
        let link = portal.gate.link(&token).ok_or_else(not_good)?;
        let failure = Failure::new(StatusCode::UNPROCESSABLE_ENTITY, text.clone());
        let page = page(failure.status, &link_page(&portal, link, Some(Notice::Failed(text))));
        Ok(again(&failure, page))
    };
    if password != repeated {
        return shown_again("The two passwords differ. Type the same one twice.".to_owned());
    }
    match portal.gate.follow_link(Front::Web, visit.peer(), &token, &password).await {
        Ok(Followed::In(session)) => enter(&portal, &visit, &headers, session, &Target::parse("/")),
        Ok(Followed::SignIn) => Ok(Redirect::to("/sign-in").into_response()),
        Err(LinkError::NotGood) => Err(not_good()),
        Err(LinkError::Weak(why)) => shown_again(sentence(&why.to_string())),
        Err(LinkError::Login(error)) => Err(error.into()),
    }
}

/// Asks for the login of somebody who has forgotten the password.
pub(super) async fn show_forgotten(State(portal): State<Arc<Portal>>) -> Result<Response, Failure> {
    mails(&portal)?;
    Ok(page(StatusCode::OK, &ForgottenPage { frame: Frame::new(&portal, "Forgotten password", None) }))
}

/// Sends a link, if there is such a login. The answer is the same if there is none, and as quick.
pub(super) async fn forgotten(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Arc<Visit>>,
    Form(Asked { login }): Form<Asked>,
) -> Result<Response, Failure> {
    mails(&portal)?;
    portal.gate.ask_for_reset(Front::Web, visit.peer(), login.trim())?;
    let mut frame = Frame::new(&portal, "Forgotten password", None);
    let text = "If there is a login with this address, a link to set another password is on its way to it. It is good for two \
                hours.";
    frame.notice = Some(Notice::Done(text.to_owned()));
    Ok(page(StatusCode::OK, &ForgottenPage { frame }))
}

/// Without mail there is no way to send a link.
fn mails(portal: &Portal) -> Result<(), Failure> {
    if portal.settings.load().mails() { Ok(()) } else { Err(Failure::not_found()) }
}

fn link_page(portal: &Portal, link: Followable, notice: Option<Notice>) -> LinkPage {
    let is_invitation = link.purpose == LinkPurpose::Invitation;
    let title = if is_invitation { "Welcome" } else { "Another password" };
    let mut frame = Frame::new(portal, title, None);
    frame.notice = notice;
    LinkPage { frame, login: link.login, is_invitation }
}
