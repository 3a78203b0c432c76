//! The header of an age file.
//!
//! The `age` crate makes and opens stanzas and parses headers; a wrapping identity captures the file key that it finds.
//! New headers are put together here, because the crate's own writer adds a stanza of random length to each.

use std::cell::RefCell;
use std::sync::Arc;

use age::secrecy::ExposeSecret;
use age::{DecryptError, Decryptor, Recipient};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
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

const VERSION_LINE: &str = "age-encryption.org/v1\n";
/// The type of the padding stanza. Readers skip stanzas of types that they do not know.
const PADDING_TAG: &str = "deedbox-padding";
/// Columns at which a stanza's body is wrapped.
const BODY_COLUMNS: usize = 64;
/// Characters of the MAC, 32 bytes in unpadded base64.
const MAC_CHARS: usize = 43;

const COMMITMENT_LABEL: &[u8] = b"deedbox.v1/file-key-commitment";

/// What an authentic header gives.
#[derive(Clone)]
pub(super) struct Opened {
    /// Opens and seals the payload.
    pub(super) key: Arc<PayloadKey>,
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
    let file_key = FileKey::init_with_mut(fill_random);
    let (stanzas, _labels) = matter.wrap_file_key(&file_key).expect("an X25519 recipient wraps every file key");
    let mut header = String::with_capacity(PAYLOAD_AT);
    header.push_str(VERSION_LINE);
    for stanza in &stanzas {
        push_stanza(&mut header, stanza);
    }
    let padding = HEADER_LEN - header.len() - "->  \n\n--- \n".len() - PADDING_TAG.len() - MAC_CHARS;
    push_stanza(&mut header, &Stanza { tag: PADDING_TAG.into(), args: vec!["A".repeat(padding)], body: Vec::new() });
    // The MAC covers everything before it, up to and with the three dashes.
    header.push_str("---");
    let mac = hmac::sign(&mac_key(file_key.expose_secret()), header.as_bytes());
    header.push(' ');
    STANDARD_NO_PAD.encode_string(mac, &mut header);
    header.push('\n');
    assert_eq!(header.len(), HEADER_LEN, "the padding fills the header to its fixed length");

    let mut nonce = [0; NONCE_LEN];
    fill_random(&mut nonce);
    let mut head = header.into_bytes();
    head.extend_from_slice(&nonce);
    let opened = Opened::derive(file_key.expose_secret(), &nonce, PAYLOAD_AT);
    (head, opened)
}

/// Type and arguments in one line, then the body in base64, whose last line is always a short one, empty if need be.
fn push_stanza(header: &mut String, stanza: &Stanza) {
    header.push_str("->");
    for word in std::iter::once(&stanza.tag).chain(&stanza.args) {
        header.push(' ');
        header.push_str(word);
    }
    header.push('\n');
    let body = STANDARD_NO_PAD.encode(&stanza.body);
    let mut rest = body.as_str();
    while rest.len() >= BODY_COLUMNS {
        let (line, later) = rest.split_at(BODY_COLUMNS);
        header.push_str(line);
        header.push('\n');
        rest = later;
    }
    header.push_str(rest);
    header.push('\n');
}

/// HKDF-SHA-256 of the file key with an empty salt.
fn mac_key(file_key: &[u8; FILE_KEY_BYTES]) -> hmac::Key {
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(file_key);
    hmac::Key::from(prk.expand(&[b"header"], hmac::HMAC_SHA256).expect("32 bytes are within HKDF's limit"))
}

fn fill_random<const N: usize>(bytes: &mut [u8; N]) {
    getrandom::fill(bytes).expect("the operating system gives random bytes");
}

/// Opens the header at the start of `head`, which holds at least the header and the nonce; what follows is ignored.
pub(super) fn open(head: &[u8], matter: &MatterKey) -> Result<Opened, HeaderError> {
    let identity = Capturing { inner: matter, file_key: RefCell::default() };
    let mut rest = head;
    // `new_buffered` reads line by line from memory; the plain constructor would make hundreds of tiny reads.
    let decryptor = Decryptor::new_buffered(&mut rest).map_err(|_| HeaderError::Malformed)?;
    // This checks the header's MAC under the captured key.
    decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map(drop).map_err(|error| match error {
        DecryptError::NoMatchingKeys | DecryptError::KeyDecryptionFailed => HeaderError::NotForThisMatter,
        _ => HeaderError::Malformed,
    })?;
    let payload_at = head.len() - rest.len();
    let file_key = identity.file_key.into_inner().ok_or(HeaderError::Malformed)?;
    Ok(Opened::derive(&file_key, &head[payload_at - NONCE_LEN..payload_at], payload_at))
}

impl Opened {
    fn derive(file_key: &[u8; FILE_KEY_BYTES], nonce: &[u8], payload_at: usize) -> Self {
        let mut commitment = [0; 32];
        let key = hmac::Key::new(hmac::HMAC_SHA256, file_key);
        commitment.copy_from_slice(hmac::sign(&key, COMMITMENT_LABEL).as_ref());
        Self { key: Arc::new(PayloadKey::derive(file_key, nonce)), commitment, payload_at }
    }
}

/// An identity that keeps a copy of the file key that it unwraps.
struct Capturing<'a, T> {
    inner: &'a T,
    file_key: RefCell<Option<Zeroizing<[u8; FILE_KEY_BYTES]>>>,
}

impl<T: age::Identity> age::Identity for Capturing<'_, T> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        let unwrapped = self.inner.unwrap_stanza(stanza)?;
        Some(unwrapped.inspect(|file_key| {
            *self.file_key.borrow_mut() = Some(Zeroizing::new(*file_key.expose_secret()));
        }))
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
