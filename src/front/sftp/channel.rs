//! The task that reads one SFTP channel: it has each request served, and never waits for output.

use std::sync::Arc;

use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::desk::Desk;
use super::dialog::{Dialog, Over};
use super::handles::{Handles, Purse};
use super::outbox::Outbox;
use super::stream::Pulse;
use super::writer;
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
    let desk = Desk { view, handles: Handles::new(purse), outbox: outbox.clone(), longest: limits.upload_bytes };
    let mut dialog = Dialog::new(desk);
    match read(&mut incoming, &mut dialog, &mut writer, pace).await {
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

async fn read(incoming: &mut ChannelReadHalf, dialog: &mut Dialog, writer: &mut Writer, mut pace: Pace) -> End {
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
            () = sleep(pace.credit()), if dialog.is_within_packet() => {
                return End::Limit(Limit::Slow.hit(Front::Sftp));
            }
        };
        if dialog.is_within_packet() {
            pace.waited(waiting.elapsed());
        }
        match message {
            Some(ChannelMsg::Data { data }) => {
                pace.moved(data.len());
                match dialog.take(data).await {
                    Ok(()) => {}
                    Err(Over::Broken) => return End::Finish(BROKEN),
                    Err(Over::Overflow) => return End::Limit(Limit::Queued.hit(Front::Sftp)),
                }
            }
            Some(ChannelMsg::Eof) => return End::Finish(CLEAN),
            Some(ChannelMsg::Close) | None => return End::Gone,
            // Window adjustments, and requests that the SSH handler has answered already.
            Some(_) => {}
        }
    }
}
