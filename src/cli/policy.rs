//! `deedbox policy`: why somebody may or may not do something.

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::Reply;
use crate::names::{DocPath, Verb};
use crate::vfs::Vfs;

/// Decisions, explained
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Print whether a login may do something at a path, and the rows that decide it
    #[command(after_help = "Example: deedbox policy explain --login client.one@example.com --verb read \
                            --path '/2026-0001 Purchase of 12 High Street/Documents/From us' --data /srv/deedbox\n\n\
                            Exit code: 0 if allowed, 1 if not.")]
    Explain {
        /// The login
        #[arg(long)]
        login: String,
        /// list, read, create, update or delete
        #[arg(long)]
        verb: Verb,
        /// A folder or document, as the login sees it
        #[arg(long)]
        path: String,
    },
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        let Self::Explain { login, verb, path } = self;
        let account = operator.account(&login)?;
        let path = DocPath::parse(path.as_bytes()).map_err(|why| Problem::usage(format_args!("--path: {why}")))?;
        let (who, at) = (account.clone(), path.clone());
        let look = move |vfs: &Vfs, permit: &_| vfs.explain(permit, &who, verb, &at);
        let explained = operator.inspect(("policy explain", &account.login, None), look).await?;
        let mut text = format!("{}: {} {verb} {path}\n", explained.answer, account.login);
        explained.because.iter().for_each(|why| text.push_str(&format!("  because {why}\n")));
        text.push_str(&format!("  rights there: {}\n", explained.rights));
        let data = serde_json::json!({
            "login": account.login, "role": account.role, "verb": verb, "path": path.to_string(),
            "allowed": explained.allowed, "answer": explained.answer, "rights": explained.rights.to_string(), "because": explained.because,
        });
        Ok(Reply::new(&data, text)?.negative(!explained.allowed))
    }
}
