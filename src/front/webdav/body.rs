//! Response bodies, and the watch over those whose client has stopped reading.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use hyper::StatusCode;
use hyper::body::{Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use parking_lot::Mutex;

pub(super) use hyper::Response;

/// A body broke off: the connection is aborted, so that no client takes the part for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the response was broken off")]
pub(super) struct BrokenOff;

/// A stream of body chunks.
pub(super) type Chunks = BoxStream<'static, Result<Bytes, BrokenOff>>;

/// What one connection's tasks share: who is at the other end, and what is under way.
pub(super) struct Connection {
    pub(super) peer: std::net::IpAddr,
    started: Instant,
    in_flight: AtomicUsize,
    /// Milliseconds after `started` at which the last request ended.
    idle_since: AtomicU64,
    marks: Mutex<Vec<Weak<Mark>>>,
}

/// One body under way.
struct Mark {
    /// Milliseconds after the connection's start at which the body moved last.
    moved: AtomicU64,
    /// It waits for the store, not for the client.
    ours: AtomicBool,
}

impl Connection {
    pub(super) fn new(peer: std::net::IpAddr) -> Arc<Self> {
        Arc::new(Self {
            peer,
            started: Instant::now(),
            in_flight: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            marks: Mutex::default(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Counts a request until the guard is dropped, which is when its response has been taken whole.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }

    /// How long there has been no request; zero while there is one.
    pub(super) fn idle(&self) -> Duration {
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            return Duration::ZERO;
        }
        Duration::from_millis(self.now().saturating_sub(self.idle_since.load(Ordering::Relaxed)))
    }

    /// True if a response has waited for its client for longer than `limit`: whoever asks for much and reads nothing
    /// must not hold memory, a snapshot of a document and a place for ever.
    pub(super) fn is_stalled(&self, limit: Duration) -> bool {
        let now = self.now();
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let mut marks = self.marks.lock();
        marks.retain(|mark| mark.strong_count() > 0);
        marks.iter().filter_map(Weak::upgrade).any(|mark| {
            !mark.ours.load(Ordering::Relaxed) && now.saturating_sub(mark.moved.load(Ordering::Relaxed)) > limit
        })
    }
}

/// A request under way.
pub(super) struct InFlight(Arc<Connection>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.now(), Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A response body.
pub(super) enum Body {
    Empty,
    Whole(Bytes),
    Stream {
        chunks: Chunks,
        /// Bytes still to come, where that is known (then `Content-Length` is sent).
        left: Option<u64>,
        watch: Option<Watch>,
    },
}

/// Ties a streaming body to its connection.
pub(super) struct Watch {
    request: InFlight,
    mark: Arc<Mark>,
}

impl Body {
    /// Ties the body to its connection: the request ends with it, and a client that stops reading is noticed.
    pub(super) fn watched(mut self, request: InFlight) -> Self {
        if let Self::Stream { watch, .. } = &mut self {
            let connection = &request.0;
            let mark = Arc::new(Mark { moved: AtomicU64::new(connection.now()), ours: AtomicBool::new(false) });
            let mut marks = connection.marks.lock();
            marks.retain(|mark| mark.strong_count() > 0);
            marks.push(Arc::downgrade(&mark));
            drop(marks);
            *watch = Some(Watch { request, mark });
        }
        self
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            body @ Self::Whole(_) => match std::mem::replace(body, Self::Empty) {
                Self::Whole(bytes) if !bytes.is_empty() => {
                    metrics::counter!("http_sent_bytes_total").increment(bytes.len() as u64);
                    Poll::Ready(Some(Ok(Frame::data(bytes))))
                }
                _ => Poll::Ready(None),
            },
            Self::Stream { chunks, left, watch } => {
                let polled = chunks.as_mut().poll_next(context);
                if let Some(watch) = watch {
                    watch.mark.ours.store(polled.is_pending(), Ordering::Relaxed);
                    watch.mark.moved.store(watch.request.0.now(), Ordering::Relaxed);
                }
                Poll::Ready(match std::task::ready!(polled) {
                    Some(Ok(bytes)) => {
                        metrics::counter!("http_sent_bytes_total").increment(bytes.len() as u64);
                        if let Some(left) = left {
                            match left.checked_sub(bytes.len() as u64) {
                                Some(rest) => *left = rest,
                                None => return Poll::Ready(Some(Err(BrokenOff))),
                            }
                        }
                        Some(Ok(Frame::data(bytes)))
                    }
                    Some(Err(broken)) => Some(Err(broken)),
                    None if left.is_some_and(|left| left > 0) => Some(Err(BrokenOff)),
                    None => None,
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Stream { left, .. } => *left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream { left: Some(left), .. } => SizeHint::with_exact(*left),
            Self::Stream { left: None, .. } => SizeHint::default(),
        }
    }
}

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

/// A response with a body of this type.
pub(super) fn whole(status: StatusCode, kind: &'static str, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::Whole(bytes.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A sentence.
pub(super) fn text(status: StatusCode, sentence: String) -> Response<Body> {
    whole(status, "text/plain; charset=utf-8", sentence)
}

/// The type of every XML answer.
pub(super) const XML_TYPE: &str = "application/xml; charset=utf-8";

/// An XML document.
pub(super) fn xml(status: StatusCode, document: String) -> Response<Body> {
    whole(status, XML_TYPE, document)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::BodyExt as _;

    use super::*;

    fn streamed(parts: Vec<Result<Bytes, BrokenOff>>, left: Option<u64>) -> Body {
        Body::Stream { chunks: Box::pin(stream::iter(parts)), left, watch: None }
    }

    #[tokio::test]
    async fn a_body_that_ends_before_its_length_is_an_error_and_never_an_end() {
        let part = || Ok(Bytes::from_static(b"abc"));
        assert_eq!(streamed(vec![part()], Some(3)).collect().await.expect("whole").to_bytes(), "abc");
        assert!(streamed(vec![part()], Some(4)).collect().await.is_err());
        assert!(streamed(vec![part()], Some(2)).collect().await.is_err());
        assert!(streamed(vec![part(), Err(BrokenOff)], None).collect().await.is_err());
    }

    #[test]
    fn a_connection_is_idle_only_between_requests() {
        let connection = Connection::new(std::net::Ipv4Addr::LOCALHOST.into());
        let request = connection.begin();
        assert_eq!(connection.idle(), Duration::ZERO);
        assert!(!connection.is_stalled(Duration::ZERO), "nothing is streaming");
        let body = streamed(vec![], None).watched(request);
        assert!(!connection.is_stalled(Duration::from_secs(3600)));
        assert_eq!(connection.marks.lock().len(), 1);
        drop(body);
        assert!(!connection.is_stalled(Duration::ZERO));
        assert!(connection.marks.lock().is_empty());
    }
}
