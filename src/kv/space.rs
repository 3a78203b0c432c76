//! Room on the disk, asked for before a transaction touches anything: a full disk found here changes nothing and ends by
//! itself when there is room again.

use super::store::Failure;
use std::fs::File;
use std::io;

/// Room that a transaction must find on the file system beside its own bytes.
pub(super) const RESERVE_BYTES: u64 = 8 * 1024 * 1024;

/// How many bytes an engine may write for one byte of a transaction: pages are rewritten whole, and moved by cleaning.
const AMPLIFICATION: u64 = 8;

/// The room that a transaction of this many bytes needs.
pub(super) fn needed(bytes: usize) -> u64 {
    RESERVE_BYTES + AMPLIFICATION * bytes as u64
}

/// Refuses when the file system of `file` has less than `needed` bytes for us.
pub(super) fn ensure(file: &File, needed: u64) -> Result<(), Failure> {
    let stat = rustix::fs::fstatvfs(file).map_err(|e| Failure::Fatal(format!("the free space cannot be read: {e}")))?;
    if stat.f_bavail.saturating_mul(stat.f_frsize) < needed { Err(Failure::NoSpace) } else { Ok(()) }
}

/// Whether an error says that the disk, or our share of it, is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
