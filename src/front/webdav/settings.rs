//! What the drive is started with.

use std::sync::Arc;
use std::time::Duration;

use crate::front::Bounds;

/// What the drive is started with.
pub struct Settings {
    /// The realm that a login prompt shows (RFC 7617 section 2). Must not contain `"`, `\` or control characters;
    /// such characters are left out.
    pub realm: String,
    /// What clients may use.
    pub bounds: Arc<Bounds>,
    /// How long requests under way may go on after the stop signal.
    pub drain: Duration,
}
