//! Where a store lies: one directory with a lock, one engine's store in it, and what a crash may have left beside it.
//!
//! ```text
//! catalog/lock            held (flock) while the store is open, whichever engine it is
//! catalog/catalog.redb    redb's file, or
//! catalog/sled/           sled's directory
//! catalog/*.new           a store being made: renamed when whole and durable, removed at the next open otherwise
//! catalog/*.old           a store that a conversion replaced, being removed
//! ```

use super::committer::{GroupCommitted, shield};
use super::redb_engine::RedbStore;
use super::sled_engine::SledStore;
use super::store::Store;
use super::{CommitNumber, Engine, Error};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long opening waits for a lock. A closed store's lock can outlive it for a moment: a child process between fork and
/// exec has a copy of it, and sled's helper threads end after its handle does.
pub(super) const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// An engine that is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// redb, the default: a copy-on-write B-tree with checksums.
    Redb,
    /// sled 0.34 under strict rules; it carries the weaker promise.
    Sled,
}

impl EngineKind {
    const ALL: [EngineKind; 2] = [EngineKind::Redb, EngineKind::Sled];

    /// The name as in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::Redb => "redb",
            EngineKind::Sled => "sled",
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            EngineKind::Redb => EngineKind::Sled,
            EngineKind::Sled => EngineKind::Redb,
        }
    }

    fn entry(self) -> &'static str {
        match self {
            EngineKind::Redb => "catalog.redb",
            EngineKind::Sled => "sled",
        }
    }
}

impl std::fmt::Display for EngineKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the engine is \"redb\" or \"sled\"")]
pub struct ParseEngineKindError;

impl std::str::FromStr for EngineKind {
    type Err = ParseEngineKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(ParseEngineKindError)
    }
}

/// What an operator may set about a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Memory for cached pages, in bytes. The default of 128 MiB holds the upper levels of a million records' tree and
    /// the folders in use; the engines' own default of 1 GiB would dwarf the rest of the daemon.
    pub cache_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cache_bytes: 128 * 1024 * 1024 }
    }
}

/// Whether a store lies in `dir`, of whichever engine; for those who must not make one.
pub fn is_present(dir: &Path) -> bool {
    EngineKind::ALL.iter().any(|kind| dir.join(kind.entry()).exists())
}

/// Opens the store in `dir`, creating directory and store when missing.
///
/// # Errors
/// [`Error::OtherEngine`] when the directory holds the other engine's store, [`Error::InUse`] when it is open elsewhere,
/// [`Error::Engine`] when it cannot be opened or shows damage.
pub fn open(kind: EngineKind, dir: &Path, settings: Settings) -> Result<Arc<dyn Engine>, Error> {
    let place = Place::lock(dir)?;
    match (place.holds(kind)?, place.holds(kind.other())?) {
        (true, true) => return Err(interrupted(dir, kind)),
        (false, true) => return Err(Error::OtherEngine { found: kind.other(), wanted: kind }),
        (false, false) => shield(dir, || place.create(kind, settings))?,
        (true, false) => {}
    }
    let store = shield(dir, || place.open_store(kind, settings))?;
    shield(dir, || Ok(Arc::new(GroupCommitted::start(store, place)?) as Arc<dyn Engine>))
}

fn interrupted(dir: &Path, kind: EngineKind) -> Error {
    Error::Engine(format!(
        "{} holds two stores because a conversion was interrupted; run `deedbox catalog convert --to {kind}` to finish it",
        dir.display()
    ))
}

/// A catalog directory that nobody else has open. The lock ends when this is dropped.
pub(super) struct Place {
    dir: PathBuf,
    _lock: File,
}

impl Place {
    /// Locks the directory, creating it when missing, and clears away what a crash left half-made.
    pub(super) fn lock(dir: &Path) -> Result<Self, Error> {
        if !dir.is_dir() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| io_error(dir, &e))?;
            if let Some(parent) = dir.parent().filter(|p| !p.as_os_str().is_empty()) {
                sync_dir(parent)?;
            }
        }
        let path = dir.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|e| io_error(&path, &e))?;
        wait_for_lock(&lock, dir)?;
        let place = Self { dir: dir.to_owned(), _lock: lock };
        for kind in EngineKind::ALL {
            remove(&place.aside(kind, "new"))?;
            remove(&place.aside(kind, "old"))?;
        }
        Ok(place)
    }

    /// Whether this engine's store is here.
    pub(super) fn holds(&self, kind: EngineKind) -> Result<bool, Error> {
        let path = self.path(kind);
        path.try_exists().map_err(|e| io_error(&path, &e))
    }

    /// Opens this engine's store, which is here.
    pub(super) fn open_store(&self, kind: EngineKind, settings: Settings) -> Result<Arc<dyn Store>, Error> {
        open_at(kind, &self.path(kind), settings)
    }

    /// Makes an empty store beside, then renames it: a crash leaves a whole store or none.
    fn create(&self, kind: EngineKind, settings: Settings) -> Result<(), Error> {
        let new = self.create_aside(kind, settings, 0)?;
        close(new);
        self.adopt(kind)
    }

    /// Makes an empty store under its temporary name and opens it there.
    pub(super) fn create_aside(
        &self,
        kind: EngineKind,
        settings: Settings,
        number: CommitNumber,
    ) -> Result<Arc<dyn Store>, Error> {
        let path = self.aside(kind, "new");
        remove(&path)?;
        match kind {
            EngineKind::Redb => RedbStore::create(&path, settings, number)?,
            EngineKind::Sled => SledStore::create(&path, settings, number)?,
        }
        open_at(kind, &path, settings)
    }

    /// Opens a store made aside again.
    pub(super) fn open_aside(&self, kind: EngineKind, settings: Settings) -> Result<Arc<dyn Store>, Error> {
        open_at(kind, &self.aside(kind, "new"), settings)
    }

    /// Gives a closed store made aside its name, durably.
    pub(super) fn adopt(&self, kind: EngineKind) -> Result<(), Error> {
        match kind {
            EngineKind::Redb => RedbStore::sync_files(&self.aside(kind, "new"))?,
            EngineKind::Sled => SledStore::sync_files(&self.aside(kind, "new"))?,
        }
        self.rename(&self.aside(kind, "new"), &self.path(kind))
    }

    /// Removes this engine's store: renamed first, so that a half-removed one is never taken for a store.
    pub(super) fn discard(&self, kind: EngineKind) -> Result<(), Error> {
        let old = self.aside(kind, "old");
        self.rename(&self.path(kind), &old)?;
        remove(&old)?;
        sync_dir(&self.dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), Error> {
        fs::rename(from, to).map_err(|e| io_error(to, &e))?;
        sync_dir(&self.dir)
    }

    fn path(&self, kind: EngineKind) -> PathBuf {
        self.dir.join(kind.entry())
    }

    fn aside(&self, kind: EngineKind, suffix: &str) -> PathBuf {
        self.dir.join(format!("{}.{suffix}", kind.entry()))
    }
}

fn open_at(kind: EngineKind, path: &Path, settings: Settings) -> Result<Arc<dyn Store>, Error> {
    Ok(match kind {
        EngineKind::Redb => Arc::new(RedbStore::open(path, settings)?),
        EngineKind::Sled => Arc::new(SledStore::open(path, settings)?),
    })
}

/// Closes a store of which nobody else has a share.
pub(super) fn close(store: Arc<dyn Store>) {
    drop(store);
}

/// Takes the exclusive lock on an open file, with some patience.
pub(super) fn wait_for_lock(file: &File, shown: &Path) -> Result<(), Error> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => pause(),
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(shown.display().to_string())),
            Err(TryLockError::Error(e)) => return Err(io_error(shown, &e)),
        }
    }
}

/// A short wait between two attempts at a lock.
pub(super) fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

/// Makes the entries of a directory durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), Error> {
    sync_file(path)
}

/// Makes one file, or a directory's entries, durable.
pub(super) fn sync_file(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|f| f.sync_all()).map_err(|e| io_error(path, &e))
}

fn remove(path: &Path) -> Result<(), Error> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error(path, &e)),
        _ => Ok(()),
    }
}

/// An input or output error of the place itself.
pub(super) fn io_error(path: &Path, error: &io::Error) -> Error {
    if super::space::is_full(error) { Error::NoSpace } else { Error::Engine(format!("{}: {error}", path.display())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_names_are_read_as_they_are_shown() {
        for kind in EngineKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).expect("a name"), format!("\"{kind}\""));
        }
        assert_eq!("Redb".parse::<EngineKind>(), Err(ParseEngineKindError));
        assert_eq!("".parse::<EngineKind>(), Err(ParseEngineKindError));
    }

    #[test]
    fn what_a_crash_left_half_made_is_cleared_away_and_never_opened() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("sled.new")).expect("a leftover");
        fs::write(dir.path().join("catalog.redb.new"), b"half").expect("a leftover");
        fs::write(dir.path().join("catalog.redb.old"), b"gone").expect("a leftover");
        let engine = open(EngineKind::Redb, dir.path(), Settings::default()).expect("a new store");
        assert_eq!(engine.last_commit(), 0);
        for leftover in ["sled.new", "catalog.redb.new", "catalog.redb.old"] {
            assert!(!dir.path().join(leftover).exists(), "{leftover}");
        }
    }

    #[test]
    fn two_stores_in_one_directory_are_refused_until_the_conversion_is_finished() {
        let dir = tempfile::tempdir().expect("a directory");
        for kind in EngineKind::ALL {
            let place = Place::lock(dir.path()).expect("the lock");
            place.create(kind, Settings::default()).expect("a store");
        }
        for kind in EngineKind::ALL {
            let refused = open(kind, dir.path(), Settings::default()).err().expect("a refusal").to_string();
            assert!(refused.contains("deedbox catalog convert"), "{refused}");
        }
    }
}
