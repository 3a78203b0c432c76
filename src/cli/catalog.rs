//! `deedbox catalog`: the key-value store with names and metadata.

use clap::{Subcommand, ValueEnum};

use super::Global;
use super::dir_lock::DirLock;
use super::problem::{Doing as _, Problem};
use super::reply::Reply;
use super::setup::write_private;
use crate::config::Settings;
use crate::kv;

/// The key-value store with names and metadata
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Move the catalog of a stopped daemon to the other engine
    #[command(after_help = "Example: deedbox catalog convert --to sled --data /srv/deedbox\n\n\
                            The configuration's `kv.engine` is changed along.")]
    Convert {
        /// The engine
        #[arg(long, value_enum)]
        to: EngineName,
    },
}

/// An engine, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// The default
    Redb,
    /// The weaker promise against a damaged disk; see the README
    Sled,
}

impl Command {
    pub(crate) fn run(self, global: &Global) -> Result<Reply, Problem> {
        let Self::Convert { to } = self;
        let to = match to {
            EngineName::Redb => kv::EngineKind::Redb,
            EngineName::Sled => kv::EngineKind::Sled,
        };
        let settings = global.settings()?;
        let _lock = DirLock::take(&settings.data)?;
        let cache = kv::Settings { cache_bytes: settings.kv.cache_bytes };
        let done = kv::convert(&settings.data.catalog(), to, cache, &mut |_, _| {}).doing("convert the catalog")?;
        // After the store: a crash in between is told at the next start, which names the engine that is there.
        let told = tell(global, &settings, to)?;
        let mut text = match &done {
            Some(done) => {
                format!("The catalog is a {to} store now; {} records were moved and compared.\n", done.records)
            }
            None => format!("The catalog is a {to} store already.\n"),
        };
        if !told {
            text.push_str(&format!("Set `engine = \"{to}\"` under [kv] in the configuration before the next start.\n"));
        }
        let records = done.map(|done| done.records);
        Reply::new(&serde_json::json!({ "engine": to.name(), "records": records, "configured": told }), text)
    }
}

/// Puts the engine's name into the configuration file. False if it is not written out there and must be added by hand.
fn tell(global: &Global, settings: &Settings, to: kv::EngineKind) -> Result<bool, Problem> {
    if settings.kv.engine.as_str() == to.name() {
        return Ok(true);
    }
    let Some(span) = settings.kv.engine_span.clone() else { return Ok(false) };
    let file = global.config.clone().unwrap_or_else(|| settings.data.config());
    let doing = format!("change {}", file.display());
    let mut text = std::fs::read_to_string(&file).doing(&doing)?;
    if text.get(span.clone()) != Some(&format!("\"{}\"", settings.kv.engine.as_str())) {
        return Ok(false);
    }
    text.replace_range(span, &format!("\"{to}\""));
    write_private(&file, text.as_bytes()).doing(&doing)?;
    Ok(true)
}
