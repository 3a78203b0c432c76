//! The queue in which passwords wait to be checked, and the threads that check them.
//!
//! A check takes 19 MiB and tens of milliseconds of a core, on purpose. So that guesses without end do not take both from
//! those who are in already, the threads are fewer than the cores and stand below all others of the process, and the
//! queue is bounded: in all, and for one address, which cannot keep others from their first login by filling it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, mpsc};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::passwords;
use crate::names::network;

/// How far below the others (nice(2)): a tenth of a core where somebody else wants it all, otherwise the whole of it.
const NICENESS: i32 = 10;

/// Why a password is not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// Everybody together has too many waiting.
    All,
    /// This address has.
    Address,
}

/// The queue.
pub(super) struct Hashing {
    jobs: mpsc::Sender<Job>,
    waiting: Arc<Mutex<Waiting>>,
    most: usize,
    most_per_address: usize,
}

#[derive(Default)]
struct Waiting {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

struct Job {
    stored: String,
    password: Zeroizing<String>,
    equal: oneshot::Sender<bool>,
    place: Place,
}

/// A place in the queue, kept until the check is done.
struct Place {
    waiting: Arc<Mutex<Waiting>>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock();
        waiting.all -= 1;
        if let Some(count) = waiting.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                waiting.by_address.remove(&self.address);
            }
        }
    }
}

impl Hashing {
    /// Starts a thread for every second core. They end with the queue.
    pub(super) fn start(most: usize, most_per_address: usize) -> Result<Self, passwords::Error> {
        let (sender, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)) {
            let jobs = jobs.clone();
            let work = move || work(&jobs);
            std::thread::Builder::new().name("passwords".to_owned()).spawn(work).map_err(|_| passwords::Error::Hash)?;
        }
        Ok(Self { jobs: sender, waiting: Arc::default(), most, most_per_address })
    }

    /// Whether this is the password, once its turn has come. Nothing if the threads are gone.
    pub(super) async fn verify(&self, peer: IpAddr, stored: String, password: &str) -> Result<Option<bool>, Full> {
        let place = self.enter(network(peer))?;
        let (equal, answer) = oneshot::channel();
        let job = Job { stored, password: Zeroizing::new(password.to_owned()), equal, place };
        if self.jobs.send(job).is_err() {
            return Ok(None);
        }
        Ok(answer.await.ok())
    }

    fn enter(&self, address: IpAddr) -> Result<Place, Full> {
        let mut waiting = self.waiting.lock();
        let of_address = waiting.by_address.get(&address).copied().unwrap_or(0);
        if of_address >= self.most_per_address {
            return Err(Full::Address);
        }
        if waiting.all >= self.most {
            return Err(Full::All);
        }
        waiting.all += 1;
        waiting.by_address.insert(address, of_address + 1);
        drop(waiting);
        Ok(Place { waiting: self.waiting.clone(), address })
    }
}

/// This thread works where nobody else wants to.
pub(super) fn behind_the_others() {
    // setpriority(2): on Linux "this process" means this thread. Where it is not allowed, it is merely not behind.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "a thread works at the common priority");
    }
}

fn work(jobs: &Mutex<mpsc::Receiver<Job>>) {
    behind_the_others();
    loop {
        let next = jobs.lock().recv();
        let Ok(Job { stored, password, equal, place }) = next else { return };
        // Who has gone away meanwhile needs no answer.
        if !equal.is_closed() {
            // A panic would take a thread from everybody; the one who asked is refused.
            let check = std::panic::AssertUnwindSafe(|| passwords::verify(&stored, &password));
            let is_equal = std::panic::catch_unwind(check).unwrap_or(false);
            drop(place);
            let _ = equal.send(is_equal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_can_fill_its_part_of_the_queue_and_no_more() {
        let hashing = Hashing::start(3, 2).expect("threads");
        let [a, b] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        let places = (hashing.enter(a).expect("one"), hashing.enter(a).expect("two"));
        assert_eq!(hashing.enter(a).err(), Some(Full::Address));
        let third = hashing.enter(b).expect("three");
        assert_eq!(hashing.enter(b).err(), Some(Full::All));
        drop(places);
        assert!(hashing.enter(b).is_ok());
        drop(third);
        assert!(hashing.waiting.lock().by_address.is_empty(), "nothing is kept of who has left");
    }

    #[tokio::test]
    async fn a_password_is_checked_and_its_place_given_back() {
        let hashing = Hashing::start(1, 1).expect("threads");
        let peer = IpAddr::from([192, 0, 2, 1]);
        let stored = passwords::hash("correct horse").expect("hashed");
        assert_eq!(hashing.verify(peer, stored.clone(), "correct horse").await, Ok(Some(true)));
        assert_eq!(hashing.verify(peer, stored, "correct hors").await, Ok(Some(false)));
    }
}
