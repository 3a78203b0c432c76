//! The listener for old scanners: where it is, whom it takes, and for how long.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use toml::Spanned;

use super::checks::Checks;
use super::raw;
use super::recoverable::Item;
use crate::names::{AddressRange, Timestamp};

/// Ranges of addresses.
const MAX_RANGES: usize = 100;

/// The listener for old scanners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanners {
    /// Address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// From where it is used; never empty.
    pub allow: Vec<AddressRange>,
    /// From when on it accepts nothing; nothing if it has no end.
    pub until: Option<Timestamp>,
    /// The host's private keys, which are those of the SFTP listener.
    pub host_keys: Vec<PathBuf>,
}

impl Checks<'_> {
    /// Nothing, unless the section has something. `others` are the other listeners that are on.
    pub(super) fn scanners(
        &mut self,
        raw: raw::Scanners,
        host_keys: Vec<PathBuf>,
        zone: &TimeZone,
        others: &[(&str, Option<SocketAddr>)],
    ) -> Option<Scanners> {
        let raw::Scanners { listen, allow, until } = raw;
        if listen.is_none() && allow.is_none() && until.is_none() {
            return None;
        }
        let first = listen.as_ref().map(Spanned::span);
        let first = first.or_else(|| allow.as_ref()?.first().map(Spanned::span));
        let first = first.or_else(|| until.as_ref().map(Spanned::span));
        if listen.is_none() {
            let message = "`scanners.listen` is missing: old scanners have an address of their own, such as \
                           \"192.0.2.1:2222\"";
            self.mistakes.add(self.text, first.clone(), message);
        }
        let allow = allow.unwrap_or_default();
        if allow.is_empty() {
            let message = "`scanners.allow` is empty: it must have the scanners' addresses, such as \
                           [\"192.0.2.17\", \"198.51.100.0/28\"]";
            self.mistakes.add(self.text, first.clone(), message);
        }
        let listen = self.address("scanners.listen", listen, (Ipv4Addr::LOCALHOST, 0).into());
        for (name, other) in others {
            if other.is_some_and(|other| meet(listen, other)) {
                let message = format!("`scanners.listen` is the address of `{name}`: it must be one of its own");
                self.mistakes.add(self.text, first.clone(), message);
            }
        }
        Some(Scanners { listen, allow: self.ranges(allow), until: self.until(until, zone), host_keys })
    }

    fn ranges(&mut self, items: Vec<Spanned<String>>) -> Vec<AddressRange> {
        if let Some(further) = items.get(MAX_RANGES) {
            let message = format!("`scanners.allow` has more than {MAX_RANGES} ranges");
            self.mistakes.add(self.text, Some(further.span()), message);
        }
        let mut ranges = Vec::new();
        for item in items.into_iter().take(MAX_RANGES) {
            match item.get_ref().parse::<AddressRange>() {
                Ok(range) => ranges.push(range),
                Err(why) => {
                    let message = format!("`scanners.allow`: {:?} {why}", item.get_ref());
                    self.mistakes.add(self.text, Some(item.span()), message);
                }
            }
        }
        ranges
    }

    /// The end of a day, by the firm's clock.
    fn until(&mut self, item: Item<String>, zone: &TimeZone) -> Option<Timestamp> {
        let item = item?;
        let end = end_of(item.get_ref(), zone);
        if end.is_none() {
            let message = "`scanners.until` must be the last day on which it is open, such as \"2027-06-30\"";
            self.mistakes.add(self.text, Some(item.span()), message);
        }
        end
    }
}

fn end_of(day: &str, zone: &TimeZone) -> Option<Timestamp> {
    // jiff takes a time behind the date as well and drops it.
    let day = (day.len() == "2027-06-30".len()).then(|| day.parse::<Date>().ok())??;
    let end = day.tomorrow().ok()?.to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_millis(end.timestamp().as_millisecond()))
}

/// Whether two listeners would be in each other's way. A port that the system chooses is nobody else's.
fn meet(one: SocketAddr, other: SocketAddr) -> bool {
    let any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.port() != 0 && (any || one.ip() == other.ip())
}
