//! `deedbox matter-type`: the templates of matters.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::{Doing as _, Problem};
use super::reply::{Reply, Table};
use crate::practice::{MatterType, parse_matter_type};

/// Longer files are no matter types.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Templates of matters: their folders and portal permissions
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Add a matter type, or change the one of that name, from a TOML file
    #[command(after_help = "Example: deedbox matter-type apply policies/general.toml --data /srv/deedbox")]
    Apply {
        /// The matter type as TOML
        file: PathBuf,
        #[arg(skip)]
        #[serde(default)]
        text: String,
    },
    /// List the matter types
    #[command(after_help = "Example: deedbox matter-type list --data /srv/deedbox")]
    List,
    /// Print a matter type as the TOML that would make it
    #[command(after_help = "Example: deedbox matter-type show General --data /srv/deedbox > general.toml")]
    Show {
        /// Its name
        name: String,
    },
}

impl Command {
    /// Reads the file where the person is, not where the daemon is.
    pub(crate) fn prepare(mut self) -> Result<Self, Problem> {
        if let Self::Apply { file, text } = &mut self {
            let doing = format!("read {}", file.display());
            let input = std::fs::File::open(&*file).map_err(|e| Problem::usage(format_args!("cannot {doing}: {e}")))?;
            input.take(MAX_FILE_BYTES).read_to_string(text).doing(doing)?;
        }
        Ok(self)
    }
}

/// A matter type in answers.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    version: u32,
    participants: Vec<String>,
    folders: usize,
    matters: usize,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Apply { file, text } => {
                let spec = parse_matter_type(&text, &file.display().to_string()).map_err(Problem::usage)?;
                let name = spec.name().to_owned();
                let what = ("matter-type apply", name.as_str(), None);
                let kind =
                    operator.change(what, move |practice, permit| practice.apply_matter_type(permit, spec)).await?;
                let text = format!("Matter type {} is at version {}.\n", kind.name(), kind.version);
                Reply::new(&shown(operator, &kind), text)
            }
            Self::List => {
                operator.look("matter-type list", "", None).await?;
                let all: Vec<_> = operator.firm().matter_types().iter().map(|kind| shown(operator, kind)).collect();
                let mut table = Table::new(&["NAME", "VERSION", "FOLDERS", "MATTERS", "PARTICIPANTS"]);
                for kind in &all {
                    let numbers = [kind.version.to_string(), kind.folders.to_string(), kind.matters.to_string()];
                    let [version, folders, matters] = numbers;
                    table.row([kind.name.clone(), version, folders, matters, kind.participants.join(", ")]);
                }
                Reply::new(&all, table)
            }
            Self::Show { name } => {
                operator.look("matter-type show", &name, None).await?;
                let kind = operator.firm().matter_type(&name).ok_or_else(|| {
                    Problem::failed(format_args!("there is no matter type {name:?}; see `deedbox matter-type list`"))
                })?;
                let toml = kind.spec.to_toml();
                Reply::new(&serde_json::json!({ "type": shown(operator, &kind), "toml": toml }), toml.clone())
            }
        }
    }
}

fn shown(operator: &Operator<'_>, kind: &MatterType) -> Shown {
    Shown {
        name: kind.name().to_owned(),
        version: kind.version,
        participants: kind.spec.participants().to_vec(),
        folders: kind.folder_count(),
        matters: operator.firm().matters().filter(|matter| matter.matter_type == kind.name()).count(),
    }
}
