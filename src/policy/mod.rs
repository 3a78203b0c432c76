//! The decision: may this session do this here, and why. Pure functions over plain values; no clock, no I/O.
//!
//! A matter type's folders carry *rows* (participant type, rights). A folder without rows of its own has those of the
//! folder above; a *closed* folder has none. Staff may give such rules to folders that people made, too, and share single
//! documents where they stand. [`granted`] finds the rights that one standing has in one folder;
//! [`decide`] holds an operation against the table of operations and rights. What it allows, the firm's [`guards`] may
//! still forbid.

mod decision;
mod granted;
pub mod guards;
mod sight;

pub use decision::{Decision, Exception, Object, Operation, decide, exception, refusal};
pub use granted::{FolderRule, Granted, MatterRules, Participation, Row, RuledFolder, Source, Standing, granted};
pub use sight::{Share, by_rule, is_anchored, may_enter, opens_in, shared};
