//! The permit of an upload.

use crate::audit::{Detail, Outcome};
use crate::gate::{Confirmation, Create, Permit, Update};
use crate::names::{AccountId, DocName, DocPath, Place};

/// Under which permit an upload runs.
pub enum Intent {
    /// A new document.
    Create(Permit<Create>),
    /// The next version of an existing one.
    Update(Permit<Update>),
}

impl Intent {
    /// The folder that holds the document.
    pub fn place(&self) -> &Place {
        match self {
            Self::Create(permit) => &permit.target().place,
            Self::Update(permit) => &permit.target().place,
        }
    }

    /// The document's name.
    pub fn name(&self) -> &DocName {
        match self {
            Self::Create(permit) => &permit.target().name,
            Self::Update(permit) => &permit.target().name,
        }
    }

    /// The version that a commit will have.
    pub fn next_version(&self) -> u64 {
        match self {
            Self::Create(_) => 1,
            Self::Update(permit) => permit.target().version + 1,
        }
    }

    /// The document's whole path.
    pub fn path(&self) -> DocPath {
        match self {
            Self::Create(permit) => permit.target().path(),
            Self::Update(permit) => permit.target().path(),
        }
    }

    /// True if it comes into a drop box.
    pub fn is_arriving(&self) -> bool {
        match self {
            Self::Create(permit) => permit.target().arriving.is_some(),
            Self::Update(permit) => permit.target().in_intake,
        }
    }

    pub(super) fn by(&self) -> AccountId {
        match self {
            Self::Create(permit) => permit.by(),
            Self::Update(permit) => permit.by(),
        }
    }

    pub(super) fn is_confirmed_by(&self, confirmation: &Confirmation) -> bool {
        match self {
            Self::Create(permit) => confirmation.is_for(permit),
            Self::Update(permit) => confirmation.is_for(permit),
        }
    }

    pub(super) fn settle(self, outcome: Outcome, detail: Detail) {
        match self {
            Self::Create(permit) => permit.settle(outcome, detail),
            Self::Update(permit) => permit.settle(outcome, detail),
        }
    }
}
