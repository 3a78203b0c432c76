//! How much may be kept: by one person, in one matter, by the firm. The tightest counts; who has none is bounded by the
//! others and by the disk.
//!
//! A quota is about what comes: one that is set below what is there takes nothing away and lets nothing in.

use super::draft::Draft;
use super::{Account, Error, Firm, Matter, Practice};
use crate::gate::{Administer, Permit};
use crate::names::{AccountId, Bytes, MatterId, Quotas};

/// What a quota is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuotaOf {
    /// All matters together.
    Firm,
    /// One matter.
    Matter(MatterId),
    /// What the account of this login uploads, into all matters together.
    Person(String),
}

impl Firm {
    /// How much may be kept in all matters, if that is bounded.
    pub fn quota(&self) -> Option<Bytes> {
        self.quota
    }

    /// What bounds an account's uploads: into a matter, or anywhere.
    pub fn quotas_for(&self, matter: Option<MatterId>, account: AccountId) -> Quotas {
        let matter = matter.and_then(|matter| self.matter(matter));
        Quotas {
            person: self.account(account).and_then(|account| account.quota),
            matter: matter.and_then(|matter| matter.quota),
            firm: self.quota,
        }
    }
}

impl Practice {
    /// Sets a quota, or takes it away. Durable on return.
    pub fn set_quota(&self, permit: Permit<Administer>, of: QuotaOf, quota: Option<Bytes>) -> Result<(), Error> {
        self.change(permit, |draft| draft.set_quota(of, quota))
    }
}

impl Draft<'_> {
    fn set_quota(&mut self, of: QuotaOf, quota: Option<Bytes>) -> Result<(), Error> {
        match of {
            QuotaOf::Firm => self.set_firm_quota(quota),
            QuotaOf::Matter(matter) => self.set_matter_quota(matter, quota)?,
            QuotaOf::Person(login) => self.set_account_quota(&login, quota)?,
        }
        Ok(())
    }

    pub(super) fn set_firm_quota(&mut self, quota: Option<Bytes>) {
        if self.firm().quota() != quota {
            self.put_quota(quota);
        }
    }

    pub(super) fn set_matter_quota(&mut self, matter: MatterId, quota: Option<Bytes>) -> Result<(), Error> {
        let before = self.known_matter(matter)?;
        if before.quota != quota {
            let mut after = Matter::clone(&before);
            after.quota = quota;
            self.put_matter(after);
        }
        Ok(())
    }

    pub(super) fn set_account_quota(&mut self, login: &str, quota: Option<Bytes>) -> Result<(), Error> {
        let before = self.account(login)?;
        if before.quota != quota {
            self.put_account(Account { quota, ..before });
        }
        Ok(())
    }
}
