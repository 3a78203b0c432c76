//! `deedbox matter`: files of work for a client.

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::{Doing as _, Problem};
use super::reply::{Reply, Table};
use crate::names::MatterId;
use crate::practice::{Matter, NewMatter};

/// Files of work for a client
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Open a matter, with its own key and the folders of its matter type
    #[command(
        after_help = "Example: deedbox matter add 2026-0001 'Purchase of 12 High Street' --type General \\\n  --data /srv/deedbox"
    )]
    Add {
        /// Its number
        number: String,
        /// Its name
        name: String,
        /// Its matter type
        #[arg(long = "type", value_name = "NAME")]
        matter_type: String,
    },
    /// List the matters
    #[command(after_help = "Example: deedbox matter list --data /srv/deedbox --json")]
    List,
}

/// A matter in answers.
#[derive(Debug, Serialize)]
struct Shown {
    number: String,
    name: String,
    #[serde(rename = "type")]
    matter_type: String,
    type_version: u32,
    folder: String,
    open: bool,
    portal: bool,
    participants: usize,
    created: String,
    id: String,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Add { number, name, matter_type } => {
                if operator.firm().matter_by_number(&number).is_some() {
                    return Err(Problem::failed(format_args!("there is a matter {number} already")));
                }
                let (subject, id) = (number.clone(), MatterId::random());
                let keyring = operator.core().keyring().clone();
                let matter = operator
                    .change(("matter add", &subject, Some(id)), move |practice, permit| {
                        // The key comes first: a matter without one could be seen but hold nothing.
                        keyring.create_matter(id).doing("make the matter's key")?;
                        practice
                            .add_matter(permit, NewMatter { id, number, name, matter_type })
                            .map_err(Problem::failed)
                    })
                    .await?;
                let text = format!("Matter {} is open; its folder is \"{}\".\n", matter.number, matter.folder_name);
                Reply::new(&shown(operator, &matter), text)
            }
            Self::List => {
                operator.look("matter list", "", None).await?;
                let all: Vec<_> = operator.firm().matters().map(|matter| shown(operator, matter)).collect();
                let mut table = Table::new(&["NUMBER", "NAME", "TYPE", "STATE", "PARTICIPANTS"]);
                for matter in &all {
                    let state = if matter.open { "open" } else { "closed" };
                    let kind = format!("{} v{}", matter.matter_type, matter.type_version);
                    let participants = matter.participants.to_string();
                    table.row([matter.number.clone(), matter.name.clone(), kind, state.to_owned(), participants]);
                }
                Reply::new(&all, table)
            }
        }
    }
}

fn shown(operator: &Operator<'_>, matter: &Matter) -> Shown {
    Shown {
        number: matter.number.clone(),
        name: matter.name.clone(),
        matter_type: matter.matter_type.clone(),
        type_version: matter.type_version,
        folder: matter.folder_name.to_string(),
        open: matter.open,
        portal: matter.portal,
        participants: operator.firm().participants_of(matter.id).len(),
        created: matter.created.to_string(),
        id: matter.id.to_string(),
    }
}
