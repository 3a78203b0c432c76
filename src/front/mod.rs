//! The front ends: each turns one protocol into calls of [`vfs`](crate::vfs), and nothing else.

mod beat;
mod limits;
pub mod sftp;
pub mod webdav;

pub use beat::Beat;
