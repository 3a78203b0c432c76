//! `deedbox matter-type`: the templates of matters.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::{Doing as _, Problem};
use super::reply::{Reply, Table};
use super::type_push;
use crate::gate::{Administer, Permit};
use crate::practice::{Error, Firm, MatterType, MatterTypeSpec, Practice, parse_matter_type};

/// Longer files are no matter types.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Templates of matters: their folders and portal permissions
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Add a matter type, or change the one of that name, from a TOML file
    #[command(after_help = "Example: deedbox matter-type apply policies/general.toml --data /srv/deedbox\n         \
                            deedbox matter-type apply edited.toml --if-version 3 --data /srv/deedbox\n\n\
                            Of two people who edit what `matter-type show` printed of one version, the second is refused, \
                            and nothing of the first is lost. Version 0 is a matter type that there is not yet.")]
    Apply {
        /// The matter type as TOML
        file: PathBuf,
        /// Only if the present version is this one, as `matter-type show` says it
        #[arg(long, value_name = "VERSION")]
        #[serde(default)]
        if_version: Option<u32>,
        #[arg(skip)]
        #[serde(default)]
        text: String,
    },
    /// Bring all matters of a type to its current version; shows first what changes on which
    #[command(after_help = "Example: deedbox matter-type push General --data /srv/deedbox\n         \
                            deedbox matter-type push General --yes --data /srv/deedbox\n\n\
                            Exit code: 1 if something is left to be done with --yes.")]
    Push {
        /// Its name
        name: String,
        /// The preview was read: go on
        #[arg(long)]
        yes: bool,
    },
    /// List the matter types
    #[command(after_help = "Example: deedbox matter-type list --data /srv/deedbox")]
    List,
    /// Print a matter type as the TOML that would make it, and its version
    #[command(after_help = "Example: deedbox matter-type show General --data /srv/deedbox > general.toml")]
    Show {
        /// Its name
        name: String,
    },
}

impl Command {
    /// Reads the file where the person is, not where the daemon is.
    pub(crate) fn prepare(mut self) -> Result<Self, Problem> {
        if let Self::Apply { file, text, .. } = &mut self {
            let doing = format!("read {}", file.display());
            let input = std::fs::File::open(&*file).map_err(|e| Problem::usage(format_args!("cannot {doing}: {e}")))?;
            input.take(MAX_FILE_BYTES).read_to_string(text).doing(doing)?;
        }
        Ok(self)
    }
}

/// A matter type as a file of the configured directory has it.
pub(crate) struct MatterTypeFile {
    file: PathBuf,
    text: String,
    spec: MatterTypeSpec,
}

/// Reads every `*.toml` of a directory, in the order of their names. Blocks.
///
/// # Errors
/// Every mistake of every file, and two files with one matter type.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<MatterTypeFile>, Vec<String>> {
    let unreadable = |path: &Path, why: std::io::Error| format!("{}: {why}", path.display());
    let entries = std::fs::read_dir(folder).map_err(|why| vec![unreadable(folder, why)])?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    paths.sort();
    let (mut found, mut wrong) = (Vec::<MatterTypeFile>::new(), Vec::new());
    for file in paths {
        let mut text = String::new();
        let input = std::fs::File::open(&file);
        if let Err(why) = input.and_then(|input| input.take(MAX_FILE_BYTES).read_to_string(&mut text)) {
            wrong.push(unreadable(&file, why));
            continue;
        }
        match parse_matter_type(&text, &file.display().to_string()) {
            Err(mistakes) => wrong.push(mistakes.to_string()),
            Ok(spec) => match found.iter().find(|other| other.spec.name() == spec.name()) {
                Some(other) => wrong.push(format!(
                    "{}: the matter type {} is in {} as well",
                    file.display(),
                    spec.name(),
                    other.file.display()
                )),
                None => found.push(MatterTypeFile { file, text, spec }),
            },
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

/// Applies those that are new or differ from what is in force, as `matter-type apply` does; tells which.
///
/// # Errors
/// The first that cannot be applied; those before it are.
pub(crate) async fn apply_folder(operator: &Operator<'_>, files: Vec<MatterTypeFile>) -> Result<Vec<String>, Problem> {
    let mut applied = Vec::new();
    for MatterTypeFile { file, text, spec } in files {
        let in_force = operator.firm().matter_type(spec.name());
        if in_force.is_some_and(|kind| kind.spec == spec) {
            continue;
        }
        Command::Apply { file, if_version: None, text }.run(operator).await?;
        let version = operator.firm().matter_type(spec.name()).map_or(0, |kind| kind.version);
        applied.push(format!("matter type {}, now version {version}", spec.name()));
    }
    Ok(applied)
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
            Self::Apply { file, if_version, text } => {
                let spec = parse_matter_type(&text, &file.display().to_string()).map_err(Problem::usage)?;
                let name = spec.name().to_owned();
                let what = ("matter-type apply", name.as_str(), None);
                let change = move |practice: &Practice, permit| apply(practice, permit, spec, if_version);
                let kind = operator.change(what, change).await?;
                let text = format!("Matter type {} is at version {}.\n", kind.name(), kind.version);
                Reply::new(&shown(operator, &kind), text)
            }
            Self::Push { name, yes } => type_push::run(operator, &name, yes).await,
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
                let (toml, version) = (kind.spec.to_toml(), kind.version);
                let text = format!("# Version {version}: `apply --if-version {version}` once it is edited.\n{toml}");
                Reply::new(&serde_json::json!({ "type": shown(operator, &kind), "toml": toml }), text)
            }
        }
    }
}

fn apply(
    practice: &Practice,
    permit: Permit<Administer>,
    spec: MatterTypeSpec,
    if_version: Option<u32>,
) -> Result<Arc<MatterType>, String> {
    let name = spec.name().to_owned();
    let present = |firm: &Firm| firm.matter_type(&name).map_or(0, |kind| kind.version);
    let is_seen = |firm: &Firm| if_version.is_none_or(|version| version == present(firm));
    practice.edit_matter_type(permit, is_seen, spec).map_err(|why| match why {
        Error::Changed => format!(
            "the matter type {name} is at version {}: somebody has changed it in the meantime, and nothing was applied; \
             `deedbox matter-type show` has it as it is now",
            present(&practice.firm())
        ),
        other => other.to_string(),
    })
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
