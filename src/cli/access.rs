//! `deedbox access`: which participants may use the portal.

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::participant;
use super::problem::Problem;
use super::reply::Reply;
use crate::practice::{Party, Practice};

/// Which participants may use the portal for a matter
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Switch a participant's access on; makes their account if they have none
    #[command(
        after_help = "Example: deedbox access grant --matter 2026-0001 --contact client.one@example.com \\\n  --data /srv/deedbox"
    )]
    Grant {
        /// The matter's number
        #[arg(long, value_name = "NUMBER")]
        matter: String,
        /// The contact's e-mail address or id
        #[arg(long, value_name = "EMAIL|ID")]
        contact: String,
        /// Take Read away on this matter
        #[arg(long)]
        no_download: bool,
    },
    /// Switch a participant's access off; open sessions lose it at once
    #[command(
        after_help = "Example: deedbox access revoke --matter 2026-0001 --contact client.one@example.com \\\n  --data /srv/deedbox"
    )]
    Revoke {
        /// The matter's number
        #[arg(long, value_name = "NUMBER")]
        matter: String,
        /// The contact's e-mail address or id
        #[arg(long, value_name = "EMAIL|ID")]
        contact: String,
    },
    /// List who has access, to one matter or to all
    #[command(after_help = "Example: deedbox access list --matter 2026-0001 --data /srv/deedbox --json")]
    List {
        /// Only this matter
        #[arg(long, value_name = "NUMBER")]
        matter: Option<String>,
    },
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Grant { matter, contact, no_download } => {
                let (matter, contact) = (operator.matter(&matter)?, operator.contact(&contact)?);
                let (id, party) = (matter.id, Party::Contact(contact.id));
                let subject = contact.email.clone().unwrap_or_else(|| contact.id.to_string());
                let participant = operator
                    .change(("access grant", &subject, Some(id)), move |practice, permit| {
                        practice.grant_access(permit, id, party)
                    })
                    .await?;
                let participant = match no_download == participant.can_download {
                    true => {
                        let what = if no_download { "access no-download" } else { "access download" };
                        let change = move |practice: &Practice, permit| {
                            practice.set_can_download(permit, id, party, !no_download)
                        };
                        operator.change((what, &subject, Some(id)), change).await?
                    }
                    false => participant,
                };
                let mut text = format!("{subject} has access to matter {}.\n", matter.number);
                let account = operator.firm().account_of(party).cloned();
                if let Some(account) = account.filter(|one| one.password.is_none() && one.keys.is_empty()) {
                    let login = &account.login;
                    text.push_str(&format!("Nothing opens the login yet: `deedbox account password {login}`.\n"));
                }
                Reply::new(&participant::shown(operator, &matter, &participant), text)
            }
            Self::Revoke { matter, contact } => {
                let (matter, contact) = (operator.matter(&matter)?, operator.contact(&contact)?);
                let (id, party) = (matter.id, Party::Contact(contact.id));
                let subject = contact.email.clone().unwrap_or_else(|| contact.id.to_string());
                let participant = operator
                    .change(("access revoke", &subject, Some(id)), move |practice, permit| {
                        practice.revoke_access(permit, id, party)
                    })
                    .await?;
                let text = format!("{subject} has no access to matter {} any more.\n", matter.number);
                Reply::new(&participant::shown(operator, &matter, &participant), text)
            }
            Self::List { matter: Some(number) } => {
                let matter = operator.matter(&number)?;
                operator.look("access list", &number, Some(matter.id)).await?;
                participant::list(operator, &[matter])
            }
            Self::List { matter: None } => {
                operator.look("access list", "", None).await?;
                let matters: Vec<_> = operator.firm().matters().cloned().collect();
                participant::list(operator, &matters)
            }
        }
    }
}
