//! The answers on their way to the client, between the task that reads requests and the task that writes answers.
//!
//! The reader must never wait for output: russh's session loop hands channel data over through a bounded queue, and
//! while that is full it handles nothing, not even the window adjustment for which the output waits. So this queue
//! takes everything at once; it stays small because a READ waits here as a few numbers, not as its data, and because
//! READs that go on where the last one ended are one entry (a client that asks for a whole file ahead, as paramiko
//! does, costs one). A client that makes it grow beyond its limit all the same loses the channel.

use std::collections::VecDeque;

use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The most that merged READs take from storage at once.
pub(super) const MERGED_BYTES: u64 = 1 << 20;
/// What an entry counts beside its bytes.
const ENTRY_BYTES: usize = 96;
/// Encoded answers are gathered up to this size in one entry.
const GATHERED_BYTES: usize = 64 << 10;

/// More answers wait than the session may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overflow;

/// What can be read from: equal when it is the same open document.
pub(super) trait Source: Clone {
    fn is(&self, other: &Self) -> bool;
}

/// READs that follow each other in number and offset, all of one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run<S> {
    pub(super) source: S,
    pub(super) first_id: u32,
    pub(super) count: u32,
    pub(super) offset: u64,
    pub(super) each: u32,
}

/// An entry of the queue.
#[derive(Debug)]
pub(super) enum Item<S> {
    /// Encoded packets.
    Ready(BytesMut),
    /// Data to be read when its turn comes.
    Read(Run<S>),
    /// A CLOSE that waits for READs of its handle further ahead.
    Commit(u32, S),
}

#[derive(Debug)]
struct Queue<S> {
    items: VecDeque<Item<S>>,
    bytes: usize,
    exit: Option<u32>,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Outbox<S> {
    queue: Mutex<Queue<S>>,
    changed: Notify,
    limit: usize,
}

impl<S: Source> Outbox<S> {
    /// An empty queue that holds at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            queue: Mutex::new(Queue { items: VecDeque::new(), bytes: 0, exit: None }),
            changed: Notify::new(),
            limit,
        }
    }

    /// Adds an encoded answer.
    pub(super) fn answer(&self, encode: impl FnOnce(&mut BytesMut)) -> Result<(), Overflow> {
        let mut queue = self.queue.lock();
        let mut added = 0;
        match queue.items.back_mut() {
            Some(Item::Ready(bytes)) if bytes.len() < GATHERED_BYTES => {
                let before = bytes.len();
                encode(bytes);
                added += bytes.len() - before;
            }
            _ => {
                let mut bytes = BytesMut::new();
                encode(&mut bytes);
                added += bytes.len() + ENTRY_BYTES;
                queue.items.push_back(Item::Ready(bytes));
            }
        }
        self.grown(queue, added)
    }

    /// Adds a READ.
    pub(super) fn read(&self, source: S, id: u32, offset: u64, length: u32) -> Result<(), Overflow> {
        let mut queue = self.queue.lock();
        if let Some(Item::Read(run)) = queue.items.back_mut() {
            let end = u64::from(run.count).checked_mul(run.each.into()).and_then(|done| run.offset.checked_add(done));
            let follows = run.first_id.wrapping_add(run.count) == id && end == Some(offset) && run.each == length;
            if follows && run.count < u32::MAX && run.source.is(&source) {
                run.count += 1;
                return self.grown(queue, 0);
            }
        }
        queue.items.push_back(Item::Read(Run { source, first_id: id, count: 1, offset, each: length }));
        self.grown(queue, ENTRY_BYTES)
    }

    /// Adds a CLOSE that commits after everything ahead of it.
    pub(super) fn commit(&self, id: u32, source: S) -> Result<(), Overflow> {
        let mut queue = self.queue.lock();
        queue.items.push_back(Item::Commit(id, source));
        self.grown(queue, ENTRY_BYTES)
    }

    /// Nothing more comes: when all is sent, the channel ends with this exit status.
    pub(super) fn finish(&self, exit: u32) {
        self.queue.lock().exit = Some(exit);
        self.changed.notify_one();
    }

    /// The exit status, once nothing waits any more.
    pub(super) fn finished(&self) -> Option<u32> {
        let queue = self.queue.lock();
        if queue.items.is_empty() { queue.exit } else { None }
    }

    /// The next entry. Of a long run it is as much as one read of storage should take; the rest stays in front.
    pub(super) fn next(&self) -> Option<Item<S>> {
        let mut queue = self.queue.lock();
        let at_once = |each: u32| u32::try_from(MERGED_BYTES / u64::from(each.max(1024))).unwrap_or(1).max(1);
        if let Some(Item::Read(run)) = queue.items.front_mut() {
            let take = at_once(run.each);
            if run.count > take {
                let part = Run { count: take, ..run.clone() };
                run.first_id = run.first_id.wrapping_add(take);
                run.offset += u64::from(take) * u64::from(run.each);
                run.count -= take;
                return Some(Item::Read(part));
            }
        }
        let item = queue.items.pop_front()?;
        let bytes = if let Item::Ready(bytes) = &item { bytes.len() } else { 0 };
        queue.bytes -= bytes + ENTRY_BYTES;
        if queue.items.is_empty() && queue.items.capacity() > 64 {
            queue.items = VecDeque::new();
        }
        Some(item)
    }

    /// Returns when something was added since the queue was last found empty.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn grown(&self, mut queue: parking_lot::MutexGuard<'_, Queue<S>>, bytes: usize) -> Result<(), Overflow> {
        queue.bytes += bytes;
        let full = queue.bytes > self.limit;
        drop(queue);
        self.changed.notify_one();
        if full { Err(Overflow) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BufMut;

    use super::*;

    impl Source for char {
        fn is(&self, other: &Self) -> bool {
            self == other
        }
    }

    fn runs(outbox: &Outbox<char>) -> Vec<(char, u32, u32, u64)> {
        std::iter::from_fn(|| outbox.next())
            .map(|item| match item {
                Item::Read(run) => (run.source, run.first_id, run.count, run.offset),
                other => panic!("a read was expected, not {other:?}"),
            })
            .collect()
    }

    #[test]
    fn reads_that_go_on_where_the_last_ended_are_one_entry() {
        let outbox = Outbox::new(10_000);
        for n in 0..1_000_000u32 {
            outbox.read('a', n, u64::from(n) * 32_768, 32_768).expect("one entry");
        }
        let first = outbox.next();
        assert!(matches!(first, Some(Item::Read(Run { first_id: 0, count: 32, offset: 0, .. }))), "{first:?}");
        let second = outbox.next();
        assert!(
            matches!(second, Some(Item::Read(Run { first_id: 32, count: 32, offset: 1_048_576, .. }))),
            "{second:?}"
        );
    }

    #[test]
    fn other_documents_offsets_lengths_and_numbers_are_not_merged() {
        let outbox = Outbox::new(10_000);
        for (source, id, offset, length) in
            [('a', 1, 0, 10), ('b', 2, 10, 10), ('b', 3, 21, 10), ('b', 4, 31, 9), ('b', 6, 40, 9), ('b', 7, 49, 9)]
        {
            outbox.read(source, id, offset, length).expect("room");
        }
        assert_eq!(runs(&outbox), [('a', 1, 1, 0), ('b', 2, 1, 10), ('b', 3, 1, 21), ('b', 4, 1, 31), ('b', 6, 2, 40)]);
    }

    #[test]
    fn a_run_at_the_end_of_numbers_and_offsets_does_not_overflow() {
        let outbox = Outbox::new(10_000);
        outbox.read('a', u32::MAX, u64::MAX - 5, 10).expect("room");
        outbox.read('a', 0, 4, 10).expect("room");
        assert_eq!(runs(&outbox).len(), 2);
    }

    #[test]
    fn answers_keep_their_order_and_are_gathered() {
        let outbox = Outbox::new(10_000);
        outbox.answer(|out| out.put_slice(b"1")).expect("room");
        outbox.answer(|out| out.put_slice(b"2")).expect("room");
        outbox.read('a', 1, 0, 10).expect("room");
        outbox.answer(|out| out.put_slice(b"3")).expect("room");
        outbox.commit(9, 'a').expect("room");
        assert!(matches!(outbox.next(), Some(Item::Ready(b)) if b.as_ref() == b"12"));
        assert!(matches!(outbox.next(), Some(Item::Read(_))));
        assert!(matches!(outbox.next(), Some(Item::Ready(b)) if b.as_ref() == b"3"));
        assert!(matches!(outbox.next(), Some(Item::Commit(9, 'a'))));
        assert!(outbox.next().is_none());
        assert_eq!(outbox.queue.lock().bytes, 0);
    }

    #[test]
    fn a_queue_that_nobody_empties_overflows_instead_of_growing() {
        let outbox = Outbox::<char>::new(10_000);
        let taken = (0..1000).take_while(|_| outbox.answer(|out| out.put_bytes(0, 100)).is_ok()).count();
        assert!((90..100).contains(&taken), "{taken}");
    }

    #[test]
    fn it_is_finished_only_when_all_was_taken() {
        let outbox = Outbox::new(10_000);
        outbox.read('a', 1, 0, 10).expect("room");
        outbox.finish(0);
        assert_eq!(outbox.finished(), None);
        outbox.next();
        assert_eq!(outbox.finished(), Some(0));
    }
}
