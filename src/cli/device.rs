//! `deedbox device`: scanners and scripts.

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::Reply;
use crate::names::Role;
use crate::practice::{NewParticipant, Party, Practice};

/// Scanners and scripts
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Add a device's account and put it on a matter, or put one that exists on another matter
    #[command(after_help = "Example: deedbox device add scanner.one --matter 2026-0001 --data /srv/deedbox\n\
                            Then give it a key: deedbox account key add scanner.one scanner.pub --data /srv/deedbox")]
    Add {
        /// Its login
        login: String,
        /// The number of a matter on which it works; may be repeated
        #[arg(long, value_name = "NUMBER", required = true)]
        matter: Vec<String>,
        /// The participant type whose rows apply to it
        #[arg(long = "type", value_name = "WORD", default_value = "device")]
        participant_type: String,
    },
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        let Self::Add { login, matter, participant_type } = self;
        // Every matter is looked up before anything is changed.
        let matters = matter.iter().map(|number| operator.matter(number)).collect::<Result<Vec<_>, _>>()?;
        let account = match operator.firm().account_by_login(&login).cloned() {
            Some(account) if account.role == Role::Device => account,
            Some(account) => {
                return Err(Problem::failed(format_args!(
                    "{} is the login of a {} already",
                    account.login, account.role
                )));
            }
            None => {
                let name = login.clone();
                let change = move |practice: &Practice, permit| practice.add_device(permit, &name);
                operator.change(("device add", &login, None), change).await?
            }
        };
        let party = Party::Device(account.id);
        for matter in &matters {
            let (id, participant_type) = (matter.id, participant_type.clone());
            if operator.firm().participant(id, party).is_none() {
                let new = NewParticipant { matter: id, party, participant_type };
                let change = move |practice: &Practice, permit| practice.add_participant(permit, new);
                operator.change(("participant add", &account.login, Some(id)), change).await?;
            }
            let change = move |practice: &Practice, permit| practice.grant_access(permit, id, party);
            operator.change(("access grant", &account.login, Some(id)), change).await?;
        }
        let numbers: Vec<_> = matters.iter().map(|matter| matter.number.clone()).collect();
        let text = format!(
            "Device {} works on {}. Give it a key (`deedbox account key add {} FILE`) or a password.\n",
            account.login,
            numbers.join(", "),
            account.login
        );
        Reply::new(&serde_json::json!({ "login": account.login, "role": account.role, "matters": numbers }), text)
    }
}
