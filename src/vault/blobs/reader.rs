//! Reading a blob at any offset.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::fs::fstatfs;
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use zeroize::Zeroizing;

use super::header::{self, HeaderError, Opened};
use super::payload::{self, CHUNK, Opener, PayloadKey, SEALED_CHUNK, TAG};
use super::small::Small;
use super::{BlobError, BlobRef, io_error};
use crate::names::BlobId;

/// Chunks that one system call reads when a reader goes from front to back, and at most; also what an open blob keeps
/// in memory.
const SPAN_CHUNKS: u64 = 4;
/// `f_type` of tmpfs (statfs(2)).
const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;

/// A blob, open. Any offset costs one chunk; the last chunk stays in memory, and reads in sequence become large reads
/// of the file. All of it is authenticated before it leaves.
pub struct BlobReader {
    /// Nothing for a small blob, which came whole.
    file: Option<File>,
    path: PathBuf,
    id: BlobId,
    size: u64,
    payload_at: u64,
    key: Arc<PayloadKey>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Made with the first chunk that is opened.
    opener: Option<Opener>,
    /// The plaintext of one chunk, and which.
    chunk: Zeroizing<Vec<u8>>,
    index: Option<u64>,
    /// Chunks as they are on disk, and which.
    sealed: Vec<u8>,
    held: Range<u64>,
    /// The chunk that a reader in sequence would want next.
    next: u64,
}

impl BlobReader {
    /// Opens any age file whose header has at most 4 KiB; it comes with its length.
    pub(super) fn open(
        (file, length): (File, u64),
        path: PathBuf,
        id: BlobId,
        read: Read,
        open_header: impl FnOnce(&[u8]) -> Result<Opened, HeaderError>,
    ) -> Result<(Self, HeaderFacts), BlobError> {
        let damaged = |what| BlobError::Damaged { id, what };
        // Small documents come whole with their header: one system call reads them.
        let whole = comes_whole(length);
        let head_len = if whole { length } else { header::PAYLOAD_AT as u64 };
        let mut head = vec![0; usize::try_from(head_len).unwrap_or(header::PAYLOAD_AT)];
        read_exact(read, &file, &mut head, 0, id).map_err(|error| error.at(&path))?;
        let Opened { key, commitment, payload_at } = open_header(&head).map_err(|error| match error {
            HeaderError::Malformed => damaged("its header is not that of an age file, or was changed"),
            HeaderError::NotForThisMatter => damaged("it is not encrypted to its matter"),
        })?;
        let size = length
            .checked_sub(payload_at as u64)
            .and_then(payload::plain_len)
            .ok_or_else(|| damaged("its payload ends within a chunk"))?;
        let file = (!whole).then_some(file);
        let reader =
            Self { file, path, id, size, payload_at: payload_at as u64, key, state: Mutex::new(State::default()) };
        let last = payload::chunks(size) - 1;
        {
            let mut state = reader.state.lock();
            if whole {
                state.sealed = head.split_off(payload_at);
                state.held = 0..last + 1;
            }
            // A file cut at a chunk's end has the length of a shorter document; only the mark of the last chunk tells.
            reader.load(&mut state, last, 1)?;
            state.next = 0;
        }
        Ok((reader, HeaderFacts { commitment, payload_at }))
    }

    /// A small blob whose file was read before. Its chunk is opened again, and with it authenticated.
    pub(super) fn held(blob: &BlobRef, path: PathBuf, small: &Small) -> Result<Self, BlobError> {
        let state = State { sealed: small.payload.to_vec(), held: 0..1, ..State::default() };
        let (payload_at, key) = (header::PAYLOAD_AT as u64, small.key.clone());
        let reader = Self { file: None, path, id: blob.id, size: blob.size, payload_at, key, state: Mutex::new(state) };
        reader.load(&mut reader.state.lock(), 0, 1)?;
        Ok(reader)
    }

    /// What [`Self::held`] takes, of a blob that came whole.
    pub(super) fn small(&self) -> Option<Small> {
        let state = self.state.lock();
        let is_whole = self.file.is_none() && state.held == (0..1);
        is_whole.then(|| Small { key: self.key.clone(), payload: state.sealed.as_slice().into() })
    }

    /// Bytes of the document.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads from `offset` into `buffer` and tells how many bytes there were: fewer than asked only at the end of the
    /// document. After an error the buffer's content means nothing.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, BlobError> {
        self.read_locked(&mut self.state.lock(), offset, buffer)
    }

    fn read_locked(&self, state: &mut State, offset: u64, buffer: &mut [u8]) -> Result<usize, BlobError> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let buffer = match buffer.len().min(left) {
            0 => return Ok(0),
            wanted => &mut buffer[..wanted],
        };
        let mut done = 0;
        while done < buffer.len() {
            let position = offset + done as u64;
            let index = position / CHUNK as u64;
            let within = usize::try_from(position % CHUNK as u64).unwrap_or_default();
            let rest = &mut buffer[done..];
            // How many chunks this call still needs.
            let span = (within + rest.len()).div_ceil(CHUNK) as u64;
            let length = self.chunk_len(index);
            done += if within == 0 && rest.len() >= length && state.index != Some(index) {
                self.open_chunk(state, index, span, Target::Caller(&mut rest[..length]))?;
                length
            } else {
                self.load(state, index, span)?;
                let take = rest.len().min(length - within);
                rest[..take].copy_from_slice(&state.chunk[within..within + take]);
                take
            };
        }
        Ok(done)
    }

    /// The same for up to 256 KiB that the kernel has in memory; nothing if that would mean to wait, for the disk or for
    /// another reader.
    pub fn read_now(&self, offset: u64, buffer: &mut [u8]) -> Result<Option<usize>, BlobError> {
        let Some(mut state) = self.state.try_lock() else { return Ok(None) };
        let end = offset.saturating_add(buffer.len() as u64).min(self.size);
        let chunks = offset / CHUNK as u64..end.div_ceil(CHUNK as u64);
        // One more for reads that start within a chunk.
        if chunks.start + SPAN_CHUNKS + 1 < chunks.end {
            return Ok(None);
        }
        let opened = state.index == Some(chunks.start) && chunks.start + 1 >= chunks.end;
        let held = state.held.start <= chunks.start && chunks.end <= state.held.end;
        if offset < end && !opened && !held {
            let ahead =
                if chunks.start == state.next { chunks.end.max(chunks.start + SPAN_CHUNKS) } else { chunks.end };
            let at = self.make_room(&mut state, chunks.start..ahead.min(payload::chunks(self.size)));
            if self.file.as_ref().is_none_or(|file| read_cached(file, &mut state.sealed, at).is_err()) {
                state.held = 0..0;
                return Ok(None);
            }
        }
        self.read_locked(&mut state, offset, buffer).map(Some)
    }

    /// Makes `state.chunk` the plaintext of a chunk.
    fn load(&self, state: &mut State, index: u64, span: u64) -> Result<(), BlobError> {
        match state.index {
            Some(held) if held == index => Ok(()),
            _ => self.open_chunk(state, index, span, Target::Own),
        }
    }

    fn open_chunk(&self, state: &mut State, index: u64, span: u64, target: Target<'_>) -> Result<(), BlobError> {
        if !state.held.contains(&index) {
            let span = if index == state.next { SPAN_CHUNKS } else { span.clamp(1, SPAN_CHUNKS) };
            self.fetch(state, index..index.saturating_add(span).min(payload::chunks(self.size)))?;
        }
        let start = usize::try_from(index - state.held.start).unwrap_or_default() * SEALED_CHUNK;
        let length = self.chunk_len(index);
        let sealed = &state.sealed[start..start + length + TAG];
        let last = index + 1 == payload::chunks(self.size);
        let opener = state.opener.get_or_insert_with(|| self.key.opener());
        let opened = match target {
            Target::Caller(buffer) => opener.open(index, last, sealed, buffer),
            Target::Own => {
                state.index = None;
                state.chunk.resize(length, 0);
                opener.open(index, last, sealed, &mut state.chunk).inspect(|()| state.index = Some(index))
            }
        };
        state.next = index + 1;
        opened.map_err(|_| BlobError::Damaged { id: self.id, what: "a part of it was changed or cut off" })
    }

    /// Reads chunks from the file as they are.
    fn fetch(&self, state: &mut State, chunks: Range<u64>) -> Result<(), BlobError> {
        let at = self.make_room(state, chunks);
        // One that came whole holds all its chunks, and none is fetched.
        let file = self.file.as_ref().ok_or(BlobError::Missing(self.id))?;
        read_exact(File::read_exact_at, file, &mut state.sealed, at, self.id).map_err(|error| {
            state.held = 0..0;
            error.at(&self.path)
        })
    }

    /// Makes `state.sealed` as long as these chunks are, which the caller is about to read from where this says.
    fn make_room(&self, state: &mut State, chunks: Range<u64>) -> u64 {
        let full = usize::try_from(chunks.end - chunks.start - 1).unwrap_or_default() * SEALED_CHUNK;
        state.sealed.resize(full + self.chunk_len(chunks.end - 1) + TAG, 0);
        let at = self.payload_at + chunks.start * SEALED_CHUNK as u64;
        state.held = chunks;
        at
    }

    /// Bytes of plaintext in a chunk.
    fn chunk_len(&self, index: u64) -> usize {
        let left = self.size - index * CHUNK as u64;
        usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK))
    }
}

/// What the store compares with its record.
pub(super) struct HeaderFacts {
    pub(super) commitment: [u8; 32],
    pub(super) payload_at: usize,
}

/// Where a chunk's plaintext goes.
enum Target<'a> {
    Own,
    Caller(&'a mut [u8]),
}

enum ReadError {
    Short(BlobId),
    Io(io::Error),
}

impl ReadError {
    fn at(self, path: &std::path::Path) -> BlobError {
        match self {
            Self::Short(id) => BlobError::Damaged { id, what: "it became shorter while it was read" },
            Self::Io(error) => io_error(path)(error),
        }
    }
}

/// Fills a buffer from an offset of a file.
pub(super) type Read = fn(&File, &mut [u8], u64) -> io::Result<()>;

/// True for files that are read whole when they are opened.
pub(super) fn comes_whole(file_len: u64) -> bool {
    file_len <= (header::PAYLOAD_AT + SEALED_CHUNK) as u64
}

fn read_exact(read: Read, file: &File, buffer: &mut [u8], at: u64, id: BlobId) -> Result<(), ReadError> {
    read(file, buffer, at).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ReadError::Short(id),
        _ => ReadError::Io(error),
    })
}

/// Reads what the kernel holds in memory (preadv2(2), `RWF_NOWAIT`); [`io::ErrorKind::WouldBlock`] if it does not. A file
/// system that cannot tell counts as one that does not, unless it lies in memory as a whole.
pub(super) fn read_cached(file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
    match preadv2(file, &mut [IoSliceMut::new(buffer)], at, ReadWriteFlags::NOWAIT) {
        Ok(read) if read == buffer.len() => Ok(()),
        Ok(_) => Err(io::ErrorKind::WouldBlock.into()),
        Err(Errno::OPNOTSUPP) if fstatfs(file)?.f_type == TMPFS_MAGIC => file.read_exact_at(buffer, at),
        Err(Errno::OPNOTSUPP) => Err(io::ErrorKind::WouldBlock.into()),
        Err(error) => Err(error.into()),
    }
}

/// Opens any file with a matter's key.
#[cfg(test)]
pub(super) fn open_any(
    file: File,
    path: PathBuf,
    id: BlobId,
    matter: &crate::keys::MatterKey,
) -> Result<(BlobReader, HeaderFacts), BlobError> {
    let length = file.metadata().map_err(io_error(&path))?.len();
    BlobReader::open((file, length), path, id, File::read_exact_at, |head| header::open(head, matter))
}
