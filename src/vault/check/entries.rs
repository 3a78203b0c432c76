//! Entries and their versions.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use super::contents::{Case, Queue};
use super::tree::Tree;
use super::{Check, Examined, Finding, Nodes, RESTORE_CATALOG, Stored, node_at};
use crate::names::NodeId;
use crate::vault::catalog::{Entry, Version, version_key};

/// Which of a matter's keys could not be opened is told once for each matter.
const RESTORE_KEY: &str =
    "restore the matter's key file from a backup; without it nobody can read the matter's documents";

/// What the other records must belong to.
#[derive(Default)]
pub(super) struct Known {
    pub(super) documents: Nodes,
    /// How many properties each entry says that it has, where it has any.
    pub(super) properties: HashMap<NodeId, u64>,
}

impl Check {
    /// Looks at every entry, sends every version's blob to be read, and then looks at the rest.
    pub(super) fn entries(&self, tree: &Tree, queue: &Queue<'_>, found: &mut Examined) {
        let mut known = Known::default();
        let mut keyless = std::collections::HashSet::new();
        self.pages::<Entry>(b"n", found, |key, entry, found| {
            let Some(folder) = node_at(key, 1) else { return found.findings.add(impossible(key)) };
            let entry = match entry {
                Ok(entry) => entry,
                Err(why) => {
                    let what = format!("an entry of this folder cannot be read: {why}");
                    let finding = Finding::new(what, RESTORE_CATALOG).node(Some(folder)).path(tree.path(folder, None));
                    return found.findings.add(finding);
                }
            };
            let path = || tree.path(folder, Some(&entry.name));
            let about = |what: &str| Finding::new(what, RESTORE_CATALOG).node(Some(entry.node)).path(path());
            if self.catalog.key_of(folder, &entry) != key {
                found.findings.add(about("the entry does not stand where its name is looked up"));
            }
            let matter = match tree.matter(folder) {
                // Beside a daemon, its folder may have been made or the entry moved since the folders were read.
                None if self.serving.is_some() => match Tree::load(self, &mut Examined::default()).matter(folder) {
                    None if !self.still(key, |now: Entry| now.node == entry.node) => return,
                    again => again,
                },
                matter => matter,
            };
            if entry.properties > 0 {
                known.properties.insert(entry.node, u64::from(entry.properties));
            }
            let Some(current) = entry.content else {
                if matter.is_none() {
                    found.findings.add(about("the folder stands below no matter, so that nobody can reach it"));
                }
                return;
            };
            found.counts.documents += 1;
            if !known.documents.insert(entry.node) || tree.is_folder(entry.node) {
                found.findings.add(about("another entry has the same document"));
                return;
            }
            let versions = self.versions(entry.node, found);
            for finding in gaps(&versions, current.version, &about) {
                if self.still(key, |now: Entry| now.content == entry.content) {
                    found.findings.add(finding);
                }
            }
            if versions.get(&current.version).is_some_and(|version| version.blob != current.blob)
                && self.still(key, |now: Entry| now.content == entry.content)
            {
                found
                    .findings
                    .add(about("the entry and its current version name different blobs").version(current.version));
            }
            let Some(matter) = matter else {
                return found.findings.add(about("the document stands below no matter, so that nobody can reach it"));
            };
            let key = match self.keyring.matter(matter) {
                Ok(key) => key,
                Err(why) => {
                    if keyless.insert(matter) {
                        let what = format!("the key of matter {matter} cannot be opened: {why}");
                        found.findings.add(Finding::new(what, RESTORE_KEY));
                    }
                    return;
                }
            };
            for (number, version) in versions {
                let blob = version.blob;
                found.counts.versions += 1;
                found.counts.bytes += blob.size;
                let stored = Stored { sha256: blob.sha256, size: blob.size, node: entry.node, version: number };
                if let Some(other) = found.versions.insert(blob.id, stored) {
                    let what =
                        format!("two versions name one blob; the other is version {} of {}", other.version, other.node);
                    found.findings.add(Finding { what, ..about("") }.version(number));
                }
                queue.send(Case::Version {
                    folder,
                    name: entry.name.clone(),
                    node: entry.node,
                    number,
                    blob,
                    key: key.clone(),
                });
            }
        });
        self.rest(tree, &known, queue, found);
    }

    /// The history of a document, by number.
    fn versions(&self, node: NodeId, found: &mut Examined) -> BTreeMap<u64, Version> {
        let mut versions = BTreeMap::new();
        let prefix = [b"v", &node.as_bytes()[..]].concat();
        let read = self.store.survey::<Version>(&prefix, None, |key, version| {
            let number = key.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
            match version {
                Ok(version) if key == version_key(node, number) => drop(versions.insert(number, version)),
                Ok(_) => found.findings.add(impossible(key)),
                Err(why) => {
                    let what = format!("the record of a version cannot be read: {why}");
                    found.findings.add(Finding::new(what, RESTORE_CATALOG).node(Some(node)).version(number));
                }
            }
            ControlFlow::Continue(())
        });
        if let Err(why) = read {
            found
                .findings
                .add(Finding::new(format!("the versions cannot be read: {why}"), RESTORE_CATALOG).node(Some(node)));
        }
        versions
    }
}

/// A history counts from 1 to the current version; a hole or a later one is what a changed catalog has.
fn gaps(versions: &BTreeMap<u64, Version>, current: u64, about: &dyn Fn(&str) -> Finding) -> Vec<Finding> {
    let missing = (1..=current.min(1 << 20)).find(|number| !versions.contains_key(number));
    let beyond = versions.range(current + 1..).next();
    let missing = missing.map(|number| about("the catalog has no record of this version").version(number));
    let beyond =
        beyond.map(|(number, _)| about("the version is later than the one that the entry shows").version(*number));
    missing.into_iter().chain(beyond).collect()
}

pub(super) fn impossible(key: &[u8]) -> Finding {
    Finding::new(format!("catalog record {} has an impossible key", key.escape_ascii()), RESTORE_CATALOG)
}
