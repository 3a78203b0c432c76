//! Deedbox: a client document gateway.
pub mod audit;
pub mod gate;
pub mod kv;
pub mod names;
pub mod policy;
pub mod vfs;
