//! A drive as tests use it: an account and a folder, requests through curl, and bare ones over a connection of their own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::demo::{CLIENT_ONE, Demo, MATTER_ONE};

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let prefix = format!("{}: ", name.to_ascii_lowercase());
        let line = self.headers.lines().find(|line| line.to_ascii_lowercase().starts_with(&prefix))?;
        Some(line[prefix.len()..].trim().to_owned())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A client's drive: an account, and a folder of the first matter.
pub(crate) struct Drive {
    pub(crate) demo: &'static Demo,
    pub(crate) login: &'static str,
    pub(crate) folder: String,
}

impl Drive {
    /// An own subfolder of the folder in which the client may do everything.
    pub(crate) fn fresh(name: &str) -> Self {
        let drive = Self::at(CLIENT_ONE, &format!("Shared room/{name}"));
        drive.expect(201, "", &["-X", "MKCOL"]);
        drive
    }

    pub(crate) fn at(login: &'static str, folder: &str) -> Self {
        Self { demo: Demo::shared(), login, folder: format!("{MATTER_ONE}/Documents/{folder}") }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        if name.is_empty() { self.folder.clone() } else { format!("{}/{name}", self.folder) }
    }

    pub(crate) fn url(&self, name: &str) -> String {
        self.demo.url(&self.path(name))
    }

    pub(crate) fn send(&self, name: &str, arguments: &[&str]) -> Reply {
        let arguments = [&["-D", "/dev/stderr", "--path-as-is"], arguments].concat();
        let output = self.demo.curl(self.login, &self.path(name), &arguments);
        let headers = String::from_utf8_lossy(&output.stderr).into_owned();
        let status = headers.lines().rfind(|line| line.starts_with("HTTP/")).and_then(|line| line.split(' ').nth(1));
        let status = status.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no answer: {headers}"));
        Reply { status, headers, body: output.stdout }
    }

    pub(crate) fn expect(&self, status: u16, name: &str, arguments: &[&str]) -> Reply {
        let reply = self.send(name, arguments);
        assert_eq!(reply.status, status, "{name} {arguments:?}\n{}\n{}", reply.headers, reply.text());
        reply
    }

    pub(crate) fn put(&self, status: u16, name: &str, content: &str, headers: &[&str]) -> Reply {
        self.expect(status, name, &[&["-X", "PUT", "--data-binary", content], headers].concat())
    }

    pub(crate) fn content(&self, name: &str) -> String {
        self.expect(200, name, &[]).text()
    }

    pub(crate) fn lock(&self, status: u16, name: &str) -> String {
        let body = "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope>\
                    <D:locktype><D:write/></D:locktype><D:owner>somebody</D:owner></D:lockinfo>";
        let reply = self.expect(status, name, &["-X", "LOCK", "-H", "Timeout: Second-3600", "--data-binary", body]);
        reply.header("lock-token").unwrap_or_default()
    }

    pub(crate) fn to(&self, name: &str) -> String {
        format!("Destination: {}", self.url(name))
    }

    /// Sends bytes over a connection of its own and gives what comes back, at most a few kilobytes.
    pub(crate) fn raw(&self, head: &str, body: &[u8], hang_up: bool) -> String {
        let mut stream = connect(self.demo);
        let head = format!("{head}\r\n{}\r\n", credentials(self.demo, self.login));
        stream.write_all(head.as_bytes()).expect("sent");
        stream.write_all(body).expect("sent");
        stream.flush().expect("sent");
        if hang_up {
            return String::new();
        }
        let mut answer = vec![0; 8192];
        let length = stream.read(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    pub(crate) fn target(&self, name: &str) -> String {
        let url = self.url(name);
        let at = url.find("/dav/").expect("a path");
        url[at..].to_owned()
    }
}

/// A TLS connection to the drive's door.
pub(crate) type Connection = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

/// Host and port of the drive.
pub(crate) fn authority(demo: &Demo) -> &str {
    demo.text("webdav_url").trim_start_matches("https://").split('/').next().expect("an authority")
}

pub(crate) fn connect(demo: &Demo) -> Connection {
    let authority = authority(demo);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(demo.text("ca_file")).expect("a certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = ServerName::try_from(authority.split(':').next().expect("a host").to_owned()).expect("a name");
    let connection = rustls::ClientConnection::new(Arc::new(config), host).expect("a client");
    let socket = TcpStream::connect(authority).expect("connected");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    rustls::StreamOwned::new(connection, socket)
}

/// The header lines that every request has.
pub(crate) fn credentials(demo: &Demo, login: &str) -> String {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{login}:{}", demo.password(login)));
    format!("Host: {}\r\nAuthorization: Basic {basic}\r\n", authority(demo))
}
