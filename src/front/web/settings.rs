//! What the pages are shown with.

use jiff::tz::TimeZone;

/// What the pages are shown with; another one can be put in its place while they are served.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The firm's name as people see it.
    pub firm: String,
    /// By whose clock times are shown.
    pub zone: TimeZone,
    /// The firm sends mail, so that a forgotten password can be replaced by a link.
    pub mails: bool,
    /// The address under which people reach the pages, without a slash at its end; if it is set.
    pub public_url: Option<String>,
}
