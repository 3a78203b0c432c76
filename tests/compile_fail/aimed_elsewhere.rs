//! What a permit is for was judged and recorded; it cannot be changed afterwards.

use deedbox::gate::{Permit, Read};
use deedbox::names::DocumentTarget;

fn aim(mut permit: Permit<Read>, other: DocumentTarget) -> Permit<Read> {
    permit.target = other;
    permit
}

fn main() {}
