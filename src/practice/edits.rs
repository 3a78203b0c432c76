//! Several changes of one thing as one, on the condition that it is still what the editor saw: of two who edit the same, the
//! second is told, and nothing is lost.

use std::sync::Arc;

use super::draft::Draft;
use super::{
    Contact, ContactChange, Error, Firm, Matter, MatterType, MatterTypeSpec, NewLink, Participant, Party, Practice,
    Switch, WatchChange,
};
use crate::gate::{Administer, Manage, Permit};
use crate::names::{Area, Bytes, ContactId, MatterId};

/// What is to be different about a matter; what is left out stays as it is.
#[derive(Debug, Clone, Default)]
pub struct MatterEdit {
    /// Whether its portal is on.
    pub portal: Option<bool>,
    /// Areas that go on or off.
    pub areas: Vec<(Area, bool)>,
    /// The login of the member of staff whose matter it is, or nobody's.
    pub owner: Option<Option<String>>,
    /// Whether document names stay out of mail.
    pub confidential: Option<bool>,
    /// Whether it is open.
    pub open: Option<bool>,
    /// How much may be kept in it, or as much as there is room.
    pub quota: Option<Option<Bytes>>,
}

/// What is to be different about an account; what is left out stays as it is.
#[derive(Debug, Clone, Default)]
pub struct AccountEdit {
    /// Whether it opens anything.
    pub enabled: Option<bool>,
    /// How much it may keep, or as much as there is room.
    pub quota: Option<Option<Bytes>>,
}

/// What is to be different for all matters; what is left out stays as it is.
#[derive(Debug, Clone, Default)]
pub struct FirmEdit {
    /// The portal and areas that go on or off.
    pub switches: Vec<(Switch, bool)>,
    /// How much may be kept, or as much as there is room.
    pub quota: Option<Option<Bytes>>,
}

/// What is to be different about a participant; what is left out stays as it is.
#[derive(Debug, Clone, Default)]
pub struct ParticipantEdit {
    /// One of the participant types of the matter's type.
    pub participant_type: Option<String>,
    /// Whether they may download.
    pub can_download: Option<bool>,
}

/// What is done about a participant's access.
pub enum AccessEdit {
    /// Whoever has a login is in at once, others get the link; an address fills a missing one in.
    Invite(Option<String>, Arc<NewLink>),
    /// Another link takes the place of those that were sent.
    Resend(Arc<NewLink>),
    /// On, without a link.
    Grant,
    /// Off for a time.
    Disable,
    /// On again.
    Enable,
    /// Off for good.
    Remove,
    /// Off the matter, without access.
    Leave,
}

/// Each method asks `is_seen` of the firm on which the change is decided, makes the whole change or none, and is durable on
/// return. All of them block.
///
/// # Errors
/// [`Error::Changed`] if `is_seen` says no, beside what the single changes can say.
impl Practice {
    /// Changes a matter.
    pub fn edit_matter(
        &self,
        permit: Permit<Manage>,
        matter: MatterId,
        is_seen: impl FnOnce(&Firm) -> bool,
        edit: MatterEdit,
    ) -> Result<Arc<Matter>, Error> {
        self.change(permit, |draft| {
            draft.as_seen(is_seen)?;
            if let Some(portal) = edit.portal {
                draft.switch_matter(matter, Switch::Portal, portal)?;
            }
            for (area, on) in edit.areas {
                draft.switch_matter(matter, Switch::Area(area), on)?;
            }
            if let Some(owner) = edit.owner {
                draft.watch_matter(matter, WatchChange::Owner(owner))?;
            }
            if let Some(confidential) = edit.confidential {
                draft.watch_matter(matter, WatchChange::Confidential(confidential))?;
            }
            if let Some(quota) = edit.quota {
                draft.set_matter_quota(matter, quota)?;
            }
            match edit.open {
                Some(true) => draft.reopen_matter(matter),
                Some(false) => draft.close_matter(matter),
                None => draft.known_matter(matter),
            }
        })
    }

    /// Changes a participant.
    pub fn edit_participant(
        &self,
        permit: Permit<Manage>,
        (matter, party): (MatterId, Party),
        is_seen: impl FnOnce(&Firm) -> bool,
        edit: ParticipantEdit,
    ) -> Result<Arc<Participant>, Error> {
        self.change(permit, |draft| {
            draft.as_seen(is_seen)?;
            if let Some(word) = edit.participant_type {
                draft.set_participant_type(matter, party, word)?;
            }
            if let Some(on) = edit.can_download {
                draft.set_can_download(matter, party, on)?;
            }
            let matter = draft.known_matter(matter)?;
            draft.known_participant(&matter, party)
        })
    }

    /// Does something about a participant's access, and gives their place after it; for who leaves, the one that they had.
    pub fn edit_access(
        &self,
        permit: Permit<Manage>,
        (matter, party): (MatterId, Party),
        is_seen: impl FnOnce(&Firm) -> bool,
        edit: AccessEdit,
    ) -> Result<Arc<Participant>, Error> {
        let contact = || match party {
            Party::Contact(contact) => Ok(contact),
            Party::Device(_) => Err(Error::Invalid("a device is not invited; grant it access".to_owned())),
        };
        self.change(permit, |draft| {
            draft.as_seen(is_seen)?;
            match edit {
                AccessEdit::Invite(email, link) => {
                    draft.invite(matter, contact()?, email.as_deref(), &link).map(|invited| invited.participant)
                }
                AccessEdit::Resend(link) => {
                    draft.resend_invitation(matter, contact()?, &link).map(|invited| invited.participant)
                }
                AccessEdit::Grant => draft.grant_access(matter, party),
                AccessEdit::Disable => draft.disable_access(matter, party),
                AccessEdit::Enable => draft.enable_access(matter, party),
                AccessEdit::Remove => draft.remove_access(matter, party),
                AccessEdit::Leave => {
                    let known = draft.known_matter(matter)?;
                    let one = draft.known_participant(&known, party)?;
                    draft.remove_participant(matter, party).map(|()| one)
                }
            }
        })
    }

    /// Gives a contact another name or e-mail address.
    pub fn edit_contact(
        &self,
        permit: Permit<Manage>,
        contact: ContactId,
        is_seen: impl FnOnce(&Firm) -> bool,
        change: ContactChange,
    ) -> Result<Arc<Contact>, Error> {
        self.change(permit, |draft| {
            draft.as_seen(is_seen)?;
            draft.change_contact(contact, change)
        })
    }

    /// Changes what holds for all matters.
    pub fn edit_firm(
        &self,
        permit: Permit<Administer>,
        is_seen: impl FnOnce(&Firm) -> bool,
        edit: FirmEdit,
    ) -> Result<(), Error> {
        self.change(permit, |draft| {
            draft.as_seen(is_seen)?;
            if let Some(quota) = edit.quota {
                draft.set_firm_quota(quota);
            }
            edit.switches.iter().try_for_each(|(switch, on)| draft.switch_firm(*switch, *on).map(drop))
        })
    }

    /// Changes an account.
    pub fn edit_account(
        &self,
        permit: Permit<Administer>,
        login: &str,
        is_seen: impl FnOnce(&Firm) -> bool,
        edit: AccountEdit,
    ) -> Result<(), Error> {
        self.change(permit, |draft| {
            draft.as_seen(is_seen)?;
            if let Some(quota) = edit.quota {
                draft.set_account_quota(login, quota)?;
            }
            edit.enabled.map_or(Ok(()), |enabled| draft.set_enabled(login, enabled).map(drop))
        })
    }

    /// Applies a matter type: a new one, or the next version of the one of its name. Existing matters keep the version
    /// with which they were made.
    pub fn edit_matter_type(
        &self,
        permit: Permit<Administer>,
        is_seen: impl FnOnce(&Firm) -> bool,
        spec: MatterTypeSpec,
    ) -> Result<Arc<MatterType>, Error> {
        self.change(permit, |draft| {
            draft.as_seen(is_seen)?;
            draft.apply_matter_type(spec)
        })
    }
}

impl Draft<'_> {
    fn as_seen(&self, is_seen: impl FnOnce(&Firm) -> bool) -> Result<(), Error> {
        if is_seen(self.firm()) { Ok(()) } else { Err(Error::Changed) }
    }
}
