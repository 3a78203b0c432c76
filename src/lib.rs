//! Deedbox: a client document gateway.
pub mod gate;
pub mod keys;
pub mod kv;
pub mod names;
pub mod vault;
pub mod vfs;
