//! What stands between the bytes of somebody outside and the tree: so far, the virus scan.
//!
//! A [`Scanner`] has clamd look at an upload's content when its last byte has come and before it is confirmed, so that nobody
//! ever sees a version that was not scanned. It says what is wrong and decides nothing about rights.

mod clamd;
mod scanner;

pub use scanner::{Scanner, Turn, Unclean, Verdict};
