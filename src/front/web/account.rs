//! The own account: password, devices, SSH keys, second factor.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use jiff::tz::TimeZone;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::form::Posted;
use super::frame::{Frame, Notice, page};
use super::own;
use super::person::Person;
use super::site::Rendered;
use super::status::{Failure, sentence};
use super::words;
use crate::gate::{LoginError, passwords};
use crate::names::Timestamp;
use crate::practice::{Account, AccountKey, DevicePassword, Practice};

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    tab: &'static str,
    login: String,
    role: &'static str,
    devices: Vec<Device>,
    keys: Vec<Key>,
    /// Since when there is a second factor, and how many recovery codes are left.
    second_factor: Option<(String, usize)>,
    min_password: usize,
    sftp: bool,
}

/// A device password.
pub(super) struct Device {
    pub(super) name: String,
    pub(super) rights: &'static str,
    pub(super) created: String,
    pub(super) expires: String,
}

/// An SSH key.
pub(super) struct Key {
    pub(super) algorithm: String,
    pub(super) comment: String,
    pub(super) fingerprint: String,
    pub(super) added: String,
}

#[derive(Deserialize)]
pub(super) struct NewPassword {
    present: String,
    new: String,
    again: String,
}

#[derive(Deserialize)]
pub(super) struct NewKey {
    key: String,
}

/// Of a key, as it is shown.
#[derive(Deserialize)]
pub(super) struct Fingerprint {
    fingerprint: String,
}

/// The page.
pub(super) async fn show(person: Person) -> Result<Response, Failure> {
    let frame = person.frame("Account");
    Ok(page(StatusCode::OK, &account_page(&person, frame)?))
}

/// Another password. It takes the present one, and ends every session but this one.
pub(super) async fn change_password(posted: Posted<NewPassword>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let [present, new, again] = [form.present, form.new, form.again].map(Zeroizing::new);
    if let Err(failure) = set_password(&person, &present, new, &again).await {
        return refused(&person, &failure);
    }
    done(&person, "The password has been changed. Every other session has ended.")
}

async fn set_password(person: &Person, present: &str, new: Zeroizing<String>, again: &str) -> Result<(), Failure> {
    if *new != *again {
        return Err(Failure::bad("The two new passwords are not the same."));
    }
    let checked = passwords::check(&new, person.session.login());
    checked.map_err(|weak| Failure::bad(sentence(&weak.to_string())))?;
    let gate = &person.portal.gate;
    gate.confirm_password(&person.session, present).await.map_err(not_the_password)?;
    let phc = own::hash(new).await?;
    own::change(person, "account password", "", move |practice, permit| practice.set_own_password(permit, phc)).await?;
    person.guest.go_on(&person.session, gate).await?;
    Ok(())
}

/// Another SSH key, for SFTP.
pub(super) async fn add_key(posted: Posted<NewKey>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let add = move |practice: &Practice, permit| practice.add_own_key(permit, &form.key);
    if let Err(failure) = own::change(&person, "account key add", "", add).await {
        return refused(&person, &failure);
    }
    person.guest.go_on(&person.session, &person.portal.gate).await?;
    done(&person, "The key opens SFTP from now on. Every other session has ended.")
}

/// One SSH key less; what it opened ends, and nothing else.
pub(super) async fn remove_key(posted: Posted<Fingerprint>) -> Result<Response, Failure> {
    let Posted { person, form: Fingerprint { fingerprint } } = posted;
    let subject: String = fingerprint.chars().take(100).collect();
    let remove = move |practice: &Practice, permit| practice.remove_own_key(permit, &fingerprint);
    match own::change(&person, "account key remove", &subject, remove).await {
        Ok(_) => done(&person, &format!("The key {subject} opens nothing any more.")),
        Err(failure) => refused(&person, &failure),
    }
}

/// A wrong present password, in words that say which of the passwords is meant.
pub(super) fn not_the_password(error: LoginError) -> Failure {
    match Failure::from(error) {
        refused if refused.status == StatusCode::FORBIDDEN => {
            Failure::new(refused.status, "The present password is not right.")
        }
        other => other,
    }
}

/// Back to the page, with what came of it.
pub(super) fn done(person: &Person, told: &str) -> Result<Response, Failure> {
    person.guest.tell(Notice::Done(told.to_owned()));
    Ok(Redirect::to("/account").into_response())
}

/// The page again, with what was wrong.
pub(super) fn refused(person: &Person, failure: &Failure) -> Result<Response, Failure> {
    let mut frame = person.frame("Account");
    frame.notice = Some(Notice::Failed(failure.text.to_string()));
    let mut response = page(failure.status, &account_page(person, frame)?);
    response.extensions_mut().insert(Rendered);
    Ok(failure.with_retry(response))
}

fn account_page(person: &Person, frame: Frame) -> Result<AccountPage, Failure> {
    let account = own::account(person)?;
    let zone = person.portal.settings.load().zone.clone();
    Ok(AccountPage {
        frame,
        tab: "account",
        login: account.login.clone(),
        role: account.role.as_str(),
        devices: devices(&account, &zone),
        keys: keys(&account, &zone),
        second_factor: account
            .second_factor
            .as_ref()
            .map(|factor| (words::time(factor.since, &zone), factor.recovery.len())),
        min_password: passwords::MIN_CHARACTERS,
        sftp: person.portal.sftp_port.is_some(),
    })
}

/// The account's device passwords.
pub(super) fn devices(account: &Account, zone: &TimeZone) -> Vec<Device> {
    let now = Timestamp::now();
    let row = |one: &DevicePassword| Device {
        name: one.name.clone(),
        rights: if one.read_only { "read only" } else { "as the login" },
        created: words::time(one.created, zone),
        expires: match one.expires {
            None => "never".to_owned(),
            Some(end) if end <= now => "expired".to_owned(),
            Some(end) => words::time(end, zone),
        },
    };
    account.device_passwords.iter().map(row).collect()
}

/// The account's SSH keys.
pub(super) fn keys(account: &Account, zone: &TimeZone) -> Vec<Key> {
    let row = |key: &AccountKey| {
        // An option stands before the algorithm, as it was added: it is what the key is worth.
        let option = usize::from(key.verifies());
        let mut parts = key.text.splitn(3 + option, ' ');
        let algorithm = parts.by_ref().take(1 + option).collect::<Vec<_>>().join(" ");
        let comment = parts.nth(1).unwrap_or_default().to_owned();
        Key { algorithm, comment, fingerprint: key.fingerprint(), added: words::time(key.added, zone) }
    };
    account.keys.iter().map(row).collect()
}
