//! `deedbox status`: how the daemon is.

use clap::Args;

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, printable};

/// Print versions, listeners, counts and health
#[derive(Debug, Args)]
#[command(after_help = "Example: deedbox status --data /srv/deedbox --json\n\n\
                        Exit code: 0 if a daemon runs and can serve documents, 1 if not.")]
pub(crate) struct Status {}

pub(super) async fn run(operator: &Operator<'_>) -> Result<Reply, Problem> {
    operator.look("status", "", None).await?;
    let health = operator.core().health().await?;
    let text: String = health.to_string().lines().map(|line| printable(line) + "\n").collect();
    Ok(Reply::new(&health, text)?.negative(!health.ready))
}
