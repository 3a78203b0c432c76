//! One HTTP/1.1 connection that sends what a recorded client sent, header by header.

use std::io::{Read, Write};

use crate::demo::Demo;
use crate::webdav_drive::{Connection, Reply, connect, credentials};

/// What Windows sends to lock.
pub(crate) const LOCKINFO: &str = "<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:lockinfo xmlns:D=\"DAV:\"><D:lockscope>\
    <D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner><D:href>DESKTOP\\somebody</D:href></D:owner>\
    </D:lockinfo>";

/// What Windows sets of every file that it has written.
pub(crate) const WIN32: &str = "<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:propertyupdate xmlns:D=\"DAV:\" \
    xmlns:Z=\"urn:schemas-microsoft-com:\"><D:set><D:prop>\
    <Z:Win32CreationTime>Sun, 09 Sep 2001 01:46:40 GMT</Z:Win32CreationTime>\
    <Z:Win32LastAccessTime>Sun, 09 Sep 2001 01:46:40 GMT</Z:Win32LastAccessTime>\
    <Z:Win32LastModifiedTime>Sun, 09 Sep 2001 01:46:40 GMT</Z:Win32LastModifiedTime>\
    <Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>";

/// A client at one folder.
pub(crate) struct Client {
    connection: Connection,
    /// Sent with every request, each line with its end.
    always: String,
    authority: String,
    folder: String,
}

impl Client {
    /// `agent` is the client's own header lines, one string each.
    pub(crate) fn at(demo: &Demo, login: &str, folder: &str, agent: &[&str]) -> Self {
        let agent: String = agent.iter().map(|line| format!("{line}\r\n")).collect();
        let authority = crate::webdav_drive::authority(demo).to_owned();
        let always = credentials(demo, login) + &agent;
        Self { connection: connect(demo), always, authority, folder: folder.to_owned() }
    }

    fn target(&self, name: &str) -> String {
        let path = if name.is_empty() { self.folder.clone() } else { format!("{}/{name}", self.folder) };
        let encoded = path.bytes().map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' | b'$' => {
                char::from(b).to_string()
            }
            other => format!("%{other:02X}"),
        });
        format!("/dav/{}", encoded.collect::<String>())
    }

    /// The URL of a name, as a `Destination` has it.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("https://{}{}", self.authority, self.target(name))
    }

    /// Sends a request and reads its answer.
    pub(crate) fn send(&mut self, method: &str, name: &str, headers: &[&str], body: &str) -> Reply {
        let has_body = method == "PUT" || !body.is_empty();
        let length = if has_body { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
        self.exchange(method, name, headers, &length, body.as_bytes())
    }

    /// A PUT in chunks, as Finder and curl from standard input send it.
    pub(crate) fn put_chunked(&mut self, name: &str, headers: &[&str], body: &str) -> Reply {
        let (first, second) = body.split_at(body.len() / 2);
        let chunk =
            |part: &str| if part.is_empty() { String::new() } else { format!("{:x}\r\n{part}\r\n", part.len()) };
        let chunks = format!("{}{}0\r\n\r\n", chunk(first), chunk(second));
        self.exchange("PUT", name, headers, "Transfer-Encoding: chunked\r\n", chunks.as_bytes())
    }

    fn exchange(&mut self, method: &str, name: &str, headers: &[&str], length: &str, body: &[u8]) -> Reply {
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!("{method} {} HTTP/1.1\r\n{}{headers}{length}\r\n", self.target(name), self.always);
        self.connection.write_all(head.as_bytes()).expect("sent");
        self.connection.write_all(body).expect("sent");
        self.connection.flush().expect("sent");
        self.answer(method)
    }

    fn answer(&mut self, method: &str) -> Reply {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.byte());
        }
        let headers = String::from_utf8_lossy(&head).into_owned();
        let status = headers.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let mut reply = Reply { status, headers, body: Vec::new() };
        let length = reply.header("content-length").and_then(|length| length.parse().ok());
        let chunked = reply.header("transfer-encoding").is_some();
        reply.body = match (method, status, length, chunked) {
            ("HEAD", ..) | (_, 204 | 304, ..) => Vec::new(),
            (_, _, Some(length), _) => self.bytes(length),
            (_, _, None, true) => self.chunks(),
            (_, _, None, false) => Vec::new(),
        };
        reply
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.push(self.byte());
            }
            let text = String::from_utf8_lossy(&line);
            let length = usize::from_str_radix(text.trim(), 16).expect("a length");
            body.extend(self.bytes(length));
            self.bytes(2);
            if length == 0 {
                return body;
            }
        }
    }

    fn byte(&mut self) -> u8 {
        self.bytes(1)[0]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.connection.read_exact(&mut bytes).expect("an answer");
        bytes
    }

    /// As `send`, with the status that must come.
    pub(crate) fn expect(&mut self, status: u16, method: &str, name: &str, headers: &[&str], body: &str) -> Reply {
        let reply = self.send(method, name, headers, body);
        assert_eq!(reply.status, status, "{method} {name} {headers:?}\n{}\n{}", reply.headers, reply.text());
        reply
    }

    /// PROPFIND with depth 0.
    pub(crate) fn find(&mut self, status: u16, name: &str) -> Reply {
        self.expect(status, "PROPFIND", name, &["Depth: 0"], "")
    }

    /// A lock as Windows takes it: no Depth, an hour. Gives the token in its brackets.
    pub(crate) fn lock(&mut self, status: u16, name: &str) -> String {
        let headers = ["Timeout: Second-3600", "Content-Type: text/xml; charset=\"utf-8\""];
        let reply = self.expect(status, "LOCK", name, &headers, LOCKINFO);
        reply.header("lock-token").expect("a token")
    }

    pub(crate) fn unlock(&mut self, name: &str, token: &str) {
        self.expect(204, "UNLOCK", name, &[&format!("Lock-Token: {token}")], "");
    }

    pub(crate) fn put(&mut self, status: u16, name: &str, headers: &[&str], body: &str) -> Reply {
        self.expect(status, "PUT", name, headers, body)
    }

    /// MOVE or COPY, which may say that it made something or that it replaced something.
    pub(crate) fn place(&mut self, method: &str, from: &str, to: &str, headers: &[&str]) {
        let destination = format!("Destination: {}", self.url(to));
        let reply = self.send(method, from, &[&[&*destination][..], headers].concat(), "");
        let placed = matches!(reply.status, 201 | 204);
        assert!(placed, "{method} {from} to {to}: {}\n{}", reply.headers, reply.text());
    }

    pub(crate) fn content(&mut self, name: &str) -> String {
        self.expect(200, "GET", name, &[], "").text()
    }
}
