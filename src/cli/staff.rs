//! `deedbox staff`: members of the firm.

use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::Reply;
use crate::names::Role;
use crate::practice::Practice;

/// Members of the firm
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Add an account for a member of the firm
    #[command(after_help = "Example: deedbox staff add staff.one@example.com --data /srv/deedbox\n\
                            Then give it a password: deedbox account password staff.one@example.com \
                            --data /srv/deedbox")]
    Add {
        /// The login, usually the e-mail address
        login: String,
        /// What they do
        #[arg(long, value_enum, default_value_t = StaffRole::Staff)]
        role: StaffRole,
    },
    /// Give a member of the firm another role, which ends the open sessions
    #[command(after_help = "Example: deedbox staff role staff.one@example.com admin --data /srv/deedbox")]
    Role {
        /// The login
        login: String,
        /// What they do from now on
        #[arg(value_enum)]
        role: StaffRole,
    },
}

/// What a member of the firm does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StaffRole {
    /// Works on matters: sees every matter and every folder
    Staff,
    /// Administers the firm: sees no documents
    Admin,
    /// Reads the audit record: sees no documents
    Auditor,
}

impl From<StaffRole> for Role {
    fn from(role: StaffRole) -> Self {
        match role {
            StaffRole::Staff => Self::Staff,
            StaffRole::Admin => Self::Admin,
            StaffRole::Auditor => Self::Auditor,
        }
    }
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        let (account, text) = match self {
            Self::Add { login, role } => {
                let name = login.clone();
                let add = move |practice: &Practice, permit| practice.add_staff(permit, &name, role.into());
                let account = operator.change(("staff add", &login, None), add).await?;
                let (login, role) = (&account.login, account.role);
                let text = format!(
                    "{login} has an account as {role}. Nothing opens it yet: `deedbox account password {login}`.\n"
                );
                (account, text)
            }
            Self::Role { login, role } => {
                let login = operator.account(&login)?.login.clone();
                let (name, subject) = (login.clone(), format!("{login}: {}", Role::from(role)));
                let change = move |practice: &Practice, permit| practice.set_role(permit, &name, role.into());
                let account = operator.change(("staff role", &subject, None), change).await?;
                let text = format!("{} is {} now.\n", account.login, account.role);
                (account, text)
            }
        };
        Reply::new(&serde_json::json!({ "login": account.login, "role": account.role }), text)
    }
}
