//! Headers that were opened lately.
//!
//! Opening one costs a Diffie-Hellman, which for a small document is more than all the rest of reading it, and documents
//! are read again and again. An entry holds the header's bytes and answers for exactly these, so that a header that was
//! changed on the disk is judged as if nothing were held.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;

use super::header::{self, HeaderError, Opened, PAYLOAD_AT};
use crate::keys::MatterKey;
use crate::names::BlobId;

/// Headers held; with their bytes, some 4 KiB each. The oldest goes first, and aws-lc wipes its key.
const HELD: usize = 512;

#[derive(Default)]
pub(super) struct Headers(Mutex<Held>);

#[derive(Default)]
struct Held {
    headers: HashMap<BlobId, Header>,
    order: VecDeque<BlobId>,
}

struct Header {
    head: Box<[u8]>,
    recipient: [u8; 32],
    opened: Opened,
}

impl Headers {
    /// As [`header::open`], for the header of a blob of ours.
    pub(super) fn open(&self, id: &BlobId, head: &[u8], matter: &MatterKey) -> Result<Opened, HeaderError> {
        let ours = head.get(..PAYLOAD_AT).ok_or(HeaderError::Malformed)?;
        if let Some(held) = self.0.lock().headers.get(id)
            && *held.head == *ours
            && held.recipient == *matter.share()
        {
            return Ok(held.opened.clone());
        }
        let opened = header::open(head, matter)?;
        if opened.payload_at == PAYLOAD_AT {
            self.hold(*id, Header { head: ours.into(), recipient: *matter.share(), opened: opened.clone() });
        }
        Ok(opened)
    }

    fn hold(&self, id: BlobId, header: Header) {
        let mut held = self.0.lock();
        if held.headers.insert(id, header).is_none() {
            held.order.push_back(id);
        }
        if held.order.len() > HELD
            && let Some(oldest) = held.order.pop_front()
        {
            held.headers.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_answers_for_the_same_header_and_matter_only_and_is_bounded() {
        let (headers, matter, other) = (Headers::default(), MatterKey::generate(), MatterKey::generate());
        let (head, made) = header::create(&matter);
        let id = BlobId::random();
        for _ in 0..2 {
            assert_eq!(headers.open(&id, &head, &matter).expect("opens").commitment, made.commitment);
        }
        let mut changed = head.clone();
        changed[PAYLOAD_AT - 100] ^= 1;
        assert!(headers.open(&id, &changed, &matter).is_err());
        assert_eq!(headers.open(&id, &head, &other).err(), Some(HeaderError::NotForThisMatter));
        for _ in 0..HELD + 10 {
            headers.open(&BlobId::random(), &head, &matter).expect("opens");
        }
        let held = headers.0.lock();
        assert_eq!((held.headers.len(), held.order.len()), (HELD, HELD));
    }
}
