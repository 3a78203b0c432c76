//! Accounts, contacts and participants.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{DevicePassword, Restriction, SecondFactor, ssh_key};
use crate::names::{AccountId, Bytes, ContactId, MatterId, Role, Timestamp};

/// A login.
#[derive(Clone)]
pub struct Account {
    /// Stays the same for ever.
    pub id: AccountId,
    /// Lower-cased; unique in the firm.
    pub login: String,
    /// What it is.
    pub role: Role,
    /// Whose it is, if a contact's.
    pub contact: Option<ContactId>,
    /// The password's hash as a PHC string; nothing while none is set.
    pub password: Option<Zeroizing<String>>,
    /// Its SSH keys.
    pub keys: Vec<AccountKey>,
    /// What a login must give beside a password or key, if anything.
    pub second_factor: Option<SecondFactor>,
    /// Passwords of single devices, by name.
    pub device_passwords: Vec<DevicePassword>,
    /// False refuses every login.
    pub enabled: bool,
    /// Grows when password, keys, second factor or `enabled` change, which ends the sessions that were opened before.
    pub credentials: u64,
    /// When it was made.
    pub created: Timestamp,
    /// How much it may keep, in all matters together, if that is bounded.
    pub quota: Option<Bytes>,
    /// By what and from where it may log in.
    pub restriction: Restriction,
    /// It gets receipts for what it puts into drop boxes.
    pub receipts: bool,
}

/// Without the password's hash and the keys.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("login", &self.login)
            .field("role", &self.role)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

/// A public key with which an account may log in over SFTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountKey {
    /// SSH wire encoding (RFC 4253 section 6.6).
    pub blob: Vec<u8>,
    /// One line of OpenSSH text: `verify-required` if the key has that option, algorithm, base64, comment.
    pub text: String,
    /// When it was added.
    pub added: Timestamp,
}

impl Account {
    /// Whether this is one of its SSH keys, in wire encoding.
    pub fn has_key(&self, blob: &[u8]) -> bool {
        self.keys.iter().any(|key| key.blob == blob)
    }

    /// Whether this SSH key, in wire encoding, opens it only when it knows by a PIN or a finger who is there.
    pub fn verifies(&self, blob: &[u8]) -> bool {
        self.keys.iter().any(|key| key.blob == blob && key.verifies())
    }
}

impl AccountKey {
    /// Whether it is a security key that must know by a PIN or a finger who is there.
    pub fn verifies(&self) -> bool {
        ssh_key::without_options(&self.text).is_some()
    }

    /// As `ssh-keygen -l` prints it: `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        ssh_key::fingerprint(&self.blob)
    }
}

/// An outside person or company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Stays the same for ever.
    pub id: ContactId,
    /// As people write it; need not be unique.
    pub name: String,
    /// Lower-cased; need not be unique, but access needs one that is.
    pub email: Option<String>,
    /// When it was made.
    pub created: Timestamp,
}

/// Who takes part in a matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Party {
    /// A contact, through the account that comes with access.
    Contact(ContactId),
    /// A device's account.
    Device(AccountId),
}

/// Whether a participant may use the portal for the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Access {
    /// Never given.
    None,
    /// An invitation is on its way; the address is not verified yet.
    Invited,
    /// On.
    Active,
    /// Taken away for a time.
    Disabled,
    /// Taken away; a new invitation is needed.
    Removed,
}

impl Access {
    /// True if the participant may come in, or may as soon as they follow their invitation.
    pub const fn is_on(self) -> bool {
        matches!(self, Self::Invited | Self::Active)
    }

    /// The word on the command line and in the audit record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Removed => "removed",
        }
    }
}

impl Access {
    /// What people read: whoever was removed is where they were before they came.
    pub const fn as_status(self) -> &'static str {
        match self {
            Self::None => "not given",
            Self::Invited | Self::Removed => "activation pending",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A contact's or device's place on one matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// The matter.
    pub matter: MatterId,
    /// Who.
    pub party: Party,
    /// Which rows of the matter type apply: one of its participant types.
    pub participant_type: String,
    /// Whether the portal is open to them for this matter.
    pub access: Access,
    /// False takes Read away everywhere in the matter.
    pub can_download: bool,
    /// When access was last given.
    pub granted_at: Option<Timestamp>,
}
