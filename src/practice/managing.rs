//! The changes that staff make, each for one permit: matters, contacts, participants, access. All of them block; call them
//! from the blocking pool.

use std::sync::Arc;

use super::{
    Contact, ContactChange, Error, Matter, NewContact, NewMatter, NewParticipant, Participant, Party, Practice, Switch,
    WatchChange,
};
use crate::gate::{Manage, Permit};
use crate::names::{ContactId, MatterId};

/// Each method is durable on return and then in the snapshot, or changes nothing and says why.
impl Practice {
    /// Opens a matter with the folders of its type. The matter's key must stand already.
    pub fn add_matter(&self, permit: Permit<Manage>, new: NewMatter) -> Result<Arc<Matter>, Error> {
        self.change(permit, |draft| draft.add_matter(new))
    }

    /// Adds a contact. Two may share an e-mail address, but then neither can be given access.
    pub fn add_contact(&self, permit: Permit<Manage>, new: NewContact) -> Result<Arc<Contact>, Error> {
        self.change(permit, |draft| draft.add_contact(new))
    }

    /// Gives a contact another name or e-mail address. The login of its account is the address and changes with it.
    ///
    /// # Errors
    /// [`Error::SharedAddress`] if the contact has an account and others have the address.
    pub fn change_contact(
        &self,
        permit: Permit<Manage>,
        contact: ContactId,
        change: ContactChange,
    ) -> Result<Arc<Contact>, Error> {
        self.change(permit, |draft| draft.change_contact(contact, change))
    }

    /// Gives a participant another of the matter's participant types.
    pub fn set_participant_type(
        &self,
        permit: Permit<Manage>,
        matter: MatterId,
        party: Party,
        participant_type: String,
    ) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| draft.set_participant_type(matter, party, participant_type))
    }

    /// Takes a participant without access off a matter.
    ///
    /// # Errors
    /// [`Error::Refused`] while their access is on.
    pub fn remove_participant(&self, permit: Permit<Manage>, matter: MatterId, party: Party) -> Result<(), Error> {
        self.change(permit, |draft| draft.remove_participant(matter, party))
    }

    /// Puts a contact or device on a matter, without access.
    pub fn add_participant(&self, permit: Permit<Manage>, new: NewParticipant) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| draft.add_participant(new))
    }

    /// Gives a participant access to the matter. A contact's first access makes the account, whose login is the e-mail
    /// address and which has no credentials yet ([`Firm::account_of`](super::Firm::account_of) finds it).
    ///
    /// # Errors
    /// [`Error::NoAddress`] and [`Error::SharedAddress`], beside what every change can say.
    pub fn grant_access(
        &self,
        permit: Permit<Manage>,
        matter: MatterId,
        party: Party,
    ) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| draft.grant_access(matter, party))
    }

    /// Takes a participant's access to the matter away for a time.
    pub fn disable_access(
        &self,
        permit: Permit<Manage>,
        matter: MatterId,
        party: Party,
    ) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| draft.disable_access(matter, party))
    }

    /// Gives disabled access back.
    pub fn enable_access(
        &self,
        permit: Permit<Manage>,
        matter: MatterId,
        party: Party,
    ) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| draft.enable_access(matter, party))
    }

    /// Takes a participant's access to the matter away for good.
    pub fn remove_access(
        &self,
        permit: Permit<Manage>,
        matter: MatterId,
        party: Party,
    ) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| draft.remove_access(matter, party))
    }

    /// Switches the portal or an area for one matter.
    pub fn switch_matter(
        &self,
        permit: Permit<Manage>,
        matter: MatterId,
        switch: Switch,
        on: bool,
    ) -> Result<Arc<Matter>, Error> {
        self.change(permit, |draft| draft.switch_matter(matter, switch, on))
    }

    /// Says who of the firm hears of a matter, and whether mail may name its documents.
    ///
    /// # Errors
    /// [`Error::Refused`] for an account that is not staff.
    pub fn watch_matter(
        &self,
        permit: Permit<Manage>,
        matter: MatterId,
        change: WatchChange,
    ) -> Result<Arc<Matter>, Error> {
        self.change(permit, |draft| draft.watch_matter(matter, change))
    }

    /// Closes a matter on which nobody has access.
    ///
    /// # Errors
    /// [`Error::Refused`] with the names of those who have.
    pub fn close_matter(&self, permit: Permit<Manage>, matter: MatterId) -> Result<Arc<Matter>, Error> {
        self.change(permit, |draft| draft.close_matter(matter))
    }

    /// Opens a closed matter again.
    pub fn reopen_matter(&self, permit: Permit<Manage>, matter: MatterId) -> Result<Arc<Matter>, Error> {
        self.change(permit, |draft| draft.reopen_matter(matter))
    }

    /// Sets whether a participant may download on the matter, whatever the matter type says of Read.
    pub fn set_can_download(
        &self,
        permit: Permit<Manage>,
        matter: MatterId,
        party: Party,
        can_download: bool,
    ) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| draft.set_can_download(matter, party, can_download))
    }
}
