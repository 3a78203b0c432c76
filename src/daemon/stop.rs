//! The signals that end the daemon.

use tokio::signal::unix::{SignalKind, signal as listen};

use crate::cli::{Doing as _, Problem};

/// Waits for SIGTERM or SIGINT and says which came.
pub(super) async fn signal() -> Result<&'static str, Problem> {
    let mut terminate = listen(SignalKind::terminate()).doing("listen for SIGTERM")?;
    let mut interrupt = listen(SignalKind::interrupt()).doing("listen for SIGINT")?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}
