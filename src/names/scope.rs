//! What a token of the API may be used for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Role;

/// How far a token reaches. Each includes those before it, and none goes beyond what the account's role may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Look.
    Read,
    /// Change what people change from day to day: matters, contacts, access, shares, messages.
    Manage,
    /// Administer the firm.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Manage, Self::Admin];

    /// The word on the command line and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Manage => "manage",
            Self::Admin => "admin",
        }
    }

    /// The furthest that a token of an account with this role reaches; nothing for devices, which have passwords of their own.
    pub const fn furthest(role: Role) -> Option<Self> {
        match role {
            Role::Participant | Role::Staff => Some(Self::Manage),
            Role::Admin => Some(Self::Admin),
            Role::Auditor => Some(Self::Read),
            Role::Device => None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no scope: use read, manage or admin"))
    }
}
