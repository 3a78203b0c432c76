//! The signals that end the daemon, and the one that has it read its configuration again.

use tokio::signal::unix::{Signal, SignalKind, signal as listen};

use crate::cli::{Doing as _, Problem};

/// What an operator can signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// SIGHUP.
    Reload,
    /// SIGTERM or SIGINT, and which.
    Stop(&'static str),
}

/// The signals, from the moment when they are listened for; none is lost after that.
pub(super) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, Problem> {
        Ok(Self {
            hangup: listen(SignalKind::hangup()).doing("listen for SIGHUP")?,
            terminate: listen(SignalKind::terminate()).doing("listen for SIGTERM")?,
            interrupt: listen(SignalKind::interrupt()).doing("listen for SIGINT")?,
        })
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Asked::Stop("SIGINT"),
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    /// The next signal that ends the daemon; one to reload is no longer heard.
    pub(super) async fn stop(&mut self) -> &'static str {
        loop {
            if let Asked::Stop(which) = self.next().await {
                return which;
            }
        }
    }
}
