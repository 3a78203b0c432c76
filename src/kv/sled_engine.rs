//! sled 0.34.7 under the rules with which it survived every power-loss image: one committer; the transaction, `flush()`,
//! then `fdatasync` of its `db` file before anything is acknowledged (its own flush calls only `sync_file_range`); `conf`
//! and the directories synced after opening; half-written snapshots dropped before; no page large enough for the separate
//! files that it never syncs.
//!
//! sled drops damaged log without a word. A record beside the others therefore keeps their number and the sum of their
//! digests, changed in the same transactions and compared at every start: whatever it lost is noticed, unless it went back
//! to an older state as a whole, which the commit number in the audit log shows.
//!
//! It has no snapshots and shows a transaction before it is durable, so a lock keeps readers out while one is made so.

use super::committer::{STALL, scanning};
use super::place::{LOCK_PATIENCE, io_error, pause, sync_dir, sync_file, wait_for_lock};
use super::store::{Failure, Store, Transaction, Work, scan_start};
use super::totals::Totals;
use super::{CommitNumber, EngineKind, Error, Settings, Visit, space};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Bound;
use std::path::Path;
use std::time::Instant;

/// Records and totals live in one tree, apart by their first byte: only within one tree is a batch atomic.
const RECORD: u8 = b'r';
const TOTALS: &[u8] = b"t";

/// An open sled store.
pub(super) struct SledStore {
    db: sled::Db,
    /// A handle of our own on sled's `db` file, to make it durable.
    file: File,
    totals: Mutex<Totals>,
    /// Held for reading by reads and scans, for writing while a transaction is applied and made durable.
    gate: RwLock<()>,
}

impl SledStore {
    /// Makes an empty store whose next commit follows `number`. The directory must not exist.
    pub(super) fn create(path: &Path, settings: Settings, number: CommitNumber) -> Result<(), Error> {
        fs::create_dir(path).map_err(|e| io_error(path, &e))?;
        let db = open_database(path, settings)?;
        let totals = Totals::empty(number);
        db.insert(TOTALS, &totals.to_bytes()).map_err(failure)?;
        db.flush().map_err(failure)?;
        drop(db);
        wait_until_closed(path)
    }

    /// Opens a store that is there, and counts it.
    pub(super) fn open(path: &Path, settings: Settings) -> Result<Self, Error> {
        if !path.join("db").is_file() {
            return Err(Error::Engine(format!("{} has lost its db file; restore the catalog", path.display())));
        }
        wait_until_closed(path)?;
        drop_half_snapshots(path)?;
        let db = open_database(path, settings)?;
        Self::sync_files(path)?;
        let file = File::options().read(true).write(true).open(path.join("db")).map_err(|e| io_error(path, &e))?;
        let store = Self { db, file, totals: Mutex::default(), gate: RwLock::new(()) };
        let recorded = store.recorded()?;
        *store.totals.lock() = recorded;
        let counted = Totals::count(&store)?;
        if counted != recorded {
            return Err(Error::Engine(format!(
                "sled lost data: {} records were found where {} belong, or their contents differ; restore the catalog \
                 from a backup",
                counted.records, recorded.records
            )));
        }
        Ok(store)
    }

    /// Makes files and directory entries durable; sled syncs neither `conf` nor directories.
    pub(super) fn sync_files(path: &Path) -> Result<(), Error> {
        sync_file(&path.join("conf"))?;
        sync_file(&path.join("db"))?;
        sync_dir(&path.join("blobs"))?;
        sync_dir(path)?;
        path.parent().map_or(Ok(()), sync_dir)
    }

    fn recorded(&self) -> Result<Totals, Error> {
        let bytes = self.db.get(TOTALS).map_err(failure)?;
        bytes
            .and_then(|bytes| Totals::from_bytes(&bytes))
            .ok_or_else(|| Error::Engine("sled lost the totals of the store; restore the catalog from a backup".into()))
    }

    /// The lock of readers. Within a scan it must not queue behind a writer that waits for that very scan; and nobody
    /// waits for ever for a writer that hangs.
    fn reading(&self) -> Result<RwLockReadGuard<'_, ()>, Error> {
        let guard = if scanning() { self.gate.try_read_recursive_for(STALL) } else { self.gate.try_read_for(STALL) };
        guard.ok_or_else(|| Error::Engine("sled did not answer in time".into()))
    }

    /// Takes room behind the end of the file: inside sled a full disk would be the end of the store.
    fn reserve(&self, needed: u64) -> Result<(), Failure> {
        space::ensure(&self.file, needed)?;
        let length = self.file.metadata().map_err(|e| Failure::Fatal(e.to_string()))?.len();
        match fallocate(&self.file, FallocateFlags::KEEP_SIZE, length, needed) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(Errno::NOSPC | Errno::DQUOT) => Err(Failure::NoSpace),
            Err(errno) => Err(Failure::Fatal(format!("no room can be taken for sled: {errno}"))),
        }
    }
}

impl Store for SledStore {
    fn kind(&self) -> EngineKind {
        EngineKind::Sled
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let _reading = self.reading()?;
        Ok(self.db.get(inner_key(key)).map_err(failure)?.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<(), Error> {
        let _reading = self.reading()?;
        let inner_prefix = inner_key(prefix);
        let start = match scan_start(prefix, after) {
            Bound::Excluded(key) => Bound::Excluded(inner_key(key)),
            _ => Bound::Included(inner_prefix.clone()),
        };
        for record in self.db.range((start, Bound::Unbounded)) {
            let (key, value) = record.map_err(failure)?;
            if !key.starts_with(&inner_prefix) || visit(&key[1..], &value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn transact(&self, bytes: usize, work: &mut Work<'_>) -> Result<(), Failure> {
        self.reserve(space::needed(bytes))?;
        let mut txn = SledTransaction { db: &self.db, totals: *self.totals.lock(), changes: BTreeMap::new() };
        let Some(number) = work(&mut txn)? else { return Ok(()) };
        txn.totals.commit = number;
        let mut batch = sled::Batch::default();
        for (key, value) in txn.changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        batch.insert(TOTALS, &txn.totals.to_bytes());
        let _alone = self.gate.write();
        self.db.apply_batch(batch).map_err(failure)?;
        self.db.flush().map_err(failure)?;
        self.file.sync_data().map_err(|e| Failure::Fatal(format!("the catalog cannot be made durable: {e}")))?;
        *self.totals.lock() = txn.totals;
        Ok(())
    }

    fn stored_commit(&self) -> Result<CommitNumber, Error> {
        let _reading = self.reading()?;
        Ok(self.recorded()?.commit)
    }

    fn check(&self) -> Result<bool, Error> {
        // One lock over both, so that no commit falls in between.
        let _reading = self.reading()?;
        let mut counted = Totals::empty(self.recorded()?.commit);
        for record in self.db.scan_prefix([RECORD]) {
            match record {
                Ok((key, value)) => counted.add(&key[1..], &value),
                Err(sled::Error::Corruption { .. }) => return Ok(false),
                Err(error) => return Err(failure(error).into()),
            }
        }
        Ok(counted == self.recorded()?)
    }

    /// What was applied and could not be made durable would show.
    fn readable_after_failure(&self) -> bool {
        false
    }

    /// Keeps one handle alive for ever: closing flushes, and the thread that would answer may be dead.
    fn abandon(&self) {
        std::mem::forget(self.db.clone());
    }
}

/// Reads see the changes over the tree; the tree itself changes only when the whole is applied.
struct SledTransaction<'a> {
    db: &'a sled::Db,
    totals: Totals,
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl SledTransaction<'_> {
    fn change(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), Failure> {
        if let Some(old) = self.get(key)? {
            self.totals.remove(key, &old);
        }
        if let Some(new) = value {
            self.totals.add(key, new);
        }
        self.changes.insert(inner_key(key), value.map(<[u8]>::to_vec));
        Ok(())
    }
}

impl Transaction for SledTransaction<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let key = inner_key(key);
        match self.changes.get(&key) {
            Some(changed) => Ok(changed.clone()),
            None => Ok(self.db.get(key).map_err(failure)?.map(|value| value.to_vec())),
        }
    }

    fn is_empty(&self, prefix: &[u8]) -> Result<bool, Failure> {
        let prefix = inner_key(prefix);
        let mut changed = self.changes.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        if changed.any(|(_, value)| value.is_some()) {
            return Ok(false);
        }
        for key in self.db.scan_prefix(&prefix).keys() {
            if !self.changes.contains_key(&*key.map_err(failure)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.change(key, Some(value))
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Failure> {
        self.change(key, None)
    }
}

fn inner_key(key: &[u8]) -> Vec<u8> {
    let mut inner = Vec::with_capacity(key.len() + 1);
    inner.push(RECORD);
    inner.extend_from_slice(key);
    inner
}

/// Waits until no handle in this process has the file locked any more: helper threads of a closed store end later than
/// it, and one of them may be writing the snapshot that is about to be removed.
fn wait_until_closed(path: &Path) -> Result<(), Error> {
    let file = File::open(path.join("db")).map_err(|e| io_error(path, &e))?;
    wait_for_lock(&file, path)?;
    file.unlock().map_err(|e| io_error(path, &e))
}

/// A kill while a snapshot is written leaves `snap.*.generating`, which sled would take for the newest snapshot and fail
/// on at every later open.
fn drop_half_snapshots(path: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(path).map_err(|e| io_error(path, &e))? {
        let entry = entry.map_err(|e| io_error(path, &e))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path()).map_err(|e| io_error(&entry.path(), &e))?;
        }
    }
    sync_dir(path)
}

fn open_database(path: &Path, settings: Settings) -> Result<sled::Db, Error> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(settings.cache_bytes as u64)
        .flush_every_ms(None)
        .use_compression(false);
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match config.open() {
            // sled has no error of its own for a lock that is held.
            Err(sled::Error::Io(e)) if e.to_string().starts_with("could not acquire lock") => {
                if Instant::now() >= deadline {
                    return Err(Error::InUse(path.display().to_string()));
                }
                pause();
            }
            opened => return opened.map_err(|e| failure(e).into()),
        }
    }
}

/// Inside sled nothing is known about how far a failed write came: every failure is the end.
fn failure(error: sled::Error) -> Failure {
    Failure::Fatal(format!("sled: {error}"))
}
