//! What stands between the bytes of somebody outside and the tree: the virus scan, and where what devices bring goes.
//!
//! A [`Scanner`] has clamd look at an upload's content when its last byte has come and before it is confirmed, so that nobody
//! ever sees a version that was not scanned. [`Rules`] say which folders are drop boxes and where what arrives in them goes,
//! and [`pdf::complete`] whether it arrived whole. All of them say what is wrong and decide nothing about rights.

mod clamd;
pub mod pdf;
mod rules;
mod scanner;

pub use rules::{Arrival, Destination, DropBox, MAX_RULES_BYTES, Mismatch, Nowhere, Part, Routing, Rules, Unfit};
pub use scanner::{Scanner, Turn, Unclean, Verdict};
