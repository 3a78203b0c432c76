//! A document on its way out, over the drive or the pages: read in steps, one step ahead of what is being sent.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;

use super::http_answer::{Body, BrokenOff, IsLost};
use crate::vfs::{Error, Reading};

/// What is handed to the connection at a time.
const FRAME: usize = 64 * 1024;
/// The first step of a read, and what a slow client gets.
const SMALL_STEP: usize = 128 * 1024;
/// What a fast client gets: entering the store costs the same for much and for little, and this still fits the
/// processor's cache and the tree's buffers.
const LARGE_STEP: usize = 256 * 1024;

/// The body of a response with these pieces. Its first step has been read when this returns.
pub(super) async fn document_body(reading: Reading, pieces: VecDeque<Piece>) -> Result<Body, Error> {
    let length = pieces.iter().map(Piece::len).sum();
    let mut chunks = Pieces::new(reading, pieces);
    let first = chunks.step().await?;
    if first.len() as u64 == length {
        return Ok(Body::Whole(first));
    }
    chunks.take(first);
    let reading = chunks.reading.clone();
    let is_lost: IsLost = Box::new(move || reading.is_lost());
    Ok(Body::Stream { chunks: Box::pin(chunks), left: Some(length), is_lost: Some(is_lost), watch: None })
}

/// Bytes `start..end` of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Span {
    pub(super) fn len(self) -> u64 {
        self.end - self.start
    }
}

/// A part of the response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(Bytes),
    Span(Span),
}

impl Piece {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Span(span) => span.len(),
        }
    }
}

/// The read-ahead.
enum Ahead {
    Nothing,
    Pending(BoxFuture<'static, Result<Bytes, Error>>),
    Ready(Result<Bytes, Error>),
}

/// Reads the pieces in steps, one step ahead of what is being sent. A step grows while the client takes it quickly and
/// shrinks when it does not, so that thousands of slow readers hold little.
struct Pieces {
    reading: Arc<Reading>,
    pieces: VecDeque<Piece>,
    current: Bytes,
    since: Instant,
    ahead: Ahead,
    /// The span that the read-ahead asked for: what it does not deliver is asked for again.
    asked: Option<Span>,
    step: usize,
}

impl Pieces {
    fn new(reading: Reading, pieces: VecDeque<Piece>) -> Self {
        Self {
            reading: Arc::new(reading),
            pieces,
            current: Bytes::new(),
            since: Instant::now(),
            ahead: Ahead::Nothing,
            asked: None,
            step: SMALL_STEP,
        }
    }

    /// Starts to read the next step.
    fn start(&mut self) {
        self.ahead = match self.pieces.pop_front() {
            None => Ahead::Nothing,
            Some(Piece::Text(text)) => Ahead::Ready(Ok(text)),
            Some(Piece::Span(span)) => {
                let end = span.end.min(span.start + self.step as u64);
                if end < span.end {
                    self.pieces.push_front(Piece::Span(Span { start: end, end: span.end }));
                }
                // A step fits into usize.
                let length = (end - span.start) as usize;
                if length == 0 {
                    return self.start();
                }
                self.asked = Some(Span { start: span.start, end });
                let reading = self.reading.clone();
                Ahead::Pending(Box::pin(async move { reading.read_at(span.start, length).await }))
            }
        };
    }

    /// Checks what a step brought. No bytes where there should be some is damage.
    fn finish(&mut self, result: Result<Bytes, Error>) -> Result<Bytes, Error> {
        let bytes = result?;
        if let Some(asked) = self.asked.take() {
            let got = asked.start + bytes.len() as u64;
            if bytes.is_empty() || got > asked.end {
                return Err(Error::Damaged);
            }
            if got < asked.end {
                self.pieces.push_front(Piece::Span(Span { start: got, end: asked.end }));
            }
        }
        Ok(bytes)
    }

    /// The next step, awaited; empty at the end.
    async fn step(&mut self) -> Result<Bytes, Error> {
        self.start();
        let result = match std::mem::replace(&mut self.ahead, Ahead::Nothing) {
            Ahead::Nothing => return Ok(Bytes::new()),
            Ahead::Pending(future) => future.await,
            Ahead::Ready(result) => result,
        };
        self.finish(result)
    }

    /// Makes this the step that is being sent.
    fn take(&mut self, bytes: Bytes) {
        let took = self.since.elapsed();
        if took < Duration::from_millis(250) {
            self.step = (self.step * 2).min(LARGE_STEP);
        } else if took > Duration::from_secs(2) {
            self.step = (self.step / 2).max(FRAME);
        }
        self.since = Instant::now();
        self.current = bytes;
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if matches!(this.ahead, Ahead::Nothing) {
                this.start();
            }
            if let Ahead::Pending(future) = &mut this.ahead
                && let Poll::Ready(result) = future.as_mut().poll(context)
            {
                this.ahead = Ahead::Ready(result);
            }
            if this.reading.is_lost() {
                return Poll::Ready(Some(Err(BrokenOff)));
            }
            if !this.current.is_empty() {
                let frame = this.current.split_to(this.current.len().min(FRAME));
                return Poll::Ready(Some(Ok(frame)));
            }
            match std::mem::replace(&mut this.ahead, Ahead::Nothing) {
                Ahead::Nothing => return Poll::Ready(None),
                Ahead::Pending(future) => {
                    this.ahead = Ahead::Pending(future);
                    return Poll::Pending;
                }
                Ahead::Ready(result) => match this.finish(result) {
                    Ok(bytes) => this.take(bytes),
                    Err(_) => return Poll::Ready(Some(Err(BrokenOff))),
                },
            }
        }
    }
}
