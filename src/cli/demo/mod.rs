//! `deedbox demo`: a daemon on loopback with a sample firm, for looking around and for tests.
//!
//! It is `init`, a few administrative verbs and `serve` in one, through the same code: what works here works for a firm.
//! The one difference is that the accounts' passwords and keys stay in the data directory (`demo-accounts.json`,
//! `demo-keys/`), so that it can be started again.

mod accounts;
mod firm;
mod pdf;
mod text;

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;

use self::accounts::Accounts;
use super::init::{self, New};
use super::operator::Operator;
use super::problem::{Doing as _, Problem};
use super::reply::Reply;
use super::serve::LogForm;
use super::setup::{host_public_keys, make_private_dir, write_private};
use super::{Global, runtime};
use crate::config::{self, DataDir, LogFormat, Settings};
use crate::daemon::{Daemon, Prepared};
use crate::observe::{self, Addresses};

/// Run a daemon on loopback with a sample firm, and print how to reach it
#[derive(Debug, Args)]
#[command(after_help = "Example: deedbox demo\n\
                        Or:      deedbox demo --data /tmp/firm --sftp 127.0.0.1:0 --https 127.0.0.1:0 --json\n\n\
                        Without --data, the firm is made in a fresh temporary directory. Port 0 lets the system choose. \
                        With --json, one line is printed once everything is ready.")]
pub(crate) struct Demo {
    /// Where to listen for SFTP
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:2022")]
    sftp: SocketAddr,
    /// Where to listen for WebDAV
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    https: SocketAddr,
    /// Where to tell metrics and health
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    observe: SocketAddr,
    /// Form of the log on standard error
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    log: LogForm,
}

/// What `--json` prints, and what the text is made from.
#[derive(Debug, serde::Serialize)]
struct Ready {
    sftp: SocketAddr,
    https: SocketAddr,
    webdav_url: String,
    ca_file: PathBuf,
    known_hosts_file: PathBuf,
    data: PathBuf,
    accounts: Vec<accounts::Account>,
    observe: SocketAddr,
}

impl Demo {
    pub(crate) fn run(self, global: &Global) -> Result<Reply, Problem> {
        if global.config.is_some() {
            return Err(Problem::usage("`demo` has no configuration file; say --data DIR to keep its state"));
        }
        let dir = match &global.data {
            Some(dir) => std::path::absolute(dir).doing(format_args!("find {}", dir.display()))?,
            None => fresh_directory()?,
        };
        // Quieter than a real daemon: the account list should not scroll away.
        observe::start_logging(LogFormat::from(self.log), "warn,deedbox=info").doing("start logging")?;
        let settings = self.settings(&dir)?;
        let host_keys = settings.sftp.as_ref().map(|sftp| sftp.host_keys.clone()).unwrap_or_default();
        let data = settings.data.clone();
        // The accounts' keys and passwords are written beside the firm's own directories.
        let prepared = Prepared::new(settings, Box::new(move || self.settings(&dir)), &[data.path()])?;
        runtime()?.block_on(async {
            let daemon = Daemon::start(prepared).await?;
            let prepared = async {
                let accounts = Accounts::load_or_make(&data)?;
                let operator = Operator::new(daemon.core(), "demo");
                let accounts = firm::set_up(&operator, accounts, &data).await?;
                let ready = ready(&data, daemon.addresses(), accounts)?;
                write_known_hosts(&ready.known_hosts_file, ready.sftp, &host_keys)?;
                announce(&ready, global.json)
            };
            match prepared.await {
                Ok(()) => daemon.run_until_signal().await,
                Err(problem) => {
                    daemon.end().await?;
                    Err(problem)
                }
            }
        })?;
        Ok(Reply { data: serde_json::Value::Null, text: String::new(), negative: false })
    }

    /// Makes the directory, or finds it as an earlier demo left it.
    fn settings(&self, dir: &Path) -> Result<Settings, Problem> {
        let data = DataDir::new(dir);
        let mut settings = if data.config().exists() {
            if !Accounts::file(&data).exists() {
                return Err(Problem::failed(format_args!(
                    "{} is the data directory of a firm, not of a demo; use `deedbox serve --config {}`",
                    dir.display(),
                    data.config().display()
                )));
            }
            config::load(&data.config()).map_err(Problem::usage)?
        } else {
            let new = New {
                firm: "Example Law",
                hosts: &[self.https.ip().to_string()],
                sftp: self.sftp,
                https: self.https,
                observe: Some(self.observe),
                origin: None,
                recovery: None,
            };
            let settings = init::make(dir, &new)?;
            Accounts::load_or_make(&data)?;
            settings
        };
        settings.data = data;
        if let Some(sftp) = &mut settings.sftp {
            sftp.listen = self.sftp;
        }
        if let Some(https) = &mut settings.https {
            https.listen = self.https;
        }
        settings.observe = Some(self.observe);
        Ok(settings)
    }
}

fn ready(data: &DataDir, at: Addresses, accounts: Vec<accounts::Account>) -> Result<Ready, Problem> {
    let on = |address: Option<SocketAddr>, what: &str| {
        address.ok_or_else(|| Problem::failed(format_args!("the demo needs the {what} listener; it is switched off")))
    };
    let https = on(at.https, "https")?;
    Ok(Ready {
        sftp: on(at.sftp, "sftp")?,
        https,
        webdav_url: format!("https://{}/dav/", reachable(https)),
        ca_file: data.certs().join("ca.pem"),
        known_hosts_file: data.path().join("demo-known-hosts"),
        data: data.path().to_owned(),
        accounts,
        observe: on(at.observe, "observe")?,
    })
}

/// An address to connect to: a listener on all addresses is reached through loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    let loopback = match address.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(loopback, address.port())
}

/// A `known_hosts` file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT") for this listener, under its address and as localhost.
fn write_known_hosts(file: &Path, sftp: SocketAddr, host_keys: &[PathBuf]) -> Result<(), Problem> {
    let at = reachable(sftp);
    let mut text = String::new();
    for key in host_public_keys(host_keys)? {
        let key = key.to_openssh().doing("write a host key")?;
        // The comment would be read as part of the line's end, which is allowed, but it names nothing here.
        let key: Vec<_> = key.split(' ').take(2).collect();
        let host = |name: &str| if at.port() == 22 { name.to_owned() } else { format!("[{name}]:{}", at.port()) };
        text.push_str(&format!("{},{} {}\n", host(&at.ip().to_string()), host("localhost"), key.join(" ")));
    }
    write_private(file, text.as_bytes()).doing("write the known hosts")
}

fn announce(ready: &Ready, json: bool) -> Result<(), Problem> {
    let line = match json {
        true => format!("{}\n", serde_json::to_string(ready).doing("write JSON")?),
        false => text::guide(ready),
    };
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).doing("print how to reach the demo")
}

pub(super) fn fresh_directory() -> Result<PathBuf, Problem> {
    let mut bytes = [0u8; 6];
    getrandom::fill(&mut bytes).doing("get random bytes")?;
    let dir = std::env::temp_dir().join(format!("deedbox-demo-{}", hex::encode(bytes)));
    make_private_dir(&dir).doing(format_args!("make {}", dir.display()))?;
    Ok(dir)
}
