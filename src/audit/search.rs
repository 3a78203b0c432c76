//! Looking for records: the newest first, a page at a time; and one record with its proof, of a log that is open.

use super::backwards::{Bounds, MAX_SKIMMED, Wanted, page};
use super::body::Body;
use super::error::VerifyError;
use super::event::{Action, Outcome};
use super::leaf::{Leaf, Tag};
use super::log::Log;
use super::proof::{Proof, prove_in};
use super::show::Shown;
use super::store::Store;
use super::verify::{VerifyReport, verify_opening};
use crate::names::{MatterId, Timestamp};

/// Which records; by default those that say how something ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Those of one matter.
    pub matter: Option<MatterId>,
    /// Those from this time on.
    pub from: Option<Timestamp>,
    /// Those before this time.
    pub to: Option<Timestamp>,
    /// Those of one login, in whatever case it is written.
    pub login: Option<String>,
    /// Those of one kind.
    pub action: Option<Action>,
    /// Those that ended in a certain way.
    pub ended: Ended,
    /// Those with this in what they are about: path, target, subject, reason; in whatever case it is written.
    pub text: Option<String>,
    /// Those before this record: where the page before ended.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// How something ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ended {
    /// In any way: without the intents, and the confirmations of uploads.
    #[default]
    Somehow,
    /// Whatever the record says: the beginnings, too.
    OrBegan,
    /// In one way.
    As(Outcome),
}

/// A page of records.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The newest first.
    pub records: Vec<Shown>,
    /// If there may be older ones: look before this record.
    pub next: Option<u64>,
}

/// The same, each with its proof.
#[derive(Debug)]
pub struct FoundProven {
    /// The newest first.
    pub records: Vec<(Shown, Proof)>,
    /// If there may be older ones: look before this record.
    pub next: Option<u64>,
}

/// A search with its texts in small letters.
struct Sought<'s> {
    search: &'s Search,
    tag: Option<Tag>,
    text: Option<String>,
}

impl Wanted for Sought<'_> {
    type Item = Shown;

    fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    fn since(&self) -> Option<Timestamp> {
        self.search.from
    }

    fn wants(&self, leaf: &Leaf) -> bool {
        let Search { to, action, ended, .. } = self.search;
        let as_wanted = match ended {
            Ended::Somehow => !matches!(leaf.outcome, Outcome::Begun | Outcome::Confirmed),
            Ended::OrBegan => true,
            Ended::As(outcome) => leaf.outcome == *outcome,
        };
        as_wanted && action.is_none_or(|action| leaf.action == action) && to.is_none_or(|to| leaf.time < to)
    }

    fn take(&self, leaf: &Leaf, body: Option<Body>) -> Option<Shown> {
        let shown = Shown::new(leaf, body);
        if self.search.login.is_none() && self.text.is_none() {
            return Some(shown);
        }
        let event = shown.event()?;
        let own = self.search.login.as_ref().is_none_or(|login| event.actor.login.eq_ignore_ascii_case(login));
        let detail = &event.detail;
        let texts = [&event.path, &detail.to, &detail.subject, &detail.reason];
        let has = |text: &String| texts.into_iter().flatten().any(|one| one.to_lowercase().contains(text));
        (own && self.text.as_ref().is_none_or(has)).then_some(shown)
    }
}

impl Log {
    /// A page of records, as they are at this moment. Blocks.
    ///
    /// # Errors
    /// If the record is damaged where it is read.
    pub fn search(&self, search: &Search) -> Result<Found, VerifyError> {
        self.search_within(search, MAX_SKIMMED)
    }

    pub(super) fn search_within(&self, search: &Search, most: u64) -> Result<Found, VerifyError> {
        let tag = search.matter.as_ref().map(|matter| self.queue.sealer.tag(matter));
        let sought = Sought { search, tag, text: search.text.as_ref().map(|text| text.to_lowercase()) };
        let bounds = Bounds { before: search.before, limit: search.limit, most };
        let (records, next) = page(&self.store()?, &self.queue.sealer, &sought, &bounds)?;
        Ok(Found { records, next })
    }

    /// One record; nothing if there is none of this number yet. Blocks.
    ///
    /// # Errors
    /// If the record is damaged where it is read.
    pub fn shown(&self, seq: u64) -> Result<Option<Shown>, VerifyError> {
        let store = self.store()?;
        if seq >= store.size() {
            return Ok(None);
        }
        let record = store.record(seq)?;
        Ok(Some(Shown::new(&record.leaf, record.open(&self.queue.sealer)?)))
    }

    /// As [`super::prove`], of a log that is open: a checkpoint is made that covers the record. Blocks.
    ///
    /// # Errors
    /// If there is no such record, or the log is damaged or cannot be written.
    pub fn prove(&self, seq: u64, with_body: bool) -> Result<Proof, VerifyError> {
        self.checkpoint().map_err(|why| VerifyError::Checkpoint(why.to_string()))?;
        prove_in(&self.store()?, seq, with_body.then_some(&self.queue.sealer))
    }

    /// As [`Log::search`], each record with its proof; those that come while it is read are another page's. Blocks.
    ///
    /// # Errors
    /// If the log is damaged or cannot be written.
    pub fn proven(&self, search: &Search) -> Result<FoundProven, VerifyError> {
        let (checkpoint, _) = self.checkpoint().map_err(|why| VerifyError::Checkpoint(why.to_string()))?;
        let before = search.before.map_or(checkpoint.size, |before| before.min(checkpoint.size));
        let found = self.search(&Search { before: Some(before), ..search.clone() })?;
        let store = self.store()?;
        let prove = |record: Shown| {
            let proof = prove_in(&store, record.seq, Some(&self.queue.sealer))?;
            Ok((record, proof))
        };
        let records = found.records.into_iter().map(prove).collect::<Result<_, VerifyError>>()?;
        Ok(FoundProven { records, next: found.next })
    }

    /// As [`super::verify_with`], of a log that is open, with all its keys. Blocks as long as it takes.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&self) -> Result<VerifyReport, VerifyError> {
        verify_opening(&self.dir, Some(&self.key), None, Some(&self.queue.sealer))
    }

    fn store(&self) -> Result<Store, VerifyError> {
        Store::load(&self.dir, Some(&self.key))
    }
}
