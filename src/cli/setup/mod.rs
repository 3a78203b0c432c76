//! Making a data directory: folders, certificates, host keys.

mod files;
mod ssh;
mod tls;
mod user_keys;

pub(crate) use files::{make_private_dir, write_private};
pub(crate) use ssh::{host_public_keys, make_host_keys, make_user_key, read_host_keys};
pub(crate) use tls::make_certificates;
pub(crate) use user_keys::read_ssh_trust;
