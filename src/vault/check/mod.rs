//! The deep check: does everything that the catalog says hold for the files, and is there nothing else?
//!
//! In this order, each record and each file once:
//!
//! 1. *folders*, so that every later finding can be named by its path;
//! 2. *entries*: each opens, stands under the tag of its own name, below a matter, under a node of its own; a document's
//!    versions count from 1 to the current one without a gap;
//! 3. *contents*: each version's blob has its length, header and key, and with every content read, its SHA-256;
//! 4. *the rest of the catalog*: versions and properties without entry, locks, unfinished uploads with their files;
//! 5. *files* that nothing names;
//! 6. *numbers* that a daemon keeps along for its quotas.
//!
//! It changes nothing and hands no content out: what leaves it is whether something fits. So it takes no permit, and works
//! on a directory in which nobody could be asked for one. Beside a daemon that serves, whatever does not fit is looked at
//! again, since it may only have changed in between.
//!
//! Memory grows by about 150 bytes per version and 100 per folder, whatever the documents' sizes.

mod contents;
mod entries;
mod files;
mod finding;
mod rest;
mod tree;

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::de::DeserializeOwned;

pub use finding::{Finding, Findings};
pub use tree::Root;

use super::Vault;
use super::blobs::BlobStore;
use super::catalog::{Catalog, Entry, Version};
use super::usage::Usage;
use crate::gate::{Administer, Permit};
use crate::keys::Keyring;
use crate::kv::{self, SealedStore};
use crate::names::{BlobId, MatterId, NodeId};
use tree::Tree;

/// Records that are read at once: between two pages commits of others find their turn.
const PAGE: usize = 1024;

const RESTORE_CATALOG: &str = "restore the catalog from a backup that is not older than the audit record";
const COUNT_AGAIN: &str = "restart the daemon, which counts anew, and tell its makers";
const RESTORE_FILE: &str = "restore the file from a backup; until then readers get an error, never wrong bytes";

/// What a version is known by, for the comparison with the audit record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// SHA-256 of the plaintext.
    pub sha256: [u8; 32],
    /// Bytes of plaintext.
    pub size: u64,
    /// The document.
    pub node: NodeId,
    /// Counts from 1.
    pub version: u64,
}

/// How far a check has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Versions read to the end.
    pub versions: u64,
    /// Bytes of plaintext in them.
    pub bytes: u64,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents.
    pub documents: u64,
    /// Their versions.
    pub versions: u64,
    /// Bytes of plaintext in all versions.
    pub bytes: u64,
    /// Folders that people made.
    pub folders: u64,
    /// Unfinished uploads that can be resumed.
    pub unfinished: u64,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Examined {
    /// What does not fit.
    pub findings: Findings,
    /// Blobs that no version names: a crash between a blob and its commit leaves one, and so does somebody who puts one
    /// there. Which it was, the audit record tells.
    pub orphans: Vec<BlobId>,
    /// Files of uploads that a crash left; the next start removes them.
    pub leftovers: u64,
    /// How much was looked at.
    pub counts: Counts,
    /// Every version by its blob.
    pub versions: HashMap<BlobId, Stored>,
}

/// A data directory to be checked.
pub struct Check {
    store: Arc<SealedStore>,
    catalog: Catalog,
    blobs: BlobStore,
    parts: BlobStore,
    keyring: Arc<Keyring>,
    roots: Vec<Root>,
    /// A daemon works on the directory, and keeps these numbers along.
    serving: Option<Arc<Usage>>,
}

impl Check {
    /// The check of a directory on which nobody works. Neither store of files needs to be there.
    pub fn stopped(
        store: Arc<SealedStore>,
        blobs: BlobStore,
        parts: BlobStore,
        keyring: Arc<Keyring>,
        roots: Vec<Root>,
    ) -> Self {
        let catalog = Catalog::new(store.clone());
        Self { store, catalog, blobs, parts, keyring, roots, serving: None }
    }

    /// Looks at everything. Blocks for as long as reading every document takes, on all processors.
    pub fn run(&self, progress: &(dyn Fn(Progress) + Sync)) -> Examined {
        let mut found = Examined::default();
        let tree = Tree::load(self, &mut found);
        found.counts.folders = tree.folders();
        let failures = contents::read(self, progress, |queue| self.entries(&tree, queue, &mut found));
        for failure in failures {
            self.report(failure, &tree, &mut found);
        }
        self.numbers(&mut found);
        found
    }

    /// What a daemon counts along for its quotas is what is there.
    fn numbers(&self, found: &mut Examined) {
        let Some(usage) = &self.serving else { return };
        let mut folders: HashMap<MatterId, Vec<NodeId>> = HashMap::new();
        for root in &self.roots {
            folders.entry(root.matter).or_default().push(root.node);
        }
        match usage.miscounted(&self.catalog, &folders) {
            Ok(wrong) => wrong.into_iter().for_each(|matter| {
                let whose = matter.map_or_else(|| "the firm".to_owned(), |matter| format!("matter {matter}"));
                let what = format!("how much {whose} keeps is not what was counted along for its quota");
                found.findings.add(Finding::new(what, COUNT_AGAIN));
            }),
            Err(why) => {
                let what = format!("how much is kept cannot be counted: {why}");
                found.findings.add(Finding::new(what, RESTORE_CATALOG));
            }
        }
    }

    /// The blobs of all versions, read once more.
    pub fn blobs(&self) -> HashSet<BlobId> {
        let mut blobs = HashSet::new();
        self.pages::<Version>(b"v", &mut Examined::default(), |_, version, _| {
            blobs.extend(version.ok().map(|version| version.blob.id));
        });
        blobs
    }

    /// The paths of documents.
    pub fn paths(&self, nodes: &HashSet<NodeId>) -> HashMap<NodeId, String> {
        let mut paths = HashMap::new();
        if nodes.is_empty() {
            return paths;
        }
        let tree = Tree::load(self, &mut Examined::default());
        self.pages::<Entry>(b"n", &mut Examined::default(), |key, entry, _| {
            let (Some(folder), Ok(entry)) = (node_at(key, 1), entry) else { return };
            if nodes.contains(&entry.node) {
                paths.extend(tree.path(folder, Some(&entry.name)).map(|path| (entry.node, path)));
            }
        });
        paths
    }

    /// Whether a finding still holds when the catalog is asked again: beside a daemon it may have changed since.
    fn still<T: DeserializeOwned>(&self, key: &[u8], holds: impl FnOnce(T) -> bool) -> bool {
        match self.store.get::<T>(key) {
            Ok(Some(record)) => holds(record.value),
            Ok(None) => self.serving.is_none(),
            Err(_) => true,
        }
    }

    /// Visits every record under a prefix, in pages; a damaged one as an error. What the engine cannot read is a finding.
    fn pages<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
        found: &mut Examined,
        mut visit: impl FnMut(&[u8], Result<T, kv::Error>, &mut Examined),
    ) {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let mut page = Vec::new();
            let read = self.store.survey(prefix, after.as_deref(), |key, record| {
                page.push((key.to_vec(), record));
                if page.len() < PAGE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            after = page.last().map(|(key, _)| key.clone());
            let whole = page.len() < PAGE;
            for (key, record) in page {
                visit(&key, record, found);
            }
            if let Err(why) = read {
                let what = format!("the catalog cannot be read on from here: {why}");
                return found.findings.add(Finding::new(what, RESTORE_CATALOG));
            }
            if whole {
                return;
            }
        }
    }
}

impl Vault {
    /// The check of the directory on which this vault works, beside everything that goes on in it.
    pub fn check(&self, _permit: &Permit<Administer>, roots: Vec<Root>) -> Check {
        Check {
            store: self.catalog.store().clone(),
            catalog: self.catalog.clone(),
            blobs: self.blobs.as_ref().clone(),
            parts: self.staging.files().clone(),
            keyring: self.keyring.clone(),
            roots,
            serving: Some(self.usage.clone()),
        }
    }
}

type Nodes = HashSet<NodeId>;

fn node_at(key: &[u8], at: usize) -> Option<NodeId> {
    key.get(at..)?.first_chunk().map(|bytes| NodeId::from_bytes(*bytes))
}
