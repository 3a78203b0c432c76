//! redb under the measured rules: `Durability::Immediate`, quick repair (reopening a killed store of a million records
//! takes a millisecond), created under a temporary name and renamed with directory syncs. Plain reads do not verify
//! checksums and a damaged page can panic: the caller shields every call, and values carry their own seal.

use super::place::{LOCK_PATIENCE, io_error, pause, sync_file};
use super::redb_file::{CatalogFile, Faults};
use super::store::{Failure, Store, Transaction, Work, scan_start};
use super::{CommitNumber, EngineKind, Error, Settings, Visit, space};
use parking_lot::RwLock;
use redb::{
    Builder, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, StorageError, Table, TableDefinition,
};
use std::fs::{File, OpenOptions};
use std::ops::Bound;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
/// Beside the records, so that no key of theirs can collide with it; written in the same transactions.
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
const COMMIT: &str = "commit";

/// An open redb store.
pub(super) struct RedbStore {
    path: PathBuf,
    settings: Settings,
    /// A handle of our own, for asking how much room there is.
    file: File,
    /// The last commit that is known to be durable.
    number: AtomicU64,
    /// Taken for writing only to open it anew or to check it; `None` when it could not be opened anew on a full disk.
    open: RwLock<Option<Opened>>,
}

struct Opened {
    database: Database,
    faults: Arc<Faults>,
}

impl RedbStore {
    /// Makes an empty store whose next commit follows `number`. The file must not exist.
    pub(super) fn create(path: &Path, settings: Settings, number: CommitNumber) -> Result<(), Error> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|e| io_error(path, &e))?;
        let opened = build(file, settings).map_err(failure)?;
        run(&opened.database, &mut |_| Ok(Some(number)))?;
        opened.database.close().map_err(failure)?;
        Ok(())
    }

    /// Opens a store that is there.
    pub(super) fn open(path: &Path, settings: Settings) -> Result<Self, Error> {
        let file = File::open(path).map_err(|e| io_error(path, &e))?;
        let opened = open_database(path, settings)?;
        let number = AtomicU64::new(stored(&opened.database).map_err(failure)?);
        Ok(Self { path: path.to_owned(), settings, file, number, open: RwLock::new(Some(opened)) })
    }

    /// Makes the closed file durable before it gets its name.
    pub(super) fn sync_files(path: &Path) -> Result<(), Error> {
        sync_file(path)
    }

    /// Closes the database, which refuses everything after any failed write, and opens it again: recovery drops the
    /// transaction that did not fit.
    fn reopen(&self) -> Result<(), Failure> {
        let mut open = self.open.write();
        drop(open.take());
        let opened = open_database(&self.path, self.settings).map_err(|error| match error {
            Error::NoSpace => Failure::NoSpace,
            other => Failure::Fatal(other.to_string()),
        })?;
        let found = stored(&opened.database).map_err(failure)?;
        let expected = self.number.load(Ordering::Acquire);
        if found != expected {
            return Err(Failure::Fatal(format!("after a full disk commit {found} was found instead of {expected}")));
        }
        *open = Some(opened);
        tracing::warn!(commit = found, "the disk is full: the catalog was opened anew at its last commit");
        Ok(())
    }

    fn read<T>(&self, work: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, Error> {
        // A visitor may read: it must not queue behind a writer that waits for its own scan.
        let open = self.open.read_recursive();
        let opened = open.as_ref().ok_or(Error::NoSpace)?;
        work(&opened.database).map_err(|e| failure(e).into())
    }
}

impl Store for RedbStore {
    fn kind(&self) -> EngineKind {
        EngineKind::Redb
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.read(|db| Ok(db.begin_read()?.open_table(RECORDS)?.get(key)?.map(|value| value.value().to_vec())))
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.read(|db| {
            let table = db.begin_read()?.open_table(RECORDS)?;
            for record in table.range::<&[u8]>((scan_start(prefix, after), Bound::Unbounded))? {
                let (key, value) = record?;
                if !key.value().starts_with(prefix) || visit(key.value(), value.value()).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn transact(&self, bytes: usize, work: &mut Work<'_>) -> Result<(), Failure> {
        space::ensure(&self.file, space::needed(bytes))?;
        if self.open.read().is_none() {
            self.reopen()?;
        }
        let (outcome, only_full) = {
            let open = self.open.read();
            let opened = open.as_ref().ok_or(Failure::NoSpace)?;
            (run(&opened.database, work), opened.faults.only_full())
        };
        match outcome {
            Ok(Some(number)) => {
                self.number.store(number, Ordering::Release);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(_) if only_full => {
                self.reopen()?;
                Err(Failure::NoSpace)
            }
            Err(Failure::NoSpace) => Err(Failure::Fatal("the disk was full and a write failed besides".into())),
            Err(fatal) => Err(fatal),
        }
    }

    fn stored_commit(&self) -> Result<CommitNumber, Error> {
        self.read(stored)
    }

    fn check(&self) -> Result<bool, Error> {
        let mut open = self.open.write();
        let opened = open.as_mut().ok_or(Error::NoSpace)?;
        match opened.database.check_integrity() {
            Ok(sound) => Ok(sound),
            Err(DatabaseError::Storage(StorageError::Corrupted(_))) => Ok(false),
            Err(error) => Err(failure(error).into()),
        }
    }

    /// A read transaction shows committed states only.
    fn readable_after_failure(&self) -> bool {
        true
    }

    /// It has no threads of its own.
    fn commits_on_any_thread(&self) -> bool {
        true
    }
}

struct RedbTransaction<'txn> {
    records: Table<'txn, &'static [u8], &'static [u8]>,
}

impl Transaction for RedbTransaction<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.records.get(key).map_err(failure)?.map(|value| value.value().to_vec()))
    }

    fn is_empty(&self, prefix: &[u8]) -> Result<bool, Failure> {
        let mut range = self.records.range::<&[u8]>(prefix..).map_err(failure)?;
        Ok(match range.next() {
            None => true,
            Some(record) => !record.map_err(failure)?.0.value().starts_with(prefix),
        })
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.records.insert(key, value).map_err(failure)?;
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Failure> {
        self.records.remove(key).map_err(failure)?;
        Ok(())
    }
}

/// One transaction, durable on return; answers the number that it stored.
fn run(database: &Database, work: &mut Work<'_>) -> Result<Option<CommitNumber>, Failure> {
    let mut txn = database.begin_write().map_err(failure)?;
    txn.set_durability(Durability::Immediate).map_err(|e| Failure::Fatal(e.to_string()))?;
    txn.set_quick_repair(true);
    let number = work(&mut RedbTransaction { records: txn.open_table(RECORDS).map_err(failure)? })?;
    match number {
        None => txn.abort().map_err(failure)?,
        Some(number) => {
            txn.open_table(NUMBERS).map_err(failure)?.insert(COMMIT, number).map_err(failure)?;
            txn.commit().map_err(failure)?;
        }
    }
    Ok(number)
}

fn stored(database: &Database) -> Result<CommitNumber, redb::Error> {
    let numbers = database.begin_read()?.open_table(NUMBERS)?;
    let number = numbers.get(COMMIT)?.map(|number| number.value());
    number.ok_or_else(|| redb::Error::Corrupted("the store has no commit number".into()))
}

/// Opens an existing file. An empty one is refused: redb would make a new database of a catalog that was cut to nothing.
fn open_database(path: &Path, settings: Settings) -> Result<Opened, Error> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(|e| io_error(path, &e))?;
        if file.metadata().map_err(|e| io_error(path, &e))?.len() == 0 {
            return Err(Error::Engine(format!("{} is empty; restore the catalog from a backup", path.display())));
        }
        match build(file, settings) {
            Err(DatabaseError::DatabaseAlreadyOpen) if Instant::now() < deadline => pause(),
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err(Error::InUse(path.display().to_string())),
            built => return built.map_err(|e| failure(e).into()),
        }
    }
}

fn build(file: File, settings: Settings) -> Result<Opened, DatabaseError> {
    let faults = Arc::new(Faults::default());
    let backend = CatalogFile::new(file, faults.clone())?;
    let database = Builder::new().set_cache_size(settings.cache_bytes).create_with_backend(backend)?;
    Ok(Opened { database, faults })
}

fn failure(error: impl Into<redb::Error>) -> Failure {
    match error.into() {
        redb::Error::Io(error) if space::is_full(&error) => Failure::NoSpace,
        error => Failure::Fatal(format!("redb: {error}")),
    }
}
