//! `deedbox contact`: people and companies outside the firm.

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, Table, printable};
use crate::practice::{Contact, ContactChange, NewContact, Party, Practice};

/// People and companies outside the firm
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Add a contact
    #[command(after_help = "Example: deedbox contact add 'Client One' --email client.one@example.com \
                            --data /srv/deedbox")]
    Add {
        /// Their name
        name: String,
        /// Their e-mail address, which becomes their login
        #[arg(long)]
        email: Option<String>,
    },
    /// Give a contact another name or e-mail address; the address is their login, which changes with it
    #[command(
        after_help = "Example: deedbox contact change client.one@example.com --email client.one@example.org \\\n  \
                            --data /srv/deedbox"
    )]
    Change {
        /// The contact's e-mail address or id
        #[arg(value_name = "EMAIL|ID")]
        contact: String,
        /// Their name from now on
        #[arg(long)]
        name: Option<String>,
        /// Their e-mail address from now on
        #[arg(long)]
        email: Option<String>,
    },
    /// List the contacts
    #[command(after_help = "Example: deedbox contact list --data /srv/deedbox --json")]
    List,
}

/// A contact in answers.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    name: String,
    email: Option<String>,
    login: Option<String>,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Add { name, email } => {
                let subject = email.clone().unwrap_or_else(|| name.clone());
                let contact = operator
                    .change(("contact add", &subject, None), move |practice, permit| {
                        practice.add_contact(permit, NewContact { name, email })
                    })
                    .await?;
                let address = contact.email.as_deref().unwrap_or("no e-mail address");
                let text = format!("Contact {} ({address}) has the id {}.\n", printable(&contact.name), contact.id);
                Reply::new(&shown(operator, &contact), text)
            }
            Self::Change { contact, name, email } => {
                if name.is_none() && email.is_none() {
                    return Err(Problem::usage("what is to change? Say --name, --email or both"));
                }
                let contact = operator.contact(&contact)?;
                let (id, subject) = (contact.id, contact.email.clone().unwrap_or_else(|| contact.id.to_string()));
                let change = move |practice: &Practice, permit| {
                    practice.change_contact(permit, id, ContactChange { name, email })
                };
                let contact = operator.change(("contact change", &subject, None), change).await?;
                let address = contact.email.as_deref().unwrap_or("no e-mail address");
                let text = format!("Contact {} is {} ({address}).\n", contact.id, printable(&contact.name));
                Reply::new(&shown(operator, &contact), text)
            }
            Self::List => {
                operator.look("contact list", "", None).await?;
                let all: Vec<_> = operator.firm().contacts().iter().map(|one| shown(operator, one)).collect();
                let mut table = Table::new(&["NAME", "E-MAIL", "LOGIN", "ID"]);
                for contact in &all {
                    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
                    let (email, login) = (or_dash(&contact.email), or_dash(&contact.login));
                    table.row([contact.name.clone(), email, login, contact.id.clone()]);
                }
                Reply::new(&all, table)
            }
        }
    }
}

fn shown(operator: &Operator<'_>, contact: &Contact) -> Shown {
    Shown {
        id: contact.id.to_string(),
        name: contact.name.clone(),
        email: contact.email.clone(),
        login: operator.firm().account_of(Party::Contact(contact.id)).map(|account| account.login.clone()),
    }
}
