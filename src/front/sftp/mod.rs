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
//! `desk`, `files` and `extensions` turn requests into calls of [`View`](crate::vfs::View); `status` alone maps errors.
//!
//! Architecture invariant: nothing here decides about permissions, and no task that reads from the client ever waits for
//! output to it.

mod algorithms;
mod channel;
pub mod codec;
mod connection;
mod desk;
mod extensions;
mod files;
mod handler;
mod handles;
mod listing;
mod outbox;
mod server;
mod status;
mod stream;
mod writer;

use std::time::Duration;

pub use server::serve;

/// What the SFTP server is started with.
pub struct Settings {
    /// The server's own keys; the client chooses by their type.
    pub host_keys: Vec<russh::keys::PrivateKey>,
    /// Bounds on what clients may use.
    pub limits: Limits,
    /// Shown before login, for example a legal notice.
    pub banner: Option<String>,
    /// How long sessions may finish what they have begun after the stop signal.
    pub drain: Duration,
}

/// Bounds on what clients may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once, logged in or not.
    pub connections: usize,
    /// Connections at once from one address (IPv6: one /64 network).
    pub connections_per_address: usize,
    /// From the first byte to a successful login.
    pub login_deadline: Duration,
    /// A connection over which no byte passes for this long is closed. Keep-alive messages of a client count.
    pub idle: Duration,
    /// SFTP channels at once in one connection.
    pub channels: usize,
    /// Open documents and folders at once in one connection.
    pub handles: usize,
    /// Bytes of answers that may wait in one channel for a client that does not read them.
    pub queued_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1000,
            connections_per_address: 64,
            login_deadline: Duration::from_secs(60),
            idle: Duration::from_secs(15 * 60),
            channels: 4,
            handles: 256,
            queued_bytes: 8 << 20,
        }
    }
}
