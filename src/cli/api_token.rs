//! `deedbox account token`: what programs show to the JSON API.

use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, Table, printable};
use super::secret::Secret;
use crate::names::{Scope, Timestamp};
use crate::practice::{ApiToken, MAX_TOKEN_DAYS, NewApiToken, Practice, TokenDigest};

/// Tokens for programs that use the JSON API
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Make one; it is printed once
    #[command(after_help = "Example: deedbox account token add staff.one@example.com 'Practice management' \\\n  \
                            --scope manage --days 90 --data /srv/deedbox")]
    Add {
        /// The login in whose name the program acts
        login: String,
        /// What to call the token
        name: String,
        /// How far it reaches, each including what stands before it, and never further than the login's role
        #[arg(long)]
        scope: ScopeWord,
        /// Let it expire after so many days, 366 at most
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_TOKEN_DAYS)))]
        days: u16,
    },
    /// List a login's tokens
    #[command(after_help = "Example: deedbox account token list staff.one@example.com --data /srv/deedbox")]
    List {
        /// The login
        login: String,
    },
    /// Take one away, and end the sessions that it opened
    #[command(
        after_help = "Example: deedbox account token revoke staff.one@example.com 'Practice management' \\\n  --data /srv/deedbox"
    )]
    Revoke {
        /// The login
        login: String,
        /// What the token is called
        name: String,
    },
}

/// A scope as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ScopeWord {
    /// Look
    Read,
    /// Change matters, contacts, access and shares; send messages
    Manage,
    /// Administer the firm, where `[api]` lets that be
    Admin,
}

impl From<ScopeWord> for Scope {
    fn from(word: ScopeWord) -> Self {
        match word {
            ScopeWord::Read => Self::Read,
            ScopeWord::Manage => Self::Manage,
            ScopeWord::Admin => Self::Admin,
        }
    }
}

/// A token in answers.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    scope: Scope,
    created: String,
    expires: String,
    expired: bool,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Add { login, name, scope, days } => {
                let login = operator.account(&login)?.login.clone();
                let token = Secret::random_token();
                let digest = TokenDigest::of(token.expose());
                let (who, subject) = (login.clone(), format!("{login}: {name}"));
                let new = NewApiToken { name, digest, scope: scope.into(), days };
                let change = move |practice: &Practice, permit| practice.add_api_token(permit, &who, new);
                let shown = shown(&*operator.change(("account token add", &subject, None), change).await?);
                let text = format!(
                    "The token {} of {login}, good until {}, is {} ; it is shown this once.\n",
                    printable(&shown.name),
                    shown.expires,
                    token.expose()
                );
                Reply::new(&serde_json::json!({ "login": login, "secret": token, "token": shown }), text)
            }
            Self::List { login } => {
                let account = operator.account(&login)?;
                operator.look("account token list", &account.login, None).await?;
                let all: Vec<_> = operator.firm().api_tokens_of(account.id).iter().map(|one| shown(one)).collect();
                let mut table = Table::new(&["NAME", "SCOPE", "MADE", "EXPIRES"]);
                for one in &all {
                    let expires = if one.expired { "expired".to_owned() } else { one.expires.clone() };
                    table.row([one.name.clone(), one.scope.to_string(), one.created.clone(), expires]);
                }
                Reply::new(&all, table)
            }
            Self::Revoke { login, name } => {
                let login = operator.account(&login)?.login.clone();
                let (who, token, subject) = (login.clone(), name.clone(), format!("{login}: {name}"));
                let change = move |practice: &Practice, permit| practice.revoke_api_token(permit, &who, &token);
                operator.change(("account token revoke", &subject, None), change).await?;
                let text = format!("The token {} of {login} opens nothing any more.\n", printable(&name));
                Reply::new(&serde_json::json!({ "login": login, "revoked": name }), text)
            }
        }
    }
}

fn shown(token: &ApiToken) -> Shown {
    Shown {
        name: token.name.clone(),
        scope: token.scope,
        created: token.created.to_string(),
        expires: token.expires.to_string(),
        expired: token.expires <= Timestamp::now(),
    }
}
