//! SFTP version 3 over SSH: our own codec on russh's channel stream.
//!
//! ```text
//!  socket ─ stream (pulse, switch) ─ russh ─ handler (logins, refusals)
//!                                      │
//!                       channel ───────┴──────── writer
//!            reads packets, serves each     takes answers in batches,
//!            request, never awaits output   reads data for READs
//!                       └───── outbox (bounded) ─────┘
//! ```
//!
//! `connection` watches over each session from outside of russh: login deadline, idle time, revocation, drain.
//! `dialog` is the channel's state machine without the channel; `desk`, `files` and `extensions` turn requests into calls of [`View`](crate::vfs::View); `status` alone maps errors.
//!
//! Architecture invariant: nothing here decides about permissions, and no task that reads from the client ever waits for
//! output to it.

mod algorithms;
mod certificate;
mod channel;
pub mod codec;
mod connection;
mod desk;
mod dialog;
mod extensions;
mod files;
mod fuzz;
mod handler;
mod handles;
mod host_keys;
mod listing;
mod outbox;
mod scanners;
mod security_key;
mod server;
mod status;
mod stream;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use crate::front::Bounds;

pub use fuzz::fuzz_channel;
pub use scanners::Scanners;
pub use server::serve;

/// What the SFTP server is started with.
pub struct Settings {
    /// The server's own keys; the client chooses by their type, and gets the first of that. All are announced.
    pub host_keys: Vec<russh::keys::PrivateKey>,
    /// What clients may use.
    pub bounds: Arc<Bounds>,
    /// Shown before login, for example a legal notice.
    pub banner: Option<String>,
    /// Refuses clients that know no post-quantum key exchange; old scanners do not, and their listener does not ask.
    pub post_quantum_only: bool,
    /// How long sessions may finish what they have begun after the stop signal.
    pub drain: Duration,
    /// Of the listener for old scanners alone: whom it takes, and for how long.
    pub scanners: Option<Scanners>,
}

impl Settings {
    /// Which host keys are in use and which are announced alone, for people.
    pub fn host_keys_told(&self) -> String {
        host_keys::told(&self.host_keys)
    }
}
