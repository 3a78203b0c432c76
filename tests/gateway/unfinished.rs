//! Uploads that broke off, as their uploaders find them again: tools that go on with one open it like any document.

use bytes::Bytes;
use russh::client::Handle;

use crate::demo::{Demo, MATTER_ONE, SCANNER, STAFF, bytes, ok};
use crate::sftp_channel::*;

const APPEND: u32 = 4;
/// What NO_SUCH_FILE is on the wire.
const NO_SUCH_FILE: u32 = 2;

fn in_room(name: &str) -> String {
    format!("/{MATTER_ONE}/Documents/Shared room/{name}")
}

async fn on(ssh: &Handle<Anyone>) -> Sftp {
    let mut sftp = Sftp::on(ssh).await;
    sftp.init().await;
    sftp
}

/// A handle, or the code of the refusal.
async fn open(sftp: &mut Sftp, path: &str, flags: u32) -> Result<Bytes, u32> {
    sftp.send(&packet(3, 1, &[&string(path.as_bytes()), &flags.to_be_bytes(), &[0; 4]])).await;
    let answer = sftp.answer().await.expect("an answer");
    let code = answer[5..9].try_into().expect("four bytes");
    if answer[0] == 102 { Ok(answer.slice(9..)) } else { Err(u32::from_be_bytes(code)) }
}

async fn put(sftp: &mut Sftp, handle: &[u8], offset: usize, content: &[u8]) {
    for (n, part) in content.chunks(30_000).enumerate() {
        sftp.send(&write(1, handle, (offset + 30_000 * n) as u64, part)).await;
        assert_eq!(sftp.status().await.1, 0);
    }
}

/// The size and the mode that a STAT or FSTAT tells, or the code of the refusal.
async fn attrs(sftp: &mut Sftp, request: &[u8]) -> Result<(u64, u32), u32> {
    sftp.send(request).await;
    let answer = sftp.answer().await.expect("an answer");
    let word = |at: usize| u32::from_be_bytes(answer[at..at + 4].try_into().expect("four bytes"));
    // Flags, size, owner, group, mode.
    if answer[0] == 105 { Ok(((u64::from(word(9)) << 32) | u64::from(word(13)), word(25))) } else { Err(word(5)) }
}

async fn stat(sftp: &mut Sftp, path: &str) -> Result<u64, u32> {
    attrs(sftp, &packet(17, 2, &[&string(path.as_bytes())])).await.map(|(size, _)| size)
}

async fn fstat(sftp: &mut Sftp, handle: &[u8]) -> Result<(u64, u32), u32> {
    attrs(sftp, &packet(8, 2, &[&string(handle)])).await
}

async fn close(sftp: &mut Sftp, handle: &[u8]) {
    sftp.send(&packet(4, 3, &[&string(handle)])).await;
    let (_, code, text) = sftp.status().await;
    assert_eq!(code, 0, "{text}");
}

/// Ends the channel in the middle of an upload; gives another one, once what came shows there.
async fn break_off(ssh: &Handle<Anyone>, sftp: Sftp, path: &str, size: u64) -> Sftp {
    drop(sftp.channel.close().await);
    let mut sftp = on(ssh).await;
    for _ in 0..200 {
        if stat(&mut sftp, path).await == Ok(size) {
            return sftp;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("what came of {path} is not there with its {size} bytes");
}

/// What staff get.
fn stored(path: &str) -> Vec<u8> {
    Demo::shared().curl(STAFF, path, &["-f"]).stdout
}

#[test]
fn an_upload_that_broke_off_is_opened_without_creat_and_goes_on_where_it_was() {
    let (path, content) = (in_room("broke off"), bytes(81, 200_000));
    run(async {
        let ssh = connect(Demo::shared(), 1 << 21).await;
        let mut sftp = on(&ssh).await;
        assert_eq!(open(&mut sftp, &path, WRITE).await, Err(NO_SUCH_FILE));
        let handle = open(&mut sftp, &path, WRITE | CREATE | TRUNCATE).await.expect("made");
        put(&mut sftp, &handle, 0, &content[..90_000]).await;
        let mut sftp = break_off(&ssh, sftp, &path, 90_000).await;
        // psftp: WRITE, then FSTAT. It breaks off once more.
        let handle = open(&mut sftp, &path, WRITE).await.expect("one's own is there");
        assert_eq!(fstat(&mut sftp, &handle).await.expect("attributes").0, 90_000);
        put(&mut sftp, &handle, 90_000, &content[90_000..150_000]).await;
        let mut sftp = break_off(&ssh, sftp, &path, 150_000).await;
        // sshfs: READ and WRITE, with APPEND.
        let handle = open(&mut sftp, &path, READ | WRITE | APPEND).await.expect("one's own is there");
        sftp.send(&read(1, &handle, 149_990, 100)).await;
        assert_eq!(sftp.answer().await.expect("data")[9..], content[149_990..150_000]);
        put(&mut sftp, &handle, 0, &content[150_000..]).await;
        let mut staff = Sftp::ready_as(Demo::shared(), STAFF).await;
        for flags in [WRITE, READ | WRITE, WRITE | TRUNCATE] {
            assert_eq!(open(&mut staff, &path, flags).await, Err(NO_SUCH_FILE), "it is nobody else's");
        }
        close(&mut sftp, &handle).await;
        assert_eq!(open(&mut staff, &path, WRITE).await.map(|_| ()), Ok(()), "now it is there");
    });
    assert!(stored(&path) == content);
}

#[test]
fn an_upload_that_broke_off_can_be_cut_by_its_path_and_begun_anew_and_stays_unfinished_meanwhile() {
    let (path, content) = (in_room("broken-off-and-cut"), bytes(82, 90_000));
    run(async {
        let ssh = connect(Demo::shared(), 1 << 21).await;
        let mut sftp = on(&ssh).await;
        let handle = open(&mut sftp, &path, WRITE | CREATE | TRUNCATE).await.expect("made");
        put(&mut sftp, &handle, 0, &content).await;
        let mut sftp = break_off(&ssh, sftp, &path, 90_000).await;
        for size in [40_000u64, 60_000] {
            let to = [&1u32.to_be_bytes()[..], &size.to_be_bytes()].concat();
            sftp.send(&packet(9, 1, &[&string(path.as_bytes()), &to])).await;
            let (_, code, text) = sftp.status().await;
            assert_eq!((code, stat(&mut sftp, &path).await), (0, Ok(size)), "{text}");
            assert_eq!(stored(&path), b"", "nobody but its uploader sees it");
        }
        // Cut and lengthened, but never finished: whoever opens it finds that.
        let handle = open(&mut sftp, &path, READ | WRITE).await.expect("one's own is there");
        sftp.send(&read(1, &handle, 39_998, 4)).await;
        assert_eq!(sftp.answer().await.expect("data")[9..], [&content[39_998..40_000], &[0, 0]].concat());
        let mut sftp = break_off(&ssh, sftp, &path, 60_000).await;
        // As sshfs opens a file of which nothing is to stay.
        let handle = open(&mut sftp, &path, WRITE | TRUNCATE).await.expect("one's own is there");
        assert_eq!(fstat(&mut sftp, &handle).await.expect("attributes").0, 0);
        put(&mut sftp, &handle, 0, b"anew").await;
        close(&mut sftp, &handle).await;
    });
    assert_eq!(stored(&path), b"anew");
}

#[test]
fn in_a_drop_box_an_upload_breaks_off_and_goes_on_under_a_name_that_is_taken_as_under_one_that_is_free() {
    let at = |name: &str| format!("/{MATTER_ONE}/Documents/Drop box/{name}");
    let demo = Demo::shared();
    ok(demo
        .sftp(STAFF, &format!("put /etc/hostname \"{}\"\nmkdir \"{}\"", at("taken scan.pdf"), at("taken folder.pdf"))));
    let content = bytes(83, 90_000);
    run(async {
        let ssh = connect_as(demo, SCANNER, 1 << 21).await;
        for name in ["taken scan.pdf", "taken folder.pdf", "free scan.pdf"] {
            let path = at(name);
            let mut sftp = on(&ssh).await;
            for flags in [READ, WRITE] {
                assert_eq!(open(&mut sftp, &path, flags).await, Err(NO_SUCH_FILE), "{name}");
            }
            let handle = open(&mut sftp, &path, WRITE | CREATE | TRUNCATE).await.expect("made");
            put(&mut sftp, &handle, 0, &content[..60_000]).await;
            assert_eq!(fstat(&mut sftp, &handle).await, Ok((60_000, 0o100_000)), "{name}");
            let mut sftp = break_off(&ssh, sftp, &path, 60_000).await;
            let handle = open(&mut sftp, &path, WRITE).await.expect("one's own is there");
            assert_eq!(fstat(&mut sftp, &handle).await, Ok((60_000, 0o100_000)), "{name}");
            put(&mut sftp, &handle, 60_000, &content[60_000..]).await;
            close(&mut sftp, &handle).await;
            assert_eq!(stat(&mut sftp, &path).await, Ok(90_000), "{name}");
        }
    });
    for name in ["taken scan (2).pdf", "taken folder (2).pdf", "free scan.pdf"] {
        assert!(stored(&at(name)) == content, "{name}");
    }
    assert_ne!(stored(&at("taken scan.pdf")), content);
}
