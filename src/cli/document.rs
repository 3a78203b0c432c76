//! `deedbox document`: what is stored for a matter.

use std::path::PathBuf;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, Table};
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
        let Self::List { matter } = self;
        let matter = operator.matter(&matter)?;
        let what = matter.clone();
        let look = move |vfs: &Vfs, permit: &_| vfs.documents(permit, &what);
        let records = operator.inspect(("document list", &matter.number, Some(matter.id)), look).await?;
        let all: Vec<_> = records.into_iter().map(Shown::from).collect();
        let mut table = Table::new(&["PATH", "VERSION", "SIZE", "SHA-256", "BLOB"]);
        for one in &all {
            let (version, size) = (one.version.to_string(), one.size.to_string());
            table.row([one.path.clone(), version, size, one.sha256.clone(), one.blob.display().to_string()]);
        }
        Reply::new(&all, table)
    }
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
