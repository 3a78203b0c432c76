//! A contact on a matter, as `participant` and `access` name one, and what is changed about their place there.

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use crate::gate::{Manage, Permit};
use crate::names::MatterId;
use crate::practice::{Contact, Error, Matter, Party, Practice};

/// A contact on a matter.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct Whom {
    /// The matter's number
    #[arg(long, value_name = "NUMBER")]
    pub(crate) matter: String,
    /// The contact's e-mail address or id
    #[arg(long, value_name = "EMAIL|ID")]
    pub(crate) contact: String,
}

/// The two, found.
pub(super) struct Place<'a, 'o> {
    pub(super) operator: &'o Operator<'a>,
    pub(super) matter: Arc<Matter>,
    pub(super) contact: Arc<Contact>,
}

impl<'a, 'o> Place<'a, 'o> {
    pub(super) fn find(operator: &'o Operator<'a>, whom: &Whom) -> Result<Self, Problem> {
        Ok(Self { operator, matter: operator.matter(&whom.matter)?, contact: operator.contact(&whom.contact)? })
    }

    pub(super) fn party(&self) -> Party {
        Party::Contact(self.contact.id)
    }

    /// What the record and the answer call the contact.
    pub(super) fn who(&self) -> String {
        self.contact.email.clone().unwrap_or_else(|| self.contact.id.to_string())
    }

    /// A permitted change of the contact's place on the matter.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        action: &str,
        change: impl FnOnce(&Practice, Permit<Manage>, MatterId, Party) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let (matter, party) = (self.matter.id, self.party());
        let change = move |practice: &Practice, permit| change(practice, permit, matter, party);
        self.operator.change((action, &self.who(), Some(matter)), change).await
    }
}
