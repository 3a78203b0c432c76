//! What is recorded: who did what to which object, and how it ended.

use serde::{Deserialize, Serialize};

use crate::names::{AccountId, AuthMethod, BlobId, Front, MatterId, NodeId, Role, SessionId};

/// How many byte ranges one record keeps; further ones are merged with their nearest neighbour.
pub const MAX_RANGES: usize = 64;

/// Who acted, through which door, and how they proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The session, from its login to its end.
    pub session: SessionId,
    /// The account, if the login named one that exists.
    pub account: Option<AccountId>,
    /// The login as it was given; also where no such account exists.
    pub login: String,
    /// What the account is.
    pub role: Option<Role>,
    /// The way in.
    pub front: Front,
    /// The address of the other end, where there is one.
    pub peer: Option<String>,
    /// How the session was authenticated.
    pub auth: AuthMethod,
}

impl Actor {
    /// The daemon itself: recovery, expiry, alarms.
    pub fn service(login: &str) -> Self {
        Self {
            session: SessionId::from_bytes([0; 16]),
            account: None,
            login: login.to_owned(),
            role: None,
            front: Front::Service,
            peer: None,
            auth: AuthMethod::Internal,
        }
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $word:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every one, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word in `audit show` and in exports; it never changes its meaning.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The byte in the leaf; it never changes its meaning.
            pub(super) const fn code(self) -> u8 {
                match self { $(Self::$variant => $code),* }
            }

            /// The one with this byte.
            pub(super) const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// What was attempted.
    Action {
        /// A login on any front end.
        Login = 1, "login";
        /// The end of a session, by either side.
        Logout = 2, "logout";
        /// Listing a folder.
        List = 3, "list";
        /// Looking up one name.
        Stat = 4, "stat";
        /// Reading a document.
        Read = 5, "read";
        /// Uploading a new document.
        Create = 6, "create";
        /// Making a folder.
        MakeFolder = 7, "make-folder";
        /// Replacing or editing a document.
        Update = 8, "update";
        /// Setting times.
        SetTimes = 9, "set-times";
        /// Setting WebDAV properties.
        SetProperties = 10, "set-properties";
        /// Removing a document or folder.
        Delete = 11, "delete";
        /// A new name in the same folder.
        Rename = 12, "rename";
        /// A move to another folder.
        Move = 13, "move";
        /// A copy.
        Copy = 14, "copy";
        /// Taking or refreshing a lock.
        Lock = 15, "lock";
        /// Giving a lock back.
        Unlock = 16, "unlock";
        /// Any administrative change or look; the subject says of what.
        Administer = 17, "administer";
        /// The daemon put something in order after a crash.
        Recover = 18, "recover";
        /// Something is wrong: a damaged blob, a full disk.
        Alarm = 19, "alarm";
        /// The daemon started.
        Start = 20, "start";
        /// The daemon stopped.
        Stop = 21, "stop";
        /// The body of an earlier record was erased by law; that record stays in the tree.
        Erase = 22, "erase";
        /// A mail was handed to the relay, or refused by it, or withdrawn.
        Mail = 23, "mail";
        /// A document moved away or removed by a save, or put back, before what replaces it comes: for the saver alone.
        SetAside = 24, "set-aside";
        /// A document that came into a drop box was looked at: whether it is complete, and for viruses.
        Scan = 25, "scan";
        /// A document that came into a drop box was delivered by a rule.
        Route = 26, "route";
        /// A document that came into a drop box waits for a person.
        Quarantine = 27, "quarantine";
        /// A document that waited for a person was delivered by one.
        Assign = 28, "assign";
        /// The account that brought a document into a drop box can read what became of it.
        Receipt = 29, "receipt";
    }
}

words! {
    /// How it ended, or that it began.
    Outcome {
        /// The intent: the effect may follow, and the outcome comes as a record of its own that refers to this one.
        Begun = 1, "begun";
        /// An upload's new version is complete and durable and is about to become visible; refers to its intent.
        Confirmed = 2, "confirmed";
        /// Done.
        Done = 3, "done";
        /// Not permitted.
        Refused = 4, "refused";
        /// Nothing there that this session may see.
        NotFound = 5, "not-found";
        /// Permitted, but it went wrong.
        Failed = 6, "failed";
        /// Begun and never settled: the connection broke, the task ended, or the daemon crashed.
        Abandoned = 7, "abandoned";
    }
}

/// One thing to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// The matter, which gives the record its place in that matter's own sequence.
    pub matter: Option<MatterId>,
    /// The document or folder.
    pub object: Option<NodeId>,
    /// The path as that session sees it.
    pub path: Option<String>,
    /// Everything else.
    pub detail: Detail,
}

impl Event {
    /// An event without matter, object, path and detail.
    pub fn new(actor: Actor, action: Action, outcome: Outcome) -> Self {
        Self { actor, action, outcome, matter: None, object: None, path: None, detail: Detail::default() }
    }
}

/// The particulars of an event. Every field may be missing, so that later versions can add to it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// Why it was refused or failed, in words that may be shown to an auditor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The document's node, where it became known only after the intent (a new document).
    #[serde(skip_serializing_if = "Option::is_none", with = "super::text::option")]
    pub object: Option<NodeId>,
    /// The document's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// SHA-256 of that version's content.
    #[serde(skip_serializing_if = "Option::is_none", with = "super::text::digest")]
    pub sha256: Option<[u8; 32]>,
    /// Bytes served or received; for [`Outcome::Confirmed`], the version's size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Which bytes were served, as (first, one past the last), ascending; see [`Detail::add_range`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<(u64, u64)>,
    /// Where to: the target of a rename, move or copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The object of an administrative change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Of a login: the step of the authenticator's code (RFC 6238), which is not taken again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_step: Option<u64>,
    /// The blob that holds the version.
    #[serde(skip_serializing_if = "Option::is_none", with = "super::text::option")]
    pub blob: Option<BlobId>,
    /// The temporary file that became the version, and is gone with it.
    #[serde(skip_serializing_if = "Option::is_none", with = "super::text::option")]
    pub source: Option<NodeId>,
}

impl Detail {
    /// A detail with a reason alone.
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::default() }
    }

    /// Notes that `length` bytes from `offset` were served. Ranges that touch are merged; past [`MAX_RANGES`] the two
    /// nearest are, so that the record may name bytes that were not served but never omits one that was.
    pub fn add_range(&mut self, offset: u64, length: u64) {
        if length == 0 {
            return;
        }
        let (mut start, mut end) = (offset, offset.saturating_add(length));
        let first = self.ranges.partition_point(|r| r.1 < start);
        let last = self.ranges.partition_point(|r| r.0 <= end);
        if let Some(touching) = self.ranges.get(first..last).filter(|r| !r.is_empty()) {
            start = start.min(touching[0].0);
            end = end.max(touching[touching.len() - 1].1);
        }
        self.ranges.splice(first..last.max(first), [(start, end)]);
        if self.ranges.len() > MAX_RANGES {
            let nearest = (1..self.ranges.len()).min_by_key(|i| self.ranges[*i].0 - self.ranges[*i - 1].1);
            if let Some(i) = nearest {
                self.ranges[i - 1].1 = self.ranges[i].1;
                self.ranges.remove(i);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_and_words_are_unique_and_read_back() {
        for action in Action::ALL {
            assert_eq!(Action::from_code(action.code()), Some(*action));
            assert_eq!(serde_json::to_string(action).ok(), Some(format!("\"{action}\"")));
        }
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_code(outcome.code()), Some(*outcome));
        }
        assert_eq!(Action::from_code(0), None);
    }

    proptest! {
        #[test]
        fn ranges_stay_sorted_bounded_and_cover_everything_served(
            served in proptest::collection::vec((0u64..5_000, 1u64..20), 1..300)
        ) {
            let mut detail = Detail::default();
            for (offset, length) in &served {
                detail.add_range(*offset, *length);
            }
            prop_assert!(detail.ranges.len() <= MAX_RANGES);
            prop_assert!(detail.ranges.windows(2).all(|w| w[0].1 < w[1].0));
            for (offset, length) in served {
                prop_assert!(detail.ranges.iter().any(|r| r.0 <= offset && offset + length <= r.1));
            }
        }
    }
}
