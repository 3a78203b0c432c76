//! The kinds of operation are all there are: one of one's own could judge itself allowed.

use deedbox::gate::{Operation, Viewpoint};
use deedbox::names::DocumentTarget;
use deedbox::policy::Decision;

struct Anything;

impl Operation for Anything {
    type Target = DocumentTarget;
    fn judge(_: &Viewpoint<'_>, _: &DocumentTarget) -> Decision {
        Decision::Allowed
    }
}

fn main() {}
