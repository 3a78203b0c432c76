//! The listening sockets, opened on the main thread before the sandbox closes, or passed by a service manager.
//!
//! Socket activation (sd_listen_fds(3)) lets an unprivileged daemon have ports below 1024, and lets clients wait instead of
//! being refused while it restarts. The sockets are told apart by their names (`FileDescriptorName=`): `sftp`,
//! `scanners`, `https` and `observe`. What is passed takes the place of the address in the configuration.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;

use crate::cli::{Doing as _, Problem};
use crate::config::Settings;

/// The open listeners; none where one is switched off.
pub(super) struct Sockets {
    pub(super) sftp: Option<TcpListener>,
    pub(super) scanners: Option<TcpListener>,
    pub(super) https: Option<TcpListener>,
    pub(super) observe: Option<TcpListener>,
}

impl Sockets {
    /// Takes what the service manager passed and opens the rest. An address that is taken stops the start as a whole.
    pub(super) fn open(settings: &Settings) -> Result<Self, Problem> {
        let mut passed = passed()?;
        let sockets = Self {
            sftp: open(&mut passed, "sftp", settings.sftp.as_ref().map(|sftp| sftp.listen))?,
            scanners: open(&mut passed, "scanners", settings.scanners.as_ref().map(|scanners| scanners.listen))?,
            https: open(&mut passed, "https", settings.https.as_ref().map(|https| https.listen))?,
            observe: open(&mut passed, "observe", settings.observe)?,
        };
        if let Some(name) = passed.into_keys().next() {
            return Err(Problem::failed(format_args!(
                "the service manager passed a socket named `{name}`; the names are sftp, scanners, https and observe, \
                 set by FileDescriptorName= in a socket unit for each"
            )));
        }
        if let Some(observe) = &sockets.observe
            && !observe.local_addr().doing("find a listener's address")?.ip().is_loopback()
        {
            return Err(Problem::failed(
                "the socket passed as observe must be on a loopback address: nobody logs in there",
            ));
        }
        Ok(sockets)
    }
}

/// The sockets of sd_listen_fds(3), by their names.
fn passed() -> Result<BTreeMap<String, TcpListener>, Problem> {
    // Read first: taking the sockets clears the environment.
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut sockets = ListenFd::from_env();
    let mut passed = BTreeMap::new();
    for place in 0..sockets.len() {
        let name = names.next().unwrap_or("unknown").to_owned();
        let socket = sockets.take_tcp_listener(place).doing(format_args!("use the socket passed as {name}"))?;
        if socket.is_some_and(|socket| passed.insert(name.clone(), socket).is_some()) {
            return Err(Problem::failed(format_args!(
                "the service manager passed two sockets named `{name}`; one on [::] takes IPv4 as well"
            )));
        }
    }
    Ok(passed)
}

fn open(
    passed: &mut BTreeMap<String, TcpListener>,
    name: &str,
    listen: Option<SocketAddr>,
) -> Result<Option<TcpListener>, Problem> {
    let listener = match (passed.remove(name), listen) {
        (None, None) => return Ok(None),
        (Some(_), None) => {
            return Err(Problem::failed(format_args!(
                "the service manager passed a socket for {name}, but the configuration has it switched off: see \
                 the section `{name}`"
            )));
        }
        (Some(socket), Some(_)) => socket,
        (None, Some(address)) => bind(name, address)?,
    };
    listener.set_nonblocking(true).doing("set up a listener")?;
    Ok(Some(listener))
}

fn bind(name: &str, address: SocketAddr) -> Result<TcpListener, Problem> {
    TcpListener::bind(address).map_err(|cause| {
        let hint = match cause.kind() {
            std::io::ErrorKind::AddrInUse => "; another process listens there",
            std::io::ErrorKind::PermissionDenied => "; ports below 1024 need the right to bind them, or a socket unit",
            _ => "",
        };
        Problem::failed(format_args!("cannot listen at {address} ({name}.listen): {cause}{hint}"))
    })
}
