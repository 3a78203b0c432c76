//! GET and HEAD: one version of a document, whole or in ranges, or a folder as a page.

use futures_util::FutureExt as _;
use hyper::header::HeaderValue;

use super::folder_page::folder;
use super::guard::Guarded;
use super::status::{Act, Refusal};
use crate::front::http_answer::{Body, Response};
use crate::front::http_conditions::Verdict;
use crate::front::http_document::{self, Unanswered};
use crate::front::http_range;
use crate::names::{DocPath, Front};
use crate::vfs::{Error, Fetched, Reading, View};

const ATTACHMENT: HeaderValue = HeaderValue::from_static("attachment");

/// The GET and HEAD methods.
pub(super) async fn get(
    view: View,
    path: DocPath,
    slash: bool,
    guarded: &Guarded,
    head: bool,
) -> Result<Response<Body>, Refusal> {
    // Most ask for a whole document, and most of these for a small one. What the others take is boxed, so that the future of
    // each request need not have room for it.
    let wants_all = guarded.range.is_none() && guarded.conditions.is_empty() && guarded.if_header.is_none();
    if head || slash || path.is_root() || !wants_all {
        return chosen(view, path, slash, guarded, head).boxed().await;
    }
    match view.fetch(&path).await {
        Ok(Fetched::Whole(stat, content)) => Ok(http_document::whole(&stat, content, ATTACHMENT)),
        Ok(Fetched::Open(reading)) => send(reading, guarded).boxed().await,
        Err(Error::IsFolder) => folder(&view, &path, false).boxed().await,
        Err(error) => Err(refused(error)),
    }
}

/// The same under conditions, of a range, or without the content.
async fn chosen(
    view: View,
    path: DocPath,
    slash: bool,
    guarded: &Guarded,
    head: bool,
) -> Result<Response<Body>, Refusal> {
    // Conditions are judged before the document is opened: a 304 is no reading, and is not recorded as one.
    if head || path.is_root() || guarded.if_header.is_some() || !guarded.conditions.is_empty() {
        let stat = view.stat(&path).await.map_err(refused)?;
        if stat.is_folder() {
            return folder(&view, &path, head).await;
        }
        if slash {
            return Err(Refusal::not_found());
        }
        if guarded.if_header.is_some() {
            guarded.check(&view, &path, Act::Look).await?;
        }
        match guarded.conditions.judge(Some(&stat), true) {
            Verdict::Proceed => {}
            Verdict::Failed => return Err(Refusal::precondition()),
            Verdict::NotModified => return Ok(http_document::not_modified(&stat)),
        }
        if head {
            return Ok(http_document::head(&stat, ATTACHMENT));
        }
    }
    match view.read(&path).await {
        Ok(_) if slash => Err(Refusal::not_found()),
        Ok(reading) => send(reading, guarded).await,
        Err(Error::IsFolder) => folder(&view, &path, false).await,
        Err(error) => Err(refused(error)),
    }
}

/// What was asked for of a document that is open.
async fn send(reading: Reading, guarded: &Guarded) -> Result<Response<Body>, Refusal> {
    // What was opened may be a newer version than the one that was looked at.
    if guarded.conditions.judge(Some(reading.stat()), true) == Verdict::Failed {
        return Err(Refusal::precondition());
    }
    let (range, if_range) = (guarded.range.as_ref(), guarded.if_range.as_ref());
    let selection = http_range::selection(range, if_range, reading.stat(), Front::Webdav)?;
    let answered = http_document::send(reading, selection, ATTACHMENT).await;
    answered.map_err(|why| match why {
        Unanswered::NoSuchRange(size) => Refusal::range(size),
        Unanswered::Tree(error) => refused(error),
    })
}

fn refused(error: Error) -> Refusal {
    Refusal::tree(&error, Act::Look)
}
