//! DELETE (RFC 4918 section 9.6): a document, or a folder with everything in it.

use hyper::StatusCode;

use super::guard::Guarded;
use super::headers::Depth;
use super::location::href;
use super::multistatus::Failures;
use super::status::{Act, Code, Refusal};
use crate::front::http_answer::{Body, Response, empty};
use crate::names::DocPath;
use crate::vfs::{Error, Stat, View};

/// The DELETE method.
pub(super) async fn delete(
    view: View,
    path: DocPath,
    slash: bool,
    guarded: &Guarded,
) -> Result<Response<Body>, Refusal> {
    let refused = |error: Error| refusal(error, &path);
    if path.is_root() {
        return Err(refused(Error::Structure));
    }
    guarded.check(&view, &path, Act::Delete).await?;
    let stat = view.stat(&path).await.map_err(refused)?;
    if !stat.is_folder() {
        if slash {
            return Err(Refusal::not_found());
        }
        view.remove_document(&path).await.map_err(refused)?;
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    // Before anything in it is touched: the folder would stay, and everything that was in it would be gone.
    if stat.structure {
        return Err(refused(Error::Structure));
    }
    // Section 9.6.1: a folder goes with everything in it or not at all.
    if matches!(guarded.depth, Some(Depth::Zero | Depth::One)) {
        return Err(Refusal::bad("a folder is deleted with Depth: infinity"));
    }
    let failures = remove_tree(&view, &path).await.map_err(refused)?;
    if failures.is_empty() { Ok(empty(StatusCode::NO_CONTENT)) } else { Ok(failures.into_response(Act::Delete)) }
}

/// An error of the resource itself; a lock in the way is named (section 16, `lock-token-submitted`).
fn refusal(error: Error, path: &DocPath) -> Refusal {
    let refusal = Refusal::tree(&error, Act::Delete);
    if error == Error::Locked {
        return refusal.with_code(Code::LockTokenSubmitted(href(path, false)));
    }
    refusal
}

/// One folder on the way down.
struct Level {
    path: DocPath,
    rest: std::vec::IntoIter<Stat>,
    /// Failures before it was entered: if more have come, it cannot be empty.
    failures: usize,
}

/// Removes what a folder holds and then the folder, going on past what cannot be removed. An error of the folder itself
/// is an error; those of its members are collected. The way is kept on the heap, and a path has a bounded depth.
pub(super) async fn remove_tree(view: &View, root: &DocPath) -> Result<Failures, Error> {
    view.may_unlink(root)?;
    let mut failures = Failures::default();
    let first = Level { path: root.clone(), rest: view.list(root).await?.entries.into_iter(), failures: 0 };
    let mut way = vec![first];
    while let Some(level) = way.last_mut() {
        let Some(stat) = level.rest.next() else {
            let Some(done) = way.pop() else { break };
            if failures.count() == done.failures
                && let Err(error) = absent_is_gone(view.remove_folder(&done.path).await)
            {
                if way.is_empty() && failures.is_empty() {
                    return Err(error);
                }
                failures.add(done.path, true, error);
            }
            continue;
        };
        let Some(path) = stat.name.clone().and_then(|name| level.path.clone().join(name).ok()) else { continue };
        let result = if stat.is_folder() {
            match view.list(&path).await {
                Ok(listing) => {
                    let level =
                        Level { path: path.clone(), rest: listing.entries.into_iter(), failures: failures.count() };
                    way.push(level);
                    Ok(())
                }
                Err(error) => absent_is_gone(Err(error)),
            }
        } else {
            absent_is_gone(view.remove_document(&path).await)
        };
        if let Err(error) = result {
            let over = ends_everything(&error);
            failures.add(path, stat.is_folder(), error);
            if over {
                break;
            }
        }
    }
    Ok(failures)
}

/// Somebody else removed it in the meantime: that is what was wanted.
fn absent_is_gone(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(Error::NotFound) => Ok(()),
        other => other,
    }
}

/// Errors after which no further member can succeed either.
pub(super) fn ends_everything(error: &Error) -> bool {
    matches!(
        error,
        Error::Revoked | Error::Unavailable | Error::Busy(_) | Error::NoSpace | Error::Quota(_) | Error::Limit(_)
    )
}
