//! What is to be told by mail, written in the same transaction as that of which it tells.
//!
//! A *letter* goes to one person as soon as it can: an invitation, a new password's link. *News* is that something stands in
//! a folder since a moment ago; who hears of it is judged when the mail is made, on what the firm is then. A *mail* is one
//! message to one recipient: letters are mails from the start, news becomes mails once its window is over (`notify/`).
//! Everything stands sealed in the store until the receiving server has said that it has it.
//!
//! | key | value |
//! |---|---|
//! | `on` matter(16) node(16) account(16) | [`News`]: of one document, by one maker; later news of it takes its place |
//! | `od` account(16) matter(16) | [`Section`]: what a recipient is told at the end of the day |
//! | `om` id(16) | [`Mail`]: a message that waits, is being sent, or was refused |
//! | `ow` | when administrators were last warned of the listener for old scanners |
//!
//! There is one letter of a kind for each account and matter, the newest: to invite again replaces an invitation that still
//! waits. News is one record for each document and maker, however often it is saved. So nobody fills the store by asking often.

mod letter;
mod mail;
mod mails;
mod news;
mod noticeboard;
#[cfg(test)]
mod tests;

pub use letter::Letter;
pub use mail::{Delivery, Item, MAX_ITEMS, MAX_NAMES, Mail, Section, Topic};
pub use mails::Mails;
pub use news::{Cause, News, structure_folder};
pub use noticeboard::{MAX_NEWS, Noticeboard};

use crate::kv::Change;

/// Has a letter sent once the change is committed. It takes the place of one of its kind to the same account (and about the
/// same matter) that was not sent yet.
pub fn put(change: &mut Change<'_>, letter: Letter) {
    let mail = Mail::letter(letter);
    change.put(&mail.key(), &mail);
}

/// A secret keeps its wiping wrapper on the way into and out of the sealed record.
mod secret {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(secret: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
        secret.as_str().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
        Ok(Zeroizing::new(String::deserialize(from)?))
    }
}
