//! The recording disk as a mounted FUSE file system, so that any program can run on it unchanged.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use crate::disk::Disk;
use crate::recording::{Inode, Kind, Position, Recording};

/// Nobody but the kernel changes anything, so it may believe what it was told.
const FOREVER: Duration = Duration::from_secs(24 * 3600);
/// How long a sync takes: what others do meanwhile is then not covered by it.
const SYNC: Duration = Duration::from_micros(400);
const BLOCK: u32 = 4096;
/// What `fallocate` may be asked for beside plain growth: room behind the end (linux/falloc.h, FALLOC_FL_KEEP_SIZE).
const KEEP_SIZE: i32 = 1;

/// A mounted recording disk.
pub(crate) struct Mounted {
    disk: Arc<Mutex<Disk>>,
    session: Option<BackgroundSession>,
}

impl Mounted {
    /// Mounts a disk.
    pub(crate) fn at(mountpoint: &Path, disk: Disk) -> io::Result<Self> {
        let disk = Arc::new(Mutex::new(disk));
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("deedbox-powerloss".to_owned()), MountOption::NoAtime];
        config.n_threads = Some(4);
        let session = fuser::spawn_mount(Recorder::new(disk.clone()), mountpoint, &config)?;
        Ok(Self { disk, session: Some(session) })
    }

    /// How far the recording has come.
    pub(crate) fn position(&self) -> Position {
        locked(&self.disk).position()
    }

    /// Unmounts, and gives the recording.
    pub(crate) fn finish(mut self) -> io::Result<Recording> {
        self.session.take().expect("mounted").umount_and_join()?;
        Ok(locked(&self.disk).take_recording())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no step panics")
}

/// Names in a directory as one reader of it sees them.
type Listing = Vec<(Inode, FileType, String)>;

struct Recorder {
    disk: Arc<Mutex<Disk>>,
    /// Directories that are being read: what changes meanwhile does not move a reader's place.
    listings: Mutex<(u64, HashMap<u64, Listing>)>,
    epoch: SystemTime,
}

impl Recorder {
    fn new(disk: Arc<Mutex<Disk>>) -> Self {
        Self { disk, listings: Mutex::default(), epoch: SystemTime::now() }
    }

    fn attributes(&self, disk: &Disk, inode: Inode) -> Result<FileAttr, Errno> {
        let node = disk.node(inode)?;
        let size = node.content.len() as u64;
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        Ok(FileAttr {
            ino: INodeNo(inode),
            size,
            blocks: size.div_ceil(512),
            atime: self.epoch,
            mtime: self.epoch,
            ctime: self.epoch,
            crtime: self.epoch,
            kind: file_type(node.kind),
            perm: node.mode,
            nlink: node.links,
            uid,
            gid,
            rdev: 0,
            blksize: BLOCK,
            flags: 0,
        })
    }

    /// Answers with the attributes of what an operation found or made.
    fn entry(&self, reply: ReplyEntry, find: impl FnOnce(&mut Disk) -> Result<Inode, Errno>) {
        let mut disk = locked(&self.disk);
        match find(&mut disk).and_then(|inode| self.attributes(&disk, inode)) {
            Ok(attributes) => reply.entry(&FOREVER, &attributes, Generation(0)),
            Err(errno) => reply.error(errno),
        }
    }

    fn change(&self, reply: ReplyEmpty, change: impl FnOnce(&mut Disk) -> Result<(), Errno>) {
        let done = change(&mut locked(&self.disk));
        match done {
            Ok(()) => reply.ok(),
            Err(errno) => reply.error(errno),
        }
    }

    fn sync(&self, inode: Inode, reply: ReplyEmpty) {
        let since = locked(&self.disk).position();
        thread::sleep(SYNC);
        locked(&self.disk).synced(inode, since);
        reply.ok();
    }
}

fn file_type(kind: Kind) -> FileType {
    match kind {
        Kind::File => FileType::RegularFile,
        Kind::Directory => FileType::Directory,
        Kind::Socket => FileType::Socket,
    }
}

/// The names that Deedbox gives its files are ASCII.
fn text(name: &OsStr) -> &str {
    name.to_str().expect("an ASCII name")
}

fn permissions(mode: u32, umask: u32) -> u16 {
    (mode & !umask & 0o7777) as u16
}

impl Filesystem for Recorder {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.entry(reply, |disk| disk.lookup(parent.0, text(name)));
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(&locked(&self.disk), inode.0) {
            Ok(attributes) => reply.attr(&FOREVER, &attributes),
            Err(errno) => reply.error(errno),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut disk = locked(&self.disk);
        let resized = size.map_or(Ok(()), |size| disk.resize(inode.0, size));
        let changed =
            resized.and_then(|()| mode.map_or(Ok(()), |mode| disk.change_mode(inode.0, permissions(mode, 0))));
        match changed.and_then(|()| self.attributes(&disk, inode.0)) {
            Ok(attributes) => reply.attr(&FOREVER, &attributes),
            Err(errno) => reply.error(errno),
        }
    }

    fn mknod(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, _rdev: u32, reply: ReplyEntry) {
        // S_IFMT (inode(7)): the control socket, or a plain file.
        let kind = if mode & 0o170_000 == 0o140_000 { Kind::Socket } else { Kind::File };
        self.entry(reply, |disk| disk.make(parent.0, text(name), kind, permissions(mode, umask)));
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        self.entry(reply, |disk| disk.make(parent.0, text(name), Kind::Directory, permissions(mode, umask)));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let mut disk = locked(&self.disk);
        let made = disk.make(parent.0, text(name), Kind::File, permissions(mode, umask));
        match made.and_then(|inode| self.attributes(&disk, inode)) {
            Ok(attributes) => {
                reply.created(&FOREVER, &attributes, Generation(0), FileHandle(0), FopenFlags::empty());
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn link(&self, _: &Request, inode: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.entry(reply, |disk| disk.name(parent.0, text(name), inode.0).map(|()| inode.0));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.change(reply, |disk| disk.unname(parent.0, text(name)));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.change(reply, |disk| disk.unname(parent.0, text(name)));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        to_parent: INodeNo,
        to_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !(flags - RenameFlags::RENAME_NOREPLACE).is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let replace = flags.is_empty();
        self.change(reply, |disk| disk.rename((parent.0, text(name)), (to_parent.0, text(to_name)), replace));
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let disk = locked(&self.disk);
        match disk.node(inode.0) {
            Ok(node) => {
                let start = node.content.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
                let end = node.content.len().min(start + size as usize);
                reply.data(&node.content[start..end]);
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = locked(&self.disk).write(inode.0, offset, data);
        match written {
            Ok(()) => reply.written(u32::try_from(data.len()).expect("a request of at most 16 MiB")),
            Err(errno) => reply.error(errno),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fallocate(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        self.change(reply, |disk| match mode {
            0 if offset + length > disk.node(inode.0)?.content.len() as u64 => disk.resize(inode.0, offset + length),
            0 | KEEP_SIZE => Ok(()),
            _ => Err(Errno::EOPNOTSUPP),
        });
    }

    fn fsync(&self, _: &Request, inode: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        self.sync(inode.0, reply);
    }

    fn fsyncdir(&self, _: &Request, inode: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        self.sync(inode.0, reply);
    }

    fn opendir(&self, _: &Request, inode: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let disk = locked(&self.disk);
        let entries = match disk.node(inode.0) {
            Ok(node) => &node.entries,
            Err(errno) => return reply.error(errno),
        };
        let kind = |inode: Inode| disk.node(inode).map_or(FileType::RegularFile, |node| file_type(node.kind));
        let dots = [".", ".."].map(|name| (inode.0, FileType::Directory, name.to_owned()));
        let names = entries.iter().map(|(name, inode)| (*inode, kind(*inode), name.clone()));
        let mut listings = locked(&self.listings);
        listings.0 += 1;
        let handle = listings.0;
        listings.1.insert(handle, dots.into_iter().chain(names).collect());
        reply.opened(FileHandle(handle), FopenFlags::empty());
    }

    fn readdir(&self, _: &Request, _: INodeNo, handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let listings = locked(&self.listings);
        let listing = listings.1.get(&handle.0).map(Vec::as_slice).unwrap_or_default();
        for (at, (inode, kind, name)) in listing.iter().enumerate().skip(usize::try_from(offset).unwrap_or(usize::MAX))
        {
            if reply.add(INodeNo(*inode), at as u64 + 1, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        locked(&self.listings).1.remove(&handle.0);
        reply.ok();
    }

    /// There is always room: full disks are another test's matter.
    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        const BLOCKS: u64 = 1 << 24;
        reply.statfs(BLOCKS, BLOCKS, BLOCKS, 1 << 20, 1 << 20, BLOCK, 255, BLOCK);
    }
}
