//! Uploads before they are seen: who is scanned, how many at a time, and how the scanner is.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::clamd::{Answer, Connection, Error, Failed};
use crate::config::{Longer, Scan};
use crate::names::Role;

/// Scans at a time: a little less than clamd's own `MaxThreads`, which is 10, so that it keeps room for others.
const AT_A_TIME: usize = 8;
/// How long the question whether it is there may take, at most.
const PROBE: Duration = Duration::from_secs(5);
/// What is scanned for that question.
const HARMLESS: &[u8] = b"Is anybody there?\n";

/// Why an upload is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unclean {
    /// Something was found in it.
    #[error("a virus was found in this document, so it was not taken; tell whoever made it")]
    Infected,
    /// It is longer than what is scanned.
    #[error("this document is longer than what can be scanned for viruses, so it was not taken; ask the firm")]
    TooLong,
    /// There is no scanner now.
    #[error("documents cannot be scanned for viruses now, so none is taken; try again later")]
    Unscanned,
}

/// What comes of a scan.
#[derive(Debug)]
pub enum Verdict {
    /// It may be taken.
    Passed,
    /// It may not, and why, in words for the record.
    Refused(Unclean, String),
}

/// Has uploads scanned.
pub struct Scanner {
    settings: Scan,
    turns: Arc<Semaphore>,
    condition: Mutex<Condition>,
}

/// How the scanner was when it was last asked.
#[derive(Default)]
struct Condition {
    engine: Option<String>,
    problem: Option<String>,
}

/// The right to have one upload scanned now.
pub struct Turn {
    scanner: Arc<Scanner>,
    /// Nothing if it did not come in time.
    held: Option<OwnedSemaphorePermit>,
}

impl Scanner {
    /// A scanner that was not asked yet.
    pub fn new(settings: Scan) -> Arc<Self> {
        let (turns, condition) = (Arc::new(Semaphore::new(AT_A_TIME)), Mutex::default());
        Arc::new(Self { settings, turns, condition })
    }

    /// Are the uploads of such accounts scanned?
    pub fn scans(&self, role: Role) -> bool {
        self.settings.who.contains(&role)
    }

    /// Waits for a turn, as long as for any answer of clamd's.
    pub async fn turn(self: Arc<Self>) -> Turn {
        let turn = tokio::time::timeout(self.settings.timeout, self.turns.clone().acquire_owned()).await;
        Turn { held: turn.ok().and_then(Result::ok), scanner: self }
    }

    /// Finds out whether scans work, so that an operator hears of it before somebody uploads.
    pub async fn probe(&self) {
        let patience = PROBE.min(self.settings.timeout);
        let asked = async {
            let engine = Connection::open(&self.settings.clamd, patience).await?.version().await?;
            let mut left = HARMLESS;
            let read = |_: u64, buffer: &mut [u8]| {
                let length = left.len().min(buffer.len());
                buffer[..length].copy_from_slice(&left[..length]);
                left = &left[length..];
                Ok::<_, Infallible>(length)
            };
            match Connection::open(&self.settings.clamd, patience).await?.scan(read).await {
                Ok(Answer::Clean | Answer::Found(_) | Answer::TooLong) => Ok(engine),
                Err(Failed::Clamd(why)) => Err(why),
                Err(Failed::Content(never)) => match never {},
            }
        };
        match asked.await {
            Ok(engine) => self.works(Some(engine)),
            Err(why) => drop(self.fails(&why)),
        }
    }

    /// The engine and its signatures, as it names them; nothing before it has answered.
    pub fn engine(&self) -> Option<String> {
        self.condition.lock().engine.clone()
    }

    /// Why uploads cannot be scanned, if they cannot.
    pub fn problem(&self) -> Option<String> {
        self.condition.lock().problem.clone()
    }

    fn works(&self, engine: Option<String>) {
        let mut condition = self.condition.lock();
        condition.engine = engine.or(condition.engine.take());
        if condition.problem.take().is_some() {
            tracing::info!("uploads are scanned for viruses again");
        }
    }

    fn fails(&self, why: &Error) -> String {
        let why = format!("clamd at {} {why}", self.settings.clamd);
        let before = self.condition.lock().problem.replace(why.clone());
        if before.as_ref() != Some(&why) {
            tracing::error!(%why, "uploads cannot be scanned for viruses, so none is taken");
        }
        why
    }

    fn longer(&self) -> Verdict {
        match self.settings.longer {
            Longer::Accept => {
                count("accepted_unscanned");
                Verdict::Passed
            }
            Longer::Refuse => {
                count("too_long");
                Verdict::Refused(Unclean::TooLong, "longer than what can be scanned for viruses".to_owned())
            }
        }
    }
}

impl Turn {
    /// Scans what `read` gives of an offset until that is nothing. Blocks; to be called from the runtime's blocking pool.
    ///
    /// # Errors
    /// If the content cannot be read.
    pub fn scan<E>(self, length: u64, read: impl FnMut(u64, &mut [u8]) -> Result<usize, E>) -> Result<Verdict, E> {
        let Scan { clamd, timeout, max_bytes, .. } = &self.scanner.settings;
        if length > *max_bytes {
            return Ok(self.scanner.longer());
        }
        if self.held.is_none() {
            count("failed");
            return Ok(Verdict::Refused(Unclean::Unscanned, "the virus scan has too much to do".to_owned()));
        }
        let scanned = async { Connection::open(clamd, *timeout).await?.scan(read).await };
        let answer = match Handle::current().block_on(scanned) {
            Ok(answer) => answer,
            Err(Failed::Content(error)) => return Err(error),
            Err(Failed::Clamd(why)) => {
                count("failed");
                return Ok(Verdict::Refused(Unclean::Unscanned, self.scanner.fails(&why)));
            }
        };
        self.scanner.works(None);
        Ok(match answer {
            Answer::Clean => {
                count("clean");
                Verdict::Passed
            }
            Answer::Found(signature) => {
                count("infected");
                tracing::warn!(
                    signature,
                    "a virus was found in an upload, which was refused; the record says whose it was"
                );
                Verdict::Refused(Unclean::Infected, format!("the virus scan found {signature}"))
            }
            Answer::TooLong => self.scanner.longer(),
        })
    }
}

fn count(result: &'static str) {
    metrics::counter!("deedbox_scan_total", "result" => result).increment(1);
}
