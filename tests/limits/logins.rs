//! Guessing without end, and an honest client who logs in for the first time meanwhile.

use std::time::{Duration, Instant};

use crate::demo::CLIENT_ONE;
use crate::firm::{Firm, address, run};
use crate::web::{Web, basic, path};

/// Wrong passwords for logins that nobody has, each from an address of its own, over and over; returns at once.
pub(crate) fn guess(firm: &Firm, guessers: u16) -> Vec<tokio::task::JoinHandle<()>> {
    let (authority, ca) = (firm.https(), firm.demo.text("ca_file").to_owned());
    (0..guessers).map(|n| tokio::spawn(guess_on(authority, ca.clone(), n))).collect()
}

async fn guess_on(authority: std::net::SocketAddr, ca: String, n: u16) {
    let tls = crate::web::tls_of(&ca, b"http/1.1");
    for round in 0u32.. {
        let mut web = Web::connect(&tls, authority, address(1000 + n)).await;
        let head = web.head_with(&basic(&format!("nobody.{n}@example.com"), &round.to_string()), "GET /dav/", "");
        // Refused, delayed, told to wait or closed: the next guess follows.
        if web.send(head.as_bytes()).await {
            web.answer().await;
        }
    }
}

#[test]
fn guesses_that_wait_for_their_refusal_are_in_nobodys_way() {
    run(async {
        let firm = Firm::with("");
        // More than the queue for passwords holds. Each is soon answered only after seconds.
        let guesses = guess(&firm, 200);
        tokio::time::sleep(Duration::from_secs(8)).await;
        for n in 0..3 {
            let begun = Instant::now();
            let mut web = Web::new(&firm, address(n)).await;
            let (status, _) = web.ask(&web.head(&firm, CLIENT_ONE, &format!("GET {}", path("none")), ""), b"").await;
            assert_eq!(status, 404, "after {:?}", begun.elapsed());
            assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        }
        guesses.into_iter().for_each(|guess| guess.abort());
    });
}
