//! News as the vault pins it up: within the transaction that makes it true.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::News;
use super::news::{Cause, structure_folder};
use crate::kv::{Change, Error, SealedStore};
use crate::names::{AccountId, DocName, MatterId, NodeId, Place};

pub(super) const NEWS: &[u8] = b"on";

/// How much news is kept apart while it waits. Beyond that, what comes into one folder by one maker is one piece of news,
/// "further documents": nobody is left untold, and an outage of weeks does not fill the store.
pub const MAX_NEWS: usize = 50_000;

/// Where the vault pins up what came. With mail switched off it takes nothing, since nobody would ever take it down.
pub struct Noticeboard {
    store: Arc<SealedStore>,
    is_on: bool,
    /// About how much hangs there: never less than what does, corrected by whoever reads all of it.
    waiting: AtomicUsize,
}

impl Noticeboard {
    /// The noticeboard of a store. Counts what waits.
    ///
    /// # Errors
    /// As [`SealedStore::scan`].
    pub fn new(store: Arc<SealedStore>, is_on: bool) -> Result<Self, Error> {
        let board = Self { store, is_on, waiting: AtomicUsize::new(0) };
        board.all()?;
        Ok(board)
    }

    #[cfg(test)]
    pub(super) fn full(store: Arc<SealedStore>) -> Self {
        Self { store, is_on: true, waiting: AtomicUsize::new(MAX_NEWS) }
    }

    /// True if mail is switched on.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// About how much news waits.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Tells of something once the change is committed. What waits already by the same maker of the same document is one
    /// with it, and stays what it was: a document that was uploaded and then moved is new to whoever was not told.
    ///
    /// # Errors
    /// As [`SealedStore::get`].
    pub fn announce(&self, change: &mut Change<'_>, news: Option<News>) -> Result<(), Error> {
        let Some(mut news) = news.filter(|_| self.is_on) else { return Ok(()) };
        let mut key = key_of(&news);
        match self.store.get::<News>(&key)? {
            Some(before) => {
                news.since = before.value.since;
                if let Cause::Moved { .. } = news.cause {
                    news.cause = before.value.cause;
                }
            }
            None if self.waiting() >= MAX_NEWS => {
                (news.node, news.name) = (news.folder, None);
                key = key_of(&news);
            }
            None => {
                self.waiting.fetch_add(1, Ordering::Relaxed);
            }
        }
        change.put(&key, &news);
        Ok(())
    }

    /// Takes down what waits about a document, once the change is committed: it is gone.
    ///
    /// # Errors
    /// As [`SealedStore::scan`].
    pub fn withdraw(&self, change: &mut Change<'_>, matter: Option<MatterId>, node: NodeId) -> Result<(), Error> {
        for news in self.about(matter, node)? {
            change.delete(&key_of(&news));
        }
        Ok(())
    }

    /// Corrects what waits about a document, once the change is committed: it stands elsewhere or is called otherwise.
    ///
    /// # Errors
    /// As [`SealedStore::scan`].
    pub fn readdress(&self, change: &mut Change<'_>, node: NodeId, to: &Place, name: &DocName) -> Result<(), Error> {
        for mut news in self.about(to.matter, node)? {
            news.folder = structure_folder(to).unwrap_or(news.folder);
            news.name = Some(name.clone());
            change.put(&key_of(&news), &news);
        }
        Ok(())
    }

    /// All that waits, by matter.
    ///
    /// # Errors
    /// As [`SealedStore::scan`].
    pub fn all(&self) -> Result<Vec<News>, Error> {
        let all = self.under(NEWS)?;
        self.waiting.store(all.len(), Ordering::Relaxed);
        Ok(all)
    }

    fn about(&self, matter: Option<MatterId>, node: NodeId) -> Result<Vec<News>, Error> {
        match matter {
            Some(matter) if self.is_on => self.under(&[NEWS, matter.as_bytes(), node.as_bytes()].concat()),
            _ => Ok(Vec::new()),
        }
    }

    fn under(&self, prefix: &[u8]) -> Result<Vec<News>, Error> {
        let mut found = Vec::new();
        self.store.scan(prefix, None, |_, news| {
            found.push(news);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }
}

pub(super) fn key_of(news: &News) -> Vec<u8> {
    key(news.matter, news.node, news.by)
}

fn key(matter: MatterId, node: NodeId, by: AccountId) -> Vec<u8> {
    [NEWS, matter.as_bytes(), node.as_bytes(), by.as_bytes()].concat()
}
