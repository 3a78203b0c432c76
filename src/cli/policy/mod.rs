//! `deedbox policy`: why somebody may or may not do something, and the firm's guards before they are in force.

mod explain;
mod offline;
mod table;

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;

use super::problem::Problem;
use super::reply::Reply;
use crate::config::Settings;
use crate::gate::Guarding;
use crate::policy::guards::{Guards, MAX_GUARDS_BYTES};
pub(crate) use explain::Explain;

/// Decisions explained, and guards tried out
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    Explain(Explain),
    Check(offline::Check),
    Test(offline::Test),
}

/// The guards that the settings name, with the zone by whose clock they go. Blocks.
///
/// # Errors
/// Every mistake of the file, one a line.
pub(crate) fn read_guards(settings: &Settings) -> Result<Guarding, Vec<String>> {
    let guards = settings.guards.as_deref().map(read_file).transpose()?;
    Ok(Guarding { guards: guards.map(Arc::new), zone: settings.time_zone.clone() })
}

fn read_file(path: &Path) -> Result<Guards, Vec<String>> {
    let name = path.display().to_string();
    let text = read_text(path, MAX_GUARDS_BYTES as u64).map_err(|why| vec![format!("{name}: {why}")])?;
    Guards::parse(&text).map_err(|mistakes| mistakes.lines(&name))
}

pub(super) fn read_text(path: &Path, most: u64) -> std::io::Result<String> {
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(most + 1).read_to_end(&mut text)?;
    if text.len() as u64 > most {
        return Err(std::io::Error::other(format!("longer than {} KiB: this is some other file", most >> 10)));
    }
    String::from_utf8(text).map_err(|_| std::io::Error::other("this is no text in UTF-8"))
}

pub(super) fn refused(wrong: Vec<String>) -> Problem {
    Problem::usage(wrong.join("\n"))
}

impl Command {
    /// What is to be asked of a data directory, or the answer where none is needed.
    pub(crate) fn prepare(self) -> Result<Result<Explain, Reply>, Problem> {
        match self {
            Self::Explain(explain) => Ok(Ok(explain)),
            Self::Check(check) => check.run().map(Err),
            Self::Test(test) => test.run().map(Err),
        }
    }
}
