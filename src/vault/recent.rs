//! Entries that were looked up lately.
//!
//! A request looks for its document once to find it and again when the gate has permitted what is to be done with it, and
//! drives ask for the same few documents all the time. Each look is a walk through the engine's tree, a seal to open and a
//! record to decode. What is held answers only while the store stands at the commit at which it was read, so it can never
//! be older than what the engine would say to somebody who asked a moment before; any change of the catalog ends all of it.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::catalog::Entry;
use crate::kv::{CommitNumber, Sealed};

/// Entries held; with their names and seals, a kilobyte or two each. When there are more, all go.
const HELD: usize = 1024;

#[derive(Default)]
pub(super) struct Recent(Mutex<Held>);

#[derive(Default)]
struct Held {
    commit: CommitNumber,
    entries: HashMap<Vec<u8>, Sealed<Entry>>,
}

impl Recent {
    /// The entry under a key, if it was read since the last commit, whose number this is.
    pub(super) fn get(&self, commit: CommitNumber, key: &[u8]) -> Option<Sealed<Entry>> {
        let held = self.0.lock();
        if held.commit == commit { held.entries.get(key).cloned() } else { None }
    }

    /// Holds an entry. `commit` is the number of the last commit from before it was read.
    pub(super) fn hold(&self, commit: CommitNumber, entry: &Sealed<Entry>) {
        let mut held = self.0.lock();
        if commit < held.commit {
            return;
        }
        if commit > held.commit || held.entries.len() >= HELD {
            held.entries.clear();
            held.commit = commit;
        }
        held.entries.insert(entry.key().to_vec(), entry.clone());
    }
}
