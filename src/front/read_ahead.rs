//! A socket that is read in large pieces.
//!
//! russh asks its socket for a few bytes at a time and rustls for 4 KiB; on a busy connection each of these would be a
//! system call. The buffer grows while reads fill it, and an idle connection keeps little.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection starts with, and goes back to. A large buffer that is merely set aside would cost nothing at first, but
/// under a churn of connections the allocator hands out used memory, and each silent one would hold all of it.
const LEAST: usize = 4 << 10;
/// What a busy one gets.
const MOST: usize = 256 << 10;
/// By how much the buffer grows at a time.
const GROWTH: usize = 8;
/// So many reads one after another that would have fitted into [`LEAST`] make the buffer small again.
const SMALL_READS: u32 = 16;

/// The socket.
pub(crate) struct ReadAhead<S> {
    inner: S,
    buffer: Vec<u8>,
    /// What of the buffer was read and not yet taken.
    start: usize,
    end: usize,
    small_reads: u32,
}

impl<S> ReadAhead<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, buffer: vec![0; LEAST], start: 0, end: 0, small_reads: 0 }
    }

    /// Fits the buffer to what the last read brought.
    fn fit(&mut self, read: usize) {
        self.small_reads = if read > LEAST { 0 } else { self.small_reads.saturating_add(1) };
        let wanted = match self.buffer.len() {
            full if read == full => (full * GROWTH).min(MOST),
            large if large > LEAST && self.small_reads >= SMALL_READS => LEAST,
            fitting => fitting,
        };
        if wanted != self.buffer.len() {
            self.buffer = vec![0; wanted];
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.start == this.end {
            if this.end > 0 {
                let read = std::mem::take(&mut this.end);
                this.start = 0;
                this.fit(read);
            }
            if buf.remaining() >= this.buffer.len() {
                return Pin::new(&mut this.inner).poll_read(cx, buf);
            }
            let mut into = ReadBuf::new(&mut this.buffer);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut into))?;
            this.end = into.filled().len();
        }
        let now = buf.remaining().min(this.end - this.start);
        buf.put_slice(&this.buffer[this.start..this.start + now]);
        this.start += now;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn all_bytes_come_through_in_order_whatever_is_asked_for_at_a_time() {
        let sent: Vec<u8> = (0..3_000_000u32).flat_map(|n| n.to_le_bytes()).collect();
        for (asked, at_a_time) in [(5, 700), (4096, 100_000), (100_000, 1 << 20), (1 << 20, 3)] {
            let length = sent.len().min(asked * at_a_time * 3);
            let (mut far, near) = tokio::io::duplex(at_a_time.max(64));
            let data = sent[..length].to_vec();
            let sender = tokio::spawn(async move {
                for piece in data.chunks(at_a_time) {
                    far.write_all(piece).await.expect("taken");
                }
            });
            let mut socket = ReadAhead::new(near);
            let (mut got, mut buffer) = (Vec::new(), vec![0; asked]);
            loop {
                match socket.read(&mut buffer).await.expect("read") {
                    0 => break,
                    count => got.extend_from_slice(&buffer[..count]),
                }
            }
            assert!(got == sent[..length], "asked for {asked}, sent {at_a_time} at a time");
            sender.await.expect("sent");
        }
    }

    #[tokio::test]
    async fn the_buffer_grows_with_what_comes_and_is_given_back() {
        let (mut far, near) = tokio::io::duplex(1 << 20);
        let mut socket = ReadAhead::new(near);
        let mut buffer = [0; 64];
        far.write_all(&vec![7; 1 << 20]).await.expect("taken");
        for _ in 0..(1 << 20) / 64 {
            socket.read_exact(&mut buffer).await.expect("read");
        }
        assert_eq!(socket.buffer.len(), MOST);
        for _ in 0..2 * SMALL_READS {
            far.write_all(&buffer).await.expect("taken");
            socket.read_exact(&mut buffer).await.expect("read");
        }
        assert_eq!(socket.buffer.len(), LEAST);
    }
}
