//! Where blobs lie on disk, and how a file gets its name durably.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::{BlobError, io_error};
use crate::names::BlobId;

/// Blobs are spread over so many directories by the first byte of their id.
const SHARDS: usize = 256;
const TEMPORARY_DIR: &str = "tmp";
const EXTENSION: &str = "age";

/// A directory of blobs.
pub(super) struct Layout {
    root: PathBuf,
    /// Shard directories from which files were removed since the last [`Layout::settle`].
    removed: Mutex<[bool; SHARDS]>,
    /// Files that were given a name since [`Layout::remember_young`].
    young: Mutex<Option<HashSet<BlobId>>>,
    /// Which shard directories are known to survive a crash, so that a file placed in one does too.
    durable: Mutex<[bool; SHARDS]>,
}

impl Layout {
    /// Makes the directories that are missing.
    pub(super) fn open(root: &Path) -> Result<Self, BlobError> {
        make_dir(root)?;
        make_dir(&root.join(TEMPORARY_DIR))?;
        sync_dir(root)?;
        root.parent().map_or(Ok(()), sync_dir)?;
        let mut durable = [false; SHARDS];
        for (shard, known) in durable.iter_mut().enumerate() {
            // Those that are there were just made durable with the root.
            *known = root.join(format!("{shard:02x}")).is_dir();
        }
        Ok(Self { durable: Mutex::new(durable), ..Self::existing(root) })
    }

    /// The directories as they are: nothing is made, for those who must not change anything.
    pub(super) fn existing(root: &Path) -> Self {
        let unknown = || Mutex::new([false; SHARDS]);
        Self { root: root.to_owned(), removed: unknown(), young: Mutex::default(), durable: unknown() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The file of a blob.
    pub(super) fn path(&self, id: &BlobId) -> PathBuf {
        let name = id.to_string();
        let (shard, rest) = name.split_at(2);
        self.root.join(shard).join(rest).with_extension(EXTENSION)
    }

    /// The file of a blob while it is written.
    pub(super) fn temporary_path(&self, id: &BlobId) -> PathBuf {
        self.root.join(TEMPORARY_DIR).join(id.to_string())
    }

    /// Gives a file its name by `put`, which sees to its content; it has it for good when this returns.
    pub(super) fn place(
        &self,
        from: &Path,
        id: &BlobId,
        put: impl Fn(&Path, &Path) -> io::Result<()>,
    ) -> Result<(), BlobError> {
        let path = self.path(id);
        let shard = path.parent().unwrap_or(&self.root);
        if let Some(young) = &mut *self.young.lock() {
            young.insert(*id);
        }
        self.make_shard(id.as_bytes()[0], shard)?;
        put(from, &path).map_err(io_error(&path))?;
        sync_dir(shard)
    }

    /// Keeps a list of the files that are given a name from here on.
    pub(super) fn remember_young(&self) {
        self.young.lock().get_or_insert_default();
    }

    /// The list so far; none is kept from here on.
    pub(super) fn forget_young(&self) -> HashSet<BlobId> {
        self.young.lock().take().unwrap_or_default()
    }

    /// Held while the root is synced: otherwise a second writer could see the directory, sync only the directory
    /// itself and acknowledge a file whose directory a crash takes away.
    fn make_shard(&self, shard: u8, path: &Path) -> Result<(), BlobError> {
        let mut durable = self.durable.lock();
        let known = &mut durable[usize::from(shard)];
        if !*known {
            make_dir(path)?;
            sync_dir(&self.root)?;
            *known = true;
        }
        Ok(())
    }

    /// Removes a file; one that is not there is no error. The removal becomes durable when the system likes, or by
    /// [`Layout::settle`].
    pub(super) fn remove(&self, id: &BlobId) -> Result<(), BlobError> {
        let path = self.path(id);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => {
                self.removed.lock()[usize::from(id.as_bytes()[0])] = true;
                removed.map_err(io_error(&path))
            }
        }
    }

    /// A killed process may have removed files, too, and nobody knows where: the next [`Layout::settle`] syncs every shard.
    pub(super) fn distrust_removals(&self) {
        *self.removed.lock() = *self.durable.lock();
    }

    /// Makes removals durable, directory by directory: a sync of the whole file system would wait for what other programs
    /// have written to it.
    pub(super) fn settle(&self) -> Result<(), BlobError> {
        let removed = std::mem::replace(&mut *self.removed.lock(), [false; SHARDS]);
        let shards = (0..SHARDS).filter(|shard| removed[*shard]);
        shards.map(|shard| self.root.join(format!("{shard:02x}"))).try_for_each(|shard| sync_dir(&shard))
    }

    /// Removes what a crash left half-written.
    pub(super) fn sweep(&self) -> Result<usize, BlobError> {
        let dir = self.root.join(TEMPORARY_DIR);
        let mut removed = 0;
        for entry in fs::read_dir(&dir).map_err(io_error(&dir))? {
            let path = entry.map_err(io_error(&dir))?.path();
            fs::remove_file(&path).map_err(io_error(&path))?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Files that are being written, or were when the daemon ended.
    pub(super) fn unfinished(&self) -> Result<Vec<PathBuf>, BlobError> {
        entries(&self.root.join(TEMPORARY_DIR))
    }

    /// What lies in the store's directories and is nothing of it.
    pub(super) fn strays(&self) -> Result<Vec<PathBuf>, BlobError> {
        let mut strays = Vec::new();
        for path in entries(&self.root)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let is_shard = name.len() == 2 && u8::from_str_radix(&name, 16).is_ok_and(|n| format!("{n:02x}") == name);
            match (path.is_dir(), is_shard) {
                (true, true) => {
                    let is_blob = |file: &PathBuf| {
                        file.file_name()
                            .is_some_and(|file| blob_id(&name, file).is_some_and(|id| self.path(&id).is_file()))
                    };
                    strays.extend(entries(&path)?.into_iter().filter(|file| !is_blob(file)));
                }
                (true, false) if name == TEMPORARY_DIR => {}
                _ => strays.push(path),
            }
        }
        Ok(strays)
    }

    /// The ids of all blobs, one shard after the other. Files with other names are not blobs and are left out.
    pub(super) fn ids(&self) -> impl Iterator<Item = Result<BlobId, BlobError>> {
        (0..SHARDS).flat_map(|shard| {
            let prefix = format!("{shard:02x}");
            let dir = self.root.join(&prefix);
            match shard_ids(&dir, &prefix) {
                Ok(ids) => ids.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(io_error(&dir)(error))],
            }
        })
    }
}

fn shard_ids(dir: &Path, prefix: &str) -> io::Result<Vec<BlobId>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut ids = Vec::new();
    for entry in entries {
        ids.extend(blob_id(prefix, &entry?.file_name()));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// The blob of a file in a shard, if it is named like one.
fn blob_id(shard: &str, file: &OsStr) -> Option<BlobId> {
    let stem = file.to_str()?.strip_suffix(EXTENSION)?.strip_suffix('.')?;
    // Capitals would be a second spelling, under which nobody looks.
    format!("{shard}{stem}").parse().ok().filter(|id: &BlobId| id.to_string()[2..] == *stem)
}

/// What lies in a directory; nothing if there is none.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, BlobError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io_error(dir))?,
    };
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>().map_err(io_error(dir))?;
    paths.sort_unstable();
    Ok(paths)
}

/// Opens a new file that only its owner may read.
pub(super) fn create_file(path: &Path) -> Result<File, BlobError> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path).map_err(io_error(path))
}

fn make_dir(path: &Path) -> Result<(), BlobError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error(path))
}

fn sync_dir(path: &Path) -> Result<(), BlobError> {
    // The parent of a bare relative name is the empty path.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|dir| dir.sync_all()).map_err(io_error(path))
}
