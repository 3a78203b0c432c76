//! What a file system was told to do, in one order, and whom it had promised what by then.

use std::io;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The number of a file or directory; never used again.
pub(crate) type Inode = u64;

/// The directory that is mounted.
pub(crate) const ROOT: Inode = 1;

/// So many steps had been taken.
pub(crate) type Position = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    File,
    Directory,
    Socket,
}

/// One change, or one promise that changes are durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// A new inode, which has no name yet.
    Make { inode: Inode, kind: Kind, mode: u16 },
    /// An inode gets a name: create, mkdir, mknod, link.
    Name { directory: Inode, name: String, inode: Inode },
    /// An inode loses a name: unlink, rmdir.
    Unname { directory: Inode, name: String, inode: Inode },
    /// An inode gets another name, in one step with losing the old one and with what stood at the new one.
    Rename { from: (Inode, String), to: (Inode, String), inode: Inode },
    /// Bytes, which lie in the recording's data.
    Write { inode: Inode, offset: u64, data: Range<usize> },
    /// A new length: truncate, fallocate.
    Resize { inode: Inode, length: u64 },
    /// New permissions.
    Mode { inode: Inode, mode: u16 },
    /// fsync or fdatasync has returned: what had been done to the inode before `since` is durable. It was called at that
    /// position, and what others did while it ran is not covered.
    Sync { inode: Inode, since: Position },
}

/// The steps of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recording {
    pub(crate) steps: Vec<Step>,
    /// What the writes wrote, end to end.
    pub(crate) data: Vec<u8>,
}

impl Recording {
    pub(crate) fn position(&self) -> Position {
        self.steps.len()
    }

    pub(crate) fn write(&mut self, inode: Inode, offset: u64, bytes: &[u8]) {
        let start = self.data.len();
        self.data.extend_from_slice(bytes);
        self.steps.push(Step::Write { inode, offset, data: start..self.data.len() });
    }

    /// The last promise before a position; everything before it had its chance.
    pub(crate) fn last_sync(&self, before: Position) -> Position {
        let synced = |step: &Step| matches!(step, Step::Sync { .. });
        self.steps[..before].iter().rposition(synced).map_or(0, |at| at + 1)
    }

    /// Writes it into a directory, beside whatever else belongs to the run.
    pub(crate) fn save(&self, dir: &Path) -> io::Result<()> {
        let steps = rmp_serde::to_vec(&self.steps).map_err(io::Error::other)?;
        std::fs::write(dir.join("steps"), steps)?;
        std::fs::write(dir.join("data"), &self.data)
    }

    /// Reads what [`Recording::save`] wrote.
    pub(crate) fn load(dir: &Path) -> io::Result<Self> {
        let steps = std::fs::read(dir.join("steps"))?;
        let steps = rmp_serde::from_slice(&steps).map_err(io::Error::other)?;
        Ok(Self { steps, data: std::fs::read(dir.join("data"))? })
    }
}
