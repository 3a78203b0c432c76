//! `[scan]`: whether uploads pass a virus scan, whose do, and who scans.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;

use super::checks::{Checks, MIB};
use super::raw;
use crate::names::Role;

/// How uploads are scanned for viruses, if they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Where clamd listens.
    pub clamd: ClamdAddress,
    /// Whose uploads are scanned.
    pub who: Vec<Role>,
    /// What is longer is not given to clamd, whose `StreamMaxLength` must not be less.
    pub max_bytes: u64,
    /// What becomes of it.
    pub longer: Longer,
    /// How long clamd may take for one step: to take the connection, the next piece, or to answer after the last one.
    pub timeout: Duration,
}

/// Where clamd listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClamdAddress {
    /// At a unix socket.
    Socket(PathBuf),
    /// At a loopback address: the protocol knows neither encryption nor logins.
    Loopback(SocketAddr),
}

impl ClamdAddress {
    /// The TCP port, if it is one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Socket(_) => None,
            Self::Loopback(address) => Some(address.port()),
        }
    }
}

impl std::fmt::Display for ClamdAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Loopback(address) => write!(f, "{address}"),
        }
    }
}

/// What becomes of an upload that is longer than clamd takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Longer {
    /// It is refused.
    Refuse,
    /// It is taken without a scan.
    Accept,
}

impl Checks<'_> {
    /// Scans are on if a clamd is named.
    pub(super) fn scan(&mut self, raw: raw::Scan) -> Option<Scan> {
        let who = self.scanned(raw.who);
        let max_bytes = self.number("scan.max_mib", raw.max_mib, 25, 1..=4095) * MIB;
        let words = [("refuse", Longer::Refuse), ("accept", Longer::Accept)];
        let longer = self.word("scan.longer", raw.longer, Longer::Refuse, &words);
        let timeout = Duration::from_secs(self.number("scan.timeout_seconds", raw.timeout_seconds, 60, 1..=600));
        let clamd = self.clamd(raw.clamd?)?;
        Some(Scan { clamd, who, max_bytes, longer, timeout })
    }

    fn clamd(&mut self, item: Spanned<String>) -> Option<ClamdAddress> {
        let text = item.get_ref();
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() && address.port() > 0 => Some(ClamdAddress::Loopback(address)),
            Err(_) if text.contains('/') && !text.contains('\0') => Some(ClamdAddress::Socket(self.base.join(text))),
            Ok(_) | Err(_) => {
                let message = "`scan.clamd` must be a unix socket, such as \"/run/clamav/clamd.ctl\", or a loopback \
                               address and its port, such as \"127.0.0.1:3310\": documents go there in clear";
                self.mistakes.add(self.text, Some(item.span()), message);
                None
            }
        }
    }

    fn scanned(&mut self, raw: Option<Vec<Spanned<String>>>) -> Vec<Role> {
        let Some(items) = raw else { return vec![Role::Participant, Role::Device] };
        let mut who = Vec::new();
        for item in items {
            match item.get_ref().as_str() {
                "participants" => who.push(Role::Participant),
                "devices" => who.push(Role::Device),
                "staff" => who.push(Role::Staff),
                _ => {
                    let message = "`scan.who` is a list of \"participants\", \"devices\" and \"staff\"";
                    self.mistakes.add(self.text, Some(item.span()), message);
                }
            }
        }
        who
    }
}
