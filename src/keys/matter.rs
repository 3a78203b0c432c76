//! The key of one matter.

use age::secrecy::ExposeSecret;
use age::x25519;
use zeroize::Zeroizing;

use super::locked::Locked;

/// The text is not an age X25519 identity. It does not say which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an age X25519 identity")]
pub struct NotAnIdentity;

/// The X25519 identity to which a matter's documents are encrypted. It prints nothing, is kept out of
/// swap and is wiped when dropped.
pub struct MatterKey {
    identity: Locked<x25519::Identity>,
    recipient: x25519::Recipient,
}

impl MatterKey {
    /// A new key, in memory only.
    pub fn generate() -> Self {
        Self::from_identity(x25519::Identity::generate())
    }

    fn from_identity(identity: x25519::Identity) -> Self {
        Self { recipient: identity.to_public(), identity: Locked::new(identity) }
    }

    /// Parses `AGE-SECRET-KEY-1...`, as [`Self::to_text`] gives it.
    pub fn from_text(text: &str) -> Result<Self, NotAnIdentity> {
        text.parse().map(Self::from_identity).map_err(|_| NotAnIdentity)
    }

    /// What opens this matter's blobs.
    pub fn identity(&self) -> &x25519::Identity {
        &self.identity
    }

    /// What this matter's blobs are encrypted to.
    pub fn recipient(&self) -> &x25519::Recipient {
        &self.recipient
    }

    /// The identity as `AGE-SECRET-KEY-1...`, the form that stock `age -i` reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.identity.to_string().expose_secret().to_owned())
    }
}
