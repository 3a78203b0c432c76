//! The daemon: the only place that wires the parts together.
//!
//! [`Core::open`] brings a data directory to life, in this order, which is the order of recovery:
//!
//! 1. *lock*: one process per directory; files made from here on are private.
//! 2. *keys*: without the firm identity nothing below can be read.
//! 3. *audit log*: its torn tail is set aside, intents without outcome are recorded as abandoned.
//! 4. *catalog*: the engine finds its last commit; if the audit log knows of a later one, the catalog went back in time
//!    and the start is refused (see [`bound`]).
//! 5. *practice*: the firm's records are read into memory.
//! 6. *vault*: what a crash left half-made is swept, unfinished uploads are found again.
//! 7. *gate* and *vfs*: nobody could have been let in before here.
//!
//! [`Daemon::start`] then opens every listener before it serves on any (an address that is taken stops the start as a
//! whole), and the control socket last: who can connect to it finds a daemon that is ready.

mod bound;
mod core;
mod process;
mod recovery;
mod stop;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use self::core::{Addresses, Core};
pub(crate) use recovery::Recovery;
pub(crate) use tls::tls_config;

use crate::audit::Action;
use crate::cli::{self, Doing as _, Problem};
use crate::config::{self, Settings};
use crate::front::{sftp, webdav};
use crate::observe;

/// How long transfers under way may go on after the signal to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// A data directory with its listeners.
pub(crate) struct Daemon {
    core: Arc<Core>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<&'static str>,
}

impl Daemon {
    /// Opens the data directory and every listener, and serves.
    pub(crate) async fn start(settings: Settings) -> Result<Self, Problem> {
        let metrics = observe::start_metrics().doing("start counting")?;
        let core = Arc::new(Core::open(settings).await?);
        let (stop, _) = watch::channel(false);
        let mut daemon = Self { core: core.clone(), stop, tasks: JoinSet::new() };
        match daemon.listen(metrics).await {
            Ok(addresses) => {
                core.listens_at(addresses);
                core.record(Action::Start).await?;
                Ok(daemon)
            }
            Err(problem) => {
                daemon.end().await?;
                Err(problem)
            }
        }
    }

    async fn listen(&mut self, metrics: observe::Metrics) -> Result<Addresses, Problem> {
        let settings = self.core.settings().clone();
        let sftp = match &settings.sftp {
            Some(sftp) => Some((bind("sftp.listen", sftp.listen).await?, sftp_settings(&settings, sftp)?)),
            None => None,
        };
        let https = match &settings.https {
            Some(https) => Some((bind("https.listen", https.listen).await?, tls_config(https)?)),
            None => None,
        };
        let observe = match settings.observe {
            Some(address) => Some(bind("observe.listen", address).await?),
            None => None,
        };
        let control = cli::bind_control(&settings.data.socket())?;
        let address = |listener: &TcpListener| listener.local_addr().doing("find a listener's address");
        let addresses = Addresses {
            sftp: sftp.as_ref().map(|(listener, _)| address(listener)).transpose()?,
            https: https.as_ref().map(|(listener, _)| address(listener)).transpose()?,
            observe: observe.as_ref().map(address).transpose()?,
        };

        let core = self.core.clone();
        let mut stopped = self.stop.subscribe();
        let watch = core.gate().clone().watch_changes();
        self.run("the watch over sessions", async move {
            tokio::select! {
                () = watch => {}
                _ = stopped.changed() => {}
            }
        });
        if let Some((listener, front)) = sftp {
            let (gate, vfs) = (core.gate().clone(), core.vfs().clone());
            let served = sftp::serve(listener, Arc::new(front), gate, vfs, self.stop.subscribe());
            self.run("SFTP", served);
        }
        if let Some((listener, tls)) = https {
            let (gate, vfs) = (core.gate().clone(), core.vfs().clone());
            let served = webdav::serve(
                listener,
                Arc::new(ArcSwap::from(tls)),
                Arc::new(webdav_settings(&settings)),
                gate,
                vfs,
                self.stop.subscribe(),
            );
            self.run("WebDAV", served);
        }
        if let Some(listener) = observe {
            self.run("metrics", observe::serve(listener, metrics, core.clone(), self.stop.subscribe()));
        }
        self.run("the control socket", cli::serve_control(control, core, self.stop.subscribe()));
        Ok(addresses)
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
        let mut ended = None;
        tokio::select! {
            signal = stop::signal() => tracing::info!(signal = signal?, "stopping"),
            part = self.tasks.join_next() => ended = part,
        }
        self.end().await?;
        match ended {
            None => Ok(()),
            Some(Ok(part)) => Err(Problem::failed(format_args!("{part} ended by itself, so the daemon stopped"))),
            Some(Err(cause)) => Err(Problem::failed(format_args!("a part of the daemon failed: {cause}"))),
        }
    }

    /// No new connections; transfers under way get [`DRAIN`]; then everything is closed, the audit log last.
    pub(crate) async fn end(mut self) -> Result<(), Problem> {
        self.stop.send_replace(true);
        let until = Instant::now() + DRAIN + Duration::from_secs(2);
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout_at(until.into(), drained).await.is_err() {
            tracing::warn!("transfers under way were cut off");
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

async fn bind(setting: &str, address: SocketAddr) -> Result<TcpListener, Problem> {
    TcpListener::bind(address).await.map_err(|cause| {
        let hint = match cause.kind() {
            std::io::ErrorKind::AddrInUse => "; another process listens there",
            std::io::ErrorKind::PermissionDenied => "; ports below 1024 need the right to bind them",
            _ => "",
        };
        Problem::failed(format_args!("cannot listen at {address} ({setting}): {cause}{hint}"))
    })
}

fn sftp_settings(settings: &Settings, sftp: &config::Sftp) -> Result<sftp::Settings, Problem> {
    let host_keys = cli::read_host_keys(&sftp.host_keys)?;
    Ok(sftp::Settings {
        host_keys,
        limits: sftp::Limits {
            connections: settings.limits.connections,
            connections_per_address: settings.limits.connections_per_address,
            login_deadline: settings.limits.login,
            idle: settings.limits.idle,
            ..sftp::Limits::default()
        },
        banner: None,
    })
}

fn webdav_settings(settings: &Settings) -> webdav::Settings {
    webdav::Settings {
        realm: settings.firm.clone(),
        connections: settings.limits.connections,
        connections_per_address: settings.limits.connections_per_address,
        handshake_timeout: settings.limits.login.min(Duration::from_secs(30)),
        drain: DRAIN,
        ..webdav::Settings::default()
    }
}
