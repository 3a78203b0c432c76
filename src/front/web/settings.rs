//! What the pages are shown with.

use std::path::PathBuf;

use bytes::Bytes;
use jiff::tz::TimeZone;

/// What the pages are shown with; another one can be put in its place while they are served.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The firm's name as people see it.
    pub firm: String,
    /// By whose clock times are shown.
    pub zone: TimeZone,
    /// How the firm sends mail, if it does.
    pub mail: Option<Mail>,
    /// The address under which people reach the pages, without a slash at its end; if it is set.
    pub public_url: Option<String>,
    /// Of links and buttons, as `#rrggbb`; nothing for the usual one.
    pub colour: Option<String>,
    /// In place of the name at the top of each page.
    pub logo: Option<Logo>,
    /// The configuration from which all of this comes, for the administrator who looks for it.
    pub file: PathBuf,
    /// The directory of matter types that are applied at each start and reload, whatever the pages have made of them.
    pub matter_types: Option<PathBuf>,
}

/// How the firm sends mail, as the administrator is told.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The sender.
    pub from: String,
    /// The server that takes it, with its port.
    pub relay: String,
    /// The hour at which participants get the day's news as one mail; at once if there is none.
    pub digest_hour: Option<u8>,
    /// Whether mails name documents.
    pub document_names: bool,
    /// Whether a participant's upload is told to others who can see it.
    pub notify_participants: bool,
}

impl Settings {
    /// The firm sends mail, so that a forgotten password can be replaced by a link.
    pub(super) fn mails(&self) -> bool {
        self.mail.is_some()
    }
}

/// An image of a kind that every browser shows.
#[derive(Debug, Clone)]
pub struct Logo {
    pub(super) kind: &'static str,
    pub(super) bytes: Bytes,
}

impl Logo {
    /// Bytes that it may have.
    pub const MOST: u64 = 256 * 1024;

    /// Tells the kind by how the file begins.
    ///
    /// # Errors
    /// A sentence for whoever chose the file.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, &'static str> {
        if bytes.len() as u64 > Self::MOST {
            return Err("a logo has at most 256 KiB");
        }
        let kind = match bytes.as_slice() {
            [0x89, b'P', b'N', b'G', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
            text if text.trim_ascii_start().starts_with(b"<") && text.windows(4).any(|part| part == b"<svg") => {
                "image/svg+xml"
            }
            _ => return Err("a logo is an SVG, PNG, JPEG or WebP image"),
        };
        Ok(Self { kind, bytes: bytes.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logo_is_told_by_how_it_begins() {
        let kind = |bytes: &[u8]| Logo::parse(bytes.to_vec()).map(|logo| logo.kind);
        assert_eq!(kind(b"\x89PNG\r\n"), Ok("image/png"));
        assert_eq!(kind(b"\xff\xd8\xff\xe0"), Ok("image/jpeg"));
        assert_eq!(kind(b"RIFF0000WEBPVP8"), Ok("image/webp"));
        assert_eq!(kind(b"\n<?xml version='1.0'?><svg/>"), Ok("image/svg+xml"));
        assert!(kind(b"<html>").is_err() && kind(b"").is_err() && kind(&[0; 300_000]).is_err());
    }
}
