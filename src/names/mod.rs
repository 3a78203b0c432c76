//! Names, ids and verbs: the words that every module shares.
//!
//! A value of one of these types exists only because parsing accepted it, so that nothing behind the front ends ever
//! looks at a raw name again. Everyone may import this module; it imports nobody.

mod area;
mod id;
mod network;
mod path;
mod place_in_text;
mod quota;
mod scope;
mod target;
mod time;
mod transient;
mod verb;
mod windows;

pub use area::{Area, Areas};
pub use id::{AccountId, BlobId, ContactId, LockId, LockToken, MailId, MatterId, NodeId, ParseIdError, SessionId};
pub use network::{AddressRange, ParseRangeError, network};
pub use path::{DocName, DocPath, MAX_DEPTH, MAX_NAME_BYTES, MAX_PATH_BYTES, NameError};
pub use place_in_text::line_and_column;
pub use quota::{Bytes, ParseBytesError, Quota, Quotas};
pub use scope::Scope;
pub use target::{
    AdminTarget, Arriving, Aside, AsideStep, AsideTarget, DeliveryTarget, DocumentTarget, ExpiredTarget, FolderTarget,
    HeldTarget, MoveTarget, NewTarget, Place, SaveTarget,
};
pub use time::Timestamp;
pub use transient::{BESIDE, FOLDERS, NAMED_AFTER, NamePattern, PatternError, TransientNames, UNNAMED};
pub use verb::{AuthMethod, Front, Rights, Role, Verb};
pub use windows::{NotOnWindows, WindowsNames};
