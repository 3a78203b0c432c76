//! Reading the record: bodies opened, in order, filtered.

use std::fmt;
use std::path::Path;
use std::vec;

use serde::{Serialize, Serializer};

use super::body::{Body, ReadKeys, Sealer};
use super::bundle::Record;
use super::error::VerifyError;
use super::event::{Action, Event, Outcome};
use super::leaf::{Leaf, Refers, Tag};
use super::store::Store;
use super::tree::TILE;
use crate::names::{MatterId, Timestamp};

/// Which records to show; everything by default.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those of one matter.
    pub matter: Option<MatterId>,
    /// Those from this time on.
    pub from: Option<Timestamp>,
    /// Those before this time.
    pub to: Option<Timestamp>,
    /// Those from this number on.
    pub first: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// A record as it is shown: one flat JSON object, one line of text.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// Its number.
    pub seq: u64,
    /// When.
    #[serde(serialize_with = "as_text")]
    pub time: Timestamp,
    /// What.
    pub action: Action,
    /// How it ended, or that it began.
    pub outcome: Outcome,
    /// The intent that it confirms or settles, or the record whose body it erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refers: Option<u64>,
    /// Its number within its matter, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// The catalog's last commit at that time.
    pub catalog: u64,
    #[serde(flatten)]
    body: Option<Body>,
}

fn as_text<S: Serializer>(time: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(time)
}

impl Shown {
    pub(super) fn new(leaf: &Leaf, body: Option<Body>) -> Self {
        let refers = match leaf.refers {
            Refers::Nothing => None,
            Refers::Intent(seq) | Refers::Erased(seq) => Some(seq),
        };
        let (seq, time, action, outcome) = (leaf.seq, leaf.time, leaf.action, leaf.outcome);
        let number = leaf.matter.map(|matter| matter.number);
        Self { seq, time, action, outcome, refers, number, catalog: leaf.catalog, body }
    }

    /// Who and what; nothing where the body was erased by law or is not shown.
    pub fn event(&self) -> Option<Event> {
        self.body.clone().map(|body| body.into_event(self.action, self.outcome))
    }
}

/// One line. What strangers typed cannot break it or steer a terminal.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8} {} {:<14} {:<9}", self.seq, self.time, self.action, self.outcome)?;
        let Some(event) = self.event() else {
            return f.write_str(" (no body)");
        };
        let (actor, detail) = (&event.actor, &event.detail);
        write!(f, " {} {}", Printable(&actor.login), actor.front.as_str())?;
        if let Some(peer) = &actor.peer {
            write!(f, " {}", Printable(peer))?;
        }
        if let Some(path) = &event.path {
            write!(f, " {}", Printable(path))?;
        }
        if let Some(to) = &detail.to {
            write!(f, " -> {}", Printable(to))?;
        }
        if let Some(subject) = &detail.subject {
            write!(f, " [{}]", Printable(subject))?;
        }
        if let Some(version) = detail.version {
            write!(f, " version={version}")?;
        }
        if let Some(bytes) = detail.bytes {
            write!(f, " bytes={bytes}")?;
        }
        if let Some(sha256) = detail.sha256 {
            write!(f, " sha256={}", hex::encode(sha256))?;
        }
        if let Some(refers) = self.refers {
            write!(f, " of={refers}")?;
        }
        if let Some(reason) = &detail.reason {
            write!(f, ": {}", Printable(reason))?;
        }
        Ok(())
    }
}

/// Text without control characters.
struct Printable<'t>(&'t str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            // Bidirectional overrides could make a line read as something else.
            let unsafe_char = c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if unsafe_char { write!(f, "{}", c.escape_unicode()) } else { write!(f, "{c}") }
        })
    }
}

/// Opens a log, or a copy of one, for reading. A live one is read as it is at this moment.
///
/// # Errors
/// If the checkpoint or the journal is damaged. For a whole check use [`super::verify`].
pub fn show(dir: &Path, keys: &ReadKeys, filter: Filter) -> Result<Show, VerifyError> {
    let store = Store::load(dir, None)?;
    let sealer = keys.opener();
    let tag = filter.matter.as_ref().map(|matter| sealer.tag(matter));
    let next = filter.first.unwrap_or(0);
    let left = filter.limit.unwrap_or(usize::MAX);
    Ok(Show { store, sealer, filter, tag, next, left, ready: Vec::new().into_iter() })
}

/// The records that a filter lets through, oldest first.
pub struct Show {
    store: Store,
    sealer: Sealer,
    filter: Filter,
    tag: Option<Tag>,
    /// The next record to look at once `ready` is empty.
    next: u64,
    left: usize,
    ready: vec::IntoIter<Record>,
}

impl Show {
    fn wants(&self, leaf: &Leaf) -> bool {
        leaf.seq >= self.next
            && self.tag.is_none_or(|tag| leaf.matter.is_some_and(|matter| matter.tag == tag))
            && self.filter.from.is_none_or(|from| leaf.time >= from)
            && self.filter.to.is_none_or(|to| leaf.time < to)
    }

    /// Reads the next block; false at the end of the log.
    fn advance(&mut self) -> Result<bool, VerifyError> {
        if self.next >= self.store.size() {
            return Ok(false);
        }
        let (ready, next) = if self.next >= self.store.journal.first {
            let records = self.store.journal.records.iter().filter(|record| self.wants(&record.leaf));
            (records.cloned().collect(), self.store.size())
        } else {
            // Bodies are read only where a leaf is wanted: showing one matter skims over the others.
            let block = self.next / TILE as u64;
            let end = ((block + 1) * TILE as u64).min(self.store.journal.first);
            let wanted = |leaf: &Leaf| leaf.seq < end && self.wants(leaf);
            let leaves = self.store.leaves(block)?;
            let mut records = Vec::new();
            if leaves.iter().any(wanted) {
                let bodies = leaves.into_iter().zip(self.store.bodies(block)?);
                let wanted = bodies.filter(|(leaf, _)| wanted(leaf));
                records.extend(wanted.map(|(leaf, sealed)| Record { leaf, sealed }));
            }
            (records, end)
        };
        self.ready = ready.into_iter();
        self.next = next;
        Ok(true)
    }
}

impl Iterator for Show {
    type Item = Result<Shown, VerifyError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        loop {
            if let Some(record) = self.ready.next() {
                self.left -= 1;
                return Some(record.open(&self.sealer).map(|body| Shown::new(&record.leaf, body)));
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.left = 0;
                    return Some(Err(error));
                }
            }
        }
    }
}
