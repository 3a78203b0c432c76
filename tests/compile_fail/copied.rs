//! One permit is one operation: it cannot be multiplied.

use deedbox::gate::{Delete, Permit};

fn copy(permit: &Permit<Delete>) -> Permit<Delete> {
    permit.clone()
}

fn main() {}
