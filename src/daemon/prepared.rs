//! What is done while the process has one thread: hardening, the directory's lock, the listeners, the sandbox.

use std::path::Path;
use std::time::Duration;

use super::process;
use super::sockets::Sockets;
use crate::cli::{DirLock, Problem};
use crate::config::Settings;
use crate::observe::Sandbox;

/// How long a start waits for a verb that has the data directory open.
pub(super) const LOCK_PATIENCE: Duration = Duration::from_secs(3);

/// Reads the configuration again, as it was read at the start.
pub(crate) type Reread = Box<dyn Fn() -> Result<Settings, Problem> + Send + Sync>;

/// A daemon that has everything for which it needs the system's permission, and nothing open yet.
pub(crate) struct Prepared {
    pub(super) settings: Settings,
    pub(super) reread: Reread,
    pub(super) lock: DirLock,
    pub(super) sockets: Sockets,
    pub(super) sandbox: Sandbox,
}

impl Prepared {
    /// To be called before the process has a second thread. From here on this process can read what these settings need,
    /// write to its data and to `also_writes`, and do nothing else to the system. Clients that connect wait until it serves.
    pub(crate) fn new(settings: Settings, reread: Reread, also_writes: &[&Path]) -> Result<Self, Problem> {
        process::harden()?;
        let lock = DirLock::take_within(&settings.data, LOCK_PATIENCE)?;
        let sockets = Sockets::open(&settings)?;
        let sandbox = Sandbox::enter(&settings, also_writes)?;
        tracing::info!(%sandbox, "prepared");
        Ok(Self { settings, reread, lock, sockets, sandbox })
    }
}
