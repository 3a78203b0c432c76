//! A nameless file of encrypted pages for chunks that do not fit into memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::Error;
use crate::vault::blobs::{BlobError, BlobStore, CHUNK};

/// Where a page lies and what opens it. It exists in memory only, so nobody can put an older page back.
pub(super) struct Slot {
    place: u64,
    counter: u64,
    tag: [u8; 16],
}

/// Pages of one chunk each under AES-256-GCM with a key that never leaves memory.
pub(super) struct Scratch {
    file: File,
    directory: std::path::PathBuf,
    key: LessSafeKey,
    /// Nonces are a counter; a page written again gets a new one.
    counter: u64,
    places: u64,
    free: Vec<u64>,
    sealed: Vec<u8>,
}

impl Scratch {
    pub(super) fn create(store: &BlobStore) -> Result<Self, Error> {
        let mut secret = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *secret).expect("the operating system gives random bytes");
        let key = UnboundKey::new(&AES_256_GCM, &*secret).expect("the key has the cipher's length");
        Ok(Self {
            file: store.unnamed_file()?,
            directory: store.root().to_owned(),
            key: LessSafeKey::new(key),
            counter: 0,
            places: 0,
            free: Vec::new(),
            sealed: vec![0; CHUNK],
        })
    }

    /// Writes a page.
    pub(super) fn store(&mut self, page: &[u8; CHUNK]) -> Result<Slot, Error> {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places += 1;
            self.places - 1
        });
        self.counter += 1;
        let mut tag = [0; 16];
        self.key
            .seal_out_of_place_scatter(nonce(self.counter), Aad::empty(), page, &mut self.sealed, &[], &mut tag)
            .expect("lengths match and a page is far below the cipher's limit");
        self.file.write_all_at(&self.sealed, place * CHUNK as u64).map_err(|error| self.io_error(error))?;
        Ok(Slot { place, counter: self.counter, tag })
    }

    /// Reads a page.
    pub(super) fn load(&mut self, slot: &Slot, page: &mut [u8; CHUNK]) -> Result<(), Error> {
        let read = self.file.read_exact_at(&mut self.sealed, slot.place * CHUNK as u64);
        read.map_err(|error| self.io_error(error))?;
        self.key
            .open_separate_gather(nonce(slot.counter), Aad::empty(), &self.sealed, &slot.tag, page)
            .map_err(|_| self.io_error(io::Error::new(io::ErrorKind::InvalidData, "a scratch page was changed")))
    }

    /// Gives a page's place to the next one.
    pub(super) fn release(&mut self, slot: Slot) {
        self.free.push(slot.place);
    }

    fn io_error(&self, source: io::Error) -> Error {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::NoSpace,
            _ => Error::Blob(BlobError::Io { path: self.directory.clone(), source }),
        }
    }
}

fn nonce(counter: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[4..].copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}
