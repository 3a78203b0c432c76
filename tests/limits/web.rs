//! HTTP/1.1 over TLS from an address of one's choosing, down to half requests.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::demo::MATTER_ONE;
use crate::firm::{Firm, dial};

const LONG: Duration = Duration::from_secs(60);

/// A connection on which requests can be sent.
pub(crate) struct Web {
    pub(crate) stream: TlsStream<TcpStream>,
    input: Vec<u8>,
    authority: String,
}

/// Trusts this authority and agrees on this protocol.
pub(crate) fn tls_of(ca_file: &str, protocol: &[u8]) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca_file).expect("a certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// The handshake over a connection.
pub(crate) async fn shake(firm: &Firm, protocol: &[u8], socket: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    let host = ServerName::try_from(firm.https().ip().to_string()).expect("a name");
    tls_of(firm.demo.text("ca_file"), protocol).connect(host, socket).await
}

/// The value of an Authorization header.
pub(crate) fn basic(login: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{login}:{password}")))
}

/// The path of a name in the folder in which clients may do everything.
pub(crate) fn path(name: &str) -> String {
    format!("/dav/{MATTER_ONE}/Documents/Shared room/{name}").replace(' ', "%20")
}

impl Web {
    pub(crate) async fn new(firm: &Firm, from: [u8; 4]) -> Self {
        Self::over(firm, dial(from, firm.https()).await).await
    }

    pub(crate) async fn over(firm: &Firm, socket: TcpStream) -> Self {
        let stream = shake(firm, b"http/1.1", socket).await.expect("a handshake");
        Self { stream, input: Vec::new(), authority: firm.https().to_string() }
    }

    /// As `new`, for who has no firm at hand.
    pub(crate) async fn connect(tls: &TlsConnector, to: std::net::SocketAddr, from: [u8; 4]) -> Self {
        let host = ServerName::try_from(to.ip().to_string()).expect("a name");
        let stream = tls.connect(host, dial(from, to).await).await.expect("a handshake");
        Self { stream, input: Vec::new(), authority: to.to_string() }
    }

    /// The head of a request, as this account.
    pub(crate) fn head(&self, firm: &Firm, login: &str, line: &str, headers: &str) -> String {
        self.head_with(&basic(login, firm.demo.password(login)), line, headers)
    }

    pub(crate) fn head_with(&self, authorization: &str, line: &str, headers: &str) -> String {
        format!("{line} HTTP/1.1\r\nHost: {}\r\nAuthorization: {authorization}\r\n{headers}\r\n", self.authority)
    }

    /// Sends bytes; whether the other end took them.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Sends a request and gives its answer.
    pub(crate) async fn ask(&mut self, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
        assert!(self.send(&[head.as_bytes(), body].concat()).await, "the connection is closed");
        self.answer().await.expect("an answer")
    }

    /// The next answer's status and body; nothing if the connection ended.
    pub(crate) async fn answer(&mut self) -> Option<(u16, Vec<u8>)> {
        let head = loop {
            if let Some(end) = self.input.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = self.input.split_off(end + 4);
                break String::from_utf8_lossy(&std::mem::replace(&mut self.input, rest)).to_ascii_lowercase();
            }
            self.more().await?;
        };
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        if head.contains("transfer-encoding: chunked") {
            let end = loop {
                if let Some(end) = self.input.windows(5).position(|window| window == b"0\r\n\r\n") {
                    break end + 5;
                }
                self.more().await?;
            };
            let rest = self.input.split_off(end);
            return Some((status, std::mem::replace(&mut self.input, rest)));
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        let length: usize = length.unwrap_or(0);
        while self.input.len() < length {
            self.more().await?;
        }
        let rest = self.input.split_off(length);
        Some((status, std::mem::replace(&mut self.input, rest)))
    }

    async fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 16_384];
        match timeout(LONG, self.stream.read(&mut buffer)).await.expect("something comes, or the end") {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                self.input.extend_from_slice(&buffer[..count]);
                Some(())
            }
        }
    }

    /// Waits for the end of the connection, whatever still comes.
    pub(crate) async fn ended(&mut self) {
        while self.more().await.is_some() {
            self.input.clear();
        }
    }
}
