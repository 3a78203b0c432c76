//! The Merkle tree of RFC 6962 section 2.1, kept as its right edge, and inclusion proofs.

use aws_lc_rs::digest::{Context, SHA256, digest};

use super::leaf::array;

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// Hashes in a full tile (C2SP tlog-tiles).
pub(super) const TILE: usize = 256;

/// SHA-256 of some bytes.
pub(super) fn sha256(data: &[u8]) -> Hash {
    array(digest(&SHA256, data).as_ref())
}

/// SHA-256 of several pieces, one after the other.
pub(super) fn sha256_of(pieces: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    pieces.iter().for_each(|piece| context.update(piece));
    array(context.finish().as_ref())
}

/// RFC 6962: the hash of an entry. The prefix keeps entries and nodes apart (second preimages).
pub(super) fn leaf_hash(entry: &[u8]) -> Hash {
    sha256_of(&[&[0], entry])
}

/// RFC 6962: the hash of an inner node.
pub(super) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    sha256(&bytes)
}

/// Where RFC 6962 divides a tree of `n` > 1 entries: the largest power of two below `n`.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// The Merkle tree hash over hashes of equally high, perfect subtrees; at least one.
pub(super) fn merkle(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => sha256(b""),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(split(many.len() as u64) as usize);
            node_hash(&merkle(left), &merkle(right))
        }
    }
}

/// A tile that became full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FullTile {
    pub(super) level: u8,
    pub(super) index: u64,
    pub(super) hashes: Vec<Hash>,
    /// The hash over them, which stands in the tile above.
    pub(super) root: Hash,
}

/// A growing tree, of which only the partial tiles of the right edge are in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    size: u64,
    /// Per level, the hashes of the tile that is being filled: at most 255.
    edge: Vec<Vec<Hash>>,
}

impl Tree {
    /// The tree of this size whose partial tiles `tile(level, index, width)` gives.
    pub(super) fn from_tiles<E>(
        size: u64,
        mut tile: impl FnMut(u8, u64, usize) -> Result<Vec<Hash>, E>,
    ) -> Result<Self, E> {
        let mut edge = Vec::new();
        let (mut level, mut above) = (0, size);
        while above > 0 {
            let width = (above % TILE as u64) as usize;
            edge.push(if width == 0 { Vec::new() } else { tile(level, above / TILE as u64, width)? });
            above /= TILE as u64;
            level += 1;
        }
        Ok(Self { size, edge })
    }

    /// Entries in the tree.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds an entry by its leaf hash and hands every tile that it fills to `full`.
    pub(super) fn append(&mut self, leaf: Hash, mut full: impl FnMut(FullTile)) {
        self.size += 1;
        let (mut hash, mut level, mut above) = (leaf, 0, self.size);
        loop {
            if self.edge.len() == level {
                self.edge.push(Vec::new());
            }
            self.edge[level].push(hash);
            if self.edge[level].len() < TILE {
                return;
            }
            let hashes = std::mem::take(&mut self.edge[level]);
            hash = merkle(&hashes);
            above /= TILE as u64;
            full(FullTile { level: level as u8, index: above - 1, hashes, root: hash });
            level += 1;
        }
    }

    /// The partial tiles: level, index and hashes.
    pub(super) fn partial_tiles(&self) -> impl Iterator<Item = (u8, u64, &[Hash])> {
        let tiles = self.edge.iter().enumerate().filter(|(_, hashes)| !hashes.is_empty());
        tiles.map(|(level, hashes)| (level as u8, self.size >> (8 * (level + 1)), hashes.as_slice()))
    }

    /// The root hash.
    pub(super) fn root(&self) -> Hash {
        // From the left, the tree is a run of perfect subtrees of falling height; hang them together from the right.
        let mut perfect = Vec::new();
        for hashes in self.edge.iter().rev() {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let (left, right) = rest.split_at(1 << rest.len().ilog2());
                perfect.push(merkle(left));
                rest = right;
            }
        }
        let mut perfect = perfect.into_iter().rev();
        match perfect.next() {
            Some(last) => perfect.fold(last, |right, left| node_hash(&left, &right)),
            None => merkle(&[]),
        }
    }
}

/// RFC 6962 section 2.1.1: the audit path of entry `index` in the tree of `size`, leaf's sibling first. `subtree(height,
/// n)` gives the hash of the `n`-th perfect subtree with 2^height entries.
pub(super) fn inclusion_proof<E>(
    index: u64,
    size: u64,
    subtree: &mut impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            path.push(range_hash(middle, high, subtree)?);
            high = middle;
        } else {
            path.push(range_hash(low, middle, subtree)?);
            low = middle;
        }
    }
    path.reverse();
    Ok(path)
}

fn range_hash<E>(low: u64, high: u64, subtree: &mut impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    let n = high - low;
    if n.is_power_of_two() {
        return subtree(n.ilog2(), low / n);
    }
    let middle = low + split(n);
    Ok(node_hash(&range_hash(low, middle, subtree)?, &range_hash(middle, high, subtree)?))
}

/// RFC 9162 section 2.1.3.2: true if the path leads from the leaf to the root.
pub(super) fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn h(text: &str) -> Hash {
        array(&hex::decode(text).expect("hexadecimal"))
    }

    /// The eight entries of the Certificate Transparency reference tests.
    fn entries() -> Vec<Hash> {
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
            .iter()
            .map(|entry| leaf_hash(&hex::decode(entry).expect("hexadecimal")))
            .collect()
    }

    fn prove(leaves: &[Hash], index: u64, size: u64) -> Vec<Hash> {
        let mut subtree = |height: u32, n: u64| -> Result<Hash, Infallible> {
            let width = 1usize << height;
            Ok(merkle(&leaves[n as usize * width..(n as usize + 1) * width]))
        };
        inclusion_proof(index, size, &mut subtree).expect("infallible")
    }

    #[test]
    fn roots_are_those_of_the_certificate_transparency_tests() {
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::default();
        for (size, root) in roots.iter().enumerate() {
            assert_eq!(tree.root(), h(root), "size {size}");
            if let Some(leaf) = entries().get(size) {
                tree.append(*leaf, |_| ());
            }
        }
    }

    #[test]
    fn paths_are_those_of_the_certificate_transparency_tests() {
        let cases: [(u64, u64, &[&str]); 5] = [
            (0, 1, &[]),
            (
                0,
                8,
                &[
                    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                ],
            ),
            (
                5,
                8,
                &[
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
            (
                1,
                5,
                &[
                    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                ],
            ),
        ];
        let leaves = entries();
        for (index, size, path) in cases {
            let path: Vec<Hash> = path.iter().map(|hash| h(hash)).collect();
            assert_eq!(prove(&leaves, index, size), path, "{index} in {size}");
        }
    }

    proptest! {
        #[test]
        fn every_path_verifies_and_no_altered_one_does(
            size in 1u64..700, index in 0u64..700, at in 0usize..10, bit in 0usize..256
        ) {
            let index = index % size;
            let leaves: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
            let root = merkle(&leaves);
            let mut path = prove(&leaves, index, size);
            let leaf = &leaves[index as usize];
            prop_assert!(verify_inclusion(leaf, index, size, &path, &root));
            prop_assert!(!verify_inclusion(&leaf_hash(b"another"), index, size, &path, &root));
            prop_assert!(!verify_inclusion(leaf, size, size, &path, &root));
            if !path.is_empty() {
                let at = at % path.len();
                path[at][bit / 8] ^= 1 << (bit % 8);
                prop_assert!(!verify_inclusion(leaf, index, size, &path, &root));
                path.remove(at);
                prop_assert!(!verify_inclusion(leaf, index, size, &path, &root));
            }
        }
    }

    #[test]
    fn a_tree_of_70000_has_the_tiles_of_the_specification_and_goes_on_from_them() {
        let mut tree = Tree::default();
        let mut full = Vec::new();
        let mut leaves = Vec::new();
        for n in 0..70_000u64 {
            leaves.push(leaf_hash(&n.to_be_bytes()));
            tree.append(leaves[n as usize], |tile| full.push((tile.level, tile.index)));
        }
        assert_eq!(full.iter().filter(|tile| tile.0 == 0).count(), 273);
        assert_eq!(full.iter().filter(|tile| tile.0 == 1).count(), 1);
        let widths: Vec<_> = tree.partial_tiles().map(|(level, index, hashes)| (level, index, hashes.len())).collect();
        assert_eq!(widths, [(0, 273, 112), (1, 1, 17), (2, 0, 1)]);
        assert_eq!(tree.root(), merkle(&leaves));

        let partial: Vec<_> = tree.partial_tiles().map(|(l, i, hashes)| (l, i, hashes.to_vec())).collect();
        let again = Tree::from_tiles(70_000, |level, index, width| -> Result<_, Infallible> {
            let tile = partial.iter().find(|tile| (tile.0, tile.1) == (level, index)).expect("it is there");
            assert_eq!(tile.2.len(), width);
            Ok(tile.2.clone())
        });
        assert_eq!(again.map(|tree| tree.root()), Ok(tree.root()));
    }
}
