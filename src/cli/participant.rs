//! `deedbox participant`: contacts on a matter.

use std::sync::Arc;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, Table, printable};
use super::whom::{Place, Whom};
use crate::practice::{Matter, NewParticipant, Participant, Practice};
use crate::vfs::{Shared, Vfs};

/// Contacts on a matter, each with a participant type
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Put a contact on a matter; this alone gives no access
    #[command(
        after_help = "Example: deedbox participant add --matter 2026-0001 --contact client.one@example.com \\\n  --type client --data /srv/deedbox"
    )]
    Add {
        #[command(flatten)]
        whom: Whom,
        /// A participant type of the matter's type: client, expert ...
        #[arg(long = "type", value_name = "WORD")]
        participant_type: String,
    },
    /// Give a participant another participant type; their rights follow at once
    #[command(
        after_help = "Example: deedbox participant change --matter 2026-0001 --contact client.one@example.com \\\n  --type expert --data /srv/deedbox"
    )]
    Change {
        #[command(flatten)]
        whom: Whom,
        /// A participant type of the matter's type: client, expert ...
        #[arg(long = "type", value_name = "WORD")]
        participant_type: String,
    },
    /// Take a contact without access off a matter
    #[command(
        after_help = "Example: deedbox participant remove --matter 2026-0001 --contact client.one@example.com \\\n  --data /srv/deedbox"
    )]
    Remove {
        #[command(flatten)]
        whom: Whom,
    },
    /// List the participants of a matter, and how many documents are shared with them and by them
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
    /// Documents that they can see, and that they have uploaded; where these are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared: Option<Counts>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Counts {
    with: u64,
    by: u64,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Add { whom, participant_type } => {
                let place = Place::find(operator, &whom)?;
                let add = move |practice: &Practice, permit, matter, party| {
                    practice.add_participant(permit, NewParticipant { matter, party, participant_type })
                };
                let shown = shown(operator, &place.matter, &*place.change("participant add", add).await?);
                let text = format!(
                    "{} is on matter {} as {}; `deedbox access grant` opens the portal to them.\n",
                    printable(&shown.name),
                    shown.matter,
                    shown.participant_type
                );
                Reply::new(&shown, text)
            }
            Self::Change { whom, participant_type } => {
                let place = Place::find(operator, &whom)?;
                let change = move |practice: &Practice, permit, matter, party| {
                    practice.set_participant_type(permit, matter, party, participant_type)
                };
                let shown = shown(operator, &place.matter, &*place.change("participant change", change).await?);
                let name = printable(&shown.name);
                let text = format!("{name} is on matter {} as {}.\n", shown.matter, shown.participant_type);
                Reply::new(&shown, text)
            }
            Self::Remove { whom } => {
                let place = Place::find(operator, &whom)?;
                place.change("participant remove", Practice::remove_participant).await?;
                let (name, number) = (printable(&place.contact.name), &place.matter.number);
                let text = format!("{name} is off matter {number}.\n");
                Reply::new(&serde_json::json!({ "matter": number, "removed": place.who() }), text)
            }
            Self::List { matter } => {
                let matter = operator.matter(&matter)?;
                with_counts(operator, &matter).await
            }
        }
    }
}

/// The participants of a matter, each with how many documents are shared with them and by them.
async fn with_counts(operator: &Operator<'_>, matter: &Arc<Matter>) -> Result<Reply, Problem> {
    let firm = operator.firm();
    let participants = firm.participants_of(matter.id);
    let accounts: Vec<_> = participants.iter().map(|one| firm.account_of(one.party).cloned()).collect();
    let (what, whose) = (matter.clone(), accounts.iter().flatten().cloned().collect::<Vec<_>>());
    let look = move |vfs: &Vfs, permit: &_| vfs.shared(permit, &what, &whose);
    let shared = operator.inspect(("participant list", &matter.number, Some(matter.id)), look).await?;
    let mut shared = shared.into_iter();
    let mut table = Table::new(&["NAME", "LOGIN", "TYPE", "ACCESS", "DOWNLOAD", "SHARED WITH", "SHARED BY"]);
    let mut all = Vec::new();
    for (participant, account) in participants.iter().zip(accounts) {
        // Whoever never had access has no login, and nothing is shared.
        let Shared { with, by } = account.and_then(|_| shared.next()).unwrap_or_default();
        let one = Shown { shared: Some(Counts { with, by }), ..shown(operator, matter, participant) };
        let login = one.login.clone().unwrap_or_else(|| "-".to_owned());
        let download = if one.can_download { "yes" } else { "no" }.to_owned();
        let (kind, access) = (one.participant_type.clone(), one.access.clone());
        table.row([one.name.clone(), login, kind, access, download, with.to_string(), by.to_string()]);
        all.push(one);
    }
    Reply::new(&all, table)
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
        shared: None,
    }
}
