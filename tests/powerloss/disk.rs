//! A file system in memory as programs see it, every change of which is recorded.

use std::collections::{BTreeMap, HashMap};

use fuser::Errno;

use crate::image::Image;
use crate::recording::{Inode, Kind, Position, ROOT, Recording, Step};

/// Files, directories and their recording.
pub(crate) struct Disk {
    nodes: HashMap<Inode, Node>,
    recording: Recording,
    next: Inode,
}

/// A file or directory. One without a name stays until the end of the run: somebody may have it open.
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) mode: u16,
    pub(crate) links: u32,
    pub(crate) content: Vec<u8>,
    pub(crate) entries: BTreeMap<String, Inode>,
}

impl Node {
    fn new(kind: Kind, mode: u16) -> Self {
        Self { kind, mode, links: 0, content: Vec::new(), entries: BTreeMap::new() }
    }
}

impl Disk {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let root = Node { links: 2, ..Node::new(Kind::Directory, 0o700) };
        Self { nodes: HashMap::from([(ROOT, root)]), recording: Recording::default(), next: ROOT + 1 }
    }

    /// One that holds an image, all of it durable.
    pub(crate) fn holding(image: &Image<'_>) -> Self {
        let mut disk = Self::new();
        disk.take_over(image, ROOT, ROOT).expect("an image is a tree");
        for inode in ROOT..disk.next {
            disk.synced(inode, disk.position());
        }
        disk
    }

    fn take_over(&mut self, image: &Image<'_>, from: Inode, to: Inode) -> Result<(), Errno> {
        for (name, inode) in image.directory(from).map(|(_, entries)| entries).into_iter().flatten() {
            if let Some((mode, _)) = image.directory(*inode) {
                let made = self.make(to, name, Kind::Directory, mode)?;
                self.take_over(image, *inode, made)?;
            } else if let Some((mode, content)) = image.file(*inode) {
                let made = self.make(to, name, Kind::File, mode)?;
                self.write(made, 0, content)?;
            }
        }
        Ok(())
    }

    pub(crate) fn position(&self) -> Position {
        self.recording.position()
    }

    /// The recording so far, taken out.
    pub(crate) fn take_recording(&mut self) -> Recording {
        std::mem::take(&mut self.recording)
    }

    pub(crate) fn node(&self, inode: Inode) -> Result<&Node, Errno> {
        self.nodes.get(&inode).ok_or(Errno::ENOENT)
    }

    fn node_mut(&mut self, inode: Inode) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&inode).ok_or(Errno::ENOENT)
    }

    pub(crate) fn lookup(&self, directory: Inode, name: &str) -> Result<Inode, Errno> {
        self.node(directory)?.entries.get(name).copied().ok_or(Errno::ENOENT)
    }

    /// Makes something under a new name.
    pub(crate) fn make(&mut self, directory: Inode, name: &str, kind: Kind, mode: u16) -> Result<Inode, Errno> {
        if self.lookup(directory, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        let inode = self.next;
        self.next += 1;
        self.nodes.insert(inode, Node::new(kind, mode));
        self.recording.steps.push(Step::Make { inode, kind, mode });
        self.name(directory, name, inode)?;
        Ok(inode)
    }

    /// Gives an inode a further name.
    pub(crate) fn name(&mut self, directory: Inode, name: &str, inode: Inode) -> Result<(), Errno> {
        if self.node_mut(directory)?.entries.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        self.node_mut(inode)?.links += 1;
        self.node_mut(directory)?.entries.insert(name.to_owned(), inode);
        self.recording.steps.push(Step::Name { directory, name: name.to_owned(), inode });
        Ok(())
    }

    /// Takes a name away; of a directory only if it is empty.
    pub(crate) fn unname(&mut self, directory: Inode, name: &str) -> Result<(), Errno> {
        let inode = self.lookup(directory, name)?;
        let node = self.node_mut(inode)?;
        if !node.entries.is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        node.links -= 1;
        self.node_mut(directory)?.entries.remove(name);
        self.recording.steps.push(Step::Unname { directory, name: name.to_owned(), inode });
        Ok(())
    }

    pub(crate) fn rename(&mut self, from: (Inode, &str), to: (Inode, &str), replace: bool) -> Result<(), Errno> {
        let inode = self.lookup(from.0, from.1)?;
        if let Ok(replaced) = self.lookup(to.0, to.1) {
            if !replace {
                return Err(Errno::EEXIST);
            }
            let node = self.node_mut(replaced)?;
            if !node.entries.is_empty() {
                return Err(Errno::ENOTEMPTY);
            }
            node.links -= 1;
        }
        self.node_mut(from.0)?.entries.remove(from.1);
        self.node_mut(to.0)?.entries.insert(to.1.to_owned(), inode);
        let (from, to) = ((from.0, from.1.to_owned()), (to.0, to.1.to_owned()));
        self.recording.steps.push(Step::Rename { from, to, inode });
        Ok(())
    }

    pub(crate) fn write(&mut self, inode: Inode, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        let content = &mut self.node_mut(inode)?.content;
        put(content, offset, bytes);
        self.recording.write(inode, offset, bytes);
        Ok(())
    }

    pub(crate) fn resize(&mut self, inode: Inode, length: u64) -> Result<(), Errno> {
        let content = &mut self.node_mut(inode)?.content;
        content.resize(usize::try_from(length).map_err(|_| Errno::EFBIG)?, 0);
        self.recording.steps.push(Step::Resize { inode, length });
        Ok(())
    }

    pub(crate) fn change_mode(&mut self, inode: Inode, mode: u16) -> Result<(), Errno> {
        self.node_mut(inode)?.mode = mode;
        self.recording.steps.push(Step::Mode { inode, mode });
        Ok(())
    }

    /// A sync that was called at `since` returns.
    pub(crate) fn synced(&mut self, inode: Inode, since: Position) {
        self.recording.steps.push(Step::Sync { inode, since });
    }
}

/// Writes into a file's content, which grows with zeros.
pub(crate) fn put(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let start = usize::try_from(offset).expect("a file that fits into memory");
    let end = start + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[start..end].copy_from_slice(bytes);
}
