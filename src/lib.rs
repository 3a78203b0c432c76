//! Deedbox: a client document gateway.
pub mod gate;
pub mod kv;
pub mod names;
pub mod policy;
pub mod vfs;
