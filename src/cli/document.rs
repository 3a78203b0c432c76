//! `deedbox document`: what is stored for a matter, and which of it is shared where it stands.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, Table, printable};
use super::stored::{Stored, find};
use crate::practice::{Matter, OwnRule, Practice, Ruling};
use crate::vfs::{DocumentRecord, Vfs};

/// The documents of a matter
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// List a matter's documents with their versions, blob files, sizes and SHA-256
    #[command(after_help = "Example: deedbox document list --matter 2026-0001 --data /srv/deedbox --json")]
    List {
        /// The matter's number
        #[arg(long, value_name = "NUMBER")]
        matter: String,
    },
    /// Show a document to participants where it stands, whatever they may do in its folder
    #[command(
        after_help = "Example: deedbox document share --matter 2026-0001 'Documents/Internal/Advice.pdf' --with client \\\n  --data /srv/deedbox"
    )]
    Share {
        #[command(flatten)]
        stored: Stored,
        /// Only to participants of this type; can be given more than once
        #[arg(long, value_name = "TYPE")]
        with: Vec<String>,
    },
    /// Take a share back; open sessions lose the document at once
    #[command(
        after_help = "Example: deedbox document unshare --matter 2026-0001 'Documents/Internal/Advice.pdf' \\\n  --data /srv/deedbox"
    )]
    Unshare {
        #[command(flatten)]
        stored: Stored,
    },
    /// List a matter's shared documents
    #[command(after_help = "Example: deedbox document shares --matter 2026-0001 --data /srv/deedbox --json")]
    Shares {
        /// The matter's number
        #[arg(long, value_name = "NUMBER")]
        matter: String,
    },
}

/// A shared document in answers.
#[derive(Debug, Serialize)]
struct ShownShare {
    path: String,
    /// Participant types; none named means all.
    with: Vec<String>,
    since: String,
    /// The document was removed since.
    gone: bool,
}

/// A version of a document in answers.
#[derive(Debug, Serialize)]
struct Shown {
    path: String,
    version: u64,
    current: bool,
    size: u64,
    sha256: String,
    blob: PathBuf,
    at: String,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::List { matter } => list(operator, &matter).await,
            Self::Share { stored, with } => {
                let (matter, at) = find(operator, "document share", &stored).await?;
                let path = at.path().to_string();
                let whom = if with.is_empty() { "every participant".to_owned() } else { with.join(", ") };
                let data = serde_json::json!({ "matter": matter.number, "path": path, "with": with });
                let change = move |practice: &Practice, permit| practice.share_document(permit, &at, with);
                operator.change(("document share", &path, Some(matter.id)), change).await?;
                Reply::new(&data, format!("{} is shared with {whom}.\n", printable(&path)))
            }
            Self::Unshare { stored } => {
                let (matter, at) = find(operator, "document unshare", &stored).await?;
                let (path, id, node) = (at.path().to_string(), matter.id, at.node);
                let change = move |practice: &Practice, permit| practice.drop_own_rule(permit, id, node);
                operator.change(("document unshare", &path, Some(id)), change).await?;
                let data = serde_json::json!({ "matter": matter.number, "path": path });
                Reply::new(&data, format!("{} is not shared any more.\n", printable(&path)))
            }
            Self::Shares { matter } => shares(operator, &matter).await,
        }
    }
}

async fn list(operator: &Operator<'_>, number: &str) -> Result<Reply, Problem> {
    let matter = operator.matter(number)?;
    let records = documents(operator, "document list", &matter).await?;
    let all: Vec<_> = records.into_iter().map(Shown::from).collect();
    let mut table = Table::new(&["PATH", "VERSION", "SIZE", "SHA-256", "BLOB"]);
    for one in &all {
        let (version, size) = (one.version.to_string(), one.size.to_string());
        table.row([one.path.clone(), version, size, one.sha256.clone(), one.blob.display().to_string()]);
    }
    Reply::new(&all, table)
}

async fn shares(operator: &Operator<'_>, number: &str) -> Result<Reply, Problem> {
    let matter = operator.matter(number)?;
    let standing: HashMap<_, _> = documents(operator, "document shares", &matter)
        .await?
        .into_iter()
        .filter(|record| record.current)
        .map(|record| (record.node, record.path))
        .collect();
    let shown = |rule: &OwnRule| {
        let Ruling::Share { with } = &rule.ruling else { return None };
        let now = standing.get(&rule.node);
        let path = now.unwrap_or(&rule.path).to_string();
        Some(ShownShare { path, with: with.clone(), since: rule.since.to_string(), gone: now.is_none() })
    };
    let all: Vec<_> = matter.own_rules().iter().filter_map(shown).collect();
    let mut table = Table::new(&["DOCUMENT", "WITH", "SINCE"]);
    for one in &all {
        let with = if one.with.is_empty() { "all".to_owned() } else { one.with.join(", ") };
        let path = if one.gone { format!("{} (removed)", one.path) } else { one.path.clone() };
        table.row([path, with, one.since.clone()]);
    }
    Reply::new(&all, table)
}

async fn documents(
    operator: &Operator<'_>,
    action: &str,
    matter: &Arc<Matter>,
) -> Result<Vec<DocumentRecord>, Problem> {
    let what = matter.clone();
    let look = move |vfs: &Vfs, permit: &_| vfs.documents(permit, &what);
    operator.inspect((action, &matter.number, Some(matter.id)), look).await
}

impl From<DocumentRecord> for Shown {
    fn from(record: DocumentRecord) -> Self {
        Self {
            path: record.path.to_string(),
            version: record.version,
            current: record.current,
            size: record.size,
            sha256: hex::encode(record.sha256),
            blob: record.file,
            at: record.at.to_string(),
        }
    }
}
