//! PROPFIND (RFC 4918 section 9.1): one listing of the tree, written straight into the response.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use super::guard::Guarded;
use super::headers::Depth;
use super::location::MOUNT;
use super::multistatus::{HEAD, TAIL, push_href, push_status};
use super::properties::{Entry, Live, push_response};
use super::requests::{Find, propfind, read_body};
use super::status::{Act, Code, Refusal};
use crate::front::http_answer::{Body, BrokenOff, Chunks, Response, XML_TYPE, whole};
use crate::front::http_upload::Upload;
use crate::names::{DocName, DocPath};
use crate::vfs::{Error, Lock, LockDepth, Property, Space, Stat, View};

/// How large a chunk grows before it is sent.
const CHUNK: usize = 64 * 1024;

/// What has to be fetched beside the entries themselves.
#[derive(Debug, Clone, Copy)]
struct Needs {
    dead: bool,
    locks: bool,
    space: bool,
}

impl Needs {
    fn of(find: &Find) -> Self {
        let (all, names) = match find {
            Find::All(include) => (true, include.as_slice()),
            Find::Names => return Self { dead: true, locks: false, space: false },
            Find::Named(names) => (false, names.as_slice()),
        };
        let has = |wanted: &[Live]| names.iter().filter_map(Live::find).any(|live| wanted.contains(&live));
        Self {
            dead: all || names.iter().any(|name| Live::find(name).is_none()),
            locks: all || has(&[Live::LockDiscovery]),
            space: has(&[Live::QuotaAvailable, Live::QuotaUsed]),
        }
    }
}

/// Reads depth and body, which all PROPFINDs have in common.
async fn question(guarded: &Guarded, upload: &mut Upload, limit: usize) -> Result<(Find, bool), Refusal> {
    let body = read_body(upload, limit).await?;
    let find = propfind(&body)?;
    match guarded.depth {
        Some(Depth::Zero) => Ok((find, false)),
        Some(Depth::One) => Ok((find, true)),
        // No header means infinity (section 10.2); a whole firm's tree in one answer is of use to nobody.
        Some(Depth::Infinity) | None => {
            Err(Refusal::new(StatusCode::FORBIDDEN, "PROPFIND needs Depth: 0 or 1")
                .with_code(Code::PropfindFiniteDepth))
        }
    }
}

/// PROPFIND below the mount.
pub(super) async fn tree(
    view: View,
    path: DocPath,
    guarded: &Guarded,
    upload: &mut Upload,
    limit: usize,
) -> Result<Response<Body>, Refusal> {
    let (find, deep) = question(guarded, upload, limit).await?;
    let refused = |error: Error| Refusal::tree(&error, Act::Look);
    guarded.check(&view, &path, Act::Look).await?;
    let needs = Needs::of(&find);
    let stat = view.stat(&path).await.map_err(refused)?;
    let (stat, entries) = if deep && stat.is_folder() {
        let listing = view.list(&path).await.map_err(refused)?;
        (listing.folder, listing.entries)
    } else {
        (stat, Vec::new())
    };
    let locks = if needs.locks { view.locks(&path).await.map_err(refused)? } else { Vec::new() };
    let below =
        if needs.locks && !entries.is_empty() { view.locks_in(&path).await.map_err(refused)? } else { Vec::new() };
    let space = if needs.space && stat.is_folder() { Some(view.space(&path).await.map_err(refused)?) } else { None };
    let writer = Writer { view, path, find, needs, locks, below, space };
    // The folder itself comes first; what goes wrong with it is still a status of its own.
    let mut out = String::with_capacity(4096);
    out.push_str(HEAD);
    writer.push(&mut out, None, &stat).await.map_err(refused)?;
    if entries.is_empty() {
        out.push_str(TAIL);
        return Ok(whole(StatusCode::MULTI_STATUS, XML_TYPE, out));
    }
    let mut response =
        Response::new(Body::Stream { chunks: writer.stream(out, entries), left: None, is_lost: None, watch: None });
    *response.status_mut() = StatusCode::MULTI_STATUS;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(XML_TYPE));
    Ok(response)
}

/// Writes the entries of one listing.
struct Writer {
    view: View,
    path: DocPath,
    find: Find,
    needs: Needs,
    /// Locks that cover the folder.
    locks: Vec<Lock>,
    /// Locks on its entries themselves.
    below: Vec<Lock>,
    space: Option<Space>,
}

impl Writer {
    /// Appends the response of the folder itself (no name), or of an entry of it.
    async fn push(&self, out: &mut String, entry: Option<&DocName>, stat: &Stat) -> Result<(), Error> {
        let own_path;
        let path = match entry {
            None => &self.path,
            // A path that would be too long has no URL either: the entry cannot be reached and is left out.
            Some(name) => match self.path.clone().join(name.clone()) {
                Ok(path) => {
                    own_path = path;
                    &own_path
                }
                Err(_) => return Ok(()),
            },
        };
        let dead: Vec<Property> = if self.needs.dead && stat.has_properties {
            match self.view.properties(path).await {
                Ok(properties) => properties,
                // Removed since the listing was made.
                Err(Error::NotFound) => return Ok(()),
                Err(error) => return Err(error),
            }
        } else {
            Vec::new()
        };
        let mut covering: Vec<Lock> = Vec::new();
        let locks = if entry.is_none() || (self.locks.is_empty() && self.below.is_empty()) {
            &self.locks
        } else {
            let infinite = self.locks.iter().filter(|lock| lock.depth == LockDepth::Infinity);
            let is_own = |lock: &&Lock| match (lock.root.names().last(), entry) {
                (Some(root), Some(name)) => root == name || root.folded() == name.folded(),
                _ => false,
            };
            let own = self.below.iter().filter(is_own);
            covering.extend(infinite.chain(own).cloned());
            &covering
        };
        let space = match (entry, self.space) {
            (None, space) => space,
            (Some(_), None) => None,
            (Some(_), Some(_)) if !stat.is_folder() => None,
            // The matters below the root have figures of their own; all folders of one matter share theirs.
            (Some(_), Some(_)) if self.path.is_root() => Some(self.view.space(path).await?),
            (Some(_), space) => space,
        };
        push_response(out, &self.find, &Entry { path, stat, locks, dead: &dead, space });
        Ok(())
    }

    /// The rest of the document, in chunks. Bounded by one chunk beside the listing itself.
    fn stream(self, head: String, entries: Vec<Stat>) -> Chunks {
        let state = (Arc::new(self), head, entries.into_iter(), false);
        Box::pin(stream::try_unfold(state, |(writer, mut out, mut entries, ended)| async move {
            if ended {
                return Ok(None);
            }
            let mut ended = true;
            for stat in entries.by_ref() {
                let Some(name) = stat.name.as_ref() else { continue };
                // A listing that cannot be finished is broken off: a short one would look like a whole one.
                writer.push(&mut out, Some(name), &stat).await.map_err(|_| BrokenOff)?;
                if out.len() >= CHUNK {
                    ended = false;
                    break;
                }
            }
            if ended {
                out.push_str(TAIL);
            }
            Ok(Some((Bytes::from(out), (writer, String::with_capacity(CHUNK + 4096), entries, ended))))
        }))
    }
}

/// PROPFIND on `/`, which Windows and others walk through on their way to a mapped folder: it holds the mount.
pub(super) async fn top(guarded: &Guarded, upload: &mut Upload, limit: usize) -> Result<Response<Body>, Refusal> {
    let (_, deep) = question(guarded, upload, limit).await?;
    let mut out = String::from(HEAD);
    let mut push = |url: &str| {
        out.push_str("<D:response>");
        push_href(&mut out, url);
        out.push_str("<D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype></D:prop>");
        push_status(&mut out, StatusCode::OK);
        out.push_str("</D:propstat></D:response>\n");
    };
    push("/");
    if deep {
        push(&format!("{MOUNT}/"));
    }
    out.push_str(TAIL);
    Ok(whole(StatusCode::MULTI_STATUS, XML_TYPE, out))
}
