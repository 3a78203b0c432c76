//! `/matters/{number}/participants/{contact}/access`: whether a participant may use the portal for a matter.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Path;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::caller::{Caller, Staff};
use super::input::Input;
use super::participants::Place;
use super::problem::Problem;
use crate::gate::{Manage, Permit, new_link};
use crate::names::MatterId;
use crate::practice::{Access, Delivery, Error, Invited, LinkPurpose, NewLink, Participant, Party, Practice};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    action: Action,
    /// The address of a contact that has none; with `invite`.
    email: Option<String>,
    /// How many days the link is good; with `invite` and `resend`.
    days: Option<u16>,
    /// How the link reaches its person; with `invite` and `resend`.
    delivery: Option<How>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Invite,
    Resend,
    Grant,
    Disable,
    Enable,
    Remove,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum How {
    Mail,
    Shown,
}

pub(super) async fn change(
    staff: Staff,
    Path((number, contact)): Path<(String, String)>,
    Input(change): Input<Change>,
) -> Result<Answer, Problem> {
    let place = Place::find(&staff, &number, &contact)?;
    let Change { action, email, days, delivery } = change;
    let with_link = matches!(action, Action::Invite | Action::Resend);
    if (!with_link && (days.is_some() || delivery.is_some())) || (action != Action::Invite && email.is_some()) {
        return Err(Problem::unfit("`email` belongs to invite, `days` and `delivery` belong to invite and resend"));
    }
    match action {
        Action::Invite | Action::Resend => {
            let link = Arc::new(link(&staff.caller, days, delivery)?);
            invite(&staff, &place, link, email, action == Action::Invite).await
        }
        Action::Grant => set(&staff, &place, "access grant", Practice::grant_access).await,
        Action::Disable => set(&staff, &place, "access disable", Practice::disable_access).await,
        Action::Enable => set(&staff, &place, "access enable", Practice::enable_access).await,
        Action::Remove => set(&staff, &place, "access remove", Practice::remove_access).await,
    }
}

/// A link, if there is a way for it to reach its person.
fn link(caller: &Caller, days: Option<u16>, delivery: Option<How>) -> Result<NewLink, Problem> {
    let days = days.unwrap_or(7);
    if !(1..=90).contains(&days) {
        return Err(Problem::unfit("`days` is 1 to 90"));
    }
    let delivery = match delivery.unwrap_or(How::Mail) {
        How::Mail => Delivery::Mail,
        How::Shown => Delivery::Shown,
    };
    let life = DAY * u32::from(days);
    deliverable(caller, delivery)?;
    Ok(new_link(life, delivery))
}

/// Can links be sent this way?
pub(super) fn deliverable(caller: &Caller, delivery: Delivery) -> Result<(), Problem> {
    let settings = caller.api.settings.load();
    let refused = |detail: &'static str| Problem::of_kind(hyper::StatusCode::CONFLICT, "refused", detail);
    if settings.public_url.is_none() {
        return Err(refused(
            "a link needs the address of the pages: the configuration has no `public_url` under [https]",
        ));
    }
    if delivery == Delivery::Mail && !settings.mails {
        return Err(refused(
            "no mail is sent, since the configuration has no [mail]; \"delivery\": \"shown\" answers the link",
        ));
    }
    Ok(())
}

/// The link as its person opens it, where it was to be shown.
pub(super) fn url(caller: &Caller, purpose: LinkPurpose, link: &NewLink) -> Option<String> {
    let settings = caller.api.settings.load();
    let url = settings.public_url.as_ref().filter(|_| link.delivery == Delivery::Shown)?;
    Some(format!("{url}{}{}", purpose.path(), *link.token))
}

async fn invite(
    staff: &Staff,
    place: &Place,
    link: Arc<NewLink>,
    email: Option<String>,
    is_first: bool,
) -> Result<Answer, Problem> {
    let (whom, new) = ((place.matter.id, place.contact.id), link.clone());
    let action = if is_first { "access invite" } else { "access resend" };
    let invite = move |practice: &Practice, permit: Permit<Manage>| match is_first {
        true => practice.invite(permit, whom, email.as_deref(), &new),
        false => practice.resend_invitation(permit, whom, &new),
    };
    let invited = staff.change((action, &place.who(), Some(place.matter.id)), invite).await?;
    let Invited { participant, .. } = invited;
    // Whoever has a login is in at once, and the link was never made.
    let is_pending = participant.access == Access::Invited;
    let url = url(&staff.caller, LinkPurpose::Invitation, &link).filter(|_| is_pending);
    let expires = is_pending.then(|| link.expires.to_string());
    Answer::of(&json!({ "participant": place.shown(&staff.firm())?, "link": url, "expires": expires }))
}

async fn set(
    staff: &Staff,
    place: &Place,
    action: &str,
    change: impl FnOnce(&Practice, Permit<Manage>, MatterId, Party) -> Result<Arc<Participant>, Error> + Send + 'static,
) -> Result<Answer, Problem> {
    let (matter, party) = (place.matter.id, place.party());
    let change = move |practice: &Practice, permit| change(practice, permit, matter, party);
    staff.change((action, &place.who(), Some(matter)), change).await?;
    Answer::of(&json!({ "participant": place.shown(&staff.firm())?, "link": null, "expires": null }))
}
