//! What the process owes the secrets in its memory, and what it needs of the system.

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask};
use rustix::thread::set_no_new_privs;

use crate::cli::{Doing as _, Problem};
use crate::config::Limits;

/// No core dumps, no debugger of the same user (keys and plaintext are in memory), no program that would be run gets more
/// rights than this one, and nothing that is made from here on can be opened by other users.
pub(super) fn harden() -> Result<(), Problem> {
    umask(Mode::RWXG | Mode::RWXO);
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).doing("switch core dumps off")?;
    set_no_new_privs(true).doing("give up gaining privileges")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).doing("make the process not dumpable")
}

/// Sees to it that there are file handles for everything that may be open at once (RLIMIT_NOFILE, getrlimit(2)): a daemon
/// that has run out of them can neither accept a connection nor store what came over the others. Where the system does
/// not give enough, the limits come back smaller.
pub(super) fn room_for(limits: Limits) -> Result<Limits, Problem> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = limits.files();
    let given = maximum.map_or(wanted, |most| most.min(wanted));
    if current.is_some_and(|current| current < given) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(given), maximum }).doing("raise the limit of open files")?;
    }
    let limits = limits.within(given);
    if given < wanted {
        tracing::warn!(
            wanted,
            given,
            connections = limits.connections,
            before_login = limits.before_login,
            documents = limits.documents,
            uploads = limits.uploads,
            "the system gives fewer file handles (RLIMIT_NOFILE) than the limits ask for, so these are smaller"
        );
    }
    Ok(limits)
}
