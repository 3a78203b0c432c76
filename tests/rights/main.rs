//! The policy, held to its specification: the whole table of operations and rights as a golden file, the same table
//! written a second time from its text, and properties of where rights come from.

mod golden;
mod model;
mod properties;
mod sources;
mod vocabulary;
