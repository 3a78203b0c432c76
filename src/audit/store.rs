//! A log read without writing to it: a copy, or a live directory, of which a batch in flight is ignored.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::bundle::{Record, parse_entries, parse_sealed, parse_tile};
use super::checkpoint::Checkpoint;
use super::error::VerifyError;
use super::files::{CHECKPOINT, PUBLIC_KEY, entries_path, sealed_path, tile_path};
use super::journal::{Scan, scan};
use super::leaf::{LEAF_BYTES, Leaf, TAG_AT, Tag};
use super::note::{BadKey, VerifyKey};
use super::tree::{Hash, TILE, Tree, merkle};

/// Attempts to see a consistent state while a daemon writes.
const ATTEMPTS: usize = 5;
/// Tiles that a proof keeps at hand.
const CACHED_TILES: usize = 64;

/// One state of the log.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    pub(super) key: VerifyKey,
    pub(super) checkpoint: Checkpoint,
    /// The signed checkpoint as it is stored.
    pub(super) note: Vec<u8>,
    /// The tree at the checkpoint.
    pub(super) tree: Tree,
    pub(super) journal: Scan,
    /// The partial bundle of entries at the checkpoint.
    pub(super) edge: Vec<u8>,
    tiles: RefCell<HashMap<String, Vec<Hash>>>,
}

impl Store {
    /// Reads checkpoint, right edge of the tree and journal, and checks that they fit together. The key that is given
    /// is trusted; without one, that of the directory itself.
    pub(super) fn load(dir: &Path, key: Option<&VerifyKey>) -> Result<Self, VerifyError> {
        let text = read(dir, PUBLIC_KEY)?;
        let stored: VerifyKey = String::from_utf8_lossy(&text).parse()?;
        if format!("{stored}\n").as_bytes() != text {
            return Err(BadKey.into());
        }
        let key = match key {
            Some(key) if *key != stored => {
                return Err(VerifyError::Checkpoint(format!("public.key in the log is another key: {stored}")));
            }
            _ => stored,
        };
        let mut attempt = 1;
        loop {
            let note = read(dir, CHECKPOINT)?;
            match Self::load_at(dir, &key, &note) {
                Ok(store) => return Ok(store),
                // A daemon that writes may have replaced the partial tiles or dropped a segment meanwhile.
                Err(error) if attempt < ATTEMPTS && (vanished(&error) || has_changed(dir, &note)) => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn load_at(dir: &Path, key: &VerifyKey, note: &[u8]) -> Result<Self, VerifyError> {
        let checkpoint = Checkpoint::open(note, key)?;
        let tree = Tree::from_tiles(checkpoint.size, |level, index, width| {
            let first = index << (8 * (u32::from(level) + 1));
            read_tile(dir, &tile_path(level, index, width), width, first)
        })?;
        if tree.root() != checkpoint.root {
            // Every record under the partial tiles is in doubt; those under the full ones are told apart by `verify`.
            return Err(VerifyError::at(
                checkpoint.size / TILE as u64 * TILE as u64,
                "from here on, the hashes in the partial tiles do not give the root that the checkpoint signs",
            ));
        }
        let (block, width) = (checkpoint.size / TILE as u64, (checkpoint.size % TILE as u64) as usize);
        let edge = match width {
            0 => Vec::new(),
            width => read_for(dir, &entries_path(block, width), block * TILE as u64)?,
        };
        let journal = scan(dir)?;
        if journal.size() < checkpoint.size {
            let what = format!("missing: the journal ends here, below the checkpoint of {} records", checkpoint.size);
            return Err(VerifyError::at(journal.size(), what));
        }
        if journal.first > checkpoint.size / TILE as u64 * TILE as u64 {
            return Err(VerifyError::at(checkpoint.size / TILE as u64 * TILE as u64, "missing from the journal"));
        }
        let (key, tiles) = (key.clone(), RefCell::default());
        Ok(Self { dir: dir.to_owned(), key, checkpoint, note: note.to_vec(), tree, journal, edge, tiles })
    }

    /// Records, those after the checkpoint included.
    pub(super) fn size(&self) -> u64 {
        self.journal.size()
    }

    /// Records in full bundles under the checkpoint.
    pub(super) fn bundled(&self) -> u64 {
        self.checkpoint.size / TILE as u64 * TILE as u64
    }

    /// The leaves of a full bundle up to the first bad one, and what is wrong with that.
    pub(super) fn sound_leaves(&self, block: u64) -> (Vec<Leaf>, Option<VerifyError>) {
        let (first, path) = (block * TILE as u64, entries_path(block, TILE));
        match read_for(&self.dir, &path, first) {
            Ok(bytes) => {
                let (leaves, sound) = parse_entries(&bytes);
                let bad = whole(first, leaves.len(), sound, &path);
                (leaves, bad)
            }
            Err(error) => (Vec::new(), Some(error)),
        }
    }

    /// The sealed bodies of a full bundle up to the first bad one, and what is wrong with that.
    pub(super) fn sound_bodies(&self, block: u64) -> (Vec<Vec<u8>>, Option<VerifyError>) {
        let (first, path) = (block * TILE as u64, sealed_path(block));
        match read_for(&self.dir, &path, first) {
            Ok(bytes) => {
                let (bodies, sound) = parse_sealed(&bytes);
                let bad = whole(first, bodies.len(), sound, &path);
                (bodies.into_iter().map(<[u8]>::to_vec).collect(), bad)
            }
            Err(error) => (Vec::new(), Some(error)),
        }
    }

    /// May a leaf of a full bundle have this matter? Looks at its bytes alone, which takes a tenth of reading the leaves.
    pub(super) fn mentions(&self, block: u64, tag: &Tag) -> Result<bool, VerifyError> {
        let bytes = read_for(&self.dir, &entries_path(block, TILE), block * TILE as u64)?;
        Ok(bytes.chunks_exact(LEAF_BYTES + 2).any(|leaf| leaf[2 + TAG_AT..].starts_with(tag)))
    }

    /// The leaves of a full bundle.
    pub(super) fn leaves(&self, block: u64) -> Result<Vec<Leaf>, VerifyError> {
        let (leaves, bad) = self.sound_leaves(block);
        bad.map_or(Ok(leaves), Err)
    }

    /// The sealed bodies of a full bundle.
    pub(super) fn bodies(&self, block: u64) -> Result<Vec<Vec<u8>>, VerifyError> {
        let (bodies, bad) = self.sound_bodies(block);
        bad.map_or(Ok(bodies), Err)
    }

    /// The records of a full bundle.
    pub(super) fn block(&self, block: u64) -> Result<Vec<Record>, VerifyError> {
        let records = self.leaves(block)?.into_iter().zip(self.bodies(block)?);
        Ok(records.map(|(leaf, sealed)| Record { leaf, sealed }).collect())
    }

    /// One record.
    pub(super) fn record(&self, seq: u64) -> Result<Record, VerifyError> {
        if let Some(record) = self.journal.get(seq) {
            return Ok(record.clone());
        }
        if seq >= self.size() {
            return Err(VerifyError::at(seq, format!("there is none: the log has {} records", self.size())));
        }
        Ok(self.block(seq / TILE as u64)?.swap_remove((seq % TILE as u64) as usize))
    }

    /// The hash of a perfect subtree below the checkpoint, from the tiles.
    pub(super) fn subtree(&self, height: u32, index: u64) -> Result<Hash, VerifyError> {
        let (level, wide) = ((height / 8) as u8, 1usize << (height % 8));
        let start = index * wide as u64;
        let (tile, offset) = (start / TILE as u64, (start % TILE as u64) as usize);
        let there = self.checkpoint.size >> (8 * u32::from(level));
        let width = usize::try_from(there - tile * TILE as u64).unwrap_or(TILE).min(TILE);
        let path = tile_path(level, tile, width);
        let mut tiles = self.tiles.borrow_mut();
        if !tiles.contains_key(&path) {
            if tiles.len() >= CACHED_TILES {
                tiles.clear();
            }
            let hashes = match self.tree.partial_tiles().find(|partial| (partial.0, partial.1) == (level, tile)) {
                Some((_, _, hashes)) => hashes.to_vec(),
                None => read_tile(&self.dir, &path, width, tile << (8 * (u32::from(level) + 1)))?,
            };
            tiles.insert(path.clone(), hashes);
        }
        Ok(merkle(&tiles[&path][offset..offset + wide]))
    }

    /// The bytes of a file; nothing if there is none.
    pub(super) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, VerifyError> {
        match fs::read(self.dir.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(VerifyError::Io { path: self.dir.join(path), source }),
        }
    }
}

fn read(dir: &Path, path: &str) -> Result<Vec<u8>, VerifyError> {
    let path = dir.join(path);
    fs::read(&path).map_err(|source| VerifyError::Io { path, source })
}

fn vanished(error: &VerifyError) -> bool {
    matches!(error, VerifyError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

fn has_changed(dir: &Path, note: &[u8]) -> bool {
    fs::read(dir.join(CHECKPOINT)).is_ok_and(|now| now != note)
}

/// What is wrong with a bundle that has `found` parts, if anything is.
fn whole(first: u64, found: usize, sound: bool, path: &str) -> Option<VerifyError> {
    // In a bundle with too many parts, the last that belongs is as suspect as the first that does not.
    let bad = first + found.min(TILE - 1) as u64;
    (!sound || found != TILE).then(|| VerifyError::at(bad, format!("damaged in {path}")))
}

/// Reads a file of which a record is known to need it.
fn read_for(dir: &Path, path: &str, first: u64) -> Result<Vec<u8>, VerifyError> {
    fs::read(dir.join(path)).map_err(|error| VerifyError::at(first, format!("{path}: {error}")))
}

fn read_tile(dir: &Path, path: &str, width: usize, first: u64) -> Result<Vec<Hash>, VerifyError> {
    let bytes = read_for(dir, path, first)?;
    parse_tile(&bytes, width).ok_or_else(|| VerifyError::at(first, format!("{path} has the wrong length")))
}
