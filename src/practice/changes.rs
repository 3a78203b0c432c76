//! The changes that can be made, each for one permit. All of them block; call them from the blocking pool.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::draft::Draft;
use super::{
    Account, Contact, ContactChange, DevicePassword, Error, Matter, MatterType, MatterTypeSpec, NewContact, NewMatter,
    NewParticipant, Participant, Party, Practice, SecondFactor, Switch, Switches, TypeChange, WatchChange,
};
use crate::audit::{Detail, Outcome};
use crate::gate::{Administer, Operation, Permit};
use crate::names::{ContactId, MatterId, Role};

/// How much of an error goes into the audit record, in characters.
const MAX_REASON: usize = 1000;

/// Each method is durable on return and then in the snapshot, or changes nothing and says why.
impl Practice {
    /// Applies a matter type: a new one, or the next version of the one of its name. Existing matters keep the version
    /// with which they were made.
    pub fn apply_matter_type(
        &self,
        permit: Permit<Administer>,
        spec: MatterTypeSpec,
    ) -> Result<Arc<MatterType>, Error> {
        self.change(permit, |draft| draft.apply_matter_type(spec))
    }

    /// Opens a matter with the folders of its type. The matter's key must stand already.
    pub fn add_matter(&self, permit: Permit<Administer>, new: NewMatter) -> Result<Arc<Matter>, Error> {
        self.change(permit, |draft| draft.add_matter(new))
    }

    /// Adds a contact. Two may share an e-mail address, but then neither can be given access.
    pub fn add_contact(&self, permit: Permit<Administer>, new: NewContact) -> Result<Arc<Contact>, Error> {
        self.change(permit, |draft| draft.add_contact(new))
    }

    /// Gives a contact another name or e-mail address. The login of its account is the address and changes with it.
    ///
    /// # Errors
    /// [`Error::SharedAddress`] if the contact has an account and others have the address.
    pub fn change_contact(
        &self,
        permit: Permit<Administer>,
        contact: ContactId,
        change: ContactChange,
    ) -> Result<Arc<Contact>, Error> {
        self.change(permit, |draft| draft.change_contact(contact, change))
    }

    /// Gives a participant another of the matter's participant types.
    pub fn set_participant_type(
        &self,
        permit: Permit<Administer>,
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
    pub fn remove_participant(&self, permit: Permit<Administer>, matter: MatterId, party: Party) -> Result<(), Error> {
        self.change(permit, |draft| draft.remove_participant(matter, party))
    }

    /// Puts a contact or device on a matter, without access.
    pub fn add_participant(&self, permit: Permit<Administer>, new: NewParticipant) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| draft.add_participant(new))
    }

    /// Gives a participant access to the matter. A contact's first access makes the account, whose login is the e-mail
    /// address and which has no credentials yet ([`Firm::account_of`](super::Firm::account_of) finds it).
    ///
    /// # Errors
    /// [`Error::NoAddress`] and [`Error::SharedAddress`], beside what every change can say.
    pub fn grant_access(
        &self,
        permit: Permit<Administer>,
        matter: MatterId,
        party: Party,
    ) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| draft.grant_access(matter, party))
    }

    /// Takes a participant's access to the matter away for a time.
    pub fn disable_access(
        &self,
        permit: Permit<Administer>,
        matter: MatterId,
        party: Party,
    ) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| draft.disable_access(matter, party))
    }

    /// Gives disabled access back.
    pub fn enable_access(
        &self,
        permit: Permit<Administer>,
        matter: MatterId,
        party: Party,
    ) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| draft.enable_access(matter, party))
    }

    /// Takes a participant's access to the matter away for good.
    pub fn remove_access(
        &self,
        permit: Permit<Administer>,
        matter: MatterId,
        party: Party,
    ) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| draft.remove_access(matter, party))
    }

    /// Brings every matter of a type to the type's current version, and tells what changed on each.
    pub fn push_matter_type(&self, permit: Permit<Administer>, name: &str) -> Result<Vec<TypeChange>, Error> {
        self.change(permit, |draft| draft.push_matter_type(name))
    }

    /// Switches the portal or an area for all matters.
    pub fn switch_firm(&self, permit: Permit<Administer>, switch: Switch, on: bool) -> Result<Switches, Error> {
        self.change(permit, |draft| draft.switch_firm(switch, on))
    }

    /// Switches the portal or an area for one matter.
    pub fn switch_matter(
        &self,
        permit: Permit<Administer>,
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
        permit: Permit<Administer>,
        matter: MatterId,
        change: WatchChange,
    ) -> Result<Arc<Matter>, Error> {
        self.change(permit, |draft| draft.watch_matter(matter, change))
    }

    /// Closes a matter on which nobody has access.
    ///
    /// # Errors
    /// [`Error::Refused`] with the names of those who have.
    pub fn close_matter(&self, permit: Permit<Administer>, matter: MatterId) -> Result<Arc<Matter>, Error> {
        self.change(permit, |draft| draft.close_matter(matter))
    }

    /// Opens a closed matter again.
    pub fn reopen_matter(&self, permit: Permit<Administer>, matter: MatterId) -> Result<Arc<Matter>, Error> {
        self.change(permit, |draft| draft.reopen_matter(matter))
    }

    /// Sets whether a participant may download on the matter, whatever the matter type says of Read.
    pub fn set_can_download(
        &self,
        permit: Permit<Administer>,
        matter: MatterId,
        party: Party,
        can_download: bool,
    ) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| draft.set_can_download(matter, party, can_download))
    }

    /// Adds the account of a scanner or script, without credentials.
    pub fn add_device(&self, permit: Permit<Administer>, login: &str) -> Result<Arc<Account>, Error> {
        self.change(permit, |draft| draft.add_device(login))
    }

    /// Adds the account of a member of the firm, without credentials. The role is staff, admin or auditor.
    pub fn add_staff(&self, permit: Permit<Administer>, login: &str, role: Role) -> Result<Arc<Account>, Error> {
        self.change(permit, |draft| draft.add_staff(login, role))
    }

    /// Sets an account's password, given as the PHC string of its hash. Sessions opened before end.
    pub fn set_password(&self, permit: Permit<Administer>, login: &str, phc: String) -> Result<Arc<Account>, Error> {
        let phc = Zeroizing::new(phc);
        self.change(permit, |draft| draft.set_password(login, phc))
    }

    /// Adds an SSH public key to an account, given as the line of its `.pub` file. Sessions opened before end.
    pub fn add_key(&self, permit: Permit<Administer>, login: &str, openssh_text: &str) -> Result<Arc<Account>, Error> {
        self.change(permit, |draft| draft.add_key(login, openssh_text))
    }

    /// Has an account's logins ask for a code beside password or key. Sessions opened before end.
    pub fn set_second_factor(
        &self,
        permit: Permit<Administer>,
        login: &str,
        factor: SecondFactor,
    ) -> Result<Arc<Account>, Error> {
        self.change(permit, |draft| draft.set_second_factor(login, factor))
    }

    /// Takes an account's second factor away. Sessions opened before end.
    pub fn clear_second_factor(&self, permit: Permit<Administer>, login: &str) -> Result<Arc<Account>, Error> {
        self.change(permit, |draft| draft.clear_second_factor(login))
    }

    /// Adds a password for one device of an account.
    pub fn add_device_password(
        &self,
        permit: Permit<Administer>,
        login: &str,
        new: DevicePassword,
    ) -> Result<Arc<Account>, Error> {
        self.change(permit, |draft| draft.add_device_password(login, new))
    }

    /// Takes a device password away. Sessions that it opened end.
    pub fn revoke_device_password(
        &self,
        permit: Permit<Administer>,
        login: &str,
        name: &str,
    ) -> Result<Arc<Account>, Error> {
        self.change(permit, |draft| draft.revoke_device_password(login, name))
    }

    /// Switches an account off, which ends its sessions, or on again.
    pub fn set_enabled(&self, permit: Permit<Administer>, login: &str, enabled: bool) -> Result<Arc<Account>, Error> {
        self.change(permit, |draft| draft.set_enabled(login, enabled))
    }

    /// Does the work and settles the permit with what came of it.
    pub(super) fn change<O: Operation, T>(
        &self,
        permit: Permit<O>,
        work: impl FnOnce(&mut Draft<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let result = self.commit(work);
        let (outcome, detail) = told(&result);
        permit.settle(outcome, detail);
        result
    }
}

/// What the record says came of a change.
fn told<T>(result: &Result<T, Error>) -> (Outcome, Detail) {
    match result {
        Ok(_) => (Outcome::Done, Detail::default()),
        Err(error) => {
            let reason: String = error.to_string().chars().take(MAX_REASON).collect();
            (Outcome::Failed, Detail::because(reason))
        }
    }
}
