//! The locks that there are, found by what they lock: a look costs what it finds, however many there are.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::locks::{LockRecord, LockSpan};
use crate::names::{AccountId, LockId, LockToken, NodeId, Timestamp};

/// Locks that one account may hold.
const MAX_PER_ACCOUNT: usize = 1_000;
/// Locks in all.
const MAX_LOCKS: usize = 100_000;
/// Bytes of all of them: what clients say of themselves, and paths, are as long as clients make them.
const MAX_BYTES: usize = 128 * 1024 * 1024;
/// Bytes that a lock takes, and that each folder above it does.
const RECORD_BYTES: usize = 512;
const ABOVE_BYTES: usize = 96;

/// All locks, those that have ended among them until they are cleared away.
#[derive(Default)]
pub(super) struct LockTable {
    by_token: HashMap<LockToken, LockRecord>,
    /// By the entry that is locked.
    on: HashMap<NodeId, Vec<LockToken>>,
    /// By each folder above it.
    below: HashMap<NodeId, HashSet<LockToken>>,
    by_end: BTreeSet<(Timestamp, LockToken)>,
    held: HashMap<AccountId, usize>,
    bytes: usize,
}

impl LockTable {
    pub(super) fn insert(&mut self, lock: LockRecord) {
        self.remove(lock.token);
        self.on.entry(lock.node).or_default().push(lock.token);
        for folder in &lock.above {
            self.below.entry(*folder).or_default().insert(lock.token);
        }
        self.by_end.insert((lock.expires, lock.token));
        *self.held.entry(lock.account).or_default() += 1;
        self.bytes += bytes_of(&lock);
        self.by_token.insert(lock.token, lock);
    }

    pub(super) fn remove(&mut self, token: LockToken) -> Option<LockRecord> {
        let lock = self.by_token.remove(&token)?;
        if let Some(on) = self.on.get_mut(&lock.node) {
            on.retain(|other| *other != token);
            if on.is_empty() {
                self.on.remove(&lock.node);
            }
        }
        for folder in &lock.above {
            if let Some(below) = self.below.get_mut(folder) {
                below.remove(&token);
                if below.is_empty() {
                    self.below.remove(folder);
                }
            }
        }
        self.by_end.remove(&(lock.expires, token));
        if let Some(held) = self.held.get_mut(&lock.account) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&lock.account);
            }
        }
        self.bytes -= bytes_of(&lock);
        Some(lock)
    }

    pub(super) fn get(&self, token: LockToken) -> Option<&LockRecord> {
        self.by_token.get(&token)
    }

    /// That of the upload of a document: one that holds, or that was given back just now.
    pub(super) fn of_upload(&self, node: NodeId) -> Option<&LockRecord> {
        let all = self.on.get(&node).into_iter().flatten().filter_map(|token| self.by_token.get(token));
        all.filter(|lock| lock.of_upload && !lock.is_over()).max_by_key(|lock| lock.is_live())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_token.is_empty()
    }

    /// Those that have ended.
    pub(super) fn ended(&self, now: Timestamp) -> Vec<LockToken> {
        self.by_end.iter().take_while(|(end, _)| *end <= now).map(|(_, token)| *token).collect()
    }

    /// Those that hold now.
    pub(super) fn live(&self) -> impl Iterator<Item = &LockRecord> {
        self.by_token.values().filter(|lock| lock.is_live())
    }

    /// The one that the administrator means.
    pub(super) fn named(&self, id: LockId) -> Option<&LockRecord> {
        self.live().find(|lock| lock.id() == id)
    }

    /// Those that cover an entry: its own, and those of folders above it with infinite depth.
    pub(super) fn covering(&self, node: NodeId, chain: &[NodeId]) -> impl Iterator<Item = &LockRecord> {
        let above = chain.iter().flat_map(|folder| self.on(*folder)).filter(|lock| lock.infinite);
        self.on(node).chain(above)
    }

    /// Those that were taken on entries of a folder.
    pub(super) fn inside(&self, folder: NodeId) -> impl Iterator<Item = &LockRecord> {
        self.below(folder).filter(move |lock| lock.above.last() == Some(&folder))
    }

    /// Those that were taken on an entry or below it.
    pub(super) fn at_or_below(&self, node: NodeId) -> Vec<LockToken> {
        self.on(node).chain(self.below(node)).map(|lock| lock.token).collect()
    }

    /// Those that have to do with a write.
    pub(super) fn touching(&self, span: LockSpan<'_>) -> Vec<&LockRecord> {
        let own = span.node.into_iter().flat_map(|node| self.on(node));
        let folder = span.place.folder();
        let above = span.place.chain.iter().flat_map(|folder| self.on(*folder));
        let above = above.filter(|lock| lock.infinite || (span.membership && folder == Some(lock.node)));
        let below = span.node.filter(|_| span.deep).into_iter().flat_map(|node| self.below(node));
        own.chain(above).chain(below).collect()
    }

    /// True if there is no room for this one more.
    pub(super) fn is_full_for(&self, lock: &LockRecord) -> bool {
        self.by_token.len() >= MAX_LOCKS
            || self.held.get(&lock.account).is_some_and(|held| *held >= MAX_PER_ACCOUNT)
            || self.bytes + bytes_of(lock) > MAX_BYTES
    }

    fn on(&self, node: NodeId) -> impl Iterator<Item = &LockRecord> {
        self.on.get(&node).into_iter().flatten().filter_map(|token| self.live_one(*token))
    }

    fn below(&self, folder: NodeId) -> impl Iterator<Item = &LockRecord> {
        self.below.get(&folder).into_iter().flatten().filter_map(|token| self.live_one(*token))
    }

    fn live_one(&self, token: LockToken) -> Option<&LockRecord> {
        self.by_token.get(&token).filter(|lock| lock.is_live())
    }
}

fn bytes_of(lock: &LockRecord) -> usize {
    let path: usize = lock.root.names().iter().map(|name| name.as_str().len() + 24).sum();
    RECORD_BYTES + ABOVE_BYTES * lock.above.len() + path + lock.owner.len()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::names::{DocPath, Place};

    fn node(n: u32) -> NodeId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        NodeId::from_bytes(bytes)
    }

    fn lock(on: u32, above: &[u32], account: u8, infinite: bool) -> LockRecord {
        LockRecord {
            token: LockToken::random(),
            node: node(on),
            above: above.iter().map(|n| node(*n)).collect(),
            account: AccountId::from_bytes([account; 16]),
            shared: false,
            infinite,
            owner: String::new(),
            expires: Timestamp::now().after(Duration::from_secs(600)),
            root: DocPath::root(),
            of_upload: false,
            is_given_back: false,
            untold: None,
        }
    }

    fn place(chain: &[u32]) -> Place {
        let chain: Vec<_> = chain.iter().map(|n| node(*n)).collect();
        Place { matter: None, structure: 1, chain, own: false, transient: false, path: DocPath::root() }
    }

    fn touched(table: &LockTable, on: Option<u32>, chain: &[u32], membership: bool, deep: bool) -> usize {
        let place = place(chain);
        table.touching(LockSpan { node: on.map(node), place: &place, membership, deep }).len()
    }

    #[test]
    fn a_write_meets_the_locks_that_have_to_do_with_it_and_no_others() {
        let mut table = LockTable::default();
        table.insert(lock(10, &[1, 2], 1, false));
        assert_eq!(touched(&table, Some(10), &[1, 2], false, false), 1);
        assert_eq!(touched(&table, Some(11), &[1, 2], true, true), 0);
        // A folder above is removed.
        assert_eq!((touched(&table, Some(2), &[1], true, true), touched(&table, Some(2), &[1], true, false)), (1, 0));
        // A folder's own lock: its membership, or all below it.
        table.insert(lock(3, &[1], 1, false));
        assert_eq!(
            (touched(&table, None, &[1, 3], true, false), touched(&table, None, &[1, 3, 4], true, false)),
            (1, 0)
        );
        assert_eq!(touched(&table, Some(12), &[1, 3], false, false), 0);
        table.insert(lock(5, &[1], 1, true));
        assert_eq!(
            (touched(&table, Some(12), &[1, 5, 6], false, false), table.covering(node(12), &[node(5)]).count()),
            (1, 1)
        );
        assert_eq!((table.inside(node(1)).count(), table.inside(node(2)).count()), (2, 1));
        assert_eq!(table.at_or_below(node(1)).len(), 3);
    }

    #[test]
    fn what_has_ended_locks_nothing_and_what_is_removed_leaves_nothing() {
        let mut table = LockTable::default();
        let ended = LockRecord { expires: Timestamp::from_seconds(1), ..lock(10, &[1], 1, false) };
        let (old, new) = (ended.token, lock(10, &[1], 2, false));
        table.insert(ended);
        table.insert(new.clone());
        assert_eq!(touched(&table, Some(10), &[1], false, false), 1);
        assert_eq!(table.ended(Timestamp::now()), [old]);
        for token in [old, new.token] {
            assert!(table.remove(token).is_some_and(|lock| lock.token == token));
        }
        let LockTable { by_token, on, below, by_end, held, bytes } = table;
        assert!(by_token.is_empty() && on.is_empty() && below.is_empty() && by_end.is_empty() && held.is_empty());
        assert_eq!(bytes, 0);
    }

    #[test]
    fn an_account_all_accounts_and_memory_have_their_bounds() {
        let mut table = LockTable::default();
        for n in 0..MAX_LOCKS as u32 {
            let one = lock(n, &[u32::MAX], (n / MAX_PER_ACCOUNT as u32) as u8, false);
            assert!(!table.is_full_for(&one), "{n}");
            table.insert(one);
        }
        assert!(table.is_full_for(&lock(0, &[], 200, false)));
        let tokens: Vec<_> =
            table.live().filter(|lock| lock.account.as_bytes()[0] != 7).map(|lock| lock.token).collect();
        // One look among a hundred thousand.
        let started = Instant::now();
        assert_eq!(touched(&table, Some(77_777), &[u32::MAX], true, false), 1);
        assert!(started.elapsed() < Duration::from_millis(5), "{:?}", started.elapsed());
        tokens.into_iter().for_each(|token| drop(table.remove(token)));
        assert!(table.is_full_for(&lock(0, &[], 7, false)) && !table.is_full_for(&lock(0, &[], 8, false)));
        let long = |n| LockRecord { owner: "x".repeat(2048), ..lock(n, &[9; 60], (n % 200) as u8, false) };
        let taken = (0..).take_while(|n| {
            let one = long(*n);
            let room = !table.is_full_for(&one);
            table.insert(one);
            room
        });
        assert!((1..50_000).contains(&taken.count()));
    }
}
