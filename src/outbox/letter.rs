//! Letters: what goes to one person, at once.

use std::fmt;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::names::{AccountId, MailId, MatterId, Timestamp};

/// Something for one person. Its address is part of it, since what it holds proves who reads mail there; it is not sent any
/// more once the account's address is another.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Letter {
    /// The portal is open to them: follow the single-use link to verify the address and set up a login.
    Invitation {
        /// The account that the link is for.
        account: AccountId,
        /// Where it goes.
        address: String,
        /// The matter to which access was given, if one.
        matter: Option<MatterId>,
        /// What makes the link good, once.
        #[serde(with = "super::secret")]
        token: Zeroizing<String>,
        /// When the link ends; nothing is sent after that.
        expires: Timestamp,
    },
    /// Somebody who has a login already may see one more matter. Holds no secret.
    NewMatter {
        /// Whose access it is.
        account: AccountId,
        /// Where it goes.
        address: String,
        /// The matter.
        matter: MatterId,
    },
    /// A single-use link to set another password.
    PasswordReset {
        /// The account that the link is for.
        account: AccountId,
        /// Where it goes.
        address: String,
        /// What makes the link good, once.
        #[serde(with = "super::secret")]
        token: Zeroizing<String>,
        /// When the link ends; nothing is sent after that.
        expires: Timestamp,
    },
    /// The operator asks whether mail arrives (`deedbox mail test`).
    Test {
        /// Where it goes.
        address: String,
    },
    /// Weekly, to administrators: the listener for old scanners is on.
    OldScanners {
        /// Who administers the firm.
        account: AccountId,
        /// Where it goes.
        address: String,
        /// When the listener ends, if it does; nothing is sent after that.
        until: Option<Timestamp>,
    },
}

impl Letter {
    /// Where it goes.
    pub fn address(&self) -> &str {
        match self {
            Self::Invitation { address, .. }
            | Self::NewMatter { address, .. }
            | Self::PasswordReset { address, .. }
            | Self::OldScanners { address, .. }
            | Self::Test { address } => address,
        }
    }

    /// To whom.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Invitation { account, .. }
            | Self::NewMatter { account, .. }
            | Self::PasswordReset { account, .. }
            | Self::OldScanners { account, .. } => Some(*account),
            Self::Test { .. } => None,
        }
    }

    /// The matter that it is about, if one.
    pub fn matter(&self) -> Option<MatterId> {
        match self {
            Self::Invitation { matter, .. } => *matter,
            Self::NewMatter { matter, .. } => Some(*matter),
            Self::PasswordReset { .. } | Self::OldScanners { .. } | Self::Test { .. } => None,
        }
    }

    /// When it is too late to send it.
    pub fn expires(&self) -> Option<Timestamp> {
        match self {
            Self::Invitation { expires, .. } | Self::PasswordReset { expires, .. } => Some(*expires),
            Self::OldScanners { until, .. } => *until,
            Self::NewMatter { .. } | Self::Test { .. } => None,
        }
    }

    /// Its kind, in a word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Invitation { .. } => "invitation",
            Self::NewMatter { .. } => "new-matter",
            Self::PasswordReset { .. } => "password-reset",
            Self::Test { .. } => "test",
            Self::OldScanners { .. } => "old-scanners",
        }
    }

    /// The same for every letter of one kind to one account about one matter.
    pub(super) fn id(&self) -> MailId {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(self.kind().as_bytes());
        match self.account() {
            Some(account) => context.update(account.as_bytes()),
            None => context.update(self.address().as_bytes()),
        }
        if let Some(matter) = self.matter() {
            context.update(matter.as_bytes());
        }
        let mut id = [0; 16];
        id.copy_from_slice(&context.finish().as_ref()[..16]);
        MailId::from_bytes(id)
    }
}

/// Without the token.
impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(self.kind()).field("account", &self.account()).field("matter", &self.matter()).finish()
    }
}
