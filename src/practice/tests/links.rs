//! Invitations and forgotten passwords: what a link opens, once, and what makes it void.

use std::time::Duration;

use zeroize::Zeroizing;

use super::*;
use crate::names::{ContactId, Timestamp};
use crate::outbox::{Letter, Mail, Mails, Topic};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

fn link(token: &str) -> NewLink {
    let token = Zeroizing::new(token.to_owned());
    NewLink { token, expires: Timestamp::now().after(WEEK), delivery: Delivery::Mail }
}

fn id_of(party: Party) -> ContactId {
    match party {
        Party::Contact(id) => id,
        Party::Device(_) => panic!("a contact"),
    }
}

impl Office {
    fn invite(&self, matter: &Matter, party: Party, token: &str) -> Result<Invited, Error> {
        self.commit(|draft| draft.invite(matter.id, id_of(party), None, &link(token)))
    }

    fn follow(&self, token: &str) -> Result<Arc<Account>, Error> {
        let digest = TokenDigest::of(token);
        let firm = self.firm();
        let account = firm.link(&digest, Timestamp::now()).map_or(AccountId::from_bytes([0; 16]), |link| link.account);
        self.commit(|draft| draft.follow_link(account, &digest, PHC.to_owned().into()))
    }

    fn participant(&self, matter: &Matter, name: &str) -> Party {
        let party = self.contact(name, Some(&format!("{}@example.com", name.to_lowercase().replace(' ', "."))));
        self.try_participant(matter, party, "client").expect("a participant");
        party
    }

    /// What waits to be mailed.
    fn mails(&self) -> Vec<Mail> {
        Mails::new(self.practice().store.clone()).all().expect("readable")
    }

    fn access(&self, matter: &Matter, party: Party) -> Access {
        self.firm().participant(matter.id, party).expect("a participant").access
    }
}

#[test]
fn an_invitation_gives_access_when_its_link_is_followed_and_not_before() {
    let (office, matter) = Office::with_matter();
    let party = office.participant(&matter, "Client One");
    let invited = office.invite(&matter, party, "token-one").expect("invited");
    assert_eq!(invited.participant.access, Access::Invited);
    let stands = |office: &Office| office.firm().standing(&invited.account).matters.contains_key(&matter.id);
    assert!(!stands(&office));

    let office = office.restarted();
    let account = office.follow("token-one").expect("followed");
    assert!(account.has_login() && stands(&office));
    assert_eq!(office.access(&matter, party), Access::Active);
    assert!(text_of(office.follow("token-one")).contains("not good any more"), "a link works once");
    let office = office.restarted();
    assert!(text_of(office.follow("token-one")).contains("not good any more"), "after a restart, too");
}

#[test]
fn one_link_opens_every_matter_to_which_its_person_was_invited_and_voids_the_others() {
    let (office, matter) = Office::with_matter();
    let other = office.matter("2026-0002", "Lease");
    let party = office.participant(&matter, "Client One");
    office.try_participant(&other, party, "client").expect("a participant");
    office.invite(&matter, party, "token-one").expect("invited");
    office.invite(&other, party, "token-two").expect("invited");
    office.follow("token-two").expect("followed");
    assert_eq!((office.access(&matter, party), office.access(&other, party)), (Access::Active, Access::Active));
    assert!(office.follow("token-one").is_err());
}

#[test]
fn who_has_a_login_already_just_gets_the_new_matter() {
    let (office, matter) = Office::with_matter();
    let other = office.matter("2026-0002", "Lease");
    let party = office.participant(&matter, "Client One");
    office.try_participant(&other, party, "client").expect("a participant");
    office.invite(&matter, party, "token-one").expect("invited");
    office.follow("token-one").expect("followed");
    let invited = office.invite(&other, party, "token-two").expect("invited");
    assert_eq!(invited.participant.access, Access::Active);
    assert!(office.follow("token-two").is_err(), "there is no link");
}

#[test]
fn a_link_is_void_once_its_invitation_is_called_back_or_replaced_or_its_address_another() {
    let (office, matter) = Office::with_matter();
    for (at, (end, expected)) in [
        ("disable", Access::Disabled),
        ("remove", Access::Removed),
        ("resend", Access::Invited),
        ("address", Access::Invited),
        ("grant", Access::Active),
    ]
    .into_iter()
    .enumerate()
    {
        let party = office.participant(&matter, &format!("Client {at}"));
        office.invite(&matter, party, end).expect("invited");
        match end {
            "disable" => drop(office.disable(&matter, party).expect("disabled")),
            "remove" => drop(office.commit(|draft| draft.remove_access(matter.id, party)).expect("removed")),
            "resend" => {
                let resend = |draft: &mut Draft<'_>| draft.resend_invitation(matter.id, id_of(party), &link("new"));
                drop(office.commit(resend).expect("sent again"));
            }
            "address" => {
                let change = ContactChange { email: Some("new@example.com".to_owned()), ..ContactChange::default() };
                drop(office.commit(|draft| draft.change_contact(id_of(party), change)).expect("changed"));
            }
            _ => drop(office.grant(&matter, party).expect("granted")),
        }
        assert_eq!(office.access(&matter, party), expected, "{end}");
        assert!(office.follow(end).is_err(), "{end}");
    }
    assert!(office.follow("new").is_ok());
}

#[test]
fn who_never_came_in_is_pending_again_when_enabled() {
    let (office, matter) = Office::with_matter();
    let party = office.participant(&matter, "Client One");
    office.invite(&matter, party, "token-one").expect("invited");
    office.disable(&matter, party).expect("disabled");
    let enabled = office.commit(|draft| draft.enable_access(matter.id, party)).expect("enabled");
    assert_eq!(enabled.access, Access::Invited);
    let resend = |draft: &mut Draft<'_>| draft.resend_invitation(matter.id, id_of(party), &link("token-two"));
    office.commit(resend).expect("sent again");
    office.follow("token-two").expect("followed");
    office.disable(&matter, party).expect("disabled");
    let enabled = office.commit(|draft| draft.enable_access(matter.id, party)).expect("enabled");
    assert_eq!(enabled.access, Access::Active);
}

#[test]
fn an_invitation_fills_a_missing_address_in_and_needs_one_that_is_the_contacts_alone() {
    let (office, matter) = Office::with_matter();
    let party = office.contact("Client One", None);
    let invite = |office: &Office, email: Option<&str>| {
        text_of(office.commit(|draft| draft.invite(matter.id, id_of(party), email, &link("token"))))
    };
    assert!(invite(&office, None).contains("is no participant of matter"), "only who is on the matter");
    office.try_participant(&matter, party, "client").expect("a participant");
    assert!(invite(&office, None).contains("has no e-mail address"));
    assert!(invite(&office, Some("nonsense")).contains("is no e-mail address"));
    assert!(office.firm().account_of(party).is_none(), "nothing is kept of what was refused");

    office.contact("Client Two", Some("shared@example.com"));
    let refused = invite(&office, Some("shared@example.com"));
    assert!(refused.contains("Client One") && refused.contains("Client Two"), "{refused}");
    assert_eq!(invite(&office, Some("One@Example.com")), "done");
    assert!(office.firm().account_by_login("one@example.com").is_some());
    assert!(invite(&office, None).contains("resend the invitation instead"));
}

#[test]
fn an_expired_link_opens_nothing_and_is_swept_away() {
    let (office, matter) = Office::with_matter();
    let party = office.participant(&matter, "Client One");
    let late = NewLink { expires: Timestamp::from_millis(1), ..link("late") };
    office.commit(|draft| draft.invite(matter.id, id_of(party), None, &late)).expect("invited");
    assert!(office.follow("late").is_err());
    let account = office.firm().account_of(party).expect("an account").id;
    assert_eq!(office.firm().links_of(account).count(), 1);
    let other = office.participant(&matter, "Client Two");
    office.invite(&matter, other, "token-two").expect("invited");
    assert_eq!(office.firm().links_of(account).count(), 0);
}

#[test]
fn a_forgotten_password_is_replaced_by_a_link_that_ends_what_was_open() {
    let (office, matter) = Office::with_matter();
    let party = office.participant(&matter, "Client One");
    let reset = |office: &Office, token: &str| {
        office.commit(|draft| {
            let account = draft.account("client.one@example.com")?;
            draft.send_reset(&account, &link(token))
        })
    };
    office.invite(&matter, party, "token-one").expect("invited");
    assert!(text_of(reset(&office, "early")).contains("resend it instead"));
    let before = office.follow("token-one").expect("followed");
    for token in ["a", "b", "c", "d"] {
        reset(&office, token).expect("sent");
    }
    assert!(text_of(reset(&office, "e")).contains("still good"), "a mailbox is not flooded");
    let after = office.follow("c").expect("followed");
    assert!(after.credentials > before.credentials);
    assert!(office.follow("a").is_err(), "one link is enough");
    office.commit(|draft| draft.set_enabled("client.one@example.com", false)).expect("disabled");
    assert!(text_of(reset(&office, "f")).contains("is disabled"));
}

#[test]
fn what_is_mailed_is_queued_with_the_change_and_what_is_shown_is_not() {
    let (office, matter) = Office::with_matter();
    let (one, two) = (office.participant(&matter, "Client One"), office.participant(&matter, "Client Two"));
    let shown = NewLink { delivery: Delivery::Shown, ..link("shown") };
    office.commit(|draft| draft.invite(matter.id, id_of(two), None, &shown)).expect("invited");
    office.invite(&matter, one, "mailed").expect("invited");
    let office = office.restarted();
    let waiting: Vec<_> = office.mails().into_iter().map(|mail| mail.topic).collect();
    let [Topic::Letter(Letter::Invitation { address, token, matter: about, .. })] = waiting.as_slice() else {
        panic!("{waiting:?}");
    };
    assert_eq!((address.as_str(), token.as_str(), *about), ("client.one@example.com", "mailed", Some(matter.id)));
}
