//! What the drive and the pages answer with: response bodies, the watch over those whose client has stopped reading, and what
//! one connection's requests share.

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

use crate::config::Limits;
use crate::front::limits::{Bounds, Holding, Limit, Share};
use crate::front::pace::Pace;
use crate::front::places::Place;
use crate::names::{AccountId, Front};

/// A body broke off: the connection is aborted, so that no client takes the part for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the response was broken off")]
pub(super) struct BrokenOff;

/// A stream of body chunks.
pub(super) type Chunks = BoxStream<'static, Result<Bytes, BrokenOff>>;

/// Whether what is on its way may not be sent any more.
pub(super) type IsLost = Box<dyn Fn() -> bool + Send + Sync>;

/// What one connection's tasks share: who is at the other end, and what is under way.
pub(super) struct Connection {
    pub(super) peer: std::net::IpAddr,
    pub(super) place: Place,
    /// As they were when the connection was accepted.
    pub(super) limits: Limits,
    started: Instant,
    in_flight: AtomicUsize,
    /// Milliseconds after `started` at which the last request ended.
    idle_since: AtomicU64,
    served: AtomicBool,
    marks: Mutex<Vec<Weak<Mark>>>,
}

/// One body under way.
struct Mark {
    /// Milliseconds after the connection's start by which the client has to take what it was handed. Never, while the body
    /// waits for the store and not for the client.
    due: AtomicU64,
    is_lost: Option<IsLost>,
}

const NEVER: u64 = u64::MAX;

impl Connection {
    pub(super) fn new(peer: std::net::IpAddr, place: Place, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            peer,
            place,
            limits,
            started: Instant::now(),
            in_flight: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            served: AtomicBool::new(false),
            marks: Mutex::default(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Counts a request until the guard is dropped, which is when its response has been taken whole.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.served.store(true, Ordering::Relaxed);
        InFlight { connection: self.clone(), shares: Vec::new() }
    }

    /// Whether a whole request head has ever come over it.
    pub(super) fn has_served(&self) -> bool {
        self.served.load(Ordering::Relaxed)
    }

    /// How long there has been no request; zero while there is one.
    pub(super) fn idle(&self) -> Duration {
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            return Duration::ZERO;
        }
        Duration::from_millis(self.now().saturating_sub(self.idle_since.load(Ordering::Relaxed)))
    }

    /// True if a client takes a response too slowly: whoever asks for much and reads little must not hold memory, a
    /// snapshot of a document and a place for ever.
    pub(super) fn is_slow(&self) -> bool {
        let now = self.now();
        self.any(|mark| mark.due.load(Ordering::Relaxed) < now)
    }

    /// True if something is on its way that may not be sent any more. To wait for the client to come for it would be to send
    /// what lies ready: a client that reads slowly is seconds behind.
    pub(super) fn has_lost(&self) -> bool {
        self.any(|mark| mark.is_lost.as_ref().is_some_and(|is_lost| is_lost()))
    }

    fn any(&self, is_so: impl Fn(&Mark) -> bool) -> bool {
        let mut marks = self.marks.lock();
        marks.retain(|mark| mark.strong_count() > 0);
        marks.iter().filter_map(Weak::upgrade).any(|mark| is_so(&mark))
    }
}

/// A request under way, with what its account holds for it until its response has been taken.
pub(super) struct InFlight {
    connection: Arc<Connection>,
    shares: Vec<Share>,
}

impl InFlight {
    /// One more of something that an account may have only so much of.
    pub(super) fn hold(
        &mut self,
        bounds: &Arc<Bounds>,
        account: AccountId,
        holding: Holding,
        door: Front,
    ) -> Result<(), Limit> {
        self.shares.push(bounds.hold(account, holding, door)?);
        Ok(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.connection.idle_since.store(self.connection.now(), Ordering::Relaxed);
        self.connection.in_flight.fetch_sub(1, Ordering::Relaxed);
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
        is_lost: Option<IsLost>,
        watch: Option<Watch>,
    },
}

/// Ties a streaming body to its connection.
pub(super) struct Watch {
    request: InFlight,
    mark: Arc<Mark>,
    pace: Pace,
    /// When the client was handed what it has yet to take.
    handed: Option<Instant>,
}

impl Watch {
    /// The client has come for more.
    fn taken(&mut self) {
        if let Some(handed) = self.handed.take() {
            self.pace.waited(handed.elapsed());
        }
        self.mark.due.store(NEVER, Ordering::Relaxed);
    }

    /// The client was handed so much.
    fn handed(&mut self, bytes: usize) {
        self.pace.moved(bytes);
        self.handed = Some(Instant::now());
        let credit = u64::try_from(self.pace.credit().as_millis()).unwrap_or(NEVER);
        self.mark.due.store(self.request.connection.now().saturating_add(credit), Ordering::Relaxed);
    }
}

impl Body {
    /// Ties the body to its connection: the request ends with it, and a client that stops reading is noticed.
    pub(super) fn watched(mut self, request: InFlight) -> Self {
        if let Self::Stream { is_lost, watch, .. } = &mut self {
            let connection = &request.connection;
            let mark = Arc::new(Mark { due: AtomicU64::new(NEVER), is_lost: is_lost.take() });
            let pace = Pace::new(&connection.limits);
            let mut marks = connection.marks.lock();
            marks.retain(|mark| mark.strong_count() > 0);
            marks.push(Arc::downgrade(&mark));
            drop(marks);
            let mut begun = Watch { request, mark, pace, handed: None };
            begun.handed(0);
            *watch = Some(begun);
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
            Self::Stream { chunks, left, watch, .. } => {
                let polled = chunks.as_mut().poll_next(context);
                if let Some(watch) = watch {
                    watch.taken();
                    if let Poll::Ready(Some(Ok(bytes))) = &polled {
                        watch.handed(bytes.len());
                    }
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
    use futures_util::{FutureExt as _, StreamExt as _, stream};
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::front::limits::defaults;
    use crate::front::places::Places;

    fn streamed(parts: Vec<Result<Bytes, BrokenOff>>, left: Option<u64>) -> Body {
        Body::Stream { chunks: Box::pin(stream::iter(parts)), left, is_lost: None, watch: None }
    }

    #[tokio::test]
    async fn a_body_that_ends_before_its_length_is_an_error_and_never_an_end() {
        let part = || Ok(Bytes::from_static(b"abc"));
        assert_eq!(streamed(vec![part()], Some(3)).collect().await.expect("whole").to_bytes(), "abc");
        assert!(streamed(vec![part()], Some(4)).collect().await.is_err());
        assert!(streamed(vec![part()], Some(2)).collect().await.is_err());
        assert!(streamed(vec![part(), Err(BrokenOff)], None).collect().await.is_err());
    }

    fn connection(limits: Limits) -> Arc<Connection> {
        let bounds = Bounds::new(limits);
        let gauge = metrics::Gauge::noop;
        let peer = std::net::Ipv4Addr::LOCALHOST.into();
        let (place, _) = Places::new(bounds, Front::Webdav, gauge(), gauge()).take(peer);
        Connection::new(peer, place, limits)
    }

    #[test]
    fn a_connection_is_idle_only_between_requests() {
        let connection = connection(defaults());
        let request = connection.begin();
        assert_eq!(connection.idle(), Duration::ZERO);
        let body = streamed(vec![], None).watched(request);
        assert!(!connection.is_slow());
        assert_eq!(connection.marks.lock().len(), 1);
        drop(body);
        assert!(!connection.is_slow());
        assert!(connection.marks.lock().is_empty());
    }

    #[tokio::test]
    async fn a_client_is_slow_only_while_something_waits_for_it() {
        let connection = connection(Limits { slow: Duration::from_millis(1), slow_rate: 1 << 20, ..defaults() });
        let chunks = stream::iter([Ok(Bytes::from_static(b"abc"))]).chain(stream::pending());
        let chunks = Box::pin(chunks);
        let mut body = Body::Stream { chunks, left: None, is_lost: None, watch: None }.watched(connection.begin());
        body.frame().await.expect("a frame").expect("whole");
        std::thread::sleep(Duration::from_millis(10));
        assert!(connection.is_slow(), "it was handed three bytes and did not come for more");
        assert!(body.frame().now_or_never().is_none());
        assert!(!connection.is_slow(), "it came, and there was nothing yet");
    }
}
