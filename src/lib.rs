//! Deedbox: a client document gateway.
pub mod kv;
pub mod names;
