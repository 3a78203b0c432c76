//! The record as a whole, for the administrator and the auditor: found, shown, proven, verified. What it says of documents is
//! names and hashes; nothing here opens one.

use std::sync::Arc;
use std::thread;

use super::hashing::behind_the_others;
use super::{Gate, Permit, SeeRecord};
use crate::audit::{Detail, Found, FoundProven, Outcome, Proof, Search, Shown, VerifyError, VerifyKey, VerifyReport};
use crate::names::Timestamp;

/// Whether the record is being verified, and what came of it the last time. In memory; that it was done, and what came of
/// it, stands in the record.
#[derive(Debug, Clone, Default)]
pub struct Verification {
    /// Since when one goes on.
    pub since: Option<Timestamp>,
    /// The last one that came to its end since the start.
    pub last: Option<Verified>,
}

/// A verification that came to its end.
#[derive(Debug, Clone)]
pub struct Verified {
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// What it found; or the first thing that is wrong.
    pub result: Result<VerifyReport, String>,
}

impl Gate {
    /// A page of records, newest first. Blocks.
    ///
    /// # Errors
    /// If the record is damaged where it is read.
    pub fn records(&self, _permit: &Permit<SeeRecord>, search: &Search) -> Result<Found, VerifyError> {
        self.log.search(search)
    }

    /// One record, if there is one of this number. Blocks.
    ///
    /// # Errors
    /// If the record is damaged where it is read.
    pub fn one_record(&self, _permit: &Permit<SeeRecord>, seq: u64) -> Result<Option<Shown>, VerifyError> {
        self.log.shown(seq)
    }

    /// The proof of one record, if there is one of this number. Blocks.
    ///
    /// # Errors
    /// If the record is damaged, or no checkpoint can be written.
    pub fn prove(&self, _permit: &Permit<SeeRecord>, seq: u64, with_body: bool) -> Result<Option<Proof>, VerifyError> {
        if seq >= self.log.size() {
            return Ok(None);
        }
        self.log.prove(seq, with_body).map(Some)
    }

    /// As [`Gate::records`], each with its proof. Blocks.
    ///
    /// # Errors
    /// As [`Gate::prove`].
    pub fn proven(&self, _permit: &Permit<SeeRecord>, search: &Search) -> Result<FoundProven, VerifyError> {
        self.log.proven(search)
    }

    /// What proofs and checkpoints are checked with. It is public.
    pub fn record_key(&self) -> &VerifyKey {
        self.log.verify_key()
    }

    /// Verifies the whole record, behind everything else; the permit is settled with what comes of it. One at a time: false
    /// if one goes on already, or the system has no thread for it.
    pub fn verify_record(self: &Arc<Self>, permit: Permit<SeeRecord>) -> bool {
        let began = Timestamp::now();
        let goes_on = {
            let mut verification = self.verification.lock();
            let before = verification.since;
            verification.since = before.or(Some(began));
            before
        };
        if let Some(since) = goes_on {
            permit.settle(Outcome::Failed, Detail::because(format!("one goes on since {since}")));
            return false;
        }
        let gate = Arc::clone(self);
        let run = move || {
            behind_the_others();
            let result = gate.log.verify().map_err(|why| why.to_string());
            let (outcome, told) = match &result {
                Ok(report) => (Outcome::Done, report.to_string()),
                Err(why) => (Outcome::Failed, format!("the record is damaged: {why}")),
            };
            if outcome == Outcome::Failed {
                tracing::error!(told, "the record was verified and is not sound");
            }
            permit.settle(outcome, Detail::because(told));
            let last = Some(Verified { began, ended: Timestamp::now(), result });
            *gate.verification.lock() = Verification { since: None, last };
        };
        let started = thread::Builder::new().name("verification".to_owned()).spawn(run);
        if let Err(error) = &started {
            tracing::error!(%error, "no thread for a verification");
            self.verification.lock().since = None;
        }
        started.is_ok()
    }

    /// How verifying the record goes, and went.
    pub fn verification(&self) -> Verification {
        self.verification.lock().clone()
    }
}
