//! One connection from its first byte to the record of its end, with a watch over it that no blocked callback can stop.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::server::{Config, Handle, Msg, RunningSession};
use russh::{Channel, Disconnect};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, sleep_until, timeout};
use tracing::Instrument;

use super::Settings;
use super::algorithms::{self, Suite};
use super::channel::{self, Verdict};
use super::handler::Doorkeeper;
use super::handles::{Budget, Purse};
use super::host_keys::HostKeys;
use super::stream::{Pulse, Watched};
use crate::config::Limits;
use crate::front::Bounds;
use crate::front::limits::Limit;
use crate::front::places::{Displaced, Place};
use crate::gate::{Entrance, Gate, Session};
use crate::names::Front;
use crate::vfs::Vfs;

/// How long a client may take to hear that it is disconnected. It is told while nothing of its session goes on, so this
/// does not lengthen a revocation.
const FAREWELL: Duration = Duration::from_millis(250);
/// How long the requests of a lost connection may take to end.
const AFTERMATH: Duration = Duration::from_secs(30);

/// What a connection and its channels share.
pub(super) struct Link {
    pub(super) gate: Arc<Gate>,
    vfs: Arc<Vfs>,
    pub(super) peer: IpAddr,
    pub(super) entrance: Entrance,
    /// With what a login can be proven.
    pub(super) suite: &'static Suite,
    /// As they were when the connection was accepted.
    pub(super) limits: Limits,
    bounds: Arc<Bounds>,
    pub(super) banner: Option<String>,
    /// What is told of after a login; nothing at the listener for old scanners, which could not make anything of it.
    pub(super) host_keys: Option<Arc<HostKeys>>,
    budget: Arc<Budget>,
    channels: Arc<()>,
    /// True: channels end now, in the middle of whatever they do.
    cancel: watch::Sender<bool>,
    /// Held by every channel; the last one gone ends the wait for them.
    alive: mpsc::Sender<()>,
    pub(super) pulse: Arc<Pulse>,
}

impl Link {
    /// How many SFTP channels are running.
    pub(super) fn running(&self) -> usize {
        Arc::strong_count(&self.channels) - 1
    }

    /// Serves a channel in a task of its own.
    pub(super) fn spawn(&self, channel: Channel<Msg>, session: &Arc<Session>) {
        let view = self.vfs.view(session);
        let purse = Purse::new(self.budget.clone(), self.bounds.clone(), session.account());
        let (limits, counted) = (self.limits, self.channels.clone());
        let (mut cancel, alive, pulse) = (self.cancel.subscribe(), self.alive.clone(), self.pulse.clone());
        let running = channel::run(channel, view, purse, limits, pulse.clone());
        let task = async move {
            let verdict = tokio::select! {
                verdict = running => verdict,
                () = set(&mut cancel) => Verdict::Keep,
            };
            drop((alive, counted));
            verdict
        };
        let task = tokio::spawn(task.in_current_span());
        tokio::spawn(async move {
            match task.await {
                Ok(Verdict::Keep) => {}
                // After a panic the client would wait for ever for a channel that nobody serves.
                Ok(Verdict::Cut) | Err(_) => pulse.cut(),
            }
        });
    }
}

/// Returns when a flag is set, or when nobody is left who could set it.
pub(super) async fn set(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|flag| *flag).await;
}

/// What a connection needs from the server.
pub(super) struct Shared {
    config: Arc<Config>,
    host_keys: Option<Arc<HostKeys>>,
    pub(super) settings: Arc<Settings>,
    pub(super) gate: Arc<Gate>,
    pub(super) vfs: Arc<Vfs>,
}

impl Shared {
    pub(super) fn new(settings: Arc<Settings>, gate: Arc<Gate>, vfs: Arc<Vfs>) -> Self {
        let config = Arc::new(algorithms::config(&settings));
        let host_keys = settings.scanners.is_none().then(|| Arc::new(HostKeys::new(config.clone())));
        Self { config, host_keys, settings, gate, vfs }
    }
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Left,
    Ended,
    Limit(Limit),
    Stopped,
}

/// Serves a connection until it is over and its end is recorded.
pub(super) async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    shared: &Shared,
    (place, mut displaced): (&Place, Displaced),
    mut stop: watch::Receiver<bool>,
) {
    // By hand: russh sets it only on sockets that it accepts itself.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let limits = shared.settings.bounds.now();
    let (stream, pulse) = Watched::new(stream, limits.ssh_overhead_bytes);
    let (alive, mut all_gone) = mpsc::channel(1);
    let (arrive, mut arrived) = oneshot::channel();
    let link = Arc::new(Link {
        gate: shared.gate.clone(),
        vfs: shared.vfs.clone(),
        peer,
        entrance: if shared.settings.scanners.is_some() { Entrance::SCANNERS } else { Front::Sftp.into() },
        suite: Suite::of(&shared.settings),
        limits,
        bounds: shared.settings.bounds.clone(),
        banner: shared.settings.banner.clone(),
        host_keys: shared.host_keys.clone(),
        budget: Arc::new(Budget::new(limits.handles)),
        channels: Arc::new(()),
        cancel: watch::Sender::new(false),
        alive,
        pulse: pulse.clone(),
    });
    let deadline = tokio::time::Instant::now() + limits.login;
    let mut stopping = stop.clone();
    let expired = async {
        tokio::select! {
            // Counted where a newcomer took the place.
            () = displaced.displaced() => {}
            () = sleep_until(deadline) => drop(Limit::Login.hit(Front::Sftp)),
            () = pulse.flooded() => drop(Limit::SshOverhead.hit(Front::Sftp)),
            () = set(&mut stopping) => {}
        }
    };
    let mut expired = Box::pin(expired);
    let doorkeeper = Doorkeeper::new(link.clone(), arrive);
    let start = russh::server::run_stream(shared.config.clone(), stream, doorkeeper);
    let mut running = tokio::select! {
        started = start => match started {
            Ok(running) => running,
            Err(error) => return tracing::debug!(%error, "no ssh client"),
        },
        () = &mut expired => return,
    };
    let session = tokio::select! {
        biased;
        session = &mut arrived => session.ok(),
        result = &mut running => {
            tracing::debug!(?result, "left before login");
            None
        }
        () = &mut expired => None,
    };
    // It would still be first in line for what happens to the connection from now on.
    drop(expired);
    // A login that came through in the same moment is not lost: it would stay open in the record.
    arrived.close();
    let Some(session) = session.or_else(|| arrived.try_recv().ok()) else {
        pulse.cut();
        return;
    };

    metrics::gauge!("sftp_sessions").increment(1.0);
    tracing::info!(session = %session.id(), "sftp session opened");
    let handle = running.handle();
    let cause = match place.login(session.account()) {
        Ok(()) => watch_over(&mut running, &session, &link, shared.settings.drain, &mut stop).await,
        Err(limit) => Cause::Limit(limit),
    };
    if cause != Cause::Left {
        farewell(&mut running, &handle, &link, cause).await;
    }
    drop(running);
    let cancel = link.cancel.clone();
    drop(link);
    if timeout(AFTERMATH, all_gone.recv()).await.is_err() {
        cancel.send_replace(true);
        let _ = timeout(AFTERMATH, all_gone.recv()).await;
    }
    shared.gate.logout(&session);
    metrics::gauge!("sftp_sessions").decrement(1.0);
    tracing::info!(session = %session.id(), ?cause, "sftp session closed");
}

/// Waits for the end of a session, whoever brings it about.
async fn watch_over(
    running: &mut RunningSession<Doorkeeper>,
    session: &Arc<Session>,
    link: &Link,
    drain: Duration,
    stop: &mut watch::Receiver<bool>,
) -> Cause {
    let idle = async {
        loop {
            match link.limits.idle.checked_sub(link.pulse.quiet_for()) {
                Some(left) if !left.is_zero() => sleep(left).await,
                _ => return,
            }
        }
    };
    let drained = async {
        set(stop).await;
        let begun = async {
            while link.budget.open() > 0 {
                sleep(Duration::from_millis(50)).await;
            }
        };
        let _ = timeout(drain, begun).await;
    };
    tokio::select! {
        result = running => {
            if let Err(error) = result {
                tracing::debug!(%error, "connection lost");
            }
            Cause::Left
        }
        () = session.ended() => Cause::Ended,
        () = idle => Cause::Limit(Limit::Idle.hit(Front::Sftp)),
        () = link.pulse.flooded() => Cause::Limit(Limit::SshOverhead.hit(Front::Sftp)),
        () = drained => Cause::Stopped,
    }
}

/// Ends a connection from this side: nothing more is served, the client hears why if it listens, the socket is cut.
async fn farewell(running: &mut RunningSession<Doorkeeper>, handle: &Handle, link: &Link, cause: Cause) {
    if cause != Cause::Stopped || link.budget.open() > 0 {
        link.cancel.send_replace(true);
    }
    let reason = match cause {
        Cause::Left => String::new(),
        Cause::Ended => "the session was ended".to_owned(),
        Cause::Limit(Limit::Idle) => "idle for too long".to_owned(),
        Cause::Limit(limit) => format!("too many {}", limit.text()),
        Cause::Stopped => "the service is stopping".to_owned(),
    };
    let disconnect = match cause {
        Cause::Limit(Limit::Connections | Limit::ConnectionsPerAccount) => Disconnect::TooManyConnections,
        _ => Disconnect::ByApplication,
    };
    let told = async {
        let _ = handle.disconnect(disconnect, reason, "en".to_owned()).await;
        let _ = (&mut *running).await;
    };
    if timeout(FAREWELL, told).await.is_err() {
        link.pulse.cut();
        let _ = timeout(FAREWELL, running).await;
    }
}
