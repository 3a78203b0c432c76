//! A permit is built in the gate alone: its fields are private.

use deedbox::gate::{Permit, Read};
use deedbox::names::{AccountId, DocumentTarget};

fn forge(target: DocumentTarget, by: AccountId) -> Permit<Read> {
    Permit { target, by }
}

fn main() {}
