//! A permit to read does not delete.

use deedbox::gate::{Permit, Read};
use deedbox::vault::{Error, Vault};

fn delete(vault: &Vault, permit: Permit<Read>) -> Result<(), Error> {
    vault.delete(permit)
}

fn main() {}
