//! The mails that wait, for who looks after them: at the command line and on the administrator's pages.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use super::Notifier;
use crate::kv;
use crate::names::{MailId, Timestamp};
use crate::outbox::{Letter, Mail, Mails};
use crate::practice::Firm;

/// How long a test waits for the relay's answer.
const TEST_TIME: Duration = Duration::from_secs(30);
const TEST_PAUSE: Duration = Duration::from_millis(100);

/// The mails, and who sends them where somebody does.
pub struct Postroom {
    mails: Arc<Mails>,
    notifier: Option<Arc<Notifier>>,
}

/// A mail that waits, or was refused for good. What a letter holds is for its reader alone.
#[derive(Debug, Clone, Serialize)]
pub struct Waiting {
    /// By which it is tried again.
    pub id: String,
    /// Its kind, in a word.
    pub kind: &'static str,
    /// The address or login.
    pub to: Option<String>,
    /// The number of the matter that it is about, if it is one.
    pub matter: Option<String>,
    /// When its content was settled.
    #[serde(serialize_with = "as_text")]
    pub written: Timestamp,
    /// `waits`, or `refused`: the relay will never take it as it is.
    pub state: &'static str,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next; nothing if it was not tried yet, or was refused.
    #[serde(serialize_with = "as_text_if_any")]
    pub next: Option<Timestamp>,
    /// What was said the last time.
    pub error: Option<String>,
}

/// A mail without content that was sent to see whether one arrives.
pub struct Test {
    id: MailId,
    /// What had gone wrong before.
    error_before: Option<String>,
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

fn as_text<S: Serializer>(time: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(time)
}

fn as_text_if_any<S: Serializer>(time: &Option<Timestamp>, out: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => out.collect_str(time),
        None => out.serialize_none(),
    }
}

impl Postroom {
    /// Over the mails of a store; `notifier` is there where a daemon sends mail.
    pub fn new(mails: Arc<Mails>, notifier: Option<Arc<Notifier>>) -> Self {
        Self { mails, notifier }
    }

    /// Whether somebody sends mail.
    pub fn sends(&self) -> bool {
        self.notifier.is_some()
    }

    /// What waits for the relay and what it refused for good, the oldest first. Blocks.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn queue(&self, firm: &Firm) -> Result<Vec<Waiting>, kv::Error> {
        Ok(self.mails.all()?.iter().map(|mail| waiting(firm, mail)).collect())
    }

    /// Has mails tried now, refused ones too: one, or all. Answers how many. Blocks.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub fn retry(&self, id: Option<MailId>) -> Result<usize, kv::Error> {
        let retried = self.mails.retry(id)?;
        self.nudge();
        Ok(retried)
    }

    /// Has a mail without content sent. Blocks.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn test(&self, address: String) -> Result<Test, kv::Error> {
        let error_before = self.last_error();
        let id = self.mails.post(Letter::Test { address })?;
        self.nudge();
        Ok(Test { id, error_before })
    }

    /// Waits for what the relay says to a test: nothing if it has taken it, else why not. What it has not taken waits on.
    pub async fn answer(&self, test: Test) -> Option<String> {
        let until = Instant::now() + TEST_TIME;
        loop {
            let (mails, id) = (self.mails.clone(), test.id);
            let found = match tokio::task::spawn_blocking(move || mails.get(id)).await {
                Ok(Ok(found)) => found,
                Ok(Err(why)) => return Some(why.to_string()),
                Err(why) => return Some(why.to_string()),
            };
            let delivery = found?.value.delivery;
            if delivery.attempts > 0 {
                return delivery.error;
            }
            // An error with another time: the relay could not be reached at all.
            let error = self.last_error();
            if error.is_some() && error != test.error_before {
                return error;
            }
            if Instant::now() > until {
                return Some("the relay has not answered yet".to_owned());
            }
            tokio::time::sleep(TEST_PAUSE).await;
        }
    }

    /// What went wrong last, with its time; nothing since a mail went out.
    pub fn last_error(&self) -> Option<String> {
        self.notifier.as_ref().and_then(|notifier| notifier.last_error())
    }

    fn nudge(&self) {
        if let Some(notifier) = &self.notifier {
            notifier.nudge();
        }
    }
}

fn waiting(firm: &Firm, mail: &Mail) -> Waiting {
    let login = mail.account().and_then(|id| firm.account(id)).map(|account| account.login.clone());
    let matter = mail.matter().and_then(|id| firm.matter(id)).map(|matter| matter.number.clone());
    let delivery = &mail.delivery;
    let waits = !delivery.is_refused && delivery.attempts > 0;
    Waiting {
        id: mail.id.to_string(),
        kind: mail.kind(),
        to: mail.address().map(str::to_owned).or(login),
        matter,
        written: mail.written,
        state: if delivery.is_refused { "refused" } else { "waits" },
        attempts: delivery.attempts,
        next: waits.then_some(delivery.next),
        error: delivery.error.clone(),
    }
}
