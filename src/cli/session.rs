//! `deedbox session`: who is logged in, and ending it.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, Table, count};
use crate::gate::{OpenSession, Which};
use crate::names::{AuthMethod, Role, SessionId};

/// Sessions that are open: connections over SFTP, logins over WebDAV
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// List the sessions that are open, oldest first
    #[command(after_help = "Example: deedbox session list --data /srv/deedbox\n\n\
                            A program that speaks WebDAV logs in anew with each request; its session is that of equal \
                            requests from one address.")]
    List,
    /// End a session, or all of a login: connections, transfers and mounts are cut within a second
    #[command(after_help = "Example: deedbox session end --login client.one@example.com --data /srv/deedbox\n\n\
                            Who knows the password or has the key can log in again: `deedbox account disable` prevents \
                            that.\n\nExit code: 0 if a session was ended, 1 if there was none.")]
    End(Whose),
}

/// Which sessions.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[group(required = true, multiple = false)]
pub(crate) struct Whose {
    /// The session, as `session list` and the audit record name it
    id: Option<SessionId>,
    /// All sessions of this login
    #[arg(long, value_name = "LOGIN")]
    login: Option<String>,
}

#[cfg(test)]
impl Whose {
    /// All sessions of a login.
    pub(crate) fn of_login(login: &str) -> Self {
        Self { id: None, login: Some(login.to_owned()) }
    }
}

/// A session in answers.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    login: String,
    role: Role,
    front: &'static str,
    address: Option<String>,
    auth: AuthMethod,
    second_factor: bool,
    since: String,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::List => {
                let open = operator.at_the_gate("session list", "", |gate, permit| gate.sessions(permit)).await?;
                let all: Vec<_> = open.into_iter().map(Shown::from).collect();
                let mut table = Table::new(&["ID", "LOGIN", "DOOR", "ADDRESS", "BY", "SINCE"]);
                for one in &all {
                    let address = one.address.clone().unwrap_or_else(|| "-".to_owned());
                    let by = format!("{}{}", one.auth.as_str(), if one.second_factor { ", code" } else { "" });
                    let (id, login, since) = (one.id.clone(), one.login.clone(), one.since.clone());
                    table.row([id, login, one.front.to_owned(), address, by, since]);
                }
                Reply::new(&all, table)
            }
            Self::End(whose) => {
                let which = whose.which()?;
                let subject = match &which {
                    Which::Session(id) => id.to_string(),
                    Which::Login(login) => login.clone(),
                };
                let end = |gate: &crate::gate::Gate, permit| gate.end_sessions(permit, &which);
                let ended: Vec<_> =
                    operator.at_the_gate("session end", &subject, end).await?.into_iter().map(Shown::from).collect();
                let text = match ended.len() {
                    0 => "No such session is open.\n".to_owned(),
                    n => format!("{} ended.\n", count(n, "session")),
                };
                Ok(Reply::new(&ended, text)?.negative(ended.is_empty()))
            }
        }
    }
}

impl Whose {
    fn which(self) -> Result<Which, Problem> {
        match (self.id, self.login) {
            (Some(id), None) => Ok(Which::Session(id)),
            (None, Some(login)) => Ok(Which::Login(login)),
            _ => Err(Problem::usage("which session? Say its id, or --login and a login")),
        }
    }
}

impl From<OpenSession> for Shown {
    fn from(session: OpenSession) -> Self {
        Self {
            id: session.id.to_string(),
            login: session.login,
            role: session.role,
            front: session.front.as_str(),
            address: session.peer.map(|peer| peer.to_string()),
            auth: session.auth,
            second_factor: session.second_factor,
            since: session.since.to_string(),
        }
    }
}
