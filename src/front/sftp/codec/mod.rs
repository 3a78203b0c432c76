//! SFTP version 3 on the wire: packets in, packets out, no I/O and no decisions.
//!
//! Sources: draft-ietf-secsh-filexfer-02 (version 3) and OpenSSH's PROTOCOL file (the `@openssh.com` extensions, and
//! `check-file`, `copy-data` and `home-directory` from draft-ietf-secsh-filexfer-extensions-00). Names stay bytes here; they become
//! paths in one place behind this module.

mod attrs;
mod fields;
mod flags;
mod frame;
mod reply;
mod request;

pub use attrs::Attrs;
pub use fields::Malformed;
pub(in crate::front::sftp) use fields::put_string;
pub use flags::{OpenFlags, Opening};
pub use frame::{Assembler, BadLength};
pub use reply::{NameEntry, data_header, encode_attrs, encode_data, encode_extended, encode_handle, encode_name};
pub use reply::{encode_status, encode_version};
pub(in crate::front::sftp) use request::EXTENSIONS;
pub use request::{DecodeError, Extension, HashWanted, Packet, Request};

/// The protocol version spoken here, whatever the client offers (OpenSSH speaks no other).
pub const VERSION: u32 = 3;
/// The largest packet taken, without its length word: OpenSSH's 256 KiB and room for the header of a full WRITE.
pub const MAX_PACKET: usize = 262_144 + 1024;
/// The packet length announced by `limits@openssh.com`.
pub const ANNOUNCED_PACKET: u64 = 262_144;
/// The most that one READ returns and one WRITE should carry; the largest that fits into OpenSSH's own packet bound.
pub const MAX_TRANSFER: u32 = 261_120;

/// Decodes a byte stream as a client would send it and returns how many requests were well formed: the entry for fuzzing.
pub fn decode_stream(bytes: &[u8]) -> usize {
    let mut assembler = Assembler::default();
    let mut understood = 0;
    // Odd cuts, so that packets arrive whole, split in the length word and split in the body.
    for piece in bytes.chunks(7) {
        assembler.feed(bytes::Bytes::copy_from_slice(piece));
        loop {
            match assembler.next_packet() {
                Ok(Some(packet)) => understood += usize::from(Packet::decode(packet).is_ok()),
                Ok(None) => break,
                Err(_) => return understood,
            }
        }
    }
    understood
}
