//! The JSON API: what staff do at the command line and on the pages, for their programs; and a person's own matters and messages.
//!
//! A request passes, in this order:
//!
//! 1. the listener's connection caps and times, which are those of the drive;
//! 2. [`service`]: the route, and for whatever goes wrong there an answer of the same form as any other;
//! 3. [`caller`]: the token leads to a session of the gate, whose scope must reach as far as the method does;
//! 4. [`idempotency`]: what was made for a key already is answered again and not made again;
//! 5. the resource's own file: a permit of the gate, then the practice or the tree, and nothing else;
//! 6. [`problem`]: the one place where an error becomes an HTTP status and a problem document (RFC 9457).
//!
//! `openapi.json` describes it all. It is kept by hand: derived from the code, it would be as long, in attributes, and say what the
//! code does instead of what was agreed; the tests hold the two against each other.
//!
//! Documents are not moved here: each has its path on the drive, which streams, resumes and locks.

mod access;
mod accounts;
mod activity;
mod answer;
mod caller;
mod contacts;
mod documents;
mod firm;
mod folders;
mod idempotency;
mod input;
mod intake;
mod keys;
mod locks;
mod matter_types;
mod matters;
mod me;
mod messages;
mod page;
mod participants;
mod problem;
mod service;
mod shares;
mod switching;

pub use service::{Api, Settings};
