//! From channel data to packets: each is a length word and that many bytes (draft-ietf-secsh-filexfer-02 section 3).

use bytes::{Buf, Bytes, BytesMut};

use super::MAX_PACKET;

const LENGTH_WORD: usize = 4;

/// A packet of no length, or longer than [`MAX_PACKET`]. What follows in the stream cannot be told apart from the
/// body of that packet, so nothing after it may be taken for a request: the channel ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a packet of {0} bytes is outside the limits")]
pub struct BadLength(pub u32);

/// Puts packets together. A packet that arrives in one piece is passed on without a copy.
#[derive(Debug, Default)]
pub struct Assembler {
    input: Bytes,
    partial: BytesMut,
}

impl Assembler {
    /// Adds channel data. Take all packets with [`Assembler::next_packet`] before feeding again.
    pub fn feed(&mut self, data: Bytes) {
        if self.input.is_empty() {
            self.input = data;
        } else {
            self.partial.extend_from_slice(&self.input);
            self.input = data;
        }
    }

    /// The next whole packet without its length word; nothing if more data is needed.
    pub fn next_packet(&mut self) -> Result<Option<Bytes>, BadLength> {
        if self.partial.is_empty() {
            if let Some(length) = checked_length(&self.input)? {
                if self.input.len() >= LENGTH_WORD + length {
                    self.input.advance(LENGTH_WORD);
                    return Ok(Some(self.input.split_to(length)));
                }
                self.partial.reserve(LENGTH_WORD + length);
            }
            self.take_into_partial(usize::MAX);
            return Ok(None);
        }
        self.take_into_partial(LENGTH_WORD.saturating_sub(self.partial.len()));
        let Some(length) = checked_length(&self.partial)? else { return Ok(None) };
        let missing = (LENGTH_WORD + length).saturating_sub(self.partial.len());
        self.partial.reserve(missing);
        self.take_into_partial(missing);
        if self.partial.len() < LENGTH_WORD + length {
            return Ok(None);
        }
        // The buffer goes with the packet, so that an idle session keeps none.
        let mut packet = std::mem::take(&mut self.partial).freeze();
        packet.advance(LENGTH_WORD);
        Ok(Some(packet))
    }

    /// Whether a packet has begun whose end has not come yet. Ask when [`Assembler::next_packet`] has none.
    pub fn is_within_packet(&self) -> bool {
        !self.partial.is_empty()
    }

    fn take_into_partial(&mut self, at_most: usize) {
        let taken = self.input.split_to(at_most.min(self.input.len()));
        self.partial.extend_from_slice(&taken);
    }
}

fn checked_length(start: &[u8]) -> Result<Option<usize>, BadLength> {
    let Some(word) = start.first_chunk::<LENGTH_WORD>() else { return Ok(None) };
    let length = u32::from_be_bytes(*word);
    match usize::try_from(length) {
        Ok(length) if (1..=MAX_PACKET).contains(&length) => Ok(Some(length)),
        _ => Err(BadLength(length)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream(packets: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for packet in packets {
            bytes.extend_from_slice(&u32::try_from(packet.len()).expect("short").to_be_bytes());
            bytes.extend_from_slice(packet);
        }
        bytes
    }

    #[test]
    fn a_packet_of_no_length_or_too_long_is_refused_and_never_skipped() {
        for length in [0, u32::try_from(MAX_PACKET).expect("fits") + 1, u32::MAX] {
            let mut assembler = Assembler::default();
            assembler.feed(Bytes::copy_from_slice(&length.to_be_bytes()));
            assert_eq!(assembler.next_packet(), Err(BadLength(length)));
        }
    }

    #[test]
    fn the_longest_packet_is_taken() {
        let mut assembler = Assembler::default();
        let bytes = stream(&[vec![7; MAX_PACKET]]);
        for piece in bytes.chunks(32_768) {
            assert_eq!(assembler.next_packet(), Ok(None));
            assembler.feed(Bytes::copy_from_slice(piece));
        }
        assert_eq!(assembler.next_packet().map(|p| p.map(|p| p.len())), Ok(Some(MAX_PACKET)));
    }

    proptest! {
        #[test]
        fn packets_survive_any_cutting(
            packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..8),
            cuts in proptest::collection::vec(1usize..30, 1..20),
        ) {
            let bytes = stream(&packets);
            let (mut assembler, mut got, mut rest, mut cut) = (Assembler::default(), Vec::new(), &bytes[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at((*cut.next().expect("cycles")).min(rest.len()));
                rest = after;
                assembler.feed(Bytes::copy_from_slice(piece));
                while let Some(packet) = assembler.next_packet().expect("lengths are right") {
                    got.push(packet.to_vec());
                }
            }
            prop_assert_eq!(got, packets);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            super::super::decode_stream(&bytes);
        }
    }
}
