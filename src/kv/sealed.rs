//! Values sealed above any engine, so that the disk shows sizes and keys, and a damaged or moved record is an error.
//!
//! A stored value is a format byte, a random nonce of 12 bytes, and the AES-256-GCM-SIV ciphertext (RFC 8452) of the
//! record's MessagePack array with its tag; the associated data is the format byte and the full key, so that a value
//! cannot be moved to another key. Random nonces are safe here far beyond the 2^32 records of AES-GCM: GCM-SIV derives
//! fresh keys from every nonce, and where two records happen to share one (a chance of 2^-17 after 2^40 records), nothing
//! but their being equal shows, and they are equal only under one and the same key of the store. Neither the key nor
//! forgeries come within reach, as they would with GCM.

use super::{Batch, CommitNumber, Engine, Error, Precondition, Write};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The first byte of every sealed value.
const FORMAT: u8 = 1;
/// What sealing adds to a value: format byte, nonce, tag.
const OVERHEAD: usize = 1 + NONCE_LEN + 16;

/// The two keys of a sealed store. Wiped when dropped; has no `Debug`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SealKeys {
    seal: [u8; 32],
    names: [u8; 32],
}

impl SealKeys {
    /// `seal` encrypts values, `names` makes the tags that stand for names in keys.
    pub fn new(seal: [u8; 32], names: [u8; 32]) -> Self {
        Self { seal, names }
    }
}

/// A record as it was read: its value, and what a change needs to find it unchanged.
#[derive(Clone)]
pub struct Sealed<T> {
    /// The opened value.
    pub value: T,
    key: Arc<[u8]>,
    raw: Arc<[u8]>,
}

impl<T> Sealed<T> {
    /// The record's key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

/// An engine whose values are sealed. Cheap to clone through an `Arc` around it.
pub struct SealedStore {
    engine: Arc<dyn Engine>,
    seal: LessSafeKey,
    names: hmac::Key,
}

impl SealedStore {
    /// Puts the seal above an engine.
    ///
    /// # Errors
    /// [`Error::Engine`] if the cipher is not available.
    pub fn new(engine: Arc<dyn Engine>, keys: &SealKeys) -> Result<Self, Error> {
        let key = UnboundKey::new(&AES_256_GCM_SIV, &keys.seal)
            .map_err(|_| Error::Engine("AES-256-GCM-SIV is not available".into()))?;
        let names = hmac::Key::new(hmac::HMAC_SHA256, &keys.names);
        Ok(Self { engine, seal: LessSafeKey::new(key), names })
    }

    /// The engine below, for its numbers and checks.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// The record under a key.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming the key, if what is stored was not sealed here for this key or is no `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<Sealed<T>>, Error> {
        let Some(raw) = self.engine.get(key)? else { return Ok(None) };
        let value = self.open(key, &raw, &mut Scratch(Zeroizing::new(Vec::with_capacity(raw.len()))))?;
        Ok(Some(Sealed { value, key: key.into(), raw: raw.into() }))
    }

    /// Visits the records under a prefix in key order, those after `after` if given, on one snapshot.
    ///
    /// # Errors
    /// As [`SealedStore::get`]; the scan ends at the first damaged record.
    pub fn scan<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        mut visit: impl FnMut(&[u8], T) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut scratch = Scratch::default();
        let mut damaged = None;
        self.engine.scan(prefix, after, &mut |key, raw| match self.open(key, raw, &mut scratch) {
            Ok(value) => visit(key, value),
            Err(error) => {
                damaged = Some(error);
                ControlFlow::Break(())
            }
        })?;
        damaged.map_or(Ok(()), Err)
    }

    /// As [`SealedStore::scan`], but goes on after a damaged record: the visitor is told of it with its key.
    ///
    /// # Errors
    /// As [`Engine::scan`].
    pub fn survey<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        mut visit: impl FnMut(&[u8], Result<T, Error>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut scratch = Scratch::default();
        self.engine.scan(prefix, after, &mut |key, raw| visit(key, self.open(key, raw, &mut scratch)))
    }

    /// Begins a change; nothing happens before [`Change::commit`].
    pub fn change(&self) -> Change<'_> {
        Change { store: self, batch: Batch::default(), failed: None }
    }

    /// What stands for a name in a key: equal for equal (context, name), and telling nothing else. The name comes folded,
    /// so that twins in case or composition meet.
    pub fn name_tag(&self, context: &[u8], folded_name: &str) -> [u8; 16] {
        let mut mac = hmac::Context::with_key(&self.names);
        // The length first: no (context, name) can be read as another pair.
        mac.update(&(context.len() as u64).to_be_bytes());
        mac.update(context);
        mac.update(folded_name.as_bytes());
        let mut tag = [0; 16];
        tag.copy_from_slice(&mac.sign().as_ref()[..16]);
        tag
    }

    fn seal<T: Serialize>(&self, key: &[u8], value: &T) -> Result<Vec<u8>, Error> {
        let mut plain = Zeroizing::new(Vec::new());
        rmp_serde::encode::write(&mut *plain, value)
            .map_err(|e| Error::Engine(format!("a record cannot be encoded: {e}")))?;
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| Error::Engine("there is no randomness".into()))?;
        let tag = self
            .seal
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad(key)), &mut plain)
            .map_err(|_| Error::TooLarge(key.len()))?;
        let mut raw = Vec::with_capacity(OVERHEAD + plain.len());
        raw.push(FORMAT);
        raw.extend_from_slice(&nonce);
        raw.extend_from_slice(&plain);
        raw.extend_from_slice(tag.as_ref());
        Ok(raw)
    }

    fn open<T: DeserializeOwned>(&self, key: &[u8], raw: &[u8], scratch: &mut Scratch) -> Result<T, Error> {
        let damaged = || Error::Damaged(key.escape_ascii().to_string());
        let (&format, rest) = raw.split_first().ok_or_else(damaged)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        if format != FORMAT {
            return Err(damaged());
        }
        scratch.0.clear();
        scratch.0.extend_from_slice(sealed);
        let plain = self
            .seal
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad(key)), &mut scratch.0)
            .map_err(|_| damaged())?;
        rmp_serde::from_slice(plain).map_err(|_| damaged())
    }
}

/// One buffer for the records of a scan, wiped at its end. A value is at most [`super::MAX_VALUE_BYTES`], so that it is
/// never moved while it grows and leaves no copy behind.
struct Scratch(Zeroizing<Vec<u8>>);

impl Default for Scratch {
    fn default() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(super::MAX_VALUE_BYTES)))
    }
}

fn aad(key: &[u8]) -> Vec<u8> {
    let mut aad = Vec::with_capacity(1 + key.len());
    aad.push(FORMAT);
    aad.extend_from_slice(key);
    aad
}

/// Preconditions and writes that happen together or not at all.
#[must_use = "a change does nothing before it is committed"]
pub struct Change<'a> {
    store: &'a SealedStore,
    batch: Batch,
    failed: Option<Error>,
}

impl Change<'_> {
    /// Stores a value. An error in encoding it is reported by [`Change::commit`].
    pub fn put<T: Serialize>(&mut self, key: &[u8], value: &T) -> &mut Self {
        match self.store.seal(key, value) {
            Ok(raw) => self.batch.writes.push(Write::Put(key.to_vec(), raw)),
            Err(error) => self.failed = Some(error),
        }
        self
    }

    /// Removes a record if it is there.
    pub fn delete(&mut self, key: &[u8]) -> &mut Self {
        self.batch.writes.push(Write::Delete(key.to_vec()));
        self
    }

    /// Only if the key holds nothing.
    pub fn if_absent(&mut self, key: &[u8]) -> &mut Self {
        self.when(Precondition::Absent(key.to_vec()))
    }

    /// Only if the key holds something.
    pub fn if_present(&mut self, key: &[u8]) -> &mut Self {
        self.when(Precondition::Present(key.to_vec()))
    }

    /// Only if the record is still the one that was read.
    pub fn if_unchanged<T>(&mut self, record: &Sealed<T>) -> &mut Self {
        self.when(Precondition::Equals(record.key.to_vec(), record.raw.to_vec()))
    }

    /// Only if no key starts with the prefix.
    pub fn if_empty(&mut self, prefix: &[u8]) -> &mut Self {
        self.when(Precondition::EmptyPrefix(prefix.to_vec()))
    }

    fn when(&mut self, precondition: Precondition) -> &mut Self {
        self.batch.preconditions.push(precondition);
        self
    }

    /// Makes the change; durable on return. The builder is empty afterwards.
    ///
    /// # Errors
    /// [`Error::Conflict`] if a precondition does not hold; otherwise as [`Engine::commit`].
    pub fn commit(&mut self) -> Result<CommitNumber, Error> {
        let batch = std::mem::take(&mut self.batch);
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.store.engine.commit(batch),
        }
    }
}
