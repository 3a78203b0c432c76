//! The configuration: one TOML file, checked as a whole.
//!
//! [`parse`] turns text into [`Settings`] or into *all* of its [`Mistakes`], each with line and column. Unknown names are
//! mistakes: a misspelt limit must not silently be no limit. Secrets never stand in the file; it names the files that hold
//! them. Relative paths are relative to the configuration file.

mod checks;
mod colour;
mod limits;
mod mail;
mod mistakes;
mod paths;
mod raw;
mod recoverable;
mod scan;
mod scanners;
mod temporary_files;

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use colour::Colour;
use jiff::tz::TimeZone;
pub use limits::Limits;
pub use mail::{Mail, Relay, RelayTls};
pub use mistakes::{Mistake, Mistakes};
pub use paths::DataDir;
pub(crate) use recoverable::{Item, read};
pub use scan::{ClamdAddress, Longer, Scan};
pub use scanners::Scanners;
pub use temporary_files::TemporaryFiles;

use crate::names::WindowsNames;

/// A configuration file is never longer than this; what is longer is some other file.
pub const MAX_CONFIG_BYTES: u64 = 256 * 1024;

/// Everything that the daemon needs to know, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file that they come from; absolute if [`load`] read it.
    pub source: PathBuf,
    /// The firm's name as people see it.
    pub firm: String,
    /// The state directory.
    pub data: DataDir,
    /// A directory of matter types (`*.toml`) that are applied when the daemon starts and when it reloads.
    pub matter_types: Option<PathBuf>,
    /// A file of guards: rules over and above the rows.
    pub guards: Option<PathBuf>,
    /// A file of drop boxes and of rules that say where what arrives in them goes.
    pub intake: Option<PathBuf>,
    /// By whose clock guards and drop boxes go.
    pub time_zone: TimeZone,
    /// The SFTP listener, unless switched off.
    pub sftp: Option<Sftp>,
    /// The listener for old scanners, if there is one.
    pub scanners: Option<Scanners>,
    /// What is said of people's SSH keys, at both listeners.
    pub user_keys: UserKeys,
    /// Where the portal is on the web, without a slash at the end: what links start with.
    pub public_url: Option<String>,
    /// The WebDAV listener, unless switched off.
    pub https: Option<Https>,
    /// The JSON API on the same listener.
    pub api: Api,
    /// The listener for metrics and health, loopback only, unless switched off.
    pub observe: Option<SocketAddr>,
    /// How the pages look.
    pub pages: Pages,
    /// The catalog's engine.
    pub kv: Kv,
    /// Name of the audit log in its checkpoints (C2SP tlog-checkpoint, "origin"); it never changes in a log's life.
    pub audit_origin: String,
    /// How and what the daemon logs.
    pub log: Log,
    /// Whether the daemon confines itself with Landlock.
    pub sandbox: Sandbox,
    /// How long transfers under way may go on after the signal to stop.
    pub drain: Duration,
    /// Uploads.
    pub uploads: Uploads,
    /// The temporary files of saves.
    pub temporary_files: TemporaryFiles,
    /// What becomes of new names that Windows cannot hold.
    pub windows_names: WindowsNames,
    /// What the network may take of the daemon.
    pub limits: Limits,
    /// Mail, if it is switched on.
    pub mail: Option<Mail>,
    /// The virus scan, if it is switched on.
    pub scan: Option<Scan>,
}

impl Settings {
    /// The files of the SSH host keys, if anybody is served over SSH.
    pub fn host_keys(&self) -> Option<&[PathBuf]> {
        let scanners = || self.scanners.as_ref().map(|scanners| &scanners.host_keys);
        self.sftp.as_ref().map(|sftp| &sftp.host_keys).or_else(scanners).map(Vec::as_slice)
    }
}

/// The SFTP listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sftp {
    /// Address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Files with the host's private keys in OpenSSH format.
    pub host_keys: Vec<PathBuf>,
    /// Shown before each login, as SSH carries it: every line ends with CR LF.
    pub banner: Option<String>,
    /// Refuses clients that know no post-quantum key exchange.
    pub post_quantum_only: bool,
}

/// Files that say something of people's SSH keys, as in `sshd_config`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserKeys {
    /// The public keys of the authorities whose certificates open accounts.
    pub trusted_user_ca_keys: Option<PathBuf>,
    /// Which keys and certificates open nothing any more.
    pub revoked_keys: Option<PathBuf>,
}

impl UserKeys {
    /// Each file with its setting.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        let authorities = self.trusted_user_ca_keys.iter().map(|file| ("sftp.trusted_user_ca_keys", file));
        authorities.chain(self.revoked_keys.iter().map(|file| ("sftp.revoked_keys", file)))
    }
}

/// The WebDAV listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Https {
    /// Address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The certificate chain, PEM, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// The JSON API, beside the drive and the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Api {
    /// False answers as if there were none.
    pub enabled: bool,
    /// Whether the firm can be administered through it; false answers as if that part did not exist.
    pub administer: bool,
}

/// Which key-value engine holds the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// redb, the default.
    Redb,
    /// sled, under the rules that the engine enforces.
    Sled,
}

impl Engine {
    /// The word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redb => "redb",
            Self::Sled => "sled",
        }
    }
}

/// How the pages look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages {
    /// Of links and buttons; nothing for the one that the program has.
    pub colour: Option<Colour>,
    /// A file: SVG, PNG, JPEG or WebP.
    pub logo: Option<PathBuf>,
}

/// The catalog's engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kv {
    /// Which one.
    pub engine: Engine,
    /// Where the word stands in the file, quotes included, so that `catalog convert` can change it; nothing if unset.
    pub engine_span: Option<Range<usize>>,
    /// Memory for its page cache, in bytes.
    pub cache_bytes: usize,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How and what the daemon logs, on standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// Levels, such as `info,deedbox::front=debug`.
    pub filter: String,
}

/// Whether the daemon confines itself with Landlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sandbox {
    /// As far as the kernel can.
    Try,
    /// Wholly, or the daemon does not start.
    Require,
    /// Not at all.
    Off,
}

/// Uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uploads {
    /// How long an upload stays its uploader's own to correct without Update.
    pub fresh: Duration,
    /// How long it stays so after its uploader has given back the lock under which it was written.
    pub grace: Duration,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{}: {cause}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file has mistakes.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
}

/// Reads and checks a configuration file.
pub fn load(path: &Path) -> Result<Settings, Error> {
    let read = |path: &Path| -> std::io::Result<String> {
        use std::io::Read as _;
        let mut text = String::new();
        std::fs::File::open(path)?.take(MAX_CONFIG_BYTES + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_CONFIG_BYTES {
            return Err(std::io::Error::other("longer than 256 KiB: this is no configuration file"));
        }
        Ok(text)
    };
    let path = std::path::absolute(path).map_err(|cause| Error::Read { path: path.to_owned(), cause })?;
    let text = read(&path).map_err(|cause| Error::Read { path: path.clone(), cause })?;
    Ok(parse(&text, &path)?)
}

/// Checks the text of a configuration file. `source` is its path: for messages, and where relative paths start.
///
/// # Errors
/// Every mistake at once.
pub fn parse(text: &str, source: &Path) -> Result<Settings, Mistakes> {
    let mut mistakes = Mistakes::new(source);
    let raw = recoverable::read(text, &mut mistakes);
    let base = source.parent().unwrap_or(Path::new(""));
    let settings = checks::Checks { text, source, base, mistakes: &mut mistakes }.settings(raw);
    mistakes.or(settings)
}

#[cfg(test)]
mod tests;
