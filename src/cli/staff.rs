//! `deedbox staff`: members of the firm.

use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::Reply;
use crate::names::Role;

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
        let Self::Add { login, role } = self;
        let name = login.clone();
        let account = operator
            .change(("staff add", &login, None), move |practice, permit| practice.add_staff(permit, &name, role.into()))
            .await?;
        let text = format!(
            "{} has an account as {}. Nothing opens it yet: `deedbox account password {}`.\n",
            account.login, account.role, account.login
        );
        Reply::new(&serde_json::json!({ "login": account.login, "role": account.role }), text)
    }
}
