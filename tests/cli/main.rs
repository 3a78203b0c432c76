//! The command line, by running the built program: help texts, and a firm's life without the demo.

mod firm;
mod guards;
mod help;
mod intake;
mod mistakes;
mod program;
