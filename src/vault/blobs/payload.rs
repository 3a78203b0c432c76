//! The payload of an age file: the STREAM construction over ChaCha20-Poly1305 in chunks of 64 KiB
//! (age-encryption.org/v1, "Payload").

use std::sync::LazyLock;

use aws_lc_rs::hkdf;
use openssl::cipher::{Cipher, CipherRef};
use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;
use zeroize::Zeroizing;

/// Bytes of plaintext in every chunk but the last.
pub const CHUNK: usize = 64 * 1024;
/// Bytes of the Poly1305 tag after each chunk.
pub(super) const TAG: usize = 16;
/// Bytes of a full chunk on disk.
pub(super) const SEALED_CHUNK: usize = CHUNK + TAG;

/// Looked at when a store is opened.
const OFFERED: &str = "OpenSSL offers ChaCha20-Poly1305";

/// Fetched once: what OpenSSL fetches by itself for every state costs a small document as much as its decryption.
static CIPHER: LazyLock<Result<Cipher, ErrorStack>> = LazyLock::new(|| Cipher::fetch(None, "ChaCha20-Poly1305", None));

/// False where this machine's OpenSSL is configured to leave the cipher out.
pub(super) fn is_offered() -> bool {
    CIPHER.is_ok()
}

/// A chunk was not sealed with this key at this place.
#[derive(Debug)]
pub(super) struct Forged;

/// The key of one file's payload.
pub(super) struct PayloadKey(Zeroizing<[u8; 32]>);

impl PayloadKey {
    /// HKDF-SHA-256 of the file key, with the nonce after the header as salt.
    pub(super) fn derive(file_key: &[u8; 16], nonce: &[u8]) -> Self {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, nonce).extract(file_key);
        let okm = prk.expand(&[b"payload"], hkdf::HKDF_SHA256).expect("32 bytes are within HKDF's limit");
        let mut key = Zeroizing::new([0; 32]);
        okm.fill(&mut key[..]).expect("the key is as long as was asked for");
        Self(key)
    }

    /// Seals chunks, one after the other.
    pub(super) fn sealer(&self) -> Sealer {
        Sealer(self.context(|context, cipher, key| context.encrypt_init(Some(cipher), Some(key), None)))
    }

    /// Opens chunks, in any order.
    pub(super) fn opener(&self) -> Opener {
        Opener(self.context(|context, cipher, key| context.decrypt_init(Some(cipher), Some(key), None)))
    }

    fn context(&self, init: impl FnOnce(&mut CipherCtx, &CipherRef, &[u8]) -> Result<(), ErrorStack>) -> CipherCtx {
        let mut context = CipherCtx::new().expect("memory for a cipher's state");
        init(&mut context, CIPHER.as_ref().expect(OFFERED), &self.0[..]).expect(OFFERED);
        context
    }
}

/// The cipher with one file's key, to seal with; OpenSSL wipes it when it is dropped.
pub(super) struct Sealer(CipherCtx);

impl Sealer {
    /// Seals a chunk into a buffer that is [`TAG`] longer. No index may ever be sealed twice under one key with different
    /// content.
    pub(super) fn seal(&mut self, index: u64, last: bool, plaintext: &[u8], sealed: &mut [u8]) {
        let (ciphertext, tag) = sealed.split_at_mut(plaintext.len());
        let context = &mut self.0;
        let sealed = context
            .encrypt_init(None, None, Some(&nonce(index, last)))
            .and_then(|()| context.cipher_update(plaintext, Some(ciphertext)))
            .and_then(|_| context.cipher_final(&mut []))
            .and_then(|_| context.tag(tag));
        sealed.expect("lengths match and a chunk is far below the cipher's limit");
    }
}

/// The same to open with.
pub(super) struct Opener(CipherCtx);

impl Opener {
    /// Opens a chunk into a buffer of its plaintext's length. When it does not open, the buffer is zeroed: what is in
    /// it then was chosen by whoever changed the file.
    pub(super) fn open(&mut self, index: u64, last: bool, sealed: &[u8], plaintext: &mut [u8]) -> Result<(), Forged> {
        let Some((ciphertext, tag)) = sealed.split_last_chunk::<TAG>() else { return Err(Forged) };
        let context = &mut self.0;
        let opened = context
            .decrypt_init(None, None, Some(&nonce(index, last)))
            .and_then(|()| context.set_tag(tag))
            .and_then(|()| context.cipher_update(ciphertext, Some(plaintext)))
            .and_then(|_| context.cipher_final(&mut []));
        opened.map(drop).map_err(|_| {
            plaintext.fill(0);
            Forged
        })
    }
}

/// An 11-byte big-endian counter and a byte that marks the last chunk.
fn nonce(index: u64, last: bool) -> [u8; 12] {
    let mut bytes = [0u8; 12];
    bytes[3..11].copy_from_slice(&index.to_be_bytes());
    bytes[11] = u8::from(last);
    bytes
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
    fn a_chunk_is_what_another_implementation_seals_and_only_that_opens() {
        use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
        let key = PayloadKey::derive(&[1; 16], &[2; 16]);
        let (mut sealer, mut opener) = (key.sealer(), key.opener());
        let other = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &key.0[..]).expect("a key"));
        for (index, last, length) in
            [(0, true, 0), (0, false, CHUNK), (1, true, 1), (7, true, 4097), (u64::MAX, false, 99)]
        {
            let plaintext: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let mut sealed = vec![0; length + TAG];
            sealer.seal(index, last, &plaintext, &mut sealed);
            let mut theirs = plaintext.clone();
            let nonce = Nonce::assume_unique_for_key(nonce(index, last));
            other.seal_in_place_append_tag(nonce, Aad::empty(), &mut theirs).expect("sealed");
            assert_eq!(sealed, theirs);
            let mut opened = vec![0; length];
            assert!(opener.open(index, last, &sealed, &mut opened).is_ok());
            assert_eq!(opened, plaintext);
            for (index, last) in [(index ^ 1, last), (index, !last)] {
                assert!(opener.open(index, last, &sealed, &mut opened).is_err());
                assert!(opened.iter().all(|byte| *byte == 0));
            }
            *sealed.last_mut().expect("a tag") ^= 1;
            assert!(opener.open(index, last, &sealed, &mut opened).is_err());
            sealed.truncate(TAG - 1);
            assert!(opener.open(index, last, &sealed, &mut []).is_err());
        }
    }

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
