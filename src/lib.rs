//! Deedbox: a client document gateway.
pub mod audit;
pub mod cli;
pub mod config;
mod daemon;
pub mod front;
pub mod gate;
pub mod keys;
pub mod kv;
pub mod names;
mod observe;
pub mod policy;
pub mod practice;
pub mod vault;
pub mod vfs;
