//! What stands in the store: nothing half, everything again after a restart.

use super::*;

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
        let closed =
            matter.rules.folders.values().find(|folder| folder.rule == FolderRule::Closed).expect("a closed one");
        closed.label.clone()
    };
    assert_eq!([names(&first), names(&second)], ["Documents/Internal", "Documents/Private"]);
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
fn the_largest_records_fit_the_store() {
    let office = Office::empty();
    let words: Vec<_> =
        (0..MAX_PARTICIPANT_TYPES).map(|n| format!("{n:a>width$}", width = MAX_TYPE_WORD_BYTES)).collect();
    let rows: Vec<_> = words.iter().map(|word| format!("{word} = \"list read create update delete\"")).collect();
    let mut text = format!("name = \"General\"\nparticipants = {words:?}\n");
    let deep = "é".repeat(127);
    for n in 0..MAX_FOLDERS - 8 {
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
fn a_matter_from_before_there_were_messages_gets_their_folder_once() {
    let office = Office::empty();
    office.apply("name = \"General\"\nparticipants = [\"client\"]\n[[folder]]\npath = \"Invoices\"\nclosed = true");
    let matter = office.matter("2026-0001", "Purchase of 12 High Street");
    let store = office.practice().store.clone();
    let key = records::matter_key(matter.id);
    let mut old = store.get::<records::MatterRecord>(&key).expect("readable").expect("there").value;
    old.nodes.pop();
    store.change().put(&key, &old).commit().expect("written");
    drop(store);
    let messages = |office: &Office| {
        let firm = office.firm();
        let folders = &firm.matter(matter.id).expect("there").folders;
        folders.iter().find(|folder| folder.name.as_str() == "Messages").expect("in every matter").id
    };
    let office = office.restarted();
    let folder = messages(&office);
    assert!(matter.folders.iter().all(|other| other.id != folder), "not the one that was taken out of the record");
    office.commit(|draft| draft.switch_matter(matter.id, Switch::Portal, false)).expect("written anew");
    assert_eq!(messages(&office.restarted()), folder);
}

#[test]
fn records_that_contradict_each_other_refuse_the_start() {
    let (office, matter) = Office::with_matter();
    office.client(&matter);
    let store = office.practice().store.clone();
    let matter_key = records::matter_key(matter.id);
    store.change().delete(&matter_key).commit().expect("a commit");
    match Practice::open(store) {
        Err(error) => assert_eq!(
            error.to_string(),
            "the firm's records are damaged: a participant without its matter, contact or account; \
             restore the catalog from a backup"
        ),
        Ok(_) => panic!("opened on half of its records"),
    }
}
