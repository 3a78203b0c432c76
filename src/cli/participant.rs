//! `deedbox participant`: contacts on a matter.

use std::sync::Arc;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, Table, printable};
use crate::practice::{Matter, NewParticipant, Participant, Party, Practice};

/// Contacts on a matter, each with a participant type
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Put a contact on a matter; this alone gives no access
    #[command(
        after_help = "Example: deedbox participant add --matter 2026-0001 --contact client.one@example.com \\\n  --type client --data /srv/deedbox"
    )]
    Add {
        /// The matter's number
        #[arg(long, value_name = "NUMBER")]
        matter: String,
        /// The contact's e-mail address or id
        #[arg(long, value_name = "EMAIL|ID")]
        contact: String,
        /// A participant type of the matter's type: client, expert ...
        #[arg(long = "type", value_name = "WORD")]
        participant_type: String,
    },
    /// Give a participant another participant type; their rights follow at once
    #[command(
        after_help = "Example: deedbox participant change --matter 2026-0001 --contact client.one@example.com \\\n  --type expert --data /srv/deedbox"
    )]
    Change {
        /// The matter's number
        #[arg(long, value_name = "NUMBER")]
        matter: String,
        /// The contact's e-mail address or id
        #[arg(long, value_name = "EMAIL|ID")]
        contact: String,
        /// A participant type of the matter's type: client, expert ...
        #[arg(long = "type", value_name = "WORD")]
        participant_type: String,
    },
    /// Take a contact without access off a matter
    #[command(
        after_help = "Example: deedbox participant remove --matter 2026-0001 --contact client.one@example.com \\\n  --data /srv/deedbox"
    )]
    Remove {
        /// The matter's number
        #[arg(long, value_name = "NUMBER")]
        matter: String,
        /// The contact's e-mail address or id
        #[arg(long, value_name = "EMAIL|ID")]
        contact: String,
    },
    /// List the participants of a matter
    #[command(after_help = "Example: deedbox participant list --matter 2026-0001 --data /srv/deedbox")]
    List {
        /// The matter's number
        #[arg(long, value_name = "NUMBER")]
        matter: String,
    },
}

/// A participant in answers; `access list` shows the same.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    matter: String,
    name: String,
    login: Option<String>,
    #[serde(rename = "type")]
    participant_type: String,
    access: String,
    can_download: bool,
    granted: Option<String>,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Add { matter, contact, participant_type } => {
                let (matter, contact) = (operator.matter(&matter)?, operator.contact(&contact)?);
                let (id, party) = (matter.id, Party::Contact(contact.id));
                let subject = contact.email.clone().unwrap_or_else(|| contact.id.to_string());
                let participant = operator
                    .change(("participant add", &subject, Some(id)), move |practice, permit| {
                        practice.add_participant(permit, NewParticipant { matter: id, party, participant_type })
                    })
                    .await?;
                let shown = shown(operator, &matter, &participant);
                let text = format!(
                    "{} is on matter {} as {}; `deedbox access grant` opens the portal to them.\n",
                    printable(&shown.name),
                    shown.matter,
                    shown.participant_type
                );
                Reply::new(&shown, text)
            }
            Self::Change { matter, contact, participant_type } => {
                let (matter, contact) = (operator.matter(&matter)?, operator.contact(&contact)?);
                let (id, party) = (matter.id, Party::Contact(contact.id));
                let subject = contact.email.clone().unwrap_or_else(|| contact.id.to_string());
                let change = move |practice: &Practice, permit| {
                    practice.set_participant_type(permit, id, party, participant_type)
                };
                let participant = operator.change(("participant change", &subject, Some(id)), change).await?;
                let shown = shown(operator, &matter, &participant);
                let name = printable(&shown.name);
                let text = format!("{name} is on matter {} as {}.\n", shown.matter, shown.participant_type);
                Reply::new(&shown, text)
            }
            Self::Remove { matter, contact } => {
                let (matter, contact) = (operator.matter(&matter)?, operator.contact(&contact)?);
                let (id, party) = (matter.id, Party::Contact(contact.id));
                let subject = contact.email.clone().unwrap_or_else(|| contact.id.to_string());
                let change = move |practice: &Practice, permit| practice.remove_participant(permit, id, party);
                operator.change(("participant remove", &subject, Some(id)), change).await?;
                let text = format!("{} is off matter {}.\n", printable(&contact.name), matter.number);
                Reply::new(&serde_json::json!({ "matter": matter.number, "removed": subject }), text)
            }
            Self::List { matter } => {
                let matter = operator.matter(&matter)?;
                operator.look("participant list", &matter.number, Some(matter.id)).await?;
                list(operator, &[matter])
            }
        }
    }
}

/// The participants of these matters.
pub(super) fn list(operator: &Operator<'_>, matters: &[Arc<Matter>]) -> Result<Reply, Problem> {
    let mut all = Vec::new();
    for matter in matters {
        all.extend(operator.firm().participants_of(matter.id).iter().map(|one| shown(operator, matter, one)));
    }
    let mut table = Table::new(&["MATTER", "NAME", "LOGIN", "TYPE", "ACCESS", "DOWNLOAD"]);
    for one in &all {
        let login = one.login.clone().unwrap_or_else(|| "-".to_owned());
        let download = if one.can_download { "yes" } else { "no" }.to_owned();
        let (kind, access) = (one.participant_type.clone(), one.access.clone());
        table.row([one.matter.clone(), one.name.clone(), login, kind, access, download]);
    }
    Reply::new(&all, table)
}

pub(super) fn shown(operator: &Operator<'_>, matter: &Matter, participant: &Participant) -> Shown {
    let firm = operator.firm();
    Shown {
        matter: matter.number.clone(),
        name: firm.party_name(participant.party).unwrap_or_default().to_owned(),
        login: firm.account_of(participant.party).map(|account| account.login.clone()),
        participant_type: participant.participant_type.clone(),
        access: participant.access.to_string(),
        can_download: participant.can_download,
        granted: participant.granted_at.map(|at| at.to_string()),
    }
}
