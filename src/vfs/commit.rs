//! The end of an upload: sealed, judged once more, recorded, and visible in one transaction.
//!
//! All of it is one job on the blocking pool, because handing over to another thread costs more than most of its steps.
//! The confirmation becomes durable while the content does, and the catalog waits for both.

use super::tree::entry_stat;
use super::writing::{Queue, Writing, write_all};
use super::{ATTEMPTS, Error, Stat, View, blocking};
use crate::gate::{Confirming, Refusal};
use crate::names::{MatterId, Timestamp};
use crate::vault::{self, Committed, Incoming, Intent, LockSpan, Ready};

/// What is to become a version.
enum Content {
    /// An upload, and bytes that it has not taken yet.
    Open(Box<Incoming>, Queue),
    /// A durable blob that found the name or the document changed.
    Ready(Box<Ready>),
}

/// How an attempt ended.
#[expect(clippy::large_enum_variant, reason = "short-lived, and the large variant is the frequent one")]
enum Attempt {
    Committed(Committed),
    /// The name or the document is no longer as the permit says.
    Changed(Box<Ready>),
}

impl Writing {
    /// Judges once more, makes the content durable and visible as one version. Returns the entry and whether it is new.
    /// After an error nothing is visible and nothing is kept.
    pub async fn commit(self) -> Result<(Stat, bool), Error> {
        let mut state = self.state.lock().await;
        state.finish_step().await?;
        self.judge_message(&mut state).await?;
        let incoming = state.incoming.take().ok_or(Error::Unavailable)?;
        let queue = std::mem::take(&mut state.queue);
        self.commit_incoming(incoming, queue, state.modified, state.copied_from).await
    }

    pub(super) async fn commit_incoming(
        &self,
        mut incoming: Incoming,
        mut queue: Queue,
        modified: Option<Timestamp>,
        copied_from: Option<MatterId>,
    ) -> Result<(Stat, bool), Error> {
        if let Some(modified) = modified {
            incoming.set_modified(modified);
        }
        match copied_from {
            Some(matter) => incoming.set_copied_from(matter),
            // What is copied is in the tree already.
            None => (incoming, queue) = self.scanned(incoming, queue).await?,
        }
        let (mut place, is_arriving) = (incoming.intent().place().clone(), incoming.intent().is_arriving());
        let mut content = Content::Open(Box::new(incoming), queue);
        for _ in 0..ATTEMPTS {
            let view = self.view.clone();
            match blocking(move || view.attempt(content)).await? {
                Attempt::Committed(committed) => {
                    let rights = self.view.look(|sight| Ok(sight.seen.rights(&place)))?;
                    metrics::counter!("deedbox_versions_committed_total").increment(1);
                    self.remember(&place, &committed.entry.name);
                    return Ok((entry_stat(&committed.entry, rights), committed.created));
                }
                Attempt::Changed(mut ready) => {
                    let was = ready.intent().ok_or(Error::Unavailable)?;
                    let intent = self.view.intent_again(&self.path, &self.options, was).await?;
                    // What was not scanned here cannot become what people see.
                    if is_arriving && !intent.is_arriving() {
                        return Err(Error::Changed);
                    }
                    if let Some(given) = self.given_again(&intent, ready.detail().bytes)? {
                        ready.set_given(given);
                    }
                    place = intent.place().clone();
                    ready.change_intent(intent);
                    content = Content::Ready(ready);
                }
            }
        }
        Err(Error::Busy(std::time::Duration::from_secs(1)))
    }
}

impl View {
    /// Blocking.
    fn attempt(&self, content: Content) -> Result<Attempt, Error> {
        let vault = &self.vfs.vault;
        let (mut ready, confirming) = match content {
            Content::Open(mut incoming, queue) => {
                write_all(&mut incoming, &queue)?;
                let sealed = incoming.seal(vault)?;
                let confirming = self.confirm(sealed.as_ready())?;
                (Box::new(sealed.place()?), confirming)
            }
            Content::Ready(ready) => {
                let confirming = self.confirm(&ready)?;
                (ready, confirming)
            }
        };
        let confirmation = confirming.wait()?;
        // Making a long document durable takes its time, and what was revoked meanwhile must not become visible.
        self.holds(ready.intent().ok_or(Error::Unavailable)?, ready.detail().bytes)?;
        match vault.commit(&mut ready, confirmation) {
            Ok(committed) => Ok(Attempt::Committed(committed)),
            Err(vault::Error::Changed | vault::Error::Gone) => Ok(Attempt::Changed(ready)),
            Err(error) => Err(error.into()),
        }
    }

    fn confirm(&self, ready: &Ready) -> Result<Confirming, Error> {
        let gate = &self.vfs.gate;
        let intent = ready.intent().ok_or(Error::Unavailable)?;
        self.unlocked_for(intent)?;
        Ok(match intent {
            Intent::Create(permit) => gate.confirm(&self.session, permit, ready.detail())?,
            Intent::Update(permit) => gate.confirm(&self.session, permit, ready.detail())?,
        })
    }

    /// Would the upload's permit still be given, for so many bytes?
    pub(super) fn holds(&self, intent: &Intent, size: Option<u64>) -> Result<(), Refusal> {
        match intent {
            Intent::Create(permit) => self.vfs.gate.holds(&self.session, permit, size),
            Intent::Update(permit) => self.vfs.gate.holds(&self.session, permit, size),
        }
    }

    /// A lock may have been taken since the upload began.
    fn unlocked_for(&self, intent: &Intent) -> Result<(), Error> {
        let (node, membership) = match intent {
            Intent::Create(_) => (None, true),
            Intent::Update(permit) => (Some(permit.target().node), false),
        };
        let span = LockSpan { node, place: intent.place(), membership, deep: false };
        if self.vfs.vault.may_write(self.session.account(), &self.tokens, span) { Ok(()) } else { Err(Error::Locked) }
    }
}
