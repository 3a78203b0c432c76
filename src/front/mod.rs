//! The front ends: each turns one protocol into calls of [`vfs`](crate::vfs), and nothing else.

mod limits;
mod read_ahead;
pub mod sftp;
pub mod webdav;
