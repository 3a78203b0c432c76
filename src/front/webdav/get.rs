//! GET and HEAD: one version of a document, whole or in ranges, or a folder as a page.

use hyper::header::HeaderValue;

use super::folder_page::folder;
use super::guard::Guarded;
use super::status::{Act, Refusal};
use crate::front::http_answer::{Body, Response};
use crate::front::http_conditions::Verdict;
use crate::front::http_document::{self, Unanswered};
use crate::front::http_range;
use crate::names::{DocPath, Front};
use crate::vfs::{Error, Fetched, View};

const ATTACHMENT: HeaderValue = HeaderValue::from_static("attachment");

/// The GET and HEAD methods.
pub(super) async fn get(
    view: View,
    path: DocPath,
    slash: bool,
    guarded: &Guarded,
    head: bool,
) -> Result<Response<Body>, Refusal> {
    let refused = |error: Error| Refusal::tree(&error, Act::Look);
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
    let wants_all = guarded.range.is_none() && guarded.conditions.is_empty() && !slash;
    let fetched = if wants_all { view.fetch(&path).await } else { view.read(&path).await.map(Fetched::Open) };
    let reading = match fetched {
        Ok(Fetched::Whole(stat, content)) => return Ok(http_document::whole(&stat, content, ATTACHMENT)),
        Ok(Fetched::Open(_)) if slash => return Err(Refusal::not_found()),
        Ok(Fetched::Open(reading)) => reading,
        Err(Error::IsFolder) => return folder(&view, &path, false).await,
        Err(error) => return Err(refused(error)),
    };
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
