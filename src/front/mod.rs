//! The front ends: each turns one protocol into calls of [`vfs`](crate::vfs), and nothing else.

mod limits;
mod pace;
mod places;
mod read_ahead;
pub mod sftp;
pub mod webdav;

pub use limits::Bounds;
