//! The blob store.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use subtle::ConstantTimeEq;

use super::headers::Headers;
use super::layout::Layout;
use super::small::Smalls;
use super::{BlobError, BlobReader, BlobRef, BlobWriter, header, io_error, payload, reader};
use crate::keys::MatterKey;
use crate::names::BlobId;

/// How much [`BlobStore::verify`] reads at once.
const VERIFY_BYTES: usize = 1024 * 1024;

/// A directory of blobs. Cheap to clone; all methods block.
#[derive(Clone)]
pub struct BlobStore {
    layout: Arc<Layout>,
    headers: Arc<Headers>,
    smalls: Arc<Smalls>,
}

impl BlobStore {
    /// Opens the store in `dir`, which is made if it is missing.
    pub fn open(dir: &Path) -> Result<Self, BlobError> {
        Self::over(Layout::open(dir)?)
    }

    /// The store in `dir` as it is, for the check of a stopped directory: nothing is made, not even `dir`.
    pub fn existing(dir: &Path) -> Result<Self, BlobError> {
        Self::over(Layout::existing(dir))
    }

    fn over(layout: Layout) -> Result<Self, BlobError> {
        if !payload::is_offered() {
            return Err(BlobError::NoCipher);
        }
        Ok(Self { layout: Arc::new(layout), headers: Arc::default(), smalls: Arc::default() })
    }

    /// Starts a new blob for a matter. It has no name until it is finished.
    pub fn create(&self, matter: &MatterKey) -> Result<BlobWriter, BlobError> {
        BlobWriter::create(Arc::clone(&self.layout), matter)
    }

    /// Opens a blob. Before this returns, the file's length, the key in its header and its last chunk have been found
    /// to be those that were written, so its size can be announced.
    pub fn read(&self, blob: &BlobRef, matter: &MatterKey) -> Result<BlobReader, BlobError> {
        let path = self.path(&blob.id);
        let file = File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BlobError::Missing(blob.id),
            _ => io_error(&path)(error),
        })?;
        self.open_file(blob, matter, (file, path), File::read_exact_at)
    }

    /// The same for a small document that the kernel has in memory, or was opened so lately that it is held here; nothing if
    /// opening it could mean to wait for the disk. What else stands in its way is for [`Self::read`] to find out.
    pub fn read_now(&self, blob: &BlobRef, matter: &MatterKey) -> Result<Option<BlobReader>, BlobError> {
        if !reader::comes_whole(blob.file_len()) {
            return Ok(None);
        }
        if let Some(small) = self.smalls.get(blob, matter) {
            return BlobReader::held(blob, self.path(&blob.id), &small).map(Some);
        }
        let path = self.path(&blob.id);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let Ok(file) = openat2(CWD, &path, flags, Mode::empty(), ResolveFlags::CACHED) else { return Ok(None) };
        match self.open_file(blob, matter, (file.into(), path), reader::read_cached) {
            Err(BlobError::Io { source, .. }) if source.kind() == io::ErrorKind::WouldBlock => Ok(None),
            opened => {
                let reader = opened?;
                reader.small().into_iter().for_each(|small| self.smalls.hold(blob, matter, small));
                Ok(Some(reader))
            }
        }
    }

    /// All of a document, which should be a small one.
    pub fn fetch(&self, blob: &BlobRef, matter: &MatterKey) -> Result<Vec<u8>, BlobError> {
        read_all(&self.read(blob, matter)?)
    }

    /// The same as far as [`Self::read_now`] can open it.
    pub fn fetch_now(&self, blob: &BlobRef, matter: &MatterKey) -> Result<Option<Vec<u8>>, BlobError> {
        if let Some(small) = self.smalls.get(blob, matter) {
            return small.open(blob).map(Some);
        }
        self.read_now(blob, matter)?.map(|reader| read_all(&reader)).transpose()
    }

    fn open_file(
        &self,
        blob: &BlobRef,
        matter: &MatterKey,
        (file, path): (File, PathBuf),
        read: reader::Read,
    ) -> Result<BlobReader, BlobError> {
        let damaged = |what| BlobError::Damaged { id: blob.id, what };
        let length = file.metadata().map_err(io_error(&path))?.len();
        if length != blob.file_len() {
            return Err(damaged("its length is not the one recorded"));
        }
        let open_header = |head: &[u8]| self.headers.open(&blob.id, head, matter);
        let (reader, opened) = BlobReader::open((file, length), path, blob.id, read, open_header)?;
        if !bool::from(opened.commitment.ct_eq(&blob.commitment)) {
            return Err(damaged("it is another file than the one recorded"));
        }
        if opened.payload_at != header::PAYLOAD_AT || reader.size() != blob.size {
            return Err(damaged("its header is not one of ours"));
        }
        Ok(reader)
    }

    /// Reads the whole blob and compares its SHA-256.
    pub fn verify(&self, blob: &BlobRef, matter: &MatterKey) -> Result<(), BlobError> {
        let reader = self.read(blob, matter)?;
        let mut digest = digest::Context::new(&digest::SHA256);
        let mut buffer = vec![0; VERIFY_BYTES.min(usize::try_from(blob.size).unwrap_or(VERIFY_BYTES))];
        let mut offset = 0;
        while offset < blob.size {
            let read = reader.read_at(offset, &mut buffer)?;
            digest.update(&buffer[..read]);
            offset += read as u64;
        }
        if digest.finish().as_ref() != blob.sha256 {
            return Err(BlobError::Damaged { id: blob.id, what: "its content has another SHA-256 than recorded" });
        }
        Ok(())
    }

    /// Removes a blob for good; one that is not there is no error.
    pub fn remove(&self, id: &BlobId) -> Result<(), BlobError> {
        self.smalls.forget(id);
        self.layout.remove(id)
    }

    /// What an earlier process removed may not be durable either: the next [`Self::settle`] sees to it.
    pub(in crate::vault) fn distrust_removals(&self) {
        self.layout.distrust_removals();
    }

    /// Makes removals durable.
    pub(in crate::vault) fn settle(&self) -> Result<(), BlobError> {
        self.layout.settle()
    }

    /// The length of a blob's encrypted file in bytes, or nothing if there is none.
    pub fn len(&self, id: &BlobId) -> Result<Option<u64>, BlobError> {
        let path = self.path(id);
        match fs::symlink_metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(&path)(error)),
        }
    }

    /// True if the blob's file is there.
    pub fn exists(&self, id: &BlobId) -> Result<bool, BlobError> {
        Ok(self.len(id)?.is_some())
    }

    /// The file of a blob, whether it is there or not.
    pub fn path(&self, id: &BlobId) -> PathBuf {
        self.layout.path(id)
    }

    /// The ids of all blobs in order, for the deep check. A directory that cannot be read is one error.
    pub fn ids(&self) -> impl Iterator<Item = Result<BlobId, BlobError>> {
        self.layout.ids()
    }

    /// Files that are being written, or were when the daemon ended.
    pub fn unfinished(&self) -> Result<Vec<PathBuf>, BlobError> {
        self.layout.unfinished()
    }

    /// What lies among the blobs and is none.
    pub fn strays(&self) -> Result<Vec<PathBuf>, BlobError> {
        self.layout.strays()
    }

    /// Removes the half-written files of a crash and tells how many there were. For the start only: it would take the
    /// file away from a writer at work.
    pub fn sweep(&self) -> Result<usize, BlobError> {
        self.layout.sweep()
    }

    /// Keeps a list of the blobs that are placed from here on.
    pub(in crate::vault) fn remember_young(&self) {
        self.layout.remember_young();
    }

    /// The list so far; none is kept from here on.
    pub(in crate::vault) fn forget_young(&self) -> HashSet<BlobId> {
        self.layout.forget_young()
    }

    /// Bytes that are free for the user that runs the daemon.
    pub fn free_space(&self) -> Result<u64, BlobError> {
        let root = self.layout.root();
        let statvfs = rustix::fs::statvfs(root).map_err(|errno| io_error(root)(errno.into()))?;
        Ok(statvfs.f_bavail.saturating_mul(statvfs.f_frsize))
    }

    /// Gives a blob of another store on the same file system a second name in this one, durably. The name is a new one:
    /// whoever takes an unrecorded blob back must never take one that something else records.
    pub(in crate::vault) fn adopt(&self, other: &Self, blob: &BlobRef) -> Result<BlobRef, BlobError> {
        let id = BlobId::random();
        self.layout.place(&other.path(&blob.id), &id, |from, to| fs::hard_link(from, to)).inspect_err(|_| {
            let _ = fs::remove_file(self.path(&id));
        })?;
        Ok(BlobRef { id, ..*blob })
    }

    /// A file without a name, which the operating system takes away when it is closed, come what may.
    pub(in crate::vault) fn unnamed_file(&self) -> Result<File, BlobError> {
        let path = self.layout.temporary_path(&BlobId::random());
        let file = super::layout::create_file(&path)?;
        fs::remove_file(&path).map_err(io_error(&path))?;
        Ok(file)
    }

    /// The directory of this store.
    pub(in crate::vault) fn root(&self) -> &Path {
        self.layout.root()
    }

    pub(super) fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }
}

fn read_all(reader: &BlobReader) -> Result<Vec<u8>, BlobError> {
    let mut bytes = vec![0; usize::try_from(reader.size()).unwrap_or_default()];
    let count = reader.read_at(0, &mut bytes)?;
    bytes.truncate(count);
    Ok(bytes)
}
