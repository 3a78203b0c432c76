//! Reading every content to the end, on all processors.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use parking_lot::Mutex;

use super::tree::Tree;
use super::{Check, Examined, Finding, Progress, RESTORE_FILE};
use crate::keys::MatterKey;
use crate::names::{DocName, NodeId};
use crate::vault::blobs::{BlobError, BlobRef};
use crate::vault::catalog::{StoredPart, Version, version_key};

/// Cases that wait for a reader.
const WAITING: usize = 256;
/// More readers than this only compete for the disk.
const MAX_READERS: usize = 8;
/// Failures that are kept; of a store that was lost as a whole, the first ones tell enough.
const MAX_FAILURES: usize = 20_000;

/// A file to be read.
pub(super) enum Case {
    /// A version of a document.
    Version { folder: NodeId, name: DocName, node: NodeId, number: u64, blob: BlobRef, key: Arc<MatterKey> },
    /// A file of an unfinished upload.
    Part { record: Vec<u8>, folder: NodeId, name: DocName, file: BlobRef, key: Arc<MatterKey> },
}

/// A file that is not what it should be.
pub(super) struct Failure {
    case: Case,
    why: BlobError,
}

/// The way to the readers. Waits while they are busy.
pub(super) struct Queue<'q>(&'q SyncSender<Case>);

impl Queue<'_> {
    pub(super) fn send(&self, case: Case) {
        // The readers end after the last case.
        let _ = self.0.send(case);
    }
}

/// Reads what `produce` sends; gives what failed, in no order.
pub(super) fn read(
    check: &Check,
    progress: &(dyn Fn(Progress) + Sync),
    produce: impl FnOnce(&Queue<'_>),
) -> Vec<Failure> {
    let readers = std::thread::available_parallelism().map_or(2, |n| n.get().min(MAX_READERS));
    let (sender, receiver) = sync_channel(WAITING);
    let (receiver, failures, so_far) = (Mutex::new(receiver), Mutex::new(Vec::new()), Mutex::new(Progress::default()));
    std::thread::scope(|scope| {
        for _ in 0..readers {
            scope.spawn(|| {
                while let Some(case) = next(&receiver) {
                    let (read, bytes) = case.read(check);
                    if let Err(why) = read {
                        let mut failures = failures.lock();
                        if failures.len() < MAX_FAILURES {
                            failures.push(Failure { case, why });
                        }
                    }
                    let mut so_far = so_far.lock();
                    so_far.versions += 1;
                    so_far.bytes += bytes;
                    progress(*so_far);
                }
            });
        }
        produce(&Queue(&sender));
        drop(sender);
    });
    failures.into_inner()
}

fn next(receiver: &Mutex<Receiver<Case>>) -> Option<Case> {
    receiver.lock().recv().ok()
}

impl Case {
    fn read(&self, check: &Check) -> (Result<(), BlobError>, u64) {
        match self {
            Self::Version { blob, key, .. } => (check.blobs.verify(blob, key), blob.size),
            Self::Part { file, key, .. } => (check.parts.verify(file, key), file.size),
        }
    }
}

impl Check {
    /// Makes a finding of a failure, unless the daemon has removed the document or ended the upload since.
    pub(super) fn report(&self, failure: Failure, tree: &Tree, found: &mut Examined) {
        let Failure { case, why } = failure;
        let why = why.to_string();
        match case {
            Case::Version { folder, name, node, number, blob, .. } => {
                if self.still(&version_key(node, number), |now: Version| now.blob == blob) {
                    let finding = Finding::new(why, RESTORE_FILE).node(Some(node)).path(tree.path(folder, Some(&name)));
                    found.findings.add(finding.version(number).blob(blob.id, self.blobs.path(&blob.id)));
                }
            }
            Case::Part { record, folder, name, file, .. } => {
                if self.still(&record, |now: StoredPart| now.part.staged().any(|id| id == file.id)) {
                    let what = format!("the unfinished upload of this document cannot be resumed: {why}");
                    let advice = "restore the file from a backup, or let its uploader start anew";
                    let finding = Finding::new(what, advice).path(tree.path(folder, Some(&name)));
                    found.findings.add(finding.blob(file.id, self.parts.path(&file.id)));
                }
            }
        }
    }
}
