//! Acts on the firm's records: permitted and recorded, then done beside the tasks that must not wait for the disk.
//!
//! What kind of permit an act takes (`Manage`, `Administer`) is said by the method that spends it; a look says it itself.

use std::fmt;

use axum::response::Response;

use super::frame::Notice;
use super::person::Person;
use super::site::Rendered;
use super::status::Failure;
use crate::audit::{Detail, Outcome};
use crate::gate::{Administer, Operation, Permit};
use crate::names::{AdminTarget, MatterId};
use crate::practice::{Error as PracticeError, Practice};
use crate::vfs::{Error, Vfs};

/// An act as the record has it: what the command line calls it, what it is about, and on which matter.
pub(super) type About<'a> = (&'a str, &'a str, Option<MatterId>);

/// A permitted look at the firm's records.
pub(super) async fn look<O: Operation<Target = AdminTarget>>(person: &Person, about: About<'_>) -> Result<(), Failure> {
    permit::<O>(person, about).await?.settle(Outcome::Done, Detail::default());
    Ok(())
}

/// A permitted look into the tree; it reads the catalog.
pub(super) async fn inspect<O, T>(
    person: &Person,
    about: About<'_>,
    look: impl FnOnce(&Vfs, &Permit<O>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Failure>
where
    O: Operation<Target = AdminTarget>,
    T: Send + 'static,
{
    let permit = permit(person, about).await?;
    let vfs = person.portal.vfs.clone();
    let (found, permit) = blocking(move || (look(&vfs, &permit), permit)).await?;
    match &found {
        Ok(_) => permit.settle(Outcome::Done, Detail::default()),
        Err(cause) => permit.settle(Outcome::Failed, Detail::because(cause.to_string())),
    }
    Ok(found?)
}

/// A permitted change of the firm's records.
pub(super) async fn change<O, T>(
    person: &Person,
    about: About<'_>,
    change: impl FnOnce(&Practice, Permit<O>) -> Result<T, PracticeError> + Send + 'static,
) -> Result<T, Failure>
where
    O: Operation<Target = AdminTarget>,
    T: Send + 'static,
{
    let permit = permit(person, about).await?;
    let practice = person.portal.gate.practice().clone();
    blocking(move || change(&practice, permit)).await?.map_err(Failure::told_to_staff)
}

/// Something permitted that is done to the daemon itself; it stands in the record with what came of it.
pub(super) async fn perform<T, E>(
    person: &Person,
    about: About<'_>,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Failure>
where
    T: fmt::Display + Send + 'static,
    E: fmt::Display + Send + 'static,
{
    let permit = permit::<Administer>(person, about).await?;
    match blocking(work).await? {
        Ok(done) => {
            permit.settle(Outcome::Done, Detail::because(done.to_string()));
            Ok(done)
        }
        Err(cause) => {
            tracing::error!(%cause, "an act on the daemon failed");
            permit.settle(Outcome::Failed, Detail::because(cause.to_string()));
            Err(Failure::unavailable())
        }
    }
}

pub(super) async fn permit<O: Operation<Target = AdminTarget>>(
    person: &Person,
    (action, subject, matter): About<'_>,
) -> Result<Permit<O>, Failure> {
    let permit = person.portal.gate.permit_act::<O>(&person.session, action, subject, matter).await;
    Ok(permit.map_err(Error::from)?)
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "an act on the firm's records ended early");
        Failure::unavailable()
    })
}

/// Has the next page that is made say what went wrong; [`as_refusal`] then gives it the status.
pub(super) fn tell(person: &Person, failure: &Failure) {
    person.guest.tell(Notice::Failed(failure.text.to_string()));
}

/// A page that is shown again because something went wrong.
pub(super) fn as_refusal(failure: &Failure, mut page: Response) -> Response {
    *page.status_mut() = failure.status;
    page.extensions_mut().insert(Rendered);
    failure.with_retry(page)
}
