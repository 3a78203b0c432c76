//! One upload, from its first byte to its blob.

use std::sync::Arc;

use super::base::Segments;
use super::overlay::{self, Overlay};
use super::part::{Base, Home, MAX_SEGMENTS, Part, Segment};
use super::window::Window;
use super::{Error, Staging};
use crate::keys::MatterKey;
use crate::names::BlobId;
use crate::vault::blobs::{BlobRef, BlobWriter, CHUNK, Written};

/// How much is read and sealed at once when segments are merged.
const COPY_BYTES: usize = 256 * 1024;

/// A document being written. Dropping it removes every file that it made, except those of a [`Part`] that it gave out.
///
/// After an error other than [`Error::TooLong`] nothing more can be made of it: every further call is
/// [`Error::Broken`].
pub struct Upload {
    staging: Staging,
    key: Arc<MatterKey>,
    segments: Segments,
    mode: Mode,
    len: u64,
    original: Option<BlobRef>,
    modified: bool,
    broken: bool,
    /// Files in the staging directory that no part given out names.
    unnamed: Vec<BlobId>,
}

/// A document as one blob.
pub enum Sealed {
    /// One that is durable: the version that the upload started from, or one synced earlier.
    Durable(BlobRef),
    /// One that is not durable before it is placed.
    Written(Written),
}

impl Sealed {
    /// The blob.
    pub fn blob(&self) -> BlobRef {
        match self {
            Self::Durable(blob) => *blob,
            Self::Written(written) => *written.blob(),
        }
    }

    /// Makes it durable.
    pub fn place(self) -> Result<BlobRef, Error> {
        match self {
            Self::Durable(blob) => Ok(blob),
            Self::Written(written) => Ok(written.place()?),
        }
    }
}

enum Mode {
    /// Data follows the segments, nearly in order, and goes straight into the next blob.
    Streaming { writer: Option<Box<BlobWriter>>, window: Window },
    /// Data goes anywhere.
    Random(Box<Overlay>),
}

impl Mode {
    fn fresh() -> Self {
        Self::Streaming { writer: None, window: Window::default() }
    }
}

impl Upload {
    pub(super) fn begin(staging: Staging, key: Arc<MatterKey>, base: Base) -> Result<Self, Error> {
        let mut upload = Self {
            staging,
            key,
            segments: Segments::default(),
            mode: Mode::fresh(),
            len: 0,
            original: None,
            modified: false,
            broken: false,
            unnamed: Vec::new(),
        };
        match base {
            Base::Empty => {}
            Base::Version(blob) => {
                upload.segments.push(&upload.staging, &upload.key, Segment { blob, home: Home::Blobs })?;
                upload.original = Some(blob);
                upload.len = blob.size;
            }
            Base::Part(part) => upload.resume(part)?,
        }
        Ok(upload)
    }

    fn resume(&mut self, part: Part) -> Result<(), Error> {
        for segment in part.segments {
            self.segments.push(&self.staging, &self.key, segment)?;
        }
        self.segments.cut(part.covered.min(part.len));
        self.mode = match part.patch {
            Some(patch) => Mode::Random(Box::new(Overlay::resume(&self.staging, &self.key, &patch)?)),
            None if !self.segments.is_uncut() => Mode::Random(Box::new(Overlay::new())),
            None => Mode::fresh(),
        };
        self.original = part.original;
        self.modified = part.original.is_none();
        self.len = part.len;
        Ok(())
    }

    /// Bytes of the document now.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if the document is empty now.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True if the document differs from the version it started from; always for a new one.
    pub fn is_modified(&self) -> bool {
        self.modified || self.original.is_none()
    }

    /// Writes at an offset; a gap before it reads as zeros.
    pub fn write_at(&mut self, offset: u64, data: &[u8]) -> Result<(), Error> {
        let end = self.allowed(offset.checked_add(data.len() as u64))?;
        if data.is_empty() {
            return Ok(());
        }
        self.guarded(|upload| {
            upload.write_anywhere(offset, data)?;
            upload.len = upload.len.max(end);
            upload.modified = true;
            Ok(())
        })
    }

    /// Cuts the document or lengthens it with zeros, which take no space until it is sealed.
    pub fn set_len(&mut self, len: u64) -> Result<(), Error> {
        self.allowed(Some(len))?;
        if len == self.len {
            return Ok(());
        }
        self.guarded(|upload| {
            if len < upload.len {
                upload.truncate(len)?;
            }
            upload.len = len;
            upload.modified = true;
            Ok(())
        })
    }

    /// Reads what is there now and tells how much it was: fewer bytes than asked only at the end.
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        if self.broken {
            return Err(Error::Broken);
        }
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        self.read_exact(offset, &mut buffer[..wanted])?;
        Ok(wanted)
    }

    /// Makes everything written so far durable. Writing goes on afterwards; the part stays valid beside it, and a part
    /// given out before is no longer needed once this one is recorded ([`Staging::discard`]).
    pub fn sync(&mut self) -> Result<Part, Error> {
        self.guarded(|upload| {
            let in_order = matches!(&upload.mode, Mode::Streaming { window, .. } if window.is_empty());
            if in_order {
                upload.finish_segment()?
            } else {
                upload.go_random()?
            }
            upload.part()
        })
    }

    /// Keeps the upload, encrypted, for its maker to resume. An upload that came in order ends where its first gap is,
    /// however far ahead some packets were: whoever resumes goes on from the length and would never fill the gap.
    pub fn suspend(mut self) -> Result<Part, Error> {
        self.guarded(|upload| {
            if let Mode::Streaming { writer, window } = &mut upload.mode {
                *window = Window::default();
                upload.len = upload.segments.covered() + writer.as_ref().map_or(0, |writer| writer.len());
                upload.finish_segment()?;
            }
            upload.part()
        })
    }

    /// Makes the document one blob. Where [`Self::is_modified`], that is always a new one, which is in no catalog yet:
    /// whoever does not record it removes it. Otherwise it is the version that the upload started from.
    pub fn seal(mut self) -> Result<Sealed, Error> {
        self.guarded(|upload| match upload.original {
            Some(version) if !upload.modified => Ok(Sealed::Durable(version)),
            _ if upload.segments.is_empty() && matches!(upload.mode, Mode::Streaming { .. }) => upload.seal_stream(),
            _ => upload.seal_merged(),
        })
    }

    #[cfg(test)]
    pub(super) fn is_streaming(&self) -> bool {
        matches!(self.mode, Mode::Streaming { .. })
    }

    fn allowed(&self, len: Option<u64>) -> Result<u64, Error> {
        let max = self.staging.max_len;
        len.filter(|len| *len <= max).ok_or(Error::TooLong { max })
    }

    /// After an error in the middle of something, what is held no longer fits together.
    fn guarded<T>(&mut self, change: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.broken {
            return Err(Error::Broken);
        }
        let result = change(self);
        self.broken = result.is_err();
        result
    }

    fn write_anywhere(&mut self, offset: u64, data: &[u8]) -> Result<(), Error> {
        let covered = self.segments.covered();
        if let Mode::Streaming { writer, window } = &mut self.mode {
            let (sealed, end) = match writer {
                Some(writer) => (covered + writer.sealed_len(), covered + writer.len()),
                None => (covered, covered),
            };
            if (sealed..=end).contains(&offset) {
                let writer = match writer {
                    Some(writer) => writer,
                    none => none.insert(Box::new(self.staging.blobs.create(&self.key)?)),
                };
                window.remove(offset, offset + data.len() as u64);
                writer.write_at(offset - covered, data)?;
                while let Some(next) = window.take_at(covered + writer.len()) {
                    writer.write(&next)?;
                }
                return Ok(());
            }
            if offset > end && window.has_room(data.len()) {
                window.insert(offset, data);
                return Ok(());
            }
        }
        self.go_random()?;
        self.write_random(offset, data)
    }

    fn write_random(&mut self, offset: u64, data: &[u8]) -> Result<(), Error> {
        let mut rest = data;
        let mut at = offset;
        while !rest.is_empty() {
            let (chunk, within) = locate(at);
            let (now, later) = rest.split_at(rest.len().min(CHUNK - within));
            let Mode::Random(overlay) = &mut self.mode else { return Err(Error::Broken) };
            if let Some(page) = overlay.resident(chunk) {
                page[within..within + now.len()].copy_from_slice(now);
            } else {
                let mut page = overlay::new_page();
                if now.len() < CHUNK && !overlay.load(chunk, &mut page)? {
                    self.segments.read_at(chunk * CHUNK as u64, &mut page[..])?;
                }
                page[within..within + now.len()].copy_from_slice(now);
                overlay.insert(&self.staging, chunk, page)?;
            }
            at += now.len() as u64;
            rest = later;
        }
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> Result<(), Error> {
        if len == 0 {
            // Starting over is what a client means that empties a file before it writes it.
            self.segments = Segments::default();
            self.mode = Mode::fresh();
            return self.remove_unnamed();
        }
        let covered = self.segments.covered();
        if let Mode::Streaming { writer, window } = &mut self.mode {
            let cut = match writer {
                Some(writer) => len >= covered && writer.truncate(len - covered),
                None => len >= covered,
            };
            if cut {
                window.remove(len, u64::MAX);
                return Ok(());
            }
            // What lies ahead is cut off with the rest.
            *window = Window::default();
        }
        self.go_random()?;
        self.segments.cut(len);
        match &mut self.mode {
            Mode::Random(overlay) => overlay.truncate(&self.staging, len),
            Mode::Streaming { .. } => Err(Error::Broken),
        }
    }

    /// Fills the buffer; all of it lies within the document.
    fn read_exact(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        match &mut self.mode {
            Mode::Streaming { writer, window } => {
                // This leaves zeros where the segments end.
                self.segments.read_at(offset, buffer)?;
                let covered = self.segments.covered();
                let skip = usize::try_from(covered.saturating_sub(offset)).unwrap_or(usize::MAX);
                if let (Some(writer), Some(rest)) = (writer, buffer.get_mut(skip..)) {
                    writer.read_at((offset + skip as u64) - covered, rest)?;
                }
                window.overlay(offset, buffer);
            }
            Mode::Random(overlay) => {
                let mut page = None;
                let mut done = 0;
                while done < buffer.len() {
                    let (chunk, within) = locate(offset + done as u64);
                    let take = (buffer.len() - done).min(CHUNK - within);
                    let target = &mut buffer[done..done + take];
                    let page = page.get_or_insert_with(overlay::new_page);
                    if let Some(held) = overlay.resident(chunk) {
                        target.copy_from_slice(&held[within..within + take]);
                    } else if overlay.load(chunk, page)? {
                        target.copy_from_slice(&page[within..within + take]);
                    } else {
                        self.segments.read_at(offset + done as u64, target)?;
                    }
                    done += take;
                }
            }
        }
        Ok(())
    }

    /// Ends the stream's blob and lays it behind the segments. The next data gets a key of its own.
    fn finish_segment(&mut self) -> Result<(), Error> {
        let Mode::Streaming { writer, .. } = &mut self.mode else { return Ok(()) };
        let Some(writer) = writer.take() else { return Ok(()) };
        if writer.is_empty() {
            return Ok(());
        }
        let blob = writer.finish_in(&self.staging.parts)?;
        self.unnamed.push(blob.id);
        self.segments.push(&self.staging, &self.key, Segment { blob, home: Home::Staging })?;
        if self.segments.count() > MAX_SEGMENTS { self.merge_pair() } else { Ok(()) }
    }

    /// Merging the two smallest neighbours keeps the record small without copying the whole upload each time.
    fn merge_pair(&mut self) -> Result<(), Error> {
        let Some((first, range)) = self.segments.smallest_pair() else { return Ok(()) };
        let mut writer = self.staging.parts.create(&self.key)?;
        let mut buffer = vec![0; COPY_BYTES];
        let mut at = range.start;
        while at < range.end {
            let now = usize::try_from(range.end - at).map_or(COPY_BYTES, |left| left.min(COPY_BYTES));
            self.segments.read_at(at, &mut buffer[..now])?;
            writer.write(&buffer[..now])?;
            at += now as u64;
        }
        let blob = writer.finish()?;
        self.unnamed.push(blob.id);
        let merged = Segment { blob, home: Home::Staging };
        for old in self.segments.replace_pair(&self.staging, &self.key, first, merged)? {
            if let Some(index) = self.unnamed.iter().position(|id| *id == old.blob.id) {
                self.staging.parts.remove(&self.unnamed.swap_remove(index))?;
            }
        }
        Ok(())
    }

    /// Leaves the stream: what it has becomes immutable, what came ahead becomes pages.
    fn go_random(&mut self) -> Result<(), Error> {
        self.finish_segment()?;
        if let Mode::Streaming { window, .. } = &mut self.mode {
            let mut window = std::mem::take(window);
            self.mode = Mode::Random(Box::new(Overlay::new()));
            while let Some((at, data)) = window.take_first() {
                self.write_random(at, &data)?;
            }
        }
        Ok(())
    }

    /// The record of what is durable now; its files are no longer this upload's to remove.
    fn part(&mut self) -> Result<Part, Error> {
        let patch = match &mut self.mode {
            Mode::Random(overlay) if !overlay.is_empty() => {
                let mut writer = self.staging.parts.create(&self.key)?;
                overlay.write_patch(&mut writer)?;
                Some(writer.finish()?)
            }
            _ => None,
        };
        let part = Part {
            len: self.len,
            covered: self.segments.covered(),
            segments: self.segments.list(),
            patch,
            original: self.original.filter(|_| !self.modified),
        };
        self.unnamed.retain(|id| part.staged().all(|named| named != *id));
        Ok(part)
    }

    fn seal_stream(&mut self) -> Result<Sealed, Error> {
        let Mode::Streaming { writer, window } = &mut self.mode else { return Err(Error::Broken) };
        let mut writer = match writer.take() {
            Some(writer) => writer,
            None => Box::new(self.staging.blobs.create(&self.key)?),
        };
        let missing = self.len - writer.len();
        ensure_space(&self.staging, missing)?;
        while let Some((at, data)) = window.take_first() {
            writer.write_zeros(at - writer.len())?;
            writer.write(&data)?;
        }
        writer.write_zeros(self.len - writer.len())?;
        Ok(Sealed::Written(writer.complete()?))
    }

    fn seal_merged(&mut self) -> Result<Sealed, Error> {
        self.go_random()?;
        let untouched = matches!(&self.mode, Mode::Random(overlay) if overlay.is_empty());
        if let Some(Segment { blob, home: Home::Staging }) = self.segments.only(self.len).filter(|_| untouched) {
            // A second name costs nothing; a file system without hard links costs a copy.
            if let Ok(adopted) = self.staging.blobs.adopt(&self.staging.parts, &blob) {
                return Ok(Sealed::Durable(adopted));
            }
        }
        ensure_space(&self.staging, self.len)?;
        let mut writer = self.staging.blobs.create(&self.key)?;
        let mut buffer = vec![0; COPY_BYTES];
        while writer.len() < self.len {
            let now = usize::try_from(self.len - writer.len()).map_or(COPY_BYTES, |left| left.min(COPY_BYTES));
            self.read_exact(writer.len(), &mut buffer[..now])?;
            writer.write(&buffer[..now])?;
        }
        Ok(Sealed::Written(writer.complete()?))
    }

    fn remove_unnamed(&mut self) -> Result<(), Error> {
        for id in self.unnamed.drain(..) {
            self.staging.parts.remove(&id)?;
        }
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // What cannot be removed now is swept at the next start.
        let _ = self.remove_unnamed();
    }
}

/// Refuses at once what cannot fit: a hole of a terabyte would otherwise fill the disk before it failed.
fn ensure_space(staging: &Staging, bytes: u64) -> Result<(), Error> {
    if bytes > 0 && staging.blobs.free_space()? < bytes { Err(Error::NoSpace) } else { Ok(()) }
}

/// The chunk of an offset, and where in it.
pub(super) fn locate(offset: u64) -> (u64, usize) {
    let chunk = CHUNK as u64;
    (offset / chunk, usize::try_from(offset % chunk).unwrap_or_default())
}
