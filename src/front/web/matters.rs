//! The first page: the matters that somebody sees, with their areas.

use askama::Template;
use axum::response::Response;
use hyper::StatusCode;
use serde::Deserialize;

use super::frame::{Frame, page};
use super::person::Person;
use super::status::Failure;
use super::{messages, urls};
use crate::names::DocName;
use crate::vfs::MatterListing;

/// Matters on one page; staff of a large firm look for the others by number or name.
const MOST: usize = 200;
/// From so many on there is something to look for.
const WORTH_A_SEARCH: usize = 12;

#[derive(Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    q: String,
}

#[derive(Template)]
#[template(path = "matters.html")]
struct MattersPage {
    frame: Frame,
    matters: Vec<Matter>,
    searchable: bool,
    query: String,
    left_out: usize,
}

struct Matter {
    number: String,
    name: String,
    url: String,
    areas: Vec<(String, String)>,
}

/// My matters.
pub(super) async fn show(person: Person, Search { q }: Search) -> Result<Response, Failure> {
    let all = person.view().matters().await?;
    let searchable = all.len() >= WORTH_A_SEARCH;
    let query: String = q.trim().chars().take(100).collect();
    let folded = query.to_lowercase();
    let found: Vec<_> = all
        .into_iter()
        .filter(|matter| format!("{} {}", matter.number, matter.name).to_lowercase().contains(&folded))
        .collect();
    let left_out = found.len().saturating_sub(MOST);
    let matters = found.into_iter().take(MOST).map(shown).collect();
    let frame = person.frame("My matters");
    Ok(page(StatusCode::OK, &MattersPage { frame, matters, searchable, query, left_out }))
}

fn shown(matter: MatterListing) -> Matter {
    let area = |name: &DocName| {
        let path = matter.path.clone().join(name.clone()).ok()?;
        let url = if messages::area_above(&path).is_some() { messages::url(&path) } else { urls::folder(&path) };
        Some((name.to_string(), url))
    };
    let areas = matter.areas.iter().filter_map(|stat| area(stat.name.as_ref()?)).collect();
    Matter { number: matter.number, name: matter.name, url: urls::folder(&matter.path), areas }
}
