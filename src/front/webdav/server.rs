//! The listener: connections, TLS, HTTP/1.1 and HTTP/2, and the end of all of them.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::guard::MAX_HEADERS;
use super::service::{Shared, handle};
use super::settings::Settings;
use crate::config::Limits;
use crate::front::Beat;
use crate::front::http_answer::Connection;
use crate::front::limits::Limit;
use crate::front::places::{Displaced, Places};
use crate::front::read_ahead::ReadAhead;
use crate::front::site::Site;
use crate::gate::Gate;
use crate::names::Front;
use crate::vfs::Vfs;

/// How often a connection's watchdog looks.
const WATCH: Duration = Duration::from_secs(5);

/// What stands behind the listener.
#[derive(Clone)]
pub struct Behind {
    /// Who somebody is.
    pub gate: Arc<Gate>,
    /// The tree.
    pub vfs: Arc<Vfs>,
    /// What answers outside of the drive.
    pub site: Arc<dyn Site>,
}

/// Serves WebDAV, and beside the drive the site, on a listener until `stop` turns true or its sender is gone. Then no connection is accepted any more,
/// requests under way may end within [`Settings::drain`], and what is left is cut.
///
/// `tls` and `settings` are read for every new connection, so that a renewed certificate or another limit needs no
/// restart. The loop sets `beat` while it turns. The `tls` configuration's `alpn_protocols` should
/// be `h2` and `http/1.1`; a client that agrees on none gets HTTP/1.1.
///
/// # Errors
/// If the listener itself is unusable. Errors of single connections and a lack of file handles are waited out.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ArcSwap<ServerConfig>>,
    settings: Arc<ArcSwap<Settings>>,
    behind: Behind,
    beat: Beat,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut shared = Arc::new(Shared::new(settings.load_full(), behind.clone()));
    let places = Places::new(
        shared.settings.bounds.clone(),
        Front::Webdav,
        metrics::gauge!("http_connections"),
        metrics::gauge!("http_connections_before_login"),
    );
    let mut tasks = JoinSet::new();
    loop {
        beat.set();
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            () = Beat::due() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    let settings = settings.load_full();
                    if !Arc::ptr_eq(&settings, &shared.settings) {
                        shared = Arc::new(Shared::new(settings, behind.clone()));
                    }
                    let peer = address.ip().to_canonical();
                    let (place, displaced) = places.take(peer);
                    let connection = Connection::new(peer, place, shared.settings.bounds.now());
                    let served = serve_one(shared.clone(), tls.load_full(), stream, connection, displaced, stop.clone());
                    drop(tasks.spawn(served));
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
                Err(error) => {
                    // A client that went away already, or no file handles: both pass.
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    let drained = timeout(settings.load().drain, async { while tasks.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(connections = tasks.len(), "connections were cut at the end of the drain time");
    }
    tasks.shutdown().await;
    Ok(())
}

/// Returns once the stop signal is given.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone cannot say stop any more: that is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// One connection, from the handshake to its end.
async fn serve_one(
    shared: Arc<Shared>,
    tls: Arc<ServerConfig>,
    stream: TcpStream,
    connection: Arc<Connection>,
    mut displaced: Displaced,
    mut stop: watch::Receiver<bool>,
) {
    let limits = connection.limits;
    let accepted = Instant::now();
    // Without it the socket works, only slower.
    let _ = stream.set_nodelay(true);
    let handshake = timeout(limits.handshake.min(limits.login), TlsAcceptor::from(tls).accept(ReadAhead::new(stream)));
    let stream = tokio::select! {
        () = stopped(&mut stop) => return,
        () = displaced.displaced() => return,
        shaken = handshake => match shaken {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(peer = %connection.peer, %error, "TLS handshake failed");
                return;
            }
            Err(_) => {
                Limit::Handshake.hit(Front::Webdav);
                tracing::debug!(peer = %connection.peer, "TLS handshake took too long");
                return;
            }
        },
    };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let builder = builder(&limits, is_http2);
    let mut losses = shared.gate.losses();
    let service = {
        let connection = connection.clone();
        service_fn(move |request| handle(shared.clone(), connection.clone(), request))
    };
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut watchdog = interval(WATCH.min(limits.slow / 4).min(limits.idle_http / 4));
    let mut login = pin!(sleep_until(accepted + limits.login));
    let mut waits_for_login = true;
    watchdog.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut closing = false;
    loop {
        tokio::select! {
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    if let Some(limit) = limit_of(error.as_ref(), &connection) {
                        limit.hit(Front::Webdav);
                    }
                    tracing::debug!(peer = %connection.peer, error, "connection ended");
                }
                return;
            }
            () = stopped(&mut stop), if !closing => {
                closing = true;
                serving.as_mut().graceful_shutdown();
            }
            // Counted where a newcomer took the place.
            () = displaced.displaced() => return,
            Ok(()) = losses.changed() => {
                if connection.has_lost() {
                    tracing::debug!(peer = %connection.peer, "the right to what is on its way is gone");
                    return;
                }
            }
            () = &mut login, if waits_for_login => {
                waits_for_login = false;
                if !connection.place.is_logged_in() {
                    Limit::Login.hit(Front::Webdav);
                    return;
                }
            }
            _ = watchdog.tick() => {
                if connection.is_slow() {
                    Limit::Slow.hit(Front::Webdav);
                    tracing::debug!(peer = %connection.peer, "the client reads too slowly");
                    return;
                }
                if connection.idle() > limits.idle_http {
                    if closing {
                        return;
                    }
                    Limit::Idle.hit(Front::Webdav);
                    closing = true;
                    serving.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// Whether the HTTP layer ended a connection at one of its bounds.
fn limit_of(error: &(dyn std::error::Error + 'static), connection: &Connection) -> Option<Limit> {
    let error = error.downcast_ref::<hyper::Error>()?;
    if error.is_parse_too_large() {
        return Some(Limit::HeaderBytes);
    }
    if error.is_timeout() {
        // Between two requests nothing is late: the client had no more to ask for.
        return Some(if connection.has_served() { Limit::Idle } else { Limit::Header });
    }
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // RFC 9113 section 7: resets without end, header blocks without end, streams beyond the agreed number.
        if error.downcast_ref::<h2::Error>().and_then(h2::Error::reason) == Some(h2::Reason::ENHANCE_YOUR_CALM) {
            return Some(Limit::RequestsPerConnection);
        }
        cause = error.source();
    }
    None
}

/// The HTTP layer's own bounds. The protocol was agreed on in the handshake, so nothing waits for a first byte without
/// a timer.
fn builder(limits: &Limits, is_http2: bool) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Somewhat more than the guard takes, which refuses with a text and counts.
    let header_list = u32::try_from(limits.header_bytes.saturating_mul(2)).unwrap_or(u32::MAX);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_headers(MAX_HEADERS)
        .max_buf_size(256 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.requests_per_connection)
        .max_header_list_size(header_list)
        // Rapid reset: streams that are opened and reset at once end the connection (CVE-2023-44487).
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(64)
        .initial_stream_window_size(512 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .max_send_buf_size(256 * 1024)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    if is_http2 { builder.http2_only() } else { builder.http1_only() }
}
