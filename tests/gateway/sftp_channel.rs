//! An SFTP channel that speaks packets, for requests that no client sends.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use russh::client::{self, Handle};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelMsg};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::demo::{CLIENT_ONE, Demo, MATTER_ONE};

const LONG: Duration = Duration::from_secs(60);

pub(crate) struct Anyone;

impl client::Handler for Anyone {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

/// A logged-in connection.
pub(crate) async fn connect(demo: &Demo, window: u32) -> Handle<Anyone> {
    connect_as(demo, CLIENT_ONE, window).await
}

pub(crate) async fn connect_as(demo: &Demo, login: &str, window: u32) -> Handle<Anyone> {
    connect_over(demo, login, window, TcpStream::connect(demo.text("sftp")).await.expect("connected")).await
}

/// The same over a socket that is connected already.
pub(crate) async fn connect_over(demo: &Demo, login: &str, window: u32, socket: TcpStream) -> Handle<Anyone> {
    let config = client::Config { window_size: window, ..client::Config::default() };
    let mut ssh = client::connect_stream(Arc::new(config), socket, Anyone).await.expect("connected");
    let answer = ssh.authenticate_password(login, demo.password(login)).await.expect("answered");
    assert!(answer.success());
    ssh
}

/// An SFTP channel that speaks packets.
pub(crate) struct Sftp {
    /// Kept where nobody else keeps it: the connection ends with it.
    pub(crate) ssh: Option<Handle<Anyone>>,
    pub(crate) channel: Channel<client::Msg>,
    input: BytesMut,
    pub(crate) exit: Option<u32>,
}

impl Sftp {
    pub(crate) async fn on(ssh: &Handle<Anyone>) -> Self {
        let channel = ssh.channel_open_session().await.expect("a channel");
        channel.request_subsystem(true, "sftp").await.expect("asked");
        Self { ssh: None, channel, input: BytesMut::new(), exit: None }
    }

    pub(crate) async fn ready(demo: &Demo) -> Self {
        Self::ready_as(demo, CLIENT_ONE).await
    }

    /// Logged in and past the version exchange.
    pub(crate) async fn ready_as(demo: &Demo, login: &str) -> Self {
        let ssh = connect_as(demo, login, 1 << 21).await;
        let mut sftp = Self::on(&ssh).await;
        sftp.ssh = Some(ssh);
        sftp.init().await;
        sftp
    }

    pub(crate) async fn init(&mut self) {
        self.send(&packet(1, 3, &[])).await;
        let version = self.answer().await.expect("VERSION");
        assert_eq!(version[..5], [2, 0, 0, 0, 3]);
    }

    pub(crate) async fn send(&self, bytes: &[u8]) {
        self.channel.data_bytes(Bytes::copy_from_slice(bytes)).await.expect("sent");
    }

    /// The next packet; nothing once the channel has ended.
    pub(crate) async fn answer(&mut self) -> Option<Bytes> {
        loop {
            if let Some(word) = self.input.first_chunk::<4>() {
                let length = 4 + u32::from_be_bytes(*word) as usize;
                if self.input.len() >= length {
                    return Some(self.input.split_to(length).freeze().slice(4..));
                }
            }
            match timeout(LONG, self.channel.wait()).await.expect("the server answers") {
                Some(ChannelMsg::Data { data }) => self.input.extend_from_slice(&data),
                Some(ChannelMsg::ExitStatus { exit_status }) => self.exit = Some(exit_status),
                Some(ChannelMsg::Close) | None => return None,
                Some(_) => {}
            }
        }
    }

    /// The number, code and text of the STATUS that is the next packet.
    pub(crate) async fn status(&mut self) -> (u32, u32, String) {
        let packet = self.answer().await.expect("an answer");
        assert_eq!(packet[0], 101, "STATUS is expected, not {packet:?}");
        let word = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().expect("four bytes"));
        (word(1), word(5), String::from_utf8_lossy(&packet[13..13 + word(9) as usize]).into_owned())
    }

    /// Opens a document and returns its handle.
    pub(crate) async fn document(&mut self, name: &str, flags: u32) -> Bytes {
        let path = format!("/{MATTER_ONE}/Documents/Shared room/{name}");
        self.send(&packet(3, 1, &[&string(path.as_bytes()), &flags.to_be_bytes(), &[0; 4]])).await;
        let packet = self.answer().await.expect("an answer");
        assert_eq!(packet[0], 102, "HANDLE is expected, not {packet:?}");
        packet.slice(9..)
    }
}

pub(crate) fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat()
}

pub(crate) fn packet(kind: u8, id: u32, fields: &[&[u8]]) -> Vec<u8> {
    string(&[&[kind][..], &id.to_be_bytes(), &fields.concat()].concat())
}

pub(crate) fn read(id: u32, handle: &[u8], offset: u64, length: u32) -> Vec<u8> {
    packet(5, id, &[&string(handle), &offset.to_be_bytes(), &length.to_be_bytes()])
}

pub(crate) fn write(id: u32, handle: &[u8], offset: u64, data: &[u8]) -> Vec<u8> {
    packet(6, id, &[&string(handle), &offset.to_be_bytes(), &string(data)])
}

pub(crate) const READ: u32 = 1;
pub(crate) const WRITE: u32 = 2;
pub(crate) const CREATE: u32 = 8;
pub(crate) const TRUNCATE: u32 = 16;

pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(test);
}
