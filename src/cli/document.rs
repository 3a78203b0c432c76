//! `deedbox document`: what is stored for a matter.

use std::path::PathBuf;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::{Operator, blocking};
use super::problem::{Doing as _, Problem};
use super::reply::{Reply, Table};
use crate::gate::{Administer, Permit};
use crate::names::NodeId;
use crate::practice::{Firm, Matter};
use crate::vault::Vault;

/// The documents of a matter
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// List a matter's documents with their versions, blob files, sizes and SHA-256
    #[command(after_help = "Example: deedbox document list --matter 2026-0001 --data /var/lib/deedbox --json")]
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
    by: String,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        let Self::List { matter } = self;
        let matter = operator.matter(&matter)?;
        let permit = operator.permit("document list", &matter.number, Some(matter.id)).await?;
        let (vault, firm) = (operator.core().vault().clone(), operator.firm());
        let all = blocking(move || walk(&vault, &permit, &firm, &matter)).await??;
        let mut table = Table::new(&["PATH", "VERSION", "SIZE", "SHA-256", "BLOB"]);
        for one in &all {
            let (version, size) = (one.version.to_string(), one.size.to_string());
            table.row([one.path.clone(), version, size, one.sha256.clone(), one.blob.display().to_string()]);
        }
        Reply::new(&all, table)
    }
}

/// Every version of every document of a matter, folder by folder.
fn walk(vault: &Vault, permit: &Permit<Administer>, firm: &Firm, matter: &Matter) -> Result<Vec<Shown>, Problem> {
    let label = |node: &NodeId| matter.rules.folders.get(node).map(|folder| folder.label.clone());
    let mut folders: Vec<(NodeId, String)> =
        matter.folders.iter().filter_map(|folder| Some((folder.id, label(&folder.id)?))).collect();
    let mut all = Vec::new();
    while let Some((folder, path)) = folders.pop() {
        for (entry, versions) in vault.inspect(permit, folder).doing("read the catalog")? {
            let path = format!("{path}/{}", entry.name);
            let Some(content) = entry.content else {
                folders.push((entry.node, path));
                continue;
            };
            for (number, version) in versions {
                all.push(Shown {
                    path: path.clone(),
                    version: number,
                    current: number == content.version,
                    size: version.blob.size,
                    sha256: hex::encode(version.blob.sha256),
                    blob: vault.blob_path(&version.blob.id),
                    at: version.at.to_string(),
                    by: firm.account(version.by).map_or_else(|| version.by.to_string(), |one| one.login.clone()),
                });
            }
        }
    }
    all.sort_by(|a, b| (&a.path, a.version).cmp(&(&b.path, b.version)));
    Ok(all)
}
