//! `deedbox mail`: what waits to be sent, and whether it can be.

use std::time::{Duration, Instant};

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::{Operator, blocking};
use super::problem::Problem;
use super::reply::{Reply, Table, count, printable};
use crate::names::MailId;
use crate::outbox::{Letter, Mail, Mails};
use crate::practice::Firm;

/// How long a test waits for the relay's answer.
const TEST_TIME: Duration = Duration::from_secs(30);
const TEST_PAUSE: Duration = Duration::from_millis(100);

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

/// A mail in answers. What a letter holds is for its reader alone.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    kind: &'static str,
    to: Option<String>,
    matter: Option<String>,
    written: String,
    state: &'static str,
    attempts: u32,
    next: Option<String>,
    error: Option<String>,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Test { to } => test(operator, to).await,
            Self::Queue => {
                operator.look("mail queue", "", None).await?;
                let mails = operator.core().mails().clone();
                let all = blocking(move || mails.all()).await?.map_err(Problem::failed)?;
                let firm = operator.firm();
                let all: Vec<_> = all.iter().map(|mail| shown(&firm, mail)).collect();
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
                let mails = operator.core().mails().clone();
                let retry = async { blocking(move || mails.retry(id)).await?.map_err(Problem::failed) };
                let retried = operator.act("mail retry", retry).await?;
                if let (Some(id), 0) = (id, retried) {
                    return Err(Problem::failed(format_args!(
                        "no mail {id} waits; `deedbox mail queue` lists those that do"
                    )));
                }
                nudge(operator);
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
    let letter = Letter::Test { address: to.clone() };
    let mails = operator.core().mails().clone();
    let post = async { blocking(move || mails.post(letter)).await?.map_err(Problem::failed) };
    let id = operator.act("mail test", post).await?;
    let before = last_error(operator);
    nudge(operator);
    let until = Instant::now() + TEST_TIME;
    let told = loop {
        let mails = operator.core().mails().clone();
        let found = blocking(move || mails.get(id)).await?.map_err(Problem::failed)?;
        match found.map(|found| found.value.delivery) {
            None => break None,
            Some(delivery) if delivery.attempts > 0 => break delivery.error,
            // An error with another time: the relay could not be reached at all.
            Some(_) if last_error(operator) != before => break last_error(operator),
            Some(_) if Instant::now() > until => break Some("the relay has not answered yet".to_owned()),
            Some(_) => tokio::time::sleep(TEST_PAUSE).await,
        }
    };
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

fn last_error(operator: &Operator<'_>) -> Option<String> {
    let notifier = operator.core().live().and_then(|live| live.notifier());
    notifier.and_then(|notifier| notifier.last_error())
}

fn nudge(operator: &Operator<'_>) {
    if let Some(notifier) = operator.core().live().and_then(|live| live.notifier()) {
        notifier.nudge();
    }
}

fn shown(firm: &Firm, mail: &Mail) -> Shown {
    let login = mail.account().and_then(|id| firm.account(id)).map(|account| account.login.clone());
    let matter = mail.matter().and_then(|id| firm.matter(id)).map(|matter| matter.number.clone());
    let delivery = &mail.delivery;
    let waits = !delivery.is_refused && delivery.attempts > 0;
    Shown {
        id: mail.id.to_string(),
        kind: mail.kind(),
        to: mail.address().map(str::to_owned).or(login),
        matter,
        written: mail.written.to_string(),
        state: if delivery.is_refused { "refused" } else { "waits" },
        attempts: delivery.attempts,
        next: waits.then(|| delivery.next.to_string()),
        error: delivery.error.clone(),
    }
}

/// How mail is.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Mails that wait for the relay.
    waiting: usize,
    /// Mails that it refused for good.
    refused: usize,
    /// About how many documents nobody was told of yet.
    news: usize,
    /// What went wrong last, with its time; nothing since a mail went out.
    last_error: Option<String>,
}

/// Nothing where mail is switched off.
pub(super) async fn report(operator: &Operator<'_>) -> Result<Option<Report>, Problem> {
    let core = operator.core();
    if core.settings().mail.is_none() {
        return Ok(None);
    }
    let mails: std::sync::Arc<Mails> = core.mails().clone();
    let (waiting, refused) = blocking(move || mails.counts()).await?.map_err(Problem::failed)?;
    let notifier = core.live().and_then(|live| live.notifier());
    let last_error = notifier.and_then(|notifier| notifier.last_error());
    Ok(Some(Report { waiting, refused, news: core.board().waiting(), last_error }))
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { waiting, refused, news, last_error } = self;
        write!(
            f,
            "{} waiting, {refused} refused; {} not told of yet",
            count(*waiting, "mail"),
            count(*news, "document")
        )?;
        last_error.as_ref().map_or(Ok(()), |why| write!(f, "; last error {}", printable(why)))
    }
}
