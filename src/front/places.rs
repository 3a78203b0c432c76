//! Connections at a door: of people who have logged in, and of those who have not.
//!
//! The two are counted apart, so that strangers cannot use up the places of logged-in clients. Strangers are never turned
//! away either: where there is no place, a newcomer takes that of whoever has been there longest without logging in, first
//! among those with the newcomer's address, then among those of the address that has most. Who opens connections and says
//! nothing thus only displaces their own; an honest client is through its login before its turn comes.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::limits::{Bounds, Limit};
use crate::names::{AccountId, Front, network};

/// The connections of one door.
pub(super) struct Places {
    door: Front,
    bounds: Arc<Bounds>,
    open: Mutex<Open>,
    all: metrics::Gauge,
    before_login: metrics::Gauge,
}

#[derive(Default)]
struct Open {
    /// How many have come, which is also the name of the next.
    arrivals: u64,
    strangers: BTreeMap<u64, Stranger>,
    by_address: HashMap<IpAddr, usize>,
    logged_in: usize,
    by_account: HashMap<AccountId, usize>,
}

struct Stranger {
    address: IpAddr,
    displace: oneshot::Sender<()>,
}

/// The place of one connection; given back when dropped.
pub(super) struct Place {
    places: Arc<Places>,
    holder: Mutex<Holder>,
}

#[derive(Clone, Copy)]
enum Holder {
    Stranger(u64),
    Account(AccountId),
}

/// Tells a connection that a newcomer has its place.
pub(super) struct Displaced(Option<oneshot::Receiver<()>>);

impl Displaced {
    /// Returns when the connection has to go; never, once somebody has logged in over it.
    pub(super) async fn displaced(&mut self) {
        if let Some(told) = &mut self.0 {
            let told = told.await;
            self.0 = None;
            if told.is_ok() {
                return;
            }
        }
        std::future::pending().await
    }
}

impl Places {
    /// The gauges show how many connections are open, and how many of them before login.
    pub(super) fn new(
        bounds: Arc<Bounds>,
        door: Front,
        all: metrics::Gauge,
        before_login: metrics::Gauge,
    ) -> Arc<Self> {
        Arc::new(Self { door, bounds, open: Mutex::default(), all, before_login })
    }

    /// A place for a newcomer, at the cost of another if there is none left.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> (Place, Displaced) {
        let address = network(peer);
        let limits = self.bounds.now();
        let mut open = self.open.lock();
        if open.by_address.get(&address).is_some_and(|count| *count >= limits.before_login_per_address) {
            Limit::BeforeLoginPerAddress.hit(self.door);
            self.displace(&mut open, |stranger, _| stranger.address == address);
        } else if open.strangers.len() >= limits.before_login {
            Limit::BeforeLogin.hit(self.door);
            let most = open.by_address.values().copied().max();
            self.displace(&mut open, |stranger, counts| counts.get(&stranger.address).copied() == most);
        }
        let arrival = open.arrivals;
        open.arrivals += 1;
        let (displace, displaced) = oneshot::channel();
        open.strangers.insert(arrival, Stranger { address, displace });
        *open.by_address.entry(address).or_default() += 1;
        self.all.increment(1);
        self.before_login.increment(1);
        (Place { places: self.clone(), holder: Mutex::new(Holder::Stranger(arrival)) }, Displaced(Some(displaced)))
    }

    /// Tells the first of these strangers to go. Its place is free from now on.
    fn displace(&self, open: &mut Open, who: impl Fn(&Stranger, &HashMap<IpAddr, usize>) -> bool) {
        let first = open.strangers.iter().find(|(_, stranger)| who(stranger, &open.by_address));
        if let Some(arrival) = first.map(|(arrival, _)| *arrival)
            && let Some(stranger) = self.remove(open, arrival)
        {
            // One that is on its way out already needs no telling.
            let _ = stranger.displace.send(());
        }
    }

    fn remove(&self, open: &mut Open, arrival: u64) -> Option<Stranger> {
        let stranger = open.strangers.remove(&arrival)?;
        take_one(&mut open.by_address, &stranger.address);
        self.before_login.decrement(1);
        Some(stranger)
    }
}

impl Place {
    /// Somebody has logged in over this connection: it now counts as theirs. One connection can carry several logins; it
    /// stays with the first.
    pub(super) fn login(&self, account: AccountId) -> Result<(), Limit> {
        let places = &self.places;
        let mut holder = self.holder.lock();
        let Holder::Stranger(arrival) = *holder else { return Ok(()) };
        let limits = places.bounds.now();
        let mut open = places.open.lock();
        let of_account = open.by_account.get(&account).copied().unwrap_or(0);
        if of_account >= limits.connections_per_account {
            return Err(Limit::ConnectionsPerAccount.hit(places.door));
        }
        if open.logged_in >= limits.connections {
            return Err(Limit::Connections.hit(places.door));
        }
        places.remove(&mut open, arrival);
        open.logged_in += 1;
        *open.by_account.entry(account).or_default() += 1;
        *holder = Holder::Account(account);
        Ok(())
    }

    /// Whether somebody has logged in over this connection.
    pub(super) fn is_logged_in(&self) -> bool {
        matches!(*self.holder.lock(), Holder::Account(_))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.open.lock();
        match *self.holder.lock() {
            Holder::Stranger(arrival) => drop(self.places.remove(&mut open, arrival)),
            Holder::Account(account) => {
                open.logged_in -= 1;
                take_one(&mut open.by_account, &account);
            }
        }
        self.places.all.decrement(1);
    }
}

/// One less; nothing is kept of who has none.
fn take_one<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, of: &K) {
    if let Some(count) = counts.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(of);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::config::Limits;
    use crate::front::limits::defaults;

    fn places(limits: Limits) -> Arc<Places> {
        Places::new(Bounds::new(limits), Front::Sftp, metrics::Gauge::noop(), metrics::Gauge::noop())
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn is_displaced((_, displaced): &mut (Place, Displaced)) -> bool {
        displaced.displaced().now_or_never().is_some()
    }

    #[test]
    fn an_address_displaces_its_own_and_not_those_of_others() {
        let places = places(Limits { before_login: 10, before_login_per_address: 2, ..defaults() });
        let mut other = places.take(address(9));
        let mut crowd: Vec<_> = (0..5).map(|_| places.take(address(1))).collect();
        assert!(!is_displaced(&mut other));
        let displaced: Vec<_> = crowd.iter_mut().map(is_displaced).collect();
        assert_eq!(displaced, [true, true, true, false, false]);
        assert_eq!(places.open.lock().strangers.len(), 3);
        drop((other, crowd));
        let open = places.open.lock();
        assert!(open.strangers.is_empty() && open.by_address.is_empty(), "nothing is kept of those who left");
    }

    #[test]
    fn where_all_places_are_taken_the_address_with_most_pays() {
        let places = places(Limits { before_login: 4, before_login_per_address: 4, ..defaults() });
        let mut early = places.take(address(9));
        let mut crowd: Vec<_> = (0..3).map(|_| places.take(address(1))).collect();
        let mut newcomer = places.take(address(2));
        assert!(!is_displaced(&mut early) && !is_displaced(&mut newcomer));
        assert_eq!(crowd.iter_mut().map(is_displaced).collect::<Vec<_>>(), [true, false, false]);
        // With one each, whoever has been there longest.
        let _third = places.take(address(3));
        let _fourth = places.take(address(4));
        assert!(is_displaced(&mut early));
        assert!(!is_displaced(&mut newcomer));
    }

    #[test]
    fn strangers_cannot_take_the_places_of_those_who_logged_in() {
        let places = places(Limits { before_login: 2, connections: 2, connections_per_account: 1, ..defaults() });
        let [one, two, three] = [1, 2, 3].map(|n| AccountId::from_bytes([n; 16]));
        let mut mine = places.take(address(1));
        mine.0.login(one).expect("a place");
        mine.0.login(two).expect("the same place");
        assert!(!is_displaced(&mut mine) && !is_displaced(&mut mine), "however often it is asked");
        let strangers: Vec<_> = (0..50).map(|n| places.take(address(n))).collect();
        assert!(!is_displaced(&mut mine) && mine.0.is_logged_in());
        let again = places.take(address(60));
        assert_eq!(again.0.login(one), Err(Limit::ConnectionsPerAccount));
        assert_eq!(again.0.login(two), Ok(()));
        let late = places.take(address(61));
        assert_eq!(late.0.login(three), Err(Limit::Connections));
        drop((mine, again));
        assert_eq!(late.0.login(three), Ok(()));
        drop((late, strangers));
        assert!(places.open.lock().by_account.is_empty());
    }
}
