//! The listener for old scanners: who is turned away before the first byte.

use std::net::IpAddr;

use crate::names::{AddressRange, Timestamp};

/// Whom the listener for old scanners takes, and for how long.
#[derive(Debug, Clone)]
pub struct Scanners {
    /// From where a connection may come.
    pub allow: Vec<AddressRange>,
    /// From when on none may.
    pub until: Option<Timestamp>,
}

impl Scanners {
    /// Whether its time is over.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Why a connection is not served, in a word for the metrics.
    pub(super) fn turns_away(&self, peer: IpAddr, now: Timestamp) -> Option<&'static str> {
        if self.is_over(now) {
            return Some("over");
        }
        (!self.allow.iter().any(|range| range.contains(peer))).then_some("address")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_moment_is_over_and_strangers_are_turned_away_before() {
        let allow = vec!["192.0.2.0/24".parse().expect("a range")];
        let scanners = Scanners { allow, until: Some(Timestamp::from_millis(1_000)) };
        let at =
            |peer: &str, millis| scanners.turns_away(peer.parse().expect("an address"), Timestamp::from_millis(millis));
        assert_eq!(at("192.0.2.7", 999), None);
        assert_eq!(at("192.0.3.7", 999), Some("address"));
        assert_eq!(at("192.0.2.7", 1_000), Some("over"));
    }
}
