//! Moving a stopped catalog from one engine to the other.
//!
//! The new store is built aside, closed, opened again and compared with the old one (every record, and the commit
//! number), and only then renamed into place; the old one is removed last. A crash before the rename leaves the old store
//! alone; one after it leaves both, which [`super::open`] refuses until the conversion is run again: it compares them and
//! removes the old. No copy of the old store is kept: it would go on holding what the catalog later forgets.

use super::committer::shield;
use super::place::{Place, close};
use super::store::Store;
use super::totals::Totals;
use super::{CommitNumber, EngineKind, Error, Settings};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// The most records and bytes in one transaction of the copy.
const CHUNK_RECORDS: usize = 4096;
const CHUNK_BYTES: usize = 1024 * 1024;

/// What a conversion did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// The engine that the store had.
    pub from: EngineKind,
    /// The engine that it has now.
    pub to: EngineKind,
    /// How many records it holds.
    pub records: u64,
    /// The commit number, which stays the same.
    pub commit: CommitNumber,
}

/// Converts the stopped store in `dir`; `None` if it is one of this engine already. `progress` is told how many records
/// are copied, and of how many.
///
/// # Errors
/// [`Error::InUse`] while a daemon has it open; [`Error::NoSpace`] when there is no room for both stores, and
/// [`Error::Engine`] when there is no store, or it is damaged. The old store is untouched after an error.
pub fn convert(
    dir: &Path,
    to: EngineKind,
    settings: Settings,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Option<Conversion>, Error> {
    if !dir.is_dir() {
        return Err(Error::Engine(format!("{} does not exist", dir.display())));
    }
    let place = Place::lock(dir)?;
    let from = to.other();
    let work = || match (place.holds(from)?, place.holds(to)?) {
        (true, false) => copy(&place, from, to, settings, progress).map(Some),
        (true, true) => finish(&place, from, to, settings).map(Some),
        (false, true) => Ok(None),
        (false, false) => Err(Error::Engine(format!("there is no catalog in {}", dir.display()))),
    };
    shield(dir, work)
}

fn copy(
    place: &Place,
    from: EngineKind,
    to: EngineKind,
    settings: Settings,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Conversion, Error> {
    let old = place.open_store(from, settings)?;
    let totals = Totals::count(&*old)?;
    let new = place.create_aside(to, settings, totals.commit)?;
    copy_records(&*old, &*new, totals, progress)?;
    close(new);
    close(old);
    let new = place.open_aside(to, settings)?;
    compare(totals, &new)?;
    close(new);
    place.adopt(to)?;
    place.discard(from)?;
    Ok(Conversion { from, to, records: totals.records, commit: totals.commit })
}

fn copy_records(
    old: &dyn Store,
    new: &dyn Store,
    totals: Totals,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), Error> {
    let mut chunk: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let (mut bytes, mut copied) = (0, 0);
    let mut failure = None;
    let mut write = |chunk: &mut Vec<(Vec<u8>, Vec<u8>)>, bytes: &mut usize| {
        new.transact(*bytes, &mut |txn| {
            for (key, value) in chunk.iter() {
                txn.put(key, value)?;
            }
            Ok(Some(totals.commit))
        })?;
        copied += chunk.len() as u64;
        progress(copied, totals.records);
        chunk.clear();
        *bytes = 0;
        Ok::<_, Error>(())
    };
    old.scan(&[], None, &mut |key, value| {
        bytes += key.len() + value.len();
        chunk.push((key.to_vec(), value.to_vec()));
        if (chunk.len() >= CHUNK_RECORDS || bytes >= CHUNK_BYTES)
            && let Err(error) = write(&mut chunk, &mut bytes)
        {
            failure = Some(error);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    match failure {
        Some(error) => Err(error),
        None => write(&mut chunk, &mut bytes),
    }
}

/// After a crash between the two renames: both stores are whole, since nothing opens either while both are there.
fn finish(place: &Place, from: EngineKind, to: EngineKind, settings: Settings) -> Result<Conversion, Error> {
    let old = place.open_store(from, settings)?;
    let totals = Totals::count(&*old)?;
    close(old);
    let new = place.open_store(to, settings)?;
    compare(totals, &new)?;
    close(new);
    place.discard(from)?;
    Ok(Conversion { from, to, records: totals.records, commit: totals.commit })
}

fn compare(expected: Totals, new: &Arc<dyn Store>) -> Result<(), Error> {
    let found = Totals::count(&**new)?;
    if found == expected {
        return Ok(());
    }
    Err(Error::Engine(format!(
        "the two stores differ: {} records at commit {} against {} at {}; the old one is kept",
        expected.records, expected.commit, found.records, found.commit
    )))
}
