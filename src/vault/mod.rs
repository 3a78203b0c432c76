//! Documents at rest.

pub mod blobs;
pub mod staging;
