//! Device passwords: one for each drive, tool or program of a person, named, listed, revocable.

use std::time::Duration;

use axum::response::Response;
use hyper::StatusCode;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::connect::Host;
use super::form::Posted;
use super::person::Person;
use super::status::Failure;
use super::{account, connect, own};
use crate::gate::passwords;
use crate::names::Timestamp;
use crate::practice::{DevicePassword, Practice, TokenDigest};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A device password to make.
#[derive(Deserialize)]
pub(super) struct New {
    pub(super) name: String,
    /// Empty: it does not expire.
    #[serde(default)]
    pub(super) days: String,
    /// There if ticked.
    pub(super) read_only: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Named {
    name: String,
}

/// A device password that was just made.
pub(super) struct Made {
    pub(super) name: String,
    pub(super) password: Zeroizing<String>,
    pub(super) read_only: bool,
}

/// Makes one, from the account's page; it is shown once, where it is put to use.
pub(super) async fn add(Host(host): Host, posted: Posted<New>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    match make(&person, form).await {
        Ok(made) => Ok(connect::page_with(&person, &host, StatusCode::OK, Some(made))),
        Err(failure) => account::refused(&person, &failure),
    }
}

/// Makes one.
pub(super) async fn make(person: &Person, new: New) -> Result<Made, Failure> {
    let (one, made) = random(new)?;
    let subject: String = made.name.chars().take(200).collect();
    let add = move |practice: &Practice, permit| practice.add_own_device_password(permit, one);
    own::change(person, "account device-password add", &subject, add).await?;
    Ok(made)
}

/// A random one: what is kept of it, and what is shown this once.
pub(super) fn random(new: New) -> Result<(DevicePassword, Made), Failure> {
    let days = match new.days.trim() {
        "" => None,
        text => {
            let days = text.parse::<u16>().ok().filter(|days| *days > 0);
            Some(days.ok_or_else(|| Failure::bad("The days are a number from 1 to 65535."))?)
        }
    };
    let (password, created) = (Zeroizing::new(passwords::random_token()), Timestamp::now());
    let read_only = new.read_only.is_some();
    let name = new.name.trim().to_owned();
    let one = DevicePassword {
        name: name.clone(),
        digest: TokenDigest::of(&password),
        read_only,
        expires: days.map(|days| created.after(DAY * u32::from(days))),
        created,
    };
    Ok((one, Made { name, password, read_only }))
}

/// Takes one away, and ends what it opened.
pub(super) async fn revoke(posted: Posted<Named>) -> Result<Response, Failure> {
    let Posted { person, form: Named { name } } = posted;
    let subject: String = name.chars().take(200).collect();
    let told = format!("The password of {subject} opens nothing any more.");
    let revoke = move |practice: &Practice, permit| practice.revoke_own_device_password(permit, &name);
    match own::change(&person, "account device-password revoke", &subject, revoke).await {
        Ok(_) => account::done(&person, &told),
        Err(failure) => account::refused(&person, &failure),
    }
}
