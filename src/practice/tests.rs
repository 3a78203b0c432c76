//! The rules over a real store: what may change, what follows for access, and that all of it is there after a restart.

use std::path::Path;
use std::sync::Arc;

use super::draft::Draft;
use super::*;
use crate::kv::{self, EngineKind, SealKeys, SealedStore, Settings};
use crate::names::{AccountId, DocPath, Place, Rights, Role, Verb};
use crate::policy::{self, FolderRule};

const GENERAL: &str = include_str!("../../policies/general.toml");
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
        let new = NewMatter { id, number: number.into(), name: name.into(), matter_type: "general".into() };
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

    fn revoke(&self, matter: &Matter, party: Party) -> Result<Arc<Participant>, Error> {
        self.commit(|draft| draft.revoke_access(matter.id, party))
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
    let place = Place { matter: Some(matter.id), structure: chain.len(), chain, path: DocPath::root() };
    policy::granted(&firm.standing(account), &matter.rules, &place).rights
}

#[test]
fn general_grants_what_the_sample_firm_is_promised() {
    let (office, matter) = Office::with_matter();
    let labels: Vec<_> = matter.folders.iter().map(|one| matter.rules.folders[&one.id].label.as_str()).collect();
    assert_eq!(
        labels,
        [
            "Documents",
            "Documents/From us",
            "Documents/From you",
            "Documents/Drafts",
            "Documents/Shared room",
            "Documents/Drop box",
            "Documents/Internal"
        ]
    );
    let client = office.client(&matter);
    let expert = office.contact("Expert One", Some("expert.one@example.com"));
    let device = Party::Device(office.commit(|draft| draft.add_device("scanner.one")).expect("a device").id);
    for (party, kind) in [(expert, "expert"), (device, "device")] {
        office.try_participant(&matter, party, kind).expect("a participant");
        office.grant(&matter, party).expect("access");
    }
    let words = |party| {
        ["Documents", "From us", "From you", "Drafts", "Shared room", "Drop box", "Internal"]
            .map(|folder| rights(&office.firm(), &matter, party, folder).to_string())
    };
    assert_eq!(
        words(client),
        ["none", "list read", "list read create", "list read create update", "full", "create", "none"]
    );
    assert_eq!(words(expert), ["none", "list read", "none", "none", "list read", "none", "none"]);
    assert_eq!(words(device), ["none", "none", "none", "none", "none", "create", "none"]);
}

#[test]
fn standing_follows_access_at_once() {
    let (office, matter) = Office::with_matter();
    let party = office.contact("Client One", Some("Client.One@example.com"));
    office.try_participant(&matter, party, "client").expect("a participant");
    assert!(office.firm().account_of(party).is_none(), "no account before access");

    let granted = office.grant(&matter, party).expect("access");
    assert_eq!(granted.access, Access::Active);
    let account = office.firm().account_of(party).expect("an account").clone();
    assert_eq!((account.login.as_str(), account.role), ("client.one@example.com", Role::Participant));
    let stands = || office.firm().standing(&account).matters.contains_key(&matter.id);
    assert!(stands());

    office.revoke(&matter, party).expect("revoked");
    assert!(!stands());
    assert_eq!(text_of(office.revoke(&matter, party)), "done", "revoking twice is no error");
    office.grant(&matter, party).expect("access");
    assert!(stands());

    office.commit(|draft| draft.set_can_download(matter.id, party, false)).expect("set");
    assert!(!rights(&office.firm(), &matter, party, "From us").has(Verb::Read));
    office.commit(|draft| draft.set_enabled("client.one@example.com", false)).expect("disabled");
    assert!(!stands(), "a disabled account stands nowhere, even by an old value of it");
}

#[test]
fn a_disabled_member_of_staff_has_no_role_left() {
    let office = Office::empty();
    let staff = office.commit(|draft| draft.add_staff("staff.one@example.com", Role::Staff)).expect("staff");
    assert_eq!(office.firm().standing(&staff).role, Role::Staff);
    office.commit(|draft| draft.set_enabled(&staff.login, false)).expect("disabled");
    assert_eq!(office.firm().standing(&staff).role, Role::Participant);
    assert!(office.firm().standing(&staff).matters.is_empty());
}

#[test]
fn access_needs_an_address_of_ones_own() {
    let (office, matter) = Office::with_matter();
    let nameless = office.contact("No Address", None);
    let twins =
        [office.contact("Twin", Some("twin@example.com")), office.contact("Other Twin", Some("TWIN@example.com"))];
    let staff = office.commit(|draft| draft.add_staff("staff.one@example.com", Role::Staff)).expect("staff");
    let clash = office.contact("Clash", Some(&staff.login));
    for party in [nameless, twins[0], twins[1], clash] {
        office.try_participant(&matter, party, "client").expect("a participant");
    }
    assert_eq!(text_of(office.grant(&matter, nameless)), "No Address has no e-mail address; add one, then give access");
    match office.grant(&matter, twins[0]) {
        Err(Error::SharedAddress { address, contacts }) => {
            assert_eq!(address, "twin@example.com");
            let names: Vec<_> = contacts.iter().map(|contact| contact.name.as_str()).collect();
            assert_eq!(names, ["Twin", "Other Twin"]);
        }
        other => panic!("{}", text_of(other)),
    }
    assert!(office.firm().contact_by_email("twin@example.com").is_none(), "neither of two");
    assert!(text_of(office.grant(&matter, clash)).contains("is the login of an account with the role staff"));
    assert!(office.firm().accounts().len() == 1, "no refusal left an account behind");
}

#[test]
fn what_must_be_unique_is_refused_a_second_time() {
    let (office, matter) = Office::with_matter();
    let client = office.client(&matter);
    office.commit(|draft| draft.add_device("scanner.one")).expect("a device");
    office.commit(|draft| draft.add_key("scanner.one", KEY)).expect("a key");
    for (said, expected) in [
        (
            text_of(office.try_matter("2026-0001", "Again")),
            "there is a matter 2026-0001 already: Purchase of 12 High Street",
        ),
        (
            text_of(office.commit(|draft| draft.add_device("SCANNER.ONE"))),
            "there is an account scanner.one already, with the role device",
        ),
        (text_of(office.commit(|draft| draft.add_key("scanner.one", KEY))), "scanner.one has this SSH key already"),
        (
            text_of(office.try_participant(&matter, client, "client")),
            "Client One is a participant of matter 2026-0001 already",
        ),
    ] {
        assert_eq!(said, expected);
    }
    office.matter("A/1", "Lease");
    assert!(text_of(office.try_matter("a-1", "LEASE")).contains("would be called as that of matter A/1"));
    assert!(text_of(office.try_matter("a/1", "Other")).contains("there is a matter A/1 already"));
}

#[test]
fn what_does_not_exist_or_fit_is_said_clearly() {
    let (office, matter) = Office::with_matter();
    let client = office.client(&matter);
    let stranger = office.contact("Stranger", Some("stranger@example.com"));
    let new = NewMatter { id: MatterId::random(), number: "1".into(), name: "X".into(), matter_type: "Nope".into() };
    let staff = office.commit(|draft| draft.add_staff("staff.one", Role::Staff)).expect("staff");
    for (said, expected) in [
        (text_of(office.commit(|draft| draft.add_matter(new))), "there is no matter type `Nope`: General"),
        (text_of(office.grant(&matter, stranger)), "Stranger is no participant of matter 2026-0001; add them first"),
        (
            text_of(office.try_participant(&matter, stranger, "judge")),
            "`judge` is no participant type of matter 2026-0001: use one of client, expert, device",
        ),
        (
            text_of(office.try_participant(&matter, Party::Device(staff.id), "device")),
            "there is no such contact or device; add it first",
        ),
        (
            text_of(office.commit(|draft| draft.grant_access(MatterId::random(), client))),
            "there is no such matter; `matter list` names all",
        ),
        (
            text_of(office.commit(|draft| draft.set_enabled("no\nbody", true))),
            "there is no account `no\\nbody`; `account list` names all",
        ),
        (
            text_of(office.commit(|draft| draft.set_password("staff.one", "secret".to_owned().into()))),
            "the password's hash is no PHC string",
        ),
        (
            text_of(office.commit(|draft| draft.add_staff("x", Role::Device))),
            "device is no role of staff: use staff, admin or auditor, and add participants and devices as such",
        ),
    ] {
        assert_eq!(said, expected);
    }
}

#[test]
fn a_restart_shows_the_same_firm() {
    let (office, matter) = Office::with_matter();
    let client = office.client(&matter);
    office.contact("No Address", None);
    office.commit(|draft| draft.set_password("client.one@example.com", PHC.to_owned().into())).expect("a password");
    office.commit(|draft| draft.add_key("client.one@example.com", KEY)).expect("a key");
    let before = office.firm();
    let office = office.restarted();
    let after = office.firm();

    assert_eq!(before.epoch, after.epoch);
    assert_eq!(office.practice().epoch(), after.epoch);
    assert_eq!(before.matters().collect::<Vec<_>>(), after.matters().collect::<Vec<_>>());
    assert_eq!(before.contacts(), after.contacts());
    assert_eq!(before.matter_types(), after.matter_types());
    assert_eq!(before.participants_of(matter.id), after.participants_of(matter.id));
    let (old, new) = (before.account_of(client).expect("before"), after.account_of(client).expect("after"));
    assert_eq!((old.id, &old.keys, old.credentials), (new.id, &new.keys, new.credentials));
    assert_eq!(new.password.as_deref().map(String::as_str), Some(PHC));
    assert_eq!(new.credentials, 2, "password and key each end older sessions");
    assert_eq!(before.standing(old), after.standing(new));
    office.matter("2026-0002", "Estate of A Testator");
    assert_eq!(office.firm().epoch, after.epoch + 1);
}

#[test]
fn a_new_version_of_a_type_leaves_existing_matters_alone() {
    let (office, first) = Office::with_matter();
    let again = office.apply(GENERAL);
    assert_eq!(again.version, 1, "nothing new, no version");
    let changed = GENERAL.replace("\"Documents/Internal\"", "\"Documents/Private\"");
    assert_eq!(office.apply(&changed).version, 2);
    let second = office.matter("2026-0002", "Estate of A Testator");
    let more = changed.replace("\"Documents/Private\"", "\"Documents/Secret\"");
    assert_eq!(office.apply(&more).version, 3);
    let last = more.replace("\"Documents/Secret\"", "\"Documents/Closed\"");
    assert_eq!(office.apply(&last).version, 4);

    let office = office.restarted();
    let firm = office.firm();
    let names = |matter: &Matter| {
        let matter = firm.matter(matter.id).expect("there");
        matter.folders.last().expect("folders").name.to_string()
    };
    assert_eq!([names(&first), names(&second)], ["Internal", "Private"]);
    let current = firm.matter_type("GENERAL").expect("there");
    assert_eq!((current.id, current.version), (1, 4));
    assert!(firm.type_version(1, 3).is_none(), "a version that no matter has is not kept");
    assert!(firm.type_version(1, 1).is_some());
}

#[test]
fn a_refused_change_changes_nothing_and_an_idle_one_writes_nothing() {
    let (office, matter) = Office::with_matter();
    let client = office.client(&matter);
    let epoch = office.practice().epoch();
    let watch = office.practice().watch();
    let half = office.commit(|draft| {
        draft.add_device("half")?;
        draft.add_device("half")
    });
    assert!(half.is_err());
    office.grant(&matter, client).expect("already on");
    assert_eq!((office.practice().epoch(), office.firm().epoch), (epoch, epoch));
    assert!(!watch.has_changed().expect("open"));
    assert!(office.firm().account_by_login("half").is_none());

    office.commit(|draft| draft.add_device("whole")).expect("a device");
    assert_eq!(office.practice().epoch(), epoch + 1);
    assert!(watch.has_changed().expect("open"));
    assert!(office.restarted().firm().account_by_login("half").is_none());
}

#[test]
fn a_change_that_somebody_else_overtook_is_a_conflict() {
    let office = Office::empty();
    let store = office.practice().store.clone();
    let other = Practice::open(store).expect("a second node");
    other.commit(|draft| draft.add_device("first")).expect("a device");
    let late = office.commit(|draft| draft.add_device("second"));
    assert!(matches!(late, Err(Error::Store(kv::Error::Conflict))));
}

#[test]
fn lookups_find_by_every_name_in_any_case() {
    let (office, matter) = Office::with_matter();
    office.matter("2025-0009", "Earlier");
    office.client(&matter);
    let firm = office.firm();
    let numbers: Vec<_> = firm.matters().map(|matter| matter.number.as_str()).collect();
    assert_eq!(numbers, ["2025-0009", "2026-0001"]);
    assert_eq!(matter.folder_name.as_str(), "2026-0001 Purchase of 12 High Street");
    assert_eq!(firm.matter_by_folder(&matter.folder_name.folded()).map(|found| found.id), Some(matter.id));
    assert_eq!(firm.matter_by_number("2026-0001").map(|found| found.id), Some(matter.id));
    assert!(firm.account_by_login("CLIENT.ONE@EXAMPLE.COM").is_some());
    assert!(firm.account_by_login(&"x".repeat(100_000)).is_none());
    assert!(firm.contact_by_email("Client.One@Example.com").is_some());
    assert!(firm.account(AccountId::random()).is_none());

    let documents = matter.child(None, "documents").expect("the area");
    let drafts = matter.child(Some(documents.id), "drafts").expect("a folder");
    assert_eq!(matter.children(Some(documents.id)).count(), 6);
    assert_eq!(matter.folder(drafts.id), Some(drafts));
    assert!(matter.child(Some(drafts.id), "drafts").is_none());
    assert_eq!(matter.rules.folders[&drafts.id].above, [documents.id]);
    assert_eq!(matter.rules.folders[&documents.id].rule, FolderRule::Inherit);
}

#[test]
fn the_largest_records_fit_the_store() {
    let office = Office::empty();
    let words: Vec<_> =
        (0..MAX_PARTICIPANT_TYPES).map(|n| format!("{n:a>width$}", width = MAX_TYPE_WORD_BYTES)).collect();
    let rows: Vec<_> = words.iter().map(|word| format!("{word} = \"list read create update delete\"")).collect();
    let mut text = format!("name = \"General\"\nparticipants = {words:?}\n");
    let deep = "é".repeat(127);
    for n in 0..MAX_FOLDERS - 7 {
        let path = if n == 0 { [deep.as_str(); 7].join("/") } else { format!("{n} folder") };
        let rows = if n == 0 { rows.join(", ") } else { rows[0].clone() };
        text += &format!("[[folder]]\npath = \"Documents/{path}\"\nrows = {{ {rows} }}\n");
    }
    assert_eq!(office.apply(&text).folder_count(), MAX_FOLDERS);
    let number = "9".repeat(MAX_NUMBER_BYTES);
    office.matter(&number, &"n".repeat(MAX_TITLE_BYTES));
    assert!(office.restarted().firm().matter_by_number(&number).is_some());
}

#[test]
fn passwords_do_not_show_in_debug_output() {
    let office = Office::empty();
    office.commit(|draft| draft.add_device("scanner.one")).expect("a device");
    let account = office.commit(|draft| draft.set_password("scanner.one", PHC.to_owned().into())).expect("set");
    assert!(!format!("{account:?}").contains("argon2"));
}
