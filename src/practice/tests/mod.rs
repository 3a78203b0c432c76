//! The rules over a real store: what may change, what follows for access, and that all of it is there after a restart.

mod access;
mod links;
mod parsing;
mod push;
mod refusals;
mod stored;
mod switches;

use std::path::Path;
use std::sync::Arc;

use super::draft::Draft;
use super::*;
use crate::kv::{self, EngineKind, SealKeys, SealedStore, Settings};
use crate::names::{AccountId, Area, DocPath, Place, Rights, Role, Verb};
use crate::policy::{self, FolderRule};

const GENERAL: &str = include_str!("../../../policies/general.toml");
/// A PHC string as the gate makes it; its salt and hash are made up.
const PHC: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH laptop";

struct Office {
    dir: tempfile::TempDir,
    practice: Option<Practice>,
}

impl Office {
    fn empty() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let practice = Some(open(dir.path()));
        Self { dir, practice }
    }

    /// The sample firm: General and a matter.
    fn with_matter() -> (Self, Arc<Matter>) {
        let office = Self::empty();
        office.apply(GENERAL);
        office.commit(|draft| draft.switch_firm(Switch::Area(Area::Documents), true)).expect("switched");
        let matter = office.matter("2026-0001", "Purchase of 12 High Street");
        (office, matter)
    }

    fn practice(&self) -> &Practice {
        self.practice.as_ref().expect("open")
    }

    fn firm(&self) -> Arc<Firm> {
        self.practice().firm()
    }

    fn commit<T>(&self, work: impl FnOnce(&mut Draft<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.practice().commit(work)
    }

    fn apply(&self, text: &str) -> Arc<MatterType> {
        let spec = parse_matter_type(text, "type.toml").expect("a matter type");
        self.commit(|draft| draft.apply_matter_type(spec)).expect("applied")
    }

    fn try_matter(&self, number: &str, name: &str) -> Result<Arc<Matter>, Error> {
        let id = MatterId::random();
        let new =
            NewMatter { id, number: number.into(), name: name.into(), matter_type: "general".into(), owner: None };
        self.commit(|draft| draft.add_matter(new))
    }

    fn matter(&self, number: &str, name: &str) -> Arc<Matter> {
        self.try_matter(number, name).expect("a matter")
    }

    fn contact(&self, name: &str, email: Option<&str>) -> Party {
        let new = NewContact { name: name.into(), email: email.map(str::to_owned) };
        Party::Contact(self.commit(|draft| draft.add_contact(new)).expect("a contact").id)
    }

    fn try_participant(&self, matter: &Matter, party: Party, kind: &str) -> Result<Arc<Participant>, Error> {
        let new = NewParticipant { matter: matter.id, party, participant_type: kind.into() };
        self.commit(|draft| draft.add_participant(new))
    }

    fn grant(&self, matter: &Matter, party: Party) -> Result<Arc<Participant>, Error> {
        self.commit(|draft| draft.grant_access(matter.id, party))
    }

    fn disable(&self, matter: &Matter, party: Party) -> Result<Arc<Participant>, Error> {
        self.commit(|draft| draft.disable_access(matter.id, party))
    }

    /// A client with access.
    fn client(&self, matter: &Matter) -> Party {
        let party = self.contact("Client One", Some("client.one@example.com"));
        self.try_participant(matter, party, "client").expect("a participant");
        self.grant(matter, party).expect("access");
        party
    }

    fn restarted(mut self) -> Self {
        self.practice = None;
        self.practice = Some(open(self.dir.path()));
        self
    }
}

fn open(dir: &Path) -> Practice {
    let engine = kv::open(EngineKind::Redb, dir, Settings { cache_bytes: 4 * 1024 * 1024 }).expect("an engine");
    let store = SealedStore::new(engine, &SealKeys::new([1; 32], [2; 32])).expect("a store");
    Practice::open(Arc::new(store)).expect("the records")
}

fn text_of<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The rights of a party in a structure folder, by the policy itself.
fn rights(firm: &Firm, matter: &Matter, party: Party, folder: &str) -> Rights {
    let account = firm.account_of(party).expect("an account");
    let node = matter.folders.iter().find(|one| one.name.as_str() == folder).expect("a folder");
    let chain: Vec<_> = matter.rules.folders[&node.id].above.iter().chain([&node.id]).copied().collect();
    let place = Place {
        matter: Some(matter.id),
        structure: chain.len(),
        chain,
        path: DocPath::root(),
        own: false,
        transient: false,
    };
    policy::granted(&firm.standing(account), &matter.rules, &place).rights
}
