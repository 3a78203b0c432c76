//! What one channel asks, one request after the other: each becomes calls of the session's view of the tree.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::codec::{self, Attrs, NameEntry, Request};
use super::handles::{Folder, HandleId, Handles, Open};
use super::listing;
use super::outbox::{Outbox, Overflow};
use super::status::Status;
use super::writer::{OpenFile, put_status};
use crate::front::limits::{Holding, Limit};
use crate::names::{DocPath, Front, Timestamp};
use crate::vfs::{self, Existing, Replace, Times, View, WriteOptions};

/// Entries in one answer to READDIR: about what fits into one SSH packet.
const PAGE: usize = 100;
/// Folders open at once on a channel. Each holds its whole listing, so they are counted apart from documents.
const MAX_FOLDERS: usize = 16;

/// One channel's state.
pub(super) struct Desk {
    pub(super) view: View,
    pub(super) handles: Handles,
    pub(super) outbox: Arc<Outbox<OpenFile>>,
    /// Bytes of the longest document.
    pub(super) longest: u64,
}

/// What is answered.
pub(super) enum Answer {
    Done,
    Handle(HandleId),
    Attrs(Attrs),
    Names(Vec<NameEntry>),
    Extended(Bytes),
    /// The outbox has it: a READ, or a CLOSE that waits for READs.
    Queued(Result<(), Overflow>),
}

impl Desk {
    /// Does what is asked and puts the answer into the outbox.
    pub(super) async fn serve(&mut self, id: u32, request: Request) -> Result<(), Overflow> {
        metrics::counter!("sftp_requests_total", "type" => request.kind()).increment(1);
        let answer = match self.handle(id, request).await {
            Ok(Answer::Queued(queued)) => return queued,
            Ok(answer) => answer,
            Err(status) => return self.outbox.answer(|out| put_status(out, id, &status)),
        };
        self.outbox.answer(|out| encode(out, id, &answer))
    }

    async fn handle(&mut self, id: u32, request: Request) -> Result<Answer, Status> {
        match request {
            Request::Open { path, flags, attrs: _ } => self.open(&path, flags).await,
            Request::Close { handle } => self.close(id, &handle).await,
            Request::Read { handle, offset, length } => self.read(id, &handle, offset, length),
            Request::Write { handle, offset, data } => self.write(&handle, offset, data).await,
            Request::Fstat { handle } => self.fstat(&handle).await,
            Request::Fsetstat { handle, attrs } => self.fsetstat(&handle, attrs).await,
            Request::Lstat { path } | Request::Stat { path } => self.stat(&path).await,
            Request::Setstat { path, attrs } => self.setstat(&path, attrs).await,
            Request::Opendir { path } => self.opendir(&path).await,
            Request::Readdir { handle } => self.readdir(&handle),
            Request::Remove { path } => self.remove(&path).await,
            Request::Mkdir { path, attrs: _ } => {
                self.view.make_folder(&creation(&path)?).await?;
                Ok(Answer::Done)
            }
            Request::Rmdir { path } => {
                self.view.remove_folder(&lookup(&path)?).await?;
                Ok(Answer::Done)
            }
            Request::Realpath { path } => Ok(real_path(&lookup(&path)?)),
            Request::Rename { from, to } => self.rename(&from, &to, Replace::No).await,
            Request::Extended(extension) => self.extended(extension).await,
        }
    }

    async fn stat(&self, path: &[u8]) -> Result<Answer, Status> {
        let path = lookup(path)?;
        // One's own upload is there from its OPEN on: sshfs looks for it at once.
        let stat = match self.handles.upload_at(&path) {
            Some((_, upload)) => upload.file.stat().await?,
            None => self.view.stat(&path).await?,
        };
        Ok(Answer::Attrs(listing::attrs(&stat)))
    }

    /// Times and size. Mode and owner are accepted and mean nothing here: the rights are the matter's.
    pub(super) async fn setstat(&mut self, path: &[u8], attrs: Attrs) -> Result<Answer, Status> {
        let path = lookup(path)?;
        // `put -p` over sshfs names the path while the upload is still open.
        if let Some((_, upload)) = self.handles.upload_at(&path) {
            return super::files::apply(&upload.file, attrs).await;
        }
        self.setstat_at(&path, attrs).await
    }

    pub(super) async fn setstat_at(&self, path: &DocPath, attrs: Attrs) -> Result<Answer, Status> {
        let modified = attrs.times.map(|(_, modified)| Timestamp::from_seconds(modified.into()));
        if let Some(size) = attrs.size {
            let options = WriteOptions { create: false, existing: Existing::Edit, expect_version: None };
            let file = self.view.write(path, options).await?;
            file.set_len(size).await?;
            if let Some(modified) = modified {
                file.set_modified(modified).await?;
            }
            file.leave().await?;
        } else if let Some(modified) = modified {
            match self.view.set_times(path, Times { modified: Some(modified), made: None }).await {
                // A folder's time is not the client's to set; `put -rp` and mirrors should not fail over it.
                Ok(()) | Err(vfs::Error::IsFolder | vfs::Error::Structure) => {}
                Err(error) => return Err(error.into()),
            }
        } else {
            self.view.stat(path).await?;
        }
        Ok(Answer::Done)
    }

    async fn opendir(&mut self, path: &[u8]) -> Result<Answer, Status> {
        let path = lookup(path)?;
        let slot = self.handles.reserve(Holding::Folder)?;
        if self.handles.folders() >= MAX_FOLDERS {
            return Err(Limit::FoldersPerAccount.hit(Front::Sftp).into());
        }
        let listing = self.view.list(&path).await?;
        let folder = Folder { stat: listing.folder, path, rest: listing.entries.into_iter() };
        Ok(Answer::Handle(self.handles.insert(slot, Open::Folder(folder))?))
    }

    fn readdir(&mut self, handle: &[u8]) -> Result<Answer, Status> {
        let Open::Folder(folder) = self.handles.get_mut(handle)? else {
            return Err(vfs::Error::NotFolder.into());
        };
        let now = Timestamp::now();
        let page: Vec<_> = folder.rest.by_ref().filter_map(|stat| listing::entry(&stat, now)).take(PAGE).collect();
        if page.is_empty() { Err(Status::EOF) } else { Ok(Answer::Names(page)) }
    }

    async fn remove(&mut self, path: &[u8]) -> Result<Answer, Status> {
        let path = lookup(path)?;
        let own = self.handles.upload_at(&path).map(|(id, _)| id);
        match (self.view.remove_document(&path).await, own) {
            // Nothing was there yet but one's own unfinished upload, which ends with this.
            (Ok(()) | Err(vfs::Error::NotFound), Some(id)) => {
                self.discard(&id).await;
                Ok(Answer::Done)
            }
            (result, _) => Ok(result.map(|()| Answer::Done)?),
        }
    }

    pub(super) async fn rename(&mut self, from: &[u8], to: &[u8], replace: Replace) -> Result<Answer, Status> {
        let (from, to) = (lookup(from)?, creation(to)?);
        self.settle(&from).await?;
        self.view.rename(&from, &to, replace).await?;
        self.handles.moved(&from, &to);
        Ok(Answer::Done)
    }
}

/// A path that should be there. Relative paths start at the root, which is everybody's home.
pub(super) fn lookup(path: &[u8]) -> Result<DocPath, Status> {
    DocPath::root().resolve(path).map_err(Status::lookup)
}

/// A path that is to be made.
pub(super) fn creation(path: &[u8]) -> Result<DocPath, Status> {
    DocPath::root().resolve(path).map_err(Status::creation)
}

/// The answer to REALPATH, which is textual and so succeeds for what is not there.
pub(super) fn real_path(path: &DocPath) -> Answer {
    Answer::Names(vec![listing::path_entry(path.to_string())])
}

fn encode(out: &mut BytesMut, id: u32, answer: &Answer) {
    match answer {
        Answer::Done => put_status(out, id, &Status::OK),
        Answer::Handle(handle) => codec::encode_handle(out, id, handle),
        Answer::Attrs(attrs) => codec::encode_attrs(out, id, attrs),
        Answer::Names(names) => codec::encode_name(out, id, names),
        Answer::Extended(body) => codec::encode_extended(out, id, body),
        Answer::Queued(_) => {}
    }
}
