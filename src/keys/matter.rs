//! The key of one matter.

use age::secrecy::ExposeSecret;
use age::x25519;
use aws_lc_rs::agreement::{PrivateKey, X25519};
use zeroize::Zeroizing;

use super::locked::Locked;
use super::stanza;

/// The text is not an age X25519 identity. It does not say which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an age X25519 identity")]
pub struct NotAnIdentity;

/// The X25519 identity to which a matter's documents are encrypted: an age identity and recipient. It prints nothing and
/// is kept out of swap and wiped when dropped.
pub struct MatterKey {
    identity: Locked<x25519::Identity>,
    pub(super) private: PrivateKey,
    /// The public share of `private`.
    share: [u8; 32],
}

impl MatterKey {
    /// A new key, in memory only.
    pub fn generate() -> Self {
        Self::from_identity(x25519::Identity::generate()).expect("what was generated is an identity")
    }

    fn from_identity(identity: x25519::Identity) -> Result<Self, NotAnIdentity> {
        let secret = stanza::secret_of(identity.to_string().expose_secret()).ok_or(NotAnIdentity)?;
        let private = PrivateKey::from_private_key(&X25519, &*secret).map_err(|_| NotAnIdentity)?;
        let share = stanza::share_of(&private).map_err(|_| NotAnIdentity)?;
        Ok(Self { identity: Locked::new(identity), private, share })
    }

    /// Parses `AGE-SECRET-KEY-1...`, as [`Self::to_text`] gives it.
    pub fn from_text(text: &str) -> Result<Self, NotAnIdentity> {
        text.parse().map_err(|_| NotAnIdentity).and_then(Self::from_identity)
    }

    /// The public half: the recipient's 32 bytes.
    pub fn share(&self) -> &[u8; 32] {
        &self.share
    }

    /// What this matter's blobs are encrypted to, as `age -r` reads it.
    pub fn recipient(&self) -> x25519::Recipient {
        self.identity.to_public()
    }

    /// The identity as `AGE-SECRET-KEY-1...`, the form that stock `age -i` reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.identity.to_string().expose_secret().to_owned())
    }
}
