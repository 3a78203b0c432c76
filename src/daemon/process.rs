//! What the process owes the secrets in its memory.

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask};
use rustix::thread::set_no_new_privs;

use crate::cli::{Doing as _, Problem};

/// No core dumps, no debugger of the same user (keys and plaintext are in memory), no program that would be run gets more
/// rights than this one, and nothing that is made from here on can be opened by other users.
pub(super) fn harden() -> Result<(), Problem> {
    umask(Mode::RWXG | Mode::RWXO);
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).doing("switch core dumps off")?;
    set_no_new_privs(true).doing("give up gaining privileges")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).doing("make the process not dumpable")
}
