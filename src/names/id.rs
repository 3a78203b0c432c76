//! Random 128-bit identifiers, one type per kind of thing so that they cannot be confused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text was not 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 hexadecimal digits")]
pub struct ParseIdError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name([u8; 16]);

        impl $name {
            /// A new random id.
            ///
            /// # Panics
            /// If the operating system has no randomness to give; nothing safe can go on then.
            pub fn random() -> Self {
                let mut bytes = [0u8; 16];
                getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
                Self(bytes)
            }

            /// The id with these bytes, as stored.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes to store.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Every record and every answer has several; `hex::encode` makes its text of one character after another.
                let mut digits = [0; 32];
                hex::encode_to_slice(self.0, &mut digits).map_err(|_| fmt::Error)?;
                f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), hex::encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let mut bytes = [0u8; 16];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseIdError)?;
                Ok(Self(bytes))
            }
        }
    };
}

id!(
    /// A login: a contact's, a member of staff's or a device's.
    AccountId
);
id!(
    /// An outside person or company.
    ContactId
);
id!(
    /// A file of work for a client.
    MatterId
);
id!(
    /// A folder or a document; it stays the same through rename, move and new versions.
    NodeId
);
id!(
    /// One immutable encrypted file in the blob store.
    BlobId
);
id!(
    /// One login on one front end, from its start to its end.
    SessionId
);
id!(
    /// A WebDAV lock (RFC 4918 section 6.5); whoever holds the token may write what it locks.
    LockToken
);
id!(
    /// A WebDAV lock as the administrator names it: it follows from the token, and the token does not follow from it.
    LockId
);
id!(
    /// A mail that waits to be sent.
    MailId
);
