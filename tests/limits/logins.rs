//! Guessing without end, and an honest client who logs in for the first time meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use russh::client;
use russh::keys::{Algorithm, PrivateKey, PrivateKeyWithHashAlg};

use crate::demo::{CLIENT_ONE, CLIENT_TWO, ok};
use crate::firm::{Firm, address, dial, run};
use crate::sftp_channel::Anyone;
use crate::web::{Web, basic, path, tls_of};

/// Wrong passwords for one login, each from an address of its own, over and over; returns at once. The answers are soon
/// held back for seconds, and no address comes to the number of guesses from which it would be refused outright.
fn guess(firm: &Firm, guessers: u16) -> Vec<tokio::task::JoinHandle<()>> {
    let (authority, tls) = (firm.https(), tls_of(firm.demo.text("ca_file"), b"http/1.1"));
    let guess_on = move |tls: tokio_rustls::TlsConnector, n: u16| async move {
        for round in 0u16.. {
            let mut web = Web::connect(&tls, authority, address(1000 + n + guessers * (round / 8))).await;
            let guess = basic("victim@example.com", &round.to_string());
            // Refused, told to wait or closed: the next guess follows.
            if web.send(web.head_with(&guess, "GET /dav/", "").as_bytes()).await {
                web.answer().await;
            }
        }
    };
    (0..guessers).map(|n| tokio::spawn(guess_on(tls.clone(), n))).collect()
}

#[test]
fn guesses_that_wait_for_their_refusal_are_in_nobodys_way() {
    run(async {
        let firm = Firm::with("");
        let guesses = guess(&firm, 120);
        tokio::time::sleep(Duration::from_secs(8)).await;
        for n in 0..4 {
            let begun = Instant::now();
            let mut web = Web::new(&firm, address(n)).await;
            let (status, _) = web.ask(&web.head(&firm, CLIENT_ONE, &format!("GET {}", path("none")), ""), b"").await;
            assert_eq!(status, 404, "after {:?}", begun.elapsed());
            assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        }
        guesses.into_iter().for_each(|guess| guess.abort());
    });
}

#[test]
fn an_address_fills_its_part_of_the_queue_for_passwords_and_no_more() {
    run(async {
        let firm = Firm::with("passwords_waiting = 8\npasswords_waiting_per_address = 2");
        let authority = firm.https();
        let tls = tls_of(firm.demo.text("ca_file"), b"http/1.1");
        let guesses = (0..40).map(|n| {
            let tls = tls.clone();
            tokio::spawn(async move {
                let mut web = Web::connect(&tls, authority, address(7)).await;
                let head = web.head_with(&basic(&format!("nobody.{n}"), "x"), "GET /dav/", "");
                web.ask(&head, b"").await.0
            })
        });
        let mut statuses = Vec::new();
        for guess in guesses.collect::<Vec<_>>() {
            statuses.push(guess.await.expect("an answer"));
        }
        assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
        assert!(firm.hits("webdav", "passwords_waiting_per_address") > 0);
        assert_eq!(firm.hits("webdav", "passwords_waiting"), 0);
        let mut web = Web::new(&firm, address(8)).await;
        let head = web.head(&firm, CLIENT_ONE, &format!("GET {}", path("none")), "");
        assert_eq!(web.ask(&head, b"").await.0, 404);
    });
}

#[test]
fn logging_in_ten_thousand_times_is_cheap_with_the_right_password_and_ends_soon_with_a_wrong_one() {
    run(async {
        let firm = Firm::with("");
        let mut web = Web::new(&firm, address(1)).await;
        let right = web.head(&firm, CLIENT_ONE, &format!("GET {}", path("none")), "");
        for _ in 0..10_000 {
            assert_eq!(web.ask(&right, b"").await.0, 404);
        }
        let metric = "deedbox_logins_total{outcome=\"done\"}";
        assert_eq!(firm.metric(metric), 1, "one login serves them all");

        let socket = dial(address(2), firm.sftp()).await;
        let mut ssh = client::connect_stream(Arc::default(), socket, Anyone).await.expect("connected");
        let guesses = async {
            while let Ok(answer) = ssh.authenticate_password("nobody@example.com", "guess").await {
                assert!(!answer.success());
            }
        };
        tokio::time::timeout(Duration::from_secs(120), guesses).await.expect("the connection ends");
        let refused = firm.metric("deedbox_logins_total{outcome=\"refused\"}");
        assert!(refused <= 10, "{refused}");
    });
}

#[test]
fn a_first_factor_that_is_proven_without_end_ends_at_the_deadline_and_strange_keys_sooner() {
    run(async {
        let firm = Firm::with("login_seconds = 4");
        ok(firm.demo.deedbox(&["account", "second-factor", "enable", CLIENT_ONE]));
        let (before, begun) = (firm.peak_mib(), Instant::now());
        async fn connect(firm: &Firm) -> client::Handle<Anyone> {
            let socket = dial(address(1), firm.sftp()).await;
            client::connect_stream(Arc::default(), socket, Anyone).await.expect("connected")
        }
        // It is never wrong, so nobody counts it; the code never comes.
        let mut ssh = connect(&firm).await;
        let mut proven = 0;
        let proofs = async {
            while let Ok(answer) = ssh.authenticate_password(CLIENT_ONE, firm.demo.password(CLIENT_ONE)).await {
                assert!(!answer.success());
                proven += 1;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), proofs).await.expect("the connection ends");
        assert!(proven > 1 && begun.elapsed() < Duration::from_secs(10), "{proven} in {:?}", begun.elapsed());
        assert_eq!(firm.hits("sftp", "login"), 1);

        // With an authority, each key is taken when it is offered, since it may have a certificate.
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).expect("a key");
        let public = key.public_key().to_openssh().expect("a line");
        std::fs::write(firm.demo.data().join("certs/user_ca.pub"), public).expect("written");
        firm.demo.configure(|text| text.replace("#: trusted_user", "trusted_user"));
        ok(firm.demo.deedbox(&["reload"]));
        let (mut ssh, key) = (connect(&firm).await, PrivateKeyWithHashAlg::new(Arc::new(key), None));
        let mut refused = 0;
        let proofs = async {
            while let Ok(answer) = ssh.authenticate_publickey(CLIENT_TWO, key.clone()).await {
                assert!(!answer.success());
                refused += 1;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), proofs).await.expect("the connection ends");
        // Ten, and one that is told to leave.
        assert!(refused <= 11, "{refused}");
        let record = ok(firm.demo.deedbox(&["audit", "show"]));
        let is_refused = |line: &str| line.contains("login") && line.contains("refused");
        assert!(!record.lines().any(is_refused), "keys that are nobody's are no guesses: {record}");
        // A check of a password takes 19 MiB, and the allocator keeps that of a few.
        let grown = firm.peak_mib() - before;
        assert!(grown < 128, "{grown} MiB");
    });
}
