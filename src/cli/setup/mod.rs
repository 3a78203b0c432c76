//! Making a data directory: folders, certificates, host keys.

mod files;
mod ssh;
mod tls;

pub(crate) use files::{make_private_dir, write_private};
pub(crate) use ssh::{host_public_keys, make_host_keys, make_user_key, read_host_keys};
pub(crate) use tls::make_certificates;
