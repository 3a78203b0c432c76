//! Requests on open documents.

use std::sync::Arc;

use bytes::Bytes;

use super::codec::{Attrs, MAX_TRANSFER, OpenFlags, Opening};
use super::desk::{Answer, Desk, creation, lookup};
use super::handles::{HandleId, Open, Upload};
use super::listing;
use super::status::{Code, Status};
use super::writer::{self, OpenFile};
use crate::front::limits::{Holding, Limit};
use crate::names::{DocPath, Front, Timestamp};
use crate::vfs::{self, Existing, WriteOptions, Writing};

impl Desk {
    pub(super) async fn open(&mut self, path: &[u8], flags: OpenFlags) -> Result<Answer, Status> {
        let path = if flags.creates() { creation(path)? } else { lookup(path)? };
        let opening = flags.opening();
        let holding = if matches!(opening, Opening::Read) { Holding::Document } else { Holding::Upload };
        let slot = self.handles.reserve(holding)?;
        let open = match opening {
            Opening::Read => Open::Read { file: Arc::new(self.view.read(&path).await?), path },
            Opening::Write { options, append, read } => {
                let readable = read && self.may_read(&path, options.existing).await?;
                let file = Arc::new(self.view.write(&path, options).await?);
                Open::Write(Upload { file, path, append, readable })
            }
        };
        Ok(Answer::Handle(self.handles.insert(slot, open)?))
    }

    /// May what a READ | WRITE handle shows be read? Content that stood there needs Read, by a permit of its own; what
    /// this handle writes does not. A client that asks for READ without need (many do) still gets its handle.
    async fn may_read(&self, path: &DocPath, existing: Existing) -> Result<bool, Status> {
        match existing {
            Existing::Refuse | Existing::Replace => Ok(true),
            Existing::Edit => match self.view.read(path).await {
                Ok(reading) => Ok(reading.recorded().await.map(|()| true)?),
                Err(vfs::Error::NotFound) => Ok(true),
                Err(vfs::Error::Denied) => Ok(false),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// The answer to the CLOSE of an upload is the result of its commit.
    pub(super) async fn close(&mut self, id: u32, handle: &[u8]) -> Result<Answer, Status> {
        let Open::Write(upload) = self.handles.remove(handle)? else { return Ok(Answer::Done) };
        // READs of this handle that wait in the outbox hold the document; then the outbox commits it after them.
        match Arc::try_unwrap(upload.file) {
            Ok(file) => {
                file.commit().await?;
                Ok(Answer::Done)
            }
            Err(file) => Ok(Answer::Queued(self.outbox.commit(id, OpenFile::Writing(file)))),
        }
    }

    pub(super) fn read(&self, id: u32, handle: &[u8], offset: u64, length: u32) -> Result<Answer, Status> {
        let file = self.handles.get(handle)?.readable()?;
        Ok(Answer::Queued(self.outbox.read(file, id, offset, length.min(MAX_TRANSFER))))
    }

    pub(super) async fn write(&mut self, handle: &[u8], offset: u64, data: Bytes) -> Result<Answer, Status> {
        let longest = self.longest;
        let upload = self.upload(handle).await?;
        metrics::counter!("sftp_bytes_received_total").increment(data.len() as u64);
        if upload.append {
            upload.file.append(data).await.map_err(counted)?;
        } else {
            if offset.checked_add(data.len() as u64).is_none_or(|end| end > longest) {
                return Err(counted(vfs::Error::TooLarge).into());
            }
            upload.file.write_at(offset, data).await?;
        }
        Ok(Answer::Done)
    }

    pub(super) async fn fstat(&self, handle: &[u8]) -> Result<Answer, Status> {
        let stat = match self.handles.get(handle)? {
            Open::Read { file, .. } => file.stat().clone(),
            Open::Write(upload) => upload.file.stat().await?,
            Open::Folder(folder) => folder.stat.clone(),
            Open::Settled { path, .. } => self.view.stat(path).await?,
        };
        Ok(Answer::Attrs(listing::attrs(&stat)))
    }

    pub(super) async fn fsetstat(&mut self, handle: &[u8], attrs: Attrs) -> Result<Answer, Status> {
        match self.handles.get(handle)? {
            Open::Write(upload) => apply(&upload.file, attrs).await,
            Open::Read { .. } if attrs.size.is_some() => Err(Status::NOT_FOR_WRITING),
            Open::Settled { .. } if attrs.size.is_some() => apply(&self.upload(handle).await?.file, attrs).await,
            open => self.setstat_at(open.path(), attrs).await,
        }
    }

    pub(super) async fn fsync(&self, handle: &[u8]) -> Result<Answer, Status> {
        match self.handles.get(handle)? {
            Open::Write(upload) => upload.file.sync().await?,
            Open::Read { .. } | Open::Settled { .. } => {}
            Open::Folder(_) => return Err(vfs::Error::IsFolder.into()),
        }
        Ok(Answer::Done)
    }

    /// The upload behind a handle; one that a rename has committed is opened again.
    pub(super) async fn upload(&mut self, handle: &[u8]) -> Result<&Upload, Status> {
        if let Open::Settled { path, append, readable } = self.handles.get(handle)? {
            let (path, append, readable) = (path.clone(), *append, *readable);
            let options = WriteOptions { create: false, existing: Existing::Edit, expect_version: None };
            let file = Arc::new(self.view.write(&path, options).await?);
            *self.handles.get_mut(handle)? = Open::Write(Upload { file, path, append, readable });
        }
        match self.handles.get(handle)? {
            Open::Write(upload) => Ok(upload),
            Open::Folder(_) => Err(vfs::Error::IsFolder.into()),
            Open::Read { .. } | Open::Settled { .. } => Err(Status::NOT_FOR_WRITING),
        }
    }

    /// Commits the upload that is open under a path, so that a rename finds it.
    pub(super) async fn settle(&mut self, path: &DocPath) -> Result<(), Status> {
        let Some((id, upload)) = self.handles.upload_at(path) else { return Ok(()) };
        if Arc::strong_count(&upload.file) > 1 {
            return Err(Status::STILL_BUSY);
        }
        let settled = Open::Settled { path: path.clone(), append: upload.append, readable: upload.readable };
        let open = std::mem::replace(self.handles.get_mut(&id)?, settled);
        let Open::Write(upload) = open else { return Ok(()) };
        match writer::commit(OpenFile::Writing(upload.file)).await {
            Status { code: Code::Ok, .. } => Ok(()),
            failed => Err(failed),
        }
    }

    /// Ends the upload behind a handle and keeps nothing of it.
    pub(super) async fn discard(&mut self, id: &HandleId) {
        if let Ok(Open::Write(upload)) = self.handles.remove(id)
            && let Ok(file) = Arc::try_unwrap(upload.file)
        {
            file.discard().await;
        }
    }
}

/// A document that would become too long has reached a limit, too.
fn counted(error: vfs::Error) -> vfs::Error {
    if error == vfs::Error::TooLarge {
        Limit::UploadBytes.hit(Front::Sftp);
    }
    error
}

/// Size and times of an upload; the rest is accepted and means nothing here.
pub(super) async fn apply(file: &Writing, attrs: Attrs) -> Result<Answer, Status> {
    if let Some(size) = attrs.size {
        file.set_len(size).await.map_err(counted)?;
    }
    if let Some((_, modified)) = attrs.times {
        file.set_modified(Timestamp::from_seconds(modified.into())).await?;
    }
    Ok(Answer::Done)
}
