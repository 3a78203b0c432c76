//! How many connections may be open, altogether and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts open connections. An attacker with one address (or one IPv6 subnet) cannot take the places of all others.
pub(super) struct ConnectionLimits {
    total: usize,
    per_address: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One place; given back when dropped.
pub(super) struct Place {
    limits: Arc<ConnectionLimits>,
    address: IpAddr,
}

impl ConnectionLimits {
    pub(super) fn new(total: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self { total, per_address, open: Mutex::default() })
    }

    /// A place for a connection from this address, or nothing if there is none.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let address = group(peer);
        let mut open = self.open.lock();
        let of_address = open.by_address.get(&address).copied().unwrap_or(0);
        if open.total >= self.total || of_address >= self.per_address {
            return None;
        }
        open.total += 1;
        open.by_address.insert(address, of_address + 1);
        metrics::gauge!("http_connections").increment(1);
        Some(Place { limits: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.limits.open.lock();
        open.total -= 1;
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
        metrics::gauge!("http_connections").decrement(1);
    }
}

/// IPv4 as it is, IPv6 by its /64: a single customer line has that many addresses to choose from.
fn group(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_every_place_and_gives_them_back() {
        let limits = ConnectionLimits::new(3, 2);
        let (a, b) = ("192.0.2.1".parse().expect("address"), "192.0.2.2".parse().expect("address"));
        let first = limits.take(a);
        let second = limits.take(a);
        assert!(first.is_some() && second.is_some());
        assert!(limits.take(a).is_none());
        let other = limits.take(b);
        assert!(other.is_some() && limits.take(b).is_none(), "three altogether");
        drop(first);
        assert!(limits.take(a).is_some());
        drop((second, other));
        assert!(limits.open.lock().by_address.is_empty());
    }

    #[test]
    fn a_v6_subnet_and_a_mapped_v4_address_count_as_one() {
        let ip = |text: &str| group(text.parse().expect("address"));
        assert_eq!(ip("2001:db8::1"), ip("2001:db8::ffff:1"));
        assert_ne!(ip("2001:db8::1"), ip("2001:db8:0:1::1"));
        assert_eq!(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
    }
}
