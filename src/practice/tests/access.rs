//! Who may do what, and where everything is found.

use super::*;

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
            "Documents/Internal",
            "Messages",
            "Messages/Expert",
            "Invoices",
            "Tasks",
            "Calendar",
            "Notes"
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

    office.disable(&matter, party).expect("disabled");
    assert!(!stands());
    assert_eq!(text_of(office.disable(&matter, party)), "done", "disabling twice is no error");
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
fn passwords_do_not_show_in_debug_output() {
    let office = Office::empty();
    office.commit(|draft| draft.add_device("scanner.one")).expect("a device");
    let account = office.commit(|draft| draft.set_password("scanner.one", PHC.to_owned().into())).expect("set");
    assert!(!format!("{account:?}").contains("argon2"));
}
