//! The front ends: each turns one protocol into calls of [`vfs`](crate::vfs), and nothing else.

mod beat;
mod limits;
mod pace;
mod places;
mod read_ahead;
pub mod sftp;
pub mod webdav;

pub use beat::Beat;
pub use limits::Bounds;
