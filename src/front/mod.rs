//! The front ends: each turns one protocol into calls of [`vfs`](crate::vfs), and nothing else.

pub mod sftp;
pub mod webdav;
