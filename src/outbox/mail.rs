//! A mail: one message to one recipient, from the moment at which its content is settled to the server's 250.

use serde::{Deserialize, Serialize};

use super::Letter;
use crate::names::{AccountId, DocName, MailId, MatterId, NodeId, Timestamp};

/// Lines in one mail; more become another mail. With [`MAX_NAMES`] it keeps the record within
/// [`MAX_VALUE_BYTES`](crate::kv::MAX_VALUE_BYTES): a line takes at most 110 bytes, a name 258.
pub const MAX_ITEMS: usize = 30;

/// Documents that one mail can name; it counts the others.
pub const MAX_NAMES: usize = 10;

/// A message that waits, is being sent, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Its place in the store; for news it sorts by time.
    pub id: MailId,
    /// Random; with the id it makes the Message-ID, so that a letter that replaces another is not taken for it.
    pub seed: u64,
    /// When its content was settled.
    pub written: Timestamp,
    /// What it says.
    pub topic: Topic,
    /// How sending it went so far.
    pub delivery: Delivery,
}

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Topic {
    /// Something for one person.
    Letter(Letter),
    /// What came into matters.
    News {
        /// Whom it is for. The address is the one that the account has when it is sent.
        to: AccountId,
        /// One for each matter.
        sections: Vec<Section>,
        /// True for the news of a whole day.
        is_digest: bool,
    },
}

/// What came into one matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// The matter.
    pub matter: MatterId,
    /// One for each folder (and maker, where that is told).
    pub items: Vec<Item>,
    /// When the first of it came.
    pub since: Timestamp,
}

/// What came into one folder. Judged again when the mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The folder of the matter's structure that it stands in or below.
    pub folder: NodeId,
    /// Who brought it, where the recipient may know: participants never learn of each other.
    pub by: Option<AccountId>,
    /// How many documents.
    pub count: u32,
    /// The names of some, if mails have names.
    pub names: Vec<DocName>,
}

/// How sending a mail went so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, or could have been first.
    pub next: Timestamp,
    /// What went wrong the last time.
    pub error: Option<String>,
    /// The server said that it will never take this mail. It stays until somebody has it sent again.
    pub is_refused: bool,
}

impl Section {
    /// With what came later. What is beyond the bounds of one record is counted in the last line.
    #[must_use]
    pub fn with(mut self, later: Self) -> Self {
        self.since = self.since.min(later.since);
        let mut names: usize = self.items.iter().map(|item| item.names.len()).sum();
        for mut item in later.items {
            item.names.truncate(MAX_NAMES.saturating_sub(names));
            names += item.names.len();
            let has_room = self.items.len() < MAX_ITEMS;
            match self.items.iter_mut().find(|old| old.folder == item.folder && old.by == item.by) {
                Some(old) => {
                    old.count = old.count.saturating_add(item.count);
                    old.names.extend(item.names);
                }
                None if has_room => self.items.push(item),
                None => {
                    let last = self.items.last_mut();
                    last.into_iter().for_each(|last| last.count = last.count.saturating_add(item.count));
                }
            }
        }
        self
    }
}

impl Section {
    /// Sections as mails that each keep the bounds.
    pub fn in_mails(all: &[Self]) -> impl Iterator<Item = Vec<Self>> {
        let mut mails: Vec<Vec<Self>> = Vec::new();
        let mut room = (0, 0);
        for section in all {
            let needs = (section.items.len(), section.items.iter().map(|item| item.names.len()).sum::<usize>());
            match mails.last_mut().filter(|_| needs.0 <= room.0 && needs.1 <= room.1) {
                Some(mail) => {
                    room = (room.0 - needs.0, room.1 - needs.1);
                    mail.push(section.clone());
                }
                None => {
                    room = (MAX_ITEMS.saturating_sub(needs.0), MAX_NAMES.saturating_sub(needs.1));
                    mails.push(vec![section.clone()]);
                }
            }
        }
        mails.into_iter()
    }
}

impl Mail {
    /// A letter as a mail that is due now.
    pub(super) fn letter(letter: Letter) -> Self {
        Self::new(letter.id(), Topic::Letter(letter))
    }

    /// News as a mail that is due now.
    pub fn news(to: AccountId, sections: Vec<Section>, is_digest: bool) -> Self {
        let mut id = *MailId::random().as_bytes();
        let millis = u64::try_from(Timestamp::now().as_millis()).unwrap_or(0);
        id[..8].copy_from_slice(&millis.to_be_bytes());
        Self::new(MailId::from_bytes(id), Topic::News { to, sections, is_digest })
    }

    fn new(id: MailId, topic: Topic) -> Self {
        let [seed @ .., _, _, _, _, _, _, _, _] = *MailId::random().as_bytes();
        let now = Timestamp::now();
        let delivery = Delivery { next: now, ..Delivery::default() };
        Self { id, seed: u64::from_be_bytes(seed), written: now, topic, delivery }
    }

    pub(super) fn key(&self) -> Vec<u8> {
        key_of(self.id)
    }

    /// To which account, if it has one.
    pub fn account(&self) -> Option<AccountId> {
        match &self.topic {
            Topic::Letter(letter) => letter.account(),
            Topic::News { to, .. } => Some(*to),
        }
    }

    /// The address of a letter; of news it is the account's.
    pub fn address(&self) -> Option<&str> {
        match &self.topic {
            Topic::Letter(letter) => Some(letter.address()),
            Topic::News { .. } => None,
        }
    }

    /// Its kind, in a word.
    pub fn kind(&self) -> &'static str {
        match &self.topic {
            Topic::Letter(letter) => letter.kind(),
            Topic::News { is_digest: false, .. } => "news",
            Topic::News { is_digest: true, .. } => "digest",
        }
    }

    /// The matter that it is about, if it is one.
    pub fn matter(&self) -> Option<MatterId> {
        match &self.topic {
            Topic::Letter(letter) => letter.matter(),
            Topic::News { sections, .. } => match sections.as_slice() {
                [section] => Some(section.matter),
                _ => None,
            },
        }
    }
}

pub(super) fn key_of(id: MailId) -> Vec<u8> {
    [super::mails::MAILS, id.as_bytes()].concat()
}
