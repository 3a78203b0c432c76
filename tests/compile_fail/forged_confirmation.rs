//! So is the confirmation that an upload was judged once more at its end.

use deedbox::gate::Confirmation;

fn forge() -> Confirmation {
    Confirmation { seq: None }
}

fn main() {}
