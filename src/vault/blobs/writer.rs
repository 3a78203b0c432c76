//! Writing a blob from front to back.

use std::fs::{self, File};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use rustix::fs::{Advice, fadvise};
use zeroize::Zeroizing;

use super::layout::{self, Layout};
use super::payload::{CHUNK, PayloadKey, SEALED_CHUNK, Sealer, TAG};
use super::{BlobError, BlobRef, BlobStore, header, io_error};
use crate::keys::MatterKey;
use crate::names::BlobId;

/// Encrypted bytes that are gathered before they go to the file.
const OUTPUT_BYTES: usize = 4 * SEALED_CHUNK;
/// After so many bytes the kernel is asked to begin to write them to the disk, so that little is left for the sync at the end:
/// 1 GiB is stored a tenth sooner that way (measured).
const WRITEBACK_BYTES: u64 = 8 * 1024 * 1024;

/// A blob being written. Dropping it removes it.
///
/// The last chunk, full or not, stays in memory until more follows or the blob is finished, because it is sealed with
/// a mark that says so; until then it can be written over.
pub struct BlobWriter {
    layout: Arc<Layout>,
    temporary: Temporary,
    key: Arc<PayloadKey>,
    sealer: Sealer,
    commitment: [u8; 32],
    digest: digest::Context,
    /// Chunks that were sealed; their plaintext can no longer change.
    sealed_chunks: u64,
    tail: Zeroizing<Vec<u8>>,
    /// Its first `filled` bytes wait for the file; it stays as long as it was, since to zero it again and again costs time.
    output: Vec<u8>,
    filled: usize,
    /// Where in the file `output` belongs.
    output_at: u64,
    /// Up to where the kernel was asked to begin to write.
    writeback_at: u64,
    /// The chunk that [`Self::read_at`] opened last.
    read_back: Option<(u64, Zeroizing<Vec<u8>>)>,
}

/// A blob whose content is complete and not yet durable. Dropping it removes it.
pub struct Written {
    layout: Arc<Layout>,
    temporary: Temporary,
    blob: BlobRef,
}

/// The file of a blob before it has its name.
struct Temporary {
    id: BlobId,
    path: PathBuf,
    file: File,
    /// Set once the file has a name that must stay.
    placed: bool,
}

impl BlobWriter {
    pub(super) fn create(layout: Arc<Layout>, matter: &MatterKey) -> Result<Self, BlobError> {
        let id = BlobId::random();
        let path = layout.temporary_path(&id);
        let file = layout::create_file(&path)?;
        let (head, opened) = header::create(matter);
        Ok(Self {
            layout,
            temporary: Temporary { id, path, file, placed: false },
            sealer: opened.key.sealer(),
            key: opened.key,
            commitment: opened.commitment,
            digest: digest::Context::new(&digest::SHA256),
            sealed_chunks: 0,
            tail: Zeroizing::new(Vec::new()),
            filled: head.len(),
            output: head,
            output_at: 0,
            writeback_at: 0,
            read_back: None,
        })
    }

    /// Bytes of plaintext so far.
    pub fn len(&self) -> u64 {
        self.sealed_len() + self.tail.len() as u64
    }

    /// True if nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that are sealed and can no longer be written over; always a multiple of [`CHUNK`].
    pub fn sealed_len(&self) -> u64 {
        self.sealed_chunks * CHUNK as u64
    }

    /// Appends. After an error nothing more can be made of the blob: drop it.
    pub fn write(&mut self, mut data: &[u8]) -> Result<(), BlobError> {
        while !data.is_empty() {
            if self.tail.len() == CHUNK {
                self.seal_tail(false)?;
            }
            if self.tail.is_empty() && data.len() > CHUNK {
                // More follows this chunk, so it is not the last and needs no copy.
                let (chunk, rest) = data.split_at(CHUNK);
                self.seal(false, chunk)?;
                data = rest;
            } else {
                self.reserve_tail(data.len());
                let (now, later) = data.split_at(data.len().min(CHUNK - self.tail.len()));
                self.tail.extend_from_slice(now);
                data = later;
            }
        }
        Ok(())
    }

    /// Appends zeros.
    pub fn write_zeros(&mut self, mut count: u64) -> Result<(), BlobError> {
        static ZEROS: [u8; 4 * CHUNK] = [0; 4 * CHUNK];
        while count > 0 {
            let now = usize::try_from(count).map_or(ZEROS.len(), |count| count.min(ZEROS.len()));
            self.write(&ZEROS[..now])?;
            count -= now as u64;
        }
        Ok(())
    }

    /// Writes over the part that is not sealed yet, and appends what goes beyond the end.
    ///
    /// # Panics
    /// If `offset` lies before [`Self::sealed_len`] or beyond [`Self::len`].
    pub fn write_at(&mut self, offset: u64, data: &[u8]) -> Result<(), BlobError> {
        let start = self.tail_offset(offset);
        let over = data.len().min(self.tail.len() - start);
        self.tail[start..start + over].copy_from_slice(&data[..over]);
        self.write(&data[over..])
    }

    /// Cuts the blob to `length`, if it can: what is sealed stays, and so does a byte after it, because a file whose
    /// chunks are full must not end with an empty one (age-encryption.org/v1, "Payload").
    #[must_use]
    pub fn truncate(&mut self, length: u64) -> bool {
        let sealed = self.sealed_len();
        if length < sealed || (length == sealed && sealed > 0) {
            return false;
        }
        self.tail.truncate(usize::try_from(length - sealed).unwrap_or(usize::MAX));
        true
    }

    fn tail_offset(&self, offset: u64) -> usize {
        let start = offset.checked_sub(self.sealed_len()).and_then(|start| usize::try_from(start).ok());
        start.filter(|start| *start <= self.tail.len()).expect("the offset lies in the part that is not sealed")
    }

    /// Reads what was written so far; fewer bytes than asked only at the end.
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, BlobError> {
        let left = usize::try_from(self.len().saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let mut done = 0;
        while done < wanted {
            let position = offset + done as u64;
            let index = position / CHUNK as u64;
            let within = usize::try_from(position % CHUNK as u64).unwrap_or_default();
            let chunk = if index < self.sealed_chunks { self.read_chunk(index)? } else { &self.tail[..] };
            let take = (wanted - done).min(chunk.len() - within);
            buffer[done..done + take].copy_from_slice(&chunk[within..within + take]);
            done += take;
        }
        Ok(wanted)
    }

    fn read_chunk(&mut self, index: u64) -> Result<&[u8], BlobError> {
        let at = header::PAYLOAD_AT as u64 + index * SEALED_CHUNK as u64;
        if at + SEALED_CHUNK as u64 > self.output_at {
            self.flush()?;
        }
        let (held, mut chunk) = self.read_back.take().unwrap_or((u64::MAX, Zeroizing::new(vec![0; CHUNK])));
        if held != index {
            let mut sealed = vec![0; SEALED_CHUNK];
            self.temporary.file.read_exact_at(&mut sealed, at).map_err(io_error(&self.temporary.path))?;
            self.key.opener().open(index, false, &sealed, &mut chunk).map_err(|_| BlobError::Damaged {
                id: self.temporary.id,
                what: "it was changed while it was written",
            })?;
        }
        Ok(&self.read_back.insert((index, chunk)).1)
    }

    /// Seals what is left. The blob is then complete, and [`Written::place`] makes it durable.
    pub fn complete(mut self) -> Result<Written, BlobError> {
        self.seal_tail(true)?;
        self.flush()?;
        let size = self.output_at - header::PAYLOAD_AT as u64;
        let size = super::payload::plain_len(size).expect("what was sealed is a whole payload");
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        let blob = BlobRef { id: self.temporary.id, size, sha256, commitment: self.commitment };
        Ok(Written { layout: self.layout, temporary: self.temporary, blob })
    }

    /// Completes the blob and makes it durable under its name.
    pub fn finish(self) -> Result<BlobRef, BlobError> {
        self.complete()?.place()
    }

    /// The same, in another store on the same file system.
    pub(in crate::vault) fn finish_in(self, store: &BlobStore) -> Result<BlobRef, BlobError> {
        self.complete()?.place_in(store.layout())
    }

    fn seal_tail(&mut self, last: bool) -> Result<(), BlobError> {
        let mut tail = std::mem::replace(&mut self.tail, Zeroizing::new(Vec::new()));
        let sealed = self.seal(last, &tail);
        tail.clear();
        self.tail = tail;
        sealed
    }

    /// Each index is sealed once: the counter moves on even if the output cannot be written.
    fn seal(&mut self, last: bool, chunk: &[u8]) -> Result<(), BlobError> {
        self.digest.update(chunk);
        let end = self.filled + chunk.len() + TAG;
        if self.output.len() < end {
            self.output.resize(end, 0);
        }
        self.sealer.seal(self.sealed_chunks, last, chunk, &mut self.output[self.filled..end]);
        self.filled = end;
        self.sealed_chunks += 1;
        if self.filled >= OUTPUT_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), BlobError> {
        let output = &self.output[..self.filled];
        self.temporary.file.write_all_at(output, self.output_at).map_err(io_error(&self.temporary.path))?;
        self.output_at += self.filled as u64;
        self.filled = 0;
        self.begin_writeback();
        Ok(())
    }

    /// For pages that are not on the disk yet, `POSIX_FADV_DONTNEED` begins to write them (posix_fadvise(2)); they stay in
    /// memory meanwhile, and no promise depends on it.
    fn begin_writeback(&mut self) {
        if let Some(length) = NonZeroU64::new(self.output_at - self.writeback_at).filter(|n| n.get() >= WRITEBACK_BYTES)
        {
            let _ = fadvise(&self.temporary.file, self.writeback_at, Some(length), Advice::DontNeed);
            self.writeback_at = self.output_at;
        }
    }

    /// Makes room for small documents tightly and for all others at once, so that growing leaves no copies behind.
    fn reserve_tail(&mut self, more: usize) {
        let wanted = (self.tail.len() + more).min(CHUNK);
        if wanted > self.tail.capacity() {
            let capacity = if self.tail.capacity() == 0 && self.sealed_chunks == 0 { wanted } else { CHUNK };
            let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
            larger.extend_from_slice(&self.tail);
            self.tail = larger;
        }
    }
}

impl Written {
    /// The blob as it will be recorded.
    pub fn blob(&self) -> &BlobRef {
        &self.blob
    }

    /// Makes the blob durable under its name. Nobody can know the name before the catalog does: until then
    /// [`BlobStore::remove`] takes it back.
    pub fn place(self) -> Result<BlobRef, BlobError> {
        let layout = Arc::clone(&self.layout);
        self.place_in(&layout)
    }

    fn place_in(mut self, layout: &Layout) -> Result<BlobRef, BlobError> {
        let Temporary { id, path, file, placed } = &mut self.temporary;
        // The name first: a file system with a journal then makes content and name durable in one commit of it.
        let put = |from: &Path, to: &Path| fs::rename(from, to).and_then(|()| file.sync_data());
        layout.place(path, id, put).inspect_err(|_| {
            // Whether or not it got that far, nothing may stay under a name that is never recorded.
            let _ = fs::remove_file(layout.path(id));
        })?;
        *placed = true;
        Ok(self.blob)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.placed {
            // A file that cannot be removed now is swept at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}
