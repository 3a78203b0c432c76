//! `/matters`: files of work for a client. Staff see all of the firm's, participants those on which their access is on.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::answer::{Answer, Seen};
use super::caller::{Caller, Staff};
use super::input::{Asked, Input, given, quota, quota_in_words};
use super::page::page;
use super::problem::Problem;
use super::service::Shared;
use super::switching;
use crate::front::segments;
use crate::names::{AccountId, Area, Bytes, DocPath, MatterId};
use crate::practice::{Firm, Matter, MatterEdit, NewMatter, Practice};
use crate::vfs::MatterListing;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    after: Option<String>,
    limit: Option<usize>,
    /// Part of the number or the name.
    q: Option<String>,
    /// Open ones or closed ones.
    open: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    number: String,
    name: String,
    #[serde(rename = "type")]
    matter_type: String,
    owner: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    portal: Option<bool>,
    #[serde(default)]
    areas: BTreeMap<Area, bool>,
    #[serde(default, deserialize_with = "given")]
    owner: Option<Option<String>>,
    confidential: Option<bool>,
    open: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    quota: Option<Option<u64>>,
    #[serde(default)]
    confirm: bool,
}

/// A matter as staff see it.
#[derive(Debug, Serialize)]
struct Shown {
    number: String,
    name: String,
    #[serde(rename = "type")]
    matter_type: String,
    type_version: u32,
    open: bool,
    portal: bool,
    areas: Vec<Area>,
    /// Those that the portal shows now, by the firm's switches too.
    shown_areas: Vec<Area>,
    owner: Option<String>,
    followers: Vec<String>,
    confidential: bool,
    /// Bytes that may be kept in it.
    quota: Option<Bytes>,
    created: String,
    webdav: String,
    id: String,
}

/// A matter as its participants see it.
#[derive(Debug, Serialize)]
struct Own {
    number: String,
    name: String,
    areas: Vec<String>,
    webdav: String,
}

pub(super) async fn list(caller: Caller, Asked(search): Asked<Search>) -> Result<Answer, Problem> {
    let wanted = search.q.as_deref().unwrap_or_default().trim().to_lowercase();
    let found = |number: &str, name: &str| format!("{number} {name}").to_lowercase().contains(&wanted);
    let (after, limit) = (search.after.map(|after| after.to_ascii_lowercase()), search.limit);
    let Some(staff) = caller.staff() else {
        let own = caller.view().matters().await?;
        let mut own: Vec<_> = own.into_iter().filter(|one| found(&one.number, &one.name)).map(own_matter).collect();
        own.retain(|_| search.open.unwrap_or(true));
        own.sort_by_key(|one| one.number.to_ascii_lowercase());
        return Answer::of(&page(own, |one| one.number.to_ascii_lowercase(), after.as_deref(), limit)?);
    };
    staff.look(("matter list", search.q.as_deref().unwrap_or_default(), None)).await?;
    let firm = staff.firm();
    let all = firm.matters().filter(|matter| found(&matter.number, &matter.name));
    let all = all.filter(|matter| search.open.is_none_or(|open| open == matter.open));
    let page = page(all, |matter| matter.number.to_ascii_lowercase(), after.as_deref(), limit)?;
    Answer::of(&page.map(|matter| shown(&firm, matter)))
}

pub(super) async fn create(
    State(api): State<Arc<Shared>>,
    staff: Staff,
    Input(new): Input<New>,
) -> Result<Answer, Problem> {
    let New { number, name, matter_type, owner } = new;
    if staff.firm().matter_by_number(number.trim()).is_some() {
        let detail = format!("there is a matter {} already", number.trim());
        return Err(Problem::of_kind(hyper::StatusCode::CONFLICT, "exists", detail));
    }
    let (subject, id) = (number.clone(), MatterId::random());
    let open = move |practice: &Practice, permit| {
        // The key comes first: a matter without one could be seen but hold nothing.
        api.vfs.make_key(&permit, id).map_err(|error| {
            tracing::error!(%error, "the key of a matter could not be made");
            Problem::unavailable()
        })?;
        Ok::<_, Problem>(practice.add_matter(permit, NewMatter { id, number, name, matter_type, owner })?)
    };
    let matter = staff.change(("matter add", &subject, Some(id)), open).await?;
    Answer::created(&path_of(&matter), &shown(&staff.firm(), &matter))
}

pub(super) async fn show(caller: Caller, Path(number): Path<String>) -> Result<Answer, Problem> {
    let Some(staff) = caller.staff() else {
        let own = caller.view().matters().await?;
        let own = own.into_iter().find(|one| one.number.eq_ignore_ascii_case(&number));
        return Answer::resource(&own_matter(own.ok_or_else(Problem::not_found)?));
    };
    let matter = staff.matter(&number)?;
    staff.look(("matter show", &matter.number, Some(matter.id))).await?;
    Answer::resource(&shown(&staff.firm(), &matter))
}

pub(super) async fn edit(
    staff: Staff,
    seen: Seen,
    Path(number): Path<String>,
    Input(edit): Input<Edit>,
) -> Result<Answer, Problem> {
    let matter = staff.matter(&number)?;
    let (firm, id) = (staff.firm(), matter.id);
    seen.check(&shown(&firm, &matter))?;
    let Edit { portal, areas, owner, confidential, open, quota: asked, confirm } = edit;
    let (areas, quota): (Vec<_>, _) = (areas.into_iter().collect(), quota(asked)?);
    let mut words = switching::in_words(portal, &areas);
    let mut actions = if words.is_empty() { Vec::new() } else { vec!["matter switch"] };
    if let Some(owner) = &owner {
        actions.push("matter owner");
        words.push(format!("owner {}", owner.as_deref().unwrap_or("nobody")));
    }
    if let Some(on) = confidential {
        actions.push("matter confidential");
        words.push(format!("confidential {}", if on { "on" } else { "off" }));
    }
    if let Some(open) = open {
        actions.push(if open { "matter reopen" } else { "matter close" });
        words.push(if open { "open" } else { "closed" }.to_owned());
    }
    if let Some(quota) = quota {
        actions.push("quota set");
        words.push(quota_in_words(quota));
    }
    let action = match actions.as_slice() {
        [] => {
            return Err(Problem::unfit(
                "there is nothing to change: say portal, areas, owner, confidential, open or quota",
            ));
        }
        [one] => *one,
        _ => "matter change",
    };
    let subject = format!("{}: {}", matter.number, words.join(", "));
    if let Some(warning) = switching::warning(&firm, &switching::off(portal, &areas), Some(id)).filter(|_| !confirm) {
        staff.look(("matter switch preview", &subject, Some(id))).await?;
        return Err(warning);
    }
    let edit = MatterEdit { portal, areas, owner, confidential, open, quota };
    let change = move |practice: &Practice, permit| {
        let is_seen = |firm: &Firm| firm.matter(id).is_some_and(|matter| seen.is(&shown(firm, matter)));
        practice.edit_matter(permit, id, is_seen, edit)
    };
    let matter = staff.change((action, &subject, Some(id)), change).await?;
    Answer::resource(&shown(&staff.firm(), &matter))
}

/// Where a matter is below the API.
pub(super) fn path_of(matter: &Matter) -> String {
    let mut path = "/matters/".to_owned();
    segments::push_text(&mut path, &matter.number);
    path
}

/// Where something is on the drive.
pub(super) fn webdav(path: &DocPath) -> String {
    let mut url = "/dav".to_owned();
    for name in path.names() {
        url.push('/');
        segments::push(&mut url, name);
    }
    url
}

fn own_matter(listing: MatterListing) -> Own {
    let MatterListing { path, number, name, areas } = listing;
    let areas = areas.into_iter().filter_map(|area| Some(area.name?.to_string())).collect();
    Own { number, name, areas, webdav: webdav(&path) }
}

fn shown(firm: &Firm, matter: &Matter) -> Shown {
    let login = |id: &AccountId| firm.account(*id).map(|account| account.login.clone());
    let folder = DocPath::root().join(matter.folder_name.clone()).unwrap_or_default();
    Shown {
        number: matter.number.clone(),
        name: matter.name.clone(),
        matter_type: matter.matter_type.clone(),
        type_version: matter.type_version,
        open: matter.open,
        portal: matter.portal,
        areas: matter.areas.iter().collect(),
        shown_areas: firm.areas_of(matter).into_iter().flat_map(|areas| areas.iter()).collect(),
        owner: matter.watch.owner.as_ref().and_then(login),
        followers: matter.watch.followers.iter().filter_map(login).collect(),
        confidential: matter.watch.confidential,
        quota: matter.quota,
        created: matter.created.to_string(),
        webdav: webdav(&folder),
        id: matter.id.to_string(),
    }
}
