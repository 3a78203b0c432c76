//! The listeners: SFTP, and SFTP for old scanners.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::Settings;
use super::connection::{self, Shared, set};
use crate::front::Beat;
use crate::front::places::Places;
use crate::gate::Gate;
use crate::names::{Front, Timestamp};
use crate::vfs::Vfs;

/// Serves SFTP on a listener until `stop` becomes true (or its sender is gone). Then nothing more is accepted, sessions
/// without open handles end at once, the others within [`Settings::drain`].
///
/// `settings` are read for every new connection, so that a renewed host key or another limit needs no restart. The loop
/// sets `beat` while it turns.
///
/// # Errors
/// None at present; a connection that cannot be accepted (no file handles left) is logged and tried again.
pub async fn serve(
    listener: TcpListener,
    settings: Arc<ArcSwap<Settings>>,
    gate: Arc<Gate>,
    vfs: Arc<Vfs>,
    beat: Beat,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut shared = Arc::new(Shared::new(settings.load_full(), gate, vfs));
    let (all, before_login) = match shared.settings.scanners {
        None => (metrics::gauge!("sftp_connections"), metrics::gauge!("sftp_connections_before_login")),
        Some(_) => (metrics::gauge!("scanner_connections"), metrics::gauge!("scanner_connections_before_login")),
    };
    let places = Places::new(shared.settings.bounds.clone(), Front::Sftp, all, before_login);
    let mut was_over = false;
    let mut connections = JoinSet::new();
    let stopping = stop.clone();
    loop {
        beat.set();
        let is_over = settings.load().scanners.as_ref().is_some_and(|scanners| scanners.is_over(Timestamp::now()));
        match (was_over, is_over) {
            (false, true) => tracing::warn!(
                "the listener for old scanners accepts nothing: its last day, `scanners.until`, is over; remove the section \
                 `scanners`, or give it another day and reload"
            ),
            (true, false) => tracing::info!("the listener for old scanners is open again"),
            _ => {}
        }
        was_over = is_over;
        let accepted = tokio::select! {
            biased;
            () = set(&mut stop) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
            () = Beat::due() => continue,
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
        let settings = settings.load_full();
        let away = settings.scanners.as_ref().and_then(|scanners| scanners.turns_away(peer, Timestamp::now()));
        if let Some(why) = away {
            metrics::counter!("scanner_connections_turned_away_total", "why" => why).increment(1);
            tracing::debug!(%peer, why, "not taken at the listener for old scanners");
            continue;
        }
        if !Arc::ptr_eq(&settings, &shared.settings) {
            shared = Arc::new(Shared::new(settings, shared.gate.clone(), shared.vfs.clone()));
        }
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
        fn can_be_spawned<A, B, C, D, E, F, G: Future + Send>(_: fn(A, B, C, D, E, F) -> G) {}
        can_be_spawned(serve);
    }
}
