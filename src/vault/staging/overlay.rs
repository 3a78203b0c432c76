//! Chunks that were written out of order: a copy-on-write map over the base.

use std::collections::{BTreeMap, VecDeque};

use super::scratch::{Scratch, Slot};
use super::{Error, Staging};
use crate::keys::MatterKey;
use crate::vault::blobs::{BlobError, BlobReader, BlobRef, BlobWriter, CHUNK};

/// Pages that stay in memory: 4 MiB.
const MEMORY_PAGES: usize = 64;
/// What a page takes in a patch: its chunk, and 8 bytes in the index at the end.
const PATCH_PAGE: u64 = CHUNK as u64 + 8;

type Page = Box<[u8; CHUNK]>;

enum Place {
    Memory(Page),
    Scratch(Slot),
    /// The position in the patch with which the upload was resumed.
    Patch(u64),
}

/// Pages by chunk number. A page is always whole; beyond the document's end it holds zeros.
pub(super) struct Overlay {
    pages: BTreeMap<u64, Place>,
    /// The chunks in memory, the one that came first in front.
    resident: VecDeque<u64>,
    scratch: Option<Scratch>,
    patch: Option<BlobReader>,
}

impl Overlay {
    pub(super) fn new() -> Self {
        Self { pages: BTreeMap::new(), resident: VecDeque::new(), scratch: None, patch: None }
    }

    /// Goes on from a patch: the pages end to end, then their chunk numbers, 8 bytes each, big-endian.
    pub(super) fn resume(staging: &Staging, key: &MatterKey, patch: &BlobRef) -> Result<Self, Error> {
        let damaged = || BlobError::Damaged { id: patch.id, what: "it is no patch" };
        let reader = staging.parts.read(patch, key)?;
        if !patch.size.is_multiple_of(PATCH_PAGE) {
            return Err(damaged().into());
        }
        let count = patch.size / PATCH_PAGE;
        let mut pages = BTreeMap::new();
        let mut numbers = vec![0; 8 * 1024];
        while (pages.len() as u64) < count {
            let position = pages.len() as u64;
            let read = reader.read_at(count * CHUNK as u64 + position * 8, &mut numbers)?;
            for (number, position) in numbers[..read].as_chunks::<8>().0.iter().zip(position..) {
                pages.insert(u64::from_be_bytes(*number), Place::Patch(position));
            }
            if pages.len() as u64 == position {
                return Err(damaged().into());
            }
        }
        Ok(Self { pages, resident: VecDeque::new(), scratch: None, patch: Some(reader) })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Copies a chunk's page into the buffer, if there is one.
    pub(super) fn load(&mut self, chunk: u64, page: &mut [u8; CHUNK]) -> Result<bool, Error> {
        match self.pages.get(&chunk) {
            None => return Ok(false),
            Some(Place::Memory(held)) => page.copy_from_slice(&held[..]),
            Some(Place::Scratch(slot)) => match &mut self.scratch {
                Some(scratch) => scratch.load(slot, page)?,
                None => return Err(Error::Broken),
            },
            Some(Place::Patch(position)) => match &self.patch {
                Some(patch) if patch.read_at(position * CHUNK as u64, page)? == CHUNK => {}
                _ => return Err(Error::Broken),
            },
        }
        Ok(true)
    }

    /// The chunk's page, if it is in memory.
    pub(super) fn resident(&mut self, chunk: u64) -> Option<&mut [u8; CHUNK]> {
        match self.pages.get_mut(&chunk) {
            Some(Place::Memory(page)) => Some(page),
            _ => None,
        }
    }

    /// Keeps a page that was not in memory; the one that came there first makes room.
    pub(super) fn insert(&mut self, staging: &Staging, chunk: u64, page: Page) -> Result<(), Error> {
        while self.resident.len() >= MEMORY_PAGES {
            self.spill(staging)?;
        }
        let before = self.pages.insert(chunk, Place::Memory(page));
        self.resident.push_back(chunk);
        self.release(before);
        Ok(())
    }

    fn spill(&mut self, staging: &Staging) -> Result<(), Error> {
        let Some(chunk) = self.resident.pop_front() else { return Ok(()) };
        let Some(Place::Memory(page)) = self.pages.get(&chunk) else { return Ok(()) };
        let scratch = match &mut self.scratch {
            Some(scratch) => scratch,
            none => none.insert(Scratch::create(&staging.parts)?),
        };
        let slot = scratch.store(page)?;
        self.pages.insert(chunk, Place::Scratch(slot));
        Ok(())
    }

    fn release(&mut self, place: Option<Place>) {
        if let (Some(Place::Scratch(slot)), Some(scratch)) = (place, &mut self.scratch) {
            scratch.release(slot);
        }
    }

    /// Forgets what lies beyond the document's new end, so that growing again shows zeros.
    pub(super) fn truncate(&mut self, staging: &Staging, len: u64) -> Result<(), Error> {
        let (chunk, within) = super::upload::locate(len);
        let beyond = self.pages.split_off(&if within == 0 { chunk } else { chunk + 1 });
        self.resident.retain(|chunk| !beyond.contains_key(chunk));
        for place in beyond.into_values() {
            self.release(Some(place));
        }
        if within == 0 {
            return Ok(());
        }
        if let Some(page) = self.resident(chunk) {
            page[within..].fill(0);
            return Ok(());
        }
        let mut page = new_page();
        if self.load(chunk, &mut page)? {
            page[within..].fill(0);
            self.insert(staging, chunk, page)?;
        }
        Ok(())
    }

    /// Writes all pages as a patch.
    pub(super) fn write_patch(&mut self, writer: &mut BlobWriter) -> Result<(), Error> {
        let chunks: Vec<u64> = self.pages.keys().copied().collect();
        let mut page = new_page();
        for chunk in &chunks {
            self.load(*chunk, &mut page)?;
            writer.write(&page[..])?;
        }
        for chunk in chunks {
            writer.write(&chunk.to_be_bytes())?;
        }
        Ok(())
    }
}

/// A page of zeros.
pub(super) fn new_page() -> Page {
    let page: Box<[u8]> = vec![0; CHUNK].into_boxed_slice();
    page.try_into().expect("it has the length of a page")
}
