//! Verbs, rights, roles and the ways in.

use std::fmt;
use std::ops::{BitAnd, BitOr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the five things that a right on a folder allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// See the folder's entries.
    List,
    /// Download a document.
    Read,
    /// Upload a new document or make a subfolder.
    Create,
    /// Replace or edit an existing document.
    Update,
    /// Remove a document.
    Delete,
}

impl Verb {
    /// All verbs, in the order in which people read them.
    pub const ALL: [Self; 5] = [Self::List, Self::Read, Self::Create, Self::Update, Self::Delete];

    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The word in policies, on the command line and in the audit record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Verb {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|verb| verb.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no verb: use list, read, create, update or delete"))
    }
}

/// A set of verbs: what a portal permission row grants on a folder.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rights(u8);

impl Rights {
    /// No right at all.
    pub const NONE: Self = Self(0);
    /// All five.
    pub const FULL: Self = Self(0b1_1111);
    /// What there can be to do among messages: what was said was said, so none is changed or removed.
    pub const MESSAGES: Self = Self(Verb::List.bit() | Verb::Read.bit() | Verb::Create.bit());
    /// List and Read.
    pub const READ_ONLY: Self = Self(Verb::List.bit() | Verb::Read.bit());

    /// The set of these verbs.
    pub fn of(verbs: &[Verb]) -> Self {
        Self(verbs.iter().fold(0, |set, verb| set | verb.bit()))
    }

    /// True if the verb is in the set.
    pub const fn has(self, verb: Verb) -> bool {
        self.0 & verb.bit() != 0
    }

    /// The set without a verb.
    #[must_use]
    pub const fn without(self, verb: Verb) -> Self {
        Self(self.0 & !verb.bit())
    }

    /// True if nothing is granted.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True if an object in the folder can be seen by name: any right but Create.
    pub const fn reveals(self) -> bool {
        self.without(Verb::Create).0 != 0
    }

    /// The verbs of the set.
    pub fn verbs(self) -> impl Iterator<Item = Verb> {
        Verb::ALL.into_iter().filter(move |verb| self.has(*verb))
    }
}

impl BitOr for Rights {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Rights {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NONE => f.write_str("none"),
            Self::FULL => f.write_str("full"),
            set => {
                let words: Vec<_> = set.verbs().map(Verb::as_str).collect();
                f.write_str(&words.join(" "))
            }
        }
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rights({self})")
    }
}

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A contact's login: sees the matters on which the contact has access.
    Participant,
    /// A scanner or script: sees the matters to which it was added.
    Device,
    /// A member of the firm: sees every matter and every folder.
    Staff,
    /// Administers the firm; sees no documents, so that running the daemon and reading clients' papers stay apart.
    Admin,
    /// Reads the audit record; sees no documents.
    Auditor,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Participant, Self::Device, Self::Staff, Self::Admin, Self::Auditor];

    /// The word on the command line and in the audit record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Participant => "participant",
            Self::Device => "device",
            Self::Staff => "staff",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The door through which somebody came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Front {
    /// SFTP over SSH.
    Sftp,
    /// WebDAV over HTTPS.
    Webdav,
    /// The pages, in a browser.
    Web,
    /// The JSON API.
    Api,
    /// The control socket: the operator at the command line.
    Console,
    /// The daemon itself: recovery, expiry.
    Service,
}

impl Front {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Sftp, Self::Webdav, Self::Web, Self::Api, Self::Console, Self::Service];

    /// The ways in from the network.
    pub const DOORS: [Self; 4] = [Self::Sftp, Self::Webdav, Self::Web, Self::Api];

    /// The word in the audit record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sftp => "sftp",
            Self::Webdav => "webdav",
            Self::Web => "web",
            Self::Api => "api",
            Self::Console => "console",
            Self::Service => "service",
        }
    }
}

impl FromStr for Front {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|front| front.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no way in: use sftp, webdav, web or api"))
    }
}

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMethod {
    /// The account's password.
    Password,
    /// An SSH public key of the account.
    PublicKey,
    /// A password that the account has for one device.
    #[serde(rename = "device-password")]
    DevicePassword,
    /// A token of the API.
    Token,
    /// A single-use link that was sent to the account's address.
    Link,
    /// The right to open the control socket, as the operating system enforces it.
    Socket,
    /// The daemon's own work.
    Internal,
    /// Nothing was proven: a failed login.
    None,
}

impl AuthMethod {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Password,
        Self::PublicKey,
        Self::DevicePassword,
        Self::Token,
        Self::Link,
        Self::Socket,
        Self::Internal,
        Self::None,
    ];

    /// The word in the audit record and in guards.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PublicKey => "publickey",
            Self::DevicePassword => "device-password",
            Self::Token => "token",
            Self::Link => "link",
            Self::Socket => "socket",
            Self::Internal => "internal",
            Self::None => "none",
        }
    }
}

impl FromStr for AuthMethod {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or_else(|| {
            format!("`{text}` is no way to prove who one is: use password, publickey, device-password or token")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn create_alone_reveals_nothing() {
        assert!(!Rights::of(&[Verb::Create]).reveals());
        assert!(Rights::of(&[Verb::Create, Verb::Delete]).reveals());
    }

    #[test]
    fn words_of_guards_are_those_of_the_record() {
        let written = AuthMethod::ALL.map(|method| serde_json::to_string(&method).expect("a word"));
        assert_eq!(written, AuthMethod::ALL.map(|method| format!("\"{}\"", method.as_str())));
    }

    #[test]
    fn sets_print_as_people_write_them() {
        assert_eq!(Rights::of(&[Verb::Create, Verb::List]).to_string(), "list create");
        assert_eq!(Rights::of(&Verb::ALL).to_string(), "full");
        assert_eq!(Rights::NONE.to_string(), "none");
    }
}
