//! Where blobs lie on disk, and how a file gets its name durably.

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
/// There while blobs come and go.
const CHANGING_FILE: &str = "changing";
const EXTENSION: &str = "age";

/// A directory of blobs.
pub(super) struct Layout {
    root: PathBuf,
    /// Which shard directories are known to survive a crash, so that a file placed in one does too.
    durable: Mutex<[bool; SHARDS]>,
    /// Whether the file that says so is there.
    changing: Mutex<bool>,
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
        let changing = Mutex::new(root.join(CHANGING_FILE).exists());
        Ok(Self { root: root.to_owned(), durable: Mutex::new(durable), changing })
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

    /// Gives a synced file its name by `rename` or `hard_link`; it has it for good when this returns.
    pub(super) fn place(
        &self,
        from: &Path,
        id: &BlobId,
        put: impl Fn(&Path, &Path) -> io::Result<()>,
    ) -> Result<(), BlobError> {
        let path = self.path(id);
        let shard = path.parent().unwrap_or(&self.root);
        self.make_shard(id.as_bytes()[0], shard)?;
        put(from, &path).map_err(io_error(&path))?;
        sync_dir(shard)
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

    /// From now on a crash may leave blobs that no version names; durable on return.
    pub(super) fn begin_changes(&self) -> Result<(), BlobError> {
        let mut changing = self.changing.lock();
        if !*changing {
            let path = self.root.join(CHANGING_FILE);
            create_file(&path)?;
            sync_dir(&self.root)?;
            *changing = true;
        }
        Ok(())
    }

    /// True from the first change until [`Layout::end_changes`], across processes.
    pub(super) fn is_changing(&self) -> bool {
        *self.changing.lock()
    }

    /// Every name is as it should be, and becomes durable so: a removed one would come back with a power loss.
    pub(super) fn end_changes(&self) -> Result<(), BlobError> {
        let mut changing = self.changing.lock();
        if *changing {
            let shards = (0..SHARDS).map(|shard| self.root.join(format!("{shard:02x}")));
            shards.filter(|shard| shard.is_dir()).try_for_each(|shard| sync_dir(&shard))?;
            let path = self.root.join(CHANGING_FILE);
            fs::remove_file(&path).map_err(io_error(&path))?;
            sync_dir(&self.root)?;
            *changing = false;
        }
        Ok(())
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
        let name = entry?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(EXTENSION)?.strip_suffix('.'));
        ids.extend(stem.and_then(|stem| format!("{prefix}{stem}").parse::<BlobId>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
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
