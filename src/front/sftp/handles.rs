//! The handles of one channel, counted over all channels of its connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::status::Status;
use super::writer::OpenFile;
use crate::front::Bounds;
use crate::front::limits::{Holding, Limit, Share};
use crate::names::{AccountId, DocPath, Front};
use crate::vfs::{self, Reading, Stat, Writing};

/// What the client holds: random, so that a handle of another channel or of the past names nothing.
pub(super) type HandleId = [u8; 16];

/// A document open for writing.
pub(super) struct Upload {
    pub(super) file: Arc<Writing>,
    pub(super) path: DocPath,
    pub(super) append: bool,
    /// False if READ was not asked for, or if the content that stood there may not be read by this session.
    pub(super) readable: bool,
}

/// A folder of which the listing is being fetched.
pub(super) struct Folder {
    pub(super) stat: Stat,
    pub(super) path: DocPath,
    pub(super) rest: std::vec::IntoIter<Stat>,
}

/// What stands behind a handle.
pub(super) enum Open {
    Read {
        file: Arc<Reading>,
        path: DocPath,
    },
    Write(Upload),
    Folder(Folder),
    /// An upload that was committed by a rename of its name while its handle was open: sshfs sends the CLOSE of a file
    /// after the rename that follows it. A write opens the document again.
    Settled {
        path: DocPath,
        append: bool,
        readable: bool,
    },
}

impl Open {
    pub(super) fn path(&self) -> &DocPath {
        match self {
            Self::Read { path, .. } | Self::Settled { path, .. } => path,
            Self::Write(upload) => &upload.path,
            Self::Folder(folder) => &folder.path,
        }
    }

    fn path_mut(&mut self) -> &mut DocPath {
        match self {
            Self::Read { path, .. } | Self::Settled { path, .. } => path,
            Self::Write(upload) => &mut upload.path,
            Self::Folder(folder) => &mut folder.path,
        }
    }

    /// The document, if it may be read through this handle.
    pub(super) fn readable(&self) -> Result<OpenFile, Status> {
        match self {
            Self::Read { file, .. } => Ok(OpenFile::Reading(file.clone())),
            Self::Write(upload) if upload.readable => Ok(OpenFile::Writing(upload.file.clone())),
            Self::Write(_) | Self::Settled { .. } => Err(Status::NOT_FOR_READING),
            Self::Folder(_) => Err(vfs::Error::IsFolder.into()),
        }
    }
}

/// How many handles a connection has open.
#[derive(Debug)]
pub(super) struct Budget {
    open: AtomicUsize,
    most: usize,
}

impl Budget {
    pub(super) fn new(most: usize) -> Self {
        Self { open: AtomicUsize::new(0), most }
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }
}

/// From what handles are paid: the connection's own number of them, and what the account has everywhere.
pub(super) struct Purse {
    budget: Arc<Budget>,
    bounds: Arc<Bounds>,
    account: AccountId,
}

impl Purse {
    pub(super) fn new(budget: Arc<Budget>, bounds: Arc<Bounds>, account: AccountId) -> Self {
        Self { budget, bounds, account }
    }
}

/// The right to have one handle; given back on drop.
pub(super) struct Slot {
    budget: Arc<Budget>,
    _share: Share,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.budget.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The handles of one channel.
pub(super) struct Handles {
    open: HashMap<HandleId, (Open, Slot)>,
    purse: Purse,
}

impl Handles {
    pub(super) fn new(purse: Purse) -> Self {
        Self { open: HashMap::new(), purse }
    }

    /// Takes a place for a handle before the document is opened.
    pub(super) fn reserve(&self, holding: Holding) -> Result<Slot, Status> {
        let Purse { budget, bounds, account } = &self.purse;
        let share = bounds.hold(*account, holding, Front::Sftp)?;
        let slot = |open| (open < budget.most).then_some(open + 1);
        match budget.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, slot) {
            Ok(_) => Ok(Slot { budget: budget.clone(), _share: share }),
            Err(_) => Err(Limit::Handles.hit(Front::Sftp).into()),
        }
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.purse.budget
    }

    pub(super) fn insert(&mut self, slot: Slot, open: Open) -> Result<HandleId, Status> {
        let mut id = HandleId::default();
        getrandom::fill(&mut id).map_err(|_| vfs::Error::Unavailable)?;
        self.open.insert(id, (open, slot));
        Ok(id)
    }

    pub(super) fn get(&self, handle: &[u8]) -> Result<&Open, Status> {
        self.open.get(handle).map(|(open, _)| open).ok_or(Status::BAD_HANDLE)
    }

    pub(super) fn get_mut(&mut self, handle: &[u8]) -> Result<&mut Open, Status> {
        self.open.get_mut(handle).map(|(open, _)| open).ok_or(Status::BAD_HANDLE)
    }

    pub(super) fn remove(&mut self, handle: &[u8]) -> Result<Open, Status> {
        let removed = self.open.remove(handle).map(|(open, _)| open).ok_or(Status::BAD_HANDLE);
        if self.open.is_empty() && self.open.capacity() > 64 {
            self.open = HashMap::new();
        }
        removed
    }

    /// How many folders are open.
    pub(super) fn folders(&self) -> usize {
        self.open.values().filter(|(open, _)| matches!(open, Open::Folder(_))).count()
    }

    /// The upload of this channel that is open under a path.
    pub(super) fn upload_at(&self, path: &DocPath) -> Option<(HandleId, &Upload)> {
        self.open.iter().find_map(|(id, (open, _))| match open {
            Open::Write(upload) if same(&upload.path, path) => Some((*id, upload)),
            _ => None,
        })
    }

    /// After a rename: open handles below `from` are now below `to`.
    pub(super) fn moved(&mut self, from: &DocPath, to: &DocPath) {
        for (open, _) in self.open.values_mut() {
            let path = open.path_mut();
            if path.is_within(from) {
                let below = &path.names()[from.names().len()..];
                // Too long a result cannot be named any more, so nothing will look for it.
                if let Ok(moved) = below.iter().try_fold(to.clone(), |path, name| path.join(name.clone())) {
                    *path = moved;
                }
            }
        }
    }
}

/// One place, names compared as the tree compares them.
fn same(a: &DocPath, b: &DocPath) -> bool {
    a.names().len() == b.names().len() && a.is_within(b)
}
