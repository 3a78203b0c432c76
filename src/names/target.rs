//! What an operation is aimed at, resolved: the address that a permit carries into the vault.

use std::net::IpAddr;

use super::{AccountId, DocName, DocPath, MatterId, NodeId, Timestamp};

/// A folder, found: the root, a matter, or a folder below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The matter, or nothing for the root.
    pub matter: Option<MatterId>,
    /// The folders from the area folder down to this one; empty for the root and for a matter itself.
    pub chain: Vec<NodeId>,
    /// How many of `chain`, from the top, belong to the matter's structure; the rest are folders that users made.
    pub structure: usize,
    /// True if this is a user-made folder that the session's account made or asked for.
    pub own: bool,
    /// True within a folder in which a program of the account prepares a save, or in that folder's maker's eyes that folder.
    pub transient: bool,
    /// The path of this folder as people see it.
    pub path: DocPath,
}

impl Place {
    /// The folder's own node; nothing for the root and for a matter itself.
    pub fn folder(&self) -> Option<NodeId> {
        self.chain.last().copied()
    }

    /// True if the folder itself belongs to the structure (the root and matters do).
    pub fn is_structure(&self) -> bool {
        self.chain.len() == self.structure
    }
}

/// A folder as the object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderTarget {
    /// The folder to list.
    pub place: Place,
}

/// An existing document (or, where said, folder) in the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentTarget {
    /// The folder that holds it.
    pub place: Place,
    /// Its name there.
    pub name: DocName,
    /// Its node, which must still stand under that name when the permit is spent.
    pub node: NodeId,
    /// True for a folder.
    pub is_folder: bool,
    /// The version that was current when it was found; 0 for a folder.
    pub version: u64,
    /// Bytes of that version.
    pub size: u64,
    /// True if the session's account made it (for a folder: or asked for it too).
    pub is_own: bool,
    /// It was made as a temporary file of a save and still has such a name.
    pub is_transient: bool,
    /// Whose own name it bears, beside which others may have one that is the same; nothing for a name that is everybody's.
    pub own_name: Option<AccountId>,
    /// Its maker has held a lock on it since it was made, or has given that back just now.
    pub is_held: bool,
    /// When it was made.
    pub made_at: Timestamp,
    /// How the session sees it that has set it aside for a save.
    pub aside: Option<Aside>,
    /// It came into a drop box and was not delivered yet.
    pub in_intake: bool,
}

/// The name under which a document stands for the session that has moved it away in a save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// That name.
    pub name: DocName,
    /// What replaces it has come: this is the version before.
    pub is_replaced: bool,
}

impl DocumentTarget {
    /// The inside of a user-made folder.
    pub fn inside(&self) -> Place {
        Place {
            matter: self.place.matter,
            chain: [&self.place.chain[..], &[self.node]].concat(),
            structure: self.place.structure,
            own: self.is_own,
            transient: self.is_transient,
            path: self.path(),
        }
    }

    /// The whole path.
    pub fn path(&self) -> DocPath {
        self.place.path.with(self.name.clone()).unwrap_or_else(|_| self.place.path.clone())
    }

    /// True for what a saver still sees of the version that was replaced. It can be read and given up, and nothing else.
    pub fn is_before_its_replacement(&self) -> bool {
        self.aside.as_ref().is_some_and(|aside| aside.is_replaced)
    }
}

/// A name that nothing bears yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTarget {
    /// The folder in which it will stand.
    pub place: Place,
    /// The name.
    pub name: DocName,
    /// It is the name of a temporary file, or stands among such.
    pub transient: bool,
    /// What comes there comes into a drop box.
    pub arriving: Option<Arriving>,
}

/// What is known of a document that comes into a drop box, beside where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arriving {
    /// The drop box's name.
    pub drop_box: String,
    /// The folders between the drop box and the document.
    pub subfolder: DocPath,
    /// The name under which it was sent, which may be taken.
    pub sent: DocName,
    /// From where.
    pub source: Option<IpAddr>,
}

impl NewTarget {
    /// The same, sent under another name.
    #[must_use]
    pub fn sent_as(mut self, sent: &DocName) -> Self {
        if let Some(arriving) = &mut self.arriving {
            arriving.sent = sent.clone();
        }
        self
    }

    /// The whole path.
    pub fn path(&self) -> DocPath {
        self.place.path.clone().join(self.name.clone()).unwrap_or_else(|_| self.place.path.clone())
    }
}

impl Arriving {
    /// What is known where there is no drop box any more.
    pub fn nowhere(name: &DocName) -> Self {
        Self { drop_box: String::new(), subfolder: DocPath::root(), sent: name.clone(), source: None }
    }
}

/// Both ends of a rename or move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveTarget {
    /// What moves.
    pub from: DocumentTarget,
    /// Where to, and under which name.
    pub to: NewTarget,
    /// The document that stands there now and of which the moved content becomes the next version.
    pub replaces: Option<DocumentTarget>,
}

/// A document and what a save does with it before what replaces it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsideTarget {
    /// The document.
    pub document: DocumentTarget,
    /// What is done.
    pub step: AsideStep,
}

/// What a save does with the document that it saves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AsideStep {
    /// It is moved away, to a name that the saver alone sees.
    Away(DocName),
    /// It is removed.
    Removed,
    /// The name that the saver alone sees is given up.
    Forgotten,
    /// It is moved back.
    Back,
}

/// A save's last step: a temporary file takes a document's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveTarget {
    /// What goes.
    pub temporary: DocumentTarget,
    /// The document whose next version its content becomes.
    pub document: DocumentTarget,
}

/// What the daemon itself puts away when its time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredTarget {
    /// The matter.
    pub matter: Option<MatterId>,
    /// The folder that holds it.
    pub folder: NodeId,
    /// Its name there.
    pub name: DocName,
    /// Whose.
    pub account: AccountId,
    /// Its node.
    pub node: NodeId,
}

/// A document that came into a drop box and was not delivered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldTarget {
    /// The matter.
    pub matter: MatterId,
    /// The folder that holds it.
    pub folder: NodeId,
    /// Its name there, which is its maker's own.
    pub name: DocName,
    /// Who brought it.
    pub account: AccountId,
    /// Its node.
    pub node: NodeId,
    /// Its path when it came.
    pub path: DocPath,
}

/// Such a document, and where it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryTarget {
    /// The document.
    pub held: HeldTarget,
    /// Where to, and under which name.
    pub to: NewTarget,
    /// The rule that says so; nothing where a person does.
    pub rule: Option<String>,
}

impl DeliveryTarget {
    /// True if it leaves its matter, and so needs another key.
    pub fn is_across(&self) -> bool {
        self.to.place.matter != Some(self.held.matter)
    }
}

/// What an administrative action is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminTarget {
    /// The action as on the command line: `matter add`.
    pub action: String,
    /// Its object: a matter number, a login.
    pub subject: String,
    /// The matter that it concerns, if one.
    pub matter: Option<MatterId>,
}
