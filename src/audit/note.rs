//! Signed notes and verifier keys (C2SP signed-note), Ed25519 alone.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::leaf::array;
use super::tree::sha256_of;

const ED25519_TYPE: u8 = 1;
const MAX_NOTE_BYTES: usize = 64 * 1024;
const MAX_SIGNATURES: usize = 64;
const MAX_NAME_BYTES: usize = 255;

/// A public key that verifies checkpoints and proofs; prints and parses as a C2SP vkey,
/// `name+hex(key id)+base64(type ‖ key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyKey {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

/// Not a verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a verifier key: expected name+keyid+base64 of an Ed25519 key (c2sp.org/signed-note)")]
pub struct BadKey;

/// A signed note is malformed or not signed by the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is not in the format.
    #[error("not a signed note")]
    Malformed,
    /// No signature by this key is on it.
    #[error("the note is not signed by the key that was given")]
    Unsigned,
    /// A signature by this key is on it and does not verify.
    #[error("the signature does not verify")]
    Signature,
}

impl VerifyKey {
    fn new(name: &str, key: [u8; 32]) -> Result<Self, BadKey> {
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(bad) {
            return Err(BadKey);
        }
        let id = array(&sha256_of(&[name.as_bytes(), b"\n", &[ED25519_TYPE], &key])[..4]);
        Ok(Self { name: name.to_owned(), id, key })
    }

    /// The key's name, which is the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens a signed note: gives its text, the final newline included, once a signature by this key verified.
    pub(super) fn open<'n>(&self, note: &'n [u8]) -> Result<&'n str, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::Malformed);
        }
        let note = std::str::from_utf8(note).map_err(|_| NoteError::Malformed)?;
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Malformed);
        }
        let end = note.rfind("\n\n").ok_or(NoteError::Malformed)? + 1;
        let (text, signatures) = (&note[..end], &note[end + 1..]);
        let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        let mut verified = false;
        for (n, line) in signatures.split('\n').enumerate() {
            let line = line.strip_prefix("— ").filter(|_| n < MAX_SIGNATURES).ok_or(NoteError::Malformed)?;
            let (name, signature) = line.split_once(' ').ok_or(NoteError::Malformed)?;
            let signature = BASE64.decode(signature).map_err(|_| NoteError::Malformed)?;
            let (id, signature) = signature.split_at_checked(4).ok_or(NoteError::Malformed)?;
            if name.is_empty() {
                return Err(NoteError::Malformed);
            }
            // Signatures by keys that we do not know must be ignored: they may be those of witnesses.
            if name == self.name && id == self.id {
                UnparsedPublicKey::new(&ED25519, &self.key)
                    .verify(text.as_bytes(), signature)
                    .map_err(|_| NoteError::Signature)?;
                verified = true;
            }
        }
        if verified { Ok(text) } else { Err(NoteError::Unsigned) }
    }
}

impl fmt::Display for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519_TYPE];
        key.extend_from_slice(&self.key);
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id), BASE64.encode(key))
    }
}

impl FromStr for VerifyKey {
    type Err = BadKey;
    fn from_str(text: &str) -> Result<Self, BadKey> {
        let mut parts = text.trim_end().splitn(3, '+');
        let mut part = || parts.next().ok_or(BadKey);
        let (name, id, key) = (part()?, part()?, part()?);
        let key = BASE64.decode(key).map_err(|_| BadKey)?;
        let [ED25519_TYPE, ref key @ ..] = key[..] else { return Err(BadKey) };
        let parsed = Self::new(name, key.try_into().map_err(|_| BadKey)?)?;
        if hex::encode(parsed.id) == id { Ok(parsed) } else { Err(BadKey) }
    }
}

/// The key that signs checkpoints.
pub(super) struct Signer {
    pair: Ed25519KeyPair,
    public: VerifyKey,
}

impl Signer {
    pub(super) fn new(seed: &[u8; 32], name: &str) -> Result<Self, BadKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| BadKey)?;
        let public = VerifyKey::new(name, pair.public_key().as_ref().try_into().map_err(|_| BadKey)?)?;
        Ok(Self { pair, public })
    }

    pub(super) fn public(&self) -> &VerifyKey {
        &self.public
    }

    /// The note with our signature; `text` ends in a newline.
    pub(super) fn sign(&self, text: &str) -> String {
        let mut signature = self.public.id.to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n— {} {}\n", self.public.name, BASE64.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the specification.
    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_example_of_the_specification_verifies() {
        let key: VerifyKey = KEY.parse().expect("the specification's key");
        assert_eq!(key.to_string(), KEY);
        assert_eq!(key.open(NOTE.as_bytes()), Ok("This is an example message.\n"));
    }

    #[test]
    fn an_altered_note_is_refused() {
        let key: VerifyKey = KEY.parse().expect("the specification's key");
        assert_eq!(key.open(NOTE.replace("example message", "Example message").as_bytes()), Err(NoteError::Signature));
        assert_eq!(key.open(NOTE.replace("com/foo", "com/bar").as_bytes()), Err(NoteError::Unsigned));
        for bad in ["", "\n", "\n\n", "text\n\n— a b\n", "text\r\n\n— a AAAAAA==\n", "text\n\n— a AAAAAA=="] {
            assert_eq!(key.open(bad.as_bytes()), Err(NoteError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn signatures_of_witnesses_are_ignored() {
        let signer = Signer::new(&[9; 32], "firm.example/audit").expect("a valid name");
        let note = signer.sign("text\n") + "— witness.example AAAAAAAA\n";
        assert_eq!(signer.public().open(note.as_bytes()), Ok("text\n"));
    }

    #[test]
    fn names_that_would_break_the_format_are_refused() {
        for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b"] {
            assert!(Signer::new(&[9; 32], name).is_err(), "{name:?}");
        }
    }
}
