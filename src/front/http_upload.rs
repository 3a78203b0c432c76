//! Request bodies of the drive and the pages: read with a bound on standing still.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Sleep, sleep};

use super::pace::Pace;

/// What is read off a refused request's body, so that the connection can be used again and the client, still sending,
/// gets to see the answer instead of a reset.
const DRAIN_BYTES: u64 = 256 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// A request's body as it comes in.
pub(super) struct Upload {
    body: Incoming,
    pace: Pace,
    waiting: Option<Waiting>,
    /// The end was seen; the body itself cannot tell for a chunked one.
    ended: bool,
}

/// The client is being waited for, and for how long at most.
struct Waiting {
    since: Instant,
    patience: Pin<Box<Sleep>>,
}

/// Why a body did not come whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Interrupted {
    /// The connection or the stream ended before it did.
    #[error("the request body was cut off")]
    CutOff,
    /// It stood still, or came more slowly than the limits allow.
    #[error("the request body came too slowly")]
    TooSlow,
}

impl Upload {
    pub(super) fn new(body: Incoming, pace: Pace) -> Self {
        let ended = body.is_end_stream();
        Self { body, pace, waiting: None, ended }
    }

    /// The announced length, if there is one.
    pub(super) fn length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// True if all of it has been read.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next bytes; nothing at the end of a body that came whole. A body that is cut off or stands still is an error.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Interrupted> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// As [`Upload::next`].
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Interrupted>> {
        loop {
            let Poll::Ready(polled) = Pin::new(&mut self.body).poll_frame(context) else {
                let credit = self.pace.credit();
                let start = || Waiting { since: Instant::now(), patience: Box::pin(sleep(credit)) };
                let waiting = self.waiting.get_or_insert_with(start);
                return waiting.patience.as_mut().poll(context).map(|()| Err(Interrupted::TooSlow));
            };
            if let Some(waiting) = self.waiting.take() {
                self.pace.waited(waiting.since.elapsed());
            }
            let frame = match polled {
                None => {
                    self.ended = true;
                    return Poll::Ready(Ok(None));
                }
                Some(Ok(frame)) => frame,
                Some(Err(_)) => return Poll::Ready(Err(Interrupted::CutOff)),
            };
            // Trailers have no meaning here.
            if let Ok(data) = frame.into_data() {
                self.pace.moved(data.len());
                metrics::counter!("http_received_bytes_total").increment(data.len() as u64);
                if !data.is_empty() {
                    return Poll::Ready(Ok(Some(data)));
                }
            }
        }
    }

    /// Reads off what still comes while the client takes the answer; it stops sending when it has seen it.
    pub(super) async fn linger(mut self) {
        let read_off = async { while let Ok(Some(_)) = self.next().await {} };
        // Whether it ended or the time was over, the stream is given up now.
        let _ = tokio::time::timeout(DRAIN_TIME, read_off).await;
    }

    /// Reads off what is left, if it is little. Returns false if the connection cannot be used further.
    pub(super) async fn drain(&mut self) -> bool {
        if self.ended {
            return true;
        }
        if self.length().is_some_and(|length| length > DRAIN_BYTES) {
            return false;
        }
        let read = async {
            let mut read = 0;
            while let Ok(Some(data)) = self.next().await {
                read += data.len() as u64;
                if read > DRAIN_BYTES {
                    break;
                }
            }
        };
        // Running out of time is the same as being left with a rest.
        let _ = tokio::time::timeout(DRAIN_TIME, read).await;
        self.ended
    }
}
