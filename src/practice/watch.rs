//! Who of the firm hears what participants do on a matter, and how much mail may tell of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::accounts::bounded;
use super::draft::Draft;
use super::words::quoted;
use super::{Error, Matter};
use crate::names::{AccountId, MatterId, Role};

/// How many may follow one matter.
const MAX_FOLLOWERS: usize = 16;

/// Who of the firm hears of a matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The member of staff whose matter it is: hears of every upload by a participant.
    pub owner: Option<AccountId>,
    /// Other staff who want to hear it too.
    pub followers: Vec<AccountId>,
    /// True keeps the names of its documents out of all mail.
    pub confidential: bool,
}

impl Watch {
    /// Everybody who hears.
    pub fn listeners(&self) -> impl Iterator<Item = AccountId> {
        let others = self.followers.iter().copied().filter(|one| Some(*one) != self.owner);
        self.owner.into_iter().chain(others)
    }
}

/// What is to be different about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchChange {
    /// The matter is this login's, or nobody's.
    Owner(Option<String>),
    /// This login hears of it from now on.
    Follow(String),
    /// This login does not any more.
    Unfollow(String),
    /// Whether document names stay out of mail.
    Confidential(bool),
}

impl Draft<'_> {
    pub(super) fn watch_matter(&mut self, matter: MatterId, change: WatchChange) -> Result<Arc<Matter>, Error> {
        let before = self.known_matter(matter)?;
        let mut watch = before.watch.clone();
        match change {
            WatchChange::Owner(login) => watch.owner = login.map(|login| self.known_staff(&login)).transpose()?,
            WatchChange::Follow(login) => {
                let follower = self.known_staff(&login)?;
                if !watch.followers.contains(&follower) {
                    bounded(watch.followers.len(), MAX_FOLLOWERS, "followers of one matter")?;
                    watch.followers.push(follower);
                }
            }
            WatchChange::Unfollow(login) => {
                let account = self.firm().account_by_login(&login).map(|account| account.id);
                watch.followers.retain(|one| Some(*one) != account);
            }
            WatchChange::Confidential(on) => watch.confidential = on,
        }
        if watch == before.watch {
            return Ok(before);
        }
        let mut after = Matter::clone(&before);
        after.watch = watch;
        Ok(self.put_matter(after))
    }

    /// Whoever hears of a matter can also see it: a member of staff.
    pub(super) fn known_staff(&self, login: &str) -> Result<AccountId, Error> {
        match self.firm().account_by_login(login) {
            Some(account) if account.role == Role::Staff => Ok(account.id),
            Some(account) => Err(Error::Refused(format!(
                "{} is the login of an account with the role {}; only staff see matters",
                quoted(login),
                account.role
            ))),
            None => Err(Error::NotFound(format!(
                "there is no login {}; `account list` shows those that are",
                quoted(login)
            ))),
        }
    }
}
