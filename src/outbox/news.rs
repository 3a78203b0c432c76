//! News: that something stands in a folder.

use serde::{Deserialize, Serialize};

use crate::names::{AccountId, DocName, MatterId, NodeId, Place, Timestamp};

/// That one person or device brought one document into a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// The matter.
    pub matter: MatterId,
    /// The document, or the folder that moved with all that is in it.
    pub node: NodeId,
    /// The folder of the matter's structure that it stands in or below. Who may see it follows from that.
    pub folder: NodeId,
    /// Its name; nothing for "further documents", when more news waits than is kept apart.
    pub name: Option<DocName>,
    /// Who brought it. As what (the firm or a participant), their account says.
    pub by: AccountId,
    /// How it came.
    pub cause: Cause,
    /// When it came first, as far as nobody was told yet.
    pub since: Timestamp,
    /// When it came or changed last.
    pub at: Timestamp,
}

/// How a document came into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// Uploaded, as a new document or a new version.
    Uploaded,
    /// Moved within its matter. Whoever could see it where it was is not told.
    Moved {
        /// The folder of the structure that it left.
        from: NodeId,
    },
    /// Copied from another matter.
    Copied,
}

impl News {
    /// News of now, about what stands in a place; nothing if the place holds no documents.
    pub fn now(place: &Place, node: NodeId, name: &DocName, by: AccountId, cause: Cause) -> Option<Self> {
        let (matter, folder) = (place.matter?, structure_folder(place)?);
        let at = Timestamp::now();
        Some(Self { matter, node, folder, name: Some(name.clone()), by, cause, since: at, at })
    }
}

/// The lowest folder of the structure on the way to a place: it has the rules by which the place is judged.
pub fn structure_folder(place: &Place) -> Option<NodeId> {
    place.chain.get(place.structure.checked_sub(1)?).copied()
}
