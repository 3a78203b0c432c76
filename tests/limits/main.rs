//! Limits, tried through the front door: for each an attacker who is refused or cut as the README says and is counted, and
//! beside them an honest client who is served.
//!
//! A target of its own: it opens thousands of connections, and other tests should not run beside that. Each test has a
//! daemon to itself, and attackers come from addresses of their own in 127.0.0.0/8.

#[allow(dead_code, reason = "the other tests need the rest")]
#[path = "../gateway/demo.rs"]
mod demo;
#[allow(dead_code, reason = "the other tests need the rest")]
#[path = "../gateway/sftp_channel.rs"]
mod sftp_channel;

mod connections;
mod firm;
mod floods;
mod http2;
mod logins;
mod shares;
mod time;
mod web;
