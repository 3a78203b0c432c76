//! What was fetched cannot be taken out of its wrapping: the gate alone does that, once the record is durable.

use deedbox::gate::Withheld;

fn take(withheld: Withheld<Vec<u8>>) -> Vec<u8> {
    withheld.fetched
}

fn main() {}
