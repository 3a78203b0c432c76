//! `/locks`: documents that somebody has open for editing; for the administrator.

use axum::extract::Path;
use serde::Serialize;

use super::answer::Answer;
use super::caller::Administrator;
use super::input::Asked;
use super::page::Which;
use super::problem::Problem;
use crate::gate::{Administer, Permit};
use crate::names::LockId;
use crate::practice::Firm;
use crate::vfs::{HeldLock, LockDepth, Vfs};

/// A lock in answers: whose it is, and not the token.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    path: String,
    login: Option<String>,
    shared: bool,
    /// It covers everything below.
    deep: bool,
    expires: String,
}

pub(super) async fn list(administrator: Administrator, Asked(which): Asked<Which>) -> Result<Answer, Problem> {
    let look = |vfs: &Vfs, permit: &Permit<Administer>| Ok(vfs.held_locks(permit));
    let mut held = administrator.inspect(("lock list", "", None), look).await?;
    held.sort_by_key(|lock| lock.id);
    let firm = administrator.firm();
    let page = which.of(held, |lock| lock.id.to_string())?;
    Answer::of(&page.map(|lock| shown(&firm, lock)))
}

pub(super) async fn remove(administrator: Administrator, Path(id): Path<String>) -> Result<Answer, Problem> {
    let id = id.parse::<LockId>().map_err(|_| Problem::not_found())?;
    let find =
        move |vfs: &Vfs, permit: &Permit<Administer>| Ok(vfs.held_locks(permit).into_iter().find(|lock| lock.id == id));
    let found = administrator.inspect(("lock break, find", &id.to_string(), None), find).await?;
    let lock = found.ok_or_else(Problem::not_found)?;
    let firm = administrator.firm();
    let matter = lock.path.names().first().and_then(|folder| firm.matter_by_folder(&folder.folded()));
    let login = firm.account(lock.account).map_or("nobody", |account| account.login.as_str());
    let subject = format!("{} of {login}", lock.path);
    let end = move |vfs: &Vfs, permit: &Permit<Administer>| vfs.break_lock(permit, id);
    administrator.inspect(("lock break", &subject, matter.map(|matter| matter.id)), end).await?;
    Ok(Answer::done())
}

fn shown(firm: &Firm, lock: HeldLock) -> Shown {
    Shown {
        id: lock.id.to_string(),
        path: lock.path.to_string(),
        login: firm.account(lock.account).map(|account| account.login.clone()),
        shared: lock.shared,
        deep: lock.depth == LockDepth::Infinity,
        expires: lock.expires.to_string(),
    }
}
