//! SFTP below the clients: packets that no honest client sends, and honest ones in numbers that none sends.

use std::io::Write;
use std::process::{Command, Stdio};

use super::demo::{CLIENT_ONE, Demo, bytes};
pub(crate) use super::sftp_channel::*;

#[test]
fn malformed_requests_are_answered_under_their_number_and_do_nothing() {
    run(async {
        let mut sftp = Sftp::ready(Demo::shared()).await;
        for (bytes, expected) in [
            (packet(17, 9, &[]), (9, 5)),
            (packet(17, 10, &[&[0, 0, 0, 9, b'/']]), (10, 5)),
            (packet(99, 11, &[]), (11, 8)),
            (packet(19, 12, &[&string(b"/")]), (12, 8)),
            (packet(200, 13, &[&string(b"hardlink@openssh.com")]), (13, 8)),
            (packet(200, 19, &[&string(b"check-file")]), (19, 5)),
            (read(14, b"nothing", 0, 10), (14, 4)),
            (packet(17, 15, &[&string(b"/a\0b")]), (15, 2)),
            (packet(17, 16, &[&string(b"/\xff\xfe")]), (16, 2)),
            (packet(14, 17, &[&string(b"/a\nb"), &[0; 4]]), (17, 4)),
            (packet(17, 18, &[&string(&[b'x'; 300])]), (18, 2)),
        ] {
            sftp.send(&bytes).await;
            let (id, code, text) = sftp.status().await;
            assert_eq!((id, code), expected, "{text}");
        }
    });
}

#[test]
fn what_cannot_be_a_packet_ends_the_channel_with_a_clear_status() {
    run(async {
        let stat = packet(17, 9, &[&string(b"/")]);
        for (first, broken) in [
            (true, vec![0, 0, 0, 0]),
            (true, vec![0, 16, 0, 0, 17]),
            (true, vec![255, 255, 255, 255]),
            (true, packet(1, 3, &[])),
            (true, vec![0, 0, 0, 1, 17]),
            (false, stat.clone()),
        ] {
            let ssh = connect(Demo::shared(), 1 << 21).await;
            let mut sftp = Sftp::on(&ssh).await;
            if first {
                sftp.init().await;
            }
            // What follows must not be taken for a request.
            sftp.send(&[broken, stat.clone()].concat()).await;
            let (_, code, text) = sftp.status().await;
            assert_eq!(code, 5, "{text}");
            assert_eq!(sftp.answer().await, None);
            assert_eq!(sftp.exit, Some(1));
        }
    });
}

#[test]
fn a_clean_end_has_exit_status_zero() {
    run(async {
        let mut sftp = Sftp::ready(Demo::shared()).await;
        sftp.channel.eof().await.expect("sent");
        assert_eq!(sftp.answer().await, None);
        assert_eq!(sftp.exit, Some(0));
    });
}

#[test]
fn thousands_of_reads_ahead_of_a_small_window_are_all_answered() {
    run(async {
        let demo = Demo::shared();
        let content = bytes(11, 6 << 20);
        let mut sftp = Sftp::ready(demo).await;
        let handle = sftp.document("ahead", WRITE | CREATE | TRUNCATE).await;
        for (n, part) in content.chunks(32_768).enumerate() {
            sftp.send(&write(n as u32, &handle, n as u64 * 32_768, part)).await;
            assert_eq!(sftp.status().await.1, 0);
        }
        sftp.send(&packet(4, 1, &[&string(&handle)])).await;
        assert_eq!(sftp.status().await.1, 0);

        let ssh = connect(demo, 65_536).await;
        let mut sftp = Sftp::on(&ssh).await;
        sftp.init().await;
        let handle = sftp.document("ahead", READ).await;
        let requests: Vec<u8> = (0..6144u32).flat_map(|n| read(n, &handle, u64::from(n) * 1024, 1024)).collect();
        sftp.send(&requests).await;
        for n in 0..6144u32 {
            let answer = sftp.answer().await.expect("an answer");
            assert_eq!((answer[0], &answer[1..5]), (103, &n.to_be_bytes()[..]));
            assert!(answer[9..] == content[n as usize * 1024..][..1024], "request {n}");
        }
        sftp.send(&read(7, &handle, 6 << 20, 10)).await;
        assert_eq!(sftp.status().await.1, 1, "the end of the file");
    });
}

#[test]
fn writes_out_of_order_and_with_stale_bytes_behind_them_are_taken() {
    run(async {
        let mut sftp = Sftp::ready(Demo::shared()).await;
        let content = bytes(12, 64 * 32_768);
        let handle = sftp.document("disorder", READ | WRITE | CREATE | TRUNCATE).await;
        for n in (0..64usize).map(|n| n * 37 % 64) {
            let mut request = write(n as u32, &handle, n as u64 * 32_768, &content[n * 32_768..][..32_768]);
            request.extend_from_slice(b"stale");
            let length = u32::try_from(request.len()).expect("short") - 4;
            request[..4].copy_from_slice(&length.to_be_bytes());
            sftp.send(&request).await;
        }
        for _ in 0..64 {
            assert_eq!(sftp.status().await.1, 0);
        }
        // The CLOSE waits for the READs ahead of it, and a second one finds nothing.
        let close = packet(4, 9, &[&string(&handle)]);
        sftp.send(&[read(1, &handle, 5, 100), read(2, &handle, 70_000, 100), close.clone(), close].concat()).await;
        assert!(sftp.answer().await.expect("data")[9..] == content[5..105]);
        assert!(sftp.answer().await.expect("data")[9..] == content[70_000..70_100]);
        assert_eq!((sftp.status().await.1, sftp.status().await.1), (0, 4));
    });
}

#[test]
fn channels_and_handles_are_bounded_and_given_back() {
    run(async {
        let ssh = connect(Demo::shared(), 1 << 21).await;
        let mut open = Vec::new();
        for _ in 0..4 {
            open.push(Sftp::on(&ssh).await);
        }
        assert!(ssh.channel_open_session().await.is_err());
        open.truncate(1);
        let mut sftp = open.pop().expect("one");
        sftp.init().await;
        let opendir = packet(11, 1, &[&string(b"/")]);
        let mut handles = Vec::new();
        for _ in 0..16 {
            sftp.send(&opendir).await;
            handles.push(sftp.answer().await.expect("a handle").slice(9..));
        }
        sftp.send(&opendir).await;
        assert_eq!(sftp.status().await.1, 4);
        sftp.send(&packet(4, 2, &[&string(&handles[0])])).await;
        assert_eq!(sftp.status().await.1, 0);
        sftp.send(&opendir).await;
        assert_eq!(sftp.answer().await.expect("a handle")[0], 102);
    });
}

#[test]
fn a_client_that_never_reads_its_answers_is_cut_off() {
    let demo = Demo::shared();
    // OpenSSH's client goes on sending while nobody takes what it receives; russh's would stand still with us.
    let mut ssh = Command::new("ssh")
        .args(demo.ssh_options(CLIENT_ONE))
        .args(["-s", "127.0.0.1", "sftp"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("ssh is installed");
    let mut input = ssh.stdin.take().expect("piped");
    input.write_all(&packet(1, 3, &[])).expect("taken");
    // Refused by the decoder, so that nothing but the answers is at work.
    let requests: Vec<u8> = (0..1000).flat_map(|n| packet(99, n, &[])).collect();
    // Far more than may wait: 40 bytes of answer to each request, half a million requests for 20 MiB.
    let sent = (0..5000).take_while(|_| input.write_all(&requests).is_ok()).count();
    assert!((10..5000).contains(&sent), "{sent} thousand requests were taken");
    assert!(!ssh.wait().expect("it ends").success());
}
