//! Request bodies: read with a bound on size and on standing still.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};

use super::status::Refusal;
use crate::front::limits::Limit;
use crate::front::pace::Pace;

/// What is read off a refused request's body, so that the connection can be used again and the client, still sending,
/// gets to see the answer instead of a reset.
const DRAIN_BYTES: u64 = 256 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// A request's body as it comes in.
pub(super) struct Upload {
    body: Incoming,
    pace: Pace,
    /// The end was seen; the body itself cannot tell for a chunked one.
    ended: bool,
}

impl Upload {
    pub(super) fn new(body: Incoming, pace: Pace) -> Self {
        let ended = body.is_end_stream();
        Self { body, pace, ended }
    }

    /// The announced length, if there is one.
    pub(super) fn length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// The next bytes; nothing at the end of a body that came whole. A body that is cut off or stands still is an error.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let waiting = Instant::now();
            let frame = match tokio::time::timeout(self.pace.credit(), self.body.frame()).await {
                Ok(None) => {
                    self.ended = true;
                    return Ok(None);
                }
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(_))) => return Err(Refusal::bad("the request body was cut off")),
                Err(_) => {
                    let refusal = Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request body came too slowly");
                    return Err(refusal.at(Limit::Slow));
                }
            };
            self.pace.waited(waiting.elapsed());
            // Trailers have no meaning here.
            if let Ok(data) = frame.into_data() {
                self.pace.moved(data.len());
                metrics::counter!("http_received_bytes_total").increment(data.len() as u64);
                if !data.is_empty() {
                    return Ok(Some(data));
                }
            }
        }
    }

    /// The whole body, at most `limit` bytes.
    pub(super) async fn whole(&mut self, limit: usize) -> Result<Bytes, Refusal> {
        let too_large = || {
            let text = "the request body is too large for this method";
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text).at(Limit::XmlBytes)
        };
        if self.length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut whole = BytesMut::new();
        while let Some(data) = self.next().await? {
            if whole.len() + data.len() > limit {
                return Err(too_large());
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }

    /// True if there is nothing in it.
    pub(super) async fn is_empty(&mut self) -> Result<bool, Refusal> {
        Ok(self.ended || self.next().await?.is_none())
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
