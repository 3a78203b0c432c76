//! The kinds of operation are all there are: one of one's own would judge itself allowed. What seals the trait cannot be
//! named outside of the gate.

struct Anything;

impl deedbox::gate::operation::sealed::Sealed for Anything {}

fn main() {}
