//! Invitations and forgotten passwords: single-use links, sent to an address, so that whoever follows one has shown that
//! the address is theirs.
//!
//! The store keeps a link's SHA-256, until it is used, called back or replaced. Its text stands only in the mail that takes
//! it there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::access::shown;
use super::draft::Draft;
use super::words;
use super::{Access, Account, Contact, Error, Matter, Participant, Party, Practice, TokenDigest};
use crate::gate::{Administer, Manage, OwnAccount, Permit};
use crate::names::{AccountId, ContactId, MatterId, Role, Timestamp};
use crate::outbox::Letter;

/// How many links an account may have at a time; somebody who asks for more gets none.
const MAX_LINKS: usize = 4;

/// How many links that have expired are removed when one is made.
const MAX_SWEPT: usize = 100;

/// What whoever follows a link may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkPurpose {
    /// Set the login up and come into the matters to which it was invited.
    Invitation,
    /// Set another password.
    Reset,
}

impl LinkPurpose {
    /// Where the pages take the token of such a link, below the portal's address.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Invitation => "/invitation/",
            Self::Reset => "/password-reset/",
        }
    }
}

/// A link that was sent and not used yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// Of its token.
    pub digest: TokenDigest,
    /// Whose login it is about.
    pub account: AccountId,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// When it was made.
    pub created: Timestamp,
    /// It opens nothing from this moment on.
    pub expires: Timestamp,
}

/// A link to be made.
pub struct NewLink {
    /// At least 128 random bits.
    pub token: Zeroizing<String>,
    /// It opens nothing from this moment on.
    pub expires: Timestamp,
    /// How it reaches its person.
    pub delivery: Delivery,
}

/// How a link, or word of a new matter, reaches its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// By mail to the account's address, queued in the same transaction.
    Mail,
    /// Whoever makes it is shown it and hands it over; nothing is mailed.
    Shown,
}

/// What came of an invitation.
#[derive(Debug, Clone)]
pub struct Invited {
    /// The participant; invited, or active where the person has a login already.
    pub participant: Arc<Participant>,
    /// The account that comes in.
    pub account: Arc<Account>,
}

/// Each method is durable on return and then in the snapshot, or changes nothing and says why. All of them block.
impl Practice {
    /// Invites a contact who is on the matter. Whoever has a login is in at once; whoever has none gets a link, and an
    /// account whose login is the address. `email` fills a missing address in.
    ///
    /// # Errors
    /// [`Error::NoAddress`] and [`Error::SharedAddress`], beside what every change can say.
    pub fn invite(
        &self,
        permit: Permit<Manage>,
        (matter, contact): (MatterId, ContactId),
        email: Option<&str>,
        link: &NewLink,
    ) -> Result<Invited, Error> {
        self.change(permit, |draft| draft.invite(matter, contact, email, link))
    }

    /// Sends a new link to who is invited; those that were sent before open nothing any more.
    pub fn resend_invitation(
        &self,
        permit: Permit<Manage>,
        (matter, contact): (MatterId, ContactId),
        link: &NewLink,
    ) -> Result<Invited, Error> {
        self.change(permit, |draft| draft.resend_invitation(matter, contact, link))
    }

    /// Sends a link with which an account's person sets another password.
    pub fn send_reset(&self, permit: Permit<Administer>, login: &str, link: &NewLink) -> Result<(), Error> {
        self.change(permit, |draft| {
            let account = draft.account(login)?;
            draft.send_reset(&account, link)
        })
    }

    /// The same, asked for by somebody who says that the acting account is theirs.
    pub fn ask_for_reset(&self, permit: Permit<OwnAccount>, link: &NewLink) -> Result<(), Error> {
        let account = permit.by();
        self.change(permit, |draft| {
            let account = draft.firm().account(account).filter(|account| account.may_ask_for_reset()).cloned();
            let account = account.ok_or_else(|| Error::Refused("this account has no password to forget".to_owned()))?;
            draft.send_reset(&account, link)
        })
    }

    /// Uses a link of the acting account up: the password, given as the PHC string of its hash, is set, every other link of
    /// the account is void, and who was invited is in. Sessions opened before end.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the link is not good, or not any more.
    pub fn follow_link(
        &self,
        permit: Permit<OwnAccount>,
        digest: &TokenDigest,
        phc: String,
    ) -> Result<Arc<Account>, Error> {
        let (account, phc) = (permit.by(), Zeroizing::new(phc));
        self.change(permit, |draft| draft.follow_link(account, digest, phc))
    }
}

impl Draft<'_> {
    /// Invites a contact: whoever has a login is in at once, whoever has none gets a link. `email` fills a missing address
    /// in.
    pub(super) fn invite(
        &mut self,
        matter: MatterId,
        contact: ContactId,
        email: Option<&str>,
        link: &NewLink,
    ) -> Result<Invited, Error> {
        let matter = self.known_matter(matter)?;
        let one = self.known_participant(&matter, Party::Contact(contact))?;
        shown(&matter)?;
        match one.access {
            Access::None | Access::Removed => {}
            Access::Invited => return Err(self.not_invited(&matter, &one, "resend the invitation instead")),
            Access::Active => return Err(self.not_invited(&matter, &one, "there is nothing to invite to")),
            Access::Disabled => return Err(self.not_invited(&matter, &one, "enable it instead")),
        }
        let contact = self.with_address(contact, email)?;
        let account = self.give_account(contact)?;
        if account.has_login() {
            return Ok(self.comes_in(&one, account, link.delivery));
        }
        self.put_link(&account, LinkPurpose::Invitation, Some(matter.id), link)?;
        let participant = self.put_participant(Participant { access: Access::Invited, ..Participant::clone(&one) });
        Ok(Invited { participant, account })
    }

    /// Sends a new link in place of those that were sent before.
    ///
    /// # Errors
    /// [`Error::Refused`] unless an invitation is on its way.
    pub(super) fn resend_invitation(
        &mut self,
        matter: MatterId,
        contact: ContactId,
        link: &NewLink,
    ) -> Result<Invited, Error> {
        let matter = self.known_matter(matter)?;
        let one = self.known_participant(&matter, Party::Contact(contact))?;
        shown(&matter)?;
        if one.access != Access::Invited {
            return Err(self.not_invited(&matter, &one, "there is no invitation to send again"));
        }
        let account = self.firm().account_of(one.party).cloned();
        let account = account.ok_or_else(|| Error::Damaged("an invitation without its account".to_owned()))?;
        if account.has_login() {
            return Ok(self.comes_in(&one, account, link.delivery));
        }
        self.remove_links(account.id, |_| true);
        self.put_link(&account, LinkPurpose::Invitation, Some(matter.id), link)?;
        Ok(Invited { participant: one, account })
    }

    /// A link with which the account's person sets another password. One that was sent before stays good.
    pub(super) fn send_reset(&mut self, account: &Account, link: &NewLink) -> Result<(), Error> {
        if !account.login.contains('@') {
            let login = &account.login;
            return Err(Error::Refused(format!(
                "{login} is no e-mail address; set the password with `account password`"
            )));
        }
        if !account.enabled {
            return Err(Error::Refused(format!("{} is disabled; enable it first", account.login)));
        }
        if !account.has_login() && self.firm().links_of(account.id).any(|link| link.purpose == LinkPurpose::Invitation)
        {
            return Err(Error::Refused(format!("{} has an invitation; resend it instead", account.login)));
        }
        self.put_link(account, LinkPurpose::Reset, None, link)
    }

    /// Uses a link of the account up: the password is set, every link that was sent to the account is void, and who was
    /// invited is in.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such link, or not any more.
    pub(super) fn follow_link(
        &mut self,
        account: AccountId,
        digest: &TokenDigest,
        phc: Zeroizing<String>,
    ) -> Result<Arc<Account>, Error> {
        let now = Timestamp::now();
        let link = self.firm().link(digest, now).filter(|link| link.account == account).cloned();
        let link = link.ok_or_else(|| Error::NotFound("the link is not good any more".to_owned()))?;
        let login = self.firm().account(account).filter(|account| account.enabled).map(|one| one.login.clone());
        let login = login.ok_or_else(|| Error::NotFound("the link is not good any more".to_owned()))?;
        self.remove_links(account, |_| true);
        let account = self.set_password(&login, phc)?;
        if let (LinkPurpose::Invitation, Some(contact)) = (link.purpose, account.contact) {
            let party = Party::Contact(contact);
            let matters = self.firm().matters_of(party).to_vec();
            let all: Vec<_> = matters.iter().filter_map(|id| self.firm().participant(*id, party).cloned()).collect();
            for one in all.iter().filter(|one| one.access == Access::Invited) {
                let granted_at = Some(now);
                self.put_participant(Participant { access: Access::Active, granted_at, ..Participant::clone(one) });
            }
        }
        Ok(account)
    }

    /// Links that invite somebody who is invited nowhere any more are void.
    pub(super) fn call_back_invitations(&mut self, party: Party) {
        let still = self
            .firm()
            .matters_of(party)
            .iter()
            .any(|matter| self.firm().participant(*matter, party).is_some_and(|one| one.access == Access::Invited));
        if let (false, Some(account)) = (still, self.firm().account_of(party).map(|account| account.id)) {
            self.remove_links(account, |link| link.purpose == LinkPurpose::Invitation);
        }
    }

    /// Removes links of an account.
    pub(super) fn remove_links(&mut self, account: AccountId, which: impl Fn(&Link) -> bool) {
        let gone: Vec<_> = self.firm().links_of(account).filter(|link| which(link)).cloned().collect();
        for link in gone {
            self.delete_link(&link);
        }
    }

    /// Somebody who has a login needs no link.
    fn comes_in(&mut self, one: &Participant, account: Arc<Account>, delivery: Delivery) -> Invited {
        let granted_at = Some(Timestamp::now());
        let participant =
            self.put_participant(Participant { access: Access::Active, granted_at, ..Participant::clone(one) });
        self.call_back_invitations(one.party);
        if delivery == Delivery::Mail {
            let address = account.login.clone();
            self.send(Letter::NewMatter { account: account.id, address, matter: one.matter });
        }
        Invited { participant, account }
    }

    fn put_link(
        &mut self,
        account: &Account,
        purpose: LinkPurpose,
        matter: Option<MatterId>,
        new: &NewLink,
    ) -> Result<(), Error> {
        let now = Timestamp::now();
        let expired: Vec<_> = self.firm().expired_links(now).take(MAX_SWEPT).cloned().collect();
        for link in expired {
            self.delete_link(&link);
        }
        if self.firm().links_of(account.id).filter(|link| now < link.expires).count() >= MAX_LINKS {
            return Err(Error::Full(format!(
                "{} has been sent {MAX_LINKS} links that are still good; wait until one expires",
                account.login
            )));
        }
        let digest = TokenDigest::of(&new.token);
        let (id, expires) = (account.id, new.expires);
        self.insert_link(Link { digest, account: id, purpose, created: now, expires });
        if new.delivery == Delivery::Mail {
            let (address, token) = (account.login.clone(), new.token.clone());
            self.send(match purpose {
                LinkPurpose::Invitation => Letter::Invitation { account: id, address, matter, token, expires },
                LinkPurpose::Reset => Letter::PasswordReset { account: id, address, token, expires },
            });
        }
        Ok(())
    }

    /// The contact, with an address filled in if it had none.
    fn with_address(&mut self, contact: ContactId, email: Option<&str>) -> Result<Arc<Contact>, Error> {
        let contact = self.firm().contact(contact).cloned();
        let contact = contact.ok_or_else(|| Error::NotFound("there is no such contact".to_owned()))?;
        let Some(email) = email.map(words::email).transpose()? else { return Ok(contact) };
        match &contact.email {
            None => Ok(self.put_contact(Contact { email: Some(email), ..Contact::clone(&contact) })),
            Some(same) if *same == email => Ok(contact),
            Some(other) => Err(Error::Refused(format!(
                "{} has the e-mail address {other}; `contact change` gives another one",
                contact.name
            ))),
        }
    }

    fn not_invited(&self, matter: &Matter, one: &Participant, what: &str) -> Error {
        let name = self.firm().party_name(one.party).unwrap_or("somebody");
        Error::Refused(format!(
            "the access of {name} to matter {} is {}: {what}",
            matter.number,
            one.access.as_status()
        ))
    }
}

impl Account {
    /// Whether anything opens it.
    pub fn has_login(&self) -> bool {
        self.password.is_some() || !self.keys.is_empty()
    }

    /// Whether its person may ask for another password: people only, and those who have one to forget.
    pub fn may_ask_for_reset(&self) -> bool {
        self.enabled && self.role != Role::Device && self.login.contains('@') && self.has_login()
    }
}
