//! The firm's switches, a matter's, and the life of access.

use super::*;
use crate::names::Areas;

fn stands(office: &Office, party: Party, matter: &Matter) -> bool {
    let firm = office.firm();
    let account = firm.account_of(party).expect("an account");
    firm.standing(account).matters.contains_key(&matter.id)
}

#[test]
fn a_new_firm_shows_invoices_and_messages_alone() {
    let office = Office::empty();
    let switches = office.firm().switches();
    assert!(switches.portal);
    assert_eq!(switches.areas.iter().collect::<Vec<_>>(), [Area::Messages, Area::Invoices]);
    assert_eq!(switches.areas.to_string(), "messages, invoices");
    assert_eq!(Areas::NEW_FIRM.with(Area::Messages, false).with(Area::Invoices, false).to_string(), "none");
}

#[test]
fn the_firms_switch_wins_and_the_matters_restricts_further() {
    let (office, matter) = Office::with_matter();
    let client = office.client(&matter);
    let invoices = || rights(&office.firm(), &matter, client, "Invoices").to_string();
    let matter_switch = |on| office.commit(|draft| draft.switch_matter(matter.id, Switch::Area(Area::Invoices), on));
    let firm_switch = |on| office.commit(|draft| draft.switch_firm(Switch::Area(Area::Invoices), on));

    assert_eq!(invoices(), "list read");
    matter_switch(false).expect("switched");
    assert_eq!(invoices(), "none", "the matter restricts");
    matter_switch(true).expect("switched");
    firm_switch(false).expect("switched");
    assert_eq!(invoices(), "none", "the firm wins over a matter that has it on");
    assert_eq!(rights(&office.firm(), &matter, client, "From us").to_string(), "list read", "other areas stay");
    firm_switch(true).expect("switched");
    assert_eq!(invoices(), "list read");

    let epoch = office.firm().epoch;
    firm_switch(true).expect("no change");
    assert_eq!(office.firm().epoch, epoch, "a switch that stands already writes nothing");
}

#[test]
fn the_portal_switch_names_what_ends_and_gives_it_back() {
    let (office, matter) = Office::with_matter();
    let client = office.client(&matter);
    let other = office.matter("2026-0002", "Estate of A Testator");
    let nobody = office.contact("Client Two", Some("client.two@example.com"));
    office.try_participant(&other, nobody, "client").expect("a participant");

    let ending = |switch, only| {
        let told = office.firm().ending(switch, only);
        told.into_iter().map(|one| (one.matter.number.clone(), one.participants.len())).collect::<Vec<_>>()
    };
    let one = vec![("2026-0001".to_owned(), 1)];
    assert_eq!(ending(Switch::Portal, None), one, "a matter without access loses nothing");
    assert_eq!(ending(Switch::Portal, Some(matter.id)), one);
    assert_eq!(ending(Switch::Portal, Some(other.id)), []);
    assert_eq!(ending(Switch::Area(Area::Documents), None), one);
    assert_eq!(ending(Switch::Area(Area::Notes), None), [], "what is off already ends nothing");

    office.commit(|draft| draft.switch_matter(matter.id, Switch::Portal, false)).expect("switched");
    assert!(!stands(&office, client, &matter));
    assert_eq!(ending(Switch::Portal, None), []);
    office.commit(|draft| draft.switch_matter(matter.id, Switch::Portal, true)).expect("switched");
    office.commit(|draft| draft.switch_firm(Switch::Portal, false)).expect("switched");
    assert!(!stands(&office, client, &matter));
    let office = office.restarted();
    assert!(!office.firm().switches().portal, "switches outlive a restart");
    office.commit(|draft| draft.switch_firm(Switch::Portal, true)).expect("switched");
    assert!(stands(&office, client, &matter));
}

#[test]
fn access_goes_off_and_on_and_away() {
    let (office, matter) = Office::with_matter();
    let client = office.client(&matter);
    let of = |party| office.firm().participant(matter.id, party).expect("there").access;

    office.disable(&matter, client).expect("disabled");
    assert!(!stands(&office, client, &matter));
    office.commit(|draft| draft.enable_access(matter.id, client)).expect("enabled");
    assert!(stands(&office, client, &matter));
    office.commit(|draft| draft.remove_access(matter.id, client)).expect("removed");
    assert_eq!((of(client), of(client).as_status()), (Access::Removed, "activation pending"));
    assert!(!stands(&office, client, &matter));
    assert_eq!(
        text_of(office.commit(|draft| draft.enable_access(matter.id, client))),
        "the access of Client One to matter 2026-0001 cannot be enabled: it is activation pending; give access first"
    );
    office.grant(&matter, client).expect("given anew");
    assert!(stands(&office, client, &matter));

    let expert = office.contact("Expert One", Some("expert.one@example.com"));
    office.try_participant(&matter, expert, "expert").expect("a participant");
    assert_eq!(
        text_of(office.disable(&matter, expert)),
        "the access of Expert One to matter 2026-0001 cannot be disabled: it is not given; give access first"
    );
}

#[test]
fn a_matter_closes_only_when_nobody_has_access() {
    let (office, matter) = Office::with_matter();
    let client = office.client(&matter);
    let close = || office.commit(|draft| draft.close_matter(matter.id));
    assert_eq!(
        text_of(close()),
        "matter 2026-0001 cannot be closed while access is on: Client One (active); disable or remove it first"
    );
    office.disable(&matter, client).expect("disabled");
    assert!(!close().expect("closed").open);
    assert_eq!(
        text_of(office.commit(|draft| draft.enable_access(matter.id, client))),
        "matter 2026-0001 is closed, so nobody can be given access"
    );
    let office = office.restarted();
    assert!(!office.firm().matter(matter.id).expect("there").open);
    office.commit(|draft| draft.reopen_matter(matter.id)).expect("open");
    office.commit(|draft| draft.enable_access(matter.id, client)).expect("enabled");
    assert!(stands(&office, client, &matter));
}
