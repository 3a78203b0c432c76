//! The front ends: each turns one protocol into calls of [`vfs`](crate::vfs), and nothing else.

pub mod api;
mod beat;
mod conversation;
mod document_body;
mod http_answer;
mod http_conditions;
mod http_document;
mod http_header;
mod http_range;
mod http_upload;
mod limits;
mod media;
mod pace;
mod places;
mod read_ahead;
mod routed;
mod segments;
pub mod sftp;
mod site;
pub mod web;
pub mod webdav;

pub use beat::Beat;
pub use limits::Bounds;
pub use site::{Site, Sites};
