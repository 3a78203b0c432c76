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
    let new = NewMatter {
        id: MatterId::random(),
        number: "1".into(),
        name: "X".into(),
        matter_type: "Nope".into(),
        owner: None,
    };
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
fn a_contact_gets_its_missing_address_and_takes_its_login_along() {
    let (office, matter) = Office::with_matter();
    let client = office.contact("Client One", None);
    let Party::Contact(id) = client else { unreachable!("a contact") };
    let change = |email: &str| {
        let change = ContactChange { email: Some(email.to_owned()), ..ContactChange::default() };
        office.commit(|draft| draft.change_contact(id, change))
    };
    office.try_participant(&matter, client, "client").expect("a participant");
    assert!(text_of(office.grant(&matter, client)).contains("has no e-mail address"));
    change("Client.One@example.com").expect("changed");
    office.grant(&matter, client).expect("access");

    change("client.one@example.org").expect("changed");
    let firm = office.firm();
    assert!(firm.account_by_login("client.one@example.com").is_none(), "the old login is nobody's");
    assert!(firm.contacts_by_email("client.one@example.com").is_empty());
    let account = firm.account_of(client).expect("an account").clone();
    assert_eq!((account.login.as_str(), account.credentials), ("client.one@example.org", 1));
    assert_eq!(firm.account_by_login("client.one@example.org").map(|found| found.id), Some(account.id));

    office.contact("Client Two", Some("shared@example.com"));
    assert!(text_of(change("shared@example.com")).starts_with("2 contacts have the e-mail address shared@example.com"));
    office.commit(|draft| draft.add_staff("staff.one@example.com", Role::Staff)).expect("staff");
    assert!(text_of(change("staff.one@example.com")).contains("is the login of an account"));
    let office = office.restarted();
    assert!(office.firm().account_by_login("client.one@example.org").is_some());
}

#[test]
fn a_participant_leaves_a_matter_only_without_access() {
    let (office, matter) = Office::with_matter();
    let client = office.client(&matter);
    let remove = || office.commit(|draft| draft.remove_participant(matter.id, client));
    assert_eq!(text_of(remove()), "Client One has access to matter 2026-0001 (active); disable or remove it first");
    office.commit(|draft| draft.set_participant_type(matter.id, client, "expert".to_owned())).expect("changed");
    assert_eq!(rights(&office.firm(), &matter, client, "Drafts").to_string(), "none");
    let wrong = office.commit(|draft| draft.set_participant_type(matter.id, client, "owner".to_owned()));
    assert!(text_of(wrong).contains("is no participant type of matter"));
    office.disable(&matter, client).expect("disabled");
    remove().expect("removed");
    assert!(office.firm().participant(matter.id, client).is_none());
    assert!(office.firm().matters_of(client).is_empty());
    let office = office.restarted();
    assert!(office.firm().participant(matter.id, client).is_none());
    office.try_participant(&matter, client, "client").expect("back");
}

#[test]
fn whoever_administers_by_an_account_keeps_it_and_the_operator_has_none_to_keep() {
    let office = Office::empty();
    let add = |login: &str, role| office.commit(|draft| draft.add_staff(login, role)).expect("added").id;
    let (one, two) = (add("admin.one", Role::Admin), add("admin.two", Role::Admin));
    let allowed = |by, login: &str| text_of(office.commit(|draft| draft.locks_nobody_out(by, login)));
    assert!(allowed(one, "ADMIN.one").starts_with("your own account stays as it is"));
    assert_eq!(allowed(one, "admin.two"), "done");
    // Both at one time: the second finds that it is none any more.
    office.commit(|draft| draft.set_enabled("admin.two", false)).expect("disabled");
    assert_eq!(allowed(two, "admin.one"), "your account does not administer the firm any more");
    assert_eq!(allowed(AccountId::random(), "admin.one"), "done", "the operator at the console is no account");
}

#[test]
fn members_of_the_firm_change_their_roles_and_nobody_else_does() {
    let (office, matter) = Office::with_matter();
    let client = office.client(&matter);
    let staff = office.commit(|draft| draft.add_staff("staff.one", Role::Staff)).expect("staff");
    let role = |login: &str, role| office.commit(|draft| draft.set_role(login, role));
    let same = role("staff.one", Role::Staff).expect("nothing to do");
    assert_eq!(same.credentials, staff.credentials);
    let auditor = role("staff.one", Role::Auditor).expect("another role");
    assert!(auditor.role == Role::Auditor && auditor.credentials > staff.credentials, "open sessions end");
    let login = office.firm().account_of(client).expect("an account").login.clone();
    assert_eq!(
        text_of(role(&login, Role::Staff)),
        format!("{login} is an account with the role participant, which it keeps")
    );
    assert!(text_of(role("staff.one", Role::Device)).starts_with("device is no role of staff"));
    assert_eq!(office.restarted().firm().account_by_login("staff.one").expect("there").role, Role::Auditor);
}
