//! The gate: who somebody is, and the one place that lets an operation happen.
//!
//! A front end turns credentials into a [`Session`] (`login_*`). The virtual filesystem then asks for a [`Permit`] for
//! each operation: [`Gate::permit`] finds the session's standing in the firm, puts the operation to the policy and what that
//! allows to the firm's guards, writes the audit record, and only then hands out the permit that the vault will accept. A
//! refusal is recorded too.
//!
//! Architecture invariant: no other module makes a `Permit`, and nothing here touches a document.

mod activity;
mod asks;
mod factor;
mod hashing;
mod links;
mod login;
mod open_sessions;
mod operation;
pub mod passwords;
mod permit;
mod record;
mod session;
mod ssh_keys;
mod throttle;
mod tokens;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::watch;

pub use asks::{Ask, Guarding, WhatIf};
pub use factor::{FirstFactor, Login, authenticator_url, is_code_of, random_secret};
pub use links::{Followable, Followed, LinkError, RESET_LIFE, new_link};
pub use login::{Entrance, LoginError};
pub use open_sessions::{OpenSession, OwnSession, Which, WhichOwn};
pub use operation::{
    Administer, Aim, Assign, Create, Delete, Discard, DropHeld, EndSave, Expire, Fetch, GiveReceipt, List, Lock,
    MakeFolder, Manage, Move, Operation, OwnAccount, Quarantine, Read, Route, Save, Scan, SeeActivity, SeeOwnAccount,
    SeeRecord, Service, SetAside, SetProperties, SetTimes, Stat, StatFolder, Update, Viewpoint,
};
pub use permit::{Confirmation, Confirming, OnRecord, Permit, Recording, Refusal, Withheld};
pub use record::{Verification, Verified};
pub use session::{CarriedOn, Session};
pub use ssh_keys::{CertificateName, RevokedKeys, SecurityKey, ShownKey, SshKey, SshTrust, UserCertificate};

use crate::audit::Log;
use crate::names::{SessionId, TransientNames};
use crate::practice::Practice;

/// What a firm can set about the gate.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long the maker of a document may still finish it with Create alone.
    pub fresh_for: Duration,
    /// How long the maker of a document may do so after giving back the lock under which it was written.
    pub grace: Duration,
    /// Which names are those of temporary files.
    pub transients: TransientNames,
    /// How long what a save has moved away or removed waits for what replaces it.
    pub save_wait: Duration,
    /// Passwords that wait to be checked at a time.
    pub passwords_waiting: usize,
    /// Of these, from one address.
    pub passwords_waiting_per_address: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fresh_for: Duration::from_secs(15 * 60),
            grace: Duration::from_secs(60),
            transients: TransientNames::default(),
            save_wait: Duration::from_secs(120),
            passwords_waiting: 256,
            passwords_waiting_per_address: 32,
        }
    }
}

/// Decides, records, permits.
pub struct Gate {
    practice: Arc<Practice>,
    log: Arc<Log>,
    settings: Settings,
    guarding: ArcSwap<Guarding>,
    ssh_trust: ArcSwap<SshTrust>,
    logins: login::Logins,
    verification: Mutex<Verification>,
    sessions: Mutex<HashMap<SessionId, Weak<Session>>>,
    /// Counts the times at which somebody may have lost something.
    losses: watch::Sender<u64>,
}

impl Gate {
    /// The gate of a firm. Fails only if the system has no randomness or memory for one password hash.
    pub fn new(practice: Arc<Practice>, log: Arc<Log>, settings: Settings) -> Result<Arc<Self>, passwords::Error> {
        Ok(Arc::new(Self {
            practice,
            log,
            logins: login::Logins::new(&settings)?,
            settings,
            guarding: ArcSwap::default(),
            ssh_trust: ArcSwap::default(),
            verification: Mutex::default(),
            sessions: Mutex::default(),
            losses: watch::Sender::default(),
        }))
    }

    /// What the firm has set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Which names are those of temporary files.
    pub fn transients(&self) -> &TransientNames {
        &self.settings.transients
    }

    /// Wakes when sessions may have ended or rights may be gone: whoever serves something under way asks then whether it may
    /// go on.
    pub fn losses(&self) -> watch::Receiver<u64> {
        self.losses.subscribe()
    }

    /// How often that has been so far.
    pub fn losses_so_far(&self) -> u64 {
        *self.losses.borrow()
    }

    fn tell_of_losses(&self) {
        self.losses.send_modify(|count| *count += 1);
    }

    /// The firm's records as they are now.
    pub fn practice(&self) -> &Arc<Practice> {
        &self.practice
    }
}
