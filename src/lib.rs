//! Deedbox: a client document gateway.
pub mod audit;
pub mod front;
pub mod config;
pub mod gate;
pub mod keys;
pub mod kv;
pub mod names;
pub mod policy;
pub mod practice;
pub mod vault;
pub mod vfs;
