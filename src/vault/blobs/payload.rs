//! The payload of an age file: the STREAM construction over ChaCha20-Poly1305 in chunks of 64 KiB
//! (age-encryption.org/v1, "Payload").

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf;

/// Bytes of plaintext in every chunk but the last.
pub const CHUNK: usize = 64 * 1024;
/// Bytes of the Poly1305 tag after each chunk.
pub(super) const TAG: usize = 16;
/// Bytes of a full chunk on disk.
pub(super) const SEALED_CHUNK: usize = CHUNK + TAG;

/// A chunk was not sealed with this key at this place.
#[derive(Debug)]
pub(super) struct Forged;

/// The key of one file's payload; aws-lc wipes it when it is dropped.
pub(super) struct PayloadKey(LessSafeKey);

impl PayloadKey {
    /// HKDF-SHA-256 of the file key, with the nonce after the header as salt.
    pub(super) fn derive(file_key: &[u8; 16], nonce: &[u8]) -> Self {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, nonce).extract(file_key);
        let okm = prk.expand(&[b"payload"], &CHACHA20_POLY1305).expect("32 bytes are within HKDF's limit");
        Self(LessSafeKey::new(UnboundKey::from(okm)))
    }

    /// Seals a chunk into a buffer that is [`TAG`] longer. No index may ever be sealed twice under one key with different
    /// content.
    pub(super) fn seal(&self, index: u64, last: bool, plaintext: &[u8], sealed: &mut [u8]) {
        let (ciphertext, tag) = sealed.split_at_mut(plaintext.len());
        self.0
            .seal_out_of_place_scatter(nonce(index, last), Aad::empty(), plaintext, ciphertext, &[], tag)
            .expect("lengths match and a chunk is far below the cipher's limit");
    }

    /// Opens a chunk into a buffer of its plaintext's length. When it does not open, the buffer is zeroed: what is in
    /// it then was chosen by whoever changed the file.
    pub(super) fn open(&self, index: u64, last: bool, sealed: &[u8], plaintext: &mut [u8]) -> Result<(), Forged> {
        let Some((ciphertext, tag)) = sealed.split_last_chunk::<TAG>() else { return Err(Forged) };
        self.0.open_separate_gather(nonce(index, last), Aad::empty(), ciphertext, tag, plaintext).map_err(|_| {
            plaintext.fill(0);
            Forged
        })
    }
}

/// An 11-byte big-endian counter and a byte that marks the last chunk.
fn nonce(index: u64, last: bool) -> Nonce {
    let mut bytes = [0u8; NONCE_LEN];
    bytes[3..11].copy_from_slice(&index.to_be_bytes());
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

/// How many chunks hold so much plaintext; an empty file has one empty chunk.
pub(super) fn chunks(size: u64) -> u64 {
    size.div_ceil(CHUNK as u64).max(1)
}

/// Bytes on disk of so much plaintext.
pub(super) fn sealed_len(size: u64) -> u64 {
    size + chunks(size) * TAG as u64
}

/// Bytes of plaintext in a payload of that length, or nothing if no payload has it: an empty last chunk is only
/// allowed where it is the only one.
pub(super) fn plain_len(sealed: u64) -> Option<u64> {
    let size = sealed.checked_sub(sealed.div_ceil(SEALED_CHUNK as u64) * TAG as u64)?;
    (sealed > 0 && sealed_len(size) == sealed).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_plaintext_and_payload_follow_from_each_other() {
        for size in [0, 1, 65_535, 65_536, 65_537, 131_072, 131_073, 5 << 30] {
            assert_eq!(plain_len(sealed_len(size)), Some(size));
        }
        for impossible in [0, 15, 65_553, 65_552 + 16, 2 * 65_552 + 1] {
            assert_eq!(plain_len(impossible), None, "{impossible}");
        }
    }
}
