//! What the log must know to write the next leaf: the head of every matter's sequence, and the open intents.
//!
//! It follows from the leaves alone. The file `state` keeps it, so that a start reads only the leaves after it; the
//! verifier makes it anew and compares.

use std::collections::{BTreeMap, HashMap};

use super::event::Outcome;
use super::leaf::{InMatter, Leaf, Refers, Tag, array};
use super::tree::{Hash, sha256};

const MAGIC: &[u8; 8] = b"dbxstat1";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    /// Records of the matter so far.
    count: u64,
    /// Leaf hash of the last.
    last: Hash,
}

/// Heads and open intents after `size` records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chains {
    size: u64,
    catalog: u64,
    heads: HashMap<Tag, Head>,
    /// Intents without outcome, and whether each was confirmed.
    open: BTreeMap<u64, bool>,
}

/// How to take one record back.
pub(super) struct Undo {
    head: Option<(Tag, Option<Head>)>,
    open: Option<(u64, Option<bool>)>,
    catalog: u64,
}

impl Chains {
    /// Records so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The catalog's commit number in the last record.
    pub(super) fn catalog(&self) -> u64 {
        self.catalog
    }

    /// Matters seen so far.
    pub(super) fn matters(&self) -> usize {
        self.heads.len()
    }

    /// Intents without outcome, and whether each was confirmed.
    pub(super) fn open(&self) -> impl ExactSizeIterator<Item = (u64, bool)> {
        self.open.iter().map(|(seq, confirmed)| (*seq, *confirmed))
    }

    /// Where the next record of a matter stands.
    pub(super) fn place(&self, tag: Tag) -> InMatter {
        match self.heads.get(&tag) {
            Some(head) => InMatter { tag, number: head.count, previous: head.last },
            None => InMatter { tag, number: 0, previous: [0; 32] },
        }
    }

    /// Goes on by one record, or says why it cannot be the next one.
    pub(super) fn apply(&mut self, leaf: &Leaf, hash: Hash) -> Result<Undo, &'static str> {
        if leaf.seq != self.size {
            return Err("it has another number");
        }
        if leaf.catalog < self.catalog {
            return Err("its catalog commit lies before that of the record before it");
        }
        if leaf.matter.is_some_and(|matter| matter != self.place(matter.tag)) {
            return Err("it does not follow the previous record of its matter");
        }
        let open = match (leaf.refers, leaf.outcome) {
            (Refers::Nothing, Outcome::Begun) => Some((leaf.seq, Some(false))),
            (Refers::Nothing, Outcome::Confirmed) | (_, Outcome::Begun) => {
                return Err("its outcome does not fit what it refers to");
            }
            (Refers::Nothing, _) => None,
            (Refers::Erased(other), _) if other < leaf.seq => None,
            (Refers::Intent(other), outcome) if self.open.contains_key(&other) => {
                Some((other, (outcome == Outcome::Confirmed).then_some(true)))
            }
            _ => return Err("it refers to a record that is not open"),
        };
        let open = open.map(|(seq, confirmed)| {
            let before = match confirmed {
                Some(confirmed) => self.open.insert(seq, confirmed),
                None => self.open.remove(&seq),
            };
            (seq, before)
        });
        let head = leaf.matter.map(|matter| {
            let head = Head { count: matter.number + 1, last: hash };
            (matter.tag, self.heads.insert(matter.tag, head))
        });
        self.size += 1;
        let catalog = std::mem::replace(&mut self.catalog, leaf.catalog);
        Ok(Undo { head, open, catalog })
    }

    /// Takes the last record back.
    pub(super) fn undo(&mut self, undo: Undo) {
        match undo.head {
            Some((tag, Some(head))) => drop(self.heads.insert(tag, head)),
            Some((tag, None)) => drop(self.heads.remove(&tag)),
            None => {}
        }
        match undo.open {
            Some((seq, Some(confirmed))) => drop(self.open.insert(seq, confirmed)),
            Some((seq, None)) => drop(self.open.remove(&seq)),
            None => {}
        }
        self.size -= 1;
        self.catalog = undo.catalog;
    }

    /// The file: sizes, sorted heads, open intents, SHA-256.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(80 + self.heads.len() * 56 + self.open.len() * 9);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.size.to_be_bytes());
        out.extend_from_slice(&self.catalog.to_be_bytes());
        out.extend_from_slice(&(self.heads.len() as u64).to_be_bytes());
        out.extend_from_slice(&(self.open.len() as u64).to_be_bytes());
        let mut heads: Vec<_> = self.heads.iter().collect();
        heads.sort_unstable_by_key(|(tag, _)| **tag);
        for (tag, head) in heads {
            out.extend_from_slice(tag);
            out.extend_from_slice(&head.count.to_be_bytes());
            out.extend_from_slice(&head.last);
        }
        for (seq, confirmed) in &self.open {
            out.extend_from_slice(&seq.to_be_bytes());
            out.push(u8::from(*confirmed));
        }
        let digest = sha256(&out);
        out.extend_from_slice(&digest);
        out
    }

    /// The size that a file says it is of, before it is checked.
    pub(super) fn stored_size(bytes: &[u8]) -> Option<u64> {
        bytes.get(8..16).map(|size| u64::from_be_bytes(array(size)))
    }

    /// Reads the file; nothing if it is not exactly what [`Chains::encode`] makes.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_be_bytes(array(bytes.get(at..at + 8)?)));
        let (heads, open) = (usize::try_from(number(24)?).ok()?, usize::try_from(number(32)?).ok()?);
        let heads_end = heads.checked_mul(56)?.checked_add(40)?;
        let open_end = open.checked_mul(9)?.checked_add(heads_end)?;
        if open_end.checked_add(32)? != bytes.len() {
            return None;
        }
        let mut chains = Self { size: number(8)?, catalog: number(16)?, ..Self::default() };
        for head in bytes[40..heads_end].chunks_exact(56) {
            let count = u64::from_be_bytes(array(&head[16..24]));
            chains.heads.insert(array(&head[..16]), Head { count, last: array(&head[24..]) });
        }
        for intent in bytes[heads_end..open_end].chunks_exact(9) {
            chains.open.insert(u64::from_be_bytes(array(&intent[..8])), intent[8] != 0);
        }
        (chains.encode() == bytes).then_some(chains)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::event::Action;
    use crate::names::Timestamp;

    fn leaf(chains: &Chains, outcome: Outcome, refers: Refers, tag: Option<Tag>) -> Leaf {
        Leaf {
            seq: chains.size(),
            time: Timestamp::from_millis(0),
            action: Action::Read,
            outcome,
            catalog: 5,
            refers,
            matter: tag.map(|tag| chains.place(tag)),
            body_hash: [0; 32],
            sealed_hash: [0; 32],
        }
    }

    #[test]
    fn a_record_taken_back_leaves_no_trace_and_the_file_reads_back() {
        let mut chains = Chains::default();
        let steps = [
            (Outcome::Begun, Refers::Nothing, Some([1; 16])),
            (Outcome::Begun, Refers::Nothing, None),
            (Outcome::Confirmed, Refers::Intent(0), Some([1; 16])),
            (Outcome::Done, Refers::Nothing, Some([2; 16])),
            (Outcome::Done, Refers::Intent(0), Some([1; 16])),
        ];
        for (outcome, refers, tag) in steps {
            let before = chains.clone();
            let leaf = leaf(&chains, outcome, refers, tag);
            let undo = chains.apply(&leaf, leaf.hash()).expect("it follows");
            chains.undo(undo);
            assert_eq!(chains, before);
            assert!(chains.apply(&leaf, leaf.hash()).is_ok());
            assert_eq!(Chains::parse(&chains.encode()).as_ref(), Some(&chains));
        }
        assert_eq!(chains.open().collect::<Vec<_>>(), [(1, false)]);
        assert_eq!(chains.place([1; 16]).number, 3);
        let mut bytes = chains.encode();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert_eq!(Chains::parse(&bytes), None, "byte {at}");
            bytes[at] ^= 1;
        }
    }

    #[test]
    fn a_record_that_does_not_follow_is_refused() {
        let mut chains = Chains::default();
        let good = leaf(&chains, Outcome::Done, Refers::Nothing, Some([1; 16]));
        for bad in [
            Leaf { seq: 1, ..good },
            Leaf { matter: Some(InMatter { tag: [1; 16], number: 1, previous: [0; 32] }), ..good },
            Leaf { matter: Some(InMatter { tag: [1; 16], number: 0, previous: [1; 32] }), ..good },
            Leaf { refers: Refers::Intent(0), ..good },
            Leaf { refers: Refers::Erased(0), ..good },
            Leaf { outcome: Outcome::Confirmed, ..good },
        ] {
            assert!(chains.apply(&bad, [0; 32]).is_err(), "{bad:?}");
        }
        assert!(chains.apply(&good, [0; 32]).is_ok());
        let early = Leaf { catalog: 4, ..leaf(&chains, Outcome::Done, Refers::Nothing, None) };
        assert!(chains.apply(&early, [0; 32]).is_err());
    }
}
