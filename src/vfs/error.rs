//! Why an operation on the tree did not happen. The front ends map each variant to their protocol's code, exhaustively.

use std::time::Duration;

use super::Unfit;
use crate::gate::Refusal;
use crate::intake::Unclean;
use crate::names::{NotOnWindows, Quota};
use crate::vault;

/// What the person at the other end is told; never a cause from inside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing there, or nothing that this session may know of: the two are one answer.
    #[error("no such file or folder")]
    NotFound,
    /// The object may be seen, the operation is not granted.
    #[error("permission denied")]
    Denied,
    /// Something of that name stands there already (a case twin counts).
    #[error("something of that name is there already")]
    Exists,
    /// The same name in other letters stands there already: Windows and macOS could not tell the two apart.
    #[error("something is there already whose name differs only in upper and lower case")]
    CaseTwin,
    /// The firm wants names that every system can hold.
    #[error("{0}")]
    Unportable(NotOnWindows),
    /// A folder that must be empty is not.
    #[error("the folder is not empty")]
    NotEmpty,
    /// A document was needed, a folder stands there.
    #[error("this is a folder")]
    IsFolder,
    /// A folder was needed, a document stands there.
    #[error("this is not a folder")]
    NotFolder,
    /// The folder that should hold the new entry does not exist.
    #[error("the folder above does not exist")]
    NoParent,
    /// Matters, areas and the folders of a matter type are changed by the administrator, not through a drive.
    #[error("this folder belongs to the matter's structure and cannot be changed here")]
    Structure,
    /// Source and target overlap.
    #[error("a folder cannot be moved or copied into itself")]
    Overlap,
    /// Documents of two matters are sealed under two keys, so a whole folder does not simply change its place.
    #[error("a folder cannot be moved to another matter; copy it there and remove it here")]
    OtherMatter,
    /// Somebody holds a lock whose token was not sent.
    #[error("locked: somebody, or another program, is working on it")]
    Locked,
    /// The document is not in the state on which the caller insisted.
    #[error("the document was changed in the meantime")]
    Changed,
    /// Too many handles, locks, properties or bytes for one session; try again after closing some.
    #[error("a limit of this session is reached: {0}")]
    Limit(&'static str),
    /// Larger than a document may be.
    #[error("the document would be too large")]
    TooLarge,
    /// What was sent as a message is none.
    #[error("{0}")]
    NotAMessage(Unfit),
    /// The virus scan does not let it pass.
    #[error("{0}")]
    Unclean(Unclean),
    /// No space left on the device.
    #[error("no space is left")]
    NoSpace,
    /// No more may be kept.
    #[error("{}", full(*.0))]
    Quota(Quota),
    /// A stored version fails its check; no wrong byte is served.
    #[error("the stored document is damaged; the firm has been told")]
    Damaged,
    /// The session was ended or the right was taken away in the middle.
    #[error("access to this was withdrawn")]
    Revoked,
    /// The store or the audit record cannot be written or read now.
    #[error("the service is not available now; try again later")]
    Unavailable,
    /// Too many requests wait.
    #[error("busy; try again in {} s", .0.as_secs())]
    Busy(Duration),
}

fn full(quota: Quota) -> &'static str {
    match quota {
        Quota::Person => "your quota is used up; remove what is no longer needed, or ask the firm for more room",
        Quota::Matter => "the quota of this matter is used up; ask the firm for more room",
        Quota::Firm => "the quota of the firm is used up; tell the firm",
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied => Self::Denied,
            Refusal::Hidden => Self::NotFound,
            Refusal::Revoked => Self::Revoked,
            Refusal::Unavailable => Self::Unavailable,
        }
    }
}

/// The cause stays here, in the log; the person gets the variant's text.
impl From<vault::Error> for Error {
    fn from(error: vault::Error) -> Self {
        match error {
            vault::Error::Gone => Self::NotFound,
            vault::Error::Exists => Self::Exists,
            vault::Error::NotEmpty => Self::NotEmpty,
            vault::Error::Changed => Self::Changed,
            vault::Error::Limit(what) => Self::Limit(what),
            vault::Error::TooLarge => Self::TooLarge,
            vault::Error::NoSpace => Self::NoSpace,
            vault::Error::Damaged(what) => {
                tracing::error!(%what, "a stored document is damaged");
                metrics::counter!("deedbox_damaged_total").increment(1);
                Self::Damaged
            }
            vault::Error::Unavailable(what) => {
                tracing::error!(%what, "storage cannot be used");
                Self::Unavailable
            }
        }
    }
}
