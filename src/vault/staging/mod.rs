//! Staging: uploads on their way to becoming a blob.
//!
//! ```text
//!                    in order, or nearly          first write elsewhere
//!   Upload::begin ─────► streaming ──────────────────► random ─────► seal: one blob
//!                        straight into the next blob,  copy-on-write chunks over an immutable base,
//!                        4 MiB of reordering            4 MiB in memory, the rest in an encrypted scratch file
//! ```
//!
//! Nothing here is ever plaintext on disk. What must outlive the process (a resumable upload, `fsync@openssh.com`)
//! becomes a [`Part`]: *segments*, each an ordinary age file with a key of its own, and perhaps a *patch* with the
//! chunks that were written out of order. A key never goes on after its segment was finished, so no tail is sealed
//! twice under one key and nothing depends on what a crash left of it. The scratch file's keys, nonces and tags are in
//! memory only, and it has no name: a crash leaves nothing of it.

mod base;
mod overlay;
mod part;
mod scratch;
#[cfg(test)]
mod tests;
mod upload;
mod window;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

pub use part::{Base, Part};
pub use upload::Upload;

use super::blobs::{BlobError, BlobStore};
use crate::keys::MatterKey;
use crate::names::BlobId;

/// The longest document that is accepted unless set otherwise: 1 TiB.
pub const DEFAULT_MAX_LEN: u64 = 1 << 40;

/// Why an upload cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full or the quota used up. The upload is lost; nothing of it is kept.
    #[error("no space left for uploads")]
    NoSpace,
    /// The document would become longer than allowed; it is as it was before.
    #[error("a document may have at most {max} bytes")]
    TooLong {
        /// The limit in bytes.
        max: u64,
    },
    /// An earlier call failed, so what this upload holds is no longer known.
    #[error("an earlier write of this upload failed")]
    Broken,
    /// The two directories must share a file system, because finished blobs move from one to the other by name.
    #[error("{0} is not on the same file system as the blobs")]
    OtherFileSystem(std::path::PathBuf),
    /// A blob could not be written, or one that this upload builds on could not be read.
    #[error(transparent)]
    Blob(BlobError),
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NoSpace => Self::NoSpace,
            other => Self::Blob(other),
        }
    }
}

/// Where uploads are made. Cheap to clone; all methods block.
#[derive(Clone)]
pub struct Staging {
    /// Segments and patches: age files like blobs, in a directory of their own so that sweeping it is cheap.
    parts: BlobStore,
    blobs: Arc<BlobStore>,
    max_len: u64,
}

impl Staging {
    /// Opens the staging directory, which is made if it is missing.
    pub fn open(dir: &Path, blobs: Arc<BlobStore>) -> Result<Self, Error> {
        let parts = BlobStore::open(dir)?;
        if parts.device()? != blobs.device()? {
            return Err(Error::OtherFileSystem(dir.to_owned()));
        }
        Ok(Self { parts, blobs, max_len: DEFAULT_MAX_LEN })
    }

    /// The store of the staged files.
    pub(in crate::vault) fn files(&self) -> &BlobStore {
        &self.parts
    }

    /// The same with another limit on a document's length, in bytes.
    #[must_use]
    pub fn with_max_len(self, max_len: u64) -> Self {
        Self { max_len, ..self }
    }

    /// Starts or resumes an upload. The base is not changed by it; a resumed part stays valid until
    /// [`Self::discard`].
    pub fn begin(&self, key: Arc<MatterKey>, base: Base) -> Result<Upload, Error> {
        Upload::begin(self.clone(), key, base)
    }

    /// Removes the files of a part, except those that `still` names. To be called once the catalog no longer records
    /// `part`: after its upload became a version, was given up, or was saved again as `still`.
    pub fn discard(&self, part: &Part, still: Option<&Part>) -> Result<(), Error> {
        for id in part.staged().filter(|id| !still.is_some_and(|still| still.staged().any(|kept| kept == *id))) {
            self.parts.remove(&id)?;
        }
        Ok(())
    }

    /// Removes what a crash left behind: every file that `keep` does not claim ([`Part::staged`] of the recorded
    /// parts). For the start only, before the first upload.
    pub fn sweep(&self, keep: &dyn Fn(&BlobId) -> bool) -> Result<usize, Error> {
        let mut removed = self.parts.sweep()?;
        for id in self.parts.ids() {
            let id = id?;
            if !keep(&id) {
                self.parts.remove(&id)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

impl BlobStore {
    fn device(&self) -> Result<u64, BlobError> {
        match std::fs::metadata(self.root()) {
            Ok(metadata) => Ok(metadata.dev()),
            Err(source) => Err(BlobError::Io { path: self.root().to_owned(), source }),
        }
    }
}
