//! A change of the own account: permitted and recorded, then made beside the tasks that must not wait for the disk.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::person::Person;
use super::status::Failure;
use crate::gate::{OwnAccount, Permit, passwords};
use crate::practice::{Account, Error as PracticeError, Practice};
use crate::vfs::Error;

/// Makes a change. `action` is what the command line calls it, `subject` what it is about beside the login.
pub(super) async fn change<T: Send + 'static>(
    person: &Person,
    action: &str,
    subject: &str,
    change: impl FnOnce(&Practice, Permit<OwnAccount>) -> Result<T, PracticeError> + Send + 'static,
) -> Result<T, Failure> {
    let gate = &person.portal.gate;
    let permit = gate.permit_own::<OwnAccount>(&person.session, action, subject).await.map_err(Error::from)?;
    let practice = gate.practice().clone();
    let changed = blocking(move || change(&practice, permit)).await?;
    Ok(changed?)
}

/// The hash of a password, which takes a while.
pub(super) async fn hash(password: Zeroizing<String>) -> Result<String, Failure> {
    let hashed = blocking(move || passwords::hash(&password)).await?;
    hashed.map_err(|why| Failure::bad(format!("{why}.")))
}

/// The account as it is now.
pub(super) fn account(person: &Person) -> Result<Arc<Account>, Failure> {
    let firm = person.portal.gate.practice().firm();
    firm.account(person.session.account()).cloned().ok_or_else(Failure::signed_out)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a change of an account ended early");
        Failure::unavailable()
    })
}
