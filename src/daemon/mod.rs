//! The daemon: the only place that wires the parts together.
//!
//! [`Prepared::new`] does what needs the system's permission, while there is one thread: it takes the directory's *lock*
//! (one process per directory; files made from here on are private), opens every *listener* (an address that is taken stops
//! the start as a whole) and enters the *sandbox*.
//!
//! [`Core::open`] brings a data directory to life, in this order, which is the order of recovery:
//!
//! 1. *keys*: without the firm identity nothing below can be read.
//! 2. *audit log*: its torn tail is set aside, intents without outcome are recorded as abandoned.
//! 3. *catalog*: the engine finds its last commit; if the audit log knows of a later one, the catalog went back in time
//!    and the start is refused (see [`bound`]).
//! 4. *practice*: the firm's records are read into memory.
//! 5. *vault*: what a crash left half-made is swept, unfinished uploads are found again.
//! 6. *gate* and *vfs*: nobody could have been let in before here.
//!
//! [`Daemon::start`] then applies the matter types of the configured directory, serves the listeners, and opens the control
//! socket last: who can connect to it finds a daemon that is ready.

mod bound;
mod core;
mod doors;
mod expiry;
mod fuzz;
mod health;
mod intake;
mod mail;
mod prepared;
mod process;
mod recovery;
mod reload;
mod sandbox;
mod scan;
mod scanners;
mod sockets;
mod stop;
mod sweep;
mod systemd;
mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

pub(crate) use self::core::Core;
pub use fuzz::fuzz_sftp_channel;
pub(crate) use mail::read_means;
pub(crate) use prepared::Prepared;
pub(crate) use tls::Certificate;

use self::doors::{Doors, Read};
use self::reload::Live;
use self::sockets::Sockets;
use self::stop::{Asked, Signals};
use crate::audit::Action;
use crate::cli::{self, Doing as _, Operator, Problem};
use crate::front::{Beat, Bounds, Sites, api, sftp, web, webdav};
use crate::notify::{Notifier, Postroom};
use crate::observe::{self, Addresses};

/// How long after the drain the parts may take to end by themselves.
const GRACE: Duration = Duration::from_secs(2);

/// A data directory with its listeners.
pub(crate) struct Daemon {
    core: Arc<Core>,
    stop: watch::Sender<bool>,
    signals: Signals,
    /// Accept loops, each with its sign of life.
    beats: Vec<(&'static str, Beat)>,
    tasks: JoinSet<&'static str>,
}

impl Daemon {
    /// Opens the data directory and serves.
    pub(crate) async fn start(prepared: Prepared) -> Result<Self, Problem> {
        let Prepared { settings, reread, lock, sockets, sandbox } = prepared;
        let metrics = observe::start_metrics().doing("start counting")?;
        let core = Arc::new(Core::open_locked(settings, lock).await?);
        // A signal before this ends the process like a crash, from which the next start recovers.
        let signals = Signals::listen()?;
        let (stop, _) = watch::channel(false);
        let mut daemon = Self { core: core.clone(), stop, signals, beats: Vec::new(), tasks: JoinSet::new() };
        match daemon.listen(sockets, metrics.clone()).await {
            Ok((addresses, doors, notifier)) => {
                let turn = tokio::sync::Mutex::new(());
                core.goes_live(Live { addresses, sandbox, doors, notifier, metrics, reread, turn });
                core.record(Action::Start).await?;
                Ok(daemon)
            }
            Err(problem) => {
                daemon.end().await?;
                Err(problem)
            }
        }
    }

    async fn listen(
        &mut self,
        sockets: Sockets,
        metrics: observe::Metrics,
    ) -> Result<(Addresses, Doors, Option<Arc<Notifier>>), Problem> {
        let settings = self.core.settings();
        let bounds = Bounds::new(settings.limits);
        let doors = Read::from(&settings, &bounds).map_err(|problems| {
            let lines: Vec<_> = problems.into_iter().map(|problem| problem.message).collect();
            Problem::failed(lines.join("\n"))
        })?;
        let doors = Doors::new(doors, bounds);
        self.core.gate().set_ssh_trust(cli::read_ssh_trust(&settings.user_keys)?);
        let means = read_means(&settings).map_err(|wrong| Problem::usage(wrong.join("\n")))?;
        if let Some(folder) = &settings.matter_types {
            let found = cli::read_matter_types(folder).map_err(|wrong| Problem::usage(wrong.join("\n")))?;
            for applied in cli::apply_matter_types(&Operator::new(&self.core, "start"), found).await? {
                tracing::info!("{applied}");
            }
        }
        let control = cli::bind_control(&settings.data.socket())?;
        let listener = |socket: Option<std::net::TcpListener>| {
            socket.map(TcpListener::from_std).transpose().doing("set up a listener")
        };
        let (sftp, scanners) = (listener(sockets.sftp)?, listener(sockets.scanners)?);
        let (https, observe) = (listener(sockets.https)?, listener(sockets.observe)?);
        let address = |listener: &Option<TcpListener>| {
            listener.as_ref().map(TcpListener::local_addr).transpose().doing("find a listener's address")
        };
        let addresses = Addresses {
            sftp: address(&sftp)?,
            scanners: address(&scanners)?,
            https: address(&https)?,
            observe: address(&observe)?,
        };

        let core = self.core.clone();
        let notifier = means.map(|means| {
            let (practice, log) = (core.practice().clone(), core.log().clone());
            Notifier::new(practice, log, core.board().clone(), core.mails().clone(), means)
        });
        let mut stopped = self.stop.subscribe();
        let watch = core.gate().clone().watch_changes();
        self.run("the watch over sessions", async move {
            tokio::select! {
                () = watch => {}
                _ = stopped.changed() => {}
            }
        });
        let ssh = [("SFTP", sftp, doors.sftp.clone()), ("SFTP for old scanners", scanners, doors.scanners.clone())];
        for (part, listener, front) in ssh {
            if let Some((listener, front)) = listener.zip(front) {
                let (gate, vfs, beat) = (core.gate().clone(), core.vfs().clone(), self.beat(part));
                self.run(part, sftp::serve(listener, front, gate, vfs, beat, self.stop.subscribe()));
            }
        }
        if let Some((listener, door)) = https.zip(doors.https.as_ref()) {
            let (gate, vfs, beat) = (core.gate().clone(), core.vfs().clone(), self.beat("WebDAV"));
            let (tls, front) = (door.tls.config(), door.settings.clone());
            let office = office(&core, notifier.clone());
            let sftp_port = addresses.sftp.map(|address| address.port());
            let pages = web::Pages::new(gate.clone(), vfs.clone(), door.pages.clone(), sftp_port, office);
            let api = api::Api::new(gate.clone(), vfs.clone(), door.api.clone());
            let site = Arc::new(Sites { api, pages });
            let behind = webdav::Behind { gate, vfs, site };
            self.run("WebDAV", webdav::serve(listener, tls, front, behind, beat, self.stop.subscribe()));
        }
        if let Some(listener) = observe {
            self.run("metrics", observe::serve(listener, metrics, core.clone(), self.stop.subscribe()));
        }
        if let Some(notifier) = notifier.clone() {
            self.run("mail", notifier.run(self.stop.subscribe()));
        }
        self.run("the weekly warning", scanners::warn_weekly(core.clone(), self.stop.subscribe()));
        self.run("the watch over time", expiry::watch(core.clone(), self.stop.subscribe()));
        self.run("the watch over drop boxes", intake::watch(core.clone(), self.stop.subscribe()));
        self.run("the watch over the virus scan", scan::watch(core.clone(), self.stop.subscribe()));
        self.run("the control socket", cli::serve_control(control, core, self.stop.subscribe()));
        Ok((addresses, doors, notifier))
    }

    /// A sign of life for an accept loop.
    fn beat(&mut self, door: &'static str) -> Beat {
        let beat = Beat::new();
        self.beats.push((door, beat.clone()));
        beat
    }

    /// Runs a part until it ends, which none does before the stop.
    fn run<T: Send + 'static>(&mut self, part: &'static str, work: impl Future<Output = T> + Send + 'static) {
        self.tasks.spawn(async move {
            work.await;
            part
        });
    }

    /// What is running.
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Where it listens, with the real ports.
    pub(crate) fn addresses(&self) -> Addresses {
        self.core.addresses()
    }

    /// Serves until SIGTERM, SIGINT or the end of a part, then drains and closes.
    pub(crate) async fn run_until_signal(mut self) -> Result<(), Problem> {
        if let Some(period) = systemd::watchdog_period() {
            let watchdog = systemd::watchdog(self.core.clone(), self.beats.clone(), period, self.stop.subscribe());
            self.run("the watchdog", watchdog);
        }
        systemd::ready(&self.core.at());
        let ended = loop {
            tokio::select! {
                asked = self.signals.next() => match asked {
                    Asked::Stop(signal) => {
                        tracing::info!(signal, "stopping");
                        break None;
                    }
                    Asked::Reload => self.reload(),
                },
                part = self.tasks.join_next() => break part,
            }
        };
        self.end().await?;
        ended.map_or(Ok(()), |part: Result<_, JoinError>| match part {
            Ok(part) => Err(Problem::failed(format_args!("{part} ended by itself, so the daemon stopped"))),
            Err(cause) => Err(Problem::failed(format_args!("a part of the daemon failed: {cause}"))),
        })
    }

    /// As `deedbox reload`, beside everything else. What comes of it stands in the log and in the record.
    fn reload(&self) {
        let core = self.core.clone();
        tokio::spawn(async move { drop(cli::dispatch(&core, "SIGHUP", cli::Request::Reload).await) });
    }

    /// No new connections; transfers under way get the drain time, or end at the next signal; then everything is closed,
    /// the audit log last.
    pub(crate) async fn end(mut self) -> Result<(), Problem> {
        let within = self.core.settings().drain + GRACE;
        systemd::stopping(within + GRACE);
        self.stop.send_replace(true);
        let until = Instant::now() + within;
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        let cut = tokio::select! {
            () = drained => None,
            () = tokio::time::sleep_until(until.into()) => Some("the drain time is over"),
            signal = self.signals.stop() => Some(signal),
        };
        if let Some(why) = cut {
            tracing::warn!(why, "transfers under way were cut off");
            self.tasks.shutdown().await;
        }
        if self.core.is_daemon() {
            // A log that cannot take it is why the daemon stops; the next start records what was left open.
            if let Err(why) = self.core.record(Action::Stop).await {
                tracing::warn!(%why, "the stop could not be recorded");
            }
        }
        // Behind the lock nobody else can have a socket there.
        let _ = std::fs::remove_file(self.core.settings().data.socket());
        self.core.shut().await
    }
}

/// What the administrator's pages see of the daemon.
fn office(core: &Arc<Core>, notifier: Option<Arc<Notifier>>) -> web::Office {
    let post = Arc::new(Postroom::new(core.mails().clone(), notifier));
    let core = core.clone();
    let health = move || {
        let core = core.clone();
        let told = async move { core.health().await.inspect_err(|why| tracing::error!(%why, "no report")).ok() };
        told.boxed()
    };
    web::Office { post, health: Box::new(health) }
}
