//! Deedbox: a client document gateway. This is the tour; ARCHITECTURE.md has the map and the reasons.
//!
//! # The data's way
//!
//! ```text
//! SFTP client ─┐
//! WebDAV drive ┼─ front ──► vfs ──► gate ──► policy   may this session do this here, and why
//! CLI (socket) ┘             │       └─────► audit    durable record first, permit out; then the effect
//!                            └─────► vault ─► blobs   age files, one per version
//!                                      └────► kv      the catalog, sealed
//! ```
//!
//! Somebody uploads a contract. [`front`] turns the protocol's messages into calls of a [`vfs::View`], which finds what the
//! path means for that session. The [`gate`] holds the operation against the [`policy`] with the firm's records of the
//! [`practice`], writes the intent to the [`audit`] log, and hands out a [`gate::Permit`]. The view spends it in the
//! [`vault`]: bytes are sealed with the matter's key from [`keys`] while they come in. At the end the gate judges once more
//! and records durably what is about to be seen; then one transaction of [`kv`] makes the version visible.
//!
//! # What must stay true
//!
//! 1. No operation without a permit: the vault accepts nothing else, and only `gate/permit.rs` can make one.
//! 2. Recorded before effective: a byte leaves and a change shows only after its record is durable.
//! 3. One path type: bytes become a [`names::DocPath`] once, at the edge.
//! 4. Hidden equals absent.
//! 5. Acknowledged is never lost, half is never visible.
//! 6. No plaintext at rest.
//! 7. Revoked is gone within a second.
//! 8. Protocol types stay in `front`, age types in `vault` and `keys`.

pub mod audit;
pub mod cli;
pub mod config;
mod daemon;
pub mod front;
pub mod gate;
pub mod intake;
pub mod keys;
pub mod kv;
pub mod names;
pub mod notify;
mod observe;
pub mod outbox;
pub mod policy;
pub mod practice;
pub mod vault;
pub mod vfs;

pub use daemon::fuzz_sftp_channel;

#[cfg(test)]
mod small_disk;
