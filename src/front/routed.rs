//! Requests through a router of axum: what the pages and the API share of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body as RouterBody, HttpBody as _};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http_body::Frame as BodyFrame;
use hyper::http::request::Parts;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;

use super::http_answer::{Body, BrokenOff};
use super::http_upload::{Interrupted, Upload};

/// Has a request answered. Beside the answer comes what is left of the request's body, to be read off; nothing if it was given up.
pub(super) async fn call(router: Router, parts: Parts, upload: Upload) -> (axum::response::Response, Option<Upload>) {
    let home = Arc::new(Mutex::new(None));
    let body = RouterBody::new(Lent { upload: Some(upload), home: home.clone() });
    let Ok(answered) = TowerToHyperService::new(router).call(hyper::Request::from_parts(parts, body)).await;
    let left = home.lock().take();
    (answered, left)
}

/// What a router answers, as the listener sends it.
pub(super) fn body(body: RouterBody) -> Body {
    let left = body.size_hint().exact();
    Body::Stream { chunks: body.into_data_stream().map_err(|_| BrokenOff).boxed(), left, is_lost: None, watch: None }
}

/// A request's body as the router takes it. What is left of it goes home, to be read off.
struct Lent {
    upload: Option<Upload>,
    home: Arc<Mutex<Option<Upload>>>,
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = Interrupted;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Interrupted>>> {
        let Some(upload) = &mut self.get_mut().upload else { return Poll::Ready(None) };
        upload.poll_next(context).map(|next| next.map(|data| data.map(BodyFrame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.upload.as_ref().is_none_or(Upload::has_ended)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        let length = self.upload.as_ref().and_then(Upload::length);
        length.map_or_else(http_body::SizeHint::default, http_body::SizeHint::with_exact)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.home.lock() = self.upload.take();
    }
}
