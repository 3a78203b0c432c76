//! How many requests of which method got which answer, for the metrics.

use std::collections::HashMap;

use hyper::{Method, StatusCode};
use metrics::Counter;
use parking_lot::Mutex;

/// What the drive answers to, as in `Allow`.
pub(super) const METHODS: &str =
    "OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK";

/// Counters that were asked for before: to find one by its labels takes the recorder longer than to count.
#[derive(Default)]
pub(super) struct Answers(Mutex<HashMap<(&'static str, StatusCode), Counter>>);

impl Answers {
    /// Counts an answer.
    pub(super) fn count(&self, method: &Method, status: StatusCode) {
        let method = label(method);
        let mut counters = self.0.lock();
        let counter = counters.entry((method, status)).or_insert_with(
            || metrics::counter!("http_requests_total", "method" => method, "status" => status.as_str().to_owned()),
        );
        counter.increment(1);
    }
}

/// Methods as labels; made-up ones share a label, so that nobody can make the metrics grow.
fn label(method: &Method) -> &'static str {
    METHODS.split(", ").chain(["POST"]).find(|known| *known == method.as_str()).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_methods_share_one_label() {
        assert_eq!(label(&Method::GET), "GET");
        assert_eq!(label(&Method::from_bytes(b"PROPFIND").expect("method")), "PROPFIND");
        assert_eq!(label(&Method::from_bytes(b"X-1").expect("method")), "other");
        assert_eq!(label(&Method::TRACE), "other");
    }
}
