//! The rest of the catalog: what belongs to entries, and what belongs to nothing.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use serde::de::{DeserializeOwned, IgnoredAny};

use super::contents::{Case, Queue};
use super::entries::{Known, impossible};
use super::tree::Tree;
use super::{Check, Examined, Finding, Nodes, RESTORE_CATALOG, node_at};
use crate::names::NodeId;
use crate::vault::catalog::{AsideRecord, Entry, StoredPart, StoredProperty, StoredTransient, Version};
use crate::vault::{Held, LockRecord, Owed};

/// First letters of all keys; `f` is the firm's own records.
const KINDS: &[u8] = b"nvpltfaxoicw";

impl Check {
    pub(super) fn rest(&self, tree: &Tree, known: &Known, queue: &Queue<'_>, found: &mut Examined) {
        self.stray_versions(known, found);
        self.properties(tree, known, found);
        self.pages::<LockRecord>(b"l", found, |key, lock, found| {
            let what = match lock {
                Ok(lock) if key[1..] == lock.token.as_bytes()[..] => return,
                Ok(_) => "a lock does not stand where its token is looked up".to_owned(),
                Err(why) => format!("a lock cannot be read: {why}"),
            };
            found.findings.add(Finding::new(what, RESTORE_CATALOG));
        });
        self.readable::<StoredTransient>(b"x", "the note of a temporary file", found);
        self.readable::<Held>(b"i", "the record of a document in a drop box", found);
        self.readable::<Owed>(b"w", "a receipt that is not there yet", found);
        self.readable::<IgnoredAny>(b"c", "what came into a drop box lately", found);
        self.readable::<AsideRecord>(b"a", "the record of a save under way", found);
        self.readable::<IgnoredAny>(b"o", "what waits to be told by mail", found);
        let claimed = self.unfinished(tree, queue, found);
        self.readable::<IgnoredAny>(b"f", "a record of the firm", found);
        // Ordered by their first byte, so that what lies between the kinds is found without reading these.
        let (mut strange, mut after) = (Vec::new(), Vec::new());
        while let Some(key) = self.key_after(&after, found) {
            after = match KINDS.contains(&key[0]) {
                true => vec![key[0]; 1].into_iter().chain([0xff; 64]).collect(),
                false => key.clone(),
            };
            if !KINDS.contains(&key[0]) && strange.len() < 100 {
                strange.push(key);
            }
        }
        strange.iter().for_each(|key| found.findings.add(impossible(key)));
        self.files(&claimed, found);
    }

    fn readable<T: DeserializeOwned>(&self, kind: &[u8], what: &str, found: &mut Examined) {
        self.pages::<T>(kind, found, |_, record, found| {
            if let Err(why) = record {
                found.findings.add(Finding::new(format!("{what} cannot be read: {why}"), RESTORE_CATALOG));
            }
        });
    }

    /// The first key after another one.
    fn key_after(&self, after: &[u8], found: &mut Examined) -> Option<Vec<u8>> {
        let mut first = None;
        let read = self.store.engine().scan(b"", Some(after), &mut |key, _| {
            first = Some(key.to_vec());
            ControlFlow::Break(())
        });
        if let Err(why) = read {
            found.findings.add(Finding::new(format!("the catalog cannot be read: {why}"), RESTORE_CATALOG));
        }
        first.filter(|key| !key.is_empty())
    }

    /// Versions of documents that are not there. Beside a daemon such a document may have been made since.
    fn stray_versions(&self, known: &Known, found: &mut Examined) {
        let mut suspects: HashMap<NodeId, (Vec<u8>, u64)> = HashMap::new();
        self.pages::<Version>(b"v", found, |key, version, found| {
            let Some(node) = node_at(key, 1) else { return found.findings.add(impossible(key)) };
            if known.documents.contains(&node) {
                return;
            }
            if let Err(why) = version {
                let what = format!("the record of a version of a document that is not there cannot be read: {why}");
                return found.findings.add(Finding::new(what, RESTORE_CATALOG).node(Some(node)));
            }
            suspects.entry(node).or_insert_with(|| (key.to_vec(), 0)).1 += 1;
        });
        if self.serving.is_some() && !suspects.is_empty() {
            let now = self.documents();
            suspects.retain(|node, (key, _)| !now.contains(node) && self.still(key, |_: Version| true));
        }
        for (node, (_, count)) in suspects {
            let what = format!("the catalog has {count} versions of a document, but no entry for it");
            found.findings.add(Finding::new(what, RESTORE_CATALOG).node(Some(node)));
        }
    }

    fn documents(&self) -> Nodes {
        let mut nodes = HashSet::new();
        self.pages::<Entry>(b"n", &mut Examined::default(), |_, entry, _| {
            nodes.extend(entry.ok().filter(|entry| entry.content.is_some()).map(|entry| entry.node));
        });
        nodes
    }

    /// Dead properties: as many for each entry as it says. Beside a daemon they change while they are counted, and only
    /// those that cannot be read are told.
    fn properties(&self, tree: &Tree, known: &Known, found: &mut Examined) {
        let mut left = known.properties.clone();
        let mut strays: Nodes = HashSet::new();
        self.pages::<StoredProperty>(b"p", found, |key, property, found| {
            let Some(node) = node_at(key, 1) else { return found.findings.add(impossible(key)) };
            match property {
                Ok(property) if self.catalog.property_key(node, &property.namespace, &property.name) == key => {}
                Ok(_) => {
                    let what = "a property does not stand where its name is looked up";
                    found.findings.add(Finding::new(what, RESTORE_CATALOG).node(Some(node)));
                }
                Err(why) => {
                    let what = format!("a property cannot be read: {why}");
                    found.findings.add(Finding::new(what, RESTORE_CATALOG).node(Some(node)));
                }
            }
            match left.get_mut(&node) {
                Some(count) if *count > 0 => *count -= 1,
                _ => drop(strays.insert(node)),
            }
        });
        if self.serving.is_some() {
            return;
        }
        for node in strays {
            let there = known.documents.contains(&node) || tree.is_folder(node);
            let what = if there { "has more properties than it says" } else { "is not there, but has properties" };
            found.findings.add(Finding::new(format!("the entry {what}"), RESTORE_CATALOG).node(Some(node)));
        }
        for (node, _) in left.into_iter().filter(|(_, count)| *count > 0) {
            let what = "the entry has fewer properties than it says";
            found.findings.add(Finding::new(what, RESTORE_CATALOG).node(Some(node)));
        }
    }

    /// Unfinished uploads; gives the files that belong to them.
    fn unfinished(&self, tree: &Tree, queue: &Queue<'_>, found: &mut Examined) -> HashSet<crate::names::BlobId> {
        let mut claimed = HashSet::new();
        self.pages::<StoredPart>(b"t", found, |key, stored, found| {
            let Some(folder) = node_at(key, 17) else { return found.findings.add(impossible(key)) };
            let stored = match stored {
                Ok(stored) => stored,
                Err(why) => {
                    let what = format!("an unfinished upload in this folder cannot be read: {why}");
                    let finding = Finding::new(what, RESTORE_CATALOG).node(Some(folder));
                    return found.findings.add(finding.path(tree.path(folder, None)));
                }
            };
            found.counts.unfinished += 1;
            claimed.extend(stored.part.staged());
            let Ok(matter) = self.keyring.matter(stored.matter) else { return };
            for file in stored.part.files() {
                let (record, name, key) = (key.to_vec(), stored.name.clone(), matter.clone());
                queue.send(Case::Part { record, folder, name, file, key });
            }
        });
        claimed
    }
}
