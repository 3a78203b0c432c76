//! COPY and MOVE (RFC 4918 sections 9.8 and 9.9).
//!
//! Nothing that stands at the target is ever deleted first. A document that is replaced gets its next version in one
//! step of the tree. A folder in the way is set aside under another name, put back if the operation fails, and removed
//! only after the new content stands, whether or not the client waits for it.

use hyper::StatusCode;

use super::delete::{ends_everything, remove_tree};
use super::guard::{Guarded, current};
use super::headers::Depth;
use super::location::href;
use super::multistatus::Failures;
use super::status::{Act, Code, Refusal};
use crate::front::http_answer::{Body, Response, empty};
use crate::front::limits::Share;
use crate::names::{DocName, DocPath, SessionId, Verb};
use crate::vfs::{Error, PropertyChange, Replace, Stat, View};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Copy,
    Move,
}

/// Source and target of one request, checked.
struct Job {
    view: View,
    kind: Kind,
    from: DocPath,
    to: DocPath,
    source: Stat,
    /// A folder is copied with what is in it.
    deep: bool,
}

/// The COPY and MOVE methods. `share` is what the account holds for the request, until all of it is done.
pub(super) async fn place(
    view: View,
    from: DocPath,
    guarded: &Guarded,
    kind: Kind,
    share: Share,
) -> Result<Response<Body>, Refusal> {
    let to = match &guarded.destination {
        Some(Ok((path, _))) => path.clone(),
        Some(Err(error)) => return Err((*error).into()),
        None => return Err(Refusal::bad("the Destination header is missing")),
    };
    guarded.check(&view, &from, Act::Place).await?;
    let source = view.stat(&from).await.map_err(refused)?;
    let deep = match (guarded.depth, kind) {
        (None | Some(Depth::Infinity), _) => true,
        (Some(Depth::Zero), Kind::Copy) => false,
        // The header means nothing for a document (section 10.2).
        (Some(_), _) if !source.is_folder() => true,
        (Some(_), _) => return Err(Refusal::bad("a folder is copied with Depth: 0 or infinity, moved with infinity")),
    };
    let overwrite = guarded.overwrite;
    let job = Job { view, kind, from, to, source, deep };
    if job.is_change_of_case() {
        return job
            .view
            .rename(&job.from, &job.to, Replace::No)
            .await
            .map_err(|e| job.refusal(e))
            .map(|_| placed(false));
    }
    // Refused before anything is touched: /d/sub to /d would replace the tree by a part of it, /d to /d/sub never ends.
    if job.to.is_within(&job.from) || job.from.is_within(&job.to) {
        return Err(refused(Error::Overlap));
    }
    let target = current(&job.view, &job.to, Act::Place).await?;
    match target {
        Some(_) if !overwrite => Err(refused(Error::Exists)),
        None => job.put(if overwrite { Replace::Yes } else { Replace::No }).await,
        Some(target) if !target.is_folder() && !job.source.is_folder() => job.put(Replace::Yes).await,
        // A folder must not be lost to one whose name only Linux can tell from its own.
        Some(target) if target.name.as_ref() != job.to.names().last() => Err(refused(Error::CaseTwin)),
        // A task of its own: a client that hangs up now must not leave the old aside and the new half there.
        Some(target) => {
            let task = tokio::spawn(async move {
                let done = job.displace(&target).await;
                drop(share);
                done
            });
            task.await.unwrap_or_else(|_| Err(refused(Error::Unavailable)))
        }
    }
}

fn refused(error: Error) -> Refusal {
    Refusal::tree(&error, Act::Place)
}

fn placed(replaced: bool) -> Response<Body> {
    empty(if replaced { StatusCode::NO_CONTENT } else { StatusCode::CREATED })
}

impl Job {
    /// `a.pdf` to `A.pdf` in one folder: the two names are one to the tree, and only a rename makes sense.
    fn is_change_of_case(&self) -> bool {
        match (self.kind, self.from.split_last(), self.to.split_last()) {
            (Kind::Move, Some((above, name)), Some((above_to, name_to))) => {
                name != name_to
                    && name.folded() == name_to.folded()
                    && above.is_within(&above_to)
                    && above_to.is_within(&above)
            }
            _ => false,
        }
    }

    /// With the lock named that stands in the way, as far as it can be told.
    fn refusal(&self, error: Error) -> Refusal {
        let locked = error == Error::Locked;
        let refusal = refused(error);
        if locked { refusal.with_code(Code::LockTokenSubmitted(href(&self.to, false))) } else { refusal }
    }

    /// Puts the source to a target where nothing stands, or a document that it may replace in one step.
    async fn put(&self, replace: Replace) -> Result<Response<Body>, Refusal> {
        match (self.kind, self.source.is_folder()) {
            (Kind::Move, true) => match self.view.rename(&self.from, &self.to, Replace::No).await {
                // Another matter has another key: a move is then what RFC 4918 section 9.9 says it is, copy and delete.
                Err(Error::OtherMatter) => return self.move_by_copy().await,
                result => result.map(placed),
            },
            (Kind::Move, false) => self.view.rename(&self.from, &self.to, replace).await.map(placed),
            (Kind::Copy, false) => self.view.copy_document(&self.from, &self.to, replace).await.map(placed),
            (Kind::Copy, true) => {
                let failures = self.copy_tree().await.map_err(|error| self.refusal(error))?;
                return Ok(if failures.is_empty() { placed(false) } else { failures.into_response(Act::Place) });
            }
        }
        .map_err(|error| self.refusal(error))
    }

    /// Copies a folder, and removes the original if every part of it came across.
    async fn move_by_copy(&self) -> Result<Response<Body>, Refusal> {
        let copied = self.copy_tree().await.map_err(|error| self.refusal(error))?;
        if !copied.is_empty() {
            return Ok(copied.into_response(Act::Place));
        }
        let removed = remove_tree(&self.view, &self.from).await.map_err(|error| self.refusal(error))?;
        Ok(if removed.is_empty() { placed(false) } else { removed.into_response(Act::Place) })
    }

    /// Replaces a folder, or a document by a folder.
    async fn displace(&self, target: &Stat) -> Result<Response<Body>, Refusal> {
        let Some((above, _)) = self.to.split_last() else { return Err(refused(Error::Structure)) };
        let holder = self.view.stat(&above).await.map_err(refused)?;
        if !holder.rights.has(Verb::Delete) || target.structure {
            return Err(refused(if target.structure { Error::Structure } else { Error::Denied }));
        }
        if target.is_folder() {
            self.may_be_removed().await.map_err(|error| self.refusal(error))?;
        }
        let aside = DocName::parse(format!(".replaced-{}", SessionId::random()).as_bytes())
            .and_then(|name| above.join(name))
            .map_err(|_| refused(Error::Denied))?;
        self.view.rename(&self.to, &aside, Replace::No).await.map_err(|error| self.refusal(error))?;
        let done = match self.put(Replace::No).await {
            Ok(response) if response.status() == StatusCode::CREATED => Ok(placed(true)),
            // A copy that stands in part: what was there before is replaced all the same (section 9.8.5).
            Ok(response) => Ok(response),
            Err(refusal) => {
                self.view.rename(&aside, &self.to, Replace::No).await.map_err(|error| self.refusal(error))?;
                return Err(refusal);
            }
        };
        if target.is_folder() {
            let failures = remove_tree(&self.view, &aside).await.map_err(|error| self.refusal(error))?;
            if !failures.is_empty() {
                return Ok(failures.into_response(Act::Place));
            }
        } else {
            self.view.remove_document(&aside).await.map_err(|error| self.refusal(error))?;
        }
        done
    }

    /// Looks through the target before it is set aside: a part that may not be deleted would stay behind.
    async fn may_be_removed(&self) -> Result<(), Error> {
        let mut open = vec![self.to.clone()];
        while let Some(path) = open.pop() {
            let listing = self.view.list(&path).await?;
            if listing.folder.structure {
                return Err(Error::Structure);
            }
            if !listing.folder.rights.has(Verb::Delete) {
                return Err(Error::Denied);
            }
            for stat in listing.entries.into_iter().filter(Stat::is_folder) {
                open.extend(stat.name.and_then(|name| path.clone().join(name).ok()));
            }
        }
        Ok(())
    }

    /// Copies a folder, going on past what cannot be copied. An error of the folder itself is an error.
    async fn copy_tree(&self) -> Result<Failures, Error> {
        let mut failures = Failures::default();
        self.copy_folder(&self.from, &self.to, &self.source).await?;
        let mut open = if self.deep { vec![(self.from.clone(), self.to.clone())] } else { Vec::new() };
        while let Some((from, to)) = open.pop() {
            let entries = match self.view.list(&from).await {
                Ok(listing) => listing.entries,
                Err(error) => {
                    failures.add(from, true, error);
                    continue;
                }
            };
            for stat in entries {
                let Some(name) = &stat.name else { continue };
                let Ok(source) = from.clone().join(name.clone()) else { continue };
                let result = match to.clone().join(name.clone()) {
                    // Deeper than a path may be: it has no place there.
                    Err(_) => Err(Error::TooLarge),
                    Ok(target) if stat.is_folder() => {
                        let made = self.copy_folder(&source, &target, &stat).await;
                        if made.is_ok() {
                            open.push((source.clone(), target));
                        }
                        made
                    }
                    Ok(target) => self.view.copy_document(&source, &target, Replace::No).await.map(drop),
                };
                if let Err(error) = result {
                    let over = ends_everything(&error);
                    failures.add(source, stat.is_folder(), error);
                    if over {
                        return Ok(failures);
                    }
                }
            }
        }
        Ok(failures)
    }

    /// Makes a folder like another, with its dead properties (section 9.8.2).
    async fn copy_folder(&self, from: &DocPath, to: &DocPath, stat: &Stat) -> Result<(), Error> {
        self.view.make_folder(to).await?;
        if stat.has_properties {
            let properties = self.view.properties(from).await?;
            let changes = properties.into_iter().map(PropertyChange::Set).collect();
            self.view.change_properties(to, changes).await?;
        }
        Ok(())
    }
}
