//! How the daemon is: what it knows of itself, gathered for whoever asks.

use std::io;
use std::path::Path;

use super::core::Core;
use crate::audit::Log;
use crate::cli::{Doing as _, Problem};
use crate::config::Settings;
use crate::names::Timestamp;
use crate::observe::{
    AuditHealth, CatalogHealth, Disk, DropBoxesHealth, Health, MailHealth, ScanHealth, ScannersHealth, Subject as _,
};
use crate::vfs::HeldCounts;

/// What takes time to find out.
struct Measured {
    audit: AuditHealth,
    /// Mails that wait, and those that were refused.
    mails: (usize, usize),
    catalog_bytes: Option<u64>,
    disk: Option<Disk>,
}

impl Core {
    /// The report of this moment.
    pub(crate) async fn health(&self) -> Result<Health, Problem> {
        let (settings, firm, live) = (self.settings(), self.practice().firm(), self.live());
        let Measured { audit, mails: (waiting, refused), catalog_bytes, disk } = self.measured(&settings).await?;
        let problem = self.problem();
        let last_error = || live.and_then(|live| live.notifier.as_ref()?.last_error());
        Ok(Health {
            version: env!("CARGO_PKG_VERSION"),
            running: live.is_some(),
            ready: problem.is_none() && live.is_some(),
            problem,
            firm: settings.firm.clone(),
            data: settings.data.path().to_owned(),
            uptime_seconds: self.started().elapsed().as_secs(),
            listeners: self.addresses(),
            sandbox: live.map(|live| live.sandbox.clone()),
            keys_locked: self.keyring().is_locked(),
            sessions: self.gate().open_sessions(),
            matters: firm.matters().count(),
            matter_types: firm.matter_types().len(),
            contacts: firm.contacts().len(),
            accounts: firm.accounts().len(),
            audit,
            catalog: CatalogHealth {
                engine: self.engine().name(),
                commit: self.engine().last_commit(),
                bytes: catalog_bytes,
            },
            disk,
            certificate: live.and_then(|live| live.doors.certificate()),
            mail: settings.mail.as_ref().map(|_| MailHealth {
                waiting,
                refused,
                news: self.board().waiting(),
                last_error: last_error(),
            }),
            scan: self
                .vfs()
                .scanner()
                .filter(|_| live.is_some())
                .map(|scanner| ScanHealth { engine: scanner.engine(), problem: scanner.problem() }),
            drop_boxes: self.drop_boxes().filter(|_| live.is_some()),
            scanners: self.addresses().scanners.zip(settings.scanners.as_ref()).map(|(at, scanners)| ScannersHealth {
                at,
                allow: scanners.allow.iter().map(ToString::to_string).collect(),
                until: scanners.until,
                is_over: scanners.until.is_some_and(|until| until <= Timestamp::now()),
            }),
            limits_reached: live.map(|live| live.metrics.limits_reached()).unwrap_or_default(),
            recovery: self.recovery().clone(),
            unnamed_blobs: self.unnamed_blobs(),
        })
    }

    fn drop_boxes(&self) -> Option<DropBoxesHealth> {
        let HeldCounts { waiting, unscanned, quarantined } = self.vfs().held_counts();
        let told = self.vfs().intake().is_some() || waiting + quarantined > 0;
        told.then_some(DropBoxesHealth { waiting, unscanned, quarantined })
    }

    async fn measured(&self, settings: &Settings) -> Result<Measured, Problem> {
        let (log, mails, origin) = (self.log().clone(), self.mails().clone(), settings.audit_origin.clone());
        let (data, catalog) = (settings.data.path().to_owned(), settings.data.catalog());
        let measure = move || Measured {
            audit: audit_health(&log, origin),
            mails: mails.counts().unwrap_or_default(),
            catalog_bytes: bytes_below(&catalog).ok(),
            disk: disk(&data).ok(),
        };
        tokio::task::spawn_blocking(measure).await.doing("find out how the daemon is")
    }
}

/// With a checkpoint that is made for it.
fn audit_health(log: &Log, origin: String) -> AuditHealth {
    let (checkpoint_records, checkpoint_root) = match log.checkpoint() {
        Ok((checkpoint, _)) => (checkpoint.size, hex::encode(checkpoint.root)),
        Err(_) => (0, String::new()),
    };
    AuditHealth {
        records: log.size(),
        origin,
        key: log.verify_key().to_string(),
        checkpoint_records,
        checkpoint_root,
        checkpoint_time: Timestamp::now(),
    }
}

fn disk(data: &Path) -> io::Result<Disk> {
    let told = rustix::fs::statvfs(data)?;
    let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
    Ok(Disk { free_bytes: bytes(told.f_bavail), size_bytes: bytes(told.f_blocks) })
}

/// What the files of a directory hold. An engine's have no more than one level of folders.
fn bytes_below(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() { bytes_below(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}
