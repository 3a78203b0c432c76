//! The bounds within which the drive works.

use std::time::Duration;

/// Bounds on connections, time and sizes; every one has a default that suits a firm's single server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The realm that a login prompt shows (RFC 7617 section 2). Must not contain `"`, `\` or control characters;
    /// such characters are left out.
    pub realm: String,
    /// Open connections altogether; further ones are closed at once.
    pub connections: usize,
    /// Open connections of one address (an IPv6 /64 counts as one).
    pub connections_per_address: usize,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long the head of an HTTP/1 request may take, counted from the end of the request before it: it is the idle
    /// timeout of HTTP/1 as well.
    pub header_timeout: Duration,
    /// How long an HTTP/2 connection may stay without a request.
    pub idle_timeout: Duration,
    /// How long a body may stand still, in either direction, before its connection is closed.
    pub progress_timeout: Duration,
    /// Bytes of all request headers together.
    pub header_bytes: usize,
    /// Bytes of an XML request body.
    pub xml_bytes: usize,
    /// Bytes of one upload.
    pub upload_bytes: u64,
    /// Requests at one time on one HTTP/2 connection.
    pub streams: u32,
    /// How long requests under way may go on after the stop signal.
    pub drain: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            realm: "Deedbox".to_owned(),
            connections: 8192,
            connections_per_address: 256,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(120),
            progress_timeout: Duration::from_secs(60),
            header_bytes: 32 * 1024,
            xml_bytes: 64 * 1024,
            upload_bytes: 64 << 30,
            streams: 32,
            drain: Duration::from_secs(30),
        }
    }
}
