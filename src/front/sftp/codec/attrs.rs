//! File attributes (draft-ietf-secsh-filexfer-02 section 5).

use bytes::{BufMut, Bytes, BytesMut};

use super::fields::{Fields, Malformed};

const SIZE: u32 = 0x1;
const UIDGID: u32 = 0x2;
const PERMISSIONS: u32 = 0x4;
const ACMODTIME: u32 = 0x8;
const EXTENDED: u32 = 0x8000_0000;

/// Attributes as version 3 carries them; each part may be absent. Extended pairs are skipped on reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attrs {
    /// Bytes.
    pub size: Option<u64>,
    /// User and group number.
    pub owner: Option<(u32, u32)>,
    /// POSIX mode with the file type bits.
    pub permissions: Option<u32>,
    /// Access and modification time in seconds since 1970.
    pub times: Option<(u32, u32)>,
}

impl Attrs {
    pub(super) fn decode(fields: &mut Fields) -> Result<Self, Malformed> {
        let flags = fields.u32()?;
        let mut attrs = Self::default();
        if flags & SIZE != 0 {
            attrs.size = Some(fields.u64()?);
        }
        if flags & UIDGID != 0 {
            attrs.owner = Some((fields.u32()?, fields.u32()?));
        }
        if flags & PERMISSIONS != 0 {
            attrs.permissions = Some(fields.u32()?);
        }
        if flags & ACMODTIME != 0 {
            attrs.times = Some((fields.u32()?, fields.u32()?));
        }
        if flags & EXTENDED != 0 {
            // A huge count ends with the packet: every pair takes at least eight bytes of it.
            for _ in 0..fields.u32()? {
                let (_kind, _value): (Bytes, Bytes) = (fields.string()?, fields.string()?);
            }
        }
        Ok(attrs)
    }

    /// Appends the attributes to a packet.
    pub fn encode(&self, out: &mut BytesMut) {
        let bit = |present: bool, flag| if present { flag } else { 0 };
        out.put_u32(
            bit(self.size.is_some(), SIZE)
                | bit(self.owner.is_some(), UIDGID)
                | bit(self.permissions.is_some(), PERMISSIONS)
                | bit(self.times.is_some(), ACMODTIME),
        );
        if let Some(size) = self.size {
            out.put_u64(size);
        }
        if let Some((user, group)) = self.owner {
            out.put_u32(user);
            out.put_u32(group);
        }
        if let Some(mode) = self.permissions {
            out.put_u32(mode);
        }
        if let Some((accessed, modified)) = self.times {
            out.put_u32(accessed);
            out.put_u32(modified);
        }
    }
}
