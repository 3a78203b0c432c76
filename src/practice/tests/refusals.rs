//! What is refused, word for word.

use super::*;

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
