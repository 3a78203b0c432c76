//! `deedbox account second-factor`: a code beside password or key.

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::operator::Operator;
use super::problem::Problem;
use super::reply::Reply;
use super::secret::Secret;
use crate::gate;
use crate::names::Timestamp;
use crate::practice::{Practice, RECOVERY_CODES, SecondFactor, TokenDigest};

/// A code of an authenticator beside password or key; WebDAV then takes device passwords alone
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Switch it on, or replace it: prints the secret for the authenticator and recovery codes, once
    #[command(after_help = "Example: deedbox account second-factor enable client.one@example.com --data /srv/deedbox")]
    Enable {
        /// The login
        login: String,
    },
    /// Switch it off
    #[command(after_help = "Example: deedbox account second-factor disable client.one@example.com --data /srv/deedbox")]
    Disable {
        /// The login
        login: String,
    },
}

/// What the owner of a new second factor gets, and nobody can see again.
#[derive(Debug, Serialize)]
struct New {
    login: String,
    /// Base32.
    secret: Secret,
    /// For a QR code.
    url: Secret,
    recovery_codes: Vec<Secret>,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Enable { login } => enable(operator, &login).await,
            Self::Disable { login } => {
                let login = operator.account(&login)?.login.clone();
                let name = login.clone();
                let change = move |practice: &Practice, permit| practice.clear_second_factor(permit, &name);
                operator.change(("account second-factor disable", &login, None), change).await?;
                let text = format!("{login} comes in without a code; open sessions are ended.\n");
                Reply::new(&serde_json::json!({ "login": login, "second_factor": false }), text)
            }
        }
    }
}

async fn enable(operator: &Operator<'_>, login: &str) -> Result<Reply, Problem> {
    let login = operator.account(login)?.login.clone();
    let secret = Zeroizing::new(gate::random_secret());
    let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| Secret::random_token()).collect();
    let recovery = codes.iter().map(|code| TokenDigest::of(code.expose())).collect();
    let factor = SecondFactor { secret: secret.clone(), recovery, since: Timestamp::now() };
    let name = login.clone();
    let change = move |practice: &Practice, permit| practice.set_second_factor(permit, &name, factor);
    operator.change(("account second-factor enable", &login, None), change).await?;
    let url = gate::authenticator_url(&operator.core().settings().firm, &login, &secret);
    let mut text = format!(
        "{login} needs a code from now on; open sessions are ended, and WebDAV takes device passwords alone.\n\
         Secret for the authenticator: {}\nAs an address for a QR code:   {url}\n\
         Recovery codes, each good for one login without the authenticator:\n",
        secret.as_str()
    );
    codes.iter().for_each(|code| text.push_str(&format!("  {}\n", code.expose())));
    text.push_str("They are shown this once.\n");
    let (secret, url) = (Secret::new(secret.to_string()), Secret::new(url));
    Reply::new(&New { login, secret, url, recovery_codes: codes }, text)
}
