//! Clients that take their time: how long each step may last, and that an honest slow one gets through.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep, timeout};

use crate::demo::CLIENT_ONE;
use crate::firm::{Firm, address, dial, run};
use crate::sftp_channel::{CREATE, READ, Sftp, TRUNCATE, WRITE, connect_over, packet, read, string};
use crate::web::{Web, path};

const LONG: Duration = Duration::from_secs(30);

/// A document of 8 MiB that can be read at both doors.
async fn store(firm: &Firm) {
    let mut web = Web::new(firm, address(1)).await;
    let put = web.head(firm, CLIENT_ONE, &format!("PUT {}", path("large.bin")), "Content-Length: 8388608\r\n");
    assert_eq!(web.ask(&put, &vec![7; 8 << 20]).await.0, 201);
}

#[test]
fn whoever_does_not_get_on_with_logging_in_is_closed_at_the_deadline() {
    run(async {
        let firm = Firm::with("handshake_seconds = 1\nlogin_seconds = 3\nheader_seconds = 60");
        let begun = Instant::now();
        let mut silent = (dial(address(1), firm.https()).await, dial(address(1), firm.sftp()).await);
        let mut shaken = Web::new(&firm, address(1)).await;
        let mut asking = Web::new(&firm, address(1)).await;
        let end = |begun: Instant| begun.elapsed().as_secs_f64();
        let mut buffer = [0; 256];
        timeout(LONG, silent.0.read(&mut buffer)).await.expect("closed").ok();
        assert!((0.8..2.9).contains(&end(begun)), "no handshake: {}", end(begun));
        assert_eq!(firm.hits("webdav", "handshake"), 1);
        // Asking what may be asked without a login does not lengthen it.
        while asking.send(b"OPTIONS /dav/ HTTP/1.1\r\nHost: x\r\n\r\n").await && asking.answer().await.is_some() {
            sleep(Duration::from_millis(100)).await;
        }
        shaken.ended().await;
        let greeting = async { while silent.1.read(&mut buffer).await.is_ok_and(|count| count > 0) {} };
        timeout(LONG, greeting).await.expect("closed");
        assert!((2.8..6.0).contains(&end(begun)), "no login: {}", end(begun));
        assert_eq!((firm.hits("webdav", "login"), firm.hits("sftp", "login")), (2, 1));
    });
}

#[test]
fn whoever_has_logged_in_may_rest_for_so_long_and_no_longer() {
    run(async {
        let firm = Firm::with("idle_seconds = 2\nidle_http_seconds = 2\nheader_seconds = 1\nlogin_seconds = 600");
        let ssh = connect_over(&firm.demo, CLIENT_ONE, 1 << 21, dial(address(1), firm.sftp()).await).await;
        let mut web = Web::new(&firm, address(1)).await;
        let head = web.head(&firm, CLIENT_ONE, &format!("GET {}", path("none")), "");
        assert_eq!(web.ask(&head, b"").await.0, 404);
        let mut late = Web::new(&firm, address(1)).await;
        late.send(b"GET /dav/ HTTP/1.1\r\nHost: x\r\nX-Slow").await;
        late.ended().await;
        assert_eq!(firm.hits("webdav", "header_time"), 1, "half a head");
        web.ended().await;
        let closed = async {
            while !ssh.is_closed() {
                sleep(Duration::from_millis(20)).await
            }
        };
        timeout(LONG, closed).await.expect("closed");
        assert_eq!((firm.hits("sftp", "idle"), firm.hits("webdav", "idle")), (1, 1), "{}", firm.demo.log());
    });
}

#[test]
fn an_upload_must_keep_its_pace_and_a_slow_honest_one_gets_through() {
    run(async {
        let firm = Firm::with("slow_seconds = 2\nslow_bytes_per_second = 1024");
        let drip = |bytes: usize, every: u64, name: &'static str| {
            let firm = &firm;
            async move {
                let mut web = Web::new(firm, address(1)).await;
                let put = web.head(firm, CLIENT_ONE, &format!("PUT {}", path(name)), "Content-Length: 16384\r\n");
                web.send(put.as_bytes()).await;
                let mut left = 16_384;
                while left > 0 {
                    let part = vec![b'x'; bytes.min(left)];
                    left -= part.len();
                    web.send(&part).await;
                    // An answer before the end is a refusal.
                    if left > 0
                        && let Ok(answer) = timeout(Duration::from_millis(every), web.answer()).await
                    {
                        return answer.map(|(status, _)| status);
                    }
                }
                web.answer().await.map(|(status, _)| status)
            }
        };
        let (dripping, standing, honest) =
            tokio::join!(drip(1, 100, "drip"), drip(16_000, 10_000, "stands"), drip(1024, 500, "honest"));
        assert_eq!((dripping, standing, honest), (Some(408), Some(408), Some(201)));
        assert_eq!(firm.hits("webdav", "slow"), 2);

        let ssh = connect_over(&firm.demo, CLIENT_ONE, 1 << 21, dial(address(1), firm.sftp()).await).await;
        let mut sftp = Sftp::on(&ssh).await;
        sftp.init().await;
        // Between requests one may rest; within one, one may not.
        sleep(Duration::from_secs(4)).await;
        sftp.send(&packet(17, 1, &[&string(b"/")])).await;
        assert!(sftp.answer().await.is_some());
        sftp.send(&packet(17, 2, &[&string(b"/")])[..9]).await;
        assert_eq!(sftp.answer().await, None);
        assert_eq!(firm.hits("sftp", "slow"), 1);
    });
}

#[test]
fn a_download_must_be_taken_and_a_slow_honest_reader_gets_it_whole() {
    run(async {
        let firm = Firm::with("slow_seconds = 5\nslow_bytes_per_second = 65536");
        store(&firm).await;
        let small = || async {
            let socket = TcpSocket::new_v4().expect("a socket");
            // What the kernel holds does not count as slow.
            socket.set_recv_buffer_size(8192).expect("set");
            socket.bind((address(1), 0).into()).expect("bound");
            socket.connect(firm.https()).await.expect("connected")
        };
        let get = |web: &Web| web.head(&firm, CLIENT_ONE, &format!("GET {}", path("large.bin")), "");
        let mut stuck = Web::over(&firm, small().await).await;
        let head = get(&stuck);
        stuck.send(head.as_bytes()).await;

        let mut honest = Web::over(&firm, small().await).await;
        let head = get(&honest);
        honest.send(head.as_bytes()).await;
        let (mut taken, mut buffer) = (0, vec![0; 65_536]);
        while taken < 8 << 20 {
            let count = timeout(LONG, honest.stream.read(&mut buffer)).await.expect("it goes on").expect("whole");
            assert!(count > 0, "cut off after {taken}");
            taken += count;
            // At most 4 MiB a second: far slower than the daemon is, far faster than it has to be.
            sleep(Duration::from_millis(count as u64 / 4096)).await;
        }
        timeout(LONG, async {
            while firm.hits("webdav", "slow") == 0 {
                sleep(Duration::from_millis(100)).await
            }
        })
        .await
        .expect("who takes nothing is cut");
        assert_eq!(firm.hits("webdav", "slow"), 1);

        let ssh = connect_over(&firm.demo, CLIENT_ONE, 65_536, dial(address(1), firm.sftp()).await).await;
        let mut sftp = Sftp::on(&ssh).await;
        sftp.init().await;
        let handle = sftp.document("large.bin", READ).await;
        // More than the window lets through, and then nobody takes it.
        let reads: Vec<u8> = (0..200u32).flat_map(|n| read(n, &handle, u64::from(n) * 32_768, 32_768)).collect();
        sftp.send(&reads).await;
        timeout(LONG, async {
            while firm.hits("sftp", "slow") == 0 {
                sleep(Duration::from_millis(100)).await
            }
        })
        .await
        .expect("who takes nothing is cut");
        // The client stands still itself, and would not notice.
        let closed = async {
            while firm.metric("sftp_sessions") > 0 {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(LONG, closed).await.expect("closed");
        let ssh = connect_over(&firm.demo, CLIENT_ONE, 1 << 21, dial(address(1), firm.sftp()).await).await;
        let mut sftp = Sftp::on(&ssh).await;
        sftp.init().await;
        sftp.document("next", WRITE | CREATE | TRUNCATE).await;
    });
}
