//! Buffers for reading, used again and again: to zero a fresh one for every step of a transfer, and to have the kernel find
//! memory for it, cost a tenth of a download (measured).

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// Bytes of each.
pub(super) const BUFFER: usize = 256 * 1024;
/// Kept at most: 16 MiB.
const KEPT: usize = 64;

/// The buffers that nobody uses at present.
#[derive(Default)]
pub(super) struct Buffers(Mutex<Vec<Box<[u8]>>>);

/// A buffer in use, or what was read into it; it goes back when the last who holds a part of it is done.
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
    home: Arc<Buffers>,
}

impl Buffers {
    /// One of them, with whatever was in it.
    pub(super) fn take(self: &Arc<Self>) -> Buffer {
        let bytes = self.0.lock().pop().unwrap_or_else(|| vec![0; BUFFER].into());
        Buffer { bytes, filled: 0, home: self.clone() }
    }
}

impl Buffer {
    /// The first `length` bytes, at most all, to be read into.
    pub(super) fn room(&mut self, length: usize) -> &mut [u8] {
        &mut self.bytes[..length.min(BUFFER)]
    }

    /// The first `filled` bytes as they are now.
    pub(super) fn freeze(mut self, filled: usize) -> Bytes {
        self.filled = filled.min(BUFFER);
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut kept = self.home.0.lock();
        if kept.len() < KEPT {
            kept.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_part_is_dropped_and_shows_only_what_was_read() {
        let buffers = Arc::new(Buffers::default());
        let mut buffer = buffers.take();
        buffer.room(8).copy_from_slice(b"document");
        let whole = buffer.freeze(5);
        let part = whole.slice(1..3);
        assert_eq!(&whole[..], b"docum");
        drop(whole);
        assert!(buffers.0.lock().is_empty());
        assert_eq!(&part[..], b"oc");
        drop(part);
        assert_eq!(buffers.0.lock().len(), 1);
        let many: Vec<_> = (0..KEPT + 5).map(|_| buffers.take()).collect();
        drop(many);
        assert_eq!(buffers.0.lock().len(), KEPT);
    }
}
