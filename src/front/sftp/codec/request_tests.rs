//! Round trips: what an encoder written apart from the decoder sends is what the decoder returns.

use bytes::{BufMut, BytesMut};
use proptest::prelude::*;

use super::super::fields::put_string;
use super::*;

fn encode(id: u32, request: &Request) -> Bytes {
    let mut out = BytesMut::new();
    let mut start = |kind: u8| {
        out.put_u8(kind);
        out.put_u32(id);
    };
    match request {
        Request::Open { path, flags, attrs } => {
            start(3);
            put_string(&mut out, path);
            out.put_u32(flags.0);
            attrs.encode(&mut out);
        }
        Request::Close { handle } => {
            start(4);
            put_string(&mut out, handle);
        }
        Request::Read { handle, offset, length } => {
            start(5);
            put_string(&mut out, handle);
            out.put_u64(*offset);
            out.put_u32(*length);
        }
        Request::Write { handle, offset, data } => {
            start(6);
            put_string(&mut out, handle);
            out.put_u64(*offset);
            put_string(&mut out, data);
        }
        Request::Lstat { path: one } => {
            start(7);
            put_string(&mut out, one);
        }
        Request::Fstat { handle: one } => {
            start(8);
            put_string(&mut out, one);
        }
        Request::Opendir { path: one } => {
            start(11);
            put_string(&mut out, one);
        }
        Request::Readdir { handle: one } => {
            start(12);
            put_string(&mut out, one);
        }
        Request::Remove { path: one } => {
            start(13);
            put_string(&mut out, one);
        }
        Request::Rmdir { path: one } => {
            start(15);
            put_string(&mut out, one);
        }
        Request::Realpath { path: one } => {
            start(16);
            put_string(&mut out, one);
        }
        Request::Stat { path: one } => {
            start(17);
            put_string(&mut out, one);
        }
        Request::Setstat { path: one, attrs } => {
            start(9);
            put_string(&mut out, one);
            attrs.encode(&mut out);
        }
        Request::Fsetstat { handle: one, attrs } => {
            start(10);
            put_string(&mut out, one);
            attrs.encode(&mut out);
        }
        Request::Mkdir { path: one, attrs } => {
            start(14);
            put_string(&mut out, one);
            attrs.encode(&mut out);
        }
        Request::Rename { from, to } => {
            start(18);
            put_string(&mut out, from);
            put_string(&mut out, to);
        }
        Request::Extended(extension) => {
            start(200);
            encode_extension(&mut out, extension);
        }
    }
    out.freeze()
}

fn encode_extension(out: &mut BytesMut, extension: &Extension) {
    let mut strings = |strings: &[&[u8]]| strings.iter().for_each(|s| put_string(out, s));
    match extension {
        Extension::PosixRename { from, to } => strings(&[b"posix-rename@openssh.com", from, to]),
        Extension::Statvfs { path } => strings(&[b"statvfs@openssh.com", path]),
        Extension::Fstatvfs { handle } => strings(&[b"fstatvfs@openssh.com", handle]),
        Extension::Fsync { handle } => strings(&[b"fsync@openssh.com", handle]),
        Extension::Lsetstat { path, attrs } => {
            strings(&[b"lsetstat@openssh.com", path]);
            attrs.encode(out);
        }
        Extension::Limits => strings(&[b"limits@openssh.com"]),
        Extension::ExpandPath { path } => strings(&[b"expand-path@openssh.com", path]),
        Extension::HomeDirectory { user } => strings(&[b"home-directory", user]),
        Extension::CopyData { from, from_offset, length, to, to_offset } => {
            strings(&[b"copy-data", from]);
            out.put_u64(*from_offset);
            out.put_u64(*length);
            put_string(out, to);
            out.put_u64(*to_offset);
        }
        Extension::CheckFileName { path: one, wanted } => {
            strings(&[b"check-file-name", one]);
            encode_wanted(out, wanted);
        }
        Extension::CheckFileHandle { handle: one, wanted } => {
            strings(&[b"check-file-handle", one]);
            encode_wanted(out, wanted);
        }
        Extension::CheckFile { handle: one, wanted } => {
            strings(&[b"check-file", one]);
            encode_wanted(out, wanted);
        }
        Extension::UsersGroupsById { users, groups } => strings(&[b"users-groups-by-id@openssh.com", users, groups]),
        Extension::Unknown => strings(&[b"hardlink@openssh.com", b"a", b"b"]),
    }
}

fn encode_wanted(out: &mut BytesMut, wanted: &HashWanted) {
    put_string(out, &wanted.algorithms);
    out.put_u64(wanted.offset);
    out.put_u64(wanted.length);
    out.put_u32(wanted.block);
}

fn bytes() -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn attrs() -> impl Strategy<Value = Attrs> {
    any::<(Option<u64>, Option<(u32, u32)>, Option<u32>, Option<(u32, u32)>)>()
        .prop_map(|(size, owner, permissions, times)| Attrs { size, owner, permissions, times })
}

fn request() -> impl Strategy<Value = Request> {
    (0usize..29, bytes(), bytes(), attrs(), any::<(u64, u64, u64, u32)>()).prop_map(|(which, one, two, attrs, n)| {
        match which {
            0 => Request::Open { path: one, flags: OpenFlags(n.3), attrs },
            1 => Request::Close { handle: one },
            2 => Request::Read { handle: one, offset: n.0, length: n.3 },
            3 => Request::Write { handle: one, offset: n.0, data: two },
            4 => Request::Lstat { path: one },
            5 => Request::Fstat { handle: one },
            6 => Request::Setstat { path: one, attrs },
            7 => Request::Fsetstat { handle: one, attrs },
            8 => Request::Opendir { path: one },
            9 => Request::Readdir { handle: one },
            10 => Request::Remove { path: one },
            11 => Request::Mkdir { path: one, attrs },
            12 => Request::Rmdir { path: one },
            13 => Request::Realpath { path: one },
            14 => Request::Stat { path: one },
            15 => Request::Rename { from: one, to: two },
            16 => Request::Extended(Extension::PosixRename { from: one, to: two }),
            17 => Request::Extended(Extension::Statvfs { path: one }),
            18 => Request::Extended(Extension::Fstatvfs { handle: one }),
            19 => Request::Extended(Extension::Fsync { handle: one }),
            20 => Request::Extended(Extension::Lsetstat { path: one, attrs }),
            21 => Request::Extended(Extension::Limits),
            22 => Request::Extended(Extension::ExpandPath { path: one }),
            23 => Request::Extended(Extension::HomeDirectory { user: one }),
            24 => Request::Extended(Extension::CopyData {
                from: one,
                from_offset: n.0,
                length: n.1,
                to: two,
                to_offset: n.2,
            }),
            25..28 => {
                let wanted = HashWanted { algorithms: two, offset: n.0, length: n.1, block: n.3 };
                Request::Extended(match which {
                    25 => Extension::CheckFileName { path: one, wanted },
                    26 => Extension::CheckFileHandle { handle: one, wanted },
                    _ => Extension::CheckFile { handle: one, wanted },
                })
            }
            _ => Request::Extended(Extension::UsersGroupsById { users: one, groups: two }),
        }
    })
}

#[test]
fn every_announced_extension_is_decoded() {
    for (name, _) in EXTENSIONS {
        let mut out = BytesMut::new();
        out.put_u8(200);
        out.put_u32(5);
        put_string(&mut out, name.as_bytes());
        out.put_slice(&[0; 64]);
        let decoded = Packet::decode(out.freeze());
        assert!(
            !matches!(decoded, Err(_) | Ok(Packet::Request { request: Request::Extended(Extension::Unknown), .. })),
            "{name}"
        );
    }
}

#[test]
fn links_and_types_of_other_versions_are_unsupported_under_their_number() {
    for kind in [0, 2, 19, 20, 21, 22, 101, 105, 201, 255] {
        let packet = Bytes::from(vec![kind, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Packet::decode(packet), Err(DecodeError::Unsupported { id: 7, kind }));
    }
    let hardlink = encode(3, &Request::Extended(Extension::Unknown));
    assert_eq!(Packet::decode(hardlink), Ok(Packet::Request { id: 3, request: Request::Extended(Extension::Unknown) }));
}

#[test]
fn init_is_taken_with_any_version_and_extensions() {
    let packet = Bytes::from_static(&[1, 0, 0, 0, 6, 0, 0, 0, 1, b'x', 0, 0, 0, 0]);
    assert_eq!(Packet::decode(packet), Ok(Packet::Init { version: 6 }));
}

#[test]
fn a_write_whose_data_is_longer_than_the_packet_is_malformed() {
    let whole = encode(8, &Request::Write { handle: "h".into(), offset: 0, data: "abcdef".into() });
    assert_eq!(Packet::decode(whole.slice(..whole.len() - 1)), Err(DecodeError::Malformed { id: 8 }));
}

#[test]
fn a_huge_count_of_extended_attributes_ends_with_the_packet() {
    let mut out = BytesMut::from(&[9u8, 0, 0, 0, 1, 0, 0, 0, 0, 0x80, 0, 0, 0][..]);
    out.put_u32(u32::MAX);
    out.put_slice(&[0; 32]);
    assert_eq!(Packet::decode(out.freeze()), Err(DecodeError::Malformed { id: 1 }));
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_itself(id: u32, request in request(), trailing in bytes()) {
        let mut packet = BytesMut::from(&encode(id, &request)[..]);
        packet.extend_from_slice(&trailing);
        prop_assert_eq!(Packet::decode(packet.freeze()), Ok(Packet::Request { id, request }));
    }

    #[test]
    fn a_packet_cut_anywhere_is_malformed_and_never_another_request(id: u32, request in request(), cut in 0usize..200) {
        let whole = encode(id, &request);
        if cut < whole.len() {
            let expected = if cut < 5 { DecodeError::NoNumber } else { DecodeError::Malformed { id } };
            prop_assert_eq!(Packet::decode(whole.slice(..cut)), Err(expected));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Packet::decode(bytes.into());
    }
}
