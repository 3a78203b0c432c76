//! The socket of a connection, with a pulse to watch and a switch to end it.
//!
//! russh's own timers do not run while its session loop is inside a callback or waits for a channel, so a connection is
//! ended where everything passes: at its socket.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::front::read_ahead::ReadAhead;

/// Sees when bytes last passed, and ends the connection.
pub(super) struct Pulse {
    started: Instant,
    last_millis: AtomicU64,
    cut: watch::Sender<bool>,
}

impl Pulse {
    /// How long no byte has passed.
    pub(super) fn quiet_for(&self) -> Duration {
        let last = Duration::from_millis(self.last_millis.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(last)
    }

    /// Ends the connection: every read and write of its socket fails from now on.
    pub(super) fn cut(&self) {
        self.cut.send_replace(true);
    }

    fn beat(&self) {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_millis.store(millis, Ordering::Relaxed);
    }
}

/// A socket that can be watched and cut.
pub(super) struct Watched {
    inner: ReadAhead<TcpStream>,
    pulse: Arc<Pulse>,
    cut: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_cut: bool,
}

impl Watched {
    pub(super) fn new(stream: TcpStream) -> (Self, Arc<Pulse>) {
        let (sender, mut receiver) = watch::channel(false);
        let pulse = Arc::new(Pulse { started: Instant::now(), last_millis: AtomicU64::new(0), cut: sender });
        let cut = Box::pin(async move {
            // An error means that nobody is left who could cut it, which is reason enough.
            let _ = receiver.wait_for(|cut| *cut).await;
        });
        let inner = ReadAhead::new(stream);
        (Self { inner, pulse: pulse.clone(), cut, is_cut: false }, pulse)
    }

    /// Fails once the connection is cut; until then it has the task woken when that happens. Reads and writes come
    /// from one task, russh's session loop.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.is_cut = self.is_cut || self.cut.as_mut().poll(cx).is_ready();
        if self.is_cut { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        if result.is_ready() {
            self.pulse.beat();
        }
        result
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        let result = Pin::new(&mut self.inner).poll_write(cx, buf);
        if result.is_ready() {
            self.pulse.beat();
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
