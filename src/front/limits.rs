//! How many connections may be open at a door, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::names::network;

/// Counts open connections. An attacker with one address (or one IPv6 line) cannot take the places of all others.
pub(super) struct ConnectionLimits {
    open: Mutex<Open>,
    gauge: metrics::Gauge,
}

struct Open {
    most: usize,
    most_by_address: usize,
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The right to one connection; given back when dropped.
pub(super) struct Place {
    limits: Arc<ConnectionLimits>,
    address: IpAddr,
}

impl ConnectionLimits {
    /// `gauge` shows how many are open.
    pub(super) fn new(all: usize, by_address: usize, gauge: metrics::Gauge) -> Arc<Self> {
        let open = Open { most: all, most_by_address: by_address, all: 0, by_address: HashMap::new() };
        Arc::new(Self { open: Mutex::new(open), gauge })
    }

    /// Other limits from now on. Connections that are open stay, however many they are.
    pub(super) fn allow(&self, all: usize, by_address: usize) {
        let mut open = self.open.lock();
        (open.most, open.most_by_address) = (all, by_address);
    }

    /// A place for a connection from this address, or nothing if there is none.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let address = network(peer);
        let mut open = self.open.lock();
        let of_address = open.by_address.get(&address).copied().unwrap_or(0);
        if open.all >= open.most || of_address >= open.most_by_address {
            return None;
        }
        open.all += 1;
        open.by_address.insert(address, of_address + 1);
        self.gauge.increment(1);
        Some(Place { limits: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.limits.open.lock();
        open.all -= 1;
        self.limits.gauge.decrement(1);
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_every_place_and_gives_its_own_back() {
        let limits = ConnectionLimits::new(3, 2, metrics::Gauge::noop());
        let [a, b, c] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|text| text.parse().expect("an address"));
        let (first, second) = (limits.take(a), limits.take(a));
        assert!(first.is_some() && second.is_some());
        assert!(limits.take(a).is_none());
        let other = limits.take(b);
        assert!(other.is_some() && limits.take(c).is_none(), "three altogether");
        drop(first);
        assert!(limits.take(a).is_some());
        limits.allow(2, 2);
        assert!(limits.take(c).is_none(), "the limit went below what is open");
        drop((second, other));
        assert!(limits.open.lock().by_address.is_empty(), "nothing is kept of those who left");
    }
}
