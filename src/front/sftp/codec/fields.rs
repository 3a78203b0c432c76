//! The fields of a packet: integers in network order and counted strings (RFC 4251 section 5).

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// A packet ended before its fields did, or a length in it is impossible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed packet")]
pub struct Malformed;

/// Takes fields off the front of a packet. Strings are slices of the packet, not copies.
pub(super) struct Fields(pub(super) Bytes);

impl Fields {
    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.0.try_get_u8().map_err(|_| Malformed)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.0.try_get_u32().map_err(|_| Malformed)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.0.try_get_u64().map_err(|_| Malformed)
    }

    pub(super) fn string(&mut self) -> Result<Bytes, Malformed> {
        let length = usize::try_from(self.u32()?).map_err(|_| Malformed)?;
        if length > self.0.len() {
            return Err(Malformed);
        }
        Ok(self.0.split_to(length))
    }
}

/// Appends a counted string.
pub(in crate::front::sftp) fn put_string(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u32(length_word(bytes.len()));
    out.put_slice(bytes);
}

/// A length as the wire carries it. Every length written here is bounded far below 4 GiB by construction.
pub(super) fn length_word(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
