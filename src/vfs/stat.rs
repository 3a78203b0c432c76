//! What a session sees of one entry.

use crate::names::{DocName, NodeId, Rights, Timestamp};

/// A folder or a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Holds entries.
    Folder,
    /// Has content and versions.
    Document,
}

/// One entry as a session sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Its name; nothing for the root.
    pub name: Option<DocName>,
    /// Folder or document.
    pub kind: Kind,
    /// Its node; nothing for the root and for a matter.
    pub node: Option<NodeId>,
    /// Plaintext bytes; 0 for a folder.
    pub size: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When its content was last changed, or what a client has set.
    pub modified: Timestamp,
    /// Version number of a document, from 1; 0 for a folder and for an upload that is not finished.
    pub version: u64,
    /// What this session may do in the folder (for a folder: inside it; for a document: in the folder that holds it).
    pub rights: Rights,
    /// True for the root, matters, areas and the folders of a matter type, which no drive can rename or remove.
    pub structure: bool,
    /// True if dead properties are stored with it.
    pub has_properties: bool,
}

impl Stat {
    /// True for a folder.
    pub fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }

    /// The opaque part of a strong ETag (RFC 9110 section 8.8.3), without quotes; nothing for a folder. It changes with
    /// every version and with nothing else.
    pub fn etag(&self) -> Option<String> {
        match (self.kind, self.node) {
            (Kind::Document, Some(node)) => Some(format!("{node}-{}", self.version)),
            _ => None,
        }
    }
}
