//! Deedbox: a client document gateway.
pub mod front;
pub mod gate;
pub mod kv;
pub mod names;
pub mod vfs;
