//! What the operator may ask: every document of a matter, and why somebody may or may not do something.

use std::path::PathBuf;

use super::tree::{Found, Sight, root, target_of};
use super::{Error, Vfs};
use crate::gate::{Administer, Manage, Permit, WhatIf};
use crate::names::{BlobId, DocName, DocPath, DocumentTarget, NodeId, Place, Rights, Timestamp, Verb};
use crate::policy::{self, Decision, Object, Operation};
use crate::practice::{Account, Matter};
use crate::vault::check::{Check, Root};

/// One version of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRecord {
    /// Its path in the tree.
    pub path: DocPath,
    /// Its node.
    pub node: NodeId,
    /// The version's number.
    pub version: u64,
    /// True for the version that is served.
    pub current: bool,
    /// Bytes of plaintext.
    pub size: u64,
    /// SHA-256 of the plaintext.
    pub sha256: [u8; 32],
    /// When it was committed.
    pub at: Timestamp,
    /// The blob.
    pub blob: BlobId,
    /// Where the blob's file lies.
    pub file: PathBuf,
}

/// An answer with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Would it be allowed now?
    pub allowed: bool,
    /// What the person would be told: `allowed`, `permission denied`, or `no such file or folder`.
    pub answer: &'static str,
    /// The rights in the folder that decides.
    pub rights: Rights,
    /// Why, first cause first.
    pub because: Vec<String>,
    /// The guard that decided, if one did.
    pub guard: Option<String>,
}

impl Vfs {
    /// Every version of every document of a matter, by path. Blocking.
    pub fn documents(&self, permit: &Permit<Manage>, matter: &Matter) -> Result<Vec<DocumentRecord>, Error> {
        let mut folders: Vec<(DocPath, NodeId)> =
            matter.folders.iter().map(|folder| (structure_path(matter, folder.id), folder.id)).collect();
        let mut records = Vec::new();
        while let Some((path, folder)) = folders.pop() {
            let found = self.vault.inspect(permit, folder)?;
            for (entry, versions) in found.into_iter().filter(|(entry, _)| !entry.in_intake) {
                let path = path.clone().join(entry.name.clone()).map_err(|_| Error::Limit("depth of the tree"))?;
                if entry.content.is_none() {
                    folders.push((path.clone(), entry.node));
                }
                records.extend(versions.into_iter().map(|(number, version)| DocumentRecord {
                    path: path.clone(),
                    node: entry.node,
                    version: number,
                    current: entry.content.is_some_and(|content| content.version == number),
                    size: version.blob.size,
                    sha256: version.blob.sha256,
                    at: version.at,
                    blob: version.blob.id,
                    file: self.vault.blob_path(&version.blob.id),
                }));
            }
        }
        records.sort_by(|a, b| (&a.path, a.version).cmp(&(&b.path, b.version)));
        Ok(records)
    }

    /// The folder or document that people made at this path, which starts below the matter's own folder.
    ///
    /// # Errors
    /// [`Error::NotFound`] if nothing stands there, [`Error::Structure`] for a folder of the matter type.
    pub fn locate(&self, _permit: &Permit<Manage>, matter: &Matter, path: &DocPath) -> Result<DocumentTarget, Error> {
        let path_of_matter = DocPath::root().join(matter.folder_name.clone()).map_err(|_| Error::NotFound)?;
        let mut place = Place { matter: Some(matter.id), path: path_of_matter, ..root() };
        let (last, above) = path.names().split_last().ok_or(Error::Structure)?;
        let deeper = |place: &Place, name: &DocName| {
            let folder = matter.child(place.folder(), &name.folded()).filter(|_| place.is_structure())?;
            let path = place.path.clone().join(folder.name.clone()).ok()?;
            let (chain, structure) = ([&place.chain[..], &[folder.id]].concat(), place.structure + 1);
            Some(Place { chain, structure, path, ..place.clone() })
        };
        let entry_in = |place: &Place, name: &DocName| {
            let entry = self.vault.find(place.folder().ok_or(Error::NotFound)?, name)?.ok_or(Error::NotFound)?;
            Ok::<_, Error>(target_of(place, &entry, false))
        };
        for name in above {
            place = match deeper(&place, name) {
                Some(inner) => inner,
                None => Some(entry_in(&place, name)?).filter(|entry| entry.is_folder).ok_or(Error::NotFound)?.inside(),
            };
        }
        if deeper(&place, last).is_some() {
            return Err(Error::Structure);
        }
        entry_in(&place, last)
    }

    /// The deep check of what is stored, below these folders of the structure.
    pub fn check(&self, permit: &Permit<Administer>, roots: Vec<Root>) -> Check {
        self.vault.check(permit, roots)
    }

    /// May this account do this there, and why? The same decision that the gate would take now.
    pub fn explain(
        &self,
        permit: &Permit<Administer>,
        account: &Account,
        verb: Verb,
        path: &DocPath,
        what_if: &WhatIf,
    ) -> Result<Explanation, Error> {
        self.gate.viewpoint_of(permit, account, |seen| {
            let sight = Sight::of(self, seen, account.id);
            let (place, object, aim) = match sight.find(path)? {
                Found::Structure(place) => (place, None, None),
                Found::Entry(target, _) if target.is_folder && matches!(verb, Verb::List | Verb::Create) => {
                    (target.inside(), None, None)
                }
                Found::Entry(target, _) => (
                    target.place.clone(),
                    Some(seen.object(&target)),
                    Some((target.name, target.is_folder, target.size)),
                ),
                Found::Missing(place, name) if verb == Verb::Create => (place, None, Some((name, false, 0))),
                Found::Missing(..) | Found::NoParent => {
                    let (rights, mut because) = seen.explain(&sight.structure_on(path));
                    because.push("nothing stands there, or nothing that the account may enter".to_owned());
                    return Ok(explanation(Decision::Hidden, rights, because));
                }
            };
            let (rights, mut because) = seen.explain(&place);
            if !account.enabled {
                because.insert(0, "the account is disabled".to_owned());
                return Ok(explanation(Decision::Hidden, rights, because));
            }
            let operation = question(verb, rights, seen.shown(&place), object);
            let decision = policy::decide(operation);
            because.push(format!("{verb} {} one of these rights", if rights.has(verb) { "is" } else { "is not" }));
            if decision == Decision::Allowed {
                because.extend(policy::exception(operation).map(|exception| exception.to_string()));
            }
            let aim = aim.as_ref().map(|(name, is_folder, size)| (name, *is_folder, *size));
            let guard = (decision == Decision::Allowed)
                .then(|| self.gate.explain_guards(seen, what_if, verb, &place, aim))
                .flatten();
            let Some(guard) = guard else { return Ok(explanation(decision, rights, because)) };
            because.insert(0, guard.to_string());
            let refused = explanation(policy::refusal(operation), rights, because);
            Ok(Explanation { guard: Some(guard.guard.to_string()), ..refused })
        })
    }
}

fn question(verb: Verb, rights: Rights, shown: bool, object: Option<Object>) -> Operation {
    // A question about a folder itself is one about what may be done inside it.
    let object = object.unwrap_or(Object { folder: true, ..Object::default() });
    match verb {
        Verb::List => Operation::List { shown: shown && rights.has(Verb::List) },
        Verb::Read => Operation::Read { object, rights },
        Verb::Create => Operation::Create { transient: false, rights, shown },
        Verb::Update => Operation::Update { object, rights },
        Verb::Delete => Operation::Delete { object, rights },
    }
}

fn explanation(decision: Decision, rights: Rights, because: Vec<String>) -> Explanation {
    let answer = match decision {
        Decision::Allowed => "allowed",
        Decision::Denied => "permission denied",
        Decision::Hidden => "no such file or folder",
    };
    Explanation { allowed: decision == Decision::Allowed, answer, rights, because, guard: None }
}

/// The path of a folder of a matter's structure.
pub fn structure_path(matter: &Matter, folder: NodeId) -> DocPath {
    let mut names = Vec::new();
    let mut at = Some(folder);
    while let Some(folder) = at.and_then(|node| matter.folder(node)) {
        names.push(folder.name.clone());
        at = folder.parent;
    }
    names.push(matter.folder_name.clone());
    names.into_iter().rev().try_fold(DocPath::root(), DocPath::join).unwrap_or_default()
}
