//! So is the proof that a reading is on record, without which the vault gives nothing of a document.

use deedbox::gate::Durable;

fn forge() -> Durable {
    Durable { seq: None }
}

fn main() {}
