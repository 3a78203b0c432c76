//! The directory of the log: names of files, and writing them so that they survive a power cut.
//!
//! | file | what |
//! |---|---|
//! | `public.key` | the verifier key |
//! | `checkpoint` | the newest signed checkpoint |
//! | `tile/<L>/<N>[.p/<W>]` | hashes of the tree (C2SP tlog-tiles) |
//! | `tile/entries/<N>[.p/<W>]` | the leaves (C2SP tlog-tiles) |
//! | `sealed/<N>` | the sealed bodies of 256 records |
//! | `journal/<first>` | the newest records, in batches; what is durable first |
//! | `state` | derived: the heads of the matters and the open intents, so that a start need not read all leaves |
//! | `aside/` | torn ends that a crash left, kept for inspection |

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise};

use super::tree::TILE;

/// The verifier key.
pub(super) const PUBLIC_KEY: &str = "public.key";
/// The newest signed checkpoint.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// The newest records.
pub(super) const JOURNAL: &str = "journal";
/// Sealed bodies.
pub(super) const SEALED: &str = "sealed";
/// Tiles and entry bundles.
pub(super) const TILES: &str = "tile";
/// Heads of the matters and open intents.
pub(super) const STATE: &str = "state";
/// Torn ends.
pub(super) const ASIDE: &str = "aside";
/// A file is written under one of these names and then renamed, so that a crash leaves at most these behind. Each thread
/// has its own, since both write at the same time.
pub(super) const WRITER_TEMPORARY: &str = "writer.tmp";
/// The keeper's.
pub(super) const KEEPER_TEMPORARY: &str = "keeper.tmp";

/// `x001/x234/067` for 1234067 (C2SP tlog-tiles).
pub(super) fn tile_number(index: u64) -> String {
    let mut text = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1000);
        rest /= 1000;
    }
    text
}

/// Files that are written before the first of them is synced, at most.
const AT_ONCE: usize = 64;

/// The path of a tile; a width below 256 names a partial one.
pub(super) fn tile_path(level: u8, index: u64, width: usize) -> String {
    partial(format!("{TILES}/{level}/{}", tile_number(index)), width)
}

/// The path of an entry bundle.
pub(super) fn entries_path(index: u64, width: usize) -> String {
    partial(format!("{TILES}/entries/{}", tile_number(index)), width)
}

/// The path of a bundle of sealed bodies.
pub(super) fn sealed_path(index: u64) -> String {
    format!("{SEALED}/{}", tile_number(index))
}

fn partial(path: String, width: usize) -> String {
    if width == TILE { path } else { format!("{path}.p/{width}") }
}

/// The path of the journal segment whose first record has this number.
pub(super) fn segment_path(first: u64) -> String {
    format!("{JOURNAL}/{first:020}")
}

/// The journal's segments by first record, ascending.
pub(super) fn segments(dir: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir.join(JOURNAL))? {
        let name = entry?.file_name();
        let first = name.to_str().filter(|name| name.len() == 20).and_then(|name| name.parse().ok());
        found.push(first.ok_or_else(|| io::Error::other(format!("unexpected file {JOURNAL}/{}", name.display())))?);
    }
    found.sort_unstable();
    Ok(found)
}

/// A step that failed while files were written.
#[derive(Debug)]
pub(super) enum WriteError {
    /// Nothing was harmed, and the same step may succeed later: a full disk, no more file handles.
    Later(io::Error),
    /// What is on the disk is no longer known.
    Fatal(io::Error),
}

impl WriteError {
    /// Sorts the error of anything but a sync.
    pub(super) fn sort(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        use rustix::io::Errno;
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        let later = matches!(error.kind(), Kind::StorageFull | Kind::QuotaExceeded | Kind::OutOfMemory)
            || matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS));
        if later { Self::Later(error) } else { Self::Fatal(error) }
    }
}

/// Writes whole files durably; directories are synced once per round.
pub(super) struct Writer {
    root: PathBuf,
    temporary: PathBuf,
    dirty: BTreeSet<PathBuf>,
}

impl Writer {
    /// A writer below `root` that writes aside under the name `temporary`.
    pub(super) fn new(root: &Path, temporary: &str) -> Self {
        Self { root: root.to_owned(), temporary: root.join(temporary), dirty: BTreeSet::new() }
    }

    /// Writes a file aside, syncs it and renames it into place; durable after [`Writer::sync_folders`].
    pub(super) fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let target = self.target(path)?;
        publish(&write_aside(&self.temporary, bytes)?, &self.temporary, &target)
    }

    /// Writes many files as [`Writer::put`] does, some at a time: all of them are on their way to the disk before the first is
    /// synced, so that the file system needs one commit for them and not one for each.
    pub(super) fn put_all(&mut self, files: &[(String, Vec<u8>)]) -> Result<(), WriteError> {
        for files in files.chunks(AT_ONCE) {
            let mut written = Vec::with_capacity(files.len());
            for (n, (path, bytes)) in files.iter().enumerate() {
                let temporary = self.temporary.with_extension(format!("tmp{n}"));
                written.push((write_aside(&temporary, bytes)?, temporary, self.target(path)?));
            }
            for (file, ..) in &written {
                // Begins to write the pages (posix_fadvise(2)); that it cannot is no error, the sync then does it.
                let _ = fadvise(file, 0, None, Advice::DontNeed);
            }
            for (file, temporary, target) in written {
                publish(&file, &temporary, &target)?;
            }
        }
        Ok(())
    }

    /// Where a file goes, its folder made.
    fn target(&mut self, path: &str) -> Result<PathBuf, WriteError> {
        let target = self.root.join(path);
        let folder = target.parent().expect("every path has a folder within the root").to_owned();
        self.make_folder(&folder)?;
        self.dirty.insert(folder);
        Ok(target)
    }

    fn make_folder(&mut self, folder: &Path) -> Result<(), WriteError> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(above) = folder.parent() {
            self.make_folder(above)?;
            self.dirty.insert(above.to_owned());
        }
        fs::create_dir(folder).map_err(WriteError::sort)
    }

    /// Notes that a name in a folder was removed.
    pub(super) fn note_change(&mut self, folder: &str) {
        self.dirty.insert(self.root.join(folder));
    }

    /// Makes the names durable.
    pub(super) fn sync_folders(&mut self) -> Result<(), WriteError> {
        while let Some(folder) = self.dirty.first() {
            let file = File::open(folder).map_err(WriteError::sort)?;
            file.sync_all().map_err(WriteError::Fatal)?;
            self.dirty.pop_first();
        }
        Ok(())
    }
}

fn write_aside(temporary: &Path, bytes: &[u8]) -> Result<File, WriteError> {
    let open = || OpenOptions::new().write(true).create(true).truncate(true).open(temporary);
    let mut file = open().map_err(WriteError::sort)?;
    file.write_all(bytes).map_err(WriteError::sort)?;
    Ok(file)
}

/// Gives a file its name once its content is durable.
fn publish(file: &File, temporary: &Path, target: &Path) -> Result<(), WriteError> {
    file.sync_all().map_err(WriteError::Fatal)?;
    fs::rename(temporary, target).map_err(WriteError::sort)
}

/// True for the name of a file that was being written aside.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with(WRITER_TEMPORARY) || name.starts_with(KEEPER_TEMPORARY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_named_as_the_specification_says() {
        assert_eq!(tile_path(0, 1_234_067, TILE), "tile/0/x001/x234/067");
        assert_eq!(tile_path(1, 17, 112), "tile/1/017.p/112");
        assert_eq!(entries_path(0, 5), "tile/entries/000.p/5");
    }

    #[test]
    fn a_file_replaces_its_predecessor_and_makes_its_folders() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut writer = Writer::new(dir.path(), WRITER_TEMPORARY);
        for content in [b"one", b"two"] {
            assert!(writer.put("a/b/c", content).is_ok() && writer.sync_folders().is_ok());
            assert_eq!(fs::read(dir.path().join("a/b/c")).ok().as_deref(), Some(&content[..]));
        }
        assert!(!dir.path().join(WRITER_TEMPORARY).exists());
    }

    #[test]
    fn many_files_are_written_at_once() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut writer = Writer::new(dir.path(), KEEPER_TEMPORARY);
        for count in [0u8, 1, 3, 50] {
            let files: Vec<_> = (0..count).map(|n| (format!("x{count}/{n}"), vec![n; 10])).collect();
            assert!(writer.put_all(&files).is_ok() && writer.sync_folders().is_ok());
            for (path, bytes) in files {
                assert_eq!(fs::read(dir.path().join(path)).ok(), Some(bytes));
            }
        }
    }
}
