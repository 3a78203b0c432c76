//! What a running daemon takes from a changed configuration.
//!
//! Everything is read and checked before anything changes: one mistake, and the old stays in force as a whole. New
//! connections are then served with the new; those that are open go on as they began, so that no transfer is dropped. What
//! only a restart can change is named and left as it is.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::core::Core;
use super::doors::{Doors, Read};
use super::mail::read_means;
use super::prepared::Reread;
use super::systemd;
use crate::cli::{self, MatterTypeFile, Operator, Problem, blocking};
use crate::config::{Https, Log, Mail, Relay, Scanners, Settings, Sftp};
use crate::gate::{Guarding, SshTrust};
use crate::intake::{Rules, Scanner};
use crate::notify::{Means, Notifier};
use crate::observe::{self, Addresses, LogFilter, Metrics, Sandbox};

/// What a daemon has that a directory which was opened for one verb does not.
pub(crate) struct Live {
    pub(super) addresses: Addresses,
    pub(super) sandbox: Sandbox,
    pub(super) doors: Doors,
    pub(super) notifier: Option<Arc<Notifier>>,
    pub(super) metrics: Metrics,
    pub(super) reread: Reread,
    /// Held by the reload that is going on.
    pub(super) turn: tokio::sync::Mutex<()>,
}

/// What became of a reload.
#[derive(Debug, Serialize)]
pub(crate) struct Reloaded {
    /// What is others than before, for new connections and new matters.
    changed: Vec<String>,
    /// Settings that differ from those in force and need a restart.
    needs_restart: Vec<&'static str>,
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changed.is_empty() && self.needs_restart.is_empty() {
            return f.write_str("nothing has changed");
        }
        let mut lines: Vec<_> = self.changed.iter().map(|what| format!("changed: {what}")).collect();
        lines.extend(self.needs_restart.iter().map(|what| format!("needs a restart: {what}")));
        f.write_str(&lines.join("\n"))
    }
}

/// Everything new, read and found sound.
struct New {
    settings: Settings,
    doors: Read,
    log_filter: LogFilter,
    matter_types: Vec<MatterTypeFile>,
    guarding: Guarding,
    intake: Option<Arc<Rules>>,
    ssh_trust: SshTrust,
    means: Option<Means>,
    told: Reloaded,
}

impl Live {
    /// Reads everything anew and compares. Blocks.
    ///
    /// # Errors
    /// Every mistake, one a line.
    fn read(&self, old: &Settings) -> Result<New, Problem> {
        let new = (self.reread)()?;
        if new.data != old.data {
            return Err(Problem::usage(format_args!(
                "`data` names another directory, {}: that needs a restart",
                new.data.path().display()
            )));
        }
        let mut wrong: Vec<String> = self.unreadable(&new);
        if !wrong.is_empty() {
            return Err(Problem::usage(wrong.join("\n")));
        }
        let doors = Read::from(&new, self.doors.bounds());
        let doors = doors.map_err(|problems| wrong.extend(problems.into_iter().map(|why| why.message))).ok();
        let log_filter = observe::log_filter(&new.log.filter).map_err(|why| wrong.push(why.to_string())).ok();
        let matter_types = new
            .matter_types
            .as_deref()
            .map_or(Ok(Vec::new()), cli::read_matter_types)
            .map_err(|why| wrong.extend(why))
            .ok();
        let guarding = cli::read_guards(&new).map_err(|why| wrong.extend(why)).ok();
        let intake = cli::read_intake(&new).map_err(|why| wrong.extend(why)).ok();
        let ssh_trust = cli::read_ssh_trust(&new.user_keys).map_err(|why| wrong.push(why.message)).ok();
        let changed = changes(old, &new);
        let needs_restart = needs_restart(old, &new);
        let settings = with_what_stays(old, new);
        let means = read_means(&settings).map_err(|why| wrong.extend(why)).ok();
        let (
            Some(doors),
            Some(log_filter),
            Some(matter_types),
            Some(guarding),
            Some(intake),
            Some(ssh_trust),
            Some(means),
        ) = (doors, log_filter, matter_types, guarding, intake, ssh_trust, means)
        else {
            return Err(Problem::usage(wrong.join("\n")));
        };
        let changed = changed.into_iter().map(str::to_owned).chain(self.doors.differences(&doors)).collect();
        let told = Reloaded { changed, needs_restart };
        Ok(New { settings, doors, log_filter, matter_types, guarding, intake, ssh_trust, means, told })
    }

    /// What the settings name and this process cannot open, and whether that is for its sandbox.
    fn unreadable(&self, new: &Settings) -> Vec<String> {
        let look = |setting: &str, path: &Path| {
            let cause = File::open(path).err()?;
            let why = self.sandbox.explain(path, &cause).map_or(String::new(), |why| format!("; {why}"));
            Some(format!("{setting}: cannot open {}: {cause}{why}", path.display()))
        };
        let https = new.https.iter();
        let https = https.flat_map(|https| [("https.certificate", &https.certificate), ("https.key", &https.key)]);
        let keys = new.host_keys().into_iter().flatten().map(|key| ("sftp.host_keys", key));
        let keys = keys.chain(new.user_keys.files());
        let types = new.matter_types.iter().map(|folder| ("matter_types", folder));
        let guards = new.guards.iter().map(|file| ("guards", file));
        let guards = guards.chain(new.intake.iter().map(|file| ("intake", file)));
        let guards = guards.chain(new.pages.logo.iter().map(|file| ("pages.logo", file)));
        let mail = new.mail.iter().flat_map(Mail::files);
        https
            .chain(keys)
            .chain(types)
            .chain(guards)
            .chain(mail)
            .filter_map(|(setting, path)| look(setting, path))
            .collect()
    }
}

impl Core {
    /// Reads configuration, certificates, host keys, matter types, guards and drop boxes again and puts them in force.
    ///
    /// # Errors
    /// Every mistake; then nothing has changed.
    pub(crate) async fn reload(&self, operator: &Operator<'_>) -> Result<Reloaded, Problem> {
        let Some(live) = self.live() else {
            return Err(Problem::failed("no daemon runs, so there is nothing to reload"));
        };
        let _turn = live.turn.lock().await;
        systemd::reloading();
        let outcome = self.reload_with(live.clone(), operator).await;
        systemd::ready(&self.at());
        match &outcome {
            Ok(told) => told.to_string().lines().for_each(|line| tracing::info!("reload: {line}")),
            Err(problem) => {
                problem.message.lines().for_each(|line| tracing::error!("reload: {line}"));
                tracing::error!("reload: refused; what was in force stays in force");
            }
        }
        outcome
    }

    async fn reload_with(&self, live: Arc<Live>, operator: &Operator<'_>) -> Result<Reloaded, Problem> {
        let (old, reader) = (self.settings(), live.clone());
        let New { settings, doors, log_filter, matter_types, guarding, intake, ssh_trust, means, mut told } =
            blocking(move || reader.read(&old)).await??;
        // The one step that can fail: it is recorded and goes to the disk.
        told.changed.extend(cli::apply_matter_types(operator, matter_types).await?);
        if settings.log.filter != self.settings().log.filter {
            log_filter.apply();
        }
        told.changed.extend(guards_differ(&self.gate().guarding(), &guarding));
        self.gate().guard(guarding);
        told.changed.extend(rules_differ(self.vfs().intake().as_deref(), intake.as_deref()));
        self.vfs().set_intake(intake);
        if *self.gate().ssh_trust() != ssh_trust {
            told.changed.push("the authorities of SSH certificates, or what is revoked".to_owned());
            self.gate().set_ssh_trust(ssh_trust);
        }
        self.vfs().set_windows_names(settings.windows_names);
        if settings.scan != self.settings().scan {
            self.vfs().set_scanner(settings.scan.clone().map(Scanner::new));
        }
        live.doors.change(doors);
        if let Some((notifier, means)) = live.notifier.as_ref().zip(means) {
            notifier.change(means);
        }
        self.put_in_force(settings);
        Ok(told)
    }
}

/// Tells of guards that are others than before, whether or not the file has another name.
fn guards_differ(old: &Guarding, new: &Guarding) -> Option<String> {
    let text = |of: &Guarding| of.guards.as_ref().map(|guards| guards.text().to_owned());
    (text(old) != text(new)).then(|| match new.guards.as_ref().map_or(0, |guards| guards.len()) {
        0 => "the guards, now none".to_owned(),
        count => format!("the guards, now {count}"),
    })
}

/// Tells of drop boxes and rules that are others than before.
fn rules_differ(old: Option<&Rules>, new: Option<&Rules>) -> Option<String> {
    (old.map(Rules::text) != new.map(Rules::text)).then(|| match new {
        None => "the drop boxes, now none".to_owned(),
        Some(new) => format!("the drop boxes, now {}, and their rules, now {}", new.drop_boxes().len(), new.len()),
    })
}

/// What takes effect without a restart and differs.
fn changes(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let https = |of: &Settings| of.https.as_ref().map(|https| (https.certificate.clone(), https.key.clone()));
    let sftp = |changed: fn(&Sftp, &Sftp) -> bool| {
        old.sftp.as_ref().zip(new.sftp.as_ref()).is_some_and(|(old, new)| changed(old, new))
    };
    let scanners = |changed: fn(&Scanners, &Scanners) -> bool| {
        old.scanners.as_ref().zip(new.scanners.as_ref()).is_some_and(|(old, new)| changed(old, new))
    };
    let differ = [
        ("firm", old.firm != new.firm),
        ("matter_types", old.matter_types != new.matter_types),
        ("guards", old.guards != new.guards),
        ("intake", old.intake != new.intake),
        ("time_zone", old.time_zone != new.time_zone),
        ("pages", old.pages != new.pages),
        ("sftp.host_keys", sftp(|old, new| old.host_keys != new.host_keys)),
        ("scanners.allow", scanners(|old, new| old.allow != new.allow)),
        ("scanners.until", scanners(|old, new| old.until != new.until)),
        ("sftp.trusted_user_ca_keys, sftp.revoked_keys", old.user_keys != new.user_keys),
        ("sftp.banner", sftp(|old, new| old.banner != new.banner)),
        ("sftp.post_quantum_only", sftp(|old, new| old.post_quantum_only != new.post_quantum_only)),
        ("https.certificate, https.key", https(old) != https(new) && old.https.is_some() && new.https.is_some()),
        ("names.windows", old.windows_names != new.windows_names),
        ("log.filter", old.log.filter != new.log.filter),
        ("stop.drain_seconds", old.drain != new.drain),
        ("limits", old.limits != new.limits),
        ("scan", old.scan != new.scan && reaches_scanner(old, new)),
        ("mail", old.mail.is_some() && new.mail.is_some() && with_the_same_relay(old, new.mail.clone()) != old.mail),
    ];
    named(&differ)
}

/// What differs and takes effect at the next start.
fn needs_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let sftp = |of: &Settings| of.sftp.as_ref().map(|sftp| sftp.listen);
    let scanners = |of: &Settings| of.scanners.as_ref().map(|scanners| scanners.listen);
    let https = |of: &Settings| of.https.as_ref().map(|https| https.listen);
    let differ = [
        ("sftp.enabled", old.sftp.is_some() != new.sftp.is_some()),
        ("sftp.listen", sftp(old).zip(sftp(new)).is_some_and(|(old, new)| old != new)),
        ("scanners", old.scanners.is_some() != new.scanners.is_some()),
        ("scanners.listen", scanners(old).zip(scanners(new)).is_some_and(|(old, new)| old != new)),
        ("https.enabled", old.https.is_some() != new.https.is_some()),
        ("https.listen", https(old).zip(https(new)).is_some_and(|(old, new)| old != new)),
        ("observe", old.observe != new.observe),
        ("kv.engine", old.kv.engine != new.kv.engine),
        ("kv.cache_mib", old.kv.cache_bytes != new.kv.cache_bytes),
        ("audit.origin", old.audit_origin != new.audit_origin),
        ("log.format", old.log.format != new.log.format),
        ("sandbox.landlock", old.sandbox != new.sandbox),
        ("uploads.fresh_minutes", old.uploads.fresh != new.uploads.fresh),
        ("uploads.grace_seconds", old.uploads.grace != new.uploads.grace),
        ("temporary_files", old.temporary_files != new.temporary_files),
        // The sandbox lets the daemon connect to the port that it knew when it started, and look names up only if it must.
        ("mail.smtp", relay(old) != relay(new)),
        ("scan.clamd", !reaches_scanner(old, new)),
    ];
    named(&differ)
}

/// Does the sandbox let the daemon connect to the scanner that is newly configured? It knew one port when it started.
fn reaches_scanner(old: &Settings, new: &Settings) -> bool {
    let port = |of: &Settings| of.scan.as_ref().and_then(|scan| scan.clamd.port());
    port(new).is_none_or(|wanted| port(old) == Some(wanted))
}

fn relay(of: &Settings) -> Option<(&str, u16)> {
    of.mail.as_ref().map(|mail| (mail.relay.host.as_str(), mail.relay.port))
}

/// Mail as newly configured, over the relay to which the daemon may connect.
fn with_the_same_relay(old: &Settings, new: Option<Mail>) -> Option<Mail> {
    match (&old.mail, new) {
        (Some(Mail { relay: Relay { host, port, .. }, .. }), Some(new)) => {
            Some(Mail { relay: Relay { host: host.clone(), port: *port, ..new.relay }, ..new })
        }
        (old, _) => old.clone(),
    }
}

fn named(differ: &[(&'static str, bool)]) -> Vec<&'static str> {
    differ.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect()
}

/// The new settings, except for what needs a restart: that is not in force, and the next reload names it again.
fn with_what_stays(old: &Settings, mut new: Settings) -> Settings {
    if !reaches_scanner(old, &new) {
        new.scan.clone_from(&old.scan);
    }
    let sftp = match (&old.sftp, new.sftp) {
        (Some(old), Some(new)) => Some(Sftp { listen: old.listen, ..new }),
        (old, _) => old.clone(),
    };
    let scanners = match (&old.scanners, new.scanners) {
        (Some(old), Some(new)) => Some(Scanners { listen: old.listen, ..new }),
        (old, _) => old.clone(),
    };
    let https = match (&old.https, new.https) {
        (Some(old), Some(new)) => Some(Https { listen: old.listen, ..new }),
        (old, _) => old.clone(),
    };
    let mail = with_the_same_relay(old, new.mail);
    Settings {
        mail,
        sftp,
        scanners,
        https,
        observe: old.observe,
        kv: old.kv.clone(),
        audit_origin: old.audit_origin.clone(),
        log: Log { format: old.log.format, ..new.log },
        sandbox: old.sandbox,
        uploads: old.uploads,
        temporary_files: old.temporary_files.clone(),
        ..new
    }
}
