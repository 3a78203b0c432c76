//! The task that writes answers: it takes them from the outbox, reads what is to be read, and sends large batches.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use russh::ChannelWriteHalf;
use russh::server::Msg;
use tokio::time::{Instant, timeout};

use super::codec::{self, encode_data};
use super::outbox::{Item, Outbox, Run, Source};
use super::status::Status;
use super::stream::Pulse;
use crate::front::pace::Pace;
use crate::vfs::{self, Reading, Writing};

/// Answers are sent in batches of about this size; each is cut into SSH packets without a further copy.
const BATCH_BYTES: usize = 256 << 10;

/// A document that is open on this channel.
#[derive(Clone)]
pub(super) enum OpenFile {
    Reading(Arc<Reading>),
    Writing(Arc<Writing>),
}

impl Source for OpenFile {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Reading(a), Self::Reading(b)) => Arc::ptr_eq(a, b),
            (Self::Writing(a), Self::Writing(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl OpenFile {
    pub(super) async fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, vfs::Error> {
        match self {
            Self::Reading(file) => file.read_at(offset, length).await,
            Self::Writing(file) => file.read_at(offset, length).await,
        }
    }
}

/// Why nothing more is written.
pub(super) enum Stopped {
    /// The connection is gone.
    Gone,
    /// The client takes its answers too slowly, or not at all.
    Slow,
}

impl From<russh::Error> for Stopped {
    fn from(_: russh::Error) -> Self {
        Self::Gone
    }
}

/// Writes answers until the outbox is finished, then ends the channel with its exit status (scp fails without one).
pub(super) async fn run(
    channel: ChannelWriteHalf<Msg>,
    outbox: Arc<Outbox<OpenFile>>,
    mut pace: Pace,
    pulse: Arc<Pulse>,
) -> Result<(), Stopped> {
    let mut batch = fill(&outbox).await;
    loop {
        if batch.is_empty() {
            if let Some(exit) = outbox.finished() {
                channel.exit_status(exit).await?;
                channel.eof().await?;
                return Ok(channel.close().await?);
            }
            outbox.changed().await;
            batch = fill(&outbox).await;
        } else {
            metrics::counter!("sftp_bytes_sent_total").increment(batch.len() as u64);
            // The next batch is read while this one waits for the client's window.
            let (sent, next) = tokio::join!(send(&channel, batch, &mut pace, &pulse), fill(&outbox));
            sent?;
            batch = next;
        }
    }
}

/// Hands a batch over, in the time that the client may take for it.
async fn send(channel: &ChannelWriteHalf<Msg>, batch: Bytes, pace: &mut Pace, pulse: &Pulse) -> Result<(), Stopped> {
    let bytes = batch.len();
    pace.moved(bytes);
    let begun = Instant::now();
    timeout(pace.credit(), channel.data_bytes(batch)).await.map_err(|_| Stopped::Slow)??;
    pace.waited(begun.elapsed());
    pulse.carried_out(bytes);
    Ok(())
}

/// What waits, up to a batch; empty if nothing waits.
pub(super) async fn fill(outbox: &Outbox<OpenFile>) -> Bytes {
    let mut out = BytesMut::new();
    while out.len() < BATCH_BYTES {
        match outbox.next() {
            None => break,
            Some(Item::Ready(bytes)) if out.is_empty() => out = bytes,
            Some(Item::Ready(bytes)) => out.extend_from_slice(&bytes),
            Some(Item::Read(run)) => answer_run(&run, &mut out).await,
            Some(Item::Commit(id, file)) => put_status(&mut out, id, &commit(file).await),
        }
    }
    out.freeze()
}

async fn answer_run(run: &Run<OpenFile>, out: &mut BytesMut) {
    let each = run.each as usize;
    let total = each * run.count as usize;
    match run.source.read_at(run.offset, total).await {
        Ok(data) => {
            out.reserve(data.len() + run.count as usize * (codec::data_header() + 32));
            for n in 0..run.count {
                let start = (n as usize * each).min(data.len());
                let part = &data[start..(start + each).min(data.len())];
                put_data(out, run.first_id.wrapping_add(n), part, each);
            }
        }
        // What can be read of a run is answered: each part stands for itself.
        Err(_) if run.count > 1 => {
            for n in 0..run.count {
                let offset = run.offset + u64::from(n) * u64::from(run.each);
                let id = run.first_id.wrapping_add(n);
                match run.source.read_at(offset, each).await {
                    Ok(data) => put_data(out, id, &data, each),
                    Err(error) => put_status(out, id, &error.into()),
                }
            }
        }
        Err(error) => put_status(out, run.first_id, &error.into()),
    }
}

/// Data, or the end of the file; asking for nothing is not the end (as OpenSSH has it).
fn put_data(out: &mut BytesMut, id: u32, data: &[u8], asked: usize) {
    if data.is_empty() && asked > 0 { put_status(out, id, &Status::EOF) } else { encode_data(out, id, data) }
}

pub(super) fn put_status(out: &mut BytesMut, id: u32, status: &Status) {
    codec::encode_status(out, id, status.code as u32, &status.message);
}

/// Ends an upload for good.
pub(super) async fn commit(file: OpenFile) -> Status {
    let OpenFile::Writing(file) = file else { return Status::OK };
    match Arc::try_unwrap(file) {
        Ok(file) => file.commit().await.map_or_else(Status::from, |_| Status::OK),
        Err(_) => Status::STILL_BUSY,
    }
}
