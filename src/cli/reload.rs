//! `deedbox reload`: a running daemon reads its configuration again.

use clap::Args;

use super::control::{self, Request};
use super::operator::Operator;
use super::problem::Problem;
use super::reply::Reply;
use super::{Global, runtime};
use crate::config::DataDir;

/// Have the running daemon read configuration, certificates, host keys and matter types again
#[derive(Debug, Args)]
#[command(after_help = "Example: deedbox reload --config /etc/deedbox/deedbox.toml\n\n\
                        It prints what changed and what needs a restart. One mistake, and all of the old stays in force. \
                        No transfer is dropped: open connections go on as they began. SIGHUP does the same.")]
pub(crate) struct Reload {}

impl Reload {
    pub(crate) fn run(self, global: &Global) -> Result<Reply, Problem> {
        // The configuration may be broken, which the daemon then says, too; the socket is found without it.
        let data = match &global.data {
            Some(dir) => DataDir::new(dir),
            None => global.settings()?.data,
        };
        let nobody = || Problem::failed(format_args!("no daemon runs on {}", data.path().display()));
        runtime()?.block_on(control::ask(&data.socket(), &Request::Reload)).ok_or_else(nobody)?
    }
}

pub(super) async fn run(operator: &Operator<'_>) -> Result<Reply, Problem> {
    let told = operator.act("reload", operator.core().reload(operator)).await?;
    Reply::new(&told, format!("{told}\n"))
}
