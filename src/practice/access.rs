//! The rules for participants and their access.

use std::sync::Arc;

use super::accounts::bounded;
use super::draft::Draft;
use super::words::quoted;
use super::{Access, Account, Contact, Error, Matter, NewParticipant, Participant, Party};
use crate::names::{MatterId, Role, Timestamp};

/// How many participants a matter may have.
const MAX_PARTICIPANTS: usize = 500;

impl Draft<'_> {
    pub(super) fn add_participant(&mut self, new: NewParticipant) -> Result<Arc<Participant>, Error> {
        let matter = self.known_matter(new.matter)?;
        let name = self.known_party(new.party)?;
        known_type(&matter, &new.participant_type)?;
        if self.firm().participant(matter.id, new.party).is_some() {
            return Err(Error::Exists(format!("{name} is a participant of matter {} already", matter.number)));
        }
        bounded(self.firm().participants_of(matter.id).len(), MAX_PARTICIPANTS, "participants of one matter")?;
        Ok(self.put_participant(Participant {
            matter: matter.id,
            party: new.party,
            participant_type: new.participant_type,
            access: Access::None,
            can_download: true,
            granted_at: None,
        }))
    }

    /// Another participant type of the matter's type; rights follow at once.
    pub(super) fn set_participant_type(
        &mut self,
        matter: MatterId,
        party: Party,
        participant_type: String,
    ) -> Result<Arc<Participant>, Error> {
        let matter = self.known_matter(matter)?;
        let one = self.known_participant(&matter, party)?;
        known_type(&matter, &participant_type)?;
        if one.participant_type == participant_type {
            return Ok(one);
        }
        Ok(self.put_participant(Participant { participant_type, ..Participant::clone(&one) }))
    }

    /// Takes a participant off the matter. Their access must be off: nobody loses it by the way.
    pub(super) fn remove_participant(&mut self, matter: MatterId, party: Party) -> Result<(), Error> {
        let matter = self.known_matter(matter)?;
        let one = self.known_participant(&matter, party)?;
        if one.access.is_on() {
            let name = self.firm().party_name(party).unwrap_or("somebody");
            return Err(Error::Refused(format!(
                "{name} has access to matter {} ({}); disable or remove it first",
                matter.number, one.access
            )));
        }
        self.delete_participant(&one);
        Ok(())
    }

    /// Access goes on; a contact that comes in for the first time gets an account whose login is the e-mail address.
    pub(super) fn grant_access(&mut self, matter: MatterId, party: Party) -> Result<Arc<Participant>, Error> {
        let matter = self.known_matter(matter)?;
        let one = self.known_participant(&matter, party)?;
        shown(&matter)?;
        if let Party::Contact(contact) = party {
            let contact = self.firm().contact(contact).cloned();
            self.give_account(contact.ok_or_else(|| Error::NotFound("there is no such contact".to_owned()))?)?;
        }
        if one.access == Access::Active {
            return Ok(one);
        }
        let granted_at = Some(Timestamp::now());
        let given =
            self.put_participant(Participant { access: Access::Active, granted_at, ..Participant::clone(&one) });
        self.call_back_invitations(party);
        Ok(given)
    }

    /// Access goes off for a time; an invitation that is on its way is called back.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is nothing to disable.
    pub(super) fn disable_access(&mut self, matter: MatterId, party: Party) -> Result<Arc<Participant>, Error> {
        let matter = self.known_matter(matter)?;
        let one = self.known_participant(&matter, party)?;
        match one.access {
            Access::Active | Access::Invited => Ok(self.take_access(&one, Access::Disabled)),
            Access::Disabled => Ok(one),
            Access::None | Access::Removed => Err(self.not_given(&matter, &one, "disabled")),
        }
    }

    /// Disabled access goes on again, or is pending again for who never came in: the invitation must then be sent anew.
    ///
    /// # Errors
    /// [`Error::Refused`] if access is not disabled, or the matter is closed or out of the portal.
    pub(super) fn enable_access(&mut self, matter: MatterId, party: Party) -> Result<Arc<Participant>, Error> {
        let matter = self.known_matter(matter)?;
        let one = self.known_participant(&matter, party)?;
        shown(&matter)?;
        match one.access {
            Access::Disabled => {
                let access = if one.granted_at.is_some() { Access::Active } else { Access::Invited };
                Ok(self.put_participant(Participant { access, ..Participant::clone(&one) }))
            }
            Access::Active => Ok(one),
            Access::None | Access::Removed | Access::Invited => Err(self.not_given(&matter, &one, "enabled")),
        }
    }

    /// Access goes off for good: who is to come back must be given it anew. What was never given stays as it is.
    pub(super) fn remove_access(&mut self, matter: MatterId, party: Party) -> Result<Arc<Participant>, Error> {
        let matter = self.known_matter(matter)?;
        let one = self.known_participant(&matter, party)?;
        match one.access {
            Access::Active | Access::Invited | Access::Disabled => Ok(self.take_access(&one, Access::Removed)),
            Access::None | Access::Removed => Ok(one),
        }
    }

    fn take_access(&mut self, one: &Participant, access: Access) -> Arc<Participant> {
        let taken = self.put_participant(Participant { access, ..Participant::clone(one) });
        self.call_back_invitations(one.party);
        taken
    }

    fn not_given(&self, matter: &Matter, one: &Participant, what: &str) -> Error {
        let name = self.firm().party_name(one.party).unwrap_or("somebody");
        Error::Refused(format!(
            "the access of {name} to matter {} cannot be {what}: it is {}; give access first",
            matter.number,
            one.access.as_status()
        ))
    }

    pub(super) fn set_can_download(
        &mut self,
        matter: MatterId,
        party: Party,
        can_download: bool,
    ) -> Result<Arc<Participant>, Error> {
        let matter = self.known_matter(matter)?;
        let one = self.known_participant(&matter, party)?;
        if one.can_download == can_download {
            return Ok(one);
        }
        Ok(self.put_participant(Participant { can_download, ..Participant::clone(&one) }))
    }

    /// An account needs an address that is this contact's alone: with two, either one could log in as the other.
    pub(super) fn give_account(&mut self, contact: Arc<Contact>) -> Result<Arc<Account>, Error> {
        let Some(address) = contact.email.clone() else {
            return Err(Error::NoAddress(contact));
        };
        let contacts = self.firm().contacts_by_email(&address);
        if contacts.len() > 1 {
            return Err(Error::SharedAddress { address, contacts });
        }
        if let Some(account) = self.firm().account_of(Party::Contact(contact.id)) {
            return Ok(account.clone());
        }
        if let Some(other) = self.firm().account_by_login(&address) {
            return Err(Error::Refused(format!(
                "{address} is the login of an account with the role {}; the contact needs another e-mail address",
                other.role
            )));
        }
        self.add_account(&address, Role::Participant, Some(contact.id))
    }

    pub(super) fn known_matter(&self, id: MatterId) -> Result<Arc<Matter>, Error> {
        let found = self.firm().matter(id).cloned();
        found.ok_or_else(|| Error::NotFound("there is no such matter; `matter list` names all".to_owned()))
    }

    fn known_party(&self, party: Party) -> Result<String, Error> {
        let known = match party {
            Party::Contact(id) => self.firm().contact(id).is_some(),
            Party::Device(id) => self.firm().account(id).is_some_and(|account| account.role == Role::Device),
        };
        match self.firm().party_name(party).filter(|_| known) {
            Some(name) => Ok(name.to_owned()),
            None => Err(Error::NotFound("there is no such contact or device; add it first".to_owned())),
        }
    }

    pub(super) fn known_participant(&self, matter: &Matter, party: Party) -> Result<Arc<Participant>, Error> {
        let name = self.known_party(party)?;
        self.firm().participant(matter.id, party).cloned().ok_or_else(|| {
            Error::NotFound(format!("{name} is no participant of matter {}; add them first", matter.number))
        })
    }
}

/// Access can be given on a matter that is open and in the portal.
pub(super) fn shown(matter: &Matter) -> Result<(), Error> {
    let state = match (matter.open, matter.portal) {
        (true, true) => return Ok(()),
        (true, false) => "has its portal switched off",
        (false, _) => "is closed",
    };
    Err(Error::Refused(format!("matter {} {state}, so nobody can be given access", matter.number)))
}

fn known_type(matter: &Matter, word: &str) -> Result<(), Error> {
    let known = matter.kind().spec.participants();
    if known.iter().any(|one| one == word) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "{} is no participant type of matter {}: use one of {}",
        quoted(word),
        matter.number,
        known.join(", ")
    )))
}
