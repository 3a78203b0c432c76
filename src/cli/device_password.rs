//! `deedbox account device-password`: a password of its own for each of a person's devices.

use std::time::Duration;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, Table, printable};
use super::secret::Secret;
use crate::names::Timestamp;
use crate::practice::{DevicePassword, Practice, TokenDigest};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Passwords for single devices, which need no second factor
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Make one; it is printed once
    #[command(
        after_help = "Example: deedbox account device-password add client.one@example.com 'Laptop at home' \\\n  \
                            --read-only --days 365 --data /srv/deedbox"
    )]
    Add {
        /// The login
        login: String,
        /// What to call the device
        name: String,
        /// Let it list and read, and nothing else
        #[arg(long)]
        read_only: bool,
        /// Let it expire after so many days
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
        days: Option<u16>,
    },
    /// List a login's device passwords
    #[command(after_help = "Example: deedbox account device-password list client.one@example.com --data /srv/deedbox")]
    List {
        /// The login
        login: String,
    },
    /// Take one away, and end the sessions that it opened
    #[command(
        after_help = "Example: deedbox account device-password revoke client.one@example.com 'Laptop at home' \\\n  --data /srv/deedbox"
    )]
    Revoke {
        /// The login
        login: String,
        /// What the device is called
        name: String,
    },
}

/// A device password in answers.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    read_only: bool,
    created: String,
    expires: Option<String>,
    expired: bool,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Add { login, name, read_only, days } => {
                let login = operator.account(&login)?.login.clone();
                let (password, created) = (Secret::random_token(), Timestamp::now());
                let digest = TokenDigest::of(password.expose());
                let expires = days.map(|days| created.after(DAY * u32::from(days)));
                let new = DevicePassword { name, digest, read_only, expires, created };
                let shown = shown(&new);
                let (who, subject) = (login.clone(), format!("{login}: {}", new.name));
                let change = move |practice: &Practice, permit| practice.add_device_password(permit, &who, new);
                operator.change(("account device-password add", &subject, None), change).await?;
                let name = printable(&shown.name);
                let text =
                    format!("The password of {login} for {name} is {} ; it is shown this once.\n", password.expose());
                let data = serde_json::json!({ "login": login, "password": password, "device": shown });
                Reply::new(&data, text)
            }
            Self::List { login } => {
                let account = operator.account(&login)?;
                operator.look("account device-password list", &account.login, None).await?;
                let all: Vec<_> = account.device_passwords.iter().map(shown).collect();
                let mut table = Table::new(&["NAME", "RIGHTS", "MADE", "EXPIRES"]);
                for one in &all {
                    let rights = if one.read_only { "read only" } else { "as the login" }.to_owned();
                    let expires = match (&one.expires, one.expired) {
                        (None, _) => "-".to_owned(),
                        (Some(_), true) => "expired".to_owned(),
                        (Some(end), false) => end.clone(),
                    };
                    table.row([one.name.clone(), rights, one.created.clone(), expires]);
                }
                Reply::new(&all, table)
            }
            Self::Revoke { login, name } => {
                let login = operator.account(&login)?.login.clone();
                let (who, device, subject) = (login.clone(), name.clone(), format!("{login}: {name}"));
                let change = move |practice: &Practice, permit| practice.revoke_device_password(permit, &who, &device);
                operator.change(("account device-password revoke", &subject, None), change).await?;
                let text = format!("The password of {login} for {} opens nothing any more.\n", printable(&name));
                Reply::new(&serde_json::json!({ "login": login, "revoked": name }), text)
            }
        }
    }
}

fn shown(one: &DevicePassword) -> Shown {
    Shown {
        name: one.name.clone(),
        read_only: one.read_only,
        created: one.created.to_string(),
        expires: one.expires.map(|end| end.to_string()),
        expired: one.expires.is_some_and(|end| end <= Timestamp::now()),
    }
}
