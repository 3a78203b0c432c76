//! What may be on the disk after the power went: an image is what had been promised, and a random part of the rest.
//!
//! Three models, each allowed by POSIX and stricter than or equal to what the usual file systems do:
//!
//! - *strict*: nothing has an order but by a sync. A file's bytes and length are certain up to its own last fsync or
//!   fdatasync; every later write survives, vanishes or survives torn by sectors, and a file may have its new length
//!   without its new bytes, which then are zeros. A name is certain only by an fsync of its directory, not by one of the
//!   file (ext4 would make both durable); without, each creation, removal and rename survives or not by itself. A rename is
//!   one step: the file is never without both names, but when the target's directory alone was synced it may have both.
//! - *journalled*: names and lengths survive up to one moment after the last sync, in order; bytes as in the strict model
//!   (ext4 with `data=writeback`).
//! - *prefix*: everything up to one moment after the last sync, in order, as an ordered disk behind a slow cable has it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::disk::put;
use crate::random::Random;
use crate::recording::{Inode, Kind, Position, ROOT, Recording, Step};
use crate::trial::Lie;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Model {
    Strict,
    Journalled,
    Prefix,
}

/// How one image comes from a recording. The seed decides all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// The power goes after this step.
    pub(crate) cut: Position,
    pub(crate) model: Model,
}

/// A change of a file since its last sync.
#[derive(Debug, Clone)]
enum Change {
    Write { offset: u64, data: Range<usize> },
    Resize(u64),
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    mode: u16,
    /// What is certain of a file.
    content: Vec<u8>,
    /// What was done to it since, with the step's position.
    pending: Vec<(Position, Change)>,
    /// What is certain of a directory.
    entries: BTreeMap<String, Inode>,
}

/// A change of names that no sync has covered.
#[derive(Debug, Clone)]
enum Naming {
    Add { to: (Inode, String), inode: Inode },
    Remove { from: (Inode, String), inode: Inode },
    Rename { from: (Inode, String), to: (Inode, String), inode: Inode },
}

/// A recording played up to a position: what is certain there, and what is not.
pub(crate) struct Replay<'r> {
    recording: &'r Recording,
    position: Position,
    nodes: BTreeMap<Inode, Node>,
    namings: Vec<(Position, Naming)>,
    /// The syncs that do not count, to see whether anybody notices.
    lie: Lie,
    /// The file last put under the name `checkpoint`.
    checkpoint: Option<Inode>,
    /// A name that each inode has or had, for the lie.
    named: BTreeMap<Inode, String>,
}

impl<'r> Replay<'r> {
    /// At the beginning.
    pub(crate) fn new(recording: &'r Recording, lie: Lie) -> Self {
        let root = Node::new(Kind::Directory, 0o700);
        Self {
            recording,
            position: 0,
            nodes: BTreeMap::from([(ROOT, root)]),
            namings: Vec::new(),
            lie,
            checkpoint: None,
            named: BTreeMap::from([(ROOT, String::new())]),
        }
    }

    /// Plays on up to a position.
    pub(crate) fn advance(&mut self, to: Position) {
        let recording = self.recording;
        for position in self.position..to {
            self.take(position, &recording.steps[position]);
        }
        self.position = self.position.max(to);
    }

    fn take(&mut self, position: Position, step: &Step) {
        match step {
            Step::Make { inode, kind, mode } => drop(self.nodes.insert(*inode, Node::new(*kind, *mode))),
            Step::Mode { inode, mode } => self.node(*inode).mode = *mode,
            Step::Write { inode, offset, data } => {
                let change = Change::Write { offset: *offset, data: data.clone() };
                self.node(*inode).pending.push((position, change));
            }
            Step::Resize { inode, length } => self.node(*inode).pending.push((position, Change::Resize(*length))),
            Step::Name { directory, name, inode } => {
                let path = format!("{}/{name}", self.named[directory]);
                self.named.entry(*inode).or_insert(path);
                let to = (*directory, name.clone());
                self.namings.push((position, Naming::Add { to, inode: *inode }));
            }
            Step::Unname { directory, name, inode } => {
                let from = (*directory, name.clone());
                self.namings.push((position, Naming::Remove { from, inode: *inode }));
            }
            Step::Rename { from, to, inode } => {
                if to.1 == "checkpoint" {
                    self.checkpoint = Some(*inode);
                }
                let naming = Naming::Rename { from: from.clone(), to: to.clone(), inode: *inode };
                self.namings.push((position, naming));
            }
            Step::Sync { inode, .. } if (self.lie)(&self.named[inode]) => {}
            Step::Sync { inode, since } => match self.node(*inode).kind {
                Kind::Directory => self.settle_names(*inode, *since),
                _ => self.settle_content(*inode, *since),
            },
        }
    }

    fn node(&mut self, inode: Inode) -> &mut Node {
        self.nodes.get_mut(&inode).expect("made by an earlier step")
    }

    /// What was written to a file before `since` is certain.
    fn settle_content(&mut self, inode: Inode, since: Position) {
        let data = &self.recording.data;
        let node = self.nodes.get_mut(&inode).expect("made by an earlier step");
        let covered = node.pending.partition_point(|(position, _)| *position < since);
        for (_, change) in node.pending.drain(..covered) {
            change.apply(&mut node.content, data);
        }
    }

    /// What happened to the names in a directory before `since` is certain. Of a rename into it from elsewhere, that the
    /// old name is gone is not; of one out of it, nothing is before the target's directory is synced.
    fn settle_names(&mut self, directory: Inode, since: Position) {
        let mut kept = Vec::new();
        for (position, naming) in std::mem::take(&mut self.namings) {
            match naming {
                Naming::Add { to, inode } if to.0 == directory && position < since => add(&mut self.nodes, &to, inode),
                Naming::Remove { from, inode } if from.0 == directory && position < since => {
                    remove(&mut self.nodes, &from, inode);
                }
                Naming::Rename { from, to, inode } if to.0 == directory && position < since => {
                    add(&mut self.nodes, &to, inode);
                    if from.0 == directory {
                        remove(&mut self.nodes, &from, inode);
                    } else {
                        kept.push((position, Naming::Remove { from, inode }));
                    }
                }
                other => kept.push((position, other)),
            }
        }
        self.namings = kept;
    }

    /// The newest signed checkpoint that anybody can have seen by now; it was synced before it got its name.
    pub(crate) fn checkpoint(&self) -> Option<&[u8]> {
        self.checkpoint.map(|inode| self.nodes[&inode].content.as_slice())
    }

    /// What the disk holds when the power goes here.
    pub(crate) fn image(&self, plan: Plan) -> Image<'_> {
        let mut fate = Fate::new(self.recording, plan);
        let mut image = Image { files: BTreeMap::new(), directories: BTreeMap::new() };
        for (inode, node) in &self.nodes {
            match node.kind {
                Kind::Directory => drop(image.directories.insert(*inode, (node.mode, node.entries.clone()))),
                Kind::File => {
                    let content = match node.pending.is_empty() {
                        true => Cow::Borrowed(node.content.as_slice()),
                        false => Cow::Owned(fate.of_content(node, &self.recording.data)),
                    };
                    image.files.insert(*inode, (node.mode, content));
                }
                Kind::Socket => {}
            }
        }
        for (position, naming) in &self.namings {
            if fate.name_survives(*position) {
                image.apply(naming);
            }
        }
        image
    }
}

impl Node {
    fn new(kind: Kind, mode: u16) -> Self {
        Self { kind, mode, content: Vec::new(), pending: Vec::new(), entries: BTreeMap::new() }
    }
}

fn add(nodes: &mut BTreeMap<Inode, Node>, (directory, name): &(Inode, String), inode: Inode) {
    let node = nodes.get_mut(directory).expect("made by an earlier step");
    node.entries.insert(name.clone(), inode);
}

/// Only what was meant: another file may have the name by now.
fn remove(nodes: &mut BTreeMap<Inode, Node>, (directory, name): &(Inode, String), inode: Inode) {
    let node = nodes.get_mut(directory).expect("made by an earlier step");
    if node.entries.get(name) == Some(&inode) {
        node.entries.remove(name);
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>, data: &[u8]) {
        match self {
            Self::Write { offset, data: range } => put(content, *offset, &data[range.clone()]),
            Self::Resize(length) => content.resize(usize::try_from(*length).expect("it fits into memory"), 0),
        }
    }
}

/// Decides what survives of the steps that nobody was promised.
struct Fate {
    random: Random,
    model: Model,
    /// For the ordered models: what came later did not get to the disk.
    moment: Position,
    /// In the strict model, so many names and lengths of a hundred survive.
    names: usize,
    /// So many writes of a hundred survive whole, and so many of the rest in part.
    writes: usize,
    torn: usize,
    sector: usize,
}

impl Fate {
    fn new(recording: &Recording, plan: Plan) -> Self {
        let mut random = Random::new(plan.seed ^ 0xfa7e);
        let first = recording.last_sync(plan.cut);
        let moment = first + random.below(plan.cut - first + 1);
        // From a disk that kept nothing more to one that kept nearly all.
        let chances = [0, 10, 50, 90, 100];
        let (names, writes) = (*random.pick(&chances), *random.pick(&chances));
        let (torn, sector) = (*random.pick(&[0, 30, 90]), *random.pick(&[512, 4096]));
        Self { random, model: plan.model, moment, names, writes, torn, sector }
    }

    fn name_survives(&mut self, position: Position) -> bool {
        match self.model {
            Model::Strict => self.random.percent(self.names),
            Model::Journalled | Model::Prefix => position < self.moment,
        }
    }

    fn of_content(&mut self, node: &Node, data: &[u8]) -> Vec<u8> {
        let mut content = node.content.clone();
        for (position, change) in &node.pending {
            match change {
                _ if self.model == Model::Prefix => {
                    if *position < self.moment {
                        change.apply(&mut content, data);
                    }
                }
                Change::Resize(_) => {
                    if self.name_survives(*position) {
                        change.apply(&mut content, data);
                    }
                }
                Change::Write { offset, data: range } => {
                    self.write(*position, *offset, &data[range.clone()], &mut content);
                }
            }
        }
        content
    }

    fn write(&mut self, position: Position, offset: u64, bytes: &[u8], content: &mut Vec<u8>) {
        let whole = self.random.percent(self.writes);
        let partly = !whole && self.random.percent(self.torn);
        let grown = self.name_survives(position);
        let start = usize::try_from(offset).expect("it fits into memory");
        if whole || partly {
            let mut at = 0;
            while at < bytes.len() {
                let until = ((start + at) / self.sector + 1) * self.sector - start;
                let piece = &bytes[at..until.min(bytes.len())];
                if whole || self.random.percent(50) {
                    put(content, (start + at) as u64, piece);
                }
                at += piece.len();
            }
        }
        if grown && content.len() < start + bytes.len() {
            content.resize(start + bytes.len(), 0);
        }
    }
}

/// A disk's content.
pub(crate) struct Image<'r> {
    files: BTreeMap<Inode, (u16, Cow<'r, [u8]>)>,
    directories: BTreeMap<Inode, (u16, BTreeMap<String, Inode>)>,
}

impl Image<'_> {
    fn apply(&mut self, naming: &Naming) {
        let (from, to, inode) = match naming {
            Naming::Add { to, inode } => (None, Some(to), *inode),
            Naming::Remove { from, inode } => (Some(from), None, *inode),
            Naming::Rename { from, to, inode } => (Some(from), Some(to), *inode),
        };
        if let Some((directory, name)) = from
            && let Some((_, entries)) = self.directories.get_mut(directory)
            && entries.get(name) == Some(&inode)
        {
            entries.remove(name);
        }
        if let Some((directory, name)) = to
            && let Some((_, entries)) = self.directories.get_mut(directory)
        {
            entries.insert(name.clone(), inode);
        }
    }

    /// The names in a directory, with its permissions; nothing if the inode is none.
    pub(crate) fn directory(&self, inode: Inode) -> Option<(u16, &BTreeMap<String, Inode>)> {
        self.directories.get(&inode).map(|(mode, entries)| (*mode, entries))
    }

    /// A file's permissions and content; nothing if the inode is none.
    pub(crate) fn file(&self, inode: Inode) -> Option<(u16, &[u8])> {
        self.files.get(&inode).map(|(mode, content)| (*mode, content.as_ref()))
    }

    /// Writes one directory of the disk's root, and all below it, to `target`.
    pub(crate) fn write_to(&self, target: &Path, name: &str) -> io::Result<()> {
        match self.directories[&ROOT].1.get(name) {
            Some(inode) => self.write_directory(*inode, target),
            // It did not survive: an empty directory stands for that.
            None => fs::create_dir(target),
        }
    }

    fn write_directory(&self, inode: Inode, target: &Path) -> io::Result<()> {
        let (mode, entries) = self.directory(inode).expect("a directory");
        DirBuilder::new().mode(u32::from(mode)).create(target)?;
        for (name, inode) in entries {
            let path = target.join(name);
            if self.directory(*inode).is_some() {
                self.write_directory(*inode, &path)?;
            } else if let Some((mode, content)) = self.file(*inode) {
                let mut options = OpenOptions::new();
                options.write(true).create_new(true).mode(u32::from(mode)).open(&path)?.write_all(content)?;
            }
        }
        Ok(())
    }
}
