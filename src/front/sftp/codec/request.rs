//! The client's packets.

use bytes::Bytes;

use super::attrs::Attrs;
use super::fields::{Fields, Malformed};
use super::flags::OpenFlags;

/// One packet of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// INIT: the highest version that the client speaks. Its extension pairs are not used by any client and are skipped.
    Init {
        /// The version.
        version: u32,
    },
    /// Anything else: a number chosen by the client, which the answer repeats, and what is asked.
    Request {
        /// The request's number.
        id: u32,
        /// What is asked.
        request: Request,
    },
}

/// What a client asks. Paths and handles are bytes as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Request {
    Open { path: Bytes, flags: OpenFlags, attrs: Attrs },
    Close { handle: Bytes },
    Read { handle: Bytes, offset: u64, length: u32 },
    Write { handle: Bytes, offset: u64, data: Bytes },
    Lstat { path: Bytes },
    Fstat { handle: Bytes },
    Setstat { path: Bytes, attrs: Attrs },
    Fsetstat { handle: Bytes, attrs: Attrs },
    Opendir { path: Bytes },
    Readdir { handle: Bytes },
    Remove { path: Bytes },
    Mkdir { path: Bytes, attrs: Attrs },
    Rmdir { path: Bytes },
    Realpath { path: Bytes },
    Stat { path: Bytes },
    Rename { from: Bytes, to: Bytes },
    Extended(Extension),
}

/// The extensions that are served.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Extension {
    PosixRename {
        from: Bytes,
        to: Bytes,
    },
    Statvfs {
        path: Bytes,
    },
    Fstatvfs {
        handle: Bytes,
    },
    Fsync {
        handle: Bytes,
    },
    Lsetstat {
        path: Bytes,
        attrs: Attrs,
    },
    Limits,
    ExpandPath {
        path: Bytes,
    },
    HomeDirectory {
        user: Bytes,
    },
    CopyData {
        from: Bytes,
        from_offset: u64,
        length: u64,
        to: Bytes,
        to_offset: u64,
    },
    UsersGroupsById {
        users: Bytes,
        groups: Bytes,
    },
    CheckFileName {
        path: Bytes,
        wanted: HashWanted,
    },
    CheckFileHandle {
        handle: Bytes,
        wanted: HashWanted,
    },
    /// As paramiko asks: by handle, under the name that is announced, which the answer repeats.
    CheckFile {
        handle: Bytes,
        wanted: HashWanted,
    },
    /// Any other, hard links among them.
    Unknown,
}

/// Which hash of what is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashWanted {
    /// Names of hashes, the one liked best first, with commas between them.
    pub algorithms: Bytes,
    /// From where on.
    pub offset: u64,
    /// How much; 0 means to the end.
    pub length: u64,
    /// After how many bytes another hash begins; 0 means never.
    pub block: u32,
}

/// Why a packet is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Its fields do not fit. Nothing of it was done; the answer is BAD_MESSAGE under its number.
    #[error("malformed request {id}")]
    Malformed {
        /// The request's number.
        id: u32,
    },
    /// A type that is not served: symbolic links (the tree has none) and types of other versions.
    #[error("request type {kind} is not supported")]
    Unsupported {
        /// The request's number.
        id: u32,
        /// The type.
        kind: u8,
    },
    /// Too short to have a number: no answer could be addressed, the channel ends.
    #[error("packet without a number")]
    NoNumber,
}

impl Packet {
    /// Decodes a packet without its length word. Bytes after the last field are ignored, as OpenSSH does: some clients
    /// (rclone 1.60) leave stale bytes behind the data of a WRITE.
    pub fn decode(packet: Bytes) -> Result<Self, DecodeError> {
        let mut fields = Fields(packet);
        let kind = fields.u8().map_err(|_| DecodeError::NoNumber)?;
        // INIT has a version where others have their number.
        let id = fields.u32().map_err(|_| DecodeError::NoNumber)?;
        if kind == 1 {
            return Ok(Self::Init { version: id });
        }
        let request = decode(kind, &mut fields)
            .map_err(|Malformed| DecodeError::Malformed { id })?
            .ok_or(DecodeError::Unsupported { id, kind })?;
        Ok(Self::Request { id, request })
    }
}

/// The request of a type; nothing for a type that is not served.
fn decode(kind: u8, fields: &mut Fields) -> Result<Option<Request>, Malformed> {
    Ok(Some(match kind {
        3 => Request::Open { path: fields.string()?, flags: OpenFlags(fields.u32()?), attrs: Attrs::decode(fields)? },
        4 => Request::Close { handle: fields.string()? },
        5 => Request::Read { handle: fields.string()?, offset: fields.u64()?, length: fields.u32()? },
        6 => Request::Write { handle: fields.string()?, offset: fields.u64()?, data: fields.string()? },
        7 => Request::Lstat { path: fields.string()? },
        8 => Request::Fstat { handle: fields.string()? },
        9 => Request::Setstat { path: fields.string()?, attrs: Attrs::decode(fields)? },
        10 => Request::Fsetstat { handle: fields.string()?, attrs: Attrs::decode(fields)? },
        11 => Request::Opendir { path: fields.string()? },
        12 => Request::Readdir { handle: fields.string()? },
        13 => Request::Remove { path: fields.string()? },
        14 => Request::Mkdir { path: fields.string()?, attrs: Attrs::decode(fields)? },
        15 => Request::Rmdir { path: fields.string()? },
        16 => Request::Realpath { path: fields.string()? },
        17 => Request::Stat { path: fields.string()? },
        18 => Request::Rename { from: fields.string()?, to: fields.string()? },
        200 => Request::Extended(Extension::decode(fields)?),
        _ => return Ok(None),
    }))
}

impl Extension {
    fn decode(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(match fields.string()?.as_ref() {
            b"posix-rename@openssh.com" => Self::PosixRename { from: fields.string()?, to: fields.string()? },
            b"statvfs@openssh.com" => Self::Statvfs { path: fields.string()? },
            b"fstatvfs@openssh.com" => Self::Fstatvfs { handle: fields.string()? },
            b"fsync@openssh.com" => Self::Fsync { handle: fields.string()? },
            b"lsetstat@openssh.com" => Self::Lsetstat { path: fields.string()?, attrs: Attrs::decode(fields)? },
            b"limits@openssh.com" => Self::Limits,
            b"expand-path@openssh.com" => Self::ExpandPath { path: fields.string()? },
            b"home-directory" => Self::HomeDirectory { user: fields.string()? },
            b"copy-data" => Self::CopyData {
                from: fields.string()?,
                from_offset: fields.u64()?,
                length: fields.u64()?,
                to: fields.string()?,
                to_offset: fields.u64()?,
            },
            b"users-groups-by-id@openssh.com" => {
                Self::UsersGroupsById { users: fields.string()?, groups: fields.string()? }
            }
            b"check-file-name" => Self::CheckFileName { path: fields.string()?, wanted: HashWanted::decode(fields)? },
            b"check-file-handle" => {
                Self::CheckFileHandle { handle: fields.string()?, wanted: HashWanted::decode(fields)? }
            }
            b"check-file" => Self::CheckFile { handle: fields.string()?, wanted: HashWanted::decode(fields)? },
            _ => Self::Unknown,
        })
    }
}

impl HashWanted {
    fn decode(fields: &mut Fields) -> Result<Self, Malformed> {
        let (algorithms, offset, length) = (fields.string()?, fields.u64()?, fields.u64()?);
        Ok(Self { algorithms, offset, length, block: fields.u32()? })
    }
}

/// What VERSION announces: names and versions of the extensions.
pub(in crate::front::sftp) const EXTENSIONS: &[(&str, &str)] = &[
    ("posix-rename@openssh.com", "1"),
    ("statvfs@openssh.com", "2"),
    ("fstatvfs@openssh.com", "2"),
    ("fsync@openssh.com", "1"),
    ("lsetstat@openssh.com", "1"),
    ("limits@openssh.com", "1"),
    ("expand-path@openssh.com", "1"),
    ("copy-data", "1"),
    ("home-directory", "1"),
    ("users-groups-by-id@openssh.com", "1"),
    ("check-file", "1"),
];

impl Request {
    /// The type's name, for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Close { .. } => "close",
            Self::Read { .. } => "read",
            Self::Write { .. } => "write",
            Self::Lstat { .. } => "lstat",
            Self::Fstat { .. } => "fstat",
            Self::Setstat { .. } => "setstat",
            Self::Fsetstat { .. } => "fsetstat",
            Self::Opendir { .. } => "opendir",
            Self::Readdir { .. } => "readdir",
            Self::Remove { .. } => "remove",
            Self::Mkdir { .. } => "mkdir",
            Self::Rmdir { .. } => "rmdir",
            Self::Realpath { .. } => "realpath",
            Self::Stat { .. } => "stat",
            Self::Rename { .. } => "rename",
            Self::Extended(extension) => match extension {
                Extension::PosixRename { .. } => "posix-rename",
                Extension::Statvfs { .. } => "statvfs",
                Extension::Fstatvfs { .. } => "fstatvfs",
                Extension::Fsync { .. } => "fsync",
                Extension::Lsetstat { .. } => "lsetstat",
                Extension::Limits => "limits",
                Extension::ExpandPath { .. } => "expand-path",
                Extension::HomeDirectory { .. } => "home-directory",
                Extension::CopyData { .. } => "copy-data",
                Extension::UsersGroupsById { .. } => "users-groups-by-id",
                Extension::CheckFileName { .. } | Extension::CheckFileHandle { .. } | Extension::CheckFile { .. } => {
                    "check-file"
                }
                Extension::Unknown => "unknown-extension",
            },
        }
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
