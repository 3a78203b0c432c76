//! A light SFTP client for `benches/compare`: what `sftp` cannot do (random reads, idle sessions), and logins without the
//! cost of starting two programs for each. It is the same for every server, checks host keys, and prints one line of JSON.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use clap::{Parser, Subcommand};
use russh::client::{self, Handle};
use russh::keys::known_hosts::check_known_hosts_path;
use russh::keys::{Algorithm, PrivateKeyWithHashAlg, PublicKeyOrCertificate, load_secret_key};
use russh::{Channel, ChannelMsg, Preferred, cipher, compression, kex};
use serde_json::json;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// SFTP packet types (draft-ietf-secsh-filexfer-02, section 3).
const INIT: u8 = 1;
const VERSION: u8 = 2;
const OPEN: u8 = 3;
const READ: u8 = 5;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const PFLAGS_READ: u32 = 1;

/// What every OpenSSH client offers first, but for the cipher, which is the one of all comparisons.
const PREFERRED: Preferred = Preferred {
    kex: std::borrow::Cow::Borrowed(&[
        kex::CURVE25519,
        kex::EXTENSION_SUPPORT_AS_CLIENT,
        kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
    ]),
    key: std::borrow::Cow::Borrowed(&[Algorithm::Ed25519]),
    cipher: std::borrow::Cow::Borrowed(&[cipher::AES_128_GCM]),
    compression: std::borrow::Cow::Borrowed(&[compression::NONE]),
    ..Preferred::DEFAULT
};

#[derive(Parser)]
#[command(about = "The light SFTP client of benches/compare")]
struct Arguments {
    /// Where the server listens
    #[arg(long)]
    server: SocketAddr,
    /// The login
    #[arg(long)]
    user: String,
    /// File of the private key
    #[arg(long)]
    key: PathBuf,
    /// Host keys to trust
    #[arg(long)]
    known_hosts: PathBuf,
    #[command(subcommand)]
    work: Work,
}

#[derive(Subcommand)]
enum Work {
    /// Log in, start SFTP, and leave, over and over
    Logins {
        /// How many in all
        #[arg(long)]
        count: usize,
        /// How many at a time
        #[arg(long)]
        parallel: usize,
    },
    /// Read at random places of one document, over one connection
    Random {
        /// The document's path on the server
        #[arg(long)]
        path: String,
        /// The same document here: what comes is compared with it
        #[arg(long)]
        original: PathBuf,
        /// How many reads
        #[arg(long)]
        count: usize,
        /// Bytes of each
        #[arg(long, default_value_t = 32_768)]
        bytes: u32,
        /// How many reads are under way at a time
        #[arg(long)]
        depth: usize,
    },
    /// Hold sessions that do nothing until standard input ends
    Idle {
        /// How many
        #[arg(long)]
        sessions: usize,
    },
}

/// The server's key must be known.
struct Trust {
    server: SocketAddr,
    known_hosts: PathBuf,
}

impl client::Handler for Trust {
    type Error = Failure;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Failure> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        let host = self.server.ip().to_string();
        Ok(check_known_hosts_path(&host, self.server.port(), key, &self.known_hosts)?)
    }
}

/// An SFTP session past its version exchange.
struct Session {
    ssh: Handle<Trust>,
    channel: Channel<client::Msg>,
    input: BytesMut,
}

impl Session {
    async fn start(arguments: &Arguments) -> Result<Self, Failure> {
        let config = client::Config { preferred: PREFERRED, nodelay: true, ..client::Config::default() };
        let trust = Trust { server: arguments.server, known_hosts: arguments.known_hosts.clone() };
        let mut ssh = client::connect(Arc::new(config), arguments.server, trust).await?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(load_secret_key(&arguments.key, None)?), None);
        if !ssh.authenticate_publickey(&arguments.user, key).await?.success() {
            return Err("the key was refused".into());
        }
        let channel = ssh.channel_open_session().await?;
        channel.request_subsystem(false, "sftp").await?;
        let mut session = Self { ssh, channel, input: BytesMut::new() };
        session.send(&packet(INIT, 3, &[])).await?;
        match session.answer().await? {
            version if version.first() == Some(&VERSION) => Ok(session),
            other => Err(format!("VERSION was expected, not {other:?}").into()),
        }
    }

    async fn send(&self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.channel.data_bytes(Bytes::copy_from_slice(bytes)).await?)
    }

    /// The next packet, without its length.
    async fn answer(&mut self) -> Result<Bytes, Failure> {
        loop {
            if let Some(word) = self.input.first_chunk::<4>() {
                let length = u32::from_be_bytes(*word) as usize;
                if self.input.len() >= 4 + length {
                    self.input.advance(4);
                    return Ok(self.input.split_to(length).freeze());
                }
            }
            match self.channel.wait().await {
                Some(ChannelMsg::Data { data }) => self.input.extend_from_slice(&data),
                Some(ChannelMsg::Close) | None => return Err("the server closed the channel".into()),
                Some(_) => {}
            }
        }
    }

    async fn open(&mut self, path: &str) -> Result<Bytes, Failure> {
        self.send(&packet(OPEN, 0, &[&string(path.as_bytes()), &PFLAGS_READ.to_be_bytes(), &[0; 4]])).await?;
        match self.answer().await? {
            handle if handle.first() == Some(&HANDLE) => Ok(handle.slice(9..)),
            other => Err(format!("HANDLE was expected, not {other:?}").into()),
        }
    }

    async fn end(self) -> Result<(), Failure> {
        self.channel.close().await?;
        Ok(self.ssh.disconnect(russh::Disconnect::ByApplication, "", "").await?)
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a packet is short");
    [&length.to_be_bytes()[..], bytes].concat()
}

fn packet(kind: u8, id: u32, fields: &[&[u8]]) -> Vec<u8> {
    string(&[&[kind][..], &id.to_be_bytes(), &fields.concat()].concat())
}

async fn logins(arguments: &Arc<Arguments>, count: usize, parallel: usize) -> Result<serde_json::Value, Failure> {
    let began = Instant::now();
    let tasks = (0..parallel).map(|task| {
        let (arguments, share) = (Arc::clone(arguments), count / parallel + usize::from(task < count % parallel));
        tokio::spawn(async move {
            for _ in 0..share {
                Session::start(&arguments).await?.end().await?;
            }
            Ok::<_, Failure>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    Ok(json!({ "seconds": began.elapsed().as_secs_f64() }))
}

async fn random(
    arguments: &Arguments,
    path: &str,
    original: &File,
    reads: (usize, u32, usize),
) -> Result<serde_json::Value, Failure> {
    let (count, bytes, depth) = reads;
    let mut session = Session::start(arguments).await?;
    let handle = session.open(path).await?;
    let places = original.metadata()?.len().checked_sub(u64::from(bytes)).ok_or("the document is too short")? + 1;
    // The same places for every server (a linear congruential generator with Knuth's constants).
    let mut state = 1u64;
    let mut offsets = std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 16) % places
    });
    let mut under_way = HashMap::new();
    let mut expected = vec![0; bytes as usize];
    let began = Instant::now();
    for id in 0..u32::try_from(count + depth)? {
        if (id as usize) < count {
            let offset = offsets.next().ok_or("no more places")?;
            let read = packet(READ, id, &[&string(&handle), &offset.to_be_bytes(), &bytes.to_be_bytes()]);
            session.send(&read).await?;
            under_way.insert(id, offset);
        }
        if (id as usize) < depth - 1 || under_way.is_empty() {
            continue;
        }
        let data = session.answer().await?;
        let id = data.get(1..5).and_then(|id| id.first_chunk()).map(|id| u32::from_be_bytes(*id));
        let offset = id.and_then(|id| under_way.remove(&id)).ok_or("an answer that nobody asked for")?;
        original.read_exact_at(&mut expected, offset)?;
        if data[0] != DATA || data.get(9..) != Some(&expected) {
            return Err(format!("what came from offset {offset} is not what was stored").into());
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    session.end().await?;
    Ok(json!({ "seconds": seconds }))
}

async fn idle(arguments: &Arguments, sessions: usize) -> Result<serde_json::Value, Failure> {
    let mut held = Vec::new();
    for _ in 0..sessions {
        held.push(Session::start(arguments).await?);
    }
    println!("{}", json!({ "sessions": held.len() }));
    std::io::stdout().flush()?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    for session in held {
        session.end().await?;
    }
    Ok(json!({ "ended": sessions }))
}

// One thread: what it costs is the same for every server, and it leaves the other processor to that.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments = Arc::new(Arguments::parse());
    let answer = match &arguments.work {
        Work::Logins { count, parallel } => logins(&arguments, *count, *parallel).await?,
        Work::Random { path, original, count, bytes, depth } => {
            random(&arguments, path, &File::open(original)?, (*count, *bytes, *depth)).await?
        }
        Work::Idle { sessions } => idle(&arguments, *sessions).await?,
    };
    println!("{answer}");
    Ok(())
}
