//! Forms of people who have signed in: each shows the token of its session.

use std::sync::Arc;

use axum::extract::{Form, FromRequest, Request};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::person::{Person, of_request};
use super::site::Portal;
use super::status::Failure;

/// A form that its own session's page has sent.
pub(super) struct Posted<T> {
    pub(super) person: Person,
    pub(super) form: T,
}

#[derive(Deserialize)]
struct WithToken<T> {
    csrf: String,
    #[serde(flatten)]
    form: T,
}

impl<T: DeserializeOwned + Send> FromRequest<Arc<Portal>> for Posted<T> {
    type Rejection = Response;

    async fn from_request(request: Request, portal: &Arc<Portal>) -> Result<Self, Response> {
        let (person, request) = of_request(request, portal).await?;
        let form = Form::<WithToken<T>>::from_request(request, portal).await;
        let Form(WithToken { csrf, form }) = form.map_err(|rejection| rejection.into_response())?;
        if !person.guest.is_own_form(&csrf) {
            return Err(Failure::foreign().into_response());
        }
        Ok(Self { person, form })
    }
}

/// A form with nothing in it but its token.
#[derive(Deserialize)]
pub(super) struct Nothing {}
