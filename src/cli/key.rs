//! `deedbox key`: the identities that open documents.

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::{Operator, blocking};
use super::problem::{Doing as _, Problem};
use super::reply::Reply;

/// The identities that open documents
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Print the age identity of a matter, with which the stock `age` opens each of its documents
    #[command(after_help = "Example: deedbox key export --matter 2026-0001 --data /srv/deedbox > matter.key\n\
                            Then:    age -d -i matter.key /srv/deedbox/blobs/ab/cdef....age")]
    Export {
        /// The matter's number
        #[arg(long, value_name = "NUMBER")]
        matter: String,
    },
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        let Self::Export { matter } = self;
        let matter = operator.matter(&matter)?;
        operator.look("key export", &matter.number, Some(matter.id)).await?;
        let (keyring, id) = (operator.core().keyring().clone(), matter.id);
        let identity = blocking(move || keyring.export_matter(id)).await?.doing("export the key")?;
        let text = format!("# matter {}\n{}\n", matter.number, identity.as_str());
        Reply::new(&serde_json::json!({ "matter": matter.number, "identity": identity.as_str() }), text)
    }
}
