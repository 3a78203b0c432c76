//! Why a change of the firm's records did not happen.

use std::sync::Arc;

use super::Contact;
use crate::kv;

/// Nothing was changed. Each text says what to do, and may be shown to staff and administrators.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value that cannot be stored: too long, malformed, or no word of the matter type.
    #[error("{0}")]
    Invalid(String),
    /// What the change is about does not exist.
    #[error("{0}")]
    NotFound(String),
    /// Something of that number, login or name is there already.
    #[error("{0}")]
    Exists(String),
    /// A rule of the practice forbids it in the present state.
    #[error("{0}")]
    Refused(String),
    /// Access needs an e-mail address and the contact has none.
    #[error("{} has no e-mail address; add one, then give access", .0.name)]
    NoAddress(Arc<Contact>),
    /// What the change was decided on is not so any more.
    #[error("somebody has changed it in the meantime; look at it again")]
    Changed,
    /// Several contacts share the address, so that a login could be any one of them.
    #[error("{} contacts have the e-mail address {address}: {}; give each an address of its own, then give access",
        contacts.len(), listed(contacts))]
    SharedAddress {
        /// The address.
        address: String,
        /// All contacts that have it, at most a few hundred.
        contacts: Vec<Arc<Contact>>,
    },
    /// A limit of the daemon is reached.
    #[error("{0}")]
    Full(String),
    /// Stored records contradict each other; nobody is let in on the strength of half a record.
    #[error("the firm's records are damaged: {0}; restore the catalog from a backup")]
    Damaged(String),
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] kv::Error),
}

/// Names and ids, since two contacts with one address often have one name too.
fn listed(contacts: &[Arc<Contact>]) -> String {
    let shown: Vec<_> = contacts.iter().map(|contact| format!("{} ({})", contact.name, contact.id)).collect();
    shown.join(", ")
}
