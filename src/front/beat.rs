//! A sign of life of a loop that accepts connections.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How often a loop turns at least, whether or not somebody connects.
const TURN: Duration = Duration::from_secs(2);

/// Set by a loop each time it turns, read by who watches over it.
#[derive(Debug, Clone)]
pub struct Beat(Arc<Mutex<Instant>>);

impl Beat {
    /// A loop that starts now.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// How long ago the loop turned last.
    pub fn age(&self) -> Duration {
        self.0.lock().elapsed()
    }

    /// The loop turned.
    pub(super) fn set(&self) {
        *self.0.lock() = Instant::now();
    }

    /// Returns when the loop is to turn again.
    pub(super) async fn due() {
        tokio::time::sleep(TURN).await;
    }
}
