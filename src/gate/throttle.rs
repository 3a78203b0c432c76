//! Growing delays against guessing.
//!
//! Failures are counted per login, per address, and per pair of the two. What is counted does not depend on whether the
//! login exists, so neither does any delay. The pair is what is refused outright: an attacker cannot lock a client out
//! from the client's own address, but every wrong guess at a login slows the next guess from anywhere.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::names::network;

/// Failures are forgotten after this time without another.
const MEMORY: Duration = Duration::from_secs(15 * 60);
/// The delay after the first failure; it doubles with each.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The delay grows no further than this.
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// A pair of login and address with this many failures has to wait before it may try again.
const REFUSE_AFTER: u32 = 12;
/// The whole address, whatever logins it tries.
const REFUSE_ADDRESS_AFTER: u32 = 60;
/// How long it has to wait.
const REFUSAL: Duration = Duration::from_secs(60);
/// Entries kept; beyond, the oldest are dropped.
const CAPACITY: usize = 65_536;

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

/// Counts failed logins.
#[derive(Default)]
pub(super) struct Throttle {
    counts: Mutex<HashMap<Key, Failures>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Login(String),
    Address(IpAddr),
    Pair(String, IpAddr),
}

impl Throttle {
    /// May this login be tried from this address now? Otherwise, how long to wait.
    pub(super) fn admit(&self, login: &str, peer: IpAddr) -> Result<(), Duration> {
        let counts = self.counts.lock();
        let wait = |key: &Key, limit: u32| {
            let failures = counts.get(key)?;
            let since = failures.last.elapsed();
            (failures.count >= limit && since < REFUSAL).then(|| REFUSAL - since)
        };
        let pair = wait(&Key::Pair(login.to_owned(), network(peer)), REFUSE_AFTER);
        match pair.or_else(|| wait(&Key::Address(network(peer)), REFUSE_ADDRESS_AFTER)) {
            Some(wait) => Err(wait),
            None => Ok(()),
        }
    }

    /// Counts a failure; returns how long its answer must be held back.
    pub(super) fn failed(&self, login: &str, peer: IpAddr) -> Duration {
        let mut counts = self.counts.lock();
        if counts.len() >= CAPACITY {
            counts.retain(|_, failures| failures.last.elapsed() < REFUSAL);
            if counts.len() >= CAPACITY {
                counts.clear();
            }
        }
        let mut count = |key| {
            let failures = counts.entry(key).or_insert(Failures { count: 0, last: Instant::now() });
            if failures.last.elapsed() > MEMORY {
                failures.count = 0;
            }
            failures.count = failures.count.saturating_add(1);
            failures.last = Instant::now();
            failures.count
        };
        let login_count = count(Key::Login(login.to_owned()));
        let address_count = count(Key::Address(network(peer)));
        count(Key::Pair(login.to_owned(), network(peer)));
        delay(login_count.max(address_count / 8))
    }

    /// A login from this address succeeded: the pair starts anew.
    pub(super) fn succeeded(&self, login: &str, peer: IpAddr) {
        self.counts.lock().remove(&Key::Pair(login.to_owned(), network(peer)));
    }
}

fn delay(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST_DELAY.saturating_mul(1 << doublings).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_with_each_failure_and_is_the_same_for_every_login() {
        let throttle = Throttle::default();
        let peer = IpAddr::from([192, 0, 2, 1]);
        let delays: Vec<_> = (0..4).map(|_| throttle.failed("client.one@example.com", peer)).collect();
        assert!(delays.windows(2).all(|pair| pair[0] < pair[1]), "{delays:?}");
        let unknown: Vec<_> =
            (0..4).map(|_| throttle.failed("nobody@example.com", IpAddr::from([192, 0, 2, 2]))).collect();
        assert_eq!(delays, unknown);
    }

    #[test]
    fn guessing_from_one_address_does_not_lock_the_client_out_at_another() {
        let throttle = Throttle::default();
        let (attacker, client) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([198, 51, 100, 7]));
        for _ in 0..REFUSE_AFTER {
            throttle.failed("client.one@example.com", attacker);
        }
        assert!(throttle.admit("client.one@example.com", attacker).is_err());
        assert!(throttle.admit("client.one@example.com", client).is_ok());
    }
}
