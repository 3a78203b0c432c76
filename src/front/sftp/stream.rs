//! The socket of a connection, with a pulse to watch and a switch to end it.
//!
//! russh's own timers do not run while its session loop is inside a callback or waits for a channel, so a connection is
//! ended where everything passes: at its socket. It is also where one sees what a client sends beside SFTP: key exchanges
//! without end, logins, messages that are to be ignored. Each costs us more than it costs the client, russh answers them
//! all, and none of them reaches a callback.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::front::read_ahead::ReadAhead;

/// What a client may send beside SFTP grows by this much in a second: keep-alives, and a key exchange now and then.
const OVERHEAD_PER_SECOND: u64 = 512;
/// What SSH adds to the data of one message, generously.
const OVERHEAD_PER_MESSAGE: u64 = 128;
/// For so many bytes of data, either way, a client may send one beside it: window adjustments, and key exchanges of about
/// 3 KiB even if it is set to one for every 64 KiB.
const DATA_PER_OVERHEAD: u64 = 16;

/// Sees what passes, and when it last did, and ends the connection.
pub(super) struct Pulse {
    started: Instant,
    last_millis: AtomicU64,
    received: AtomicU64,
    /// How much may have been received by now, but for what time adds.
    accounted: AtomicU64,
    flooded: Notify,
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

    /// SFTP data that came in one message.
    pub(super) fn carried_in(&self, bytes: usize) {
        let bytes = bytes as u64;
        self.accounted.fetch_add(bytes + bytes / DATA_PER_OVERHEAD + OVERHEAD_PER_MESSAGE, Ordering::Relaxed);
    }

    /// SFTP data that went out.
    pub(super) fn carried_out(&self, bytes: usize) {
        self.accounted.fetch_add(bytes as u64 / DATA_PER_OVERHEAD + OVERHEAD_PER_MESSAGE, Ordering::Relaxed);
    }

    /// Returns when the client has sent more beside SFTP than it may.
    pub(super) async fn flooded(&self) {
        self.flooded.notified().await;
    }

    fn received(&self, bytes: usize) -> bool {
        let received = self.received.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        let by_time = self.started.elapsed().as_secs().saturating_mul(OVERHEAD_PER_SECOND);
        let is_flood = received > self.accounted.load(Ordering::Relaxed).saturating_add(by_time);
        if is_flood {
            self.flooded.notify_one();
        }
        is_flood
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
    is_flooded: bool,
}

impl Watched {
    /// `overhead` is how many bytes the client may send beside SFTP at once.
    pub(super) fn new(stream: TcpStream, overhead: u64) -> (Self, Arc<Pulse>) {
        let (sender, mut receiver) = watch::channel(false);
        let pulse = Arc::new(Pulse {
            started: Instant::now(),
            last_millis: AtomicU64::new(0),
            received: AtomicU64::new(0),
            accounted: AtomicU64::new(overhead),
            flooded: Notify::new(),
            cut: sender,
        });
        let cut = Box::pin(async move {
            // An error means that nobody is left who could cut it, which is reason enough.
            let _ = receiver.wait_for(|cut| *cut).await;
        });
        let inner = ReadAhead::new(stream);
        (Self { inner, pulse: pulse.clone(), cut, is_cut: false, is_flooded: false }, pulse)
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
        if self.is_flooded {
            // Nothing more is taken in. What was to be said is still sent, and then the cut wakes this task.
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        if result.is_ready() {
            self.pulse.beat();
            self.is_flooded = self.pulse.received(buf.filled().len() - before);
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
