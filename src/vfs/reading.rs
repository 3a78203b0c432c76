//! A document open for reading.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};

use super::buffers::{BUFFER, Buffer};
use super::tree::{Found, entry_stat};
use super::{Error, Stat, View};
use crate::audit::{Detail, Outcome};
use crate::gate::{self, OnRecord, Operation, Recording};
use crate::names::{DocPath, DocumentTarget};
use crate::vault::{Document, Entry, OpenedNow, Vault};

/// Reads up to this length get memory of just that size, so that thousands of slow readers hold little; longer ones a
/// buffer that is used again.
const SMALL: usize = 64 * 1024;
/// The longest read at once.
const LONGEST: usize = 1024 * 1024;

/// A document open for reading: one version, whatever happens to the document meanwhile. Dropping it records what was
/// served.
pub struct Reading {
    view: View,
    document: Arc<Document>,
    /// Of the permit; the document is opened while it is on its way to the disk.
    recording: Recording,
    stat: Stat,
    /// After which of the gate's losses it was asked last whether it may go on.
    asked_after: AtomicU64,
}

impl View {
    /// Opens the current version of a document.
    pub async fn read(&self, path: &DocPath) -> Result<Reading, Error> {
        let (target, _) = self.to_be_read::<gate::Read>(path).await?;
        self.open(target).await
    }

    pub(super) async fn open(&self, target: DocumentTarget) -> Result<Reading, Error> {
        let asked_after = AtomicU64::new(self.vfs.gate.losses_so_far());
        let rights = self.look(|sight| Ok(sight.rights_on(&target)))?;
        let (permit, recording) = self.vfs.gate.permit_to_read(&self.session, target).await?;
        let document = match self.vfs.vault.open_now(permit)? {
            OpenedNow::Document(document) => document,
            OpenedNow::NotInMemory(permit) => self.blocking(|vault| vault.open(permit)).await?,
        };
        let stat = entry_stat(document.entry(), rights);
        metrics::counter!("deedbox_documents_opened_total").increment(1);
        Ok(Reading { view: self.clone(), document: Arc::new(document), recording, stat, asked_after })
    }

    /// The SHA-256 of the current version of a document. It tells whoever has a copy whether that is the document, so it takes the
    /// right to read; the record says that nothing else went out.
    pub async fn sha256(&self, path: &DocPath) -> Result<[u8; 32], Error> {
        let (target, entry) = self.to_be_read::<gate::Read>(path).await?;
        let content = entry.content.ok_or(Error::IsFolder)?;
        let permit = self.permit::<gate::Read>(target).await?;
        let detail = Detail {
            version: Some(content.version),
            sha256: Some(content.blob.sha256),
            bytes: Some(0),
            ..Detail::because("its SHA-256 was told, and nothing of its content")
        };
        permit.settle(Outcome::Done, detail);
        Ok(content.blob.sha256)
    }

    pub(super) async fn to_be_read<O: Operation>(&self, path: &DocPath) -> Result<(DocumentTarget, Entry), Error> {
        match self.find(path)? {
            Found::Structure(_) => Err(Error::IsFolder),
            Found::Entry(target, _) if target.is_folder => {
                if self.is_visible(&target)? {
                    return Err(Error::IsFolder);
                }
                self.absent::<O, _>(path, Error::NotFound).await
            }
            Found::Entry(target, entry) => Ok((target, entry)),
            Found::Missing(..) | Found::NoParent => self.absent::<O, _>(path, Error::NotFound).await,
        }
    }
}

impl Reading {
    /// The document as it was opened.
    pub fn stat(&self) -> &Stat {
        &self.stat
    }

    /// The SHA-256 of all of it.
    pub async fn sha256(&self) -> Result<[u8; 32], Error> {
        self.recorded().await?;
        Ok(self.document.sha256())
    }

    /// True once the session has ended or lost the right: what was read before must not be sent any more. Costs next to nothing
    /// while nobody loses anything.
    pub fn is_lost(&self) -> bool {
        let losses = self.view.vfs.gate.losses_so_far();
        if self.asked_after.load(Ordering::Relaxed) == losses {
            return false;
        }
        let gate = &self.view.vfs.gate;
        let is_lost =
            self.document.permit().is_some_and(|permit| gate.holds(&self.view.session, permit, None).is_err());
        if !is_lost {
            self.asked_after.store(losses, Ordering::Relaxed);
        }
        is_lost
    }

    /// Waits until the reading is on record; [`Self::read_at`] does by itself.
    pub async fn recorded(&self) -> Result<(), Error> {
        self.on_record().await.map(drop)
    }

    async fn on_record(&self) -> Result<OnRecord, Error> {
        let on_record = self.recording.durable().await;
        Ok(on_record.inspect_err(|_| self.document.refuse("that it was to be read could not be recorded"))?)
    }

    /// Up to `length` bytes (1 MiB at most) from `offset`; fewer at the end, none past it. Cheapest in steps of 256 KiB
    /// to 1 MiB. [`Error::Revoked`] once the session has lost the right, [`Error::Unavailable`] if its reading cannot be
    /// recorded.
    pub async fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, Error> {
        let on_record = self.on_record().await?;
        if let Some(permit) = self.document.permit() {
            self.view.vfs.gate.holds(&self.view.session, permit, None)?;
        }
        let left = usize::try_from(self.stat.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = length.min(left).min(LONGEST);
        let document = self.document.clone();
        if length > BUFFER {
            return self.view.blocking(move |_| fill(&document, offset, length, &on_record)).await;
        }
        // What the kernel has in memory is decrypted on the runtime's thread: to hand 256 KiB over to another thread, and so
        // out of this core's cache, takes longer than to decrypt them (measured).
        let mut room = if length <= SMALL { Room::own(length) } else { Room::Lent(self.view.vfs.buffers.take()) };
        if let Some(filled) = document.read_now(offset, room.bytes(length), &on_record)? {
            return Ok(room.freeze(filled));
        }
        let read = move |_: &Vault| {
            let filled = read_full(&document, offset, room.bytes(length), &on_record)?;
            Ok(room.freeze(filled))
        };
        self.view.blocking(read).await
    }
}

/// Where a read goes.
enum Room {
    Own(BytesMut),
    Lent(Buffer),
}

impl Room {
    fn own(length: usize) -> Self {
        Self::Own(BytesMut::zeroed(length))
    }

    fn bytes(&mut self, length: usize) -> &mut [u8] {
        match self {
            Self::Own(bytes) => &mut bytes[..length],
            Self::Lent(buffer) => buffer.room(length),
        }
    }

    fn freeze(self, filled: usize) -> Bytes {
        match self {
            Self::Own(mut bytes) => {
                bytes.truncate(filled);
                bytes.freeze()
            }
            Self::Lent(buffer) => buffer.freeze(filled),
        }
    }
}

fn fill(document: &Document, offset: u64, length: usize, on_record: &OnRecord) -> Result<Bytes, crate::vault::Error> {
    let mut buffer = BytesMut::zeroed(length);
    let filled = read_full(document, offset, &mut buffer, on_record)?;
    buffer.truncate(filled);
    Ok(buffer.freeze())
}

/// Fills the buffer as far as the document goes.
fn read_full(
    document: &Document,
    offset: u64,
    buffer: &mut [u8],
    on_record: &OnRecord,
) -> Result<usize, crate::vault::Error> {
    let mut filled = 0;
    while filled < buffer.len() {
        match document.read_at(offset + filled as u64, &mut buffer[filled..], on_record)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}
