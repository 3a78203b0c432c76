//! `deedbox intake`: what came into drop boxes and waits for a person, and rules before they are in force.

mod trial;

use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Global;
use super::operator::Operator;
use super::policy::read_text;
use super::problem::Problem;
use super::reply::{Reply, Table, printable};
use crate::config::Settings;
use crate::gate::{Manage, Permit};
use crate::intake::{MAX_RULES_BYTES, Rules};
use crate::names::{DocName, DocPath, NodeId};
use crate::practice::Firm;
use crate::vfs::{Error, Quarantined, Unassigned, Vfs};

/// Drop boxes: what waits in quarantine, and rules tried out
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    Test(trial::Test),
    /// List what waits in quarantine, the oldest first
    #[command(after_help = "Example: deedbox intake list --data /srv/deedbox")]
    List,
    /// Print what is known of a document that waits, without what is in it
    #[command(after_help = "Example: deedbox intake show 7f1c0e8a5d2b49f7a8c3d6e1b0f29a75 --data /srv/deedbox")]
    Show {
        /// The document, as `intake list` names it
        id: NodeId,
    },
    /// Deliver a document that waits to a folder of a matter
    #[command(after_help = "Example: deedbox intake assign 7f1c0e8a5d2b49f7a8c3d6e1b0f29a75 --matter 2026-0001 \\\n  \
                            --folder Documents/Internal --data /srv/deedbox\n\n\
                            Where a document of that name stands already, it is kept beside that as `name (2)`. One in which \
                            a virus was found can only be discarded.")]
    Assign {
        /// The document, as `intake list` names it
        id: NodeId,
        /// The matter's number
        #[arg(long, value_name = "NUMBER")]
        matter: String,
        /// A folder of the matter
        #[arg(long, value_name = "PATH")]
        folder: String,
        /// Another name than the one under which it came
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Remove a document that waits, for good
    #[command(
        after_help = "Example: deedbox intake discard 7f1c0e8a5d2b49f7a8c3d6e1b0f29a75 --yes --data /srv/deedbox\n\n\
                            Exit code: 1 if it is left to be done with --yes."
    )]
    Discard {
        /// The document, as `intake list` names it
        id: NodeId,
        /// It is known what it is: go on
        #[arg(long)]
        yes: bool,
    },
}

/// A document that waits, in answers.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    since: String,
    reason: String,
    /// It can only be discarded.
    barred: bool,
    drop_box: String,
    name: String,
    path: String,
    device: Option<String>,
    address: Option<String>,
    arrived: String,
    size: u64,
    sha256: String,
}

/// The drop boxes and rules that the settings name. Blocks.
///
/// # Errors
/// Every mistake of the file, one a line.
pub(crate) fn read_intake(settings: &Settings) -> Result<Option<Arc<Rules>>, Vec<String>> {
    let Some(file) = &settings.intake else { return Ok(None) };
    let text = rules_text(file).map_err(|why| vec![why])?;
    parse(&text, file, settings.time_zone.clone()).map(|rules| Some(Arc::new(rules)))
}

fn rules_text(file: &Path) -> Result<String, String> {
    read_text(file, MAX_RULES_BYTES as u64).map_err(|why| format!("{}: {why}", file.display()))
}

fn parse(text: &str, file: &Path, zone: TimeZone) -> Result<Rules, Vec<String>> {
    Rules::parse(text, file, zone).map_err(|mistakes| mistakes.to_string().lines().map(str::to_owned).collect())
}

impl Command {
    /// What is to be asked of a data directory, or the answer where none is needed.
    pub(crate) fn prepare(self, global: &Global) -> Result<Result<Self, Reply>, Problem> {
        match self {
            Self::Test(test) => Ok(test.prepare(global)?.map(Self::Test)),
            other => Ok(Ok(other)),
        }
    }

    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Test(test) => test.run(operator).await,
            Self::List => list(operator).await,
            Self::Show { id } => show(operator, id).await,
            Self::Assign { id, matter, folder, name } => assign(operator, id, &matter, &folder, name).await,
            Self::Discard { id, yes } => discard(operator, id, yes).await,
        }
    }
}

async fn list(operator: &Operator<'_>) -> Result<Reply, Problem> {
    let look = |vfs: &Vfs, permit: &Permit<Manage>| vfs.quarantined(permit);
    let waiting = operator.inspect(("intake list", "", None), look).await?;
    let firm = operator.firm();
    let all: Vec<_> = waiting.into_iter().map(|one| shown(&firm, one)).collect();
    let mut table = Table::new(&["ID", "SINCE", "DROP BOX", "DEVICE", "SIZE", "NAME", "WHY"]);
    for one in &all {
        let device = one.device.clone().unwrap_or_else(|| "-".to_owned());
        let (id, since, size) = (one.id.clone(), one.since.clone(), one.size.to_string());
        table.row([id, since, one.drop_box.clone(), device, size, one.name.clone(), one.reason.clone()]);
    }
    Reply::new(&all, table)
}

async fn show(operator: &Operator<'_>, id: NodeId) -> Result<Reply, Problem> {
    let one = find(operator, "intake show", id).await?;
    let mut text = format!("{}: {}\n", one.id, printable(&one.reason));
    let (size, came) = (format!("{} bytes", one.size), one.address.as_deref().unwrap_or("-").to_owned());
    let device = one.device.as_deref().unwrap_or("-").to_owned();
    for (what, is) in [
        ("name", &one.name),
        ("path", &one.path),
        ("drop box", &one.drop_box),
        ("device", &device),
        ("from", &came),
        ("arrived", &one.arrived),
        ("waits since", &one.since),
        ("size", &size),
        ("SHA-256", &one.sha256),
    ] {
        text.push_str(&format!("  {what}: {}\n", printable(is)));
    }
    if one.barred {
        text.push_str("  it can only be discarded\n");
    }
    Reply::new(&one, text)
}

async fn assign(
    operator: &Operator<'_>,
    id: NodeId,
    matter: &str,
    folder: &str,
    name: Option<String>,
) -> Result<Reply, Problem> {
    let folder = DocPath::parse(folder.as_bytes()).map_err(|why| Problem::usage(format_args!("--folder: {why}")))?;
    let name = name.map(|name| DocName::parse(name.as_bytes())).transpose();
    let name = name.map_err(|why| Problem::usage(format_args!("--name: {why}")))?;
    let path = match operator.view().assign(id, matter, &folder, name.as_ref()).await {
        Ok(path) => path.to_string(),
        Err(Unassigned::Other(Error::NotFound)) => return Err(not_there(id)),
        Err(why) => return Err(Problem::failed(why)),
    };
    let data = serde_json::json!({ "id": id.to_string(), "path": path });
    Reply::new(&data, format!("Delivered as {}.\n", printable(&path)))
}

async fn discard(operator: &Operator<'_>, id: NodeId, yes: bool) -> Result<Reply, Problem> {
    let one = find(operator, "intake discard, find", id).await?;
    let what = format!("{}, {} bytes, since {}", printable(&one.name), one.size, one.since);
    if !yes {
        let text = format!("This would be removed for good: {what}.\nSay --yes to do it.\n");
        return Ok(Reply::new(&one, text)?.negative(true));
    }
    operator.view().discard(id).await.map_err(|why| match why {
        Error::NotFound => not_there(id),
        why => Problem::failed(why),
    })?;
    Reply::new(&one, format!("Removed: {what}.\n"))
}

async fn find(operator: &Operator<'_>, action: &str, id: NodeId) -> Result<Shown, Problem> {
    let look = |vfs: &Vfs, permit: &Permit<Manage>| vfs.quarantined(permit);
    let waiting = operator.inspect((action, &id.to_string(), None), look).await?;
    let one = waiting.into_iter().find(|one| one.id == id).ok_or_else(|| not_there(id))?;
    Ok(shown(&operator.firm(), one))
}

fn not_there(id: NodeId) -> Problem {
    Problem::failed(format_args!("{id} does not wait in quarantine; `deedbox intake list` shows what does"))
}

fn shown(firm: &Firm, one: Quarantined) -> Shown {
    Shown {
        id: one.id.to_string(),
        since: one.since.to_string(),
        reason: one.reason,
        barred: one.barred,
        drop_box: one.drop_box,
        name: one.sent.to_string(),
        path: one.path.to_string(),
        device: firm.account(one.account).map(|account| account.login.clone()),
        address: one.source.map(|source| source.to_string()),
        arrived: one.arrived.to_string(),
        size: one.size,
        sha256: hex::encode(one.sha256),
    }
}
