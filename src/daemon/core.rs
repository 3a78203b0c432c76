//! A data directory, open: everything below the listeners.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arc_swap::ArcSwap;

use super::bound::{self, BoundEngine};
use super::prepared::LOCK_PATIENCE;
use super::process;
use super::reload::Live;
use super::sweep::Sweep;
use crate::audit::{Action, Actor, AuditKeys, Detail, Event, Log, Outcome, Unavailable};
use crate::cli::{self, DirLock, Doing as _, Problem};
use crate::config::{self, Settings};
use crate::gate::{self, Gate};
use crate::intake::Scanner;
use crate::keys::Keyring;
use crate::kv::{self, Engine, EngineKind, SealKeys, SealedStore};
use crate::notify::Postroom;
use crate::observe::{self, Addresses, Recovery};
use crate::outbox::{Mails, Noticeboard};
use crate::practice::Practice;
use crate::vault::Vault;
use crate::vault::blobs::BlobStore;
use crate::vault::staging::Staging;
use crate::vfs::{HeldCounts, Vfs};

/// Everything below the listeners.
pub(crate) struct Core {
    /// As they are in force; a reload puts others in their place.
    settings: ArcSwap<Settings>,
    started: Instant,
    keyring: Arc<Keyring>,
    log: Arc<Log>,
    engine: Arc<BoundEngine>,
    practice: Arc<Practice>,
    gate: Arc<Gate>,
    vault: Arc<Vault>,
    board: Arc<Noticeboard>,
    mails: Arc<Mails>,
    vfs: Arc<Vfs>,
    recovery: Recovery,
    sweep: Arc<Sweep>,
    live: OnceLock<Arc<Live>>,
    /// Given back last.
    _lock: DirLock,
}

impl Core {
    /// Opens the data directory of these settings, in the order of recovery.
    pub(crate) async fn open(settings: Settings) -> Result<Self, Problem> {
        let open = move || {
            let lock = DirLock::take_within(&settings.data, LOCK_PATIENCE)?;
            Self::open_blocking(settings, lock)
        };
        tokio::task::spawn_blocking(open).await.doing("open the data directory")?
    }

    /// As [`Core::open`], for who holds the directory's lock already.
    pub(crate) async fn open_locked(settings: Settings, lock: DirLock) -> Result<Self, Problem> {
        let open = move || Self::open_blocking(settings, lock);
        tokio::task::spawn_blocking(open).await.doing("open the data directory")?
    }

    fn open_blocking(settings: Settings, lock: DirLock) -> Result<Self, Problem> {
        let started = Instant::now();
        let data = &settings.data;
        process::harden()?;
        // First, since it costs nothing: whoever wrote guards or rules must not find them missing.
        let refused = |wrong: Vec<String>| Problem::usage(wrong.join("\n"));
        let guarding = cli::read_guards(&settings).map_err(refused)?;
        let intake = cli::read_intake(&settings).map_err(refused)?;

        let keyring = Arc::new(Keyring::open(&data.keys()).map_err(Problem::failed)?);
        let secrets = keyring.audit_keys();
        let keys =
            AuditKeys { signing_seed: secrets.signing_seed, body_key: secrets.body_key, tag_key: secrets.tag_key };
        let (log, opened) = Log::open(&data.audit(), keys, &settings.audit_origin).map_err(Problem::failed)?;
        if opened.torn_bytes > 0 {
            tracing::warn!(bytes = opened.torn_bytes, "a torn end of the audit record was set aside");
        }

        let kind = match settings.kv.engine {
            config::Engine::Redb => EngineKind::Redb,
            config::Engine::Sled => EngineKind::Sled,
        };
        let engine = kv::open(kind, &data.catalog(), kv::Settings { cache_bytes: settings.kv.cache_bytes })
            .map_err(Problem::failed)?;
        bound::check(data, engine.last_commit(), opened.catalog_commit, opened.created)?;
        let engine = Arc::new(BoundEngine::new(engine, log.clone()));
        let (seal, names) = keyring.catalog_keys();
        let store = Arc::new(SealedStore::new(engine.clone(), &SealKeys::new(*seal, *names)).map_err(Problem::failed)?);

        let practice = Arc::new(Practice::open(store.clone()).map_err(Problem::failed)?);
        let blobs = Arc::new(BlobStore::open(&data.blobs()).doing("open the blobs")?);
        let staging = Staging::open(&data.staging(), blobs.clone()).doing("open the staging area")?;
        let staging = staging.with_max_len(settings.limits.upload_bytes);
        let board = Noticeboard::new(store.clone(), settings.mail.is_some()).doing("read the outbox")?;
        let (board, mails) = (Arc::new(board), Arc::new(Mails::new(store.clone())));
        let vault = Vault::new(store, blobs, staging, keyring.clone(), board.clone()).doing("open the vault")?;
        let vault = Arc::new(vault);
        let found = vault.recover().doing("put the vault in order")?;
        let recovery = Recovery::new(&opened, found);
        if !recovery.ended_cleanly {
            tracing::warn!(found = %recovery, "the daemon did not end cleanly the last time");
        }
        if !recovery.ended_cleanly || found.leftovers > 0 {
            let event = Event {
                detail: Detail::because(recovery.to_string()),
                ..Event::new(Actor::service("deedbox"), Action::Recover, Outcome::Done)
            };
            log.record_blocking(&event).doing("record the recovery")?;
        }
        let sweep = if recovery.ended_cleanly { Sweep::none() } else { Sweep::start(&vault, &log)? };
        let sweep = Arc::new(sweep);

        let gate = Gate::new(practice.clone(), log.clone(), gate_settings(&settings)).doing("set up the gate")?;
        gate.guard(guarding);
        let vfs = Vfs::new(gate.clone(), vault.clone());
        vfs.set_windows_names(settings.windows_names);
        vfs.set_scanner(settings.scan.clone().map(Scanner::new));
        vfs.set_intake(intake);
        let (settings, live) = (ArcSwap::from_pointee(settings), OnceLock::new());
        Ok(Self {
            settings,
            started,
            keyring,
            log,
            engine,
            practice,
            gate,
            vault,
            board,
            mails,
            vfs,
            recovery,
            sweep,
            live,
            _lock: lock,
        })
    }

    /// Closes what was opened for one verb.
    pub(crate) async fn close(self) -> Result<(), Problem> {
        self.shut().await
    }

    /// Makes removals durable, then writes the last audit records and the last checkpoint: a log that is closed says that
    /// the next start need not look for leftovers.
    pub(super) async fn shut(&self) -> Result<(), Problem> {
        let (vault, log, sweep) = (self.vault.clone(), self.log.clone(), self.sweep.clone());
        let close = move || {
            let settled = vault.settle().inspect_err(|why| tracing::warn!(%why, "removals could not be made durable"));
            if sweep.finish() && settled.is_ok() { log.close() } else { log.close_unclean() }
        };
        tokio::task::spawn_blocking(close).await.doing("close the audit record")
    }

    /// Records the daemon's own start and stop.
    pub(super) async fn record(&self, action: Action) -> Result<(), Problem> {
        let event = Event::new(Actor::service("deedbox"), action, Outcome::Done);
        self.log.record(event).await.map(drop).doing("record the start or stop")
    }

    /// The settings in force.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Where it listens, as one line for people.
    pub(super) fn at(&self) -> String {
        let Addresses { sftp, scanners, https, .. } = self.addresses();
        let at = |address: Option<SocketAddr>| address.map_or("off".to_owned(), |at| at.to_string());
        let scanners = scanners.map_or(String::new(), |at| format!(", old scanners {at}"));
        format!("serving documents: sftp {}{scanners}, https {}", at(sftp), at(https))
    }

    /// What only a restart can mend, if anything is broken in that way. Blocks until the disk has answered.
    pub(super) fn needs_restart(&self) -> Option<String> {
        match self.log.checkpoint() {
            Err(why @ (Unavailable::Poisoned(_) | Unavailable::Closed)) => return Some(why.to_string()),
            Ok(_) | Err(Unavailable::Busy | Unavailable::Full(_)) => {}
        }
        if let Err(why @ (Unavailable::Poisoned(_) | Unavailable::Closed)) = self.log.health() {
            return Some(why.to_string());
        }
        self.engine.problem().map(|why| format!("the catalog cannot be used: {why}"))
    }

    pub(super) fn put_in_force(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    pub(crate) fn log(&self) -> &Arc<Log> {
        &self.log
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        self.engine.as_ref()
    }

    pub(crate) fn practice(&self) -> &Arc<Practice> {
        &self.practice
    }

    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    pub(crate) fn vfs(&self) -> &Arc<Vfs> {
        &self.vfs
    }

    pub(super) fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Where the vault pins up what came.
    pub(crate) fn board(&self) -> &Arc<Noticeboard> {
        &self.board
    }

    /// The mails that wait.
    pub(crate) fn mails(&self) -> &Arc<Mails> {
        &self.mails
    }

    /// The same, for who looks after them.
    pub(crate) fn postroom(&self) -> Postroom {
        Postroom::new(self.mails.clone(), self.live().and_then(|live| live.notifier.clone()))
    }

    /// What the start put in order.
    pub(crate) fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// How many blobs that no version names were removed; nothing while they are looked for.
    pub(crate) fn unnamed_blobs(&self) -> Option<usize> {
        self.sweep.removed()
    }

    /// Where the listeners are; nowhere for a directory that was opened for one verb.
    pub(crate) fn addresses(&self) -> Addresses {
        self.live().map(|live| live.addresses).unwrap_or_default()
    }

    /// What can be changed while somebody listens; nothing for a directory that was opened for one verb.
    pub(crate) fn live(&self) -> Option<&Arc<Live>> {
        self.live.get()
    }

    pub(super) fn goes_live(&self, live: Live) {
        // Set once, by the start.
        let _ = self.live.set(Arc::new(live));
    }

    /// Whether somebody listens: a daemon, not a directory that was opened for one verb.
    pub(crate) fn is_daemon(&self) -> bool {
        self.live.get().is_some()
    }
}

fn gate_settings(settings: &Settings) -> gate::Settings {
    gate::Settings {
        fresh_for: settings.uploads.fresh,
        grace: settings.uploads.grace,
        transients: settings.temporary_files.names.clone(),
        save_wait: settings.temporary_files.save,
        passwords_waiting: settings.limits.passwords_waiting,
        passwords_waiting_per_address: settings.limits.passwords_waiting_per_address,
    }
}

impl observe::Subject for Core {
    fn problem(&self) -> Option<String> {
        if let Err(why) = self.log.health() {
            return Some(format!("the audit log cannot be written: {why}"));
        }
        self.engine.problem().map(|why| format!("the catalog cannot be used: {why}"))
    }

    fn defect(&self) -> Option<String> {
        let why = self.vfs.scanner()?.problem()?;
        let held = match self.vfs.held_counts().unscanned {
            0 => String::new(),
            held => format!("; {held} documents in drop boxes wait for it"),
        };
        Some(format!("uploads cannot be scanned for viruses and are refused: {why}{held}"))
    }

    fn measure(&self) {
        let gauge = |name: &'static str, value: u64| {
            // Exact up to 2^53, which is enough for counts.
            #[allow(clippy::cast_precision_loss)]
            metrics::gauge!(name).set(value as f64);
        };
        gauge("deedbox_audit_records", self.log.size());
        gauge("deedbox_catalog_commit", self.engine.last_commit());
        gauge("deedbox_sessions", self.gate.open_sessions() as u64);
        gauge("deedbox_ready", u64::from(self.problem().is_none()));
        if let (Some(_), Ok((waiting, refused))) = (&self.settings().mail, self.mails.counts()) {
            gauge("deedbox_mail_waiting", waiting as u64);
            gauge("deedbox_mail_refused", refused as u64);
            gauge("deedbox_mail_news", self.board.waiting() as u64);
        }
        let HeldCounts { waiting, unscanned, quarantined } = self.vfs.held_counts();
        gauge("deedbox_intake_waiting", waiting as u64);
        gauge("deedbox_intake_unscanned", unscanned as u64);
        gauge("deedbox_intake_quarantined", quarantined as u64);
        if let Some(scanner) = self.vfs.scanner() {
            gauge("deedbox_scan_ready", u64::from(scanner.problem().is_none()));
        }
        gauge("deedbox_uptime_seconds", self.started.elapsed().as_secs());
    }
}
