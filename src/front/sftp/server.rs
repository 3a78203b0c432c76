//! The listener.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::connection::{self, Shared, set};
use super::{Settings, algorithms};
use crate::front::places::Places;
use crate::gate::Gate;
use crate::names::Front;
use crate::vfs::Vfs;

/// Serves SFTP on a listener until `stop` becomes true (or its sender is gone). Then nothing more is accepted, sessions
/// without open handles end at once, the others within 30 s.
///
/// # Errors
/// None at present; a connection that cannot be accepted (no file handles left) is logged and tried again.
pub async fn serve(
    listener: TcpListener,
    settings: Arc<Settings>,
    gate: Arc<Gate>,
    vfs: Arc<Vfs>,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let places = Places::new(
        settings.bounds.clone(),
        Front::Sftp,
        metrics::gauge!("sftp_connections"),
        metrics::gauge!("sftp_connections_before_login"),
    );
    let shared = Arc::new(Shared {
        config: Arc::new(algorithms::config(&settings)),
        gate,
        vfs,
        bounds: settings.bounds.clone(),
        banner: settings.banner.clone(),
    });
    let mut connections = JoinSet::new();
    let stopping = stop.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            () = set(&mut stop) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        // Outside of `select!`, whose branches hold the watch's read lock: this future must be able to change threads.
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, peer.ip().to_canonical()),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (place, displaced) = places.take(peer);
        let (shared, stop) = (shared.clone(), stopping.clone());
        let span = tracing::info_span!("sftp", %peer);
        let connection = async move {
            connection::serve(stream, peer, &shared, (&place, displaced), stop).await;
            drop(place);
        };
        connections.spawn(connection.instrument(span));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_runs_on_any_thread() {
        fn can_be_spawned<A, B, C, D, E, F: Future + Send>(_: fn(A, B, C, D, E) -> F) {}
        can_be_spawned(serve);
    }
}
