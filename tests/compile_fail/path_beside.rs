//! The permit is the address: the vault takes no path beside it.

use deedbox::gate::{Permit, Read};
use deedbox::names::DocPath;
use deedbox::vault::{Document, Error, Vault};

fn open(vault: &Vault, permit: Permit<Read>, path: &DocPath) -> Result<Document, Error> {
    vault.open(permit, path)
}

fn main() {}
