//! What a client says on a channel, without the channel: bytes become packets, packets become requests, and each is served.

use bytes::Bytes;

use super::codec::{self, Assembler, DecodeError, EXTENSIONS, Packet};
use super::desk::Desk;
use super::outbox::Overflow;
use super::status::Status;
use super::writer::put_status;

/// The requests of one channel, in the order in which they come.
pub(super) struct Dialog {
    assembler: Assembler,
    initialised: bool,
    desk: Desk,
}

/// Why nothing more is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// The client did something after which nothing more can be read. It is told; what waits is still answered.
    Broken,
    /// More answers wait than the session may have.
    Overflow,
}

impl From<Overflow> for Over {
    fn from(_: Overflow) -> Self {
        Self::Overflow
    }
}

impl Dialog {
    pub(super) fn new(desk: Desk) -> Self {
        Self { assembler: Assembler::default(), initialised: false, desk }
    }

    /// Whether a packet has begun whose end has not come yet.
    pub(super) fn is_within_packet(&self) -> bool {
        self.assembler.is_within_packet()
    }

    /// Serves all that has come whole with this data.
    pub(super) async fn take(&mut self, data: Bytes) -> Result<(), Over> {
        self.assembler.feed(data);
        loop {
            match self.assembler.next_packet() {
                Ok(Some(packet)) => self.serve(packet).await?,
                Ok(None) => return Ok(()),
                Err(length) => {
                    tracing::warn!(%length, "closing the channel");
                    return Err(self.refuse(0, &Status::BAD_LENGTH));
                }
            }
        }
    }

    async fn serve(&mut self, packet: Bytes) -> Result<(), Over> {
        match Packet::decode(packet) {
            Ok(Packet::Init { .. }) if !self.initialised => {
                self.initialised = true;
                self.desk.outbox.answer(|out| codec::encode_version(out, codec::VERSION, EXTENSIONS))?;
            }
            Ok(Packet::Init { .. }) => return Err(self.refuse(0, &Status::NOT_INITIALISED)),
            Ok(Packet::Request { id, .. })
            | Err(DecodeError::Malformed { id } | DecodeError::Unsupported { id, .. })
                if !self.initialised =>
            {
                return Err(self.refuse(id, &Status::NOT_INITIALISED));
            }
            Ok(Packet::Request { id, request }) => self.desk.serve(id, request).await?,
            Err(DecodeError::Malformed { id }) => self.answer(id, &Status::BAD_MESSAGE)?,
            Err(DecodeError::Unsupported { id, .. }) => self.answer(id, &Status::UNSUPPORTED)?,
            Err(DecodeError::NoNumber) => return Err(self.refuse(0, &Status::BAD_MESSAGE)),
        }
        Ok(())
    }

    fn answer(&self, id: u32, status: &Status) -> Result<(), Overflow> {
        self.desk.outbox.answer(|out| put_status(out, id, status))
    }

    /// Says why this is the end.
    fn refuse(&self, id: u32, status: &Status) -> Over {
        self.answer(id, status).map_or_else(Over::from, |()| Over::Broken)
    }
}
