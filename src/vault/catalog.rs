//! The catalog: which entries stand in which folder, and which versions a document has.
//!
//! | key | value |
//! |---|---|
//! | `n` folder(16) tag(16) | [`Entry`]: what a listing needs, in one range per folder |
//! | `v` node(16) version(8, big-endian) | [`Version`]: a document's history |
//! | `p` node(16) tag(16) | one dead property |
//! | `l` token(16) | one lock |
//! | `t` account(16) folder(16) tag(16) | an unfinished upload that its account may resume |
//! | `x` account(16) folder(16) node(16) | [`StoredTransient`]: a temporary file, so that it is found when its time is over |
//! | `i` node(16) | [`Held`](super::Held): a document that came into a drop box and was not delivered yet |
//! | `w` node(16) | [`Owed`](super::Owed): a receipt that is not there yet |
//! | `c` account(16) tag(16) | what the account has brought into a drop box lately, by its content |
//! | `a` account(16) node(16) | [`AsideRecord`]: a document that a save has moved away or removed |
//!
//! A tag is the keyed hash of the folded name, so that neither key nor value shows a name, and case twins meet. The tags of
//! temporary files hold their maker too: everybody can have a `.DS_Store` in one folder.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::blobs::BlobRef;
use super::error::Error;
use super::recent::Recent;
use super::staging::Part;
use crate::kv::{Change, Sealed, SealedStore};
use crate::names::{AccountId, DocName, DocumentTarget, MatterId, NodeId, Place, Timestamp};

/// A folder or document as its folder lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: DocName,
    /// Its node.
    pub node: NodeId,
    /// When it was made.
    pub created: Timestamp,
    /// When its content was last changed, or what a client set.
    pub modified: Timestamp,
    /// Who made it.
    pub made_by: AccountId,
    /// Who else asked to make this folder where they could not see that it exists.
    pub claims: Vec<AccountId>,
    /// How many dead properties it has.
    pub properties: u16,
    /// The current version of a document; nothing for a folder.
    pub content: Option<Content>,
    /// It was made under the name of a temporary file of a save and never had another: its maker's alone. A document that
    /// is renamed to such a name stays everybody's, or renaming would be a way to delete.
    #[serde(default)]
    pub transient: bool,
    /// Its name is its maker's own, beside which others may have the same one.
    #[serde(default)]
    pub own_name: bool,
    /// When a client says that it was made. It is shown and decides nothing: rights that end with time go by `created`.
    #[serde(default)]
    pub made: Option<Timestamp>,
    /// It came into a drop box and was not delivered yet: nobody's but its maker's, under a name of the maker's own.
    #[serde(default)]
    pub in_intake: bool,
}

/// The current version of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Counts from 1.
    pub version: u64,
    /// Where its bytes are.
    pub blob: BlobRef,
}

/// One version in a document's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Where its bytes are.
    pub blob: BlobRef,
    /// When it was committed.
    pub at: Timestamp,
    /// By whom.
    pub by: AccountId,
}

/// A dead property as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredProperty {
    /// XML namespace.
    pub namespace: String,
    /// Local name.
    pub name: String,
    /// The element as XML.
    pub xml: String,
}

/// A temporary file as it is found when its time is over, or when a save's document goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredTransient {
    /// The matter.
    pub(super) matter: Option<MatterId>,
    /// Its name.
    pub(super) name: DocName,
    /// As the entry says.
    pub(super) own_name: bool,
    /// When its content came last.
    pub(super) at: Timestamp,
    /// When its time is over, if that is known.
    #[serde(default)]
    pub(super) until: Option<Timestamp>,
}

/// A document that a save has moved away or removed, until what replaces it comes or its time is over. To everybody but the
/// saver it stands where it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsideRecord {
    /// The matter.
    pub matter: Option<MatterId>,
    /// Whose save.
    pub account: AccountId,
    /// The folder that holds the document.
    pub folder: NodeId,
    /// The document.
    pub node: NodeId,
    /// Its name.
    pub name: DocName,
    /// The name in that folder under which the saver sees it; nothing if it was removed.
    pub away: Option<DocName>,
    /// Its version then.
    pub version: u64,
    /// What replaces it has come.
    pub is_replaced: bool,
    /// When its time is over.
    pub until: Timestamp,
}

/// An unfinished upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredPart {
    /// The matter whose key seals it.
    pub matter: MatterId,
    /// The name that the document will bear.
    pub name: DocName,
    /// When the last byte came.
    pub at: Timestamp,
    /// What came.
    pub part: Part,
}

impl Entry {
    /// Did this account make it, or ask for it?
    pub fn is_of(&self, account: AccountId) -> bool {
        self.made_by == account || self.claims.contains(&account)
    }

    /// When it was made, as people see it.
    pub fn shown_created(&self) -> Timestamp {
        self.made.unwrap_or(self.created)
    }

    /// Plaintext bytes of the current version.
    pub fn size(&self) -> u64 {
        self.content.map_or(0, |content| content.blob.size)
    }
}

/// Typed access to the vault's records.
#[derive(Clone)]
pub(super) struct Catalog {
    store: Arc<SealedStore>,
    recent: Arc<Recent>,
}

impl Catalog {
    pub(super) fn new(store: Arc<SealedStore>) -> Self {
        Self { store, recent: Arc::default() }
    }

    pub(super) fn store(&self) -> &Arc<SealedStore> {
        &self.store
    }

    pub(super) fn change(&self) -> Change<'_> {
        self.store.change()
    }

    pub(super) fn entry_key(&self, folder: NodeId, name: &DocName) -> Vec<u8> {
        entry_key(&self.store, folder, name)
    }

    pub(super) fn entry(&self, folder: NodeId, name: &DocName) -> Result<Option<Sealed<Entry>>, Error> {
        let key = self.entry_key(folder, name);
        // Asked for before the record is: a commit in between makes what is held useless, not wrong.
        let commit = self.store.engine().last_commit();
        if let Some(held) = self.recent.get(commit, &key) {
            return Ok(Some(held));
        }
        let found = self.store.get(&key)?;
        found.iter().for_each(|entry| self.recent.hold(commit, entry));
        Ok(found)
    }

    /// The key under an account's own name.
    pub(super) fn own_key(&self, folder: NodeId, account: AccountId, name: &DocName) -> Vec<u8> {
        // No name holds a NUL, so the pair has one reading.
        let tag = self.store.name_tag(folder.as_bytes(), &format!("{}\0{account}", name.folded()));
        [&folder_prefix(folder)[..], &tag].concat()
    }

    /// Where an entry stands.
    pub(super) fn key_of(&self, folder: NodeId, entry: &Entry) -> Vec<u8> {
        match entry.own_name {
            true => self.own_key(folder, entry.made_by, &entry.name),
            false => self.entry_key(folder, &entry.name),
        }
    }

    /// What stands under a name in an account's eyes: what is everybody's, or else the account's own.
    pub(super) fn entry_for(
        &self,
        account: AccountId,
        folder: NodeId,
        name: &DocName,
    ) -> Result<Option<Sealed<Entry>>, Error> {
        match self.entry(folder, name)? {
            Some(entry) => Ok(Some(entry)),
            None => Ok(self.store.get(&self.own_key(folder, account, name))?),
        }
    }

    /// The entry of a target, whatever stands there by now.
    pub(super) fn entry_at(&self, folder: NodeId, target: &DocumentTarget) -> Result<Option<Sealed<Entry>>, Error> {
        match target.own_name {
            Some(account) => Ok(self.store.get(&self.own_key(folder, account, &target.name))?),
            None => self.entry(folder, &target.name),
        }
    }

    /// One version of a document.
    pub(super) fn version(&self, node: NodeId, number: u64) -> Result<Option<Version>, Error> {
        Ok(self.store.get(&version_key(node, number))?.map(|version| version.value))
    }

    /// All entries of a folder, in one scan.
    pub(super) fn entries(&self, folder: NodeId) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        self.store.scan(&folder_prefix(folder), None, |_, entry: Entry| {
            entries.push(entry);
            ControlFlow::Continue(())
        })?;
        Ok(entries)
    }

    pub(super) fn versions(&self, node: NodeId) -> Result<Vec<(u64, Version)>, Error> {
        let mut versions = Vec::new();
        self.store.scan(&[b"v", &node.as_bytes()[..]].concat(), None, |key, version: Version| {
            versions.push((number_of(key), version));
            ControlFlow::Continue(())
        })?;
        Ok(versions)
    }

    /// Every version of every document.
    pub(super) fn all_versions(&self, mut visit: impl FnMut(Version)) -> Result<(), Error> {
        Ok(self.store.scan(b"v", None, |_, version: Version| {
            visit(version);
            ControlFlow::Continue(())
        })?)
    }

    pub(super) fn properties(&self, node: NodeId) -> Result<Vec<StoredProperty>, Error> {
        let mut properties = Vec::new();
        self.store.scan(&properties_prefix(node), None, |_, property: StoredProperty| {
            properties.push(property);
            ControlFlow::Continue(())
        })?;
        Ok(properties)
    }

    pub(super) fn property_key(&self, node: NodeId, namespace: &str, name: &str) -> Vec<u8> {
        // A namespace is a URI and cannot hold a NUL, so the pair has one reading.
        let tag = self.store.name_tag(node.as_bytes(), &format!("{namespace}\0{name}"));
        [&properties_prefix(node)[..], &tag].concat()
    }

    pub(super) fn part_key(&self, account: AccountId, folder: NodeId, name: &DocName) -> Vec<u8> {
        let tag = self.store.name_tag(folder.as_bytes(), &name.folded());
        [b"t", &account.as_bytes()[..], folder.as_bytes(), &tag].concat()
    }

    pub(super) fn part(
        &self,
        account: AccountId,
        folder: NodeId,
        name: &DocName,
    ) -> Result<Option<Sealed<StoredPart>>, Error> {
        Ok(self.store.get(&self.part_key(account, folder, name))?)
    }

    pub(super) fn parts_in(&self, account: AccountId, folder: NodeId) -> Result<Vec<StoredPart>, Error> {
        let mut parts = Vec::new();
        let prefix = [b"t", &account.as_bytes()[..], folder.as_bytes()].concat();
        self.store.scan(&prefix, None, |_, part: StoredPart| {
            parts.push(part);
            ControlFlow::Continue(())
        })?;
        Ok(parts)
    }

    /// Every unfinished upload, with its key.
    pub(super) fn all_parts(&self, mut visit: impl FnMut(&[u8], StoredPart)) -> Result<(), Error> {
        Ok(self.store.scan(b"t", None, |key, part: StoredPart| {
            visit(key, part);
            ControlFlow::Continue(())
        })?)
    }

    /// The temporary files of an account in a folder, or of everybody everywhere, with their keys.
    pub(super) fn transients(
        &self,
        of: Option<(AccountId, NodeId)>,
        mut visit: impl FnMut(&[u8], StoredTransient),
    ) -> Result<(), Error> {
        let within = of.map(|(account, folder)| [&account.as_bytes()[..], folder.as_bytes()].concat());
        let prefix = [b"x", &within.unwrap_or_default()[..]].concat();
        Ok(self.store.scan(&prefix, None, |key, transient: StoredTransient| {
            visit(key, transient);
            ControlFlow::Continue(())
        })?)
    }

    pub(super) fn set_aside(&self, mut visit: impl FnMut(AsideRecord)) -> Result<(), Error> {
        Ok(self.store.scan(b"a", None, |_, aside: AsideRecord| {
            visit(aside);
            ControlFlow::Continue(())
        })?)
    }

    pub(super) fn scan_locks<T: serde::de::DeserializeOwned>(&self, mut visit: impl FnMut(T)) -> Result<(), Error> {
        Ok(self.store.scan(b"l", None, |_, lock: T| {
            visit(lock);
            ControlFlow::Continue(())
        })?)
    }

    /// Makes a change depend on its folder still standing where it was found. Folders of the structure always stand.
    /// `by` sees it, and may have made it as its own.
    pub(super) fn require_place(&self, change: &mut Change<'_>, place: &Place, by: AccountId) -> Result<(), Error> {
        if place.is_structure() {
            return Ok(());
        }
        let (Some((_, name)), [.., above, folder]) = (place.path.split_last(), &place.chain[..]) else {
            return Err(Error::Gone);
        };
        match self.entry_for(by, *above, name)? {
            Some(entry) if entry.value.node == *folder => {
                change.if_unchanged(&entry);
                Ok(())
            }
            _ => Err(Error::Gone),
        }
    }
}

/// The key of the [`Entry`] under a name in a folder. Who has no open store can make no record of it: keys of the catalog
/// are worth nothing without the keys that seal it.
pub fn entry_key(store: &SealedStore, folder: NodeId, name: &DocName) -> Vec<u8> {
    let tag = store.name_tag(folder.as_bytes(), &name.folded());
    [&folder_prefix(folder)[..], &tag].concat()
}

/// The key of a [`StoredTransient`].
pub(super) fn transient_key(account: AccountId, folder: NodeId, node: NodeId) -> Vec<u8> {
    [b"x", &account.as_bytes()[..], folder.as_bytes(), node.as_bytes()].concat()
}

/// The key of a [`AsideRecord`].
pub(super) fn aside_key(account: AccountId, node: NodeId) -> Vec<u8> {
    [b"a", &account.as_bytes()[..], node.as_bytes()].concat()
}

/// With what the keys of all entries of a folder start.
pub fn folder_prefix(folder: NodeId) -> [u8; 17] {
    let mut prefix = [b'n'; 17];
    prefix[1..].copy_from_slice(folder.as_bytes());
    prefix
}

/// The key of one [`Version`] of a document.
pub fn version_key(node: NodeId, version: u64) -> Vec<u8> {
    [b"v", &node.as_bytes()[..], &version.to_be_bytes()].concat()
}

fn properties_prefix(node: NodeId) -> Vec<u8> {
    [b"p", &node.as_bytes()[..]].concat()
}

fn number_of(key: &[u8]) -> u64 {
    key.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
