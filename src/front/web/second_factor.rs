//! Switching the second factor on and off.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::form::Posted;
use super::frame::{Frame, Notice, page};
use super::person::Person;
use super::site::Rendered;
use super::status::Failure;
use super::{account, own};
use crate::gate::{authenticator_url, is_code_of, passwords};
use crate::names::Timestamp;
use crate::practice::{Practice, RECOVERY_CODES, SecondFactor, TokenDigest};

#[derive(Template)]
#[template(path = "second_factor.html")]
struct OfferPage {
    frame: Frame,
    secret: Zeroizing<String>,
    url: Zeroizing<String>,
    /// The address as a QR code, an SVG in base64.
    picture: Zeroizing<String>,
}

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct CodesPage {
    frame: Frame,
    codes: Vec<Zeroizing<String>>,
}

#[derive(Deserialize)]
pub(super) struct On {
    password: String,
    code: String,
}

#[derive(Deserialize)]
pub(super) struct Off {
    code: String,
}

/// A secret for the authenticator, which counts once a code shows that it has it.
pub(super) async fn show(person: Person) -> Result<Response, Failure> {
    if own::account(&person)?.second_factor.is_some() {
        return Ok(Redirect::to("/account").into_response());
    }
    let frame = person.frame("Second factor");
    Ok(offer(&person, StatusCode::OK, frame))
}

fn offer(person: &Person, status: StatusCode, frame: Frame) -> Response {
    let secret = person.guest.offered();
    let url = Zeroizing::new(authenticator_url(&frame.firm, person.session.login(), &secret));
    let picture = picture(&url);
    page(status, &OfferPage { frame, secret, url, picture })
}

/// Empty if the address is longer than a QR code can be.
fn picture(url: &str) -> Zeroizing<String> {
    let code = QrCode::new(url.as_bytes());
    let svg = code.map(|code| Zeroizing::new(code.render::<svg::Color<'_>>().min_dimensions(240, 240).build()));
    Zeroizing::new(svg.map(|svg| STANDARD.encode(svg.as_bytes())).unwrap_or_default())
}

/// Switches it on, and shows the recovery codes, this once.
pub(super) async fn switch_on(posted: Posted<On>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let (password, code) = (Zeroizing::new(form.password), Zeroizing::new(form.code));
    if own::account(&person)?.second_factor.is_some() {
        return Ok(Redirect::to("/account").into_response());
    }
    match set(&person, &password, &code).await {
        Ok(codes) => Ok(page(StatusCode::OK, &CodesPage { frame: person.frame("Recovery codes"), codes })),
        Err(failure) => {
            let mut frame = person.frame("Second factor");
            frame.notice = Some(Notice::Failed(failure.text.to_string()));
            let mut response = offer(&person, failure.status, frame);
            response.extensions_mut().insert(Rendered);
            Ok(failure.with_retry(response))
        }
    }
}

async fn set(person: &Person, password: &str, code: &str) -> Result<Vec<Zeroizing<String>>, Failure> {
    let gate = &person.portal.gate;
    gate.confirm_password(&person.session, password).await.map_err(account::not_the_password)?;
    let secret = person.guest.offered();
    if !is_code_of(&secret, code) {
        return Err(Failure::bad("That is not the code of now. Wait for the next one, and look at the clock."));
    }
    let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| Zeroizing::new(passwords::random_token())).collect();
    let recovery = codes.iter().map(|code| TokenDigest::of(code)).collect();
    let factor = SecondFactor { secret, recovery, since: Timestamp::now() };
    let set = move |practice: &Practice, permit| practice.set_own_second_factor(permit, factor);
    own::change(person, "account second-factor enable", "", set).await?;
    person.guest.offer_is_over();
    person.guest.go_on(&person.session, gate).await?;
    Ok(codes)
}

/// Takes it away, for a code of it.
pub(super) async fn switch_off(posted: Posted<Off>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let code = Zeroizing::new(form.code);
    if let Err(failure) = clear(&person, &code).await {
        return account::refused(&person, &failure);
    }
    account::done(&person, "The second factor is off. Every other session has ended.")
}

async fn clear(person: &Person, code: &str) -> Result<(), Failure> {
    let gate = &person.portal.gate;
    gate.confirm_code(&person.session, code).await?;
    let clear = |practice: &Practice, permit| practice.clear_own_second_factor(permit);
    own::change(person, "account second-factor disable", "", clear).await?;
    person.guest.go_on(&person.session, gate).await?;
    Ok(())
}
