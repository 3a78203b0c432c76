//! The changes that the administrator makes, each for one permit. All of them block; call them from the blocking pool.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::draft::Draft;
use super::{Account, DevicePassword, Error, Practice, SecondFactor, Switch, Switches, TypeChange};
use crate::audit::{Detail, Outcome};
use crate::gate::{Administer, Operation, Permit};
use crate::names::{Role, Scope};

/// How much of an error goes into the audit record, in characters.
const MAX_REASON: usize = 1000;

/// Each method is durable on return and then in the snapshot, or changes nothing and says why.
impl Practice {
    /// Brings every matter of a type to the type's current version, and tells what changed on each.
    pub fn push_matter_type(&self, permit: Permit<Administer>, name: &str) -> Result<Vec<TypeChange>, Error> {
        self.change(permit, |draft| draft.push_matter_type(name))
    }

    /// Switches the portal or an area for all matters.
    pub fn switch_firm(&self, permit: Permit<Administer>, switch: Switch, on: bool) -> Result<Switches, Error> {
        self.change(permit, |draft| draft.switch_firm(switch, on))
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

    /// Takes the SSH key with this fingerprint away from an account. Sessions that it opened end.
    pub fn remove_key(
        &self,
        permit: Permit<Administer>,
        login: &str,
        fingerprint: &str,
    ) -> Result<Arc<Account>, Error> {
        self.change(permit, |draft| draft.remove_key(login, fingerprint))
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
        let result = if permit.scope() < Scope::Manage {
            Err(Error::Refused("this session may look and change nothing".to_owned()))
        } else {
            self.commit(work)
        };
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
