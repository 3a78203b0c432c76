//! What counts as one address when attempts and connections are limited, and ranges of addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An IPv4 address as it is, also when it comes mapped into IPv6; an IPv6 address by its /64, because a single customer
/// line has that many to choose from (RFC 6177) and a limit for each would be none.
pub fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
    }
}

/// A range of addresses: `192.0.2.0/24`, `2001:db8::/64`, or a single address. Never all there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressRange {
    first: IpAddr,
    /// How many bits all of its addresses share; at least 1.
    prefix: u32,
}

/// Why a text is no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseRangeError {
    /// Neither an address nor a range.
    #[error("must be an address or a range, such as \"192.0.2.17\", \"192.0.2.0/24\" or \"2001:db8::/64\"")]
    Form,
    /// The address is not the range's first.
    #[error("does not start at its first address: there are bits beyond its prefix")]
    NotFirst,
    /// Everybody.
    #[error("takes every address there is")]
    Everybody,
}

impl AddressRange {
    /// Whether the address lies in it; one that comes mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let ((first, width), (other, other_width)) = (bits(self.first), bits(address.to_canonical()));
        width == other_width && (first ^ other) >> (width - self.prefix) == 0
    }
}

/// An address as a number, and how many bits that has.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(v4) => (u32::from(v4).into(), 32),
        IpAddr::V6(v6) => (v6.into(), 128),
    }
}

impl FromStr for AddressRange {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, ParseRangeError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| ParseRangeError::Form)?;
        let (number, width) = bits(first);
        let prefix = prefix.map_or(Ok(width), str::parse).map_err(|_| ParseRangeError::Form)?;
        if prefix == 0 {
            return Err(ParseRangeError::Everybody);
        }
        // IPv4 in IPv6 would never match: addresses of clients are turned into what they are.
        if prefix > width || first.to_canonical() != first {
            return Err(ParseRangeError::Form);
        }
        if prefix < width && number & ((1 << (width - prefix)) - 1) != 0 {
            return Err(ParseRangeError::NotFirst);
        }
        Ok(Self { first, prefix })
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, prefix } = self;
        if *prefix == bits(*first).1 { write!(f, "{first}") } else { write!(f, "{first}/{prefix}") }
    }
}

impl TryFrom<String> for AddressRange {
    type Error = ParseRangeError;

    fn try_from(text: String) -> Result<Self, ParseRangeError> {
        text.parse()
    }
}

impl From<AddressRange> for String {
    fn from(range: AddressRange) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_the_addresses_that_share_its_prefix() {
        let range = |text: &str| text.parse::<AddressRange>();
        for (text, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.17", "::ffff:192.0.2.17", "192.0.2.18"),
            ("128.0.0.0/1", "255.255.255.255", "127.255.255.255"),
            ("2001:db8::/64", "2001:db8::ffff", "2001:db8:0:1::"),
            ("8000::/1", "ffff::1", "128.0.0.1"),
        ] {
            let range = range(text).expect("a range");
            assert_eq!(range.to_string(), text);
            assert!(range.contains(inside.parse().expect("an address")), "{inside} in {text}");
            assert!(!range.contains(outside.parse().expect("an address")), "{outside} not in {text}");
        }
        assert_eq!(range("192.0.2.17/24"), Err(ParseRangeError::NotFirst));
        assert_eq!(range("0.0.0.0/0"), Err(ParseRangeError::Everybody));
        for wrong in ["", "printer", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "::ffff:192.0.2.0/120", "/8"] {
            assert_eq!(range(wrong), Err(ParseRangeError::Form), "{wrong}");
        }
    }

    #[test]
    fn an_ipv6_line_and_a_mapped_ipv4_address_count_as_one() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
