//! What is revoked is gone within a second, on both protocols: transfers under way, however slow, in both directions; handles;
//! logins that are remembered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use russh::client;
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::demo::*;
use crate::drain::tls;
use crate::sftp_channel::{Anyone, CREATE, READ, Sftp, WRITE, packet, read, string, write};

/// From the end of the command to the last byte.
const SOON: Duration = Duration::from_secs(1);
/// How long an end that is not so soon is waited for before it counts as none.
const LONG: Duration = Duration::from_secs(5);
const SIZE: usize = 48 << 20;
/// What an upload sends at a time: far less than the daemon takes in one step.
const MORSEL: usize = 16 << 10;

/// Somebody with whom it is tried.
#[derive(Clone)]
struct Person {
    login: &'static str,
    /// For the drive.
    password: String,
    key: String,
    sftp: String,
    folder: String,
}

impl Person {
    fn of(demo: &Demo, login: &'static str, folder: &str) -> Self {
        let [key, sftp] = [demo.key(login), demo.text("sftp")].map(str::to_owned);
        let folder = format!("{MATTER_ONE}/Documents/{folder}");
        Self { login, password: demo.password(login).to_owned(), key, sftp, folder }
    }

    fn basic(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", self.login, self.password))
    }

    async fn open(&self, name: &str, flags: u32) -> (Sftp, bytes::Bytes) {
        let key = PrivateKey::from_openssh(std::fs::read(&self.key).expect("a key")).expect("a key");
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        let mut ssh = client::connect(Arc::default(), self.sftp.as_str(), Anyone).await.expect("connected");
        assert!(ssh.authenticate_publickey(self.login, key).await.expect("answered").success());
        let mut sftp = Sftp::on(&ssh).await;
        sftp.ssh = Some(ssh);
        sftp.init().await;
        let path = format!("/{}/{name}", self.folder);
        sftp.send(&packet(3, 1, &[&string(path.as_bytes()), &flags.to_be_bytes(), &[0; 4]])).await;
        let answer = sftp.answer().await.expect("an answer");
        assert_eq!(answer[0], 102, "HANDLE is expected, not {answer:?}");
        (sftp, answer.slice(9..))
    }
}

/// A transfer under way.
struct Transfer {
    what: &'static str,
    over_sftp: bool,
    moved: Arc<AtomicU64>,
    /// Takes what comes as fast as it can: the sockets' buffers say nothing of the daemon.
    hurry: Arc<AtomicBool>,
    /// When the last byte was taken or came.
    last: JoinHandle<Instant>,
}

impl Transfer {
    fn start<F: Future<Output = Instant> + Send + 'static>(
        what: &'static str,
        run: impl FnOnce(Arc<AtomicU64>, Arc<AtomicBool>) -> F,
    ) -> Self {
        let (moved, hurry) = <(Arc<AtomicU64>, Arc<AtomicBool>)>::default();
        let last = tokio::spawn(run(moved.clone(), hurry.clone()));
        Self { what, over_sftp: what.starts_with("SFTP"), moved, hurry, last }
    }

    fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    async fn is_under_way(&self) {
        let before = self.moved();
        let more = async {
            while self.moved() <= before {
                sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(timeout(LONG, more).await.is_ok(), "{} stands still", self.what);
    }
}

/// One request after the other, until one is refused or nobody answers.
async fn ask_on(
    (mut sftp, handle): (Sftp, bytes::Bytes),
    moved: Arc<AtomicU64>,
    request: impl Fn(&[u8], u64) -> (Vec<u8>, usize),
) -> Instant {
    let mut last = Instant::now();
    loop {
        let (request, length) = request(&handle, moved.load(Ordering::Relaxed));
        if sftp.channel.data_bytes(bytes::Bytes::from(request)).await.is_err() {
            return last;
        }
        match sftp.answer().await {
            // DATA, or STATUS 0.
            Some(answer) if answer[0] == 103 || answer[5..9] == [0; 4] => {}
            _ => return last,
        }
        last = Instant::now();
        moved.fetch_add(length as u64, Ordering::Relaxed);
        sleep(Duration::from_millis(50)).await;
    }
}

fn sftp_get(person: &Person) -> Transfer {
    let person = person.clone();
    Transfer::start("SFTP download", |moved, _| async move {
        let get = |handle: &[u8], at: u64| (read(2, handle, at % SIZE as u64, 32 << 10), 32 << 10);
        ask_on(person.open("large.bin", READ).await, moved, get).await
    })
}

fn sftp_put(person: &Person, name: String) -> Transfer {
    let person = person.clone();
    Transfer::start("SFTP upload", |moved, _| async move {
        let put = |handle: &[u8], at: u64| (write(2, handle, at, &[7; MORSEL]), MORSEL);
        ask_on(person.open(&name, WRITE | CREATE).await, moved, put).await
    })
}

async fn dav_get(demo: &Demo, person: &Person) -> Transfer {
    let (head, mut stream) = (head(demo, person, "GET", "large.bin", ""), tls(demo, "http/1.1").await);
    Transfer::start("WebDAV download", |moved, hurry| async move {
        stream.write_all(head.as_bytes()).await.expect("asked");
        let (mut last, mut buffer) = (Instant::now(), vec![0; 32 << 10]);
        loop {
            match stream.read(&mut buffer).await {
                Ok(length) if length > 0 => moved.fetch_add(length as u64, Ordering::Relaxed),
                _ => return last,
            };
            last = Instant::now();
            if !hurry.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(10)).await;
            }
        }
    })
}

async fn dav_put(demo: &Demo, person: &Person, name: &str) -> Transfer {
    let head = head(demo, person, "PUT", name, &format!("Content-Length: {}\r\n", 1 << 30));
    let (mut answers, mut body) = tokio::io::split(tls(demo, "http/1.1").await);
    Transfer::start("WebDAV upload", |moved, _| async move {
        body.write_all(head.as_bytes()).await.expect("asked");
        let send = async {
            while body.write_all(&[7; MORSEL]).await.is_ok() && body.flush().await.is_ok() {
                moved.fetch_add(MORSEL as u64, Ordering::Relaxed);
                sleep(Duration::from_millis(50)).await;
            }
        };
        let mut answer = [0; 12];
        // Nothing is answered before the end of an upload, unless it is refused.
        tokio::select! {
            () = send => {}
            _ = answers.read_exact(&mut answer) => assert!(!answer.starts_with(b"HTTP/1.1 2"), "it was taken"),
        }
        Instant::now()
    })
}

fn head(demo: &Demo, person: &Person, method: &str, name: &str, more: &str) -> String {
    let url = demo.url(&format!("{}/{name}", person.folder));
    let (_, target) = url.split_once("/dav/").expect("an address of the drive");
    let basic = person.basic();
    format!("{method} /dav/{target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {basic}\r\n{more}\r\n")
}

/// Whether the folder is there over the drive, and over SFTP.
fn sees(demo: &Demo, person: &Person) -> (bool, bool) {
    let drive = client("curl")
        .args(["-sS", "--cacert", demo.text("ca_file"), "-H", &format!("Authorization: Basic {}", person.basic())])
        .args(["-X", "PROPFIND", "-H", "Depth: 0", "-o", "/dev/null", "-w", "%{http_code}", &demo.url(&person.folder)])
        .output()
        .expect("curl is installed");
    let sftp = demo.sftp(person.login, &format!("ls \"/{}\"\n", person.folder));
    (stdout(&drive) == "207", sftp.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_revoked_ends_transfers_and_remembered_logins_on_both_protocols_within_a_second() {
    let demo = Demo::start();
    let (client, scanner) = (Person::of(&demo, CLIENT_ONE, "Shared room"), Person::of(&demo, SCANNER, "Drop box"));
    let large = demo.data().with_file_name("large.bin");
    std::fs::write(&large, bytes(9, SIZE)).expect("written");
    let stored = demo.status(CLIENT_ONE, &format!("{}/large.bin", client.folder), &["-T", &large.to_string_lossy()]);
    assert_eq!(stored, 201);
    let made = demo.deedbox_json(&["account", "device-password", "add", CLIENT_ONE, "Laptop"]);
    let laptop = Person { password: made["password"].as_str().expect("a password").to_owned(), ..client.clone() };
    let own = demo.deedbox_json(&["account", "key", "list", CLIENT_ONE])[0].clone();
    let [fingerprint, line] = ["fingerprint", "key"].map(|field| own[field].as_str().expect("text"));
    let public = demo.data().with_file_name("key.pub").to_string_lossy().into_owned();
    std::fs::write(&public, line).expect("written");
    let access = |verb| ["access", verb, "--matter", "2026-0001", "--contact", CLIENT_ONE];
    const ONE: &str = "2026-0001";
    // Who, what takes it away, what gives it back, and whether that ends what goes on over SFTP and over WebDAV.
    type Row<'a> = (&'a Person, &'a [&'a str], &'a [&'a str], bool, bool);
    let rows: [Row<'_>; 7] = [
        (&client, &access("disable"), &access("enable"), true, true),
        (&client, &["matter", "portal", ONE, "off", "--yes"], &["matter", "portal", ONE, "on"], true, true),
        (&client, &["firm", "portal", "off", "--yes"], &["firm", "portal", "on"], true, true),
        (&client, &["account", "disable", CLIENT_ONE], &["account", "enable", CLIENT_ONE], true, true),
        (&scanner, &["account", "disable", SCANNER], &["account", "enable", SCANNER], true, true),
        (
            &client,
            &["account", "key", "remove", CLIENT_ONE, fingerprint],
            &["account", "key", "add", CLIENT_ONE, &public],
            true,
            false,
        ),
        (&laptop, &["account", "device-password", "revoke", CLIENT_ONE, "Laptop"], &["status"], false, true),
    ];
    for (n, (person, revoke, restore, over_sftp, over_dav)) in rows.into_iter().enumerate() {
        let mut transfers =
            vec![sftp_put(person, format!("sftp-{n}.bin")), dav_put(&demo, person, &format!("dav-{n}.bin")).await];
        if person.login == CLIENT_ONE {
            transfers.extend([sftp_get(person), dav_get(&demo, person).await]);
        }
        for transfer in &transfers {
            transfer.is_under_way().await;
        }
        let told = demo.deedbox(revoke);
        let end = Instant::now();
        ok(told);
        transfers.iter().for_each(|transfer| transfer.hurry.store(true, Ordering::Relaxed));
        for transfer in transfers {
            let what = format!("{} after {revoke:?}", transfer.what);
            let ends = if transfer.over_sftp { over_sftp } else { over_dav };
            if ends {
                let last = timeout(LONG, transfer.last).await.unwrap_or_else(|_| panic!("{what} goes on"));
                let after = last.expect("it ends").saturating_duration_since(end);
                println!("{what}: {after:?}");
                assert!(after < SOON, "{what}: {after:?}");
                let moved = transfer.moved.load(Ordering::Relaxed);
                assert!(moved < SIZE as u64, "{what}: all {moved} bytes");
            } else {
                // A download that may go on may as well have come to its end by now.
                if transfer.what != "WebDAV download" {
                    transfer.is_under_way().await;
                }
                transfer.last.abort();
            }
        }
        assert_eq!(sees(&demo, person), (!over_dav, !over_sftp), "after {revoke:?}");
        ok(demo.deedbox(restore));
        assert_eq!(demo.status(STAFF, &format!("{}/dav-{n}.bin", person.folder), &[]), 404, "after {revoke:?}");
    }
}
