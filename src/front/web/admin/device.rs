//! One device: what lets it in, the matters on which it works, and whether it may come in at all.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::account::{self, Device as DevicePasswordRow, Key};
use super::super::acts::{self, as_refusal};
use super::super::device::{New, random};
use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::person::Person;
use super::super::status::Failure;
use super::super::{own, words};
use super::{Section, devices, records};
use crate::audit::Search;
use crate::front::segments;
use crate::gate::{Administer, Manage, Permit, SeeRecord, passwords};
use crate::names::{MatterId, Role, Timestamp};
use crate::practice::{Access, Account, Error as PracticeError, Participant, Party, Practice};

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    act: String,
    /// A key, the name of a device password, or the number of a matter.
    #[serde(default)]
    value: String,
    /// Of a place on a matter.
    #[serde(default, rename = "type")]
    participant_type: String,
    /// Of a device password.
    #[serde(default)]
    days: String,
    read_only: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/device.html")]
struct DevicePage {
    frame: Frame,
    section: Section,
    login: String,
    url: String,
    enabled: bool,
    has_password: bool,
    keys: Vec<Key>,
    passwords: Vec<DevicePasswordRow>,
    places: Vec<PlaceRow>,
    here: Vec<String>,
    /// When the record has it last, and its acts there.
    seen: Option<String>,
    acts: String,
    made: Option<Made>,
}

struct PlaceRow {
    number: String,
    name: String,
    kind: String,
    status: &'static str,
    on: bool,
    enable: bool,
    grant: bool,
}

/// A password that was just made, to be shown this once.
struct Made {
    what: String,
    password: Zeroizing<String>,
}

/// What came of an act.
enum Came {
    Told(String),
    Made(Made),
}

/// The page.
pub(super) async fn show(person: Person, Path(login): Path<String>) -> Result<Response, Failure> {
    let account = find(&person, &login)?;
    device(&person, &account, None).await
}

/// One act on it.
pub(super) async fn change(Path(login): Path<String>, posted: Posted<Asked>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let account = find(&person, &login)?;
    match act(&person, &account, form).await {
        Ok(Came::Told(told)) => {
            person.guest.tell(Notice::Done(told));
            Ok(Redirect::to(&devices::url(&account.login)).into_response())
        }
        Ok(Came::Made(made)) => device(&person, &*find(&person, &login)?, Some(made)).await,
        Err(failure) => {
            acts::tell(&person, &failure);
            Ok(as_refusal(&failure, device(&person, &*find(&person, &login)?, None).await?))
        }
    }
}

fn find(person: &Person, login: &str) -> Result<Arc<Account>, Failure> {
    let found = person.portal.gate.practice().firm().account_by_login(login).cloned();
    found.filter(|account| account.role == Role::Device).ok_or_else(Failure::not_found)
}

async fn act(person: &Person, account: &Arc<Account>, asked: Asked) -> Result<Came, Failure> {
    let Asked { act, value, participant_type, days, read_only } = asked;
    let login = account.login.clone();
    let told = match act.as_str() {
        "enable" | "disable" => {
            let (on, name) = (act == "enable", login.clone());
            let action = if on { "account enable" } else { "account disable" };
            let change = move |practice: &Practice, permit| practice.set_enabled(permit, &name, on);
            acts::change(person, (action, &login, None), change).await?;
            if on {
                format!("{login} may come in again.")
            } else {
                format!("{login} may not come in any more; what it had open has ended.")
            }
        }
        "password" => {
            let password = Zeroizing::new(passwords::random());
            let (phc, name) = (own::hash(password.clone()).await?, login.clone());
            let change = move |practice: &Practice, permit| practice.set_password(permit, &name, phc);
            acts::change(person, ("account password", &login, None), change).await?;
            return Ok(Came::Made(Made { what: "The password".to_owned(), password }));
        }
        "key" => {
            if value.contains("PRIVATE KEY") {
                let text =
                    "This is a private key. Keep it secret, and paste the public one: the line of the .pub file.";
                return Err(Failure::bad(text));
            }
            let name = login.clone();
            let change = move |practice: &Practice, permit| practice.add_key(permit, &name, value.trim());
            acts::change(person, ("account key add", &login, None), change).await?;
            format!("{login} may come in with the key.")
        }
        "remove-key" => {
            let (name, subject, told) = (login.clone(), subject(&login, &value), value.clone());
            let change = move |practice: &Practice, permit| practice.remove_key(permit, &name, &value);
            acts::change(person, ("account key remove", &subject, None), change).await?;
            format!("The key {told} opens nothing any more.")
        }
        "device-password" => {
            let (one, made) = random(New { name: value, days, read_only })?;
            let (name, subject) = (login.clone(), subject(&login, &made.name));
            let change = move |practice: &Practice, permit| practice.add_device_password(permit, &name, one);
            acts::change(person, ("account device-password add", &subject, None), change).await?;
            let what = format!("The password for {}", made.name);
            return Ok(Came::Made(Made { what, password: made.password }));
        }
        "revoke" => {
            let (name, subject, told) = (login.clone(), subject(&login, &value), value.clone());
            let change = move |practice: &Practice, permit| practice.revoke_device_password(permit, &name, &value);
            acts::change(person, ("account device-password revoke", &subject, None), change).await?;
            format!("The password for {told} opens nothing any more.")
        }
        "put-on" => {
            let place = devices::place(&person.portal.gate.practice().firm(), &value, &participant_type)?;
            let number = place.0.number.clone();
            devices::put_on(person, account, place).await?;
            format!("{login} works on matter {number}.")
        }
        "access-grant" => access(person, account, &value, ("access grant", Practice::grant_access)).await?,
        "access-disable" => access(person, account, &value, ("access disable", Practice::disable_access)).await?,
        "access-enable" => access(person, account, &value, ("access enable", Practice::enable_access)).await?,
        "access-remove" => access(person, account, &value, ("access remove", Practice::remove_access)).await?,
        _ => return Err(Failure::bad("The form asks for nothing that can be done here.")),
    };
    Ok(Came::Told(told))
}

type Change = fn(&Practice, Permit<Manage>, MatterId, Party) -> Result<Arc<Participant>, PracticeError>;

/// One change of the device's access to the matter of this number.
async fn access(
    person: &Person,
    account: &Account,
    number: &str,
    (action, change): (&str, Change),
) -> Result<String, Failure> {
    let matter = person.portal.gate.practice().firm().matter_by_number(number).cloned();
    let matter = matter.ok_or_else(Failure::changed_meanwhile)?;
    let (id, party) = (matter.id, Party::Device(account.id));
    let change = move |practice: &Practice, permit| change(practice, permit, id, party);
    let one = acts::change(person, (action, &account.login, Some(id)), change).await?;
    Ok(format!("The access of {} to matter {number} is {}.", account.login, one.access))
}

fn subject(login: &str, name: &str) -> String {
    format!("{login}: {}", name.trim().chars().take(200).collect::<String>())
}

async fn device(person: &Person, account: &Account, made: Option<Made>) -> Result<Response, Failure> {
    acts::look::<Administer>(person, ("account list", &account.login, None)).await?;
    let here = connected(person, account).await?;
    let zone = person.portal.settings.load().zone.clone();
    let seen = last_act(person, account).await?;
    let firm = person.portal.gate.practice().firm();
    let party = Party::Device(account.id);
    let place = |id: &MatterId| {
        let (matter, one) = (firm.matter(*id)?, firm.participant(*id, party)?);
        Some(PlaceRow {
            number: matter.number.clone(),
            name: matter.name.clone(),
            kind: one.participant_type.clone(),
            status: one.access.as_status(),
            on: one.access.is_on(),
            enable: one.access == Access::Disabled,
            grant: matches!(one.access, Access::None | Access::Removed),
        })
    };
    let mut acts = format!("{}?login=", Section::Audit.url());
    segments::push_text(&mut acts, &account.login);
    let shown = DevicePage {
        frame: person.frame(account.login.clone()),
        section: Section::Devices,
        login: account.login.clone(),
        url: devices::url(&account.login),
        enabled: account.enabled,
        has_password: account.password.is_some(),
        keys: account::keys(account, &zone),
        passwords: account::devices(account, &zone),
        places: firm.matters_of(party).iter().filter_map(place).collect(),
        here,
        seen: seen.map(|(time, what)| format!("{}: {what}", words::time(time, &zone))),
        acts,
        made,
    };
    Ok(page(StatusCode::OK, &shown))
}

async fn connected(person: &Person, account: &Account) -> Result<Vec<String>, Failure> {
    Ok(devices::connected(person).await?.remove(&account.login).unwrap_or_default())
}

/// What the record has of it last, as far back as one page of it goes.
async fn last_act(person: &Person, account: &Account) -> Result<Option<(Timestamp, String)>, Failure> {
    let search = Search { login: Some(account.login.clone()), limit: 1, ..Search::default() };
    let permit = acts::permit::<SeeRecord>(person, ("audit show", &account.login, None)).await?;
    let found = records::read(person, permit, move |gate, permit| gate.records(permit, &search)).await?;
    Ok(found.records.first().map(|record| {
        let from =
            record.event().and_then(|event| event.actor.peer).map_or(String::new(), |peer| format!(" from {peer}"));
        (record.time, format!("{} {}{from}", record.action, record.outcome))
    }))
}
