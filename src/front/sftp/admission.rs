//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Counts connections.
#[derive(Debug)]
pub(super) struct Admission {
    counts: Mutex<Counts>,
    most: usize,
    most_by_address: usize,
}

/// The right to one connection; given back on drop.
#[derive(Debug)]
pub(super) struct Ticket {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Admission {
    pub(super) fn new(most: usize, most_by_address: usize) -> Self {
        Self { counts: Mutex::default(), most, most_by_address }
    }

    /// Admits a connection unless there are too many.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Ticket> {
        let address = counted_as(peer);
        let mut counts = self.counts.lock();
        let from_there = counts.by_address.get(&address).copied().unwrap_or(0);
        if counts.all >= self.most || from_there >= self.most_by_address {
            return None;
        }
        counts.all += 1;
        counts.by_address.insert(address, from_there + 1);
        Some(Ticket { admission: self.clone(), address })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock();
        counts.all -= 1;
        if let Some(count) = counts.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

/// One customer's IPv6 network is one address, or the limit would be none.
fn counted_as(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_cannot_take_all_places_and_gives_its_own_back() {
        let admission = Arc::new(Admission::new(3, 2));
        let first = admission.admit(address("192.0.2.1"));
        let _second = admission.admit(address("192.0.2.1"));
        assert!(admission.admit(address("192.0.2.1")).is_none());
        let _third = admission.admit(address("192.0.2.2"));
        assert!(admission.admit(address("192.0.2.3")).is_none(), "the total is reached");
        drop(first);
        assert!(admission.admit(address("192.0.2.1")).is_some());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let admission = Arc::new(Admission::new(9, 1));
        let _one = admission.admit(address("2001:db8:1:2::1"));
        assert!(admission.admit(address("2001:db8:1:2:ffff::9")).is_none());
        assert!(admission.admit(address("2001:db8:1:3::1")).is_some());
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let admission = Arc::new(Admission::new(9, 1));
        drop(admission.admit(address("192.0.2.1")));
        assert!(admission.counts.lock().by_address.is_empty());
    }
}
