//! A document open for writing.
//!
//! Bytes are taken over into a bounded queue and go to the vault in large steps on the blocking pool, one step behind the
//! network. How an upload ends is told in `commit`.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::tree::{Found, entry_stat, is_blind, is_twin, part_stat};
use super::{Error, Existing, Stat, View, WriteOptions};
use crate::audit::{Detail, Outcome};
use crate::gate;
use crate::names::{DocPath, DocumentTarget, MatterId, NewTarget, Place, Timestamp};
use crate::policy::{Decision, Operation, decide};
use crate::vault::{self, Incoming, Intent, LockSpan, Reservation};

/// Bytes that wait before a step to the vault begins. Steps of 64 KiB cost a third of the throughput (measured).
const STEP: usize = 512 * 1024;
/// Bytes that wait while a step runs; then the network does. With less than some steps a client that pauses for a moment
/// stops the pipeline: a tenth of the throughput (measured).
const QUEUE: usize = 4 * STEP;
/// The longest read at once.
const LONGEST: usize = 1024 * 1024;

/// A document open for writing. Nothing is visible before [`Writing::commit`]; dropping it keeps what came of a new
/// document, encrypted, as a part that its uploader can resume.
pub struct Writing {
    pub(super) view: View,
    pub(super) path: DocPath,
    pub(super) options: WriteOptions,
    /// It stands in a folder of messages.
    pub(super) among_messages: bool,
    pub(super) state: Arc<Mutex<State>>,
}

/// Bytes that wait, with their offsets, in the order in which they came.
pub(super) type Queue = Vec<(u64, Bytes)>;

pub(super) struct State {
    /// Elsewhere while a step runs.
    pub(super) incoming: Option<Incoming>,
    step: Option<JoinHandle<(Incoming, Result<(), vault::Error>)>>,
    pub(super) queue: Queue,
    queued: usize,
    /// After which of the gate's losses it was asked last whether it may go on.
    asked_after: u64,
    len: u64,
    /// Grows before bytes are taken.
    pub(super) reservation: Option<Arc<Reservation>>,
    pub(super) modified: Option<Timestamp>,
    /// The matter of the document whose bytes these are, if it is a copy.
    pub(super) copied_from: Option<MatterId>,
    failed: Option<Error>,
}

impl View {
    /// Opens a document for writing; see [`WriteOptions`]. In a folder where the session cannot see what is there, a name
    /// that is taken leads to a document beside it, `name (2).ext`.
    pub async fn write(&self, path: &DocPath, options: WriteOptions) -> Result<Writing, Error> {
        let edits = options.existing == Existing::Edit;
        let asked_after = self.vfs.gate.losses_so_far();
        let (intent, keep) = match self.find(path)? {
            Found::Structure(_) => return Err(Error::IsFolder),
            Found::NoParent => return self.absent::<gate::Create, _>(path, Error::NoParent).await,
            Found::Missing(place, name) => {
                // What broke off is there for its uploader, as `stat` says: sshfs and psftp open it like any document.
                if !options.create && self.own_part(&place, &name)?.is_none() {
                    return self.absent::<gate::Update, _>(path, Error::NotFound).await;
                }
                if options.expect_version.is_some_and(|version| version != 0) {
                    return Err(Error::Changed);
                }
                let intent = self.may_create(self.new_document(place, name)?).await?;
                // What a save has set aside is not there to be edited.
                let keep = edits && matches!(intent, Intent::Create(_));
                (intent, keep)
            }
            Found::Entry(target, _) => (self.intent_on(path, target, &options).await?, edits),
        };
        let among_messages = self.holds_messages(intent.place())?;
        let incoming = self.begin(intent, keep).await?;
        let state = State {
            len: incoming.len(),
            reservation: incoming.reservation().cloned(),
            incoming: Some(incoming),
            step: None,
            queue: Vec::new(),
            queued: 0,
            asked_after,
            modified: None,
            copied_from: None,
            failed: None,
        };
        let state = Arc::new(Mutex::new(state));
        Ok(Writing { view: self.clone(), path: path.clone(), options, among_messages, state })
    }

    async fn may_create(&self, target: NewTarget) -> Result<Intent, Error> {
        if let Some(document) = self.vacated(&target.place, &target.name)? {
            return self.may_update(document).await;
        }
        let permit = match self.permit::<gate::Create>(target).await {
            Err(Error::NotFound) => return Err(Error::NoParent),
            other => other?,
        };
        let NewTarget { place, name, .. } = permit.target().clone();
        let permit = self.named(permit, &name)?;
        if let Err(unfit) = self.fits(&place, &name)? {
            permit.settle(Outcome::Refused, Detail::because(unfit.to_string()));
            return Err(Error::NotAMessage(unfit));
        }
        let span = LockSpan { node: None, place: &place, membership: true, deep: false };
        Ok(Intent::Create(self.unlocked(permit, span)?))
    }

    /// What an upload may become whose name is taken: the next version, or, where the session cannot see what is there, a
    /// document beside it.
    async fn intent_on(&self, path: &DocPath, target: DocumentTarget, options: &WriteOptions) -> Result<Intent, Error> {
        let (updatable, visible, blind, beside, messages) = self.look(|sight| {
            let (object, rights) = (sight.seen.object(&target), sight.seen.rights(&target.place));
            let updatable = decide(Operation::Update { object, rights }) == Decision::Allowed;
            let (beside, messages) = (sight.is_kept_beside(&target), sight.seen.holds_messages(&target.place));
            Ok((updatable, object.visible(rights), is_blind(rights), beside, messages))
        })?;
        let (_, asked) = path.split_last().ok_or(Error::IsFolder)?;
        let afresh = options.create && options.existing != Existing::Edit && options.expect_version.is_none();
        if messages && afresh && !updatable && asked.folded() != target.name.folded() {
            // What was sent under that name is final; another file of the name says something more.
            return self.may_create(self.new_document(target.place, asked.clone())?).await;
        }
        if options.create && (beside || (blind && (target.is_folder || !updatable))) {
            return self.beside(path, target.place).await;
        }
        if options.create && visible && is_twin(asked, &target.name) {
            return Err(Error::CaseTwin);
        }
        if target.is_folder {
            return Err(if visible { Error::IsFolder } else { Error::NotFound });
        }
        if visible && options.existing == Existing::Refuse {
            return Err(Error::Exists);
        }
        let expected = options.expect_version.is_none_or(|version| version == target.version);
        let intent = self.may_update(target).await?;
        if expected { Ok(intent) } else { Err(Error::Changed) }
    }

    async fn may_update(&self, target: DocumentTarget) -> Result<Intent, Error> {
        let permit = self.permit::<gate::Update>(target).await?;
        if permit.target().is_before_its_replacement() {
            permit.settle(Outcome::Refused, Detail::because("this is the version before what was saved"));
            return Err(Error::Denied);
        }
        let at = permit.target();
        let (node, place) = (at.node, at.place.clone());
        let span = LockSpan { node: Some(node), place: &place, membership: false, deep: false };
        Ok(Intent::Update(self.unlocked(permit, span)?))
    }

    async fn beside(&self, path: &DocPath, place: Place) -> Result<Intent, Error> {
        let (_, sent) = path.split_last().ok_or(Error::IsFolder)?;
        let name = self.look(|sight| sight.name_beside(&place, sent))?;
        self.may_create(self.new_document(place, name)?.sent_as(sent)).await
    }

    /// A permit for what stands under the upload's name now, after its first one no longer fitted.
    pub(super) async fn intent_again(
        &self,
        path: &DocPath,
        options: &WriteOptions,
        was: &Intent,
    ) -> Result<Intent, Error> {
        // An edit of a version that is no longer the current one would silently undo what came between, and whoever
        // insisted on a state must be told that it is gone.
        if options.expect_version.is_some() || (options.existing == Existing::Edit && matches!(was, Intent::Update(_)))
        {
            return Err(Error::Changed);
        }
        match self.find(path)? {
            Found::Missing(place, name) => self.may_create(self.new_document(place, name)?).await,
            Found::Entry(target, _) => self.intent_on(path, target, options).await,
            Found::Structure(_) => Err(Error::IsFolder),
            Found::NoParent => Err(Error::NoParent),
        }
    }
}

impl Writing {
    /// The entry as it would stand if committed now.
    pub async fn stat(&self) -> Result<Stat, Error> {
        let (len, modified) = {
            let state = self.state.lock().await;
            (state.len, state.modified)
        };
        let now = modified.unwrap_or_else(Timestamp::now);
        match self.view.find(&self.path)? {
            // Nothing of a hidden entry beside which this is kept.
            Found::Entry(target, _) if self.view.is_kept_beside(&target)? => {
                let rights = self.view.look(|sight| Ok(sight.seen.rights(&target.place)))?;
                Ok(part_stat(target.name, len, now, rights))
            }
            Found::Entry(target, entry) => {
                let rights = self.view.look(|sight| Ok(sight.seen.rights(&target.place)))?;
                Ok(Stat { size: len, modified: now, ..entry_stat(&entry, rights) })
            }
            Found::Missing(place, name) => {
                let rights = self.view.look(|sight| Ok(sight.seen.rights(&place)))?;
                Ok(part_stat(name, len, now, rights))
            }
            Found::Structure(_) | Found::NoParent => Err(Error::NotFound),
        }
    }

    /// Takes bytes at an offset; returns when they are taken over, not when they are on disk. An error of taken bytes
    /// comes with a later call, at the latest with [`Writing::commit`].
    pub async fn write_at(&self, offset: u64, data: Bytes) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        self.take(&mut state, offset, data).await
    }

    /// Takes bytes at the present end.
    pub async fn append(&self, data: Bytes) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        let end = state.len;
        self.take(&mut state, end, data).await
    }

    async fn take(&self, state: &mut State, offset: u64, data: Bytes) -> Result<(), Error> {
        state.check()?;
        if data.is_empty() {
            // Nothing is written, so nothing becomes longer.
            return Ok(());
        }
        let end = offset.checked_add(data.len() as u64).ok_or(Error::TooLarge)?;
        self.bound(state, end).await?;
        self.reserve(state, end.max(state.len)).await?;
        state.len = state.len.max(end);
        state.queued += data.len();
        state.queue.push((offset, data));
        let lost = state.asked_after != self.view.vfs.gate.losses_so_far();
        if lost || state.queued >= QUEUE || (state.queued >= STEP && !state.is_stepping()) {
            state.finish_step().await?;
            self.still_permitted(state)?;
            state.start_step();
        }
        Ok(())
    }

    /// Wakes when the right to write may be gone; [`Writing::may_go_on`] tells whether it is.
    pub fn losses(&self) -> watch::Receiver<u64> {
        self.view.vfs.gate.losses()
    }

    /// Whether more may come, asked without anything coming.
    pub async fn may_go_on(&self) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        state.finish_step().await?;
        self.still_permitted(&mut state)
    }

    /// Between steps, and when somebody has lost something: a right that was taken away ends the upload, and so does a guard
    /// that forbids as many bytes as came.
    fn still_permitted(&self, state: &mut State) -> Result<(), Error> {
        state.asked_after = self.view.vfs.gate.losses_so_far();
        let Some(intent) = state.incoming.as_ref().map(Incoming::intent) else { return Ok(()) };
        self.view.holds(intent, Some(state.len)).map_err(|refusal| state.fail(refusal.into()))
    }

    /// Reads back what was written (or edited).
    pub async fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, Error> {
        let length = length.min(LONGEST);
        let mut state = self.state.lock().await;
        state
            .with(move |incoming| {
                let mut buffer = BytesMut::zeroed(length);
                let mut filled = 0;
                while filled < length {
                    match incoming.read_at(offset + filled as u64, &mut buffer[filled..])? {
                        0 => break,
                        count => filled += count,
                    }
                }
                buffer.truncate(filled);
                Ok(buffer.freeze())
            })
            .await
    }

    /// Cuts or grows with zeros.
    pub async fn set_len(&self, length: u64) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        self.bound(&mut state, length).await?;
        self.reserve(&mut state, length).await?;
        state.with(move |incoming| incoming.set_len(length)).await?;
        state.len = length;
        Ok(())
    }

    /// The modification time that the committed document shall show.
    pub async fn set_modified(&self, modified: Timestamp) -> Result<(), Error> {
        self.state.lock().await.modified = Some(modified);
        Ok(())
    }

    /// The bytes are those of a document in this matter: within it, a copy is no news.
    pub(super) async fn set_copied_from(&self, matter: MatterId) {
        self.state.lock().await.copied_from = Some(matter);
    }

    /// Makes what came durable (fsync@openssh.com). Of a new document it becomes a part that can be resumed, invisible to
    /// others until commit; an edit of an existing one becomes its next version at once, because that is what the editor
    /// was promised.
    pub async fn sync(&self) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        state.settle().await?;
        let is_edit = state.is_edit();
        if is_edit && self.among_messages {
            // A message is sent when its file is closed and not before: half of one must not become final.
            return Ok(());
        }
        if !is_edit {
            let vault = self.view.vfs.vault.clone();
            return state.with(move |incoming| vault.sync(incoming)).await;
        }
        let incoming = state.incoming.take().ok_or(Error::Unavailable)?;
        state.failed = Some(Error::Unavailable);
        let committed = self.commit_incoming(incoming, Vec::new(), state.modified, None).await;
        committed.map_err(|error| state.fail(error))?;
        let edit = WriteOptions { create: false, existing: Existing::Edit, expect_version: None };
        let Found::Entry(target, _) = self.view.find(&self.path)? else { return Err(Error::NotFound) };
        let intent = self.view.intent_on(&self.path, target, &edit).await?;
        let incoming = self.view.begin(intent, true).await?;
        state.reservation = incoming.reservation().cloned();
        state.incoming = Some(incoming);
        state.failed = None;
        Ok(())
    }

    /// Ends a change that came without an upload of its own: of a document it is the next version, and an upload that broke off
    /// stays one, for its uploader to go on with.
    pub async fn leave(self) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        state.settle().await?;
        if state.is_edit() {
            drop(state);
            return self.commit().await.map(drop);
        }
        let vault = self.view.vfs.vault.clone();
        state.with(move |incoming| vault.sync(incoming)).await?;
        if let Some(incoming) = state.incoming.take() {
            incoming.end(Outcome::Abandoned, "kept for its uploader".to_owned());
        }
        Ok(())
    }

    /// Ends the upload and keeps nothing.
    pub async fn discard(self) {
        let mut state = self.state.lock().await;
        // What a last step says no longer matters.
        let _ = state.finish_step().await;
        state.queue.clear();
        state.incoming = None;
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if self.state.try_lock().is_ok_and(|state| state.incoming.is_none() && state.step.is_none()) {
            return;
        }
        let (state, vault) = (self.state.clone(), self.view.vfs.vault.clone());
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let mut state = state.lock().await;
            let settled = state.settle().await;
            let Some(incoming) = state.incoming.take() else { return };
            if settled.is_err() {
                return;
            }
            match tokio::task::spawn_blocking(move || vault.suspend(incoming)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "an interrupted upload could not be kept"),
                Err(error) => tracing::error!(%error, "keeping an interrupted upload ended early"),
            }
        });
    }
}

impl State {
    pub(super) fn check(&self) -> Result<(), Error> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Is this to be the next version of a document?
    fn is_edit(&self) -> bool {
        matches!(self.incoming.as_ref().map(Incoming::intent), Some(Intent::Update(_)))
    }

    /// Everything further ends with this error.
    pub(super) fn fail(&mut self, error: Error) -> Error {
        self.failed = Some(error.clone());
        error
    }

    /// Ends the upload for good: nothing of it is kept, and the record says why.
    pub(super) async fn refuse(&mut self, reason: String, error: Error) -> Error {
        // What a step under way comes to no longer matters.
        let _ = self.finish_step().await;
        if let Some(incoming) = self.incoming.take() {
            incoming.end(Outcome::Refused, reason);
        }
        self.fail(error)
    }

    /// Hands the queue to the blocking pool.
    fn start_step(&mut self) {
        let Some(mut incoming) = self.incoming.take() else { return };
        let queue = std::mem::take(&mut self.queue);
        self.queued = 0;
        self.step = Some(tokio::task::spawn_blocking(move || {
            let done = write_all(&mut incoming, &queue);
            (incoming, done)
        }));
    }

    fn is_stepping(&self) -> bool {
        self.step.as_ref().is_some_and(|step| !step.is_finished())
    }

    /// Waits for the running step and keeps its error.
    pub(super) async fn finish_step(&mut self) -> Result<(), Error> {
        if let Some(step) = self.step.take() {
            match step.await {
                Ok((incoming, done)) => {
                    self.incoming = Some(incoming);
                    if let Err(error) = done {
                        self.failed = Some(error.into());
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "writing ended early");
                    self.failed = Some(Error::Unavailable);
                }
            }
        }
        self.check()
    }

    /// Brings everything that was taken to the vault.
    async fn settle(&mut self) -> Result<(), Error> {
        self.finish_step().await?;
        if !self.queue.is_empty() {
            self.start_step();
            self.finish_step().await?;
        }
        Ok(())
    }

    /// Runs work on the upload after everything that was taken before.
    pub(super) async fn with<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Incoming) -> Result<T, vault::Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.settle().await?;
        let mut incoming = self.incoming.take().ok_or(Error::Unavailable)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&mut incoming);
            (incoming, done)
        })
        .await;
        match done {
            Ok((incoming, done)) => {
                self.incoming = Some(incoming);
                Ok(done?)
            }
            Err(error) => {
                tracing::error!(%error, "work on an upload ended early");
                self.failed = Some(Error::Unavailable);
                Err(Error::Unavailable)
            }
        }
    }
}

/// Brings what waited to the vault.
pub(super) fn write_all(incoming: &mut Incoming, queue: &Queue) -> Result<(), vault::Error> {
    queue.iter().try_for_each(|(offset, data)| incoming.write_at(*offset, data))
}
