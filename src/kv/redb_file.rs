//! The file under redb: redb's own backend, with the room for growth taken before it is promised and with every kind of
//! failure remembered, so that a full disk can be told apart from a failed sync.

use super::space::is_full;
use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What went wrong with a file since it was opened.
#[derive(Debug, Default)]
pub(super) struct Faults {
    full: AtomicBool,
    other: AtomicBool,
}

impl Faults {
    /// Whether running out of space is all that happened: then what the kernel holds is still whole, and opening the
    /// file again finds the last committed state. After a failed sync it may not.
    pub(super) fn only_full(&self) -> bool {
        self.full.load(Ordering::Acquire) && !self.other.load(Ordering::Acquire)
    }

    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            let fault = if is_full(error) { &self.full } else { &self.other };
            fault.store(true, Ordering::Release);
        }
        result
    }
}

/// A redb file that takes room on the disk when it grows.
#[derive(Debug)]
pub(super) struct CatalogFile {
    inner: FileBackend,
    file: File,
    faults: Arc<Faults>,
}

impl CatalogFile {
    /// Wraps an open file.
    pub(super) fn new(file: File, faults: Arc<Faults>) -> Result<Self, DatabaseError> {
        let inner = FileBackend::new(file.try_clone()?)?;
        Ok(Self { inner, file, faults })
    }

    /// Growth by `ftruncate` leaves holes, and the disk would be found full in the middle of a commit.
    fn grow(&self, from: u64, to: u64) -> io::Result<()> {
        match fallocate(&self.file, FallocateFlags::empty(), from, to - from) {
            Ok(()) => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.inner.set_len(to),
            Err(errno) => {
                self.inner.set_len(from)?;
                Err(errno.into())
            }
        }
    }
}

impl StorageBackend for CatalogFile {
    fn len(&self) -> io::Result<u64> {
        self.faults.note(self.inner.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.faults.note(self.inner.read(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let from = self.len()?;
        self.faults.note(if len > from { self.grow(from, len) } else { self.inner.set_len(len) })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data().inspect_err(|_| self.faults.other.store(true, Ordering::Release))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.faults.note(self.inner.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
