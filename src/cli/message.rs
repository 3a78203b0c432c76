//! `deedbox message`: the messages of a matter. What they say is between the firm's people and the participants: the operator
//! neither reads nor sends any, since whoever runs the system must not speak in the firm's name.

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, Table};
use crate::vfs::Vfs;

/// The messages of a matter: when, by whom, under which name
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// List a matter's messages, oldest first, without what they say
    #[command(after_help = "Example: deedbox message list --matter 2026-0001 --data /srv/deedbox\n\n\
                            Staff and participants read and send messages as text files in the matter's folder Messages, \
                            scripts too:\n  curl -T question.txt -u staff.one@example.com \
                            'https://box.example.com/dav/2026-0001 .../Messages/'")]
    List {
        /// The matter's number
        #[arg(long, value_name = "NUMBER")]
        matter: String,
    },
}

/// A message in answers.
#[derive(Debug, Serialize)]
struct Shown {
    sent: String,
    from: Option<String>,
    size: u64,
    path: String,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        let Self::List { matter } = self;
        let matter = operator.matter(&matter)?;
        let what = matter.clone();
        let look = move |vfs: &Vfs, permit: &_| vfs.messages(permit, &what);
        let records = operator.inspect(("message list", &matter.number, Some(matter.id)), look).await?;
        let firm = operator.firm();
        let all: Vec<_> = records
            .into_iter()
            .map(|message| Shown {
                sent: message.sent.to_string(),
                from: firm.account(message.from).map(|account| account.login.clone()),
                size: message.size,
                path: message.path.to_string(),
            })
            .collect();
        let mut table = Table::new(&["SENT", "FROM", "SIZE", "PATH"]);
        for one in &all {
            let from = one.from.clone().unwrap_or_else(|| "-".to_owned());
            table.row([one.sent.clone(), from, one.size.to_string(), one.path.clone()]);
        }
        Reply::new(&all, table)
    }
}
