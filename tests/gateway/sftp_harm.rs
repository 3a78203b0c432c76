//! What nobody but an attacker asks for over SFTP: it is refused with a reason, and costs the daemon no memory.

use bytes::Bytes;

use crate::demo::{CLIENT_ONE, Demo, MATTER_ONE, bytes};
use crate::sftp_channel::*;

/// How many requests are under way at a time.
const AT_ONCE: u32 = 500;

fn path(name: &str) -> Vec<u8> {
    string(format!("/{MATTER_ONE}/Documents/Shared room/{name}").as_bytes())
}

/// A document of so many bytes.
async fn stored(sftp: &mut Sftp, name: &str, length: usize) {
    let handle = sftp.document(name, WRITE | CREATE | TRUNCATE).await;
    for (n, part) in bytes(71, length).chunks(30_000).enumerate() {
        sftp.send(&write(1, &handle, 30_000 * n as u64, part)).await;
        assert_eq!(sftp.status().await.1, 0);
    }
    close(sftp, &handle).await;
}

async fn close(sftp: &mut Sftp, handle: &[u8]) {
    sftp.send(&packet(4, 1, &[&string(handle)])).await;
    assert_eq!(sftp.status().await.1, 0);
}

/// Memory of the daemon in KiB.
fn resident(demo: &Demo) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", demo.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn floods_of_opens_and_of_paths_meet_a_limit_and_leave_no_memory_behind() {
    // A firm of its own: the handles are counted for the account, too.
    let demo = Demo::start();
    run(async {
        let mut sftp = Sftp::ready(&demo).await;
        stored(&mut sftp, "flood", 100_000).await;
        // Under way before the floods, and to be whole after them.
        let upload = sftp.document("upload", WRITE | CREATE | TRUNCATE).await;
        sftp.send(&write(1, &upload, 0, b"begun")).await;
        assert_eq!(sftp.status().await.1, 0);
        let before = resident(&demo);
        let mut handles: Vec<Bytes> = Vec::new();
        let open = packet(3, 1, &[&path("flood"), &READ.to_be_bytes(), &[0; 4]]);
        for _ in 0..10_000 / AT_ONCE {
            sftp.send(&open.repeat(AT_ONCE as usize)).await;
            for _ in 0..AT_ONCE {
                let answer = sftp.answer().await.expect("an answer");
                match answer[0] {
                    102 => handles.push(answer.slice(9..)),
                    _ => {
                        assert_eq!((answer[0], &answer[5..9]), (101, &4u32.to_be_bytes()[..]));
                        let text = String::from_utf8_lossy(&answer[13..]);
                        assert!(text.contains("a limit of this session is reached"), "{text}");
                    }
                }
            }
        }
        assert!((16..=256).contains(&handles.len()), "{} handles were had", handles.len());
        // And uploads, each under a name of its own.
        let mut uploads: Vec<Bytes> = Vec::new();
        for n in 0..4 {
            let opens = (0..AT_ONCE).map(|m| {
                let path = path(&format!("flood {n} {m}"));
                packet(3, m, &[&path, &(WRITE | CREATE | TRUNCATE).to_be_bytes(), &[0; 4]])
            });
            sftp.send(&opens.flatten().collect::<Vec<u8>>()).await;
            for _ in 0..AT_ONCE {
                let answer = sftp.answer().await.expect("an answer");
                match answer[0] {
                    102 => uploads.push(answer.slice(9..)),
                    _ => assert_eq!((answer[0], &answer[5..9]), (101, &4u32.to_be_bytes()[..])),
                }
            }
        }
        assert!(uploads.len() <= 64, "{} uploads at once", uploads.len());
        // As long as paths may be, and longer.
        let long = "/a/..".repeat(1000);
        for n in 0..20_000 / AT_ONCE {
            let paths =
                (0..AT_ONCE).map(|m| packet(16, n * AT_ONCE + m, &[&string(&long.as_bytes()[..4000 + m as usize])]));
            sftp.send(&paths.flatten().collect::<Vec<u8>>()).await;
            for m in 0..AT_ONCE {
                let answer = sftp.answer().await.expect("an answer");
                assert_eq!(answer[1..5], (n * AT_ONCE + m).to_be_bytes());
            }
        }
        for handle in handles.drain(..).chain(uploads) {
            close(&mut sftp, &handle).await;
        }
        sftp.send(&open).await;
        assert_eq!(sftp.answer().await.expect("a handle")[0], 102, "they are had again");
        let grown = resident(&demo).saturating_sub(before);
        assert!(grown < 64 << 10, "the daemon has {grown} KiB more");
        sftp.send(&write(1, &upload, 5, b" and ended")).await;
        assert_eq!(sftp.status().await.1, 0);
        close(&mut sftp, &upload).await;
    });
    let content = demo.curl(CLIENT_ONE, &format!("{MATTER_ONE}/Documents/Shared room/upload"), &["-f"]).stdout;
    assert_eq!(content, b"begun and ended");
}

#[test]
fn reads_beyond_the_end_are_the_end() {
    run(async {
        let mut sftp = Sftp::ready(Demo::shared()).await;
        stored(&mut sftp, "beyond", 100_000).await;
        // An upload is read back in the same way as a document.
        for (name, flags) in [("beyond", READ), ("beyond", READ | WRITE)] {
            let handle = sftp.document(name, flags).await;
            for offset in [100_000, 100_001, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX] {
                for length in [1, 32_768, u32::MAX] {
                    sftp.send(&read(3, &handle, offset, length)).await;
                    let (id, code, text) = sftp.status().await;
                    assert_eq!((id, code), (3, 1), "{offset}, {length}: {text}");
                }
            }
            sftp.send(&read(4, &handle, 99_990, u32::MAX)).await;
            assert_eq!(sftp.answer().await.expect("data").len(), 1 + 4 + 4 + 10, "what is there comes");
            close(&mut sftp, &handle).await;
        }
    });
}

#[test]
fn writes_that_no_document_can_hold_are_refused_and_the_upload_goes_on() {
    run(async {
        let mut sftp = Sftp::ready(Demo::shared()).await;
        let handle = sftp.document("huge", READ | WRITE | CREATE | TRUNCATE).await;
        sftp.send(&write(1, &handle, 0, b"begun")).await;
        assert_eq!(sftp.status().await.1, 0);
        for offset in [1 << 62, (1 << 63) - 1, 1 << 63, u64::MAX - 3, u64::MAX] {
            sftp.send(&write(2, &handle, offset, b"beyond")).await;
            let (_, code, text) = sftp.status().await;
            assert!(code == 4 && text.contains("large"), "{offset}: {code} {text}");
            // FSETSTAT of the size, by handle and by path.
            let size = [&1u32.to_be_bytes()[..], &offset.to_be_bytes()].concat();
            for request in [packet(10, 3, &[&string(&handle), &size]), packet(9, 3, &[&path("huge"), &size])] {
                sftp.send(&request).await;
                let (_, code, text) = sftp.status().await;
                assert_ne!(code, 0, "{offset}: {text}");
            }
        }
        sftp.send(&write(4, &handle, 5, b" and ended")).await;
        assert_eq!(sftp.status().await.1, 0);
        close(&mut sftp, &handle).await;
    });
    let content = Demo::shared().curl(CLIENT_ONE, &format!("{MATTER_ONE}/Documents/Shared room/huge"), &["-f"]).stdout;
    assert_eq!(content, b"begun and ended");
}

#[test]
fn a_handle_names_nothing_after_its_close_nor_on_another_channel() {
    run(async {
        let demo = Demo::shared();
        let ssh = connect(demo, 1 << 21).await;
        let (mut sftp, mut other) = (Sftp::on(&ssh).await, Sftp::on(&ssh).await);
        sftp.init().await;
        other.init().await;
        let closed = sftp.document("closed", READ | WRITE | CREATE | TRUNCATE).await;
        close(&mut sftp, &closed).await;
        let foreign = other.document("closed", READ | WRITE).await;
        for handle in [&closed[..], &foreign[..], b"", &[0; 16], &[7; 256]] {
            let name = string(handle);
            let size = [&1u32.to_be_bytes()[..], &0u64.to_be_bytes()].concat();
            for request in [
                read(1, handle, 0, 10),
                write(1, handle, 0, b"late"),
                packet(8, 1, &[&name]),
                packet(10, 1, &[&name, &size]),
                packet(12, 1, &[&name]),
                packet(200, 1, &[&string(b"fsync@openssh.com"), &name]),
                packet(200, 1, &[&string(b"fstatvfs@openssh.com"), &name]),
                packet(4, 1, &[&name]),
            ] {
                sftp.send(&request).await;
                let (_, code, text) = sftp.status().await;
                assert_eq!((code, text.as_str()), (4, "no such handle"), "{request:?}");
            }
        }
        close(&mut other, &foreign).await;
    });
}
