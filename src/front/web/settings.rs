//! What the pages are shown with.

use jiff::tz::TimeZone;

/// What the pages are shown with; another one can be put in its place while they are served.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The firm's name as people see it.
    pub firm: String,
    /// By whose clock times are shown.
    pub zone: TimeZone,
    /// Of links and buttons, as `#rrggbb`; nothing for the usual one.
    pub colour: Option<String>,
}
