//! How the firm's records stand in the store, and how a snapshot is read back from them.
//!
//! Keys start with `f`, then one letter for the kind, then ids; numbers are big-endian so that they sort. Values are
//! sealed by the store. A structure has new fields only at its end and with `#[serde(default)]`, since MessagePack arrays
//! go by position.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::account_records::{load_accounts, load_links};
use super::api_tokens::load_api_tokens;
use super::matter::MatterParts;
use super::own_rules::{OwnRule, Ruling};
use super::spec::{FolderSpec, ends_with_messages};
use super::{Access, Contact, Error, Firm, Matter, MatterType, MatterTypeSpec, Participant, Party, Switches, Watch};
use crate::kv::SealedStore;
use crate::names::{AccountId, Areas, Bytes, ContactId, DocName, DocPath, MatterId, NodeId, Timestamp};
use crate::policy::FolderRule;

/// The record that every change of the firm's records replaces: its number is the snapshot's epoch, and a change goes
/// through only on the epoch that it was decided on.
pub(super) const EPOCH: &[u8] = b"fe";
const CONTACTS: &[u8] = b"fc";
const MATTERS: &[u8] = b"fm";
const PARTICIPANTS: &[u8] = b"fp";
const TYPES: &[u8] = b"ft";
const TYPE_FOLDERS: &[u8] = b"ff";
const FORMER_FOLDERS: &[u8] = b"fo";
const OWN_RULES: &[u8] = b"fr";
/// The firm's switches: one record.
pub(super) const SWITCHES: &[u8] = b"fs";
/// How much may be kept in all matters: one record, if that is bounded.
pub(super) const QUOTA: &[u8] = b"fq";

pub(super) fn contact_key(id: ContactId) -> Vec<u8> {
    [CONTACTS, id.as_bytes()].concat()
}

pub(super) fn matter_key(id: MatterId) -> Vec<u8> {
    [MATTERS, id.as_bytes()].concat()
}

pub(super) fn former_folder_key(matter: MatterId, node: NodeId) -> Vec<u8> {
    [FORMER_FOLDERS, matter.as_bytes(), node.as_bytes()].concat()
}

pub(super) fn own_rule_key(matter: MatterId, node: NodeId) -> Vec<u8> {
    [OWN_RULES, matter.as_bytes(), node.as_bytes()].concat()
}

pub(super) fn participant_key(matter: MatterId, party: Party) -> Vec<u8> {
    match party {
        Party::Contact(id) => [PARTICIPANTS, matter.as_bytes(), b"c", id.as_bytes()].concat(),
        Party::Device(id) => [PARTICIPANTS, matter.as_bytes(), b"d", id.as_bytes()].concat(),
    }
}

pub(super) fn type_key(id: u32, version: u32) -> Vec<u8> {
    [TYPES, &id.to_be_bytes()[..], &version.to_be_bytes()[..]].concat()
}

pub(super) fn type_folder_key(id: u32, version: u32, at: u16) -> Vec<u8> {
    [TYPE_FOLDERS, &id.to_be_bytes()[..], &version.to_be_bytes()[..], &at.to_be_bytes()[..]].concat()
}

#[derive(Serialize, Deserialize)]
pub(super) struct ContactRecord {
    name: String,
    email: Option<String>,
    created: Timestamp,
}

impl From<&Contact> for ContactRecord {
    fn from(contact: &Contact) -> Self {
        Self { name: contact.name.clone(), email: contact.email.clone(), created: contact.created }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct MatterRecord {
    number: String,
    name: String,
    folder_name: DocName,
    type_id: u32,
    type_version: u32,
    created: Timestamp,
    open: bool,
    portal: bool,
    /// The nodes of the type's folders, in the order of its tree: 35 bytes each at worst.
    pub(super) nodes: Vec<NodeId>,
    #[serde(default = "all_areas")]
    areas: Areas,
    #[serde(default)]
    watch: Watch,
    #[serde(default)]
    quota: Option<Bytes>,
}

fn all_areas() -> Areas {
    Areas::ALL
}

impl From<&Matter> for MatterRecord {
    fn from(matter: &Matter) -> Self {
        Self {
            number: matter.number.clone(),
            name: matter.name.clone(),
            folder_name: matter.folder_name.clone(),
            type_id: matter.kind().id,
            type_version: matter.kind().version,
            created: matter.created,
            open: matter.open,
            portal: matter.portal,
            nodes: matter.type_nodes().collect(),
            areas: matter.areas,
            watch: matter.watch.clone(),
            quota: matter.quota,
        }
    }
}

/// A folder of a matter that an earlier version of its type made.
#[derive(Serialize, Deserialize)]
pub(super) struct FormerFolderRecord {
    pub(super) path: DocPath,
}

/// What staff say of one folder or document that people made.
#[derive(Serialize, Deserialize)]
pub(super) struct OwnRuleRecord {
    above: Vec<NodeId>,
    path: DocPath,
    ruling: Ruling,
    since: Timestamp,
}

impl From<&OwnRule> for OwnRuleRecord {
    fn from(rule: &OwnRule) -> Self {
        let OwnRule { above, path, ruling, since, .. } = rule.clone();
        Self { above, path, ruling, since }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct SwitchesRecord {
    portal: bool,
    areas: Areas,
}

impl From<&Switches> for SwitchesRecord {
    fn from(switches: &Switches) -> Self {
        Self { portal: switches.portal, areas: switches.areas }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ParticipantRecord {
    participant_type: String,
    access: Access,
    can_download: bool,
    granted_at: Option<Timestamp>,
}

impl From<&Participant> for ParticipantRecord {
    fn from(one: &Participant) -> Self {
        Self {
            participant_type: one.participant_type.clone(),
            access: one.access,
            can_download: one.can_download,
            granted_at: one.granted_at,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct TypeRecord {
    name: String,
    participants: Vec<String>,
    /// How many folder records belong to it.
    folders: u16,
    applied: Timestamp,
}

impl From<&MatterType> for TypeRecord {
    fn from(kind: &MatterType) -> Self {
        Self {
            name: kind.name().to_owned(),
            participants: kind.spec.participants().to_vec(),
            folders: u16::try_from(kind.spec.folders().len()).unwrap_or(u16::MAX),
            applied: kind.applied,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct TypeFolderRecord {
    path: DocPath,
    rule: FolderRule,
}

impl From<&FolderSpec> for TypeFolderRecord {
    fn from(folder: &FolderSpec) -> Self {
        Self { path: folder.path.clone(), rule: folder.rule.clone() }
    }
}

/// The folder of messages of a matter whose record is older than such folders: the same at each start, until a change of
/// the matter writes it down.
fn messages_of(matter: MatterId) -> NodeId {
    let text = [b"folder of messages", &matter.as_bytes()[..]].concat();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &text);
    let mut node = [0; 16];
    node.copy_from_slice(&digest.as_ref()[..16]);
    NodeId::from_bytes(node)
}

/// Reads everything. What contradicts itself refuses the start: half of the records could let the wrong person in.
pub(super) fn load(store: &SealedStore) -> Result<Firm, Error> {
    let mut firm = Firm::default();
    firm.epoch = store.get::<u64>(EPOCH)?.map_or(0, |record| record.value);
    if let Some(record) = store.get::<SwitchesRecord>(SWITCHES)? {
        let SwitchesRecord { portal, areas } = record.value;
        firm.set_switches(Switches { portal, areas });
    }
    firm.set_quota(store.get::<Bytes>(QUOTA)?.map(|record| record.value));
    load_types(store, &mut firm)?;
    for (key, record) in all::<ContactRecord>(store, CONTACTS)? {
        let id = ContactId::from_bytes(id_at(&key, 2)?);
        let ContactRecord { name, email, created } = record;
        firm.insert_contact(Arc::new(Contact { id, name, email, created }));
    }
    load_accounts(store, &mut firm)?;
    load_links(store, &mut firm)?;
    load_api_tokens(store, &mut firm)?;
    let mut former = all::<FormerFolderRecord>(store, FORMER_FOLDERS)?.into_iter().peekable();
    let mut rules = all::<OwnRuleRecord>(store, OWN_RULES)?.into_iter().peekable();
    for (key, record) in all::<MatterRecord>(store, MATTERS)? {
        let kind = firm.type_version(record.type_id, record.type_version).cloned();
        let mut own = Vec::new();
        // Both tables are sorted by matter, so the former folders of this one come next.
        while let Some((folder, record)) = former.next_if(|(folder, _)| folder.get(2..18) == key.get(2..18)) {
            own.push((NodeId::from_bytes(id_at(&folder, 18)?), record.path));
        }
        let mut own_rules = Vec::new();
        while let Some((rule, record)) = rules.next_if(|(rule, _)| rule.get(2..18) == key.get(2..18)) {
            let OwnRuleRecord { above, path, ruling, since } = record;
            own_rules.push(OwnRule { node: NodeId::from_bytes(id_at(&rule, 18)?), above, path, ruling, since });
        }
        let id = MatterId::from_bytes(id_at(&key, 2)?);
        let mut nodes = record.nodes;
        if kind.as_ref().is_some_and(|kind| nodes.len() + 1 == kind.tree.len() && ends_with_messages(&kind.tree)) {
            nodes.push(messages_of(id));
        }
        let parts = MatterParts {
            id,
            number: record.number,
            name: record.name,
            folder_name: record.folder_name,
            created: record.created,
            open: record.open,
            portal: record.portal,
            areas: record.areas,
            watch: record.watch,
            quota: record.quota,
            nodes,
            former: own,
            own_rules,
        };
        let matter = kind.and_then(|kind| Matter::assemble(parts, kind));
        firm.insert_matter(Arc::new(matter.ok_or_else(|| damaged("a matter does not fit its matter type"))?));
    }
    if former.next().is_some() || rules.next().is_some() {
        return Err(damaged("a former folder or a rule without its matter"));
    }
    for (key, record) in all::<ParticipantRecord>(store, PARTICIPANTS)? {
        let id = id_at(&key, 19)?;
        let party = match key.get(18) {
            Some(b'c') => Party::Contact(ContactId::from_bytes(id)),
            Some(b'd') => Party::Device(AccountId::from_bytes(id)),
            _ => return Err(damaged("a participant is neither contact nor device")),
        };
        let ParticipantRecord { participant_type, access, can_download, granted_at } = record;
        let matter = MatterId::from_bytes(id_at(&key, 2)?);
        if firm.matter(matter).is_none() || firm.party_name(party).is_none() {
            return Err(damaged("a participant without its matter, contact or account"));
        }
        let one = Participant { matter, party, participant_type, access, can_download, granted_at };
        firm.insert_participant(Arc::new(one));
    }
    Ok(firm)
}

fn load_types(store: &SealedStore, firm: &mut Firm) -> Result<(), Error> {
    let mut folders = all::<TypeFolderRecord>(store, TYPE_FOLDERS)?.into_iter().peekable();
    for (key, record) in all::<TypeRecord>(store, TYPES)? {
        let (Some(id), Some(version), 10) = (number_at(&key, 2), number_at(&key, 6), key.len()) else {
            return Err(damaged("a matter type has an impossible key"));
        };
        let mut own = Vec::new();
        while let Some((_, folder)) = folders.next_if(|(folder, _)| folder.get(2..10) == key.get(2..10)) {
            own.push(FolderSpec { path: folder.path, rule: folder.rule });
        }
        if own.len() != usize::from(record.folders) {
            return Err(damaged("a matter type has lost a folder"));
        }
        let spec = MatterTypeSpec::from_parts(record.name, record.participants, own);
        firm.insert_type(Arc::new(MatterType::new(id, version, spec, record.applied)));
    }
    match folders.next() {
        Some(_) => Err(damaged("a folder without its matter type")),
        None => Ok(()),
    }
}

/// All records of a kind; how many there can be was bounded when they were written.
pub(super) fn all<T: DeserializeOwned>(store: &SealedStore, prefix: &[u8]) -> Result<Vec<(Vec<u8>, T)>, Error> {
    let mut found = Vec::new();
    store.scan(prefix, None, |key, record| {
        found.push((key.to_vec(), record));
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

pub(super) fn id_at(key: &[u8], at: usize) -> Result<[u8; 16], Error> {
    let id = key.get(at..).and_then(|rest| rest.first_chunk::<16>());
    id.copied().ok_or_else(|| damaged("a record has an impossible key"))
}

fn number_at(key: &[u8], at: usize) -> Option<u32> {
    key.get(at..)?.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))
}

pub(super) fn damaged(what: &str) -> Error {
    Error::Damaged(what.to_owned())
}
