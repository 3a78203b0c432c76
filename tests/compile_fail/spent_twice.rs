//! A permit that was spent is gone.

use deedbox::gate::{Delete, Permit};
use deedbox::vault::{Error, Vault};

fn twice(vault: &Vault, permit: Permit<Delete>) -> Result<(), Error> {
    vault.delete(permit)?;
    vault.delete(permit)
}

fn main() {}
