//! `deedbox mail`: what waits to be sent, and whether it can be.

use std::sync::Arc;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::{Operator, blocking};
use super::problem::Problem;
use super::reply::{Reply, Table, count, printable};
use crate::names::MailId;

/// Mail that waits to be sent
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Send a mail without content and wait for the relay's answer
    #[command(after_help = "Example: deedbox mail test --to staff.one@example.com --data /srv/deedbox\n\n\
                            Exit code: 0 if the relay has it, 1 if not.")]
    Test {
        /// Where it goes
        #[arg(long, value_name = "ADDRESS")]
        to: String,
    },
    /// List the mails that wait for the relay, and those that it refused for good
    #[command(after_help = "Example: deedbox mail queue --data /srv/deedbox --json")]
    Queue,
    /// Have mails tried now, refused ones too
    #[command(after_help = "Example: deedbox mail retry 0197c3f04a1b4e5f8d6c2b7a9e3f1d20 --data /srv/deedbox")]
    Retry {
        /// Which one, as `mail queue` shows it; all if left out
        id: Option<String>,
    },
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Test { to } => test(operator, to).await,
            Self::Queue => {
                operator.look("mail queue", "", None).await?;
                let (post, firm) = (operator.core().postroom(), operator.firm());
                let all = blocking(move || post.queue(&firm)).await?.map_err(Problem::failed)?;
                let mut table = Table::new(&["ID", "KIND", "TO", "MATTER", "STATE", "TRIED", "SAID"]);
                for mail in &all {
                    let text = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), printable);
                    let state = mail.next.as_ref().map_or(mail.state.to_owned(), |next| format!("until {next}"));
                    let tried = mail.attempts.to_string();
                    let (to, matter, said) = (text(&mail.to), text(&mail.matter), text(&mail.error));
                    table.row([mail.id.clone(), mail.kind.to_owned(), to, matter, state, tried, said]);
                }
                Reply::new(&all, table)
            }
            Self::Retry { id } => {
                let wrong =
                    |_| Problem::usage("the id of a mail is 32 hexadecimal digits, as `deedbox mail queue` shows it");
                let id = id.map(|id| id.parse::<MailId>().map_err(wrong)).transpose()?;
                let post = operator.core().postroom();
                let retry = async { blocking(move || post.retry(id)).await?.map_err(Problem::failed) };
                let retried = operator.act("mail retry", retry).await?;
                if let (Some(id), 0) = (id, retried) {
                    return Err(Problem::failed(format_args!(
                        "no mail {id} waits; `deedbox mail queue` lists those that do"
                    )));
                }
                let text = format!("{} tried again.\n", count(retried, "mail"));
                Reply::new(&serde_json::json!({ "retried": retried }), text)
            }
        }
    }
}

async fn test(operator: &Operator<'_>, to: String) -> Result<Reply, Problem> {
    if operator.core().settings().mail.is_none() {
        return Err(Problem::failed("mail is switched off: say `mail.smtp` in the configuration"));
    }
    if operator.core().live().is_none() {
        return Err(Problem::failed("no daemon runs, which is what sends mail"));
    }
    let (post, address) = (Arc::new(operator.core().postroom()), to.clone());
    let posting = post.clone();
    let test = async { blocking(move || posting.test(address)).await?.map_err(Problem::failed) };
    let test = operator.act("mail test", test).await?;
    let told = post.answer(test).await;
    let text = match &told {
        None => format!("The relay has taken a mail to {}.\n", printable(&to)),
        Some(why) => format!(
            "The mail to {} has not gone: {}\nIt waits in `deedbox mail queue`.\n",
            printable(&to),
            printable(why)
        ),
    };
    let data = serde_json::json!({ "to": to, "sent": told.is_none(), "error": told });
    Ok(Reply::new(&data, text)?.negative(told.is_some()))
}
