//! Connections without end, before login and after it.

use std::time::Duration;

use russh::client::Handle;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::demo::{CLIENT_ONE, CLIENT_TWO, MATTER_ONE};
use crate::firm::{Firm, address, dial, run};
use crate::sftp_channel::{Anyone, Sftp, connect_over, packet, string};
use crate::web::{Web, path};

/// Whether the other end has closed a connection.
async fn is_closed(socket: &mut TcpStream) -> bool {
    loop {
        let mut buffer = [0; 4096];
        match timeout(Duration::from_millis(1), socket.read(&mut buffer)).await {
            Err(_) => return false,
            Ok(Ok(0) | Err(_)) => return true,
            Ok(Ok(_)) => {}
        }
    }
}

async fn open_of(sockets: &mut [TcpStream]) -> usize {
    let mut open = 0;
    for socket in sockets {
        open += usize::from(!is_closed(socket).await);
    }
    open
}

/// A document to read, and both doors open to it.
struct Client {
    web: Web,
    head: String,
    sftp: Sftp,
}

impl Client {
    async fn new(firm: &Firm, from: [u8; 4]) -> Self {
        let mut web = Web::new(firm, from).await;
        let put = web.head(firm, CLIENT_ONE, &format!("PUT {}", path("letter.txt")), "Content-Length: 5\r\n");
        assert!([201, 204].contains(&web.ask(&put, b"hello").await.0));
        let head = web.head(firm, CLIENT_ONE, &format!("GET {}", path("letter.txt")), "");
        let ssh = connect_over(&firm.demo, CLIENT_ONE, 1 << 21, dial(from, firm.sftp()).await).await;
        let mut sftp = Sftp::on(&ssh).await;
        sftp.ssh = Some(ssh);
        sftp.init().await;
        Self { web, head, sftp }
    }

    /// Works over both doors; gives how long the slower took.
    async fn work(&mut self) -> Duration {
        let begun = Instant::now();
        assert_eq!(self.web.ask(&self.head, b"").await, (200, b"hello".to_vec()));
        let web = begun.elapsed();
        let path = format!("/{MATTER_ONE}/Documents/Shared room/letter.txt");
        self.sftp.send(&packet(17, 7, &[&string(path.as_bytes())])).await;
        assert_eq!(self.sftp.answer().await.expect("an answer")[0], 105);
        web.max(begun.elapsed() - web)
    }
}

#[test]
fn five_thousand_slow_connections_are_bounded_and_a_client_works_on_and_another_logs_in() {
    run(async {
        let firm = Firm::with("");
        let mut client = Client::new(&firm, address(1)).await;
        let before = firm.peak_mib();
        let (mut slow, mut worst) = (Vec::new(), Duration::ZERO);
        // From 100 addresses; some are silent, some say half of what would make them clients.
        for n in 0..5000u16 {
            let to = if n % 2 == 0 { firm.sftp() } else { firm.https() };
            let mut socket = dial(address(100 + n % 100), to).await;
            let half: &[u8] = match n % 4 {
                2 => b"SSH-2.0-slow",
                // A TLS record of 512 bytes of which five come (RFC 8446 section 5.1).
                3 => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03",
                _ => b"",
            };
            // One that was displaced in this moment cannot be written to.
            let _ = socket.write_all(half).await;
            slow.push(socket);
            if n % 100 == 0 {
                worst = worst.max(client.work().await);
            }
        }
        assert!(firm.metric("sftp_connections_before_login") <= 500);
        assert!(firm.metric("http_connections_before_login") <= 500);
        assert!(open_of(&mut slow).await <= 1000, "the others were displaced");
        let displaced = |front: &str| firm.hits(front, "before_login") + firm.hits(front, "before_login_per_address");
        assert!(displaced("sftp") >= 2000 && displaced("webdav") >= 2000);
        // In full swing somebody else comes, and from one of the attackers' addresses too.
        for from in [2, 100] {
            let mut newcomer = Client::new(&firm, address(from)).await;
            worst = worst.max(newcomer.work().await);
        }
        worst = worst.max(client.work().await);
        assert!(worst < Duration::from_secs(5), "{worst:?}");
        let grown = firm.peak_mib() - before;
        // Without the bounds it would be five times as much.
        assert!(grown < 192, "the attack cost {grown} MiB");
    });
}

#[test]
fn one_address_displaces_its_own_connections_alone() {
    run(async {
        let firm = Firm::with("before_login = 20\nbefore_login_per_address = 5");
        for (to, front) in [(firm.sftp(), "sftp"), (firm.https(), "webdav")] {
            let mut other = dial(address(1), to).await;
            let mut slow = Vec::new();
            for _ in 0..50 {
                slow.push(dial(address(2), to).await);
            }
            sleep(Duration::from_millis(500)).await;
            assert!(!is_closed(&mut other).await);
            assert_eq!(open_of(&mut slow).await, 5);
            assert!(!is_closed(&mut slow[49]).await, "the newest stay");
            assert_eq!(firm.hits(front, "before_login_per_address"), 45);
            assert_eq!(firm.hits(front, "before_login"), 0);
            let gauge = if front == "sftp" { "sftp" } else { "http" };
            assert_eq!(firm.metric(&format!("{gauge}_connections_before_login")), 6);
        }
    });
}

async fn over(firm: &Firm, login: &str) -> Handle<Anyone> {
    connect_over(&firm.demo, login, 1 << 21, dial(address(1), firm.sftp()).await).await
}

#[test]
fn an_account_has_so_many_connections_on_each_door_and_others_have_theirs() {
    run(async {
        let firm = Firm::with("connections_per_account = 2");
        let mine = (over(&firm, CLIENT_ONE).await, over(&firm, CLIENT_ONE).await);
        let third = over(&firm, CLIENT_ONE).await;
        timeout(Duration::from_secs(10), async {
            while !third.is_closed() {
                sleep(Duration::from_millis(20)).await
            }
        })
        .await
        .expect("the third is closed");
        assert!(!mine.0.is_closed() && !mine.1.is_closed());
        assert_eq!(firm.hits("sftp", "connections_per_account"), 1);
        assert!(!over(&firm, CLIENT_TWO).await.is_closed());

        let mut webs = Vec::new();
        for _ in 0..3 {
            webs.push(Web::new(&firm, address(1)).await);
        }
        let mut statuses = Vec::new();
        for web in &mut webs {
            let head = web.head(&firm, CLIENT_ONE, &format!("GET {}", path("none")), "");
            statuses.push(web.ask(&head, b"").await.0);
        }
        assert_eq!(statuses, [404, 404, 429]);
        assert_eq!(firm.hits("webdav", "connections_per_account"), 1);
        drop(webs.remove(0));
        sleep(Duration::from_millis(200)).await;
        let last = webs.last_mut().expect("two");
        let head = last.head(&firm, CLIENT_ONE, &format!("GET {}", path("none")), "");
        assert_eq!(last.ask(&head, b"").await.0, 404, "the place that was given back is theirs");
    });
}

#[test]
fn with_few_file_handles_the_limits_shrink_and_storage_keeps_its_own() {
    run(async {
        let firm = Firm::with_files("", 1024);
        assert!(firm.demo.log().contains("RLIMIT_NOFILE"), "{}", firm.demo.log());
        let mut client = Client::new(&firm, address(1)).await;
        let mut slow = Vec::new();
        for n in 0..1500u16 {
            let to = if n % 2 == 0 { firm.sftp() } else { firm.https() };
            slow.push(dial(address(100 + n), to).await);
        }
        client.work().await;
        Client::new(&firm, address(2)).await.work().await;
        assert!(!firm.demo.log().contains("could not be accepted"), "{}", firm.demo.log());
    });
}
