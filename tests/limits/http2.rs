//! HTTP/2 frames by hand (RFC 9113 section 4.1), for sequences that no library sends.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::demo::CLIENT_ONE;
use crate::firm::{Firm, address, dial, run};
use crate::web::{Web, basic, path, shake};

const LONG: Duration = Duration::from_secs(30);

const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field of a header block that is in no table (RFC 7541 section 6.2.2), with lengths below 127.
fn field(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).ok().filter(|length| *length < 127).expect("short");
    [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
}

fn get(firm: &Firm, target: &str) -> Vec<u8> {
    [
        field(":method", "GET"),
        field(":scheme", "https"),
        field(":path", target),
        field(":authority", &firm.https().to_string()),
        field("authorization", &basic(CLIENT_ONE, firm.demo.password(CLIENT_ONE))),
    ]
    .concat()
}

/// A connection past the preface.
async fn connect(firm: &Firm) -> TlsStream<TcpStream> {
    let mut stream = shake(firm, b"h2", dial(address(1), firm.https()).await).await.expect("a handshake");
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
    stream.write_all(&preface).await.expect("sent");
    stream
}

/// Sends frames until the server closes; the code of its GOAWAY if that came.
async fn flood(mut stream: TlsStream<TcpStream>, mut next: impl FnMut(u32) -> Vec<u8>) -> (u32, Option<u32>) {
    let (mut input, mut sent) = (Vec::new(), 0);
    let over = async {
        loop {
            if sent < 100_000 {
                let batch: Vec<u8> = (0..10).flat_map(|n| next(sent + n)).collect();
                sent += 10;
                if stream.write_all(&batch).await.is_err() {
                    break;
                }
            }
            let mut buffer = [0; 16_384];
            match timeout(Duration::from_millis(1), stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(count)) => input.extend_from_slice(&buffer[..count]),
                Err(_) => {}
            }
        }
    };
    timeout(LONG, over).await.expect("the flood ends");
    (sent, goaway(&input))
}

fn goaway(mut input: &[u8]) -> Option<u32> {
    while let Some((head, rest)) = input.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = rest.get(..length)?;
        if head[3] == GOAWAY && payload.len() >= 8 {
            return Some(u32::from_be_bytes(payload[4..8].try_into().expect("four bytes")));
        }
        input = &rest[length..];
    }
    None
}

async fn honest(firm: &Firm) {
    let mut web = Web::new(firm, address(2)).await;
    let head = web.head(firm, CLIENT_ONE, &format!("GET {}", path("none")), "");
    assert_eq!(web.ask(&head, b"").await.0, 404);
}

#[test]
fn resets_and_header_blocks_without_end_close_the_connection() {
    run(async {
        let firm = Firm::with("");
        honest(&firm).await;
        let before = firm.peak_mib();
        let block = get(&firm, &path("none"));
        // Opened and reset at once (CVE-2023-44487).
        let reset = flood(connect(&firm).await, |n| {
            let stream = 2 * n + 1;
            let cancel = frame(RESET, 0, stream, &8u32.to_be_bytes());
            [frame(HEADERS, END_HEADERS | END_STREAM, stream, &block), cancel].concat()
        });
        let (sent, code) = reset.await;
        assert!(sent < 100_000, "{sent} streams were opened and reset");
        assert!(code.is_none_or(|code| code == 11), "ENHANCE_YOUR_CALM, not {code:?}");
        assert!(firm.hits("webdav", "requests_per_connection") >= 1);
        // A header block that never ends (CVE-2024-27316).
        let more = field("x-more", &"x".repeat(100)).repeat(100);
        let (sent, _) = flood(connect(&firm).await, |n| {
            let kind = if n == 0 { HEADERS } else { CONTINUATION };
            frame(kind, 0, 1, if n == 0 { &block } else { &more })
        })
        .await;
        assert!(sent < 1000, "{sent} continuations were taken");
        // Streams beyond the agreed number, none of them ended.
        let open = frame(HEADERS, END_HEADERS, 0, &block);
        let (sent, _) = flood(connect(&firm).await, |n| {
            let mut frame = open.clone();
            frame[5..9].copy_from_slice(&(2 * n + 1).to_be_bytes());
            frame
        })
        .await;
        assert!(sent < 10_000, "{sent} streams were opened");
        let grown = firm.peak_mib() - before;
        assert!(grown < 48, "the floods cost {grown} MiB");
        honest(&firm).await;
    });
}

#[test]
fn a_client_whose_window_stays_shut_is_cut() {
    run(async {
        let firm = Firm::with("slow_seconds = 2");
        let mut web = Web::new(&firm, address(1)).await;
        let put = web.head(&firm, CLIENT_ONE, &format!("PUT {}", path("large.bin")), "Content-Length: 1048576\r\n");
        assert_eq!(web.ask(&put, &vec![7; 1 << 20]).await.0, 201);
        let mut stream = connect(&firm).await;
        let block = get(&firm, &path("large.bin"));
        stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)).await.expect("sent");
        // 65,535 bytes come (RFC 9113 section 6.9.2), and nothing makes room for more.
        let (mut received, mut buffer) = (0, vec![0; 65_536]);
        let over = async {
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                received += count
            }
        };
        // What was handed over is worth its time at the rate: up to 256 KiB at 1 KiB a second would be minutes.
        let cut = timeout(Duration::from_secs(20), over).await;
        assert!(received > 60_000);
        assert!(cut.is_err() || firm.hits("webdav", "slow") == 1);
    });
}
