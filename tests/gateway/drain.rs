//! How the daemon ends: what is under way is finished, what is idle is told to go, and the record is whole.

use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::demo::*;
use crate::sftp_wire::Sftp;
use crate::transfer::{Pace, Transfer, wait};

const SLOW: Pace = Pace { size: 12 << 20, per_second: 4 << 20 };
/// Far longer than any test waits for it.
const ENDLESS: Pace = Pace { size: 32 << 20, per_second: 64 << 10 };

/// The whole record is under a signed checkpoint, and verifies with the public key alone.
fn is_signed_to_its_end(data: &std::path::Path) {
    let audit = data.join("audit");
    let key = audit.join("public.key");
    let verified =
        ok(deedbox(&["audit", "verify", "--dir", &audit.to_string_lossy(), "--key", &key.to_string_lossy()]));
    let number = |before: &str| {
        let words: Vec<_> = verified.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        let at = words.iter().position(|word| *word == before).unwrap_or_else(|| panic!("no {before} in {verified}"));
        words[at - 1].parse::<u64>().ok().or_else(|| words[at - 3].parse().ok()).expect("a number")
    };
    assert_eq!(number("records"), number("signed"), "{verified}");
}

#[test]
fn sigterm_finishes_the_transfers_under_way_and_takes_no_new_connection() {
    let mut demo = Demo::start();
    let home = tempfile::tempdir().expect("a directory");
    let downloads = [Transfer::sftp_get(&demo, home.path(), SLOW), Transfer::dav_get(&demo, home.path(), SLOW)];
    let upload = Transfer::dav_put(&demo, home.path(), SLOW);
    signal(demo.pid(), "TERM");
    for door in ["sftp", "https", "observe"] {
        wait("the listeners to close", || TcpStream::connect(demo.text(door)).is_err());
    }
    assert!(std::path::Path::new(&format!("/proc/{}/task", demo.pid())).exists(), "it still serves what it began");
    downloads.into_iter().for_each(Transfer::was_downloaded_whole);
    assert!(demo.wait().success(), "{}", demo.log());
    assert!(!demo.log().contains("cut"), "{}", demo.log());
    is_signed_to_its_end(demo.data());
    let again = Demo::start_in(demo.data());
    upload.arrives_whole(&again);
    again.stop();
}

#[test]
fn a_transfer_that_outlasts_the_drain_is_cut_and_the_record_says_so() {
    let mut demo = Demo::start();
    demo.configure(|text| text.replace("#: drain_seconds = 30", "drain_seconds = 1"));
    ok(demo.deedbox(&["reload"]));
    let home = tempfile::tempdir().expect("a directory");
    let transfers = [
        Transfer::sftp_get(&demo, home.path(), ENDLESS),
        Transfer::dav_get(&demo, home.path(), ENDLESS),
        Transfer::dav_put(&demo, home.path(), ENDLESS),
    ];
    let began = Instant::now();
    signal(demo.pid(), "TERM");
    assert!(demo.wait().success(), "{}", demo.log());
    let took = began.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(8), "{took:?}");
    transfers.into_iter().for_each(Transfer::was_cut);
    is_signed_to_its_end(demo.data());
    let again = Demo::start_in(demo.data());
    let cut = again.status(CLIENT_ONE, &format!("/{MATTER_ONE}/Documents/Shared room/put-over-dav.bin"), &[]);
    assert_eq!(cut, 404, "half an upload is nothing");
    ok(again.deedbox(&["audit", "verify"]));
    again.stop();
}

#[test]
fn a_second_signal_cuts_at_once() {
    let mut demo = Demo::start();
    let home = tempfile::tempdir().expect("a directory");
    let transfers = [Transfer::sftp_get(&demo, home.path(), ENDLESS), Transfer::dav_get(&demo, home.path(), ENDLESS)];
    signal(demo.pid(), "TERM");
    demo.wait_for_log("stopping");
    wait("the listeners to close", || TcpStream::connect(demo.text("https")).is_err());
    let began = Instant::now();
    signal(demo.pid(), "INT");
    assert!(demo.wait().success(), "{}", demo.log());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    transfers.into_iter().for_each(Transfer::was_cut);
    is_signed_to_its_end(demo.data());
}

/// A connection to the WebDAV door that speaks this protocol.
pub(crate) async fn tls(demo: &Demo, protocol: &str) -> TlsStream<tokio::net::TcpStream> {
    let authority = CertificateDer::from_pem_file(demo.text("ca_file")).expect("the authority");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority).expect("trusted");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = tokio::net::TcpStream::connect(demo.text("https")).await.expect("connected");
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("shaken")
}

const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;

/// The types of the frames (RFC 9113 section 4.1) that come until the other side closes. A PING is answered: the server
/// asks by one whether its GOAWAY has arrived.
async fn frames_until_the_end(stream: &mut TlsStream<tokio::net::TcpStream>) -> Vec<u8> {
    let mut types = Vec::new();
    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        types.push(head[3]);
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        if stream.read_exact(&mut payload).await.is_err() {
            break;
        }
        if head[3] == PING && head[4] & ACK == 0 {
            head[4] = ACK;
            stream.write_all(&[&head[..], &payload].concat()).await.expect("answered");
            stream.flush().await.expect("answered");
        }
    }
    types
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_told_to_go_and_do_not_hold_the_stop_up() {
    let mut demo = Demo::start();
    let mut sftp = Sftp::ready_as(&demo, CLIENT_ONE).await;
    let mut old = tls(&demo, "http/1.1").await;
    old.write_all(b"OPTIONS /dav/ HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = vec![0; 4096];
    let length = old.read(&mut answer).await.expect("answered");
    let answer = String::from_utf8_lossy(&answer[..length]).to_lowercase();
    assert!(answer.starts_with("http/1.1 200") && !answer.contains("connection: close"), "{answer}");
    let mut new = tls(&demo, "h2").await;
    // The preface and an empty SETTINGS frame (RFC 9113 section 3.4).
    new.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("sent");
    new.flush().await.expect("sent");
    tokio::time::sleep(Duration::from_millis(300)).await;

    let began = Instant::now();
    signal(demo.pid(), "TERM");
    let limit = Duration::from_secs(10);
    let sftp_ends = tokio::time::timeout(limit, sftp.answer()).await.expect("SFTP is told");
    assert!(sftp_ends.is_none());
    let mut rest = Vec::new();
    tokio::time::timeout(limit, old.read_to_end(&mut rest)).await.expect("HTTP/1.1 is closed").ok();
    assert!(rest.is_empty());
    let frames = tokio::time::timeout(limit, frames_until_the_end(&mut new)).await.expect("HTTP/2 is closed");
    assert!(frames.contains(&GOAWAY), "{frames:?}");
    assert!(demo.wait().success());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_ends_after_the_answer_that_is_under_way() {
    let mut demo = Demo::start();
    let mut kept = tls(&demo, "http/1.1").await;
    let login = base64(&format!("{CLIENT_ONE}:{}", demo.password(CLIENT_ONE)));
    let path = demo.url(&format!("/{MATTER_ONE}/Documents/Shared room/slow.txt"));
    let path = path.split_once("/dav/").expect("a path").1;
    let head = format!(
        "PUT /dav/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {login}\r\nContent-Length: 4\r\n\r\nab"
    );
    kept.write_all(head.as_bytes()).await.expect("sent");
    tokio::time::sleep(Duration::from_millis(500)).await;
    signal(demo.pid(), "TERM");
    demo.wait_for_log("stopping");
    tokio::time::sleep(Duration::from_millis(300)).await;
    kept.write_all(b"cd").await.expect("the rest is still taken");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), kept.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection stays open");
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.1 201") && answer.contains("connection: close"), "{answer}");
    assert!(demo.wait().success());
}

fn base64(text: &str) -> String {
    let mut encoder = Command::new("base64");
    let encoder = encoder.args(["-w", "0"]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut encoder = encoder.spawn().expect("base64 is installed");
    std::io::Write::write_all(&mut encoder.stdin.take().expect("piped"), text.as_bytes()).expect("taken");
    stdout(&encoder.wait_with_output().expect("it ends"))
}
