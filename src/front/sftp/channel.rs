//! The task that reads one SFTP channel: it takes packets apart and has each request served, and never waits for output.

use std::sync::Arc;

use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::codec::{self, Assembler, DecodeError, EXTENSIONS, Packet};
use super::desk::Desk;
use super::handles::{Handles, Purse};
use super::outbox::{Outbox, Overflow};
use super::status::Status;
use super::stream::Pulse;
use super::writer::{self, put_status};
use crate::config::Limits;
use crate::front::limits::Limit;
use crate::front::pace::Pace;
use crate::names::Front;
use crate::vfs::View;

/// Exit status of a channel that ended as the client wished.
const CLEAN: u32 = 0;
/// Exit status of a channel that the server ended.
const BROKEN: u32 = 1;

/// The writer ends with the reader, however that ends.
struct Writer(JoinHandle<Result<(), writer::Stopped>>);

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why no more requests are read.
enum End {
    /// The client has sent all that it had to say, or did something after which nothing more can be read: what waits
    /// is still answered, then the channel ends with this status.
    Finish(u32),
    /// Nobody listens any more.
    Gone,
    /// The client asks without reading the answers, or does not go on with what it has begun.
    Limit(Limit),
}

/// What is to become of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may go on with its other channels.
    Keep,
    /// It is to be cut.
    Cut,
}

/// Serves a channel until it ends. Uploads that are open then keep what came, for their uploader to resume.
pub(super) async fn run(channel: Channel<Msg>, view: View, purse: Purse, limits: Limits, pulse: Arc<Pulse>) -> Verdict {
    let (mut incoming, outgoing) = channel.split();
    let outbox = Arc::new(Outbox::new(limits.queued_bytes));
    let pace = Pace::new(&limits);
    let mut writer = Writer(tokio::spawn(writer::run(outgoing, outbox.clone(), pace.clone(), pulse)));
    let mut desk = Desk { view, handles: Handles::new(purse), outbox: outbox.clone(), longest: limits.upload_bytes };
    match read(&mut incoming, &mut desk, &mut writer, pace).await {
        End::Finish(exit) => {
            outbox.finish(exit);
            // Window adjustments and the client's CLOSE still come and must be taken, or the session stands still.
            let drained = async { while incoming.wait().await.is_some() {} };
            tokio::select! {
                written = &mut writer.0 => match written {
                    Ok(Err(writer::Stopped::Slow)) => Verdict::Cut,
                    _ => Verdict::Keep,
                },
                () = drained => Verdict::Keep,
            }
        }
        End::Gone => Verdict::Keep,
        // A CLOSE of the channel would wait behind the answers that are not read.
        End::Limit(limit) => {
            tracing::warn!(limit = limit.name(), "closing the connection");
            Verdict::Cut
        }
    }
}

async fn read(incoming: &mut ChannelReadHalf, desk: &mut Desk, writer: &mut Writer, mut pace: Pace) -> End {
    let mut assembler = Assembler::default();
    let mut initialised = false;
    loop {
        // Requests that have come whole are served even if the client is gone meanwhile: a CLOSE among them commits.
        let waiting = Instant::now();
        let message = tokio::select! {
            biased;
            message = incoming.wait() => message,
            written = &mut writer.0 => match written {
                Ok(Err(writer::Stopped::Slow)) => return End::Limit(Limit::Slow.hit(Front::Sftp)),
                _ => return End::Gone,
            },
            // Between requests a client may rest, within one it may not.
            () = sleep(pace.credit()), if assembler.is_within_packet() => {
                return End::Limit(Limit::Slow.hit(Front::Sftp));
            }
        };
        if assembler.is_within_packet() {
            pace.waited(waiting.elapsed());
        }
        match message {
            Some(ChannelMsg::Data { data }) => {
                pace.moved(data.len());
                assembler.feed(data);
            }
            Some(ChannelMsg::Eof) => return End::Finish(CLEAN),
            Some(ChannelMsg::Close) | None => return End::Gone,
            // Window adjustments, and requests that the SSH handler has answered already.
            Some(_) => continue,
        }
        loop {
            let packet = match assembler.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(length) => {
                    tracing::warn!(%length, "closing the channel");
                    return refuse(desk, 0, &Status::BAD_LENGTH);
                }
            };
            let served = match Packet::decode(packet) {
                Ok(Packet::Init { .. }) if !initialised => {
                    initialised = true;
                    desk.outbox.answer(|out| codec::encode_version(out, codec::VERSION, EXTENSIONS))
                }
                Ok(Packet::Init { .. }) => return refuse(desk, 0, &Status::NOT_INITIALISED),
                Ok(Packet::Request { id, .. }) if !initialised => return refuse(desk, id, &Status::NOT_INITIALISED),
                Ok(Packet::Request { id, request }) => desk.serve(id, request).await,
                Err(DecodeError::Malformed { id }) => answer(desk, id, &Status::BAD_MESSAGE),
                Err(DecodeError::Unsupported { id, .. }) => answer(desk, id, &Status::UNSUPPORTED),
                Err(DecodeError::NoNumber) => return refuse(desk, 0, &Status::BAD_MESSAGE),
            };
            if let Err(Overflow) = served {
                return End::Limit(Limit::Queued.hit(Front::Sftp));
            }
        }
    }
}

fn answer(desk: &Desk, id: u32, status: &Status) -> Result<(), Overflow> {
    desk.outbox.answer(|out| put_status(out, id, status))
}

/// Says why, then ends the channel.
fn refuse(desk: &Desk, id: u32, status: &Status) -> End {
    match answer(desk, id, status) {
        Ok(()) => End::Finish(BROKEN),
        Err(Overflow) => End::Limit(Limit::Queued.hit(Front::Sftp)),
    }
}
