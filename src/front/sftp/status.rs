//! The one place where errors become SFTP status codes.
//!
//! The mapping follows OpenSSH's server where it has an equivalent, since clients were written against that: what is
//! not there, or not a folder on the way, is NO_SUCH_FILE; what is not granted is PERMISSION_DENIED; version 3 has no
//! codes for the rest (`exists`, `not empty`, `no space`, `locked`), which are FAILURE with a text that says what happened.

use std::borrow::Cow;

use crate::front::limits::Limit;
use crate::names::NameError;
use crate::vfs;

/// Status codes of version 3 (draft-ietf-secsh-filexfer-02 section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Ok = 0,
    Eof = 1,
    NoSuchFile = 2,
    PermissionDenied = 3,
    Failure = 4,
    BadMessage = 5,
    OpUnsupported = 8,
}

/// A status as it goes to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: Code,
    pub(super) message: Cow<'static, str>,
}

impl Status {
    const fn new(code: Code, message: &'static str) -> Self {
        Self { code, message: Cow::Borrowed(message) }
    }

    pub(super) const OK: Self = Self::new(Code::Ok, "success");
    pub(super) const EOF: Self = Self::new(Code::Eof, "end of file");
    pub(super) const BAD_MESSAGE: Self = Self::new(Code::BadMessage, "malformed request");
    pub(super) const BAD_LENGTH: Self = Self::new(Code::BadMessage, "packet length outside the limits; closing");
    pub(super) const NOT_INITIALISED: Self = Self::new(Code::BadMessage, "INIT must come first, and once; closing");
    pub(super) const UNSUPPORTED: Self = Self::new(Code::OpUnsupported, "operation not supported");
    pub(super) const BAD_HANDLE: Self = Self::new(Code::Failure, "no such handle");
    pub(super) const NOT_FOR_READING: Self = Self::new(Code::PermissionDenied, "the handle is not open for reading");
    pub(super) const NOT_FOR_WRITING: Self = Self::new(Code::PermissionDenied, "the handle is not open for writing");
    pub(super) const SAME_HANDLE: Self = Self::new(Code::Failure, "a document cannot be copied into itself");
    pub(super) const OTHER_HOME: Self = Self::new(Code::Failure, "only one's own home folder is known");
    pub(super) const OTHER_HASH: Self = Self::new(Code::OpUnsupported, "of the hashes only sha256 is known");
    pub(super) const HASH_OF_PART: Self = Self::new(Code::Failure, "only whole documents are hashed");
    pub(super) const STILL_BUSY: Self = Self::new(Code::Failure, "the handle is still in use");

    /// For a name that is looked up: one that can never exist does not exist.
    pub(super) fn lookup(error: NameError) -> Self {
        Self { code: Code::NoSuchFile, message: Cow::Owned(error.to_string()) }
    }

    /// For a name that is to be made.
    pub(super) fn creation(error: NameError) -> Self {
        Self { code: Code::Failure, message: Cow::Owned(error.to_string()) }
    }
}

impl From<Limit> for Status {
    fn from(limit: Limit) -> Self {
        vfs::Error::Limit(limit.text()).into()
    }
}

impl From<vfs::Error> for Status {
    fn from(error: vfs::Error) -> Self {
        use vfs::Error as E;
        let code = match &error {
            E::NotFound | E::NoParent | E::NotFolder => Code::NoSuchFile,
            E::Denied | E::Structure | E::Revoked => Code::PermissionDenied,
            E::Exists
            | E::CaseTwin
            | E::Unportable(_)
            | E::NotEmpty
            | E::IsFolder
            | E::Overlap
            | E::OtherMatter
            | E::Locked
            | E::Changed
            | E::Limit(_)
            | E::TooLarge
            | E::NotAMessage(_)
            | E::Unclean(_)
            | E::NoSpace
            | E::Quota(_)
            | E::Damaged
            | E::Unavailable
            | E::Busy(_) => Code::Failure,
        };
        // The texts of `vfs::Error` are written for the person at the other end and carry no cause.
        Self { code, message: Cow::Owned(error.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::names::{NotOnWindows, Quota};

    /// Every variant, by an exhaustive match: a new one does not compile until it stands here.
    fn row(error: vfs::Error) -> (u32, String) {
        use vfs::Error as E;
        match &error {
            E::NotFound
            | E::Denied
            | E::Exists
            | E::CaseTwin
            | E::Unportable(_)
            | E::NotEmpty
            | E::IsFolder
            | E::NotFolder
            | E::NoParent => {}
            E::Structure
            | E::Overlap
            | E::OtherMatter
            | E::Locked
            | E::Changed
            | E::Limit(_)
            | E::TooLarge
            | E::NotAMessage(_)
            | E::Unclean(_)
            | E::NoSpace
            | E::Quota(_) => {}
            E::Damaged | E::Revoked | E::Unavailable | E::Busy(_) => {}
        }
        let status = Status::from(error);
        (status.code as u32, status.message.into_owned())
    }

    #[test]
    fn the_table_of_status_codes_is_as_agreed() {
        use vfs::Error as E;
        let golden = [
            (E::NotFound, 2, "no such file or folder"),
            (E::Denied, 3, "permission denied"),
            (E::Exists, 4, "something of that name is there already"),
            (E::CaseTwin, 4, "something is there already whose name differs only in upper and lower case"),
            (
                E::Unportable(NotOnWindows::Ending),
                4,
                "Windows cannot hold this name: it must not end with a dot or a space",
            ),
            (E::NotEmpty, 4, "the folder is not empty"),
            (E::IsFolder, 4, "this is a folder"),
            (E::NotFolder, 2, "this is not a folder"),
            (E::NoParent, 2, "the folder above does not exist"),
            (E::Structure, 3, "this folder belongs to the matter's structure and cannot be changed here"),
            (E::Overlap, 4, "a folder cannot be moved or copied into itself"),
            (E::OtherMatter, 4, "a folder cannot be moved to another matter; copy it there and remove it here"),
            (E::Locked, 4, "locked: somebody, or another program, is working on it"),
            (E::Changed, 4, "the document was changed in the meantime"),
            (E::Limit("open handles"), 4, "a limit of this session is reached: open handles"),
            (E::TooLarge, 4, "the document would be too large"),
            (
                E::NotAMessage(vfs::Unfit::Name),
                4,
                "a message is a text file, .txt or .md; other files belong into Documents",
            ),
            (
                E::Unclean(vfs::Unclean::Infected),
                4,
                "a virus was found in this document, so it was not taken; tell whoever made it",
            ),
            (E::NoSpace, 4, "no space is left"),
            (
                E::Quota(Quota::Person),
                4,
                "your quota is used up; remove what is no longer needed, or ask the firm for more room",
            ),
            (E::Damaged, 4, "the stored document is damaged; the firm has been told"),
            (E::Revoked, 3, "access to this was withdrawn"),
            (E::Unavailable, 4, "the service is not available now; try again later"),
            (E::Busy(Duration::from_secs(3)), 4, "busy; try again in 3 s"),
        ];
        for (error, code, text) in golden {
            assert_eq!(row(error), (code, text.to_owned()));
        }
    }

    #[test]
    fn a_name_that_cannot_exist_is_absent_on_lookup_and_refused_on_creation() {
        assert_eq!(Status::lookup(NameError::Forbidden).code, Code::NoSuchFile);
        assert_eq!(Status::creation(NameError::Forbidden).code, Code::Failure);
        assert_eq!(Status::creation(NameError::TooLong).message, "a name has at most 255 bytes");
    }
}
