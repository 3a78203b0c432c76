//! So is the proof that a reading is on record, without which the vault gives nothing of a document.

use deedbox::gate::OnRecord;

fn forge() -> OnRecord {
    OnRecord { seq: None }
}

fn main() {}
