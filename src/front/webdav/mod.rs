//! The WebDAV drive (RFC 4918, classes 1 and 2) over HTTPS.
//!
//! A request passes, in this order and in this module alone:
//!
//! 1. [`server`]: connection caps, TLS with a deadline, one watchdog per connection; what lies outside of the drive goes on to
//!    the [`Site`](super::Site) from here;
//! 2. `guard`: every header that can steer an operation is parsed strictly, once; malformed is 400, never "ignored";
//! 3. `auth`: HTTP Basic against the gate, for every single request, so that a revocation needs no cooperation here;
//! 4. the method's own file (`get`, `put`, `propfind`, ...), which calls the tree and nothing else;
//! 5. `status`: the one place where an error of the tree becomes an HTTP status.
//!
//! Sources of the formats: RFC 4918 (WebDAV), RFC 9110 (HTTP), RFC 4331 (quota properties), RFC 7617 (Basic).

mod answers;
mod auth;
mod copy_move;
mod delete;
mod folder_page;
mod fuzz;
mod get;
mod guard;
mod headers;
mod if_header;
mod location;
mod lock;
mod mkcol;
mod multistatus;
mod properties;
mod propfind;
mod proppatch;
mod put;
mod requests;
mod server;
mod service;
mod settings;
mod status;
mod xml;
mod xml_text;

pub use fuzz::{fuzz_conditions, fuzz_destination, fuzz_if_header, fuzz_range, fuzz_xml};
pub use server::{Behind, serve};
pub use settings::Settings;
