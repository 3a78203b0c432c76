//! Mail: one task that makes mails of news and hands them to the firm's relay.
//!
//! What is to be told stands in the outbox, durable since the transaction that made it true. This task reads it: news of a
//! matter is gathered until it is quiet ([`window`]), who is told is judged ([`audience`]), and one transaction puts the mails in
//! the news' place. A mail is judged again when it is sent ([`content`]), filled into its template, recorded, handed over and,
//! after the relay's answer, taken out. A crash between answer and removal sends it again, under the same Message-ID.
//!
//! While the relay cannot be reached no mails are made: news goes on gathering, so that an outage ends with one mail for
//! each recipient and matter and not with one for each pause between uploads.

mod audience;
mod backoff;
mod content;
mod day;
mod message;
mod postroom;
mod relay;
mod templates;
mod window;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::tz::TimeZone;
use lettre::Message;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use zeroize::Zeroizing;

pub use postroom::{Postroom, Test, Waiting};
pub use templates::{MAX_TEMPLATE_BYTES, template_names};

use self::audience::{Told, Wishes, audience};
use self::content::House;
use self::message::{Envelope, message};
use self::relay::{Answer, Line, Relay};
use self::templates::Templates;
use self::window::{Window, ripe};
use crate::audit::{Action, Actor, Detail, Event, Log, Outcome, Wait};
use crate::config;
use crate::kv::{self, Sealed};
use crate::names::{AccountId, MailId, Timestamp};
use crate::outbox::{Delivery, Mail, Mails, Noticeboard, Section};
use crate::practice::Practice;

/// How often the outbox is looked at.
const TICK: Duration = Duration::from_millis(500);
/// Mails that may wait before no more are made of news.
const MAX_WAITING: usize = 5_000;

/// What the configuration's files hold.
#[derive(Default)]
pub struct Files {
    /// The authorities' certificates, PEM.
    pub authorities: Vec<u8>,
    /// The password at the relay.
    pub password: Option<Zeroizing<String>>,
    /// The firm's own templates: name and text.
    pub templates: Vec<(String, String)>,
}

/// How mail is made and sent, ready for use.
pub struct Means {
    firm: String,
    zone: TimeZone,
    mail: config::Mail,
    relay: Relay,
    templates: Templates,
}

impl Means {
    /// The means of a configuration.
    ///
    /// # Errors
    /// Every mistake in templates and certificates, one a line.
    pub fn new(firm: &str, zone: &TimeZone, mail: &config::Mail, files: Files) -> Result<Self, Vec<String>> {
        let hello = mail.public_url.trim_start_matches("https://").split(['/', ':']).next().unwrap_or_default();
        let relay = Relay::new(&mail.relay, &files.authorities, files.password, hello);
        let templates = Templates::new(&files.templates);
        match (relay, templates) {
            (Ok(relay), Ok(templates)) => {
                Ok(Self { firm: firm.to_owned(), zone: zone.clone(), mail: mail.clone(), relay, templates })
            }
            (relay, templates) => Err(relay.err().into_iter().chain(templates.err().into_iter().flatten()).collect()),
        }
    }
}

/// Makes mails and sends them.
pub struct Notifier {
    practice: Arc<Practice>,
    log: Arc<Log>,
    board: Arc<Noticeboard>,
    mails: Arc<Mails>,
    means: ArcSwap<Means>,
    /// Somebody asked to have it tried now.
    nudge: Notify,
    last_error: Mutex<Option<String>>,
}

/// What the task remembers between two looks.
#[derive(Default)]
struct Course {
    line: Option<Line>,
    /// How often in a row the relay could not be reached.
    failures: u32,
    /// Nothing is done before this.
    away_until: Option<Instant>,
    /// When news is looked at again.
    look_at: Timestamp,
    /// The end of a day for which digests were made last, if there are any.
    closed: Option<Option<Timestamp>>,
    /// Mails that the relay has and the store could not take out: never sent again.
    handed_over: HashSet<(MailId, u64)>,
}

/// Nothing more can be sent for now.
struct Away(String);

impl Notifier {
    /// The notifier over opened stores.
    pub fn new(
        practice: Arc<Practice>,
        log: Arc<Log>,
        board: Arc<Noticeboard>,
        mails: Arc<Mails>,
        means: Means,
    ) -> Arc<Self> {
        let (means, last_error) = (ArcSwap::from_pointee(means), Mutex::new(None));
        Arc::new(Self { practice, log, board, mails, means, nudge: Notify::new(), last_error })
    }

    /// Mails are made and sent with these from now on.
    pub fn change(&self, means: Means) {
        self.means.store(Arc::new(means));
        self.nudge.notify_one();
    }

    /// Has everything that waits tried now, whatever pause there was to be.
    pub fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// What went wrong last, with its time; nothing since a mail went out.
    pub fn last_error(&self) -> Option<String> {
        self.last_error.lock().clone()
    }

    /// Sends what there is until `stop` turns true.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut course = Course::default();
        loop {
            if course.away_until.is_none_or(|until| Instant::now() >= until)
                && let Err(Away(why)) = self.round(&mut course, &stop).await
            {
                course.failures = course.failures.saturating_add(1);
                course.line = None;
                let pause = backoff::pause(course.failures, backoff::chance());
                course.away_until = Some(Instant::now() + pause);
                metrics::counter!("deedbox_mail_failures_total").increment(1);
                tracing::warn!(%why, pause_seconds = pause.as_secs(), "mail cannot be sent");
                self.note_error(&why);
            }
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = self.nudge.notified() => {
                    (course.away_until, course.look_at, course.closed) = Default::default();
                }
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn round(self: &Arc<Self>, course: &mut Course, stop: &watch::Receiver<bool>) -> Result<(), Away> {
        let (this, look_at, closed) = (self.clone(), course.look_at, course.closed);
        let (due, look_at, closed) = blocking(move || this.prepare(look_at, closed)).await?;
        (course.look_at, course.closed) = (look_at, Some(closed));
        for id in due {
            if *stop.borrow() {
                break;
            }
            self.deliver(course, id).await?;
        }
        if let Some(line) = course.line.take() {
            line.close().await;
        }
        Ok(())
    }

    /// Makes mails of what is to be told by now. Answers the mails that are to be sent, when news is to be looked at again,
    /// and the end of the last day that is over. Blocks.
    fn prepare(
        &self,
        look_at: Timestamp,
        closed: Option<Option<Timestamp>>,
    ) -> Result<(Vec<MailId>, Timestamp, Option<Timestamp>), kv::Error> {
        let (now, means) = (Timestamp::now(), self.means.load());
        let end = means.mail.digest_hour.and_then(|hour| day::last_end(hour, &means.zone, now));
        if closed != Some(end) {
            self.close_days(end.unwrap_or(now))?;
        }
        let mut next_look = look_at;
        // A look that lies further ahead than any was put there by a clock that has been set back.
        let is_time = now >= look_at || look_at > now.after(means.mail.longest);
        if is_time && self.board.waiting() > 0 && self.mails.counts()?.0 < MAX_WAITING {
            next_look = self.compose(&means.mail, now)?;
        }
        let due = self.mails.all()?.into_iter().filter(|mail| is_due(mail, now));
        Ok((due.map(|mail| mail.id).collect(), next_look, end))
    }

    fn compose(&self, mail: &config::Mail, now: Timestamp) -> Result<Timestamp, kv::Error> {
        let window = Window { quiet: mail.quiet, longest: mail.longest };
        let wishes = Wishes { names: mail.document_names, participants: mail.notify_participants };
        let ripe = ripe(self.board.all()?, window, now);
        let firm = self.practice.firm();
        for group in &ripe.groups {
            let (later, at_once): (Vec<_>, Vec<_>) = audience(&firm, group, wishes)
                .into_iter()
                .partition(|told| told.is_participant && mail.digest_hour.is_some());
            let mails: Vec<_> =
                at_once.into_iter().map(|Told { to, section, .. }| Mail::news(to, vec![section], false)).collect();
            // By the time of this look: what comes shortly before the end of a day is the next day's, and a day is one mail.
            let later = later.into_iter().map(|Told { to, section, .. }| (to, Section { since: now, ..section }));
            let later: Vec<_> = later.collect();
            // What changed meanwhile is not quiet yet: the next look finds it.
            self.mails.compose(group, &mails, &later)?;
        }
        // What comes from now on is quiet that much later at the earliest.
        let soonest = now.after(window.quiet.min(window.longest));
        Ok(ripe.next.map_or(soonest, |next| next.min(soonest)))
    }

    /// Makes mails of what was gathered for the end of a day that is over (or of all, if there are no digests any more).
    fn close_days(&self, end: Timestamp) -> Result<(), kv::Error> {
        let mut by_recipient: BTreeMap<AccountId, Vec<Section>> = BTreeMap::new();
        for (to, section) in self.mails.digests()?.into_iter().filter(|(_, section)| section.since <= end) {
            by_recipient.entry(to).or_default().push(section);
        }
        for (to, sections) in by_recipient {
            let mails: Vec<_> = Section::in_mails(&sections).map(|sections| Mail::news(to, sections, true)).collect();
            self.mails.close_day(to, &sections, &mails)?;
        }
        Ok(())
    }

    /// Sends one mail, if it is still to be sent.
    async fn deliver(self: &Arc<Self>, course: &mut Course, id: MailId) -> Result<(), Away> {
        let mails = self.mails.clone();
        let Some(mail) = blocking(move || mails.get(id)).await? else { return Ok(()) };
        let this_one = (id, mail.value.seed);
        if course.handed_over.contains(&this_one) {
            self.take_out(mail).await?;
            course.handed_over.remove(&this_one);
            return Ok(());
        }
        if !is_due(&mail.value, Timestamp::now()) {
            return Ok(());
        }
        let means = self.means.load_full();
        let (message, address) = match self.written(&means, &mail.value) {
            Ok(Ok(written)) => written,
            Ok(Err(why)) => return self.withdraw(mail, why).await,
            Err(why) => return self.put_off(mail, why, true).await,
        };
        let line = match course.line.take().filter(Line::is_open) {
            Some(line) => line,
            None => means.relay.open().await.map_err(Away)?,
        };
        let line = course.line.insert(line);
        course.failures = 0;
        let event = event(&mail.value, Some(address));
        let record = self.log.begin(event, Wait::Durable).await.map_err(|why| Away(why.to_string()))?;
        match line.send(&message).await {
            Answer::Taken => {
                course.handed_over.insert(this_one);
                metrics::counter!("deedbox_mail_sent_total").increment(1);
                record.close(Outcome::Done, Detail::default());
                *self.last_error.lock() = None;
                self.take_out(mail).await?;
                course.handed_over.remove(&this_one);
                Ok(())
            }
            Answer::Refused(why) => {
                metrics::counter!("deedbox_mail_refused_total").increment(1);
                record.close(Outcome::Refused, Detail::because(why.clone()));
                self.put_off(mail, why, true).await
            }
            Answer::Later(why) => {
                metrics::counter!("deedbox_mail_failures_total").increment(1);
                record.close(Outcome::Failed, Detail::because(why.clone()));
                self.put_off(mail, why, false).await
            }
        }
    }

    /// The message and its address; within, why nobody is told any more.
    ///
    /// # Errors
    /// Why it cannot be written: a template or an address is wrong.
    fn written(&self, means: &Means, mail: &Mail) -> Result<Result<(Message, String), &'static str>, String> {
        let firm = self.practice.firm();
        let house = House { firm: &firm, name: &means.firm, url: &means.mail.public_url, zone: &means.zone };
        let written = match house.write(mail, Timestamp::now()) {
            Ok(written) => written,
            Err(why) => return Ok(Err(why)),
        };
        let text = means.templates.text(mail.kind(), &written.page)?;
        let tag = self.mails.message_tag(mail);
        let envelope = Envelope { from: &means.mail.from, to: &written.address, date: mail.written, tag };
        Ok(Ok((message(&envelope, text)?, written.address)))
    }

    async fn take_out(&self, mail: Sealed<Mail>) -> Result<(), Away> {
        let mails = self.mails.clone();
        blocking(move || mails.remove(&mail.value)).await
    }

    /// Nobody is told any more: that is recorded, and the mail goes.
    async fn withdraw(&self, mail: Sealed<Mail>, why: &str) -> Result<(), Away> {
        let event = Event { outcome: Outcome::Abandoned, ..event(&mail.value, None) };
        let detail = Detail { reason: Some(why.to_owned()), ..event.detail.clone() };
        self.log.record(Event { detail, ..event }).await.map_err(|why| Away(why.to_string()))?;
        tracing::info!(kind = mail.value.kind(), why, "a mail was withdrawn");
        self.take_out(mail).await
    }

    /// Keeps a mail that did not go: for a later attempt, or until somebody looks after it.
    async fn put_off(&self, mail: Sealed<Mail>, why: String, is_refused: bool) -> Result<(), Away> {
        self.note_error(&why);
        let attempts = mail.value.delivery.attempts.saturating_add(1);
        let next = Timestamp::now().after(backoff::pause(attempts, backoff::chance()));
        tracing::warn!(mail = %mail.value.id, kind = mail.value.kind(), is_refused, why, "a mail was not taken");
        let (mails, delivery) = (self.mails.clone(), Delivery { attempts, next, error: Some(why), is_refused });
        blocking(move || mails.note(&mail, delivery)).await
    }

    fn note_error(&self, why: &str) {
        *self.last_error.lock() = Some(format!("{}: {why}", Timestamp::now()));
    }
}

/// Is it to be tried now? A pause that is longer than any comes of a clock that was set back.
fn is_due(mail: &Mail, now: Timestamp) -> bool {
    let next = mail.delivery.next;
    !mail.delivery.is_refused && (next <= now || next > now.after(backoff::LONGEST * 2))
}

fn event(mail: &Mail, address: Option<String>) -> Event {
    Event {
        matter: mail.matter(),
        detail: Detail { to: address, subject: Some(mail.kind().to_owned()), ..Detail::default() },
        ..Event::new(Actor::service("mail"), Action::Mail, Outcome::Begun)
    }
}

/// Runs the store's work off the runtime's own threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, kv::Error> + Send + 'static) -> Result<T, Away> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|why| Away(why.to_string())),
        Err(why) => Err(Away(format!("work on the outbox ended early: {why}"))),
    }
}
