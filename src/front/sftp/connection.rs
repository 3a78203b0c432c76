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

use super::channel::{self, Verdict};
use super::handler::Doorkeeper;
use super::handles::Budget;
use super::stream::{Pulse, Watched};
use super::{Limits, Settings, algorithms};
use crate::gate::{Gate, Session};
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
    pub(super) limits: Limits,
    pub(super) banner: Option<String>,
    budget: Arc<Budget>,
    channels: Arc<()>,
    /// True: channels end now, in the middle of whatever they do.
    cancel: watch::Sender<bool>,
    /// Held by every channel; the last one gone ends the wait for them.
    alive: mpsc::Sender<()>,
    pulse: Arc<Pulse>,
}

impl Link {
    /// How many SFTP channels are running.
    pub(super) fn running(&self) -> usize {
        Arc::strong_count(&self.channels) - 1
    }

    /// Serves a channel in a task of its own.
    pub(super) fn spawn(&self, channel: Channel<Msg>, session: &Arc<Session>) {
        let view = self.vfs.view(session);
        let (budget, queued, counted) = (self.budget.clone(), self.limits.queued_bytes, self.channels.clone());
        let (mut cancel, alive, pulse) = (self.cancel.subscribe(), self.alive.clone(), self.pulse.clone());
        let task = async move {
            let verdict = tokio::select! {
                verdict = channel::run(channel, view, budget, queued) => verdict,
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
    pub(super) settings: Arc<Settings>,
    pub(super) gate: Arc<Gate>,
    pub(super) vfs: Arc<Vfs>,
}

impl Shared {
    pub(super) fn new(settings: Arc<Settings>, gate: Arc<Gate>, vfs: Arc<Vfs>) -> Self {
        Self { config: Arc::new(algorithms::config(&settings)), settings, gate, vfs }
    }
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Left,
    Ended,
    Idle,
    Stopped,
}

/// Serves a connection until it is over and its end is recorded.
pub(super) async fn serve(stream: TcpStream, peer: IpAddr, shared: &Shared, mut stop: watch::Receiver<bool>) {
    // By hand: russh sets it only on sockets that it accepts itself.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let (stream, pulse) = Watched::new(stream);
    let (alive, mut all_gone) = mpsc::channel(1);
    let (arrive, mut arrived) = oneshot::channel();
    let link = Arc::new(Link {
        gate: shared.gate.clone(),
        vfs: shared.vfs.clone(),
        peer,
        limits: shared.settings.limits.clone(),
        banner: shared.settings.banner.clone(),
        budget: Arc::new(Budget::new(shared.settings.limits.handles)),
        channels: Arc::new(()),
        cancel: watch::Sender::new(false),
        alive,
        pulse: pulse.clone(),
    });
    let deadline = tokio::time::Instant::now() + shared.settings.limits.login_deadline;
    let doorkeeper = Doorkeeper::new(link.clone(), arrive);
    let start = russh::server::run_stream(shared.config.clone(), stream, doorkeeper);
    let mut running = tokio::select! {
        started = start => match started {
            Ok(running) => running,
            Err(error) => return tracing::debug!(%error, "no ssh client"),
        },
        () = sleep_until(deadline) => return,
        () = set(&mut stop) => return,
    };
    let session = tokio::select! {
        biased;
        session = &mut arrived => session.ok(),
        result = &mut running => {
            tracing::debug!(?result, "left before login");
            None
        }
        () = sleep_until(deadline) => None,
        () = set(&mut stop) => None,
    };
    // A login that came through in the same moment is not lost: it would stay open in the record.
    arrived.close();
    let Some(session) = session.or_else(|| arrived.try_recv().ok()) else {
        pulse.cut();
        return;
    };

    metrics::gauge!("sftp_sessions").increment(1.0);
    tracing::info!(session = %session.id(), "sftp session opened");
    let handle = running.handle();
    let cause = watch_over(&mut running, &session, &link, shared.settings.drain, &mut stop).await;
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
        () = idle => Cause::Idle,
        () = drained => Cause::Stopped,
    }
}

/// Ends a connection from this side: nothing more is served, the client hears why if it listens, the socket is cut.
async fn farewell(running: &mut RunningSession<Doorkeeper>, handle: &Handle, link: &Link, cause: Cause) {
    if cause != Cause::Stopped || link.budget.open() > 0 {
        link.cancel.send_replace(true);
    }
    let reason = match cause {
        Cause::Left => "",
        Cause::Ended => "the session was ended",
        Cause::Idle => "idle for too long",
        Cause::Stopped => "the service is stopping",
    };
    let told = async {
        let _ = handle.disconnect(Disconnect::ByApplication, reason.to_owned(), "en".to_owned()).await;
        let _ = (&mut *running).await;
    };
    if timeout(FAREWELL, told).await.is_err() {
        link.pulse.cut();
        let _ = timeout(FAREWELL, running).await;
    }
}
