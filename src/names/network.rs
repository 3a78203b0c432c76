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

/// The addresses that have their first bits in common, as people write them: `192.0.2.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressRange {
    first: IpAddr,
    /// At most as many as the address has.
    bits: u8,
}

impl AddressRange {
    /// Is this one of them? An IPv4 address that comes mapped into IPv6 counts as itself.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && masked(address, self.bits) == self.first
    }
}

/// The address with all but its first bits cleared.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    let cleared = |width: u32| width.saturating_sub(u32::from(bits));
    match address {
        IpAddr::V4(v4) => IpAddr::V4((u32::from(v4) & u32::MAX.checked_shl(cleared(32)).unwrap_or(0)).into()),
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & u128::MAX.checked_shl(cleared(128)).unwrap_or(0)).into()),
    }
}

/// The text was no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a range is an address, or the first address of a network and its bits, such as 192.0.2.0/24 or 2001:db8::/32")]
pub struct ParseRangeError;

impl FromStr for AddressRange {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, ParseRangeError> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let first: IpAddr = address.parse().map_err(|_| ParseRangeError)?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| ParseRangeError)?;
        // Not the first of its network is a slip of the pen, and which part of it is not for us to say.
        if bits > most || masked(first, bits) != first || first.to_canonical() != first {
            return Err(ParseRangeError);
        }
        Ok(Self { first, bits })
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
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
    fn a_range_has_the_addresses_of_its_network_and_no_others() {
        for (range, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.0/24", "::ffff:192.0.2.1", "::ffff:192.0.3.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
        ] {
            let range: AddressRange = range.parse().expect("a range");
            assert!(range.contains(inside.parse().expect("an address")), "{inside} in {range}");
            assert!(!range.contains(outside.parse().expect("an address")), "{outside} in {range}");
            assert_eq!(range.to_string().parse(), Ok(range));
        }
        for wrong in
            ["", "192.0.2.1/24", "192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "example.com", "::ffff:192.0.2.1"]
        {
            assert_eq!(wrong.parse::<AddressRange>(), Err(ParseRangeError), "{wrong}");
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
