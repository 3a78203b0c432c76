//! The header of an age file: written and opened by the `age` crate, from which a wrapping recipient and identity
//! capture the file key.

use std::cell::RefCell;
use std::collections::HashSet;

use age::secrecy::ExposeSecret;
use age::{DecryptError, Decryptor, EncryptError, Encryptor};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::payload::PayloadKey;
use crate::keys::MatterKey;

/// Bytes of the header of every blob, so that the plaintext's size follows from the file's length and a new recipient
/// can be written over the old one in place.
pub(super) const HEADER_LEN: usize = 4096;
/// Bytes of the nonce between header and payload.
const NONCE_LEN: usize = 16;
/// Where the payload starts.
pub(super) const PAYLOAD_AT: usize = HEADER_LEN + NONCE_LEN;

/// The type of the padding stanza. Readers skip stanzas of types that they do not know.
const PADDING_TAG: &str = "deedbox-padding";
/// Bytes of everything else: version line, X25519 stanza (two lines), padding stanza without its argument, MAC line.
const UNPADDED_LEN: usize = "age-encryption.org/v1\n".len()
    + "-> X25519 \n\n".len()
    + 2 * BASE64_32
    + "->  \n\n".len()
    + PADDING_TAG.len()
    + "--- \n".len()
    + BASE64_32;
/// Characters of 32 bytes in unpadded base64.
const BASE64_32: usize = 43;

const COMMITMENT_LABEL: &[u8] = b"deedbox.v1/file-key-commitment";

/// What an authentic header gives.
pub(super) struct Opened {
    /// Opens and seals the payload.
    pub(super) key: PayloadKey,
    /// Which file key the header holds.
    pub(super) commitment: [u8; 32],
    /// Where the payload starts.
    pub(super) payload_at: usize,
}

/// Why a header gives nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// It is not the header of an age file, or it was changed.
    Malformed,
    /// No stanza in it is for this matter.
    NotForThisMatter,
}

/// A fresh file key, encrypted to the matter: the first [`PAYLOAD_AT`] bytes of a new blob.
pub(super) fn create(matter: &MatterKey) -> (Vec<u8>, Opened) {
    let recipient = Capturing { inner: matter.recipient(), file_key: RefCell::default() };
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .expect("one X25519 recipient without labels is always accepted");
    let mut head = Vec::with_capacity(PAYLOAD_AT);
    // Header and nonce are written at once; the crate's own payload writer is dropped unused.
    encryptor.wrap_output(&mut head).expect("writing to memory does not fail");
    assert_eq!(head.len(), PAYLOAD_AT, "the padding fills the header to its fixed length");
    let opened = derive(&recipient.file_key, &head, PAYLOAD_AT).expect("the recipient was asked to wrap the key");
    (head, opened)
}

/// Opens the header at the start of `head`, which holds at least the header and the nonce; what follows is ignored.
pub(super) fn open(head: &[u8], matter: &MatterKey) -> Result<Opened, HeaderError> {
    let identity = Capturing { inner: matter.identity(), file_key: RefCell::default() };
    let mut rest = head;
    // `new_buffered` reads line by line from memory; the plain constructor would make hundreds of tiny reads.
    let decryptor = Decryptor::new_buffered(&mut rest).map_err(|_| HeaderError::Malformed)?;
    // This checks the header's MAC under the captured key.
    decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map(drop).map_err(|error| match error {
        DecryptError::NoMatchingKeys | DecryptError::KeyDecryptionFailed => HeaderError::NotForThisMatter,
        _ => HeaderError::Malformed,
    })?;
    derive(&identity.file_key, head, head.len() - rest.len()).ok_or(HeaderError::Malformed)
}

fn derive(file_key: &RefCell<Option<CapturedKey>>, head: &[u8], payload_at: usize) -> Option<Opened> {
    let file_key = file_key.borrow_mut().take()?;
    let nonce = &head[payload_at - NONCE_LEN..payload_at];
    let mut commitment = [0; 32];
    let key = hmac::Key::new(hmac::HMAC_SHA256, &*file_key);
    commitment.copy_from_slice(hmac::sign(&key, COMMITMENT_LABEL).as_ref());
    Some(Opened { key: PayloadKey::derive(&file_key, nonce), commitment, payload_at })
}

type CapturedKey = Zeroizing<[u8; FILE_KEY_BYTES]>;

/// A recipient or identity that keeps a copy of the file key that it wraps or unwraps.
struct Capturing<'a, T> {
    inner: &'a T,
    file_key: RefCell<Option<CapturedKey>>,
}

impl<T> Capturing<'_, T> {
    fn capture(&self, file_key: &FileKey) {
        *self.file_key.borrow_mut() = Some(Zeroizing::new(*file_key.expose_secret()));
    }
}

impl<T: age::Recipient> age::Recipient for Capturing<'_, T> {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        self.capture(file_key);
        let (mut stanzas, labels) = self.inner.wrap_file_key(file_key)?;
        let padding = "A".repeat(HEADER_LEN - UNPADDED_LEN);
        stanzas.push(Stanza { tag: PADDING_TAG.to_owned(), args: vec![padding], body: Vec::new() });
        Ok((stanzas, labels))
    }
}

impl<T: age::Identity> age::Identity for Capturing<'_, T> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        let unwrapped = self.inner.unwrap_stanza(stanza)?;
        Some(unwrapped.inspect(|file_key| self.capture(file_key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_has_the_same_length_and_opens_for_its_matter_only() {
        let (one, two) = (MatterKey::generate(), MatterKey::generate());
        let (head, made) = create(&one);
        assert_eq!(head.len(), PAYLOAD_AT);
        let opened = open(&head, &one).expect("its own matter opens it");
        assert_eq!((opened.commitment, opened.payload_at), (made.commitment, PAYLOAD_AT));
        assert_eq!(open(&head, &two).err(), Some(HeaderError::NotForThisMatter));
        assert_ne!(create(&one).1.commitment, made.commitment);
    }

    #[test]
    fn no_byte_of_a_header_can_be_changed() {
        let matter = MatterKey::generate();
        let (head, _) = create(&matter);
        for at in (0..260).chain([1000, HEADER_LEN - 1]).chain(HEADER_LEN - 50..HEADER_LEN) {
            let mut changed = head.clone();
            changed[at] ^= 1;
            assert!(open(&changed, &matter).is_err(), "byte {at}");
        }
        assert_eq!(open(&head[..HEADER_LEN - 1], &matter).err(), Some(HeaderError::Malformed));
    }
}
