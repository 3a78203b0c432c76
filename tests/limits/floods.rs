//! Requests that are all wrong, and right ones in numbers that are.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::demo::CLIENT_ONE;
use crate::firm::{Firm, address, dial, run};
use crate::sftp_channel::{Sftp, connect_over, packet, string};
use crate::web::{Web, path};

const LONG: Duration = Duration::from_secs(30);

#[test]
fn heads_that_are_too_large_are_refused_with_431() {
    run(async {
        let firm = Firm::with("");
        let target = path("none");
        for (headers, expected) in [
            (format!("X-Large: {}\r\n", "x".repeat(20_000)), 404),
            (format!("X-Large: {}\r\n", "x".repeat(65_536)), 431),
            ((0..50).map(|n| format!("X-{n}: x\r\n")).collect(), 404),
            ((0..100).map(|n| format!("X-{n}: x\r\n")).collect(), 431),
            ((0..100_000).map(|n| format!("X-{n}: x\r\n")).collect(), 431),
        ] {
            let mut web = Web::new(&firm, address(1)).await;
            let head = web.head(&firm, CLIENT_ONE, &format!("GET {target}"), &headers);
            web.send(head.as_bytes()).await;
            // A head that is refused before its end may close the connection under the rest of it.
            let status = web.answer().await.map(|(status, _)| status);
            assert!(status == Some(expected) || (expected == 431 && status.is_none()), "{status:?}, {}", headers.len());
        }
        assert_eq!(firm.hits("webdav", "header"), 3);
    });
}

#[test]
fn bombs_and_floods_of_ranges_are_refused_and_counted() {
    run(async {
        let firm = Firm::with("");
        let mut web = Web::new(&firm, address(1)).await;
        let put = web.head(&firm, CLIENT_ONE, &format!("PUT {}", path("a")), "Content-Length: 10\r\n");
        assert_eq!(web.ask(&put, b"0123456789").await.0, 201);
        let before = firm.peak_mib();
        let bombs = [
            ("<a>".repeat(2000) + &"</a>".repeat(2000), 400),
            ("<!DOCTYPE a [<!ENTITY b 'bbbb'><!ENTITY c '&b;&b;&b;&b;'>]><a>&c;</a>".to_owned(), 400),
            (format!("<a{}/>", (0..2800).map(|n| format!(" xmlns:n{n}='u{n}'")).collect::<String>()), 400),
            (" ".repeat(70_000), 413),
        ];
        for _ in 0..50 {
            for (bomb, expected) in &bombs {
                let headers = format!("Depth: 0\r\nContent-Length: {}\r\n", bomb.len());
                let head = web.head(&firm, CLIENT_ONE, &format!("PROPFIND {}", path("")), &headers);
                assert_eq!(web.ask(&head, bomb.as_bytes()).await.0, *expected);
            }
        }
        assert_eq!((firm.hits("webdav", "xml_shape"), firm.hits("webdav", "xml")), (150, 50));
        let ranges = format!("Range: bytes={}\r\n", (0..10_000).map(|_| "0-").collect::<Vec<_>>().join(","));
        let ten_thousand = web.head(&firm, CLIENT_ONE, &format!("GET {}", path("a")), &ranges);
        assert_eq!(web.ask(&ten_thousand, b"").await.0, 416);
        assert_eq!(firm.hits("webdav", "ranges"), 1);
        let grown = firm.peak_mib() - before;
        assert!(grown < 48, "the bombs cost {grown} MiB");
    });
}

#[test]
fn key_exchanges_without_end_close_the_connection_and_transfers_may_have_theirs() {
    run(async {
        let firm = Firm::with("");
        let ssh = connect_over(&firm.demo, CLIENT_ONE, 1 << 21, dial(address(1), firm.sftp()).await).await;
        let mut rekeyed = 0;
        let over = async {
            while !ssh.is_closed() && ssh.rekey_soon().await.is_ok() {
                rekeyed += 1;
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(LONG, over).await.expect("the connection ends");
        assert!(rekeyed > 20, "a few are nobody's harm: {rekeyed}");
        assert_eq!(firm.hits("sftp", "ssh_overhead"), 1);

        // OpenSSH's own rekeying, for every 64 KiB of a transfer both ways.
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("file");
        std::fs::write(&file, crate::demo::bytes(3, 32 << 20)).expect("written");
        let folder = format!("/{}/Documents/Shared room", crate::demo::MATTER_ONE);
        let back = home.path().join("back");
        let batch = format!("put {} \"{folder}/f\"\nget \"{folder}/f\" {}\n", file.display(), back.display());
        let mut child = std::process::Command::new("sftp")
            .args(firm.demo.ssh_options(CLIENT_ONE))
            .args(["-o", "RekeyLimit=64K", "-q", "-b", "-", "127.0.0.1"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .expect("sftp is installed");
        std::io::Write::write_all(&mut child.stdin.take().expect("piped"), batch.as_bytes()).expect("taken");
        assert!(child.wait().expect("it ends").success());
        assert!(std::fs::read(&file).expect("read") == std::fs::read(&back).expect("read"));
        assert_eq!(firm.hits("sftp", "ssh_overhead"), 1);
    });
}

#[test]
fn floods_beside_sftp_end_before_login_and_after_it() {
    run(async {
        let firm = Firm::with("");
        let ssh = connect_over(&firm.demo, CLIENT_ONE, 1 << 21, dial(address(1), firm.sftp()).await).await;
        // Requests that are refused one by one (RFC 4254 section 4).
        let over = async {
            while !ssh.is_closed() && ssh.send_keepalive(false).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG, over).await.expect("the connection ends");
        // A greeting and then noise, with nobody logged in.
        let mut socket = dial(address(1), firm.sftp()).await;
        use tokio::io::AsyncWriteExt as _;
        let noise = [b"SSH-2.0-noise\r\n".to_vec(), vec![0x15; 1 << 20]].concat();
        let over = async { while socket.write_all(&noise).await.is_ok() {} };
        timeout(LONG, over).await.expect("the connection ends");
        assert_eq!(firm.hits("sftp", "ssh_overhead"), 1, "noise is no SSH at all, and ends as such");
    });
}

#[test]
fn a_flood_of_lookups_is_answered_in_turn_or_cut_and_another_client_works_on() {
    run(async {
        let firm = Firm::with("queued_kib = 256");
        let before = firm.peak_mib();
        let ssh = connect_over(&firm.demo, CLIENT_ONE, 1 << 21, dial(address(1), firm.sftp()).await).await;
        let mut flooder = Sftp::on(&ssh).await;
        flooder.init().await;
        let batch: Vec<u8> = (0..1000).flat_map(|n| packet(16, n, &[&string(b"/a/b/c")])).collect();
        // Somebody who takes the answers gets all of them.
        for _ in 0..20 {
            flooder.send(&batch).await;
            for _ in 0..1000 {
                assert_eq!(flooder.answer().await.expect("an answer")[0], 104);
            }
        }
        // Somebody who does not is cut, with a window that lets nothing through soon.
        let ssh = connect_over(&firm.demo, CLIENT_ONE, 32_768, dial(address(1), firm.sftp()).await).await;
        let mut flooder = Sftp::on(&ssh).await;
        flooder.init().await;
        let flood = async {
            for _ in 0..100 {
                if flooder.channel.data_bytes(bytes::Bytes::from(batch.clone())).await.is_err() {
                    break;
                }
            }
        };
        timeout(LONG, flood).await.expect("taken or cut");
        let mut worst = Duration::ZERO;
        let mut web = Web::new(&firm, address(2)).await;
        let head = web.head(&firm, CLIENT_ONE, &format!("GET {}", path("none")), "");
        for _ in 0..100 {
            let begun = Instant::now();
            assert_eq!(web.ask(&head, b"").await.0, 404);
            worst = worst.max(begun.elapsed());
        }
        assert!(worst < Duration::from_secs(2), "{worst:?}");
        timeout(LONG, async {
            while !ssh.is_closed() {
                sleep(Duration::from_millis(20)).await
            }
        })
        .await
        .expect("cut");
        assert_eq!(firm.hits("sftp", "queued"), 1);
        let grown = firm.peak_mib() - before;
        assert!(grown < 96, "the flood cost {grown} MiB");
    });
}
