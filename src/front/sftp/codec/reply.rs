//! The server's packets. Each function appends one whole packet, its length word included.

use bytes::{BufMut, BytesMut};

use super::attrs::Attrs;
use super::fields::{length_word, put_string};

const VERSION: u8 = 2;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;
const ATTRS: u8 = 105;
const EXTENDED_REPLY: u8 = 201;

/// One entry of a NAME answer.
#[derive(Debug, Clone)]
pub struct NameEntry {
    /// The name, or for REALPATH the path.
    pub name: String,
    /// The line of `ls -l`.
    pub long: String,
    /// The attributes.
    pub attrs: Attrs,
}

/// Writes a packet around `body`: the length word is filled in afterwards.
fn packet(out: &mut BytesMut, kind: u8, body: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u32(0);
    out.put_u8(kind);
    body(out);
    let length = length_word(out.len() - start - 4);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// VERSION with the extensions, each a name and its data.
pub fn encode_version(out: &mut BytesMut, version: u32, extensions: &[(&str, &str)]) {
    packet(out, VERSION, |out| {
        out.put_u32(version);
        for (name, data) in extensions {
            put_string(out, name.as_bytes());
            put_string(out, data.as_bytes());
        }
    });
}

/// STATUS; the message is English.
pub fn encode_status(out: &mut BytesMut, id: u32, code: u32, message: &str) {
    packet(out, STATUS, |out| {
        out.put_u32(id);
        out.put_u32(code);
        put_string(out, message.as_bytes());
        put_string(out, b"en");
    });
}

/// HANDLE.
pub fn encode_handle(out: &mut BytesMut, id: u32, handle: &[u8]) {
    packet(out, HANDLE, |out| {
        out.put_u32(id);
        put_string(out, handle);
    });
}

/// How many bytes of a DATA packet come before its data.
pub const fn data_header() -> usize {
    4 + 1 + 4 + 4
}

/// DATA.
pub fn encode_data(out: &mut BytesMut, id: u32, data: &[u8]) {
    out.reserve(data_header() + data.len());
    packet(out, DATA, |out| {
        out.put_u32(id);
        put_string(out, data);
    });
}

/// NAME.
pub fn encode_name(out: &mut BytesMut, id: u32, entries: &[NameEntry]) {
    packet(out, NAME, |out| {
        out.put_u32(id);
        out.put_u32(length_word(entries.len()));
        for entry in entries {
            put_string(out, entry.name.as_bytes());
            put_string(out, entry.long.as_bytes());
            entry.attrs.encode(out);
        }
    });
}

/// ATTRS.
pub fn encode_attrs(out: &mut BytesMut, id: u32, attrs: &Attrs) {
    packet(out, ATTRS, |out| {
        out.put_u32(id);
        attrs.encode(out);
    });
}

/// EXTENDED_REPLY with a body that the extension defines.
pub fn encode_extended(out: &mut BytesMut, id: u32, body: &[u8]) {
    packet(out, EXTENDED_REPLY, |out| {
        out.put_u32(id);
        out.put_slice(body);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_the_layout_of_the_draft() {
        let mut out = BytesMut::new();
        encode_status(&mut out, 0x0102_0304, 2, "no");
        assert_eq!(
            out.as_ref(),
            [&[0, 0, 0, 21, 101, 1, 2, 3, 4, 0, 0, 0, 2, 0, 0, 0, 2][..], b"no", &[0, 0, 0, 2], b"en"].concat()
        );
    }

    #[test]
    fn data_is_announced_by_its_header_alone() {
        let mut out = BytesMut::new();
        encode_data(&mut out, 9, b"abc");
        assert_eq!(out.len(), data_header() + 3);
        assert_eq!(out.as_ref(), [&[0, 0, 0, 12, 103, 0, 0, 0, 9, 0, 0, 0, 3][..], b"abc"].concat());
    }

    #[test]
    fn packets_follow_each_other_in_one_buffer() {
        let mut out = BytesMut::new();
        encode_version(&mut out, 3, &[("a", "1")]);
        let first = out.len();
        encode_handle(&mut out, 1, b"h");
        assert_eq!(out[..4], (u32::try_from(first).expect("short") - 4).to_be_bytes());
        assert_eq!(out[first..first + 4], 10u32.to_be_bytes());
    }
}
