//! A folder as a page, or a document as a download: both stand under `/m/` and the path of the tree.

use askama::Template;
use axum::extract::Query;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::{Method, StatusCode};
use serde::Deserialize;

use super::download::{Sent, Wanted};
use super::frame::{Frame, page};
use super::person::Person;
use super::status::Failure;
use super::urls::{self, At};
use super::{messages, staff, words};
use crate::names::{DocPath, Verb};
use crate::vfs::{Listing, Stat};

/// Entries on one page.
const ON_A_PAGE: usize = 500;

#[derive(Deserialize)]
pub(super) struct Part {
    /// From 1.
    page: Option<usize>,
}

#[derive(Template)]
#[template(path = "folder.html")]
struct FolderPage {
    frame: Frame,
    /// The folders above, from the matter down.
    above: Vec<(String, String)>,
    /// Where staff manage the matter.
    manage: Option<String>,
    /// Where the messages in it are read as a conversation.
    messages: Option<String>,
    upload: Option<String>,
    new_folder: Option<String>,
    /// All of it as one archive, where there is something to download.
    archive: Option<String>,
    /// There are rights to put something in and none to see what is there.
    is_drop_box: bool,
    entries: Vec<Entry>,
    page: usize,
    pages: usize,
    total: usize,
}

struct Entry {
    name: String,
    url: String,
    is_folder: bool,
    /// Nothing where it may not be downloaded.
    opens: bool,
    size: String,
    modified: String,
    modified_at: String,
    rename: Option<String>,
    delete: Option<String>,
    /// Where staff share it, or give it rights of its own.
    share: Option<String>,
}

/// What stands at the path.
pub(super) async fn open(
    person: Person,
    At(path): At,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    Query(part): Query<Part>,
) -> Result<Response, Failure> {
    if path.is_root() {
        return Ok(Redirect::to("/").into_response());
    }
    if uri.path().ends_with('/') && method != Method::HEAD {
        return listing(&person, &path, &part).await;
    }
    match Wanted::parse(&headers)?.send(&person, &path, method == Method::HEAD).await? {
        Sent::Document(response) => Ok(response),
        Sent::Folder => listing(&person, &path, &part).await,
    }
}

async fn listing(person: &Person, path: &DocPath, part: &Part) -> Result<Response, Failure> {
    let Listing { folder, mut entries } = person.view().list(path).await?;
    // As file managers do: folders first, each kind by name.
    let folded = |stat: &Stat| stat.name.as_ref().map(|name| name.folded());
    entries.sort_by_cached_key(|stat| (!stat.is_folder(), folded(stat)));
    let (total, pages) = (entries.len(), entries.len().div_ceil(ON_A_PAGE).max(1));
    let at = part.page.unwrap_or(1).clamp(1, pages);
    let zone = person.portal.settings.load().zone.clone();
    let entries = entries.iter().skip((at - 1) * ON_A_PAGE).take(ON_A_PAGE);
    let entries: Vec<Entry> = entries.filter_map(|stat| entry(person, path, stat, &zone)).collect();
    let entries_are_open = entries.iter().any(|entry| entry.opens);
    let can_create = folder.rights.has(Verb::Create);
    let title = path.names().last().map_or_else(String::new, ToString::to_string);
    let shown = FolderPage {
        frame: person.frame(title),
        above: above(path),
        manage: staff::folder_of(person, path),
        messages: messages::area_above(path).map(|_| messages::url(path)),
        upload: can_create.then(|| urls::under("/upload", path)),
        new_folder: can_create.then(|| urls::under("/new-folder", path)),
        archive: entries_are_open.then(|| urls::under("/zip", path)),
        is_drop_box: can_create && !folder.rights.reveals(),
        entries,
        page: at,
        pages,
        total,
    };
    Ok(page(StatusCode::OK, &shown))
}

fn entry(person: &Person, folder: &DocPath, stat: &Stat, zone: &jiff::tz::TimeZone) -> Option<Entry> {
    let name = stat.name.clone()?;
    let path = folder.clone().join(name.clone()).ok()?;
    let is_folder = stat.is_folder();
    let may = |verb| !stat.structure && stat.rights.has(verb);
    Some(Entry {
        name: name.to_string(),
        url: if is_folder { urls::folder(&path) } else { urls::under("/m", &path) },
        is_folder,
        opens: is_folder || stat.rights.has(Verb::Read),
        size: if is_folder { String::new() } else { words::size(stat.size) },
        modified: if stat.structure { String::new() } else { words::time(stat.modified, zone) },
        modified_at: stat.modified.to_string(),
        rename: may(Verb::Update).then(|| urls::under("/rename", &path)),
        delete: may(Verb::Delete).then(|| urls::under("/delete", &path)),
        share: if stat.structure { None } else { staff::sharing_of(person, &path, is_folder) },
    })
}

fn above(path: &DocPath) -> Vec<(String, String)> {
    let mut above = Vec::new();
    let mut at = path.split_last().map(|(above, _)| above);
    while let Some((up, name)) = at.as_ref().and_then(|path| path.split_last()) {
        let here = at.as_ref().map(urls::folder).unwrap_or_default();
        above.push((name.to_string(), here));
        at = Some(up);
    }
    above.reverse();
    above
}
