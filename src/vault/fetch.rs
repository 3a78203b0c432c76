//! A small document, fetched whole.
//!
//! A reader of a large document has an intent in the audit record before the first byte and the outcome after the last. What is
//! fetched in one piece is known before anything of it goes out, so one record says it all; [`Withheld`] keeps the piece back
//! until that record is durable.

use super::document::Current;
use super::error::Error;
use super::{Entry, Vault};
use crate::audit::{Detail, Outcome};
use crate::gate::{Fetch, Permit, Withheld};

/// The longest document that is fetched whole, in bytes.
pub const FETCHED_WHOLE: u64 = 64 * 1024;

/// One version of a document with its content.
pub struct Whole {
    /// The entry as it was when its content was read.
    pub entry: Entry,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// What came of fetching a document without waiting.
#[expect(clippy::large_enum_variant, reason = "short-lived, and the large variant is the frequent one")]
pub enum FetchedNow {
    /// It was read, or cannot be.
    Withheld(Withheld<Result<Whole, Error>>),
    /// It would mean to wait for the disk: [`Vault::fetch`] does.
    NotInMemory(Permit<Fetch>),
}

impl Vault {
    /// Reads the current version of the document that the permit names.
    pub fn fetch(&self, permit: Permit<Fetch>) -> Withheld<Result<Whole, Error>> {
        let fetched = self
            .small(&permit)
            .and_then(|current| Ok((self.blobs.fetch(&current.content.blob, &current.key)?, current)));
        withhold(permit, fetched)
    }

    /// The same for what is in memory, without waiting for the disk.
    pub fn fetch_now(&self, permit: Permit<Fetch>) -> FetchedNow {
        let fetched = self.small(&permit).and_then(|current| {
            Ok(self.blobs.fetch_now(&current.content.blob, &current.key)?.map(|bytes| (bytes, current)))
        });
        match fetched.transpose() {
            Some(fetched) => FetchedNow::Withheld(withhold(permit, fetched)),
            None => FetchedNow::NotInMemory(permit),
        }
    }

    fn small(&self, permit: &Permit<Fetch>) -> Result<Current, Error> {
        let current = self.current(permit.target())?;
        // A longer version has come since it was found.
        if current.content.blob.size > FETCHED_WHOLE { Err(Error::Changed) } else { Ok(current) }
    }
}

fn withhold(permit: Permit<Fetch>, fetched: Result<(Vec<u8>, Current), Error>) -> Withheld<Result<Whole, Error>> {
    match fetched {
        Ok((bytes, Current { entry, content, .. })) => {
            let mut detail = Detail {
                version: Some(content.version),
                sha256: Some(content.blob.sha256),
                bytes: Some(bytes.len() as u64),
                ..Detail::default()
            };
            detail.add_range(0, bytes.len() as u64);
            permit.withhold(Ok(Whole { entry, bytes }), Outcome::Done, detail)
        }
        Err(error) => {
            let detail = Detail::because(error.to_string());
            permit.withhold(Err(error), Outcome::Failed, detail)
        }
    }
}
