//! The extensions (OpenSSH's PROTOCOL file section 4; draft-ietf-secsh-filexfer-extensions-00 for check-file,
//! copy-data and home-directory).

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::codec::{self, ANNOUNCED_PACKET, Extension, HashWanted, MAX_TRANSFER};
use super::desk::{Answer, Desk, lookup, real_path};
use super::handles::Open;
use super::listing::{GROUP_NAME, OWNER_NAME};
use super::outbox::MERGED_BYTES;
use super::status::Status;
use crate::names::{DocPath, MAX_NAME_BYTES};
use crate::vfs::{self, Replace, Space};

/// The unit in which statvfs counts space.
const BLOCK: u64 = 4096;
/// The name of the hash that is told of documents.
const SHA256: &[u8] = b"sha256";
/// `SSH2_FXE_STATVFS_ST_NOSUID`.
const NO_SUID: u64 = 0x2;

impl Desk {
    pub(super) async fn extended(&mut self, extension: Extension) -> Result<Answer, Status> {
        match extension {
            Extension::PosixRename { from, to } => self.rename(&from, &to, Replace::Yes).await,
            Extension::Statvfs { path } => Ok(statvfs(self.view.space(&lookup(&path)?).await?)),
            Extension::Fstatvfs { handle } => Ok(statvfs(self.view.space(self.handles.get(&handle)?.path()).await?)),
            Extension::Fsync { handle } => self.fsync(&handle).await,
            Extension::Lsetstat { path, attrs } => self.setstat(&path, attrs).await,
            Extension::Limits => {
                let most = self.handles.budget().most() as u64;
                Ok(numbers(&[ANNOUNCED_PACKET, MAX_TRANSFER.into(), MAX_TRANSFER.into(), most]))
            }
            Extension::ExpandPath { path } => expand(&path),
            // Everybody's home is the root; whether another login exists is nobody's business.
            Extension::HomeDirectory { user } if user.is_empty() || user == self.view.session().login() => {
                Ok(real_path(&DocPath::root()))
            }
            Extension::HomeDirectory { .. } => Err(Status::OTHER_HOME),
            Extension::CopyData { from, from_offset, length, to, to_offset } => {
                self.copy_data(&from, from_offset, length, &to, to_offset).await
            }
            Extension::UsersGroupsById { users, groups } => {
                let mut body = BytesMut::new();
                body.extend_from_slice(&names_of(users, OWNER_NAME)?);
                body.extend_from_slice(&names_of(groups, GROUP_NAME)?);
                Ok(Answer::Extended(body.freeze()))
            }
            Extension::CheckFileName { path, wanted } => {
                check(&wanted)?;
                Ok(hash(&[], &self.view.sha256(&lookup(&path)?).await?))
            }
            Extension::CheckFileHandle { handle, wanted } => Ok(hash(&[], &self.sha256(&handle, &wanted).await?)),
            Extension::CheckFile { handle, wanted } => {
                Ok(hash(&[b"check-file"], &self.sha256(&handle, &wanted).await?))
            }
            Extension::Unknown => Err(Status::UNSUPPORTED),
        }
    }

    async fn sha256(&self, handle: &[u8], wanted: &HashWanted) -> Result<[u8; 32], Status> {
        check(wanted)?;
        match self.handles.get(handle)? {
            Open::Read { file, .. } => Ok(file.sha256().await?),
            Open::Folder(_) => Err(vfs::Error::IsFolder.into()),
            Open::Write(_) | Open::Settled { .. } => Err(Status::NOT_FOR_READING),
        }
    }

    /// Copies between two open handles; a length of 0 means to the end.
    async fn copy_data(
        &mut self,
        from: &[u8],
        mut from_offset: u64,
        length: u64,
        to: &[u8],
        mut to_offset: u64,
    ) -> Result<Answer, Status> {
        if from == to {
            return Err(Status::SAME_HANDLE);
        }
        let source = self.handles.get(from)?.readable()?;
        let upload = match self.handles.get(to)? {
            Open::Folder(_) => return Err(vfs::Error::IsFolder.into()),
            _ => self.upload(to).await?,
        };
        let mut left = if length == 0 { u64::MAX } else { length };
        while left > 0 {
            let step = usize::try_from(left.min(MERGED_BYTES)).unwrap_or(usize::MAX);
            let data = source.read_at(from_offset, step).await?;
            if data.is_empty() {
                // Less was there than was asked for.
                return if length == 0 { Ok(Answer::Done) } else { Err(Status::EOF) };
            }
            let done = data.len() as u64;
            let next = to_offset.checked_add(done).ok_or(vfs::Error::TooLarge)?;
            if upload.append {
                upload.file.append(data).await?;
            } else {
                upload.file.write_at(to_offset, data).await?;
            }
            (from_offset, to_offset, left) = (from_offset + done, next, left - done);
        }
        Ok(Answer::Done)
    }
}

/// The one hash that is told, since it is known without reading the document: SHA-256, of all of it.
fn check(wanted: &HashWanted) -> Result<(), Status> {
    if !wanted.algorithms.split(|byte| *byte == b',').any(|name| name == SHA256) {
        return Err(Status::OTHER_HASH);
    }
    if (wanted.offset, wanted.length, wanted.block) == (0, 0, 0) { Ok(()) } else { Err(Status::HASH_OF_PART) }
}

/// The answer, behind strings that some want before it.
fn hash(before: &[&[u8]], sha256: &[u8; 32]) -> Answer {
    let mut body = BytesMut::new();
    before.iter().chain([&SHA256]).for_each(|text| codec::put_string(&mut body, text));
    body.put_slice(sha256);
    Answer::Extended(body.freeze())
}

fn numbers(numbers: &[u64]) -> Answer {
    let mut body = BytesMut::with_capacity(numbers.len() * 8);
    numbers.iter().for_each(|n| body.put_u64(*n));
    Answer::Extended(body.freeze())
}

/// f_bsize, f_frsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_favail, f_fsid, f_flag, f_namemax.
fn statvfs(space: Space) -> Answer {
    let free = space.available / BLOCK;
    let all = free.saturating_add(space.used.div_ceil(BLOCK));
    let files = u64::from(u32::MAX);
    numbers(&[BLOCK, BLOCK, all, free, free, files, files, files, 0, NO_SUID, MAX_NAME_BYTES as u64])
}

/// `~` and `~/…` are below one's home; other people's homes are not told.
fn expand(path: &[u8]) -> Result<Answer, Status> {
    match path.strip_prefix(b"~") {
        None => Ok(real_path(&lookup(path)?)),
        Some(rest) if rest.is_empty() || rest.starts_with(b"/") => Ok(real_path(&lookup(rest)?)),
        Some(_) => Err(Status::OTHER_HOME),
    }
}

/// The names of packed 32-bit numbers, themselves packed as strings: number 0 has one, the others are empty.
fn names_of(mut ids: Bytes, name: &str) -> Result<Bytes, Status> {
    if !ids.len().is_multiple_of(4) {
        return Err(Status::BAD_MESSAGE);
    }
    let mut names = BytesMut::new();
    while ids.has_remaining() {
        let name = if ids.get_u32() == 0 { name } else { "" };
        names.put_u32(u32::try_from(name.len()).unwrap_or(0));
        names.put_slice(name.as_bytes());
    }
    let mut counted = BytesMut::with_capacity(4 + names.len());
    counted.put_u32(u32::try_from(names.len()).unwrap_or(0));
    counted.extend_from_slice(&names);
    Ok(counted.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(answer: Result<Answer, Status>) -> Result<String, Status> {
        match answer? {
            Answer::Names(names) => Ok(names[0].name.clone()),
            _ => panic!("a name is the answer"),
        }
    }

    #[test]
    fn ones_own_home_is_expanded_and_nobody_elses() {
        assert_eq!(path_of(expand(b"~")), Ok("/".to_owned()));
        assert_eq!(path_of(expand(b"~/a/../b")), Ok("/b".to_owned()));
        assert_eq!(path_of(expand(b"a/b")), Ok("/a/b".to_owned()));
        assert_eq!(path_of(expand(b"~root/a")), Err(Status::OTHER_HOME));
    }

    #[test]
    fn names_of_numbers_are_packed_as_openssh_reads_them() {
        let ids = Bytes::from_static(&[0, 0, 0, 0, 0, 0, 3, 232]);
        assert_eq!(names_of(ids, "ab").expect("even").as_ref(), [0, 0, 0, 10, 0, 0, 0, 2, b'a', b'b', 0, 0, 0, 0]);
        assert_eq!(names_of(Bytes::from_static(b"abc"), "ab"), Err(Status::BAD_MESSAGE));
    }

    #[test]
    fn space_is_counted_in_blocks_of_four_kibibytes() {
        let Answer::Extended(body) = statvfs(Space { used: 4097, available: 8192 }) else { panic!("extended") };
        let number = |n: usize| body.slice(n * 8..).get_u64();
        assert_eq!((body.len(), number(0), number(2), number(3), number(10)), (88, 4096, 4, 2, 255));
    }
}
