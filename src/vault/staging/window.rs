//! What arrived ahead of its turn.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Memory that out-of-order data may take. SFTP clients keep 64 requests of 32 KiB under way.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// What a fragment takes beside its bytes, so that many tiny ones are bounded, too.
const FRAGMENT_BYTES: usize = 128;

/// Fragments of a document by offset, never overlapping; later data wins.
#[derive(Default)]
pub(super) struct Window {
    fragments: BTreeMap<u64, Vec<u8>>,
    bytes: usize,
}

impl Window {
    /// True if so much more fits.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        // Cutting a fragment in two can add one beside the new one.
        self.bytes + bytes + (self.fragments.len() + 2) * FRAGMENT_BYTES <= MAX_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fragments.is_empty()
    }

    /// Keeps a fragment in the place of what it covers.
    pub(super) fn insert(&mut self, offset: u64, data: &[u8]) {
        self.remove(offset, offset + data.len() as u64);
        self.put(offset, data.to_vec());
    }

    /// Forgets everything from `start` up to `end`.
    pub(super) fn remove(&mut self, start: u64, end: u64) {
        // Fragments do not overlap, so at most one that starts before `start` reaches into the range.
        let before = self.fragments.range(..start).next_back().map(|(at, _)| *at);
        let within: Vec<u64> = self.fragments.range(start..end).map(|(at, _)| *at).collect();
        for at in before.into_iter().chain(within) {
            let Entry::Occupied(entry) = self.fragments.entry(at) else { continue };
            let mut data = entry.remove();
            self.bytes -= data.len();
            let fragment_end = at + data.len() as u64;
            if fragment_end > end {
                self.put(end, data[index(end - at)..].to_vec());
            }
            if at < start {
                data.truncate(index(start - at));
                self.put(at, data);
            }
        }
    }

    fn put(&mut self, at: u64, data: Vec<u8>) {
        if !data.is_empty() {
            self.bytes += data.len();
            self.fragments.insert(at, data);
        }
    }

    /// Takes the fragment that starts at an offset.
    pub(super) fn take_at(&mut self, offset: u64) -> Option<Vec<u8>> {
        let data = self.fragments.remove(&offset)?;
        self.bytes -= data.len();
        Some(data)
    }

    /// Takes the first fragment.
    pub(super) fn take_first(&mut self) -> Option<(u64, Vec<u8>)> {
        let (at, data) = self.fragments.pop_first()?;
        self.bytes -= data.len();
        Some((at, data))
    }

    /// Copies what lies from `offset` on over `buffer`.
    pub(super) fn overlay(&self, offset: u64, buffer: &mut [u8]) {
        let end = offset + buffer.len() as u64;
        let before = self.fragments.range(..offset).next_back();
        for (at, data) in before.into_iter().chain(self.fragments.range(offset..end)) {
            let (from, to) = (offset.max(*at), end.min(at + data.len() as u64));
            if from < to {
                buffer[index(from - offset)..index(to - offset)]
                    .copy_from_slice(&data[index(from - at)..index(to - at)]);
            }
        }
    }
}

/// A distance within a buffer.
fn index(distance: u64) -> usize {
    usize::try_from(distance).expect("a distance within memory fits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn many_tiny_fragments_fill_the_window() {
        let mut window = Window::default();
        let mut count = 0;
        while window.has_room(1) {
            window.insert(2 * count, b"x");
            count += 1;
        }
        assert!((30_000..40_000).contains(&count), "{count}");
    }

    proptest! {
        #[test]
        fn the_window_is_a_sparse_array(steps in proptest::collection::vec((0u64..300, 0usize..60, any::<bool>()), 0..40)) {
            let mut window = Window::default();
            let mut model: Vec<Option<u8>> = vec![None; 400];
            for (number, (offset, length, insert)) in steps.into_iter().enumerate() {
                let value = number as u8 + 1;
                if insert {
                    window.insert(offset, &vec![value; length]);
                } else {
                    window.remove(offset, offset + length as u64);
                }
                model[offset as usize..offset as usize + length].fill(insert.then_some(value));
            }
            prop_assert_eq!(window.bytes, model.iter().flatten().count());
            let mut buffer = vec![0; 350];
            window.overlay(17, &mut buffer);
            let expected: Vec<u8> = model[17..367].iter().map(|byte| byte.unwrap_or(0)).collect();
            prop_assert_eq!(buffer, expected);
            while let Some((at, data)) = window.take_first() {
                for (place, byte) in (at as usize..).zip(data) {
                    prop_assert_eq!(model[place].take(), Some(byte));
                }
            }
            prop_assert_eq!(window.bytes, 0);
            prop_assert!(model.iter().all(Option::is_none));
        }
    }
}
