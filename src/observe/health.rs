//! How the daemon is, as `deedbox status` prints it and the administrator's page shows it: one report for both.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::names::Timestamp;

/// How the daemon is.
#[derive(Debug, Clone, Serialize)]
pub struct Health {
    pub version: &'static str,
    /// Somebody listens; false for a directory that was opened for one verb.
    pub running: bool,
    /// Documents can be served.
    pub ready: bool,
    /// Why not.
    pub problem: Option<String>,
    pub firm: String,
    pub data: PathBuf,
    pub uptime_seconds: u64,
    pub listeners: Addresses,
    pub sandbox: Option<Sandbox>,
    pub keys_locked: bool,
    pub sessions: usize,
    pub matters: usize,
    pub matter_types: usize,
    pub contacts: usize,
    pub accounts: usize,
    pub audit: AuditHealth,
    pub catalog: CatalogHealth,
    /// Nothing if the system does not tell.
    pub disk: Option<Disk>,
    /// That of the HTTPS listener.
    pub certificate: Option<CertificateHealth>,
    /// Nothing where there is no listener for old scanners.
    pub scanners: Option<ScannersHealth>,
    /// Nothing where mail is switched off.
    pub mail: Option<MailHealth>,
    /// Nothing where uploads are not scanned.
    pub scan: Option<ScanHealth>,
    /// Nothing where there are none, and nothing is held in any.
    pub drop_boxes: Option<DropBoxesHealth>,
    /// What ended at a limit since the start, by limit and door.
    pub limits_reached: Vec<LimitReached>,
    pub recovery: Recovery,
    /// How many blobs that no version names were removed; nothing while they are looked for.
    pub unnamed_blobs: Option<usize>,
}

/// Where the daemon listens; nothing where a listener is switched off.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Addresses {
    pub sftp: Option<SocketAddr>,
    pub scanners: Option<SocketAddr>,
    pub https: Option<SocketAddr>,
    pub observe: Option<SocketAddr>,
}

/// What holds of the confinement by the kernel.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sandbox {
    /// The version of Landlock in force; nothing if it is switched off or the kernel has none.
    pub landlock_abi: Option<u32>,
    /// What the kernel does not hold, of all that is asked of it.
    pub missing: Vec<&'static str>,
    /// Directories in which files may be read and changed.
    pub writes: BTreeSet<PathBuf>,
    /// Directories in which files may be read.
    pub reads: BTreeSet<PathBuf>,
    /// The ports to which TCP connections may be opened: those of the mail relay and of the virus scanner.
    pub connects: BTreeSet<u16>,
}

/// The record, with the checkpoint that was made for this report.
#[derive(Debug, Clone, Serialize)]
pub struct AuditHealth {
    pub records: u64,
    pub origin: String,
    pub key: String,
    pub checkpoint_records: u64,
    pub checkpoint_root: String,
    #[serde(serialize_with = "as_text")]
    pub checkpoint_time: Timestamp,
}

/// The catalog.
#[derive(Debug, Clone, Serialize)]
pub struct CatalogHealth {
    pub engine: &'static str,
    pub commit: u64,
    /// What it takes on the disk; nothing if the system does not tell.
    pub bytes: Option<u64>,
}

/// The file system of the data directory.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Disk {
    pub free_bytes: u64,
    pub size_bytes: u64,
}

/// A certificate in use.
#[derive(Debug, Clone, Serialize)]
pub struct CertificateHealth {
    /// SHA-256.
    pub fingerprint: String,
    /// When it ends; nothing if it does not say so in a known way.
    #[serde(serialize_with = "as_text_if_any")]
    pub ends: Option<Timestamp>,
}

/// The listener for old scanners.
#[derive(Debug, Clone, Serialize)]
pub struct ScannersHealth {
    /// Its address.
    pub at: SocketAddr,
    /// From where it is used.
    pub allow: Vec<String>,
    /// From when on it accepts nothing; nothing if it has no end.
    #[serde(serialize_with = "as_text_if_any")]
    pub until: Option<Timestamp>,
    /// That time has come.
    pub is_over: bool,
}

/// How mail is.
#[derive(Debug, Clone, Serialize)]
pub struct MailHealth {
    /// Mails that wait for the relay.
    pub waiting: usize,
    /// Mails that it refused for good.
    pub refused: usize,
    /// About how many documents nobody was told of yet.
    pub news: usize,
    /// What went wrong last, with its time; nothing since a mail went out.
    pub last_error: Option<String>,
}

/// How the virus scan is.
#[derive(Debug, Clone, Serialize)]
pub struct ScanHealth {
    /// The engine and its signatures, as it names them; nothing before it has answered.
    pub engine: Option<String>,
    /// Why uploads cannot be scanned, if they cannot.
    pub problem: Option<String>,
}

/// How many documents are held in drop boxes.
#[derive(Debug, Clone, Serialize)]
pub struct DropBoxesHealth {
    /// On their way.
    pub waiting: usize,
    /// Of these, for the virus scan, which does not work now.
    pub unscanned: usize,
    /// For a person.
    pub quarantined: usize,
}

/// How often something ended at a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitReached {
    /// The limit's name in the metrics.
    pub limit: String,
    /// The door.
    pub front: String,
    pub count: u64,
}

/// What a start found of the last run, and put in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// The last run closed the audit record, with no operation open.
    pub ended_cleanly: bool,
    /// Bytes of a batch at the end of the audit record that was being written, set aside.
    pub torn_bytes: u64,
    /// Operations without outcome, now recorded as abandoned.
    pub abandoned: usize,
    /// Half-made files of uploads, removed.
    pub unfinished_files: usize,
    /// Unfinished uploads, kept for their uploaders.
    pub resumable: usize,
    /// Unfinished uploads that had become too old, removed.
    pub expired: usize,
}

fn as_text<S: Serializer>(time: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(time)
}

fn as_text_if_any<S: Serializer>(time: &Option<Timestamp>, out: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => out.collect_str(time),
        None => out.serialize_none(),
    }
}

impl Health {
    /// In a sentence.
    pub fn state(&self) -> String {
        match (&self.problem, self.running) {
            (None, true) => "runs and serves documents".to_owned(),
            (Some(why), true) => format!("runs, but serves no documents: {why}"),
            (None, false) => "does not run; the data directory is sound".to_owned(),
            (Some(why), false) => format!("does not run; {why}"),
        }
    }

    /// Whether the keys can be swapped out.
    pub fn keys(&self) -> &'static str {
        if self.keys_locked { "kept out of swap" } else { "may be swapped out: RLIMIT_MEMLOCK has no room" }
    }

    /// How the last run ended, and what was put in order after it.
    pub fn last_run(&self) -> String {
        if self.recovery.ended_cleanly {
            return "ended cleanly".to_owned();
        }
        let swept = self.unnamed_blobs.map_or("still looked for".to_owned(), |count| format!("{count} removed"));
        format!("did not end cleanly: {}; blobs that no version names: {swept}", self.recovery)
    }
}

/// As `deedbox status` prints it.
impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Deedbox {} for {} {}.", self.version, self.firm, self.state())?;
        writeln!(f, "Data       {}", self.data.display())?;
        if self.running {
            writeln!(f, "Listening  {}", self.listeners)?;
            if let Some(sandbox) = &self.sandbox {
                writeln!(f, "Sandbox    {sandbox}")?;
            }
            writeln!(f, "Keys       {}", self.keys())?;
            writeln!(f, "Running    {} s; open sessions: {}", self.uptime_seconds, self.sessions)?;
        }
        writeln!(
            f,
            "Firm       matters: {}, matter types: {}, contacts: {}, accounts: {}",
            self.matters, self.matter_types, self.contacts, self.accounts
        )?;
        let audit = &self.audit;
        writeln!(
            f,
            "Audit      {} records; checkpoint over {} at {}, root {}",
            audit.records, audit.checkpoint_records, audit.checkpoint_time, audit.checkpoint_root
        )?;
        writeln!(f, "           key {}", audit.key)?;
        let catalog = &self.catalog;
        let bytes = catalog.bytes.map_or(String::new(), |bytes| format!(", {} MiB", bytes >> 20));
        writeln!(f, "Catalog    {}, commit {}{bytes}", catalog.engine, catalog.commit)?;
        if let Some(Disk { free_bytes, size_bytes }) = self.disk {
            writeln!(f, "Disk       {} of {} MiB free", free_bytes >> 20, size_bytes >> 20)?;
        }
        if let Some(CertificateHealth { fingerprint, ends }) = &self.certificate {
            let ends = ends.map_or("at a time that it does not tell".to_owned(), |ends| ends.to_string());
            writeln!(f, "TLS        certificate SHA-256 {fingerprint}, ends {ends}")?;
        }
        if let Some(scanners) = &self.scanners {
            writeln!(f, "Scanners   {scanners}")?;
        }
        if let Some(mail) = &self.mail {
            writeln!(f, "Mail       {mail}")?;
        }
        if let Some(scan) = &self.scan {
            writeln!(f, "Scan       {scan}")?;
        }
        if let Some(drop_boxes) = &self.drop_boxes {
            writeln!(f, "Drop boxes {drop_boxes}")?;
        }
        for LimitReached { limit, front, count } in &self.limits_reached {
            writeln!(f, "Limit      {limit} at {front}: reached {count} times")?;
        }
        writeln!(f, "Last run   {}", self.last_run())
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |address: Option<SocketAddr>| address.map_or("off".to_owned(), |at| at.to_string());
        let scanners = self.scanners.map_or(String::new(), |at| format!(", old scanners {at}"));
        write!(f, "sftp {}{scanners}, https {}, observe {}", at(self.sftp), at(self.https), at(self.observe))
    }
}

impl fmt::Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.landlock_abi, self.missing.as_slice()) {
            (None, _) => f.write_str("none: the process is not confined"),
            (Some(abi), []) => {
                f.write_str("confined to its own files, ")?;
                let ports: Vec<_> = self.connects.iter().map(u16::to_string).collect();
                match ports.as_slice() {
                    [] => f.write_str("without outgoing connections")?,
                    [port] => write!(f, "with outgoing connections to port {port} alone")?,
                    ports => write!(f, "with outgoing connections to ports {} alone", ports.join(" and "))?,
                }
                write!(f, " (Landlock {abi})")
            }
            (Some(abi), missing) => write!(f, "confined, but not for {} (Landlock {abi})", missing.join(", ")),
        }
    }
}

/// A warning while it is open: what it speaks protects little.
impl fmt::Display for ScannersHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, allow, until, is_over } = self;
        match until {
            Some(until) if *is_over => {
                write!(
                    f,
                    "the listener for old scanners at {at} has accepted nothing since {until}, by `scanners.until`"
                )
            }
            until => {
                let until = until.map_or("without an end".to_owned(), |until| format!("until {until}"));
                let allow = allow.join(", ");
                write!(f, "devices from {allow} may use weak algorithms at {at}, {until}; replace them and close it")
            }
        }
    }
}

impl fmt::Display for MailHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiting, refused, news, last_error } = self;
        let count = |n: usize, thing: &str| if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") };
        let (waiting, news) = (count(*waiting, "mail"), count(*news, "document"));
        write!(f, "{waiting} waiting, {refused} refused; {news} not told of yet")?;
        last_error.as_ref().map_or(Ok(()), |why| write!(f, "; last error {why}"))
    }
}

impl fmt::Display for ScanHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.problem, &self.engine) {
            (Some(why), _) => write!(f, "does not work, and uploads are refused: {why}"),
            (None, Some(engine)) => write!(f, "works: {engine}"),
            (None, None) => f.write_str("was not asked yet"),
        }
    }
}

impl fmt::Display for DropBoxesHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiting, unscanned, quarantined } = self;
        write!(f, "{waiting} on their way, {unscanned} of them held for the virus scan; {quarantined} in quarantine")
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} operations recorded as abandoned, {} bytes of a torn record set aside, {} half-made files removed, \
             {} unfinished uploads kept and {} too old ones removed",
            self.abandoned, self.torn_bytes, self.unfinished_files, self.resumable, self.expired
        )
    }
}
