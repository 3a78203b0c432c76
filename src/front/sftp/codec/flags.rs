//! What the flags of an OPEN ask for.

use crate::vfs::{Existing, WriteOptions};

/// The `pflags` word of SSH_FXP_OPEN (draft-ietf-secsh-filexfer-02 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFlags(pub u32);

/// How a document is to be opened.
#[derive(Debug, Clone)]
pub enum Opening {
    /// For reading.
    Read,
    /// For writing.
    Write {
        /// What to do if it is there, and if it is not.
        options: WriteOptions,
        /// Every write goes to the end, whatever its offset.
        append: bool,
        /// READ was asked for too.
        read: bool,
    },
}

impl OpenFlags {
    /// READ.
    pub const READ: u32 = 0x01;
    /// WRITE.
    pub const WRITE: u32 = 0x02;
    /// APPEND.
    pub const APPEND: u32 = 0x04;
    /// CREAT.
    pub const CREAT: u32 = 0x08;
    /// TRUNC.
    pub const TRUNC: u32 = 0x10;
    /// EXCL.
    pub const EXCL: u32 = 0x20;

    fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }

    /// True if the document may be made by this OPEN.
    pub fn creates(self) -> bool {
        self.has(Self::WRITE) && self.has(Self::CREAT)
    }

    /// What the flags mean, as OpenSSH's server takes them: without WRITE it is a reading handle, EXCL counts only
    /// beside CREAT, and the absence of TRUNC keeps what is there (`reput`, scp and sshfs rely on it).
    pub fn opening(self) -> Opening {
        if !self.has(Self::WRITE) {
            return Opening::Read;
        }
        let create = self.has(Self::CREAT);
        let existing = if create && self.has(Self::EXCL) {
            Existing::Refuse
        } else if self.has(Self::TRUNC) {
            Existing::Replace
        } else {
            Existing::Edit
        };
        Opening::Write {
            options: WriteOptions { create, existing, expect_version: None },
            append: self.has(Self::APPEND),
            read: self.has(Self::READ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(flags: u32) -> (bool, Existing, bool, bool) {
        match OpenFlags(flags).opening() {
            Opening::Write { options, append, read } => (options.create, options.existing, append, read),
            Opening::Read => panic!("{flags:#x} opens for writing"),
        }
    }

    #[test]
    fn real_clients_flags_mean_what_openssh_takes_them_for() {
        use OpenFlags as F;
        for (client, flags, expected) in [
            ("sftp put", F::WRITE | F::CREAT | F::TRUNC, (true, Existing::Replace, false, false)),
            ("scp, psftp reput, JSch resume", F::WRITE | F::CREAT, (true, Existing::Edit, false, false)),
            ("sftp reput", F::WRITE | F::CREAT | F::APPEND, (true, Existing::Edit, true, false)),
            ("sshfs create", F::WRITE | F::CREAT | F::EXCL, (true, Existing::Refuse, false, false)),
            ("sshfs edit", F::READ | F::WRITE, (false, Existing::Edit, false, true)),
            ("paramiko w+", F::READ | F::WRITE | F::CREAT | F::TRUNC, (true, Existing::Replace, false, true)),
            ("EXCL without CREAT", F::WRITE | F::EXCL | F::TRUNC, (false, Existing::Replace, false, false)),
        ] {
            assert_eq!(written(flags), expected, "{client}");
        }
    }

    #[test]
    fn without_write_nothing_is_made_or_changed() {
        for flags in 0..0x40 {
            if flags & OpenFlags::WRITE == 0 {
                assert!(matches!(OpenFlags(flags).opening(), Opening::Read), "{flags:#x}");
                assert!(!OpenFlags(flags).creates());
            }
        }
    }
}
