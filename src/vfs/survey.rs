//! What the firm may be told about a matter without opening a document: its messages, and how much is shared with whom.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Error, Vfs, structure_path};
use crate::gate::{Manage, Permit};
use crate::names::{AccountId, Area, DocPath, MatterId, NodeId, Place, Rights, Timestamp};
use crate::policy::RuledFolder;
use crate::practice::{Account, Matter};

/// Entries of one matter that a survey looks at.
const MAX_ENTRIES: usize = 1_000_000;

/// A message, without what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRecord {
    /// Its path in the tree.
    pub path: DocPath,
    /// Who sent it.
    pub from: AccountId,
    /// When.
    pub sent: Timestamp,
    /// Bytes.
    pub size: u64,
}

/// How many documents there are between one account and a matter; messages do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shared {
    /// Those that it can see now.
    pub with: u64,
    /// Those that it has uploaded and that are still there, whether or not it can see them.
    pub by: u64,
}

/// The documents of one folder.
struct Held {
    place: Place,
    documents: u64,
    by: HashMap<AccountId, u64>,
    /// Those that are shared where they stand.
    shares: Vec<NodeId>,
}

impl Vfs {
    /// The messages of a matter, oldest first. Blocking.
    ///
    /// # Errors
    /// [`Error::Limit`] above a million.
    pub fn messages(&self, permit: &Permit<Manage>, matter: &Matter) -> Result<Vec<MessageRecord>, Error> {
        let mut messages = Vec::new();
        for (place, _) in structure(matter).filter(|(_, folder)| folder.area == Area::Messages) {
            let Some(node) = place.folder() else { continue };
            for entry in self.vault.entries(permit, node)?.into_iter().filter(|e| e.content.is_some() && !e.transient) {
                let (from, sent, size) = (entry.made_by, entry.modified, entry.size());
                let path = place.path.clone().join(entry.name).map_err(|_| Error::Limit("depth of the tree"))?;
                messages.push(MessageRecord { path, from, sent, size });
                bounded(messages.len())?;
            }
        }
        messages.sort_by(|a, b| (a.sent, &a.path).cmp(&(b.sent, &b.path)));
        Ok(messages)
    }

    /// What is shared between each of these accounts and a matter, in their order. Blocking.
    ///
    /// # Errors
    /// [`Error::Limit`] in a matter of more than a million documents and folders.
    pub fn shared(
        &self,
        permit: &Permit<Manage>,
        matter: &Matter,
        accounts: &[Arc<Account>],
    ) -> Result<Vec<Shared>, Error> {
        let held = self.held(permit, matter)?;
        let shared = |account: &Arc<Account>| {
            self.gate.viewpoint_of(permit, account, |seen| {
                held.iter().fold(Shared::default(), |sum, folder| {
                    // What only its maker sees, and for a while, is not shared with anybody.
                    let with = match seen.rights(&folder.place).reveals() {
                        true => folder.documents,
                        false => {
                            folder.shares.iter().filter(|node| seen.is_shared(&folder.place, **node)).count() as u64
                        }
                    };
                    let by = folder.by.get(&account.id).copied().unwrap_or_default();
                    Shared { with: sum.with + with, by: sum.by + by }
                })
            })
        };
        Ok(accounts.iter().map(shared).collect())
    }

    /// What each of these accounts may do in each folder of a matter's structure, the accounts in their order.
    pub fn rights_in_structure(
        &self,
        permit: &Permit<Manage>,
        matter: &Matter,
        accounts: &[Arc<Account>],
    ) -> HashMap<NodeId, Vec<Rights>> {
        let places: Vec<(NodeId, Place)> =
            structure(matter).filter_map(|(place, _)| Some((place.folder()?, place))).collect();
        let mut rights: HashMap<NodeId, Vec<Rights>> = HashMap::with_capacity(places.len());
        for account in accounts {
            self.gate.viewpoint_of(permit, account, |seen| {
                for (node, place) in &places {
                    rights.entry(*node).or_default().push(seen.rights(place));
                }
            });
        }
        rights
    }

    /// Makes the key of a matter that is about to be opened. Blocking.
    pub fn make_key(&self, permit: &Permit<Manage>, matter: MatterId) -> Result<(), Error> {
        Ok(self.vault.make_key(permit, matter)?)
    }

    /// All folders of a matter with how many documents they hold.
    fn held(&self, permit: &Permit<Manage>, matter: &Matter) -> Result<Vec<Held>, Error> {
        let documents = structure(matter).filter(|(_, folder)| folder.area != Area::Messages);
        let mut open: Vec<Place> = documents.map(|(place, _)| place).collect();
        let (mut held, mut entries) = (Vec::new(), 0);
        while let Some(place) = open.pop() {
            let Some(node) = place.folder() else { continue };
            let (mut documents, mut by, mut shares) = (0, HashMap::new(), Vec::new());
            for entry in self.vault.entries(permit, node)? {
                entries += 1;
                bounded(entries)?;
                if entry.content.is_none() {
                    open.push(Place { chain: [&place.chain[..], &[entry.node]].concat(), ..place.clone() });
                } else if !entry.transient && !entry.in_intake {
                    documents += 1;
                    *by.entry(entry.made_by).or_default() += 1;
                    if matter.rules.shares.contains_key(&entry.node) {
                        shares.push(entry.node);
                    }
                }
            }
            held.push(Held { place, documents, by, shares });
        }
        Ok(held)
    }
}

/// The folders of a matter's structure.
fn structure(matter: &Matter) -> impl Iterator<Item = (Place, &RuledFolder)> {
    matter.folders.iter().filter_map(|folder| {
        let ruled = matter.rules.folders.get(&folder.id)?;
        let chain: Vec<_> = ruled.above.iter().chain([&folder.id]).copied().collect();
        let (structure, path) = (chain.len(), structure_path(matter, folder.id));
        Some((Place { matter: Some(matter.id), chain, structure, own: false, transient: false, path }, ruled))
    })
}

fn bounded(entries: usize) -> Result<(), Error> {
    if entries > MAX_ENTRIES { Err(Error::Limit("entries of a matter that are counted")) } else { Ok(()) }
}
